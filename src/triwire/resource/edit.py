"""The parts of read-modify-write that need no I/O."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, cast

from google.protobuf.message import Message

from triwire.codec.reflection import is_repeated

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Change", "changed_request", "mask_changes", "update_request"]

MessageT = TypeVar("MessageT", bound=Message)

# Changes a request in place, or returns another one to send.
Change: TypeAlias = Callable[[MessageT], MessageT | None]


def update_request(
    message_type: type[MessageT], resource: Message, fields: Iterable[tuple[str, str]]
) -> MessageT:
    """Return the Update request that would leave a resource as it is.

    Args:
        message_type: The request's class.
        resource: The resource as it is now.
        fields: Pairs of a field of the request and where the resource has its value: a dotted
            path, or "" for the whole resource. Both ends have the same type; numbers may
            differ. What the resource does not have set stays unset.
    """
    request = message_type()
    for name, path in fields:
        _copy(request, name, resource, path)
    return request


def changed_request(method: str, request: MessageT, change: Change[MessageT]) -> MessageT:
    """Apply the caller's change and return what is to be sent.

    Args:
        method: Name of the method for error texts.
        request: Handed to `change`, which may mutate it.
        change: Returns None, or a request to send instead.

    Raises:
        TypeError: it returned something else; a coroutine, too, cannot be used here.
    """
    result: object = change(request)
    if result is None:
        return request
    if isinstance(result, type(request)):
        return result
    if inspect.iscoroutine(result):
        result.close()
    raise TypeError(
        f"{method}(): expected the function to change the request in place and return None, or "
        f"to return a {request.DESCRIPTOR.full_name} message, got {type(result).__name__}"
    )


def mask_changes(request: Message, *, mask: str, field: str, before: Message) -> None:
    """Name in a request's field mask the top-level fields of the resource that were changed.

    A mask that is already there stays. Needed where a server reads "no mask" as "all fields
    that are set" (AIP-134): what was cleared would otherwise stay as it was.

    Args:
        request: The Update request, changed by the caller.
        mask: Its google.protobuf.FieldMask field.
        field: Its field that holds the resource.
        before: The resource before the change.
    """
    paths = getattr(request, mask).paths
    if paths:
        return
    after: Message = getattr(request, field)
    paths.extend(
        name
        for name, descriptor in before.DESCRIPTOR.fields_by_name.items()
        if _differs(before, after, descriptor)
    )


def _differs(before: Message, after: Message, field: Any) -> bool:  # noqa: ANN401 - the stubs name two classes
    if field.has_presence and before.HasField(field.name) != after.HasField(field.name):
        return True
    return bool(getattr(before, field.name) != getattr(after, field.name))


def _copy(request: Message, name: str, resource: Message, path: str) -> None:
    if not path:
        getattr(request, name).CopyFrom(resource)
        return
    *parents, last = path.split(".")
    source = resource
    for parent in parents:
        source = cast("Message", getattr(source, parent))
    field = cast("Any", source.DESCRIPTOR.fields_by_name[last])
    value = getattr(source, last)
    if is_repeated(field):
        getattr(request, name).MergeFrom(value)
    elif field.has_presence and not source.HasField(last):
        return
    elif isinstance(value, Message):
        getattr(request, name).CopyFrom(value)
    else:
        setattr(request, name, value)
