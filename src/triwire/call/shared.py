"""What several calls of one client have in common for a while."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from triwire._io import new_lock

if TYPE_CHECKING:
    from collections.abc import Hashable

__all__ = ["Shared"]


class Shared:
    """Things by key, for all views of one client.

    Attributes:
        lock: To be held while `held`, or something in it, is used; never while waiting.
        held: The things, each with a method `close`, which is called with the lock held. Whoever
            puts one here takes it out when it has no use any more.
    """

    __slots__ = ("held", "lock")

    def __init__(self) -> None:
        self.lock = new_lock()
        self.held: dict[Hashable, Any] = {}

    def close(self) -> None:
        """Close everything that is held."""
        with self.lock:
            for thing in self.held.values():
                thing.close()
