"""How far into the future a stamp may lie before it is not believed.

One stamp far in the future, let into the watermark, hides everything that is written until the
server's clock gets there. Such a stamp is applied to its object, and kept out of the watermark. A
limit that is too low costs bytes and never an event, so every doubt lowers it.
"""

from __future__ import annotations

from collections import deque
from statistics import median_low

from triwire.watch.stamps import NS_PER_SECOND, duration_ns

_SAMPLES = 31
_ENOUGH_SAMPLES = 5
_DATE_STEP_NS = 6 * NS_PER_SECOND
_SEEN_STEP_NS = 60 * NS_PER_SECOND


class StampLimit:
    """Estimates the server's clock from a Date header, from fresh changes, or the wall clock."""

    def __init__(self, *, slack_seconds: float) -> None:
        self._slack_ns = duration_ns(slack_seconds)
        self._offsets: deque[int] = deque(maxlen=_SAMPLES)

    def sample(self, updated_ns: int, *, arrived: float) -> None:
        """Learn from the stamp of a change that a regular poll found just now.

        The offset between server stamps and the local monotonic clock is all that is kept, and
        its median: up to half of the samples may be wrong.
        """
        self._offsets.append(updated_ns - duration_ns(arrived))

    @property
    def informed(self) -> bool:
        """Whether there are enough samples to tell the time by."""
        return len(self._offsets) >= _ENOUGH_SAMPLES

    def _seen_now(self, arrived: float) -> int | None:
        if not self.informed:
            return None
        return median_low(self._offsets) + duration_ns(arrived)

    def at(
        self, arrived: float, *, server_date_ns: int | None, wall_clock_ns: int | None
    ) -> int | None:
        """Give the greatest believable stamp for an answer that arrived at a local time.

        Args:
            arrived: Local monotonic seconds.
            server_date_ns: From the answer's Date header, which is cut to seconds.
            wall_clock_ns: Stands in until there are enough samples, if there is no Date header.

        Returns:
            Nanoseconds, or None if nothing is known.
        """
        date = None if server_date_ns is None else server_date_ns + NS_PER_SECOND
        seen = self._seen_now(arrived)
        if seen is None:
            return wall_clock_ns if date is None else date
        seen += self._slack_ns
        return seen if date is None else min(date, seen)

    def stepped_back(
        self, closed_ns: int, arrived: float, *, server_date_ns: int | None
    ) -> int | None:
        """Tell whether the server's clock is far below the closed watermark.

        Either it stepped back, or the watermark was poisoned while too little was known.

        Returns:
            The server's time if so, else None.
        """
        now: int | None
        if server_date_ns is not None:
            now, slack = server_date_ns, _DATE_STEP_NS
        else:
            # Fresh changes trail the clock by up to an idle interval and replica lag.
            now, slack = self._seen_now(arrived), _SEEN_STEP_NS
        return now if now is not None and now + slack < closed_ns else None
