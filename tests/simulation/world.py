"""The truth: what was written when, and what a replica shows of it at a time."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING, TypeAlias

from tests.simulation.faults import NS, Faults, Rounding, seeded
from triwire.watch.observation import Observation, Phase

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

EPOCH_NS = 1_700_000_000 * NS
_STEP_SECONDS = 1e-4


@dataclass(slots=True, eq=False)
class Version:
    """One state of one incarnation; `visible` is when the primary shows it."""

    life: Life
    index: int
    visible: float
    stamp: int
    phase: Phase
    content: int
    selected: bool
    shown: tuple[Observation[Version], ...] = ()


@dataclass(slots=True, eq=False)
class Life:
    """One incarnation of a key."""

    key: str
    index: int
    created: int
    versions: list[Version] = field(default_factory=list[Version])
    deleted: float = inf


def rounded(stamp: int, unit: int, rounding: Rounding) -> int:
    """Round a stamp to a unit."""
    if rounding == "floor":
        return stamp - stamp % unit
    if rounding == "round":
        return (stamp + unit // 2) // unit * unit
    return -(-stamp // unit) * unit


Todo: TypeAlias = "tuple[float, int, Callable[[float], None]]"


class World:
    """All writes of a run, made beforehand."""

    def __init__(
        self, seed: object, faults: Faults, *, objects: int, rate: float, horizon: float
    ) -> None:
        self.faults = faults
        self.lives: dict[str, list[Life]] = {}
        self._rng: random.Random = seeded("world", seed)
        self._writers = [self._rng.uniform(-faults.skew, faults.skew) for _ in range(4)]
        self._drifts = [self._rng.uniform(-faults.drift, faults.drift) for _ in range(4)]
        self._contents = 0
        self._live: list[Life] = []
        self._todo: list[Todo] = []
        self._number = 0
        self._fill(objects)
        self._write_history(rate, horizon)
        for lives in self.lives.values():
            for life in lives:
                for version in life.versions:
                    version.shown = self._show(version)

    def date_ns(self, at: float) -> int:
        """Give the primary's own clock, cut to seconds as a Date header is."""
        now = EPOCH_NS + int((at + self._stepped(at)) * NS)
        return now - now % NS

    # -- stamps and commits -------------------------------------------------------------------

    def _stepped(self, at: float) -> float:
        faults = self.faults
        return faults.step if faults.step_at and at >= faults.step_at else 0.0

    def _stamp(self, at: float) -> int:
        rng, faults = self._rng, self.faults
        writer = rng.randrange(4)
        clock = at + self._stepped(at) + self._writers[writer] + self._drifts[writer] * at
        stamp = EPOCH_NS + int(clock * NS)
        if faults.future_p and rng.random() < faults.future_p:
            stamp += int(faults.future_by * NS)
        return stamp - stamp % faults.precision

    def _commit(self) -> float:
        rng, faults = self._rng, self.faults
        if faults.commit_tail_p and rng.random() < faults.commit_tail_p:
            return rng.uniform(faults.commit_max, faults.commit_tail)
        return min(faults.commit_max, rng.expovariate(1 / faults.commit_mean))

    def _show(self, version: Version) -> tuple[Observation[Version], ...]:
        faults, life = self.faults, version.life
        displays: list[tuple[int, Rounding]] = [(faults.display, faults.display_rounding)]
        if faults.wire_switches:
            displays.append((faults.other_display, "floor"))
        return tuple(
            Observation(
                key=life.key,
                created_ns=rounded(life.created, unit, rounding),
                updated_ns=rounded(version.stamp, unit, rounding),
                fingerprint=version.content.to_bytes(16, "little"),
                object=version,
                phase=version.phase,
                selected=version.selected,
            )
            for unit, rounding in displays
        )

    # -- writes -------------------------------------------------------------------------------

    def _create(self, at: float, *, phase: Phase, after: Life | None = None) -> Life:
        stamp, visible = self._stamp(at), at + self._commit()
        if after is None:
            key, index = f"o{len(self.lives):05d}", 0
        else:
            key, index = after.key, after.index + 1
            visible = max(visible, after.deleted + 1e-3)
            # Incarnations differ in what is displayed (assumption A6), also on the other wire.
            unit = max(
                self.faults.display,
                self.faults.other_display if self.faults.wire_switches else 1,
                self.faults.precision,
            )
            if rounded(stamp, unit, "floor") <= rounded(after.created, unit, "ceil"):
                stamp = rounded(after.created, unit, "ceil") + unit
            stamp = max(stamp, after.versions[-1].stamp + self.faults.precision)
        life = Life(key, index, stamp)
        self._append(life, visible, stamp, phase, selected=True)
        self.lives.setdefault(key, []).append(life)
        self._live.append(life)
        return life

    def _append(
        self, life: Life, visible: float, stamp: int, phase: Phase, *, selected: bool
    ) -> None:
        self._contents += 1
        life.versions.append(
            Version(life, len(life.versions), visible, stamp, phase, self._contents, selected)
        )

    def _write(
        self, life: Life, at: float, phase: Phase, *, stamp: int | None = None, bumped: bool = True
    ) -> None:
        rng, faults, last = self._rng, self.faults, life.versions[-1]
        if at >= life.deleted:
            return
        visible = at
        if not bumped:
            stamp = last.stamp
        else:
            stamp = self._stamp(at) if stamp is None else stamp
            if faults.regress_p and rng.random() < faults.regress_p:
                stamp = min(stamp, last.stamp - faults.precision * rng.randint(1, 1000))
            elif stamp <= last.stamp and faults.step >= 0:
                stamp = last.stamp + faults.precision
            visible = at + self._commit()
        visible = max(visible, last.visible + _STEP_SECONDS)
        if visible >= life.deleted:
            return
        selected = last.selected
        if faults.leave_p and bumped and rng.random() < faults.leave_p:
            selected = not selected
        self._append(life, visible, stamp, phase, selected=selected)

    # -- a history of writes ------------------------------------------------------------------

    def _fill(self, objects: int) -> None:
        for _ in range(objects):
            life = self._create(-self._rng.uniform(100, 100_000), phase=Phase.SETTLED)
            life.versions[0].visible = -50.0

    def _push(self, at: float, what: Callable[[float], None]) -> None:
        self._number += 1
        heapq.heappush(self._todo, (at, self._number, what))

    def _write_history(self, rate: float, horizon: float) -> None:
        rng, faults = self._rng, self.faults
        at = 0.0
        while at < horizon:
            # Bursts and lulls of two minutes.
            at += rng.expovariate(rate if int(at / 120) % 3 else rate / 12)
            self._push(at, self._operate)
        if faults.bulk:
            for _ in range(2):
                self._push(rng.uniform(60, horizon), self._bulk)
        if faults.purge_at:
            self._push(faults.purge_at, self._purge)
        while self._todo:
            at, _, what = heapq.heappop(self._todo)
            if at <= horizon:
                what(at)

    def _operate(self, at: float) -> None:
        rng, faults = self._rng, self.faults
        draw = rng.random()
        if draw < 0.2 or not self._live:
            created = self._create(at, phase=Phase.MOVING)
            self._push(at + rng.uniform(1, 40), lambda now: self._settle(created, now))
            return
        life = rng.choice(self._live)
        if draw < 0.62:
            self._write(life, at, Phase.MOVING)
            self._push(at + rng.uniform(0.5, 30), lambda now: self._settle(life, now))
        elif draw < 0.62 + faults.unbumped_p:
            self._write(life, at, life.versions[-1].phase, bumped=False)
        elif draw < 0.85:
            self._write(life, at, life.versions[-1].phase)
        else:
            self._live.remove(life)
            if rng.random() < faults.instant_delete_p:
                self._vanish(life, at)
            else:
                self._write(life, at, Phase.DELETING)
                self._push(at + rng.uniform(1, 60), lambda now: self._vanish(life, now))

    def _bulk(self, at: float) -> None:
        stamp = self._stamp(at)
        for life in self._rng.sample(self._live, min(self.faults.bulk, len(self._live))):
            self._write(life, at, life.versions[-1].phase, stamp=stamp)

    def _purge(self, at: float) -> None:
        count = int(len(self._live) * self.faults.purge_share)
        for life in self._rng.sample(self._live, count):
            self._live.remove(life)
            life.deleted = max(at, life.versions[-1].visible + 1e-3)

    def _settle(self, life: Life, at: float) -> None:
        if life in self._live:
            self._write(life, at, Phase.SETTLED)

    def _vanish(self, life: Life, at: float) -> None:
        life.deleted = max(at, life.versions[-1].visible + 1e-3)
        if self._rng.random() < self.faults.recreate_p:

            def again(now: float) -> None:
                created = self._create(now, phase=Phase.MOVING, after=life)
                self._push(now + self._rng.uniform(1, 30), lambda then: self._settle(created, then))

            self._push(at + self._rng.uniform(0.01, 30), again)


class Replica:
    """What one replica shows, moved forward in time only."""

    def __init__(self, world: World, lag: float) -> None:
        self._lag = lag
        changes: list[tuple[float, int, str, Version | None]] = []
        for lives in world.lives.values():
            for life in lives:
                changes += [(v.visible, 0, life.key, v) for v in life.versions]
                if life.deleted < inf:
                    changes.append((life.deleted, 0, life.key, None))
        changes.sort(key=lambda change: change[0])
        self._changes = changes
        self._next = 0
        self._shown: dict[str, Version] = {}

    def at(self, now: float) -> dict[str, Version]:
        """Give the versions shown at a time, by key; not before an earlier call's time."""
        then = now - self._lag
        while self._next < len(self._changes) and self._changes[self._next][0] <= then:
            _, _, key, version = self._changes[self._next]
            if version is None:
                self._shown.pop(key, None)
            else:
                self._shown[key] = version
            self._next += 1
        return self._shown
