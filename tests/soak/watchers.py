"""The watches of a run, in both colours: they book what they are told, and change wires."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, TypeAlias

from triwire.watch import Added, Bookmark, Deleted, Failed, Modified, Reason, Synced

if TYPE_CHECKING:
    from collections.abc import Callable

    from coreweave_inference import AsyncInferenceClient, InferenceClient
    from coreweave_inference_gen.coreweave.inference.v1alpha1.deployment_pb2 import Deployment
    from tests.soak.ledger import Account, Ledger
    from triwire.watch import AsyncWatch, Event, Watch, WatchOptions

    AnyEvent: TypeAlias = Event[Deployment]

__all__ = ["AsyncWatcher", "Booking", "SyncWatcher"]


class Booking:
    """Books the events of one watch.

    Attributes:
        account: Where they are booked.
        token: The last one.
        synced: When the first snapshot was complete.
    """

    def __init__(self, account: Account, ledger: Ledger) -> None:
        self.account = account
        self.token: str | None = None
        self.synced = threading.Event()
        self._ledger = ledger

    def take(self, event: AnyEvent) -> None:
        """Book one event."""
        now = time.monotonic()
        match event:
            case Added() | Modified():
                self.account.told(event.key, event.object, now, is_added=isinstance(event, Added))
            case Deleted():
                self.account.deleted(event.key, event.reason, self._ledger, now)
            case Synced():
                if event.reason is Reason.RESUMED:
                    self.account.kept(event.keys)
                self.synced.set()
            case Bookmark():
                self.account.polled(event.fresh_as_of_seconds, now)
                self.token = event.token
            case Failed():
                self.account.notices += 1


_MARKERS = (Synced, Bookmark, Failed)


class AsyncWatcher:
    """A watch in the event loop.

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


class SyncWatcher:
    """A watch in a thread of its own; see `AsyncWatcher`."""

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
        self.error: BaseException | None = None

    def run(self) -> None:
        """Watch until the end, one session after the other."""
        try:
            while not self.is_over:
                self._session()
        except BaseException as error:  # noqa: BLE001 - raised where it is looked at
            self.error = error
            self.booking.synced.set()

    def _session(self) -> None:
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
