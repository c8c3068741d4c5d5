"""When the next poll, the next full list and the next Get of a vanishing object are due."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random

    from triwire.watch.options import WatchOptions

_CLEAN_LISTS_TO_GROW = 5
_RELIST_GROWTH = 1.5
_CLEAN_SECONDS_TO_NARROW = 3600.0
_LATE_TO_WIDEN = 3
_LATE_WINDOW_SECONDS = 600.0


def jittered(seconds: float, *, share: float, rng: random.Random) -> float:
    """Vary a duration by up to a share of it, either way."""
    return seconds * (1 + share * (2 * rng.random() - 1))


@dataclass(slots=True)
class PollPace:
    """The interval between polls: fast while something moves, growing to idle when not."""

    options: WatchOptions
    interval_seconds: float

    def after_poll(self, *, busy: bool) -> float:
        """Give the next interval, before jitter."""
        if busy:
            self.interval_seconds = self.options.fast_interval_seconds
        else:
            self.interval_seconds = min(
                self.options.idle_interval_seconds,
                self.interval_seconds * self.options.interval_growth,
            )
        return self.interval_seconds


class RelistPace:
    """The interval between full lists: shorter when they repair, longer when they find nothing.

    A repair is a change that the polls should have delivered and had not. A deletion is none, but
    it keeps the interval from growing: outside the watermark's reach only lists find it.
    """

    def __init__(self, options: WatchOptions) -> None:
        self._options = options
        self._clean = 0
        self._floor = 0.0
        self.interval_seconds = options.relist_interval_seconds

    def after_list(
        self, *, repaired: bool, found: bool, took_seconds: float, size_bytes: int
    ) -> float:
        """Give the interval until the next full list, before jitter.

        Args:
            repaired: It delivered changes that polls had missed.
            found: It found anything new at all, deletions included.
            took_seconds: How long request and answer took.
            size_bytes: Size of the answer.
        """
        options = self._options
        self._clean = 0 if found or repaired else self._clean + 1
        if repaired:
            self.interval_seconds = max(
                options.min_relist_interval_seconds, self.interval_seconds / 2
            )
        elif found:
            self.interval_seconds = min(self.interval_seconds, options.relist_interval_seconds)
        elif self._clean >= _CLEAN_LISTS_TO_GROW:
            self._clean = 0
            self.interval_seconds = min(
                options.max_relist_interval_seconds, self.interval_seconds * _RELIST_GROWTH
            )
        self._floor = took_seconds / options.max_relist_duty
        if options.max_relist_bytes_per_second:
            self._floor = max(self._floor, size_bytes / options.max_relist_bytes_per_second)
        return self.at_least(self.interval_seconds)

    def at_least(self, seconds: float) -> float:
        """Stretch an interval to what the duty cycle and the byte rate allow."""
        return max(seconds, self._floor)


class VisibilityBound:
    """How long to wait before believing that earlier writes are visible: adapts to evidence."""

    def __init__(self, options: WatchOptions, *, now: float, seconds: float | None = None) -> None:
        self._least = options.visibility_bound_seconds
        self._most = options.max_visibility_bound_seconds
        self._late: list[float] = []
        self._clean_since = now
        start = self._least if seconds is None else seconds
        self.seconds = min(max(start, self._least), self._most)

    def late(self, at: float) -> bool:
        """Note a change stamped below the closed watermark; three in ten minutes widen it."""
        self._late = [when for when in self._late if when > at - _LATE_WINDOW_SECONDS]
        self._late.append(at)
        self._clean_since = at
        return len(self._late) >= _LATE_TO_WIDEN and self.widen(at)

    def widen(self, at: float) -> bool:
        """Double it, up to the limit."""
        self._late, self._clean_since = [], at
        before, self.seconds = self.seconds, min(self._most, self.seconds * 2)
        return self.seconds > before

    def settle(self, at: float) -> None:
        """Halve it after a clean hour, down to the configured value."""
        if self.seconds > self._least and at >= self._clean_since + _CLEAN_SECONDS_TO_NARROW:
            self._clean_since = at
            self.seconds = max(self._least, self.seconds / 2)


class HotGets:
    """Objects in deletion, each asked for by Get at geometrically growing intervals."""

    def __init__(self, options: WatchOptions) -> None:
        self._options = options
        self._next: dict[str, tuple[float, float]] = {}

    def start(self, key: str, *, at: float) -> None:
        """Begin to watch a key, if it is not watched yet."""
        fast = self._options.fast_interval_seconds
        self._next.setdefault(key, (at + fast, fast))

    def stop(self, key: str) -> None:
        """Watch a key no longer."""
        self._next.pop(key, None)

    def asked(self, key: str, *, at: float) -> None:
        """Put off the next Get of a key after one at a local time."""
        if key in self._next:
            delay = self._next[key][1]
            grown = min(self._options.idle_interval_seconds, delay * self._options.interval_growth)
            self._next[key] = (at + grown, grown)

    @property
    def too_many(self) -> bool:
        """Whether full lists are cheaper."""
        return len(self._next) > self._options.hot_limit

    def first(self, *, busy: set[str]) -> tuple[float, str] | None:
        """Give the earliest (due, key) that is not in flight, or None."""
        if self.too_many:
            return None
        waiting = [(due, key) for key, (due, _) in self._next.items() if key not in busy]
        return min(waiting) if waiting else None

    def __contains__(self, key: object) -> bool:
        return key in self._next

    def __len__(self) -> int:
        return len(self._next)
