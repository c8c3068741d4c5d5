"""A consumer that keeps books: what it was told, held against what was true."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from triwire.watch.events import Added, Deleted, Modified, Reason, Synced

if TYPE_CHECKING:
    from tests.simulation.faults import Faults
    from tests.simulation.world import Life, Version, World
    from triwire.watch.events import Event

# What a check by Get may take on top of the bound, with errors and back-off in between.
_REPAIR_SECONDS = 30.0


@dataclass(slots=True)
class Metrics:
    """What one run showed; sums over runs are meaningful.

    Attributes:
        obligated: Versions that had to be delivered.
        lost: Of those, never delivered.
        late: Of those, delivered after the poll that should have shown them.
        unbumped: Versions without a higher stamp that a full list had to show.
        unbumped_lost: Of those, never delivered.
        coalesced: Versions that came and went between two polls; no fault.
        duplicates: Events with the state that the consumer already had.
        back: Events with an older state than the consumer had.
        false_deletes: Deletions of what was there.
        final_wrong: Keys that the consumer had wrong at the end.
        repeated_ids: Event ids that came twice in one session.
        redelivered: Events dropped by their id.
        illegal: Events that the consumer's state did not allow (Added of a known key and so on).
        versions_fell: Events whose version was below the last one of their key.
        watermark_broken: Moves of the closed watermark that nothing allowed.
    """

    obligated: int = 0
    lost: int = 0
    late: int = 0
    unbumped: int = 0
    unbumped_lost: int = 0
    coalesced: int = 0
    duplicates: int = 0
    back: int = 0
    false_deletes: int = 0
    final_wrong: int = 0
    repeated_ids: int = 0
    redelivered: int = 0
    illegal: int = 0
    versions_fell: int = 0
    watermark_broken: int = 0
    events: int = 0
    requests: int = 0
    lists: int = 0
    full_lists: int = 0
    gets: int = 0
    items: int = 0
    restarts: int = 0
    minutes: float = 0.0
    bound_max: float = 0.0
    change_delays: list[float] = field(default_factory=list[float])
    delete_delays: list[float] = field(default_factory=list[float])
    counts: dict[str, int] = field(default_factory=dict[str, int])

    FAULTY = (
        "lost",
        "late",
        "unbumped_lost",
        "duplicates",
        "back",
        "false_deletes",
        "final_wrong",
        "repeated_ids",
        "illegal",
        "versions_fell",
        "watermark_broken",
    )
    ALWAYS = ("final_wrong", "repeated_ids", "illegal", "versions_fell", "watermark_broken")

    def broken(self, *, exact: bool) -> dict[str, int]:
        """Give what must be zero and is not."""
        names = self.FAULTY if exact else self.ALWAYS
        return {name: value for name in names if (value := getattr(self, name))}


@dataclass(slots=True)
class Ledger:
    """The books of one run.

    Attributes:
        at_least_once: Restarts may deliver again; the consumer drops known ids and, at
            Synced(resumed), what is not in its keys.
    """

    world: World
    faults: Faults
    metrics: Metrics
    dedupe: bool = True
    known: dict[str, Version] = field(default_factory=dict["str", "Version"])
    delivered: dict[int, float] = field(default_factory=dict[int, float])
    polls: list[tuple[float, float, bool]] = field(default_factory=list[tuple[float, float, bool]])
    _ids: set[str] = field(default_factory=set[str])
    _versions: dict[str, tuple[int, int, float]] = field(
        default_factory=dict[str, tuple[int, int, float]]
    )

    def take(self, event: Event[Version], now: float) -> None:
        """Book one event at its true time of delivery."""
        if isinstance(event, Synced) and event.reason is Reason.RESUMED:
            self._replace(event.keys)
        if not isinstance(event, Added | Modified | Deleted):
            return
        metrics = self.metrics
        metrics.events += 1
        if self.dedupe:
            if event.id in self._ids:
                metrics.redelivered += 1
                metrics.repeated_ids += not self.faults.restarts
                return
            self._ids.add(event.id)
            last = self._versions.get(event.key)
            if last is not None and event.version < last:
                metrics.versions_fell += 1
                if self.faults.restarts:
                    # What a sink does that applies an event only if it is not older.
                    return
            self._versions[event.key] = event.version
        self._check_legal(event)
        if isinstance(event, Deleted):
            self._book_end(event, now)
        else:
            self._book(event, now)

    def begin_anew(self) -> None:
        """Forget everything: a session without any state starts with a snapshot."""
        self.known.clear()
        self._ids.clear()
        self._versions.clear()

    def _replace(self, keys: frozenset[str]) -> None:
        for key in [key for key in self.known if key not in keys]:
            del self.known[key]
            self._versions.pop(key, None)

    def _check_legal(self, event: Added[Version] | Modified[Version] | Deleted[Version]) -> None:
        if self.faults.restarts or not self.dedupe:
            return
        known = self.known.get(event.key)
        legal = (known is None) == isinstance(event, Added)
        if isinstance(event, Modified):
            # A change within one incarnation; another one is deleted and added.
            same_life = known is not None and known.life is event.object.life
            legal = legal and event.old is known and same_life
        if isinstance(event, Deleted) and event.reason is not Reason.DESELECTED:
            legal = legal and event.object is known
        self.metrics.illegal += not legal

    def _book_end(self, event: Deleted[Version], now: float) -> None:
        known = self.known.pop(event.key, None)
        if known is None:
            return
        if event.reason is Reason.DESELECTED:
            self.metrics.false_deletes += event.object.selected
        elif known.life.deleted > now:
            self.metrics.false_deletes += 1
        else:
            self.metrics.delete_delays.append(now - known.life.deleted)

    def _book(self, event: Added[Version] | Modified[Version], now: float) -> None:
        metrics, seen = self.metrics, event.object
        known = self.known.get(event.key)
        if known is seen:
            metrics.duplicates += 1
        elif known is not None:
            before = (known.life.index, known.index)
            metrics.back += (seen.life.index, seen.index) < before
        self.known[event.key] = seen
        if seen.content not in self.delivered:
            self.delivered[seen.content] = now
            if seen.visible > 0:
                metrics.change_delays.append(now - seen.visible)

    # -- closing the books --------------------------------------------------------------------

    def close(self, *, bound: float, horizon: float, end: float) -> None:
        """Hold everything against the truth.

        Args:
            bound: The configured visibility bound.
            horizon: When writes and faults ended.
            end: End of the run.
        """
        polls = sorted(poll for poll in self.polls if poll[0] < horizon)
        fulls = [poll for poll in polls if poll[2]]
        poll_starts = [poll[0] for poll in polls]
        full_starts = [poll[0] for poll in fulls]
        for lives in self.world.lives.values():
            for life in lives:
                for version in life.versions:
                    if version.visible < 0 or not version.selected:
                        continue
                    until = min(_until(version), horizon)
                    if _bumped(version):
                        self._oblige(version, polls, poll_starts, bound, until)
                    else:
                        until -= 2 * bound + _REPAIR_SECONDS
                        self._oblige_unbumped(version, fulls, full_starts, bound, until)
            self.metrics.final_wrong += self._is_wrong(lives, end)

    def _oblige(
        self,
        version: Version,
        polls: list[tuple[float, float, bool]],
        starts: list[float],
        bound: float,
        until: float,
    ) -> None:
        metrics = self.metrics
        first = bisect_left(starts, version.visible + bound)
        delivered = self.delivered.get(version.content)
        if first < len(polls) and polls[first][1] < until:
            metrics.obligated += 1
            if delivered is None:
                metrics.lost += 1
            elif delivered > polls[first][1] + 1e-6:
                metrics.late += 1
        elif delivered is None:
            metrics.coalesced += 1

    def _oblige_unbumped(
        self,
        version: Version,
        polls: list[tuple[float, float, bool]],
        starts: list[float],
        bound: float,
        until: float,
    ) -> None:
        metrics = self.metrics
        first = bisect_left(starts, version.visible + bound)
        delivered = version.content in self.delivered
        if first < len(polls) and polls[first][1] < until:
            metrics.unbumped += 1
            metrics.unbumped_lost += not delivered
        elif not delivered:
            metrics.coalesced += 1

    def _is_wrong(self, lives: list[Life], end: float) -> bool:
        life = lives[-1]
        last = life.versions[-1]
        there = life.deleted > end and last.selected
        return self.known.get(life.key) is not (last if there else None)


def _until(version: Version) -> float:
    life = version.life
    if version.index + 1 < len(life.versions):
        return min(life.versions[version.index + 1].visible, life.deleted)
    return life.deleted


def _bumped(version: Version) -> bool:
    """Tell whether the displayed stamp rose, on every wire."""
    if version.index == 0:
        return True
    before = version.life.versions[version.index - 1]
    return all(
        new.updated_ns > old.updated_ns
        for new, old in zip(version.shown, before.shown, strict=True)
    )
