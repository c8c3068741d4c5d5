"""Time that moves when every task waits: for many tasks on one event loop."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from typing import TYPE_CHECKING, Any

from triwire._io import AsyncSignal

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from triwire._io import AsyncClock

__all__ = ["AsyncVirtualClock"]

# Turns of the loop after which every task is taken to wait for time: more than the longest chain
# of tasks that wake each other.
_TURNS = 20


class AsyncVirtualClock:
    """A clock for async clients whose time `run` moves on to the next sleeper."""

    def __init__(self) -> None:
        self._now = 0.0
        self._number = itertools.count()
        self._sleepers: list[tuple[float, int, AsyncSignal]] = []

    def monotonic_seconds(self) -> float:
        return self._now

    async def sleep(self, seconds: float) -> None:
        await self.wait(AsyncSignal(), seconds)

    async def wait(self, signal: AsyncSignal, seconds: float | None) -> None:
        if seconds is None:
            await signal.wait()
            return
        entry = (self._now + seconds, next(self._number), signal)
        heapq.heappush(self._sleepers, entry)
        try:
            await signal.wait()
        finally:
            if entry in self._sleepers:
                self._sleepers.remove(entry)
                heapq.heapify(self._sleepers)

    rest = wait

    async def run(self, *bodies: Coroutine[Any, Any, Any]) -> list[Any]:
        """Run coroutines to their ends, as `asyncio.gather` with return_exceptions."""
        tasks = [asyncio.ensure_future(body) for body in bodies]
        while True:
            for _ in range(_TURNS):
                await asyncio.sleep(0)
            if all(task.done() for task in tasks):
                return await asyncio.gather(*tasks, return_exceptions=True)
            if not self._sleepers:
                raise AssertionError("every task waits, and none of them for time")
            self._now, _, signal = heapq.heappop(self._sleepers)
            signal.set()


if TYPE_CHECKING:
    _clock: type[AsyncClock] = AsyncVirtualClock
