"""What people write first, beside the tracker: the same interface, none of its care."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Literal, TypeAlias

from tests.simulation.world import EPOCH_NS
from triwire.watch.actions import Action, GetOne, ListAction, ListAll, ListSince, WaitUntil, Why
from triwire.watch.events import Added, Deleted, Identity, Modified, ObjectEvent
from triwire.watch.failures import FailureClass, PollFailure, classify
from triwire.watch.observation import ListAnswer, Observation
from triwire.watch.stamps import duration_ns

if TYPE_CHECKING:
    from tests.simulation.world import Version
    from triwire.watch.actions import Request

Control: TypeAlias = Literal["max", "max-relist", "overlap", "clock", "full"]
CONTROLS: tuple[Control, ...] = ("max", "max-relist", "overlap", "clock", "full")


class NaiveWatch:
    """A watch with one of the obvious cursors.

    Args:
        control: `max`: the greatest stamp seen. `max-relist`: the same with a content check and
            a full list every `relist` seconds. `overlap`: below that by a fixed overlap. `clock`:
            the client's clock, perfectly set. `full`: no cursor, a full list each time.
        interval: Seconds between polls.
        relist: Seconds between full lists.
        overlap: Seconds.
    """

    def __init__(self, control: Control, *, interval: float, relist: float, overlap: float) -> None:
        self._control = control
        self._interval = interval
        self._relist = inf if control == "max" else relist
        self._overlap_ns = duration_ns(overlap) if control == "overlap" else 0
        self._known: dict[str, Observation[Version]] = {}
        self._cursor: int | None = None
        self._next = self._next_full = 0.0
        self._busy = False
        self.closed_ns: int | None = None
        self.counts: dict[str, int] = {}
        self.visibility_bound_seconds = 0.0

    def plan(self, now: float) -> Action:
        """See Tracker."""
        if self._busy or now < self._next:
            return WaitUntil(inf if self._busy else self._next)
        if self._cursor is None or now >= self._next_full or self._control == "full":
            return ListAll(Why.POLL)
        return ListSince(self._cursor - self._overlap_ns)

    def begin(self, request: Request) -> None:
        """See Tracker."""
        self._busy = not isinstance(request, GetOne)

    def on_list(
        self, action: ListAction, answer: ListAnswer[Version], *, started: float, ended: float
    ) -> list[ObjectEvent[Version]]:
        """See Tracker."""
        self._busy = False
        self._next = ended + self._interval
        events: list[ObjectEvent[Version]] = []
        for seen in answer.items:
            before = self._known.get(seen.key)
            self._known[seen.key] = seen
            if before is None:
                events.append(Added(seen.object, identity=_identity(seen)))
            elif self._control == "max" or (before.updated_ns, before.fingerprint) != (
                seen.updated_ns,
                seen.fingerprint,
            ):
                events.append(Modified(seen.object, before.object, identity=_identity(seen)))
        if isinstance(action, ListAll):
            self._next_full = ended + self._relist
            listed = {seen.key for seen in answer.items}
            for key in [key for key in self._known if key not in listed]:
                gone = self._known.pop(key)
                events.append(Deleted(gone.object, identity=_identity(gone)))
        if self._control == "clock":
            self._cursor = EPOCH_NS + duration_ns(started)
        else:
            tops = [seen.updated_ns for seen in answer.items]
            self._cursor = max([self._cursor or 0, *tops])
        return events

    def on_get(
        self, action: GetOne, seen: Observation[Version] | None, *, started: float, ended: float
    ) -> list[ObjectEvent[Version]]:
        """Never called: there is no Get."""
        raise AssertionError(action, seen, started, ended)

    def on_failure(
        self, action: Request, failure: PollFailure, *, started: float, ended: float
    ) -> list[ObjectEvent[Version]]:
        """See Tracker."""
        self._busy = False
        if not isinstance(action, GetOne) and classify(failure, of_list=True) is FailureClass.GONE:
            return self.on_list(action, ListAnswer(()), started=started, ended=ended)
        self._next = ended + max(1.0, failure.retry_delay_seconds or 0.0)
        return []


def _identity(seen: Observation[Version]) -> Identity:
    return Identity("sim", seen.key, seen.created_ns, seen.updated_ns, seen.fingerprint)
