"""The closed watermark: up to which stamp nothing can be missing any more.

The obvious cursor, the greatest stamp seen, loses every write that ties with it or becomes visible
late. A fixed overlap in server time is better and still wrong: it re-reads the tail for ever when
nothing happens, and one stamp in the future poisons it. Here the question is not how old a stamp
is but how long ago, on the local clock, it was first seen as the greatest: once the visibility
bound has passed since then, everything stamped at or below it was visible to a poll that started
after that, so the watermark may close there. No server duration is ever compared with a local one.

Three rules carry the proof: only a complete List answer moves anything; the poll must have asked
from the closed watermark or below; and it must have *started* the bound after the stamp was seen.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

_HISTORY_STEP_SECONDS = 10.0


@dataclass(slots=True)
class Watermark:
    """Stamps in server nanoseconds, times in local monotonic seconds.

    Attributes:
        open_ns: Greatest believable stamp seen in a List answer.
        closed_ns: Everything stamped at or below has been applied.
        peak_ns: The highest that the closed watermark ever was, before it was reopened: a change
            stamped at or below came late.
        seen: When each open watermark was first seen, oldest first, for those not closed yet.
        history: Former closed watermarks and since when, oldest first, for the ladder.
    """

    open_ns: int | None = None
    closed_ns: int | None = None
    peak_ns: int | None = None
    seen: deque[tuple[float, int]] = field(default_factory=deque[tuple[float, int]])
    history: deque[tuple[float, int]] = field(default_factory=deque[tuple[float, int]])

    def can_close(self, now: float, *, bound_seconds: float) -> bool:
        """Tell whether a poll that starts now would move the closed watermark."""
        return bool(self.seen) and self.seen[0][0] + bound_seconds <= now

    def close(self, *, started: float, bound_seconds: float, full: bool) -> bool:
        """Move the closed watermark after a complete answer whose items have all been applied.

        Args:
            started: When the request was sent.
            bound_seconds: The visibility bound.
            full: Whether everything was listed. The first value takes a full list: before it,
                polls ask from an invented point.

        Returns:
            Whether it moved.
        """
        if self.closed_ns is None and not full:
            return False
        before = self.closed_ns
        while self.can_close(started, bound_seconds=bound_seconds):
            self.closed_ns = self.seen.popleft()[1]
            self.peak_ns = max(self.closed_ns, self.peak_ns or 0)
        return self.closed_ns != before

    def learn(self, top_ns: int, *, at: float) -> None:
        """Take the greatest believable stamp of a complete answer."""
        if self.open_ns is None or top_ns > self.open_ns:
            self.open_ns = top_ns
            self.seen.append((at, top_ns))

    def rewind(self, server_now_ns: int, *, bound_ns: int) -> None:
        """Step back with the server's clock; always safe, since it only asks for more."""
        self.closed_ns = self.peak_ns = server_now_ns - bound_ns
        if self.open_ns is not None:
            self.open_ns = min(self.open_ns, server_now_ns)
        self.seen.clear()

    def reopen(self, below_ns: int, *, until: float, bound_seconds: float) -> None:
        """Step back below a change that came too late, and stay there for a while.

        Args:
            below_ns: Its stamp.
            until: Local monotonic time before which nothing closes again.
            bound_seconds: The visibility bound.
        """
        if self.closed_ns is not None and self.open_ns is not None:
            self.closed_ns = min(self.closed_ns, below_ns - 1)
            self.seen.clear()
            self.seen.append((until - bound_seconds, self.open_ns))

    def record(self, *, at: float, keep_seconds: float) -> None:
        """Note the closed watermark for the ladder; forget what no rung can reach."""
        closed = self.closed_ns
        if closed is None:
            return
        if not self.history or at >= self.history[-1][0] + _HISTORY_STEP_SECONDS:
            self.history.append((at, closed))
        while len(self.history) > 1 and self.history[1][0] <= at - keep_seconds:
            self.history.popleft()

    def closed_before(self, when: float) -> int | None:
        """Give the closed watermark as it was at a local time, or the oldest one known.

        Never above the present one, which a rewind may have lowered.
        """
        found = self.closed_ns
        for at, closed in reversed(self.history):
            if found is None or closed < found:
                found = closed
            if at <= when:
                break
        return found
