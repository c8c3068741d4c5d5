"""Which resources can be watched, and where their messages show what a watch needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from triwire.plugin.lifecycle import (
    CREATED,
    DELETING,
    UPDATED,
    conditions_path,
    id_path,
    leaves,
    state_values,
    time_path,
    updated_after,
)
from triwire.plugin.model import Kind
from triwire.plugin.names import snake_case

if TYPE_CHECKING:
    from collections.abc import Iterator

    from triwire.plugin.lifecycle import Showing
    from triwire.plugin.model import Api, Field, Message
    from triwire.plugin.resources import Resource

__all__ = ["Watching", "find_watching"]

_KEYS: Final = ("uid", "id", "name")
_OWNERS: Final = ("organization_id", "project_id", "tenant_id", "account_id")
# AIP-216: states in which the server is at work on a resource.
_MOVING: Final = ("CREATING", "UPDATING", "PENDING")
# Fields of a List request that select nothing (AIP-132, AIP-158), and parameters of `watch`.
_NO_FILTERS: Final = ("order_by", "page_size", "page_token")
_TAKEN: Final = ("include", "on_expired", "options", "resume", "where")
# metav1.Condition of Kubernetes: what such a message says of the condition that `type` names.
_SAID: Final = ("message", "reason", "severity", "status")
_COMPARABLE: Final = (Kind.BOOL, Kind.ENUM, Kind.INT, Kind.STRING)


@dataclass(frozen=True, slots=True)
class Watching:
    """Paths and names as the runtime's WatchKind takes them, "" for what is not there.

    Attributes:
        items: The field of the List response that holds the resources.
        updated_after: The field of the List request.
        get_id: The field of the Get request that names the resource, "" without such a Get.
        key: Path of the unique name.
        created: Path of the time of creation.
        updated: Path of the time of the last change.
        owner: Path of the tenant's name.
        state: Path of the state enum.
        moving: Names of states.
        deleting: Names of states.
        filters: Pairs of a field of the List request and its path in the resource.
        keywords: Fields of the List request that `watch` takes.
        sets: Paths of repeated fields without order.
        keyed: Paths of repeated messages without order, with the fields that tell them apart.
    """

    items: str
    updated_after: str
    get_id: str
    key: str
    created: str
    updated: str
    owner: str
    state: str
    moving: tuple[str, ...]
    deleting: tuple[str, ...]
    filters: tuple[tuple[str, str], ...]
    keywords: tuple[Field, ...]
    sets: tuple[str, ...]
    keyed: tuple[tuple[str, tuple[str, ...]], ...]


def find_watching(api: Api, resource: Resource, showing: Showing | None) -> Watching | None:
    """Return how to watch, or None where List does not take the time of the last change.

    A resource must show a unique name, when it was created and when it was last changed.
    """
    listing = resource.call("list")
    if listing is None:
        return None
    request = api.messages[listing.method.request]
    after = updated_after(request)
    if not after:
        return None
    message = api.messages[resource.message]
    key, get_id = _key(api, resource)
    state = showing.state if showing is not None else ""
    created, updated = (time_path(api, message, state, names) for names in (CREATED, UPDATED))
    if not (key and created and updated):
        return None
    values = state_values(api, message, state) if state else {}
    conditions = conditions_path(api, message, state)
    others = [f for f in request.fields if f.name != after and f.name not in _NO_FILTERS]
    paths = [(field.name, _compared(api, message, field)) for field in others]
    return Watching(
        items=listing.result.field,
        updated_after=after,
        get_id=get_id,
        key=key,
        created=created,
        updated=updated,
        owner=_owner(api, message),
        state=state,
        moving=tuple(values[name] for name in _MOVING if name in values),
        deleting=tuple(values[name] for name in DELETING if name in values),
        filters=tuple((name, path) for name, path in paths if path),
        keywords=tuple(field for field in others if field.name not in _TAKEN),
        sets=tuple(_sets(api, message, "", ())),
        keyed=((conditions, _condition_keys(api, message, conditions)),) if conditions else (),
    )


def _key(api: Api, resource: Resource) -> tuple[str, str]:
    """Return the path of the unique name, and the field of Get that takes it."""
    get, message = resource.call("get"), api.messages[resource.message]
    if get is not None and get.id_field:
        field = api.messages[get.method.request].field(get.id_field)
        if field is not None and field.kind is Kind.STRING:
            path = id_path(api, resource, field)
            if path:
                return path, get.id_field
    for name in (*_KEYS, f"{snake_case(resource.noun)}_id"):
        for path, field, _ in leaves(api, message):
            if field.name == name and field.kind is Kind.STRING and not field.repeated:
                return path, ""
    return "", ""


def _owner(api: Api, message: Message) -> str:
    found = [
        path
        for name in _OWNERS
        for path, field, _ in leaves(api, message)
        if field.name == name and field.kind is Kind.STRING and not field.repeated
    ]
    return found[0] if found else ""


def _compared(api: Api, message: Message, field: Field) -> str:
    """Return what a filter is compared with: `parent_shelf_id` with `shelf_id` or `shelf_ids`."""
    if field.kind not in _COMPARABLE or field.repeated:
        return ""
    bare = field.name.removeprefix("parent_")
    for name, repeated in ((field.name, False), (bare, False), (f"{bare}s", True)):
        for path, other, _ in leaves(api, message):
            same = (other.kind, other.type_name) == (field.kind, field.type_name)
            if other.name == name and other.repeated is repeated and same:
                return path
    return ""


def _sets(api: Api, message: Message, prefix: str, parents: tuple[str, ...]) -> Iterator[str]:
    """Yield the repeated scalars whose values are declared to be unique: sets, in effect."""
    for field in message.fields:
        path = f"{prefix}{field.name}"
        if field.kind is Kind.MESSAGE:
            inner = api.messages[field.type_name]
            # A type that holds itself has no end of paths.
            if inner.full_name not in parents and not inner.full_name.startswith("google."):
                yield from _sets(api, inner, f"{path}.", (*parents, inner.full_name))
        elif field.repeated and field.rules.get("repeated", {}).get("unique"):
            yield path


def _condition_keys(api: Api, message: Message, path: str) -> tuple[str, ...]:
    """Return `type`, as in Kubernetes, and what else says which condition it is, such as a zone."""
    parents = path.split(".")
    for name in parents:
        field = message.field(name)
        if field is None:
            return ()
        message = api.messages[field.type_name]
    texts = [f.name for f in message.fields if f.kind is Kind.STRING and not f.repeated]
    if "type" not in texts:
        return ()
    return ("type", *(name for name in texts if name not in (*_SAID, "type")))
