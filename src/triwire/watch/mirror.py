"""The known objects, and the events that come of observing them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Generic, TypeVar

from triwire.watch.events import Added, Deleted, Identity, Modified, Reason
from triwire.watch.merge import Return, Verdict, judge, judge_return
from triwire.watch.observation import Phase
from triwire.watch.rows import UNKNOWN_WIRE, Hold, Row, Tombstone, Tombstones
from triwire.watch.sentinels import StampIndex
from triwire.watch.stamps import NS_PER_SECOND

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from triwire.watch.confirmations import Confirmations
    from triwire.watch.events import Event
    from triwire.watch.observation import Observation
    from triwire.watch.options import WatchOptions
    from triwire.watch.pace import HotGets, VisibilityBound

T = TypeVar("T")

WIRE_TOLERANCE_NS = NS_PER_SECOND
"""Two wires may cut the same creation stamp to different precisions, at worst to seconds."""


class Mirror(Generic[T]):
    """Rows, tombstones and the merge rules applied to them.

    Attributes:
        rows: The live objects by key.
        tombstones: The remembered ends.
        moving: Keys of the objects that are not settled.
        later_epochs: Keys, in order, of the objects in another epoch than their first.
        events: What happened since `drain`.
        counts: Named counters of what was met; see docs/adr/0006-watch-tracker.md.
        wire: Number of the wire in use; rows last seen on another get a tolerance.
        adopt_below_ns: While resuming from a token, unknown objects stamped at or below this were
            delivered before; None otherwise.
    """

    def __init__(
        self,
        *,
        scope: str,
        options: WatchOptions,
        bound: VisibilityBound,
        confirmations: Confirmations,
        hot: HotGets,
        changed_paths: Callable[[T, T], frozenset[str]],
    ) -> None:
        self._scope = scope
        self._options = options
        self._bound = bound
        self._confirmations = confirmations
        self._hot = hot
        self._changed_paths = changed_paths
        self._index = StampIndex()
        self.rows: dict[str, Row[T]] = {}
        self.tombstones = Tombstones(limit=options.max_tombstones)
        self.moving: set[str] = set()
        self.later_epochs: dict[str, None] = {}
        self.events: list[Event[T]] = []
        self.counts: dict[str, int] = {}
        self.wire = 0
        self._wire_since = -math.inf
        self.adopt_below_ns: int | None = None

    def change_wire(self, at: float) -> None:
        """Expect other precisions from requests sent from now on, until each row is seen again."""
        self.wire += 1
        self._wire_since = at

    def count(self, name: str) -> None:
        """Add one to a counter."""
        self.counts[name] = self.counts.get(name, 0) + 1

    def drain(self) -> list[Event[T]]:
        """Give the events since the last call."""
        events, self.events = self.events, []
        return events

    def shows(self, seen: Observation[T]) -> bool:
        """Tell whether an observation is exactly what is known, so that nothing need be done."""
        row = self.rows.get(seen.key)
        return (
            row is not None
            and row.updated_ns == seen.updated_ns
            and row.fingerprint == seen.fingerprint
            and row.shown_created_ns == seen.created_ns
            and row.hold is None
            and row.wire == self.wire
            and row.object is not None
            and seen.selected
        )

    def snapshot(self) -> list[Added[T]]:
        """Give the known objects as they are new to somebody who joins now."""
        return [
            Added(row.object, identity=self._identity(row), observed_at_seconds=row.accepted)
            for row in self.rows.values()
            if row.object is not None
        ]

    def stamped_since(self, stamp_ns: int) -> Iterator[Row[T]]:
        """Give the live objects stamped at or above a stamp; costs what it gives."""
        for stamp, key in self._index.since(stamp_ns):
            row = self.rows.get(key)
            if row is not None and row.updated_ns == stamp:
                yield row

    def restore(self, row: Row[T]) -> None:
        """Put in a row from a checkpoint, without an event."""
        self.rows[row.key] = row
        self._note_epoch(row)
        self._file(row)

    def compact(self) -> None:
        """Clean the index when leftovers outnumber the live objects."""
        if self._index.needs_compaction(len(self.rows)):
            self._index.rebuild((row.updated_ns, row.key) for row in self.rows.values())

    def observe(self, seen: Observation[T], *, started: float, ended: float) -> Verdict | None:
        """Apply one observation.

        Args:
            seen: What the answer showed.
            started: Local monotonic time just before its request was sent.
            ended: Local monotonic time after the whole answer.

        Returns:
            The verdict if it led to an event, else None.
        """
        row = self.rows.get(seen.key)
        if row is None:
            return self._arrive(seen, started=started, ended=ended)
        verdict = judge(
            row,
            seen,
            started=started,
            bound_seconds=self._bound.seconds,
            created_tolerance_ns=self._tolerance_ns(row, started),
        )
        before = len(self.events)
        if verdict in (Verdict.HOLD, Verdict.WAIT):
            self._hold(row, seen, verdict, started=started)
        elif verdict is Verdict.RECREATED:
            self._recreate(row, seen, started=started, ended=ended)
        elif verdict in (Verdict.CONFIRMED, Verdict.ECHO):
            self._confirm(row, seen, verdict, started=started)
        else:
            self._accept(row, seen, verdict, started=started, ended=ended)
        return verdict if len(self.events) > before else None

    def _tolerance_ns(self, row: Row[T], started: float) -> int:
        known_wire = row.wire == self.wire and started >= self._wire_since
        return 0 if known_wire else WIRE_TOLERANCE_NS

    def delete(self, row: Row[T], reason: Reason, *, ended: float) -> None:
        """Report the end of an object and remember it."""
        self._forget(row)
        self.tombstones.put(Tombstone(row.key, row.created_ns, row.updated_ns, row.epoch, ended))
        self._report_end(row, row.object, reason, ended=ended)

    def _arrive(self, seen: Observation[T], *, started: float, ended: float) -> Verdict | None:
        if not seen.selected:
            return None
        end = self.tombstones.get(seen.key)
        created_ns, epoch, reason = seen.created_ns, 0, Reason.LISTED
        if end is not None:
            fate = judge_return(end, seen, started=started, bound_seconds=self._bound.seconds)
            if fate is Return.STALE:
                self.count("stale_return")
                return None
            if fate is not Return.NEW:
                # The version must rise: above that of an end, and above an equal or newer stamp.
                rises = fate is Return.RESELECTED and seen.updated_ns > end.updated_ns
                created_ns, epoch = end.created_ns, end.epoch + (0 if rises else 1)
                reason = Reason.RESELECTED
            elif _is_same_second(created_ns, end.created_ns):
                epoch = end.epoch + 1
            if fate is Return.RESURRECTED:
                reason = Reason.RESURRECTED
                self.count("resurrected")
                self._bound.widen(started)
        row = self._add(seen, created_ns=created_ns, epoch=epoch, started=started, ended=ended)
        known_before = self.adopt_below_ns
        if known_before is not None and seen.updated_ns <= known_before:
            return None
        identity = self._identity(row)
        if known_before is None or seen.created_ns > known_before:
            self.events.append(
                Added(seen.object, identity=identity, reason=reason, observed_at_seconds=ended)
            )
        else:
            # The token does not tell whether its consumer had it; an object created below the
            # closed watermark must have been delivered once.
            self.events.append(
                Modified(seen.object, identity=identity, reason=reason, observed_at_seconds=ended)
            )
        return Verdict.NEWER

    def _hold(self, row: Row[T], seen: Observation[T], verdict: Verdict, *, started: float) -> None:
        if verdict is Verdict.HOLD:
            self.count("held")
            row.hold = Hold(seen.created_ns, seen.updated_ns, seen.fingerprint, started)
        hold = row.hold
        first = started if hold is None else hold.first_started
        tie = seen.updated_ns == row.updated_ns and seen.created_ns == row.shown_created_ns
        since = row.accepted if tie else max(first, row.accepted)
        self._confirmations.ask(row.key, at=since + self._bound.seconds)

    def _confirm(
        self, row: Row[T], seen: Observation[T], verdict: Verdict, *, started: float
    ) -> None:
        self._mark_wire(row, started)
        row.shown_created_ns = seen.created_ns
        row.fingerprint = seen.fingerprint
        if row.object is None:
            row.object, row.phase = seen.object, seen.phase
            self._file(row)
        hold = row.hold
        if verdict is Verdict.CONFIRMED and hold is not None and started > hold.first_started:
            self.count("hold_dropped")
            row.hold = None
            if hold.first_started >= row.accepted + self._bound.seconds:
                # The bound had passed since the known state was seen, and still something older
                # was shown, which has not stayed: replicas lag more than was assumed.
                self.count("stale_read")
                self._bound.widen(started)

    def _accept(
        self, row: Row[T], seen: Observation[T], verdict: Verdict, *, started: float, ended: float
    ) -> None:
        if not seen.selected:
            self._leave(row, seen, ended=ended)
            return
        old, same = row.object, verdict is Verdict.TOUCHED
        row.take(seen, at=ended)
        self._mark_wire(row, started)
        if verdict is Verdict.REGRESSED:
            row.epoch += 1
            self._note_epoch(row)
            self.count("regressed")
        self._file(row)
        if same and not self._options.emit_touches:
            return
        reason = {Verdict.TIE: Reason.TIE, Verdict.REGRESSED: Reason.REGRESSED}.get(verdict)
        self.events.append(
            Modified(
                seen.object,
                old,
                frozenset() if old is None else self._changed_paths(old, seen.object),
                identity=self._identity(row),
                reason=reason or Reason.LISTED,
                observed_at_seconds=ended,
            )
        )

    def _recreate(self, row: Row[T], seen: Observation[T], *, started: float, ended: float) -> None:
        older = seen.created_ns <= row.created_ns
        self.delete(row, Reason.REPLACED, ended=ended)
        if not seen.selected:
            return
        # A version must not fall, so an incarnation that is stamped lower takes the old stamp, and
        # one whose version would tie the next epoch.
        created_ns = row.created_ns if older else seen.created_ns
        fresh = self._add(
            seen,
            created_ns=created_ns,
            epoch=row.epoch + 1 if _is_same_second(created_ns, row.created_ns) else 0,
            started=started,
            ended=ended,
        )
        if older:
            self.count("regressed")
        self.events.append(
            Added(
                seen.object,
                identity=self._identity(fresh),
                reason=Reason.REGRESSED if older else Reason.RECREATED,
                observed_at_seconds=ended,
            )
        )

    def _leave(self, row: Row[T], seen: Observation[T], *, ended: float) -> None:
        self._forget(row)
        self.count("deselected")
        self.tombstones.put(
            Tombstone(row.key, row.created_ns, seen.updated_ns, row.epoch, ended, deselected=True)
        )
        row.take(seen, at=ended)
        self._report_end(row, seen.object, Reason.DESELECTED, ended=ended)

    def _report_end(self, row: Row[T], last: T | None, reason: Reason, *, ended: float) -> None:
        if last is None:
            # Known from a token only: Synced(resumed) says that it is gone.
            self.count("silent_end")
            return
        self.events.append(
            Deleted(last, identity=self._identity(row), reason=reason, observed_at_seconds=ended)
        )

    def _add(
        self,
        seen: Observation[T],
        *,
        created_ns: int,
        epoch: int,
        started: float,
        ended: float,
    ) -> Row[T]:
        row = Row(
            key=seen.key,
            created_ns=created_ns,
            shown_created_ns=seen.created_ns,
            updated_ns=seen.updated_ns,
            fingerprint=seen.fingerprint,
            object=seen.object,
            phase=seen.phase,
            first_seen=ended,
            accepted=ended,
            epoch=epoch,
        )
        self._mark_wire(row, started)
        self.rows[row.key] = row
        self._note_epoch(row)
        self.tombstones.discard(row.key)
        if row.phase is Phase.SETTLED:
            # A new row is nowhere else yet; of a first list, most are settled.
            self._index.add(row.updated_ns, row.key)
        else:
            self._file(row)
        return row

    def _mark_wire(self, row: Row[T], started: float) -> None:
        # An answer that was under way during the change may have come over the former wire.
        row.wire = self.wire if started >= self._wire_since else UNKNOWN_WIRE

    def _forget(self, row: Row[T]) -> None:
        del self.rows[row.key]
        self.moving.discard(row.key)
        self.later_epochs.pop(row.key, None)
        self._hot.stop(row.key)
        self._confirmations.settle(row.key)

    def _note_epoch(self, row: Row[T]) -> None:
        if row.epoch:
            self.later_epochs[row.key] = None

    def _file(self, row: Row[T]) -> None:
        self._index.add(row.updated_ns, row.key)
        if row.phase is Phase.SETTLED:
            self.moving.discard(row.key)
        else:
            self.moving.add(row.key)
        if row.phase is Phase.DELETING:
            self._hot.start(row.key, at=row.accepted)
        else:
            self._hot.stop(row.key)

    def _identity(self, row: Row[T]) -> Identity:
        return Identity(
            self._scope,
            row.key,
            row.created_ns,
            row.updated_ns,
            row.fingerprint,
            row.count,
            row.epoch,
        )


def _is_same_second(one_ns: int, other_ns: int) -> bool:
    return one_ns // NS_PER_SECOND == other_ns // NS_PER_SECOND
