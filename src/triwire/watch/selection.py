"""The caller's own filter: what of a stream of all objects one subscriber sees.

It runs where the subscriber takes its events, so a predicate that is slow or raises concerns nobody
else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from triwire.watch.events import Added, Deleted, Modified, Reason, Synced

if TYPE_CHECKING:
    from collections.abc import Callable

    from triwire.watch.events import Event, ObjectEvent

T = TypeVar("T")


class Selection(Generic[T]):
    """Turns events of all objects into a legal history of those that a predicate selects.

    An object that begins to match is Added (`reason` reselected if it was known before), one that
    ceases to is Deleted (`reason` deselected) with the live object.

    Args:
        where: The predicate; whatever it raises comes out of `of`.
        is_resumed: The stream goes on from a token, which does not say what was selected: an object
            is then taken for selected until it is seen, so what ceased to match meanwhile is
            reported as Deleted, perhaps for nothing.
    """

    def __init__(self, where: Callable[[T], bool], *, is_resumed: bool) -> None:
        self._where = where
        self._is_resumed = is_resumed
        self._selected: set[str] = set()
        self._left: set[str] = set()

    def of(self, event: Event[T]) -> Event[T] | None:
        """Return what the subscriber sees of an event, or None for nothing."""
        if isinstance(event, Added | Modified | Deleted):
            return self._of_object(event)
        if isinstance(event, Synced) and not self._is_resumed:
            return Synced(event.reason, event.keys & self._selected)
        return event

    def _of_object(self, event: ObjectEvent[T]) -> Event[T] | None:
        key = event.identity.key
        was = key in self._selected
        if isinstance(event, Modified) and self._is_resumed and key not in self._left:
            was = was or event.old is None or bool(self._where(event.old))
        elif isinstance(event, Deleted) and self._is_resumed and key not in self._left:
            was = was or bool(self._where(event.object))
        if isinstance(event, Deleted):
            self._selected.discard(key)
            self._left.discard(key)
            return event if was else None
        if self._where(event.object):
            self._selected.add(key)
            self._left.discard(key)
            return event if was or isinstance(event, Added) else _entered(event)
        self._selected.discard(key)
        if self._is_resumed:
            self._left.add(key)
        return _left(event) if was else None


def _entered(event: Modified[T]) -> Added[T]:
    return Added(
        event.object,
        identity=event.identity,
        reason=Reason.RESELECTED,
        observed_at_seconds=event.observed_at_seconds,
    )


def _left(event: ObjectEvent[T]) -> Deleted[T]:
    return Deleted(
        event.object,
        identity=event.identity,
        reason=Reason.DESELECTED,
        observed_at_seconds=event.observed_at_seconds,
    )
