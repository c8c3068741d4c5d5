"""Where the next poll asks from, and what its answer does to the watermark."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from triwire.watch.actions import ListAction, ListAll, ListSince, Why
from triwire.watch.plausible import StampLimit
from triwire.watch.stamps import NS_PER_SECOND, duration_ns
from triwire.watch.tail import Tail
from triwire.watch.watermark import Watermark

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from triwire.watch.observation import ListAnswer
    from triwire.watch.options import WatchOptions
    from triwire.watch.pace import VisibilityBound

T = TypeVar("T")

# Before the closed watermark has a value, polls ask from this far below the greatest stamp, plus
# the visibility bound; nothing depends on it, since the second full list covers everything.
_BOOT_WINDOW_SECONDS: Final = 60.0
# What counts as a stamp in the future, for the counter alone.
_FUTURE_NS: Final = 10 * NS_PER_SECOND
# In greatest visibility bounds: older changes that come late say nothing about the bound.
_ANCIENT_BOUNDS: Final = 5.0
# How many visibility bounds the watermark stays reopened after a late change.
_REOPEN_BOUNDS: Final = 3.0


class Cursor:
    """The watermark with everything that guards it: the stamp limit, the tail and the ladder.

    Args:
        options: See WatchOptions.
        bound: The visibility bound, shared with the merge rules.
        count: Adds one to a named counter.
        now: Local monotonic time of the construction.
    """

    def __init__(
        self,
        options: WatchOptions,
        bound: VisibilityBound,
        *,
        count: Callable[[str], None],
        now: float,
    ) -> None:
        self._options = options
        self._bound = bound
        self._count = count
        self._limit = StampLimit(slack_seconds=options.stamp_slack_seconds)
        self._tail = Tail(options.tail_limit)
        self._next_rungs = [now + every for every, _ in options.ladder]
        self._keep_seconds = max((window for _, window in options.ladder), default=0.0)
        self.watermark = Watermark()

    @property
    def late_below_ns(self) -> int | None:
        """A change stamped at or below this should have been delivered by an earlier poll."""
        peak = self.watermark.peak_ns
        return None if peak is None else peak - self._options.guard_ns

    def is_ancient(self, stamp_ns: int) -> bool:
        """Tell whether a new object is stamped so long ago that no bound could have helped.

        The caller may see it only now, say: no reason to widen the bound, let alone to ask for
        everything since.
        """
        peak, longest = self.watermark.peak_ns, self._options.max_visibility_bound_seconds
        return peak is not None and stamp_ns < peak - duration_ns(_ANCIENT_BOUNDS * longest)

    def close_at(self) -> float | None:
        """Give when a full list can give the closed watermark its first value, if it has none."""
        watermark = self.watermark
        if watermark.closed_ns is None and watermark.seen:
            return watermark.seen[0][0] + self._bound.seconds
        return None

    def plan(self, now: float) -> ListSince:
        """Give the poll to send now; the open watermark must be known."""
        return self._rung(now) or ListSince(self._cursor_ns(now))

    def _rung(self, now: float) -> ListSince | None:
        closed = self.watermark.closed_ns
        for index, (_, window) in enumerate(self._options.ladder):
            if now >= self._next_rungs[index]:
                start = self.watermark.closed_before(now - window)
                if start is not None and closed is not None and start < closed:
                    return ListSince(start - self._options.guard_ns, Why.LADDER, index)
        return None

    def _cursor_ns(self, now: float) -> int:
        watermark, guard = self.watermark, self._options.guard_ns
        if watermark.closed_ns is None:
            window = self._bound.seconds + _BOOT_WINDOW_SECONDS
            return (watermark.open_ns or 0) - duration_ns(window)
        if watermark.can_close(now, bound_seconds=self._bound.seconds):
            return watermark.closed_ns - guard
        return self._tail.cursor_ns(watermark.closed_ns, guard_ns=guard)

    def sample(self, updated_ns: int, *, arrived: float, regular: bool) -> None:
        """Learn the server's clock from a change found just now, by a regular poll or another."""
        if self.watermark.closed_ns is not None and (regular or not self._limit.informed):
            # Polls may find nothing for the very reason that the watermark was poisoned before
            # there were samples; then what a ladder or a full list finds must do.
            self._limit.sample(updated_ns, arrived=arrived)

    def after_list(
        self,
        action: ListAction,
        answer: ListAnswer[T],
        *,
        stamps: Sequence[int],
        complete: bool,
        changed: bool,
        earliest_late_ns: int | None,
        started: float,
        ended: float,
    ) -> None:
        """Move the watermark, after all items of an answer have been applied.

        Args:
            action: What was asked.
            answer: What came.
            stamps: Of the items.
            complete: Nothing suggests that something was left out.
            changed: It led to events.
            earliest_late_ns: Lowest stamp of a change that an earlier poll should have shown.
            started: Local monotonic time just before the request was sent.
            ended: Local monotonic time after the whole answer.
        """
        watermark, bound = self.watermark, self._bound.seconds
        if isinstance(action, ListSince):
            self._note_poll(action, stamps, changed=changed, ended=ended)
        closed = watermark.closed_ns
        asked_low = (
            isinstance(action, ListAll)
            or closed is None
            or action.cursor_ns <= closed - self._options.guard_ns
        )
        if complete and asked_low:
            full = isinstance(action, ListAll)
            watermark.close(started=started, bound_seconds=bound, full=full)
        limit = self._limit.at(
            ended, server_date_ns=answer.server_date_ns, wall_clock_ns=answer.wall_clock_ns
        )
        if limit is not None and any(stamp > limit + _FUTURE_NS for stamp in stamps):
            self._count("future")
        if watermark.closed_ns is not None:
            server_now = self._limit.stepped_back(
                watermark.closed_ns, ended, server_date_ns=answer.server_date_ns
            )
            if server_now is not None:
                self._count("clock_stepped_back")
                watermark.rewind(server_now, bound_ns=duration_ns(bound))
        if earliest_late_ns is not None:
            # Where one came late, others may. A clock that stepped back shows itself so, too.
            reopened_until = ended + _REOPEN_BOUNDS * bound
            watermark.reopen(earliest_late_ns, until=reopened_until, bound_seconds=bound)
        top = max((one for one in stamps if limit is None or one <= limit), default=0)
        if top > 0:
            watermark.learn(top, at=ended)
        watermark.record(at=ended, keep_seconds=self._keep_seconds)

    def _note_poll(
        self, action: ListSince, stamps: Sequence[int], *, changed: bool, ended: float
    ) -> None:
        closed = self.watermark.closed_ns
        if action.why is Why.LADDER:
            self._next_rungs[action.rung] = ended + self._options.ladder[action.rung][0]
        elif not changed and closed is not None:
            known = [stamp for stamp in stamps if stamp <= closed]
            self._tail.after_poll(
                closed,
                cursor_ns=action.cursor_ns,
                unchanged=len(known),
                at_closed=known.count(closed),
            )
