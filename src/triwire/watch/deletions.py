"""From what is missing in an answer to what is gone: the part of the tracker that deletes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from triwire.watch.absences import Absences
from triwire.watch.events import Failed, Reason

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping

    from triwire.watch.actions import ListSince
    from triwire.watch.confirmations import Confirmations
    from triwire.watch.mirror import Mirror
    from triwire.watch.observation import Observation
    from triwire.watch.options import WatchOptions
    from triwire.watch.pace import HotGets, VisibilityBound
    from triwire.watch.rows import Row

T = TypeVar("T")

# Sentinels that miss in one answer are asked for up to this many times the limit of a full list;
# more would only repeat what a full list finds cheaper.
_SENTINEL_ROOM = 4


class Deletions(Generic[T]):
    """Doubts, suspects, confirms and at last deletes.

    Attributes:
        can_get: False once Get turned out not to be served.
    """

    def __init__(
        self,
        options: WatchOptions,
        rng: random.Random,
        *,
        mirror: Mirror[T],
        bound: VisibilityBound,
        confirmations: Confirmations,
        hot: HotGets,
    ) -> None:
        self._options = options
        self._rng = rng
        self._mirror = mirror
        self._bound = bound
        self._confirmations = confirmations
        self._hot = hot
        self._absences = Absences(options)
        self.can_get = options.can_get

    @property
    def open(self) -> int:
        """Number of suspicions that are not settled."""
        return len(self._absences.suspects)

    @property
    def need_list(self) -> bool:
        """Whether it takes another full list to settle them."""
        return self.open > (self._options.confirm_limit if self.can_get else 0)

    def doubts(self, seen: Mapping[str, Observation[T]], *, started: float, ended: float) -> bool:
        """Tell whether a full list misses so much that it is not believed as a whole.

        Objects in deletion do not count: they are about to go.
        """
        mirror, bound = self._mirror, self._bound.seconds
        rows = mirror.rows
        missing = [key for key in self._missing(seen, started) if key not in self._hot]
        plan = self._absences.weigh(
            missing, known=len(rows), live=rows, started=started, bound_seconds=bound
        )
        if plan.probe:
            count = min(self._options.mass_probes if self.can_get else 0, len(missing))
            probes = self._rng.sample(missing, count)
            self._absences.doubt(probes, started=started)
            for key in probes:
                self._confirmations.ask(key, at=ended)
            if plan.doubted:
                mirror.count("mass_guard")
                mirror.events.append(
                    Failed(
                        f"{len(missing)} of {len(rows)} known objects are absent from a full list:"
                        " not believed before Gets and a second list confirm it",
                        None,
                    )
                )
        return plan.doubted

    def after_full_list(
        self, seen: Mapping[str, Observation[T]], *, started: float, ended: float
    ) -> None:
        """Suspect what a believed full list does not hold; delete what two do not hold."""
        rows, absences, bound = self._mirror.rows, self._absences, self._bound.seconds
        absences.clear_seen(seen)
        missing = self._missing(seen, started)
        many = len(missing) > self._options.confirm_limit
        by_lists = many or not self.can_get
        believed = not many or absences.probes_are_gone(live=rows)
        for key in missing:
            suspicion = absences.suspect(key, started=started)
            if not by_lists:
                self._confirmations.ask(key, at=ended)
            elif believed and suspicion.lists > 1 and started >= suspicion.started + bound:
                self._delete(rows[key], Reason.ABSENT_TWICE, ended)

    def after_poll(
        self,
        action: ListSince,
        seen: Mapping[str, Observation[T]],
        *,
        started: float,
        ended: float,
    ) -> bool:
        """Check the sentinels of a poll.

        Returns:
            Whether all came back. If not, they were deleted or the answer is incomplete: each is
            asked for by Get, and the answer closes nothing.
        """
        # From the guard's upper end: what lies inside the guard may be lost to a server that
        # rounds what it was asked.
        floor = action.cursor_ns + self._options.guard_ns
        bound, confirmations = self._bound.seconds, self._confirmations
        whole = True
        for row in self._mirror.stamped_since(floor):
            if row.key in seen or row.accepted + bound > started:
                continue
            whole = False
            room = len(confirmations) < _SENTINEL_ROOM * self._options.confirm_limit
            if room and row.key not in confirmations:
                self._mirror.count("sentinel_miss")
                confirmations.ask(row.key, at=ended)
        return whole

    def after_get(
        self, key: str, seen: Observation[T] | None, *, started: float, ended: float
    ) -> None:
        """Apply what a Get showed, or that it found nothing."""
        bound, row = self._bound.seconds, self._mirror.rows.get(key)
        if seen is not None:
            suspicion = self._absences.suspects.pop(key, None)
            self._mirror.observe(seen, started=started, ended=ended)
            if suspicion is not None and started < suspicion.started + bound:
                # Perhaps a replica that has not seen the deletion yet.
                self._confirmations.ask(key, at=suspicion.started + bound)
        elif row is not None:
            if started >= row.first_seen + bound:
                self._delete(row, Reason.NOT_FOUND, ended)
            else:
                self._confirmations.ask(key, at=row.first_seen + bound)

    def forget_settled(self) -> None:
        """Drop the suspicions of objects that went another way."""
        suspects, rows = self._absences.suspects, self._mirror.rows
        for key in [key for key in suspects if key not in rows]:
            del suspects[key]

    def _missing(self, seen: Mapping[str, Observation[T]], started: float) -> list[str]:
        rows, bound = self._mirror.rows, self._bound.seconds
        absent = rows.keys() - seen.keys()
        # Sorted, since the order of a set differs between processes and a run must repeat.
        return sorted(key for key in absent if rows[key].first_seen + bound <= started)

    def _delete(self, row: Row[T], reason: Reason, ended: float) -> None:
        self._absences.suspects.pop(row.key, None)
        self._mirror.delete(row, reason, ended=ended)
