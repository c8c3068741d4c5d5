"""Create that happens once, Delete that may find nothing left. Pure.

A call whose answer was lost may have been executed. Trying it again is then safe only if the
second execution can be told from the first:

- Create sends an id of the client's choice. A server that has it refuses another with
  ALREADY_EXISTS, and a Get by that id says whether the refusal was about the first attempt.
- Delete that finds nothing after a lost attempt did what was asked for.

Both need a server that keeps ids unique; nothing here helps with one that takes a second
create with the same id for a new one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar, cast

from google.protobuf.message import Message

from triwire.errors import Code, RpcError
from triwire.resource.edit import update_request

if TYPE_CHECKING:
    from collections.abc import Callable

    from triwire.spec import CallOptions, MethodSpec

__all__ = [
    "Creation",
    "Deletion",
    "differing_fields",
    "is_gone",
    "is_in_doubt",
    "ours",
    "read_options",
    "remains",
    "resource_in",
    "with_id",
    "with_id_noted",
]

ResourceT = TypeVar("ResourceT", bound=Message)
RequestT = TypeVar("RequestT", bound=Message)

# What a call may end with although the server executed it.
_UNKNOWN_OUTCOME: Final = frozenset(
    {Code.UNAVAILABLE, Code.DEADLINE_EXCEEDED, Code.UNKNOWN, Code.INTERNAL, Code.CANCELLED}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Creation(Generic[ResourceT]):
    """How a kind of resource is created exactly once. Made by generated code.

    Attributes:
        resource_type: Its message class.
        create: The method that creates one.
        envelope: The field of its response that holds the resource, "" if it is the resource.
        get: The method that reads one.
        get_envelope: As `envelope`, for `get`.
        id_field: The field of both requests that holds the id, a UUID that the client may
            choose.
        fields: Every other field of the create request with its path in the resource, or
            nothing where some of them cannot be found there.
    """

    resource_type: type[ResourceT]
    create: MethodSpec[Any, Any]
    envelope: str = ""
    get: MethodSpec[Any, Any]
    get_envelope: str = ""
    id_field: str
    fields: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Deletion(Generic[ResourceT]):
    """What is left of a kind of resource after its deletion. Made by generated code.

    Attributes:
        resource_type: Its message class.
        delete: The method that deletes one.
        envelope: The field of its response that holds the resource, "" if it is the resource.
        id_field: The field of the request that names it.
        resource_id: Path of the same in the resource.
    """

    resource_type: type[ResourceT]
    delete: MethodSpec[Any, Any]
    envelope: str = ""
    id_field: str
    resource_id: str


def with_id(request: RequestT, id_field: str, new_id: Callable[[], str]) -> RequestT:
    """Return the request with an id: itself if the caller chose one, else a copy with a new one."""
    if getattr(request, id_field):
        return request
    copy = type(request)()
    copy.CopyFrom(request)
    setattr(copy, id_field, new_id())
    return copy


def resource_in(response: Message, envelope: str) -> Any:  # noqa: ANN401 - generated code knows the type
    """Return the resource that a response holds."""
    return getattr(response, envelope) if envelope else response


def is_in_doubt(error: RpcError) -> bool:
    """Whether a create may have been refused because of its own first attempt."""
    return error.code is Code.ALREADY_EXISTS and error.attempts > 1


def is_gone(error: RpcError) -> bool:
    """Whether a delete may have found nothing because of its own first attempt."""
    return error.code is Code.NOT_FOUND and error.attempts > 1


def with_id_noted(error: RpcError, request: Message, id_field: str) -> RpcError:
    """Return a create's error with a note that says where to look, if it was executed at all."""
    if error.code in _UNKNOWN_OUTCOME:
        error.add_note(
            f"it may have been created all the same, with the id {getattr(request, id_field)}"
        )
    return error


def read_options(
    options: CallOptions, conflict: RpcError, *, started: float, now: float
) -> CallOptions:
    """Return options for the Get that settles a conflict, with the time that the create has left.

    Raises:
        RpcError: DEADLINE_EXCEEDED, there is none.
    """
    total = options.timeout_seconds
    if total is None:
        return options
    left = started + total - now
    if left <= 0:
        raise RpcError(Code.DEADLINE_EXCEEDED, f"no answer within {total:g} s") from conflict
    return replace(options, timeout_seconds=left)


def ours(
    creation: Creation[ResourceT],
    response: Message,
    conflict: RpcError,
    *,
    request: Message,
    chosen: bool,
) -> ResourceT:
    """Return the resource that a Get found under the id, if the create made it.

    Args:
        creation: The kind of resource.
        response: What Get answered.
        conflict: The ALREADY_EXISTS.
        request: The create request, with its id.
        chosen: Whether the id is the caller's: then somebody else may have used it, too.

    Raises:
        RpcError: the conflict: the resource is not what was to be created.
    """
    found = cast("ResourceT", resource_in(response, creation.get_envelope))
    if not chosen:
        return found
    if not creation.fields:
        conflict.add_note("whether an earlier attempt created it cannot be told from the resource")
        raise conflict
    other = differing_fields(creation, request, found)
    if other:
        conflict.add_note(f"what exists under this id has other values of {', '.join(other)}")
        raise conflict
    return found


def differing_fields(
    creation: Creation[ResourceT], request: Message, resource: ResourceT
) -> list[str]:
    """Return the fields of a create request that the resource has other values of.

    A field that is set on one side only differs, too: what a server fills in by itself cannot
    be told from what somebody else asked for.
    """
    there = update_request(type(request), resource, creation.fields)
    return [name for name, _ in creation.fields if _alone(request, name) != _alone(there, name)]


def _alone(message: Message, name: str) -> Message:
    copy = type(message)()
    copy.CopyFrom(message)
    for field in message.DESCRIPTOR.fields:
        if field.name != name:
            copy.ClearField(field.name)
    return copy


def remains(deletion: Deletion[ResourceT], request: Message) -> ResourceT:
    """Return a resource of which only the id is known."""
    resource = deletion.resource_type()
    holder: Any = resource
    *parents, last = deletion.resource_id.split(".")
    for name in parents:
        holder = getattr(holder, name)
    setattr(holder, last, getattr(request, deletion.id_field))
    return resource
