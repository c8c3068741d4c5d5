"""Objects that the next poll must return, found without looking at all of them.

A poll asks from below the closed watermark, so it always asks for something that is known already.
If that does not come back, it was deleted or the answer is incomplete; silence has a meaning. The
index keeps (stamp, key) sorted, so a poll looks only at the stamps above the one that it asked
from, however many objects there are.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_FEW = 32
_SLACK = 64


class StampIndex:
    """Sorted (stamp, key) pairs. Removal is lazy: the reader skips what its rows contradict."""

    def __init__(self) -> None:
        self._sorted: list[tuple[int, str]] = []
        self._added: list[tuple[int, str]] = []

    def add(self, stamp_ns: int, key: str) -> None:
        """Note that a key has this stamp; what it had before becomes a leftover."""
        self._added.append((stamp_ns, key))

    def since(self, stamp_ns: int) -> Iterator[tuple[int, str]]:
        """Give the pairs at or above a stamp, leftovers included."""
        self._merge()
        for at in range(bisect_left(self._sorted, (stamp_ns, "")), len(self._sorted)):
            yield self._sorted[at]

    def needs_compaction(self, live: int) -> bool:
        """Tell whether leftovers outnumber the live objects."""
        return len(self._sorted) + len(self._added) > 2 * live + _SLACK

    def rebuild(self, pairs: Iterator[tuple[int, str]]) -> None:
        """Start anew from the live objects; a linear cost, paid once per that many changes."""
        self._sorted, self._added = sorted(pairs), []

    def _merge(self) -> None:
        if len(self._added) <= _FEW:
            for pair in self._added:
                insort(self._sorted, pair)
        else:
            # Timsort merges the sorted front with the new tail in linear time.
            self._sorted += self._added
            self._sorted.sort()
        self._added = []
