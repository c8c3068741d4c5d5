"""Which creates can be made to happen once, and which deletes may find nothing left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from triwire.plugin.lifecycle import id_path, source_path
from triwire.plugin.model import Kind
from triwire.plugin.resources import ResultKind

if TYPE_CHECKING:
    from triwire.plugin.model import Api
    from triwire.plugin.resources import Call, Resource

__all__ = ["Creating", "Deleting", "find_creating", "find_deleting"]


@dataclass(frozen=True, slots=True)
class Creating:
    """A Create whose request may bring the id under which Get finds the resource.

    Attributes:
        method: Name of the RPC.
        id_field: The field of both requests, a UUID.
        fields: The other fields of the request with their paths in the resource, or nothing
            if one of them is not there.
    """

    method: str
    id_field: str
    fields: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Deleting:
    """A Delete.

    Attributes:
        id_field: The field of its request that names the resource.
        resource_id: Path of the same in the resource; "" if Delete answers with nothing.
    """

    id_field: str
    resource_id: str


def find_creating(api: Api, resource: Resource) -> Creating | None:
    """Return how a create is made exactly-once, or None if it cannot be.

    The client must be free to choose the id, and has to have a way to choose one that nobody
    else has: a UUID. Get must find the resource by it.
    """
    create, get = resource.call("create"), resource.call("get")
    if create is None or get is None or not get.id_field or not _is_resource(create, resource):
        return None
    request = api.messages[create.method.request]
    own, read = request.field(get.id_field), api.messages[get.method.request].field(get.id_field)
    if own is None or read is None or (own.kind, read.kind) != (Kind.STRING, Kind.STRING):
        return None
    if own.repeated or own.required or own.output_only or own.oneof or not own.is_uuid:
        return None
    pairs: list[tuple[str, str]] = []
    for field in request.fields:
        if field is own:
            continue
        path = source_path(api, resource, field)
        if path is None:
            return Creating(create.method.name, own.name, ())
        pairs.append((field.name, path))
    return Creating(create.method.name, own.name, tuple(pairs))


def find_deleting(api: Api, resource: Resource) -> Deleting | None:
    """Return what a delete that finds nothing returns, or None where there is no telling."""
    delete = resource.call("delete")
    if delete is None or not delete.id_field:
        return None
    if delete.result.kind is ResultKind.NOTHING:
        return Deleting(delete.id_field, "")
    field = api.messages[delete.method.request].field(delete.id_field)
    if field is None or not _is_resource(delete, resource):
        return None
    path = id_path(api, resource, field)
    return Deleting(delete.id_field, path) if path else None


def _is_resource(call: Call, resource: Resource) -> bool:
    """Tell whether a call returns the resource, and not a long-running operation."""
    if call.result.kind is ResultKind.FIELD:
        return True
    return call.result.kind is ResultKind.RESPONSE and call.method.response == resource.message
