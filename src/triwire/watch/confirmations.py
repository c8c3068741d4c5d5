"""Gets that are due: by key, each at the earliest time that somebody asked for."""

from __future__ import annotations

import heapq


class Confirmations:
    """A queue of keys by due time. Asking again for a key can only move it forward."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, str]] = []
        self._due: dict[str, float] = {}

    def ask(self, key: str, *, at: float) -> None:
        """Want a Get of a key that starts at a local time or later."""
        due = self._due.get(key)
        if due is None or at < due:
            self._due[key] = at
            heapq.heappush(self._heap, (at, key))

    def settle(self, key: str) -> None:
        """Drop what was wanted for a key."""
        self._due.pop(key, None)

    def settle_due(self, now: float) -> None:
        """Drop everything that was wanted by now: a full list has answered it."""
        for key in [key for key, due in self._due.items() if due <= now]:
            del self._due[key]

    def first(self, *, busy: frozenset[str] | set[str]) -> tuple[float, str] | None:
        """Give the earliest (due, key) that is not in flight, or None."""
        while self._heap and self._due.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        if not self._heap or self._heap[0][1] not in busy:
            return self._heap[0] if self._heap else None
        waiting = [(due, key) for key, due in self._due.items() if key not in busy]
        return min(waiting) if waiting else None

    def __contains__(self, key: object) -> bool:
        return key in self._due

    def __len__(self) -> int:
        return len(self._due)
