"""A watch of a run, which changes wires."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from triwire.watch import Bookmark, Failed, Synced

if TYPE_CHECKING:
    from collections.abc import Callable

    from coreweave_inference import AsyncInferenceClient
    from tests.soak.booking import Booking
    from triwire.watch import AsyncWatch, WatchOptions

__all__ = ["AsyncWatcher"]

_MARKERS = (Synced, Bookmark, Failed)


class AsyncWatcher:
    """Watches in sessions, one wire each.

    Args:
        booking: Books it.
        connect: Makes a client for a wire.
        wires: Which wire each session has.
        options: How to poll.
    """

    def __init__(
        self,
        booking: Booking,
        connect: Callable[[str], AsyncInferenceClient],
        *,
        wires: list[str],
        options: WatchOptions,
    ) -> None:
        self.booking = booking
        self._connect = connect
        self._wires = list(wires)
        self._options = options
        self._watch: AsyncWatch[Any] | None = None
        self.is_over = False

    async def run(self) -> None:
        """Watch until the end, one session after the other."""
        while not self.is_over:
            wire = self._wires.pop(0) if len(self._wires) > 1 else self._wires[0]
            self.booking.account.sessions += 1
            self.booking.account.wires.append(wire)
            async with (
                self._connect(wire) as client,
                client.deployments.watch(
                    include=_MARKERS, resume=self.booking.token, options=self._options
                ) as watch,
            ):
                self._watch = watch
                async for event in watch:
                    self.booking.take(event)

    async def switch(self) -> None:
        """End the session: the next one resumes on another wire."""
        if self._watch is not None:
            await self._watch.aclose()

    async def stop(self) -> None:
        """End the last session."""
        self.is_over = True
        await self.switch()
