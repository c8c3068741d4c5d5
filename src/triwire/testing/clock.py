"""Clocks that only the test moves."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from triwire._io import AsyncClock, AsyncSignal, Clock, Signal

__all__ = ["AsyncManualClock", "ManualClock"]


class _Settable(Protocol):
    def set(self) -> None: ...


class _ManualTime:
    """Time that moves when told to.

    Attributes:
        slept: Length of each sleep so far, in seconds.
    """

    def __init__(self) -> None:
        self._now = 0.0
        self._waits: list[tuple[float, _Settable]] = []
        self.slept: list[float] = []

    def monotonic_seconds(self) -> float:
        """Return the manual time, which starts at 0."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Move time forward.

        Raises:
            ValueError: `seconds` is negative, infinite or no number.
        """
        if not (seconds >= 0 and math.isfinite(seconds)):
            message = f"time only goes forward: expected seconds >= 0, got {seconds!r}"
            raise ValueError(message)
        self._now += seconds
        for ends_at, signal in list(self._waits):
            if ends_at <= self._now:
                signal.set()


class ManualClock(_ManualTime):
    """A clock for sync clients whose `sleep` moves it and returns at once."""

    def sleep(self, seconds: float) -> None:
        """Advance the clock and note the length."""
        self.advance(seconds)
        self.slept.append(seconds)

    def wait(self, signal: Signal, seconds: float | None) -> None:
        """Sleep, unless the signal is set; without a limit, wait for it."""
        if seconds is None or signal.is_set:
            signal.wait()
        else:
            self.sleep(seconds)

    def rest(self, signal: Signal, seconds: float | None) -> None:
        """Wait until the signal is set or the test has advanced the clock by that much.

        Unlike `sleep` it does not move the clock: it is what runs beside the test that waits.
        """
        wait = (math.inf if seconds is None else self._now + seconds, signal)
        # Noted before looking at the time, so that no advance falls between.
        self._waits.append(wait)
        try:
            if wait[0] > self._now:
                signal.wait()
        finally:
            self._waits.remove(wait)


class AsyncManualClock(_ManualTime):
    """A clock for async clients whose `sleep` moves it and returns at once."""

    async def sleep(self, seconds: float) -> None:
        """Advance the clock and note the length."""
        self.advance(seconds)
        self.slept.append(seconds)

    async def wait(self, signal: AsyncSignal, seconds: float | None) -> None:
        """Sleep, unless the signal is set; without a limit, wait for it."""
        if seconds is None or signal.is_set:
            await signal.wait()
        else:
            await self.sleep(seconds)

    async def rest(self, signal: AsyncSignal, seconds: float | None) -> None:
        """Wait until the signal is set or the test has advanced the clock by that much.

        Unlike `sleep` it does not move the clock: it is what runs beside the test that waits.
        """
        wait = (math.inf if seconds is None else self._now + seconds, signal)
        # Noted before looking at the time, so that no advance falls between.
        self._waits.append(wait)
        try:
            if wait[0] > self._now:
                await signal.wait()
        finally:
            self._waits.remove(wait)


if TYPE_CHECKING:
    _clock: type[Clock] = ManualClock
    _async_clock: type[AsyncClock] = AsyncManualClock
