"""One run: a world, a server, a watch and its consumer, in virtual time."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, replace
from itertools import count
from math import inf
from typing import TYPE_CHECKING, Any, TypeAlias

from tests.simulation.controls import Control, NaiveWatch
from tests.simulation.faults import PROFILES, Faults, faults_for, seeded
from tests.simulation.ledger import Ledger, Metrics
from tests.simulation.server import Server
from tests.simulation.world import EPOCH_NS, World
from triwire.watch.actions import GetOne, ListAll, Request, Stop, WaitUntil
from triwire.watch.budget import RequestBudget
from triwire.watch.failures import RESOURCE_EXHAUSTED, PollFailure
from triwire.watch.observation import ListAnswer
from triwire.watch.options import WatchOptions
from triwire.watch.stamps import duration_ns
from triwire.watch.tokens import ResumeToken
from triwire.watch.tracker import Tracker

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.simulation.server import Outcome
    from tests.simulation.world import Version
    from triwire.watch.checkpoint import Checkpoint
    from triwire.watch.events import Event

Watch: TypeAlias = "Tracker[Version] | NaiveWatch"

_SCOPE = "sim"
_SAVE_AGE_SECONDS = 10.0


@dataclass(slots=True)
class Call:
    """One request under way; `sent` in true time, `started` on the client's clock."""

    action: Request
    session: int
    sent: float
    started: float
    whole: bool = True


class Clock:
    """The client's monotonic clock: another rate, and it stands while the machine sleeps."""

    def __init__(self, faults: Faults) -> None:
        self._rate = 1.0 + faults.monotonic_rate
        self._asleep_at, self._asleep_for = faults.suspend

    def local(self, true: float) -> float:
        """Give what the client reads at a true time."""
        if true <= self._asleep_at:
            return true * self._rate
        return max(self._asleep_at, true - self._asleep_for) * self._rate

    def true(self, local: float) -> float:
        """Give the true time at which the client reads this."""
        awake = local / self._rate
        return awake + self._asleep_for if awake > self._asleep_at else awake

    def awake(self, true: float) -> float:
        """Give the first time from this one on at which the machine is awake."""
        asleep = self._asleep_at < true < self._asleep_at + self._asleep_for
        return self._asleep_at + self._asleep_for if asleep else true


