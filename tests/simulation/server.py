"""A server that answers out of the world, with the faults that a run asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from tests.simulation.faults import NS, Faults, seeded
from tests.simulation.world import EPOCH_NS, Replica, Version, World, rounded
from triwire.watch.actions import GetOne, ListSince, Request
from triwire.watch.failures import PollFailure
from triwire.watch.observation import ListAnswer, Observation

if TYPE_CHECKING:
    from collections.abc import Iterable

OBJECT_BYTES = 783
_SCAN_SECONDS = 1.0

Outcome: TypeAlias = "ListAnswer[Version] | Observation[Version] | PollFailure"

_TRANSIENT = (
    PollFailure(code=14, message="unavailable"),
    PollFailure(code=4, message="deadline exceeded", from_server=False),
    PollFailure(code=13, message="internal"),
    PollFailure(code=2, message="html", from_server=False),
    PollFailure(code=14, message="drained", retry_delay_seconds=5.0),
)
_LIMITED = (
    PollFailure(code=8, message="slow down", retry_delay_seconds=3.0),
    PollFailure(code=8, message="slow down"),
    PollFailure(code=8, message="not now", retry_delay_seconds=-1.0),
    PollFailure(code=8, message="quota", quota=True),
)
_NOT_FOUND = PollFailure(code=5, message="not found")
_BARE_NOT_FOUND = PollFailure(code=5, message="404 page not found", from_server=False)


class Server:
    """Answers requests at rising times."""

    def __init__(self, world: World, seed: object) -> None:
        self.faults: Faults = world.faults
        self.wire = 0
        self.lists = self.full_lists = self.gets = self.items = 0
        self.truncated = False
        self._world = world
        self._rng = seeded("server", seed)
        lag = world.faults.lag
        lags = (0.0, self._rng.uniform(0, lag), lag) if lag else (0.0,)
        self._replicas = [Replica(world, lag) for lag in lags]

    def refuse(self, at: float) -> PollFailure | None:
        """Decide whether a request that is sent at a time fails."""
        faults, rng = self.faults, self._rng
        if faults.outage[0] <= at < faults.outage[1]:
            return _TRANSIENT[0]
        if faults.unauthenticated[0] <= at < faults.unauthenticated[1]:
            return PollFailure(code=16, message="token expired")
        if rng.random() < faults.error_p:
            return rng.choice(_TRANSIENT)
        if faults.limited_p and rng.random() < faults.limited_p:
            return rng.choice(_LIMITED)
        return None

    def answer(self, request: Request, at: float) -> Outcome:
        """Answer a request out of one replica, as it is at a time."""
        shown = self._rng.choice(self._replicas).at(at)
        if isinstance(request, GetOne):
            return self._get(shown.get(request.key))
        cursor = request.cursor_ns if isinstance(request, ListSince) else None
        return self._list(shown.values(), cursor, at)

    def _get(self, version: Version | None) -> Outcome:
        self.gets += 1
        self.items += 1
        if self.faults.bare_not_found_p and self._rng.random() < self.faults.bare_not_found_p:
            return _BARE_NOT_FOUND
        return _NOT_FOUND if version is None else version.shown[self.wire]

    def _list(self, shown: Iterable[Version], cursor: int | None, at: float) -> Outcome:
        faults, rng = self.faults, self._rng
        self.lists += 1
        self.full_lists += cursor is None
        self.truncated = False
        if faults.list_not_found_p and rng.random() < faults.list_not_found_p:
            self.truncated = True
            return _NOT_FOUND
        if cursor is None or faults.ignore_filter:
            found = [one for one in shown if one.selected]
        else:
            floor = rounded(cursor, faults.request, faults.request_rounding)
            floor -= faults.inclusive
            found = [one for one in shown if one.stamp > floor and one.selected]
        wire = self.wire
        items = [one.shown[wire] for one in found]
        if faults.duplicate_p and rng.random() < faults.duplicate_p:
            # A scan that is no snapshot: what changed while it ran also in its former state.
            lately = at - faults.lag - _SCAN_SECONDS
            items += [
                one.life.versions[one.index - 1].shown[wire]
                for one in found
                if one.index and one.visible > lately and one.life.versions[one.index - 1].selected
            ]
        rng.shuffle(items)
        if faults.truncated_p and items and rng.random() < faults.truncated_p:
            self.truncated = True
            items = items[: rng.randrange(len(items))]
        if faults.empty_p and items and rng.random() < faults.empty_p:
            self.truncated = True
            items = []
        self.items += len(items)
        jump = faults.wall_clock_jump if at > 900.0 else 0.0
        return ListAnswer(
            items,
            server_date_ns=self._world.date_ns(at) if faults.date_header else None,
            wall_clock_ns=EPOCH_NS + int((at + faults.wall_clock_error + jump) * NS),
            size_bytes=len(items) * OBJECT_BYTES,
            owner="org" if items else None,
        )
