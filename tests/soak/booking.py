"""What the watches of a run are told, booked whatever their colour."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, TypeAlias

from triwire.watch import Added, Bookmark, Deleted, Failed, Modified, Reason, Synced

if TYPE_CHECKING:
    from coreweave_inference_gen.coreweave.inference.v1alpha1.deployment_pb2 import Deployment
    from tests.soak.ledger import Account, Ledger
    from triwire.watch import Event

    AnyEvent: TypeAlias = Event[Deployment]

__all__ = ["Booking"]


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
