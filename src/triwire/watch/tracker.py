"""The tracker: plain List polling in, a correct change stream out.

A pure state machine. `plan` says what to do next, the driver does it and hands the outcome to
`on_list`, `on_get` or `on_failure`, which return events. There is no I/O here, no clock, no task;
all times are local monotonic seconds that the driver passes in, taken just before a request is
sent (`started`) and after its whole answer has come (`ended`).

At most one List may be in flight; any number of Gets may be, in any order of arrival. A driver
that overlaps requests calls `begin` when it sends one, so that `plan` does not name it again, and
`abandon` if it was cancelled. One tracker must not be used by two threads at once.

What it promises is checked, history by history, in tests/simulation (ledger.py); why it looks
like this: docs/adr/0006-watch-tracker.md.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Generic, TypeVar

from triwire.watch.actions import (
    Action,
    GetOne,
    ListAction,
    ListAll,
    ListSince,
    Request,
    Stop,
    WaitUntil,
    Why,
)
from triwire.watch.checkpoint import Checkpoint, stored_end, stored_row
from triwire.watch.confirmations import Confirmations
from triwire.watch.cursor import Cursor
from triwire.watch.deletions import Deletions
from triwire.watch.events import Added, Bookmark, Event, Failed, Reason, Synced
from triwire.watch.failures import FailureClass, PollFailure, classify
from triwire.watch.merge import Verdict
from triwire.watch.mirror import Mirror
from triwire.watch.observation import ListAnswer, Observation
from triwire.watch.options import WatchOptions
from triwire.watch.outage import Outage
from triwire.watch.pace import HotGets, PollPace, RelistPace, VisibilityBound, jittered
from triwire.watch.tokens import ResumeToken

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Generator, Iterable, Iterator

    from triwire.watch.rows import Row, Tombstone

T = TypeVar("T")

_MAX_RECENTS = 512
_GUESSED_OBJECT_BYTES = 1024
# Changes applied between two pauses: some three milliseconds.
_PART = 500
# auto: back to full lists only well below the limit, so that the mode does not flap.
_AUTO_RETURN_SHARE = 0.75


def _newest(items: Iterable[Observation[T]]) -> dict[str, Observation[T]]:
    """Keep one observation per key: a list that is no snapshot can show two states of one."""
    newest: dict[str, Observation[T]] = {}
    for seen in items:
        other = newest.setdefault(seen.key, seen)
        if other is not seen and (seen.created_ns, seen.updated_ns) >= (
            other.created_ns,
            other.updated_ns,
        ):
            newest[seen.key] = seen
    return newest


def _no_paths(_old: object, _new: object) -> frozenset[str]:
    return frozenset()


class Tracker(Generic[T]):
    """Follows the objects of one scope.

    Args:
        scope: Endpoint, tenant, kind and filter, as one opaque text: part of every event id.
        rng: Source of all jitter; seeded, a run repeats exactly.
        options: See WatchOptions.
        changed_paths: Compares two objects for `Modified.changed`.
        checkpoint: State to go on from. The first request then waits for the visibility bound,
            so that no replica shows less than what was delivered before.
        now: Local monotonic time of the construction.
        start_reason: Reason of the first Synced when there is no checkpoint: SNAPSHOT, or EXPIRED
            if the caller had to drop one.
    """

    def __init__(
        self,
        scope: str,
        rng: random.Random,
        *,
        options: WatchOptions | None = None,
        changed_paths: Callable[[T, T], frozenset[str]] = _no_paths,
        checkpoint: Checkpoint[T] | None = None,
        now: float = 0.0,
        start_reason: Reason = Reason.SNAPSHOT,
    ) -> None:
        self._options = options = options or WatchOptions()
        self._scope = scope
        self._rng = rng
        self._sync_reason: Reason | None = start_reason
        self._bound = VisibilityBound(
            options, now=now, seconds=None if checkpoint is None else checkpoint.bound_seconds
        )
        self._confirmations = Confirmations()
        self._hot = HotGets(options)
        self._outage = Outage(options, rng)
        self._pace = PollPace(options, options.fast_interval_seconds)
        self._relist = RelistPace(options)
        self._mirror: Mirror[T] = Mirror(
            scope=scope,
            options=options,
            bound=self._bound,
            confirmations=self._confirmations,
            hot=self._hot,
            changed_paths=changed_paths,
        )
        self._deletions = Deletions(
            options,
            rng,
            mirror=self._mirror,
            bound=self._bound,
            confirmations=self._confirmations,
            hot=self._hot,
        )
        self._cursor = Cursor(options, self._bound, count=self._mirror.count, now=now)
        self._full_mode = options.mode != "incremental"
        self._listed = False
        self._level = False
        self._next_poll = self._next_full = now
        self._last_full = -math.inf
        self._list_busy = self._list_was_last = False
        self._gets_busy: set[str] = set()
        self._denied_gets = 0
        self._owner: str | None = None
        self._fatal: Failed | None = None
        self._waiters = 0
        self._nudged = False
        self._wall_clock_ns = 0
        self._fresh_as_of: float | None = None
        self._next_bookmark = now
        if checkpoint is not None:
            self._restore(checkpoint, now)

    # -- what a driver reads ------------------------------------------------------------------

    @property
    def visibility_bound_seconds(self) -> float:
        """The visibility bound as adapted."""
        return self._bound.seconds

    @property
    def closed_ns(self) -> int | None:
        """Everything stamped at or below has been delivered; None while unknown."""
        return self._cursor.watermark.closed_ns

    @property
    def open_ns(self) -> int | None:
        """The greatest believable stamp seen."""
        return self._cursor.watermark.open_ns

    @property
    def renew_credential(self) -> bool:
        """Whether the driver should get a new credential before its next request."""
        return self._outage.renew_credential

    @property
    def counts(self) -> dict[str, int]:
        """Counters of what was met: late, silent, held, sentinel_miss, mass_guard and so on."""
        return self._mirror.counts

    @property
    def objects(self) -> dict[str, T]:
        """The objects known at present, by key (a copy)."""
        return {key: row.object for key, row in self._mirror.rows.items() if row.object is not None}

    def snapshot(self) -> list[Added[T]]:
        """Give what brings somebody who joins now to the present state, in no order."""
        return self._mirror.snapshot()

    def staleness_seconds(self, now: float) -> float:
        """Give the age of the last complete poll, from its start; infinite before the first."""
        return math.inf if self._fresh_as_of is None else now - self._fresh_as_of

    # -- planning -----------------------------------------------------------------------------

    def plan(self, now: float) -> Action:
        """Say what to do at a local time. Changes nothing; ask again after every outcome."""
        if self._fatal is not None:
            return Stop()
        if now < self._outage.resume_at_seconds:
            return WaitUntil(self._outage.resume_at_seconds)
        get, get_at = self._plan_get(now)
        # One of the Gets that are due has its turn after each List: where a List is due whenever
        # there may be a request, as with a small budget, nothing would be confirmed otherwise.
        if self._list_busy or (get is not None and self._list_was_last):
            return get or WaitUntil(get_at)
        listing, list_at = self._plan_list(now)
        return listing or get or WaitUntil(min(get_at, list_at))

    def _plan_get(self, now: float) -> tuple[GetOne | None, float]:
        due = math.inf
        if self._deletions.can_get:
            for queue, why in ((self._confirmations, Why.CONFIRM), (self._hot, Why.HOT)):
                first = queue.first(busy=self._gets_busy)
                if first is not None:
                    if first[0] <= now:
                        return GetOne(first[1], why), first[0]
                    due = min(due, first[0])
        return None, due

    def _plan_list(self, now: float) -> tuple[ListAction | None, float]:
        full_at, why = self._full_due()
        if full_at <= now:
            return ListAll(why), full_at
        if self._next_poll > now:
            return None, min(full_at, self._next_poll)
        if self._full_mode:
            return ListAll(Why.POLL), now
        if self._cursor.watermark.open_ns is None:
            return ListAll(Why.EMPTY), now
        return self._cursor.plan(now), now

    def _full_due(self) -> tuple[float, Why]:
        if not self._listed:
            return self._next_full, Why.SYNC
        due, why = self._next_full, Why.RELIST
        close_at = None if self._full_mode else self._cursor.close_at()
        if close_at is not None and close_at < due:
            due, why = close_at, Why.CLOSE
        if self._hot.too_many or (self._hot and not self._deletions.can_get):
            early = self._relist.at_least(self._options.idle_interval_seconds)
            due = min(due, self._last_full + early)
        if not self._deletions.can_get:
            first = self._confirmations.first(busy=frozenset())
            if first is not None:
                early = max(first[0], self._last_full + self._bound.seconds)
                if early < due:
                    due, why = early, Why.CONFIRM
        return due, why

    # -- what a driver tells ------------------------------------------------------------------

    def begin(self, request: Request) -> None:
        """Note that a request has been sent; needed only if requests overlap."""
        if isinstance(request, GetOne):
            self._gets_busy.add(request.key)
        else:
            self._list_busy = True

    def abandon(self, request: Request) -> None:
        """Note that a request was cancelled: nothing is known of its outcome."""
        self._list_was_last = not isinstance(request, GetOne)
        if isinstance(request, GetOne):
            self._gets_busy.discard(request.key)
        else:
            self._list_busy = False

    def nudge(self, now: float) -> None:
        """Poll at once, and fast for a while: the caller has just written something."""
        self._nudged = True
        self._next_poll = min(self._next_poll, now)

    def add_waiter(self) -> None:
        """Poll fast while somebody waits for a state."""
        self._waiters += 1

    def remove_waiter(self) -> None:
        """Undo one `add_waiter`."""
        self._waiters -= 1

    def on_wire_change(self, now: float) -> None:
        """Note that requests sent from now on go over another wire.

        Stamps may then be cut differently: until an object is seen on the new wire, its creation
        stamp is compared with a tolerance of a second. A full list is due at once.
        """
        self._mirror.change_wire(now)
        self._next_full = min(self._next_full, now)

    def on_list(
        self, action: ListAction, answer: ListAnswer[T], *, started: float, ended: float
    ) -> list[Event[T]]:
        """Apply a complete List answer.

        Args:
            action: What was planned.
            answer: All of what came.
            started: Local monotonic time just before the request was sent.
            ended: Local monotonic time after the whole answer.
        """
        parts = self.on_list_in_parts(action, answer, started=started, ended=ended)
        return [event for part in parts for event in part]

    def on_list_in_parts(
        self, action: ListAction, answer: ListAnswer[T], *, started: float, ended: float
    ) -> Iterator[list[Event[T]]]:
        """Do as `on_list`, with pauses: some hundred changes of a long answer at a time.

        In a pause `snapshot` gives what the parts so far have told. Nothing is to be planned and
        nothing else applied before the last part.
        """
        self.abandon(action)
        if self._outage.recovered():
            self._next_full = min(self._next_full, ended)
        if not self._same_owner(answer):
            yield self._mirror.drain()
            return
        newest = _newest(answer.items)
        doubted = isinstance(action, ListAll) and self._deletions.doubts(
            newest, started=started, ended=ended
        )
        changed, repaired, earliest_late_ns = yield from self._merge(
            action, newest, started=started, ended=ended
        )
        complete = not doubted
        if isinstance(action, ListSince):
            complete = self._deletions.after_poll(action, newest, started=started, ended=ended)
            self._check_filter(action, newest)
        elif complete:
            self._deletions.after_full_list(newest, started=started, ended=ended)
        self._cursor.after_list(
            action,
            answer,
            stamps=[seen.updated_ns for seen in newest.values()],
            complete=complete,
            changed=changed,
            earliest_late_ns=earliest_late_ns,
            started=started,
            ended=ended,
        )
        self._wall_clock_ns = answer.wall_clock_ns or self._wall_clock_ns
        if complete:
            self._fresh_as_of = started
        if isinstance(action, ListAll):
            self._after_full(
                action,
                answer,
                complete=complete,
                repaired=repaired,
                started=started,
                ended=ended,
            )
        self._after_poll(action, changed=changed, ended=ended)
        self._bound.settle(ended)
        self._mirror.tombstones.expire(
            before=started - max(2 * self._bound.seconds, self._options.tombstone_seconds)
        )
        self._mirror.compact()
        yield self._finish(ended)

    def on_get(
        self, action: GetOne, seen: Observation[T] | None, *, started: float, ended: float
    ) -> list[Event[T]]:
        """Apply the outcome of a Get.

        Args:
            action: What was planned.
            seen: The object, or None for a NOT_FOUND that the API itself sent (see PollFailure).
            started: Local monotonic time just before the request was sent.
            ended: Local monotonic time after the answer.
        """
        self.abandon(action)
        self._denied_gets = 0
        key = action.key
        if action.why is Why.CONFIRM:
            self._confirmations.settle(key)
        self._hot.asked(key, at=ended)
        self._deletions.after_get(key, seen, started=started, ended=ended)
        return self._finish(ended)

    def on_failure(
        self, action: Request, failure: PollFailure, *, started: float, ended: float
    ) -> list[Event[T]]:
        """Apply a failed request; arguments as in `on_list`."""
        kind = classify(failure, of_list=not isinstance(action, GetOne))
        if kind is FailureClass.GONE:
            if isinstance(action, GetOne):
                return self.on_get(action, None, started=started, ended=ended)
            # Some servers answer so when there is nothing to list; the mass guard checks it.
            nothing: ListAnswer[T] = ListAnswer(())
            return self.on_list(action, nothing, started=started, ended=ended)
        self.abandon(action)
        if isinstance(action, GetOne) and kind in (
            FailureClass.UNSUPPORTED,
            FailureClass.DENIED,
        ):
            self._denied_gets += 1
            if kind is FailureClass.UNSUPPORTED or self._denied_gets >= self._options.denied_limit:
                self._deletions.can_get = False
            self._outage.back_off(failure, kind, at=ended)
            return []
        told = self._outage.failed(failure, kind, at=ended)
        if told is None:
            return []
        if told.is_fatal:
            self._fatal = told
        return [told]

    # -- applying a list ----------------------------------------------------------------------

    def _same_owner(self, answer: ListAnswer[T]) -> bool:
        owner = answer.owner
        if owner is None or self._owner in (None, owner):
            self._owner = owner or self._owner
            return True
        self._fatal = Failed(
            f"expected objects of {self._owner!r}, got those of {owner!r}:"
            " the credential belongs to another tenant now",
            None,
            is_fatal=True,
        )
        self._mirror.events.append(self._fatal)
        return False

    def _merge(
        self,
        action: ListAction,
        newest: dict[str, Observation[T]],
        *,
        started: float,
        ended: float,
    ) -> Generator[list[Event[T]], None, tuple[bool, bool, int | None]]:
        mirror = self._mirror
        late_below = self._cursor.late_below_ns
        changed = repaired = False
        earliest_late: int | None = None
        unknown = [seen for seen in newest.values() if not mirror.shows(seen)]
        unknown.sort(key=lambda seen: (seen.updated_ns, seen.key))
        for index, seen in enumerate(unknown):
            if index and index % _PART == 0:
                yield mirror.drain()
            known = seen.key in mirror.rows
            verdict = mirror.observe(seen, started=started, ended=ended)
            if verdict is None:
                continue
            changed = True
            regular = action.why is Why.POLL
            if verdict is Verdict.NEWER and (known or regular):
                self._cursor.sample(seen.updated_ns, arrived=ended, regular=regular)
            if late_below is None or not 0 < seen.updated_ns <= late_below:
                continue
            repaired = True
            if verdict is Verdict.TIE:
                mirror.count("silent")
            elif verdict is Verdict.REGRESSED:
                continue
            elif not known and self._cursor.is_ancient(seen.updated_ns):
                mirror.count("late_deep")
            else:
                mirror.count("late")
                # Sorted by stamp, so the first is the earliest.
                earliest_late = earliest_late or seen.updated_ns
                if self._bound.late(started):
                    mirror.count("widened")
        return changed, repaired, earliest_late

    def _check_filter(self, action: ListSince, newest: dict[str, Observation[T]]) -> None:
        floor = action.cursor_ns - 2 * self._options.guard_ns
        if any(seen.updated_ns <= floor for seen in newest.values()):
            self._mirror.count("filter_ignored")

    def _after_full(
        self,
        action: ListAll,
        answer: ListAnswer[T],
        *,
        complete: bool,
        repaired: bool,
        started: float,
        ended: float,
    ) -> None:
        options = self._options
        self._last_full = ended
        if complete:
            # A driver that cannot tell the size gets a guess.
            self._choose_mode(answer.size_bytes or _GUESSED_OBJECT_BYTES * len(answer.items))
        if not self._deletions.can_get:
            self._confirmations.settle_due(started)
        if not self._listed and self._sync_reason is not Reason.RESUMED:
            self._mirror.events.append(self._synced())
        self._listed = True
        if complete:
            self._level = True
            self._mirror.adopt_below_ns = None
        if self._full_mode:
            self._next_full = math.inf
            return
        gap = self._relist.after_list(
            repaired=repaired and action.why is Why.RELIST,
            found=repaired or self._deletions.open > 0,
            took_seconds=ended - started,
            size_bytes=answer.size_bytes,
        )
        if not complete or self._deletions.need_list:
            gap = self._bound.seconds
        self._next_full = ended + jittered(gap, share=options.jitter, rng=self._rng)

    def _choose_mode(self, size_bytes: int) -> None:
        if self._options.mode == "auto":
            limit = self._options.auto_full_bytes
            if self._full_mode:
                self._full_mode = size_bytes <= limit
            else:
                self._full_mode = size_bytes <= limit * _AUTO_RETURN_SHARE

    def _after_poll(self, action: ListAction, *, changed: bool, ended: float) -> None:
        busy = changed or self._nudged or self._waiters > 0 or bool(self._mirror.moving)
        self._nudged = False
        interval = self._pace.after_poll(busy=busy)
        if action.why is Why.SYNC:
            # A random phase: processes that started together shall not poll together.
            interval *= self._rng.random()
        self._next_poll = ended + jittered(interval, share=self._options.jitter, rng=self._rng)

    # -- markers ------------------------------------------------------------------------------

    def _synced(self) -> Synced:
        reason, self._sync_reason = self._sync_reason, None
        return Synced(reason or Reason.SNAPSHOT, frozenset(self._mirror.rows))

    def _finish(self, ended: float) -> list[Event[T]]:
        self._deletions.forget_settled()
        if self._sync_reason is Reason.RESUMED and self._level and not self._deletions.open:
            self._mirror.events.append(self._synced())
        every = self._options.bookmark_interval_seconds
        fresh = self._fresh_as_of
        if every is not None and fresh is not None and ended >= self._next_bookmark:
            token = self.token()
            if token is not None and self._sync_reason is None:
                self._next_bookmark = ended + every
                self._mirror.events.append(Bookmark(token, fresh))
        return self._mirror.drain()

    # -- state as a value ---------------------------------------------------------------------

    def token(self) -> str | None:
        """Give a resume token, or None while the closed watermark is unknown.

        Where nothing has a stamp, as where there is nothing, a token says just that: who resumes
        from it is told all that is there by then.
        """
        watermark = self._cursor.watermark
        closed = watermark.closed_ns
        if closed is None:
            if not self._level or watermark.open_ns is not None:
                return None
            return ResumeToken.of(self._checkpoint((), (), complete=False)).text()
        recent = {
            row.key: row for row in self._mirror.stamped_since(closed - self._options.guard_ns)
        }
        # Who forgets an epoch gives versions below those told before.
        later = [self._mirror.rows[key] for key in self._mirror.later_epochs if key not in recent]
        rows = (later + list(recent.values()))[-_MAX_RECENTS:]
        return ResumeToken.of(self._checkpoint(rows, (), complete=False)).text()

    def checkpoint(self, keys: Iterable[str] | None = None) -> Checkpoint[T]:
        """Give the state as a value.

        Args:
            keys: Only the rows and ends of these keys, for a store that holds the rest already
                and applies what each answer changed; None for all.
        """
        rows, ends = self._mirror.rows, self._mirror.tombstones
        if keys is None:
            return self._checkpoint(rows.values(), ends, complete=True)
        wanted = dict.fromkeys(keys)
        found = [end for end in map(ends.get, wanted) if end is not None]
        return self._checkpoint([rows[key] for key in wanted if key in rows], found, complete=True)

    def _checkpoint(
        self, rows: Iterable[Row[T]], ends: Iterable[Tombstone], *, complete: bool
    ) -> Checkpoint[T]:
        return Checkpoint(
            scope=self._scope,
            closed_ns=self._cursor.watermark.closed_ns,
            open_ns=self._cursor.watermark.open_ns,
            bound_seconds=self._bound.seconds,
            taken_at_ns=self._wall_clock_ns,
            complete=complete,
            owner=self._owner,
            rows=tuple(stored_row(row) for row in rows),
            ends=tuple(stored_end(end) for end in ends),
        )

    def _restore(self, checkpoint: Checkpoint[T], now: float) -> None:
        watermark, mirror = self._cursor.watermark, self._mirror
        watermark.closed_ns, watermark.open_ns = checkpoint.closed_ns, checkpoint.open_ns
        watermark.peak_ns = checkpoint.closed_ns
        if watermark.closed_ns is not None:
            watermark.history.append((now, watermark.closed_ns))
        if watermark.open_ns is not None and watermark.open_ns != watermark.closed_ns:
            watermark.seen.append((now, watermark.open_ns))
        for stored in checkpoint.rows:
            mirror.restore(stored.row(now=now))
        for end in checkpoint.ends:
            mirror.tombstones.put(end.tombstone(now=now))
        self._wall_clock_ns = checkpoint.taken_at_ns
        self._owner = checkpoint.owner
        self._sync_reason = Reason.RESUMED
        if not checkpoint.complete:
            mirror.adopt_below_ns = checkpoint.closed_ns
        self._outage.resume_at_seconds = now + self._bound.seconds
        self._next_full = now