class Run:
    """Everything of one run; `play` plays it."""

    def __init__(
        self,
        profile: str,
        seed: int,
        *,
        control: Control | None = None,
        faults: Faults | None = None,
        world: dict[str, float] | None = None,
        options: dict[str, Any] | None = None,
    ) -> None:
        frame = PROFILES[profile]
        size = world or {}
        self.faults = faults or faults_for(profile, seed)
        self.horizon = size.get("horizon", frame.horizon)
        self.end = self.horizon + size.get("quiet", frame.quiet)
        settings: dict[str, Any] = {**frame.options, **(options or {})}
        self.options = WatchOptions(**settings)
        self.world = World(
            (profile, seed),
            self.faults,
            objects=int(size.get("objects", frame.objects)),
            rate=size.get("rate", frame.rate),
            horizon=self.horizon,
        )
        self.metrics = Metrics(minutes=self.end / 60)
        self.ledger = Ledger(self.world, self.faults, self.metrics, dedupe=control is None)
        self._server = Server(self.world, (profile, seed))
        self._clock = Clock(self.faults)
        self._rng = seeded("run", profile, seed)
        self._seed = (profile, seed)
        self._control: Control | None = control
        self._budget = RequestBudget(
            per_second=self.faults.requests_per_second if control is None else 1e9
        )
        self._session = 0
        self._saved: Checkpoint[Version] | str | None = None
        self._agenda: list[tuple[float, int, Callable[[float], None]]] = []
        self._order = count()
        self._save_at = inf
        self._in_flight = 0
        self._wake_at = inf
        self.watch: Watch = self._new_watch(None, 0.0)

    def play(self) -> Metrics:
        """Play the run to its end."""
        faults, rng = self.faults, self._rng
        self._at(0.0, self._pump)
        for _ in range(faults.restarts):
            restart = rng.uniform(100, self.horizon)
            self._at(restart - rng.expovariate(1 / _SAVE_AGE_SECONDS), self._want_save)
            self._at(restart, self._restart)
        for _ in range(faults.wire_switches):
            self._at(rng.uniform(100, self.horizon), self._switch_wire)
        self._at(self.horizon, self._calm)
        while self._agenda and self._agenda[0][0] < self.end:
            at, _, what = heapq.heappop(self._agenda)
            what(at)
        metrics, server = self.metrics, self._server
        self.ledger.close(
            bound=self.options.visibility_bound_seconds, horizon=self.horizon, end=self.end
        )
        metrics.lists, metrics.full_lists = server.lists, server.full_lists
        metrics.gets, metrics.items = server.gets, server.items
        for name, value in self.watch.counts.items():
            metrics.counts[name] = metrics.counts.get(name, 0) + value
        return metrics

    # -- the agenda ---------------------------------------------------------------------------

    def _at(self, when: float, what: Callable[[float], None]) -> None:
        heapq.heappush(self._agenda, (when, next(self._order), what))

    def _calm(self, _now: float) -> None:
        self._server.faults = self.faults.quiet()

    def _switch_wire(self, now: float) -> None:
        self._server.wire = 1 - self._server.wire
        if isinstance(self.watch, Tracker) and self.faults.announced:
            self.watch.on_wire_change(self._clock.local(now))

    # -- the driver ---------------------------------------------------------------------------

    def _pump(self, now: float) -> None:
        if now >= self._wake_at:
            self._wake_at = inf
        awake = self._clock.awake(now)
        if awake > now:
            self._at(awake, self._pump)
            return
        while self._in_flight < self.faults.in_flight:
            local = self._clock.local(now)
            action = self.watch.plan(local)
            if isinstance(action, WaitUntil):
                self._sleep(now, self._clock.true(action.at_seconds))
                return
            if isinstance(action, Stop):
                return
            ready = self._budget.ready_at(now)
            if ready > now:
                self._sleep(now, ready)
                return
            self._budget.take(now)
            self._send(action, now)

    def _sleep(self, now: float, until: float) -> None:
        # A little more, since two clocks do not round alike.
        until = max(until, now) + 1e-6
        if until < min(self.end, self._wake_at):
            self._wake_at = until
            self._at(until, self._pump)

    def _send(self, action: Request, now: float) -> None:
        self.metrics.requests += 1
        self.watch.begin(action)
        self._in_flight += 1
        call = Call(action, self._session, now, self._clock.local(now))
        latency = self._rng.uniform(0.05 * self.faults.latency, self.faults.latency)
        refused = self._server.refuse(now)
        if refused is not None:
            self._at(now + latency, lambda at: self._receive(call, refused, at))
            return

        def answer(at: float) -> None:
            outcome = self._server.answer(action, at)
            call.whole = not self._server.truncated
            arrives = self._clock.awake(max(now + latency, at))
            self._at(arrives, lambda then: self._receive(call, outcome, then))

        self._at(now + latency * self._rng.random(), answer)

    def _receive(self, call: Call, outcome: Outcome, now: float) -> None:
        if call.session != self._session:
            return
        self._in_flight -= 1
        watch, action = self.watch, call.action
        started, ended = call.started, self._clock.local(now)
        closed = watch.closed_ns
        events: list[Any]
        if isinstance(outcome, PollFailure):
            if outcome.code == RESOURCE_EXHAUSTED:
                self._budget.limited(now)
            events = list(watch.on_failure(action, outcome, started=started, ended=ended))
        elif isinstance(outcome, ListAnswer):
            if isinstance(action, GetOne):
                raise TypeError(action)
            events = list(watch.on_list(action, outcome, started=started, ended=ended))
            if call.whole:
                self.ledger.polls.append((call.sent, now, isinstance(action, ListAll)))
        else:
            if not isinstance(action, GetOne):
                raise TypeError(action)
            events = list(watch.on_get(action, outcome, started=started, ended=ended))
        if isinstance(action, GetOne) and watch.closed_ns != closed:
            self.metrics.watermark_broken += 1
        self.metrics.bound_max = max(self.metrics.bound_max, watch.visibility_bound_seconds)
        self._deliver(events, now)
        self._pump(now)

    def _deliver(self, events: list[Event[Version]], now: float) -> None:
        faults, watch = self.faults, self.watch
        if faults.restarts and isinstance(watch, Tracker):
            if faults.restart == "write-ahead" and events:
                # State and outbox in one transaction, before delivery; now and then a crash in
                # mid-delivery, after which the whole outbox goes out again.
                if self._rng.random() < faults.mid_delivery_p:
                    events = events[: self._rng.randrange(len(events) + 1)] + events
                    self._restart(now)
            elif now >= self._save_at:
                self._save(watch)
        for event in events:
            self.ledger.take(event, now)

    # -- restarts -----------------------------------------------------------------------------

    def _want_save(self, now: float) -> None:
        self._save_at = now

    def _save(self, watch: Tracker[Version]) -> None:
        self._save_at = inf
        # The consumer's own state is saved with it, so it may be older than what was delivered.
        if self.faults.restart == "checkpoint":
            state = watch.checkpoint()
            self._saved = replace(
                state, rows=tuple(replace(row, object=None) for row in state.rows)
            )
        elif self.faults.restart == "token":
            self._saved = watch.token() or self._saved

    def _restart(self, now: float) -> None:
        if self._control is not None:
            return
        self.metrics.restarts += 1
        for name, value in self.watch.counts.items():
            self.metrics.counts[name] = self.metrics.counts.get(name, 0) + value
        self._session += 1
        self._in_flight = 0
        saved = self._saved
        if self.faults.restart == "nothing":
            self.ledger.begin_anew()
        if self.faults.restart == "write-ahead" and isinstance(self.watch, Tracker):
            # Only answers change it, and it is saved with each: this is the last save.
            saved = self.watch.checkpoint()
        state: Checkpoint[Version] | None
        if isinstance(saved, str):
            state = ResumeToken.parse(saved).resume(_SCOPE, now_ns=EPOCH_NS + duration_ns(now))
        else:
            state = saved
        self.watch = self._new_watch(state, self._clock.local(now))
        self._at(now, self._pump)

    def _new_watch(self, state: Checkpoint[Version] | None, now: float) -> Watch:
        options = self.options
        if self._control is not None:
            return NaiveWatch(
                self._control,
                interval=options.fast_interval_seconds,
                relist=options.relist_interval_seconds,
                overlap=options.visibility_bound_seconds,
            )
        return Tracker(
            _SCOPE,
            seeded("watch", self._seed, self._session),
            options=options,
            checkpoint=state,
            now=now,
        )


def simulate(profile: str, seed: int, **settings: Any) -> Metrics:
    """Play one run; see Run for the settings."""
    return Run(profile, seed, **settings).play()
