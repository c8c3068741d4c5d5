"""One request budget for all watches of a client: a token bucket that learns from rate limits."""

from __future__ import annotations

_MIN_RATE = 0.05
_RECOVERY_SHARE_PER_SECOND = 0.1 / 60


class RequestBudget:
    """A token bucket whose rate halves on a rate limit and recovers by a tenth per minute.

    Every time is local monotonic seconds and must not fall. The bucket starts full.

    Args:
        per_second: Rate that it recovers to.
        burst: Tokens that it holds at most; at least 1.
    """

    def __init__(self, *, per_second: float = 5.0, burst: float = 10.0) -> None:
        if per_second <= 0 or burst < 1:
            raise ValueError(
                f"expected per_second above 0 and burst of at least 1, got {per_second}, {burst}"
            )
        self._ceiling, self._burst = per_second, burst
        self._rate, self._tokens, self._at = per_second, burst, 0.0

    @property
    def per_second(self) -> float:
        """The rate at present."""
        return self._rate

    def ready_at(self, now: float) -> float:
        """Give the earliest time at which `take` may be called; `now` if at once."""
        self._advance(now)
        return now if self._tokens >= 1 else now + (1 - self._tokens) / self._rate

    def take(self, now: float) -> None:
        """Spend one request.

        Raises:
            ValueError: It is too early; ask `ready_at` first.
        """
        # The wait that ready_at computed may fall short by rounding.
        if self.ready_at(now) > now + 1e-6:
            raise ValueError(f"no request left until {self.ready_at(now)}: wait for ready_at()")
        self._tokens -= 1

    def limited(self, now: float) -> None:
        """Note that the server limited the rate."""
        self._advance(now)
        self._rate = max(_MIN_RATE, self._rate / 2)

    def _advance(self, now: float) -> None:
        elapsed = max(0.0, now - self._at)
        self._at = max(now, self._at)
        self._tokens = min(self._burst, self._tokens + elapsed * self._rate)
        self._rate = min(
            self._ceiling, self._rate + self._ceiling * _RECOVERY_SHARE_PER_SECOND * elapsed
        )
