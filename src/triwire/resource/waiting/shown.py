"""What one answer shows of a resource, and which of two answers is the newer one. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, Generic

from triwire.resource.lifecycle import Lifecycle, ResourceT
from triwire.watch.stamps import to_ns

if TYPE_CHECKING:
    from google.protobuf.message import Message

__all__ = ["Shown", "conditions_of", "id_of", "is_newer", "look", "words"]

# Digits that wires and users cut off: datetime ends at microseconds, and a server may show
# milliseconds or seconds.
_PRECISIONS_NS: Final = (1_000_000_000, 1_000_000, 1_000)


@dataclass(frozen=True, slots=True)
class Shown(Generic[ResourceT]):
    """A resource as one answer showed it.

    Attributes:
        resource: All of it.
        state: Name of its state, "" where the kind has none.
        created_ns: When it was created, 0 if unknown.
        updated_ns: When it last changed, 0 if unknown.
        disabled: Whether it is disabled.
    """

    resource: ResourceT
    state: str
    created_ns: int
    updated_ns: int
    disabled: bool

    def has_condition_since(self, stamp_ns: int, lifecycle: Lifecycle[ResourceT]) -> bool:
        """Tell whether one of the conditions changed after an instant."""
        field = lifecycle.condition_updated_at
        if not field:
            return False
        conditions = conditions_of(self.resource, lifecycle)
        return any(is_newer(_stamp(condition, field), stamp_ns) for condition in conditions)


def look(lifecycle: Lifecycle[ResourceT], resource: ResourceT) -> Shown[ResourceT]:
    """Read from a resource what its lifecycle knows the places of."""
    return Shown(
        resource,
        state=_enum_name(resource, lifecycle.state) if lifecycle.state else "",
        created_ns=_stamp(resource, lifecycle.created_at),
        updated_ns=_stamp(resource, lifecycle.updated_at),
        disabled=bool(lifecycle.disabled and _value(resource, lifecycle.disabled)),
    )


def is_newer(stamp_ns: int, than_ns: int) -> bool:
    """Tell whether a stamp is later than another, at the coarser precision of the two.

    A resource that went through JSON or a datetime has lost digits: the same instant, shown in
    full, must not pass for a later one.
    """
    for precision in _PRECISIONS_NS:
        if stamp_ns % precision == 0 or than_ns % precision == 0:
            return stamp_ns // precision > than_ns // precision
    return stamp_ns > than_ns


def id_of(lifecycle: Lifecycle[ResourceT], target: ResourceT | str) -> str:
    """Return the id of what a caller wants to wait for.

    Raises:
        TypeError: neither a resource of the kind nor a string.
        ValueError: there is no id in it.
    """
    wanted = f"a {lifecycle.resource_type.DESCRIPTOR.full_name} message or an id"
    if isinstance(target, str):
        found: object = target
    elif isinstance(target, lifecycle.resource_type) and lifecycle.resource_id:
        found = _value(target, lifecycle.resource_id)
    else:
        raise TypeError(f"expected {wanted}, got {type(target).__name__}")
    if not found:
        raise ValueError(f"expected {wanted}, got one that is empty")
    return str(found)


def conditions_of(resource: Message, lifecycle: Lifecycle[Any]) -> list[Message]:
    """Return the messages that explain the state."""
    return list(_value(resource, lifecycle.conditions)) if lifecycle.conditions else []


def words(condition: Message) -> str:
    """Return what a condition says: the fields that Kubernetes' conditions have, if it has them."""
    texts = [getattr(condition, name, "") for name in ("type", "reason", "message")]
    return " ".join(text for text in texts if isinstance(text, str) and text)


def _value(resource: Message, path: str) -> Any:  # noqa: ANN401 - whatever the field holds
    return attrgetter(path)(resource)


def _stamp(resource: Message, path: str) -> int:
    return to_ns(_value(resource, path)) if path else 0


def _enum_name(resource: Message, path: str) -> str:
    *parents, last = path.split(".")
    holder: Any = _value(resource, ".".join(parents)) if parents else resource
    number = getattr(holder, last)
    known = holder.DESCRIPTOR.fields_by_name[last].enum_type.values_by_number.get(number)
    return str(number) if known is None else str(known.name)
