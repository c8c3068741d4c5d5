# Generated from tests/soak/aio.py by scripts/unasync.py. DO NOT EDIT.
"""A watch of a run, which changes wires."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from triwire.watch import Bookmark, Failed, Synced

if TYPE_CHECKING:
    from collections.abc import Callable

    from coreweave_inference import InferenceClient
    from tests.soak.booking import Booking
    from triwire.watch import Watch, WatchOptions

__all__ = ["Watcher"]

_MARKERS = (Synced, Bookmark, Failed)


class Watcher:
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
        connect: Callable[[str], InferenceClient],
        *,
        wires: list[str],
        options: WatchOptions,
    ) -> None:
        self.booking = booking
        self._connect = connect
        self._wires = list(wires)
        self._options = options
        self._watch: Watch[Any] | None = None
        self.is_over = False

    def run(self) -> None:
        """Watch until the end, one session after the other."""
        while not self.is_over:
            wire = self._wires.pop(0) if len(self._wires) > 1 else self._wires[0]
            self.booking.account.sessions += 1
            self.booking.account.wires.append(wire)
            with (
                self._connect(wire) as client,
                client.deployments.watch(
                    include=_MARKERS, resume=self.booking.token, options=self._options
                ) as watch,
            ):
                self._watch = watch
                for event in watch:
                    self.booking.take(event)

    def switch(self) -> None:
        """End the session: the next one resumes on another wire."""
        if self._watch is not None:
            self._watch.close()

    def stop(self) -> None:
        """End the last session."""
        self.is_over = True
        self.switch()
