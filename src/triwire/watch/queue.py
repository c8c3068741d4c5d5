"""What a subscriber has not taken yet: at most two events per object, however slow it is.

Two events of one object that nobody has taken become one that says the same:

| waiting | comes | left |
|---|---|---|
| Added | Modified | Added, with the newer object |
| Modified | Modified | Modified, from the first old state to the newer object |
| Added | Deleted | nothing: the subscriber never knew it |
| Modified | Deleted | Deleted |
| Deleted | Added | both, in this order |

So any rhythm of taking sees a legal history, `(Added Modified* Deleted)*`, and ends in the state
of the source. What is joined keeps the place of the older event: nothing moves behind a Bookmark or
Synced that came after it. Of the markers only the latest Bookmark and the latest Failed wait.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from triwire.watch.events import Added, Bookmark, Deleted, Event, Failed, Modified

if TYPE_CHECKING:
    from collections.abc import Iterable

    from triwire.watch.events import ObjectEvent

T = TypeVar("T")

_BOOKMARK: Final = 1
_FAILED: Final = 2
_FIRST_FREE: Final = 3


class CoalescingQueue(Generic[T]):
    """Events in order of arrival, joined per object."""

    def __init__(self) -> None:
        # By the object's key, or for a marker by a number.
        self._waiting: OrderedDict[str | int, list[Event[T]]] = OrderedDict()
        self._next_marker = _FIRST_FREE

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def put(self, event: Event[T]) -> None:
        """Add an event, joined with what waits for the same object."""
        if not isinstance(event, Added | Modified | Deleted):
            self._put_marker(event)
            return
        waiting = self._waiting.get(event.identity.key)
        if waiting is None:
            self._waiting[event.identity.key] = [event]
            return
        last: Event[T] = waiting[-1]
        if not isinstance(last, Added | Modified | Deleted):
            raise TypeError(f"expected events of objects under a key, got {last!r}")
        waiting[-1:] = _joined(last, event)
        if not waiting:
            del self._waiting[event.identity.key]

    def _put_marker(self, event: Event[T]) -> None:
        if isinstance(event, Bookmark | Failed):
            key = _BOOKMARK if isinstance(event, Bookmark) else _FAILED
            self._waiting.pop(key, None)
        else:
            key = self._next_marker
            self._next_marker += 1
        self._waiting[key] = [event]

    def extend(self, events: Iterable[Event[T]]) -> None:
        """Add events in order."""
        for event in events:
            self.put(event)

    def take(self) -> Event[T] | None:
        """Remove and return the oldest event, or None if none waits."""
        if not self._waiting:
            return None
        key, events = next(iter(self._waiting.items()))
        event = events.pop(0)
        if not events:
            del self._waiting[key]
        return event


def _joined(last: ObjectEvent[T], event: ObjectEvent[T]) -> list[Event[T]]:
    """Return what is left of two events of one object."""
    if isinstance(event, Deleted):
        return [] if isinstance(last, Added) else [event]
    if isinstance(last, Deleted):
        return [last, event]
    if isinstance(last, Added):
        return [
            Added(
                event.object,
                identity=event.identity,
                reason=last.reason,
                observed_at_seconds=event.observed_at_seconds,
            )
        ]
    changed = event.changed if isinstance(event, Modified) else frozenset[str]()
    return [
        Modified(
            event.object,
            last.old,
            # Of all steps together: naming too much is safe, and comparing again is not cheap.
            last.changed | changed,
            identity=event.identity,
            reason=event.reason,
            observed_at_seconds=event.observed_at_seconds,
        )
    ]
