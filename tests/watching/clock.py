"""Clocks for poll loops: they stand still until everything waits, then go to the next event."""

from __future__ import annotations

import asyncio
import math
import threading
from typing import TYPE_CHECKING

from triwire._io import AsyncSignal
from triwire._typing import override
from triwire.testing import AsyncManualClock, ManualClock

if TYPE_CHECKING:
    from triwire._io import Signal

# Real seconds that a loop may take to answer and come to rest, on a busy machine.
_PATIENCE_SECONDS = 30.0
# Sums of floats may fall short of what was asked for.
_NUDGE_SECONDS = 1e-9


class SteppedClock(ManualClock):
    """For one poll loop in a thread."""

    def __init__(self) -> None:
        super().__init__()
        self._condition = threading.Condition()
        self._wakes_at: float | None = None

    @override
    def rest(self, signal: Signal, seconds: float | None) -> None:
        with self._condition:
            self._wakes_at = math.inf if seconds is None else self.monotonic_seconds() + seconds
            self._condition.notify_all()
        try:
            super().rest(signal, seconds)
        finally:
            with self._condition:
                self._wakes_at = None

    def settle(self) -> float:
        """Wait until the loop waits; return until when."""
        with self._condition:
            if not self._condition.wait_for(
                lambda: self._wakes_at is not None, timeout=_PATIENCE_SECONDS
            ):
                raise AssertionError("the poll loop does not come to rest")
            assert self._wakes_at is not None
            return self._wakes_at

    def step(self, *, until: float = math.inf) -> bool:
        """Go to where the loop wants to wake, and let it do what it wants; False if later."""
        wakes_at = self.settle()
        if wakes_at > until:
            self.advance(max(0.0, until - self.monotonic_seconds()))
            return False
        with self._condition:
            self._wakes_at = None
        self.advance(max(0.0, wakes_at - self.monotonic_seconds()) + _NUDGE_SECONDS)
        self.settle()
        return True

    def run(self, *, until: float) -> None:
        """Let the loop live up to a time."""
        while self.step(until=until):
            pass


class AsyncSteppedClock(AsyncManualClock):
    """For one poll loop in a task."""

    def __init__(self) -> None:
        super().__init__()
        self._rest = AsyncSignal()
        self._wakes_at: float | None = None

    @override
    async def rest(self, signal: AsyncSignal, seconds: float | None) -> None:
        self._wakes_at = math.inf if seconds is None else self.monotonic_seconds() + seconds
        self._rest.set()
        try:
            await super().rest(signal, seconds)
        finally:
            self._wakes_at = None

    async def settle(self) -> float:
        """Wait until the loop waits; return until when."""
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while self._wakes_at is None:
                await self._rest.wait()
        return self._wakes_at

    async def step(self, *, until: float = math.inf) -> bool:
        """Go to where the loop wants to wake, and let it do what it wants; False if later."""
        wakes_at = await self.settle()
        if wakes_at > until:
            self.advance(max(0.0, until - self.monotonic_seconds()))
            return False
        self._wakes_at = None
        self.advance(max(0.0, wakes_at - self.monotonic_seconds()) + _NUDGE_SECONDS)
        await self.settle()
        return True

    async def run(self, *, until: float) -> None:
        """Let the loop live up to a time."""
        while await self.step(until=until):
            pass
