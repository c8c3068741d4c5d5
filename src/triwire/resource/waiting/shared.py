"""The reads that the waits of one client for one kind of resource share. Pure.

Up to `MAX_GETS` waits read their own resource by Get. Above that one List serves them all. It
asks for what changed after the smallest of the stamps that the waits know of their resources
(less a guard, for a server that shows or compares them rounded), so every answer holds every one
of these resources, or the resource is gone. No answer builds on another: what a watch has a
watermark for (writes that become visible late, equal stamps, a clock that steps back) cannot lose
anything here. That is why this is no tracker: it would have to keep every object of the kind.

That a resource is missing is a suspicion; its Get decides, and the wait believes that alone.

There is no task and no thread of its own. Whoever waits is a `Party`, and one of them, the
keeper, sleeps until the next read is due, makes it and hands out what it showed; the others
sleep until they are woken. If the keeper leaves, for whatever reason, another one is woken
and takes over. Callers hold `lock` around every method here, and never while they read or sleep.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import TYPE_CHECKING, Final, Generic, TypeAlias

from triwire.call.attempts import shorter
from triwire.errors import Code, RpcError
from triwire.resource.lifecycle import Lifecycle, Listing, ResourceT
from triwire.resource.waiting.failures import is_for_good

if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextlib import AbstractContextManager

    from triwire._io import AsyncSignal, Signal
    from triwire.resource.waiting.wait import Wait
    from triwire.spec import CallOptions

__all__ = ["MAX_GETS", "Party", "ReadAll", "ReadOne", "Rest", "SharedReads", "Step", "Tell"]

MAX_GETS: Final = 4

# Gets at a time that look after resources which a List did not show.
_MAX_CHECKS: Final = 16

# A List that shows more resources than this for each wait costs more than their Gets: a Get takes
# about as long as to decode a hundred resources (measured, bench/waits.py).
_MAX_SHOWN_PER_WAIT: Final = 100

# As in `wait`: timers end a little early or late.
_CLOCK_SLACK_SECONDS: Final = 0.05

# How far below the smallest stamp the List asks. Covers stamps that are shown to the second.
_GUARD_NS: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class ReadOne(Generic[ResourceT]):
    """Get the resource of a wait, and tell `SharedReads.finish_one`."""

    wait: Wait[ResourceT]


@dataclass(frozen=True, slots=True)
class ReadAll:
    """List the kind, and tell `SharedReads.finish_all`, `fail_all` or `abandon_all`.

    Attributes:
        listing: How.
        since_ns: What to ask from; None for everything.
        timeout_seconds: What the party that makes it has left.
    """

    listing: Listing
    since_ns: int | None
    timeout_seconds: float

    def options(self, options: CallOptions) -> CallOptions:
        """Return a caller's options with a timeout that ends with its wait."""
        limit = shorter(options.timeout_seconds, self.timeout_seconds)
        return replace(options, timeout_seconds=limit)


@dataclass(frozen=True, slots=True)
class Rest:
    """Sleep until the party's signal is set, or for some seconds; None for as long as it takes."""

    seconds: float | None


@dataclass(frozen=True, slots=True)
class Tell(Generic[ResourceT]):
    """Tell the caller of states, by `Wait.tell`, and `SharedReads.satisfy` where it says so."""

    news: tuple[tuple[Wait[ResourceT], ResourceT], ...]


Step: TypeAlias = ReadOne[ResourceT] | ReadAll | Rest | Tell[ResourceT]


@dataclass(slots=True, eq=False)
class Party(Generic[ResourceT]):
    """A task or thread with what it waits for.

    Attributes:
        waits: One, or those of a wait for several resources.
        signal: Set when something has happened that concerns the party.
    """

    waits: list[Wait[ResourceT]]
    signal: Signal | AsyncSignal

    @property
    def is_over(self) -> bool:
        """Whether all its waits have ended, or one in vain."""
        return all(wait.is_over for wait in self.waits) or self.failed is not None

    @property
    def failed(self) -> Wait[ResourceT] | None:
        """The first of its waits that has ended in vain."""
        return next((wait for wait in self.waits if wait.error is not None), None)

    @property
    def deadline_seconds(self) -> float:
        """When the first of its waits gives up."""
        return min((w.deadline_seconds for w in self.waits if not w.is_over), default=math.inf)


class SharedReads(Generic[ResourceT]):
    """The waits of one client for one kind.

    Attributes:
        lock: Held by callers around each method.
        is_empty: Whether nobody waits.
    """

    def __init__(self, lifecycle: Lifecycle[ResourceT], lock: AbstractContextManager[bool]) -> None:
        self.lock = lock
        self._lifecycle = lifecycle
        self._waits: dict[Wait[ResourceT], Party[ResourceT]] = {}
        # In order of arrival; the values say nothing.
        self._parties: dict[Party[ResourceT], None] = {}
        self._keeper: Party[ResourceT] | None = None
        self._reader: Party[ResourceT] | None = None
        self._busy: set[Party[ResourceT]] = set()
        self._checks: dict[Wait[ResourceT], None] = {}
        self._checking: set[Wait[ResourceT]] = set()
        self._can_list = lifecycle.listing is not None
        self._list_above = MAX_GETS
        self._list_due = -math.inf
        self._listed_at = -math.inf
        self._next_deadline = math.inf
        self._is_closed = False

    @property
    def is_empty(self) -> bool:
        """See above."""
        return not self._parties

    @property
    def lists(self) -> bool:
        """Whether one List serves all."""
        return self._can_list and len(self._waits) > self._list_above

    def join(self, party: Party[ResourceT], *, now: float) -> None:
        """Take a party's waits on."""
        self._parties[party] = None
        for wait in party.waits:
            self._waits[wait] = party
            # Whoever comes between two Lists waits for the next one, at most its own interval.
            due = max(now, self._listed_at + wait.poll_seconds)
            self._list_due = min(self._list_due, due) if len(self._waits) > 1 else due
        self._next_deadline = min(self._next_deadline, party.deadline_seconds)
        if self._keeper is not None:
            self._keeper.signal.set()

    def leave(self, party: Party[ResourceT]) -> None:
        """Forget a party, whatever it was doing."""
        self._parties.pop(party, None)
        self._busy.discard(party)
        for wait in party.waits:
            self._drop(wait)
        if self._reader is party:
            self._reader = None
        if self._keeper is party or self._keeper is None:
            self._appoint()
        self._wake_checker()

    def step(self, party: Party[ResourceT], *, now: float) -> Step[ResourceT] | None:
        """Say what a party has to do now; None if it has nothing left to wait for."""
        self._busy.discard(party)
        news = tuple((wait, wait.take_news()) for wait in party.waits if wait.has_news)
        if news:
            # The caller's functions may take their time.
            self._step_aside(party)
            return Tell(news)
        if self._is_closed:
            for wait in party.waits:
                wait.close()
        if now >= self._next_deadline:
            self._expire(now)
        if party.is_over:
            return None
        check = self._next_check(party)
        if check is not None:
            self._step_aside(party)
            return ReadOne(check)
        if self.lists and self._lifecycle.listing is not None:
            return self._step_of_list(party, self._lifecycle.listing, now=now)
        wait = min((w for w in party.waits if not w.is_over), key=lambda w: w.due_seconds)
        if wait.due_seconds <= now:
            self._step_aside(party)
            return ReadOne(wait)
        return Rest(min(wait.due_seconds, party.deadline_seconds) - now)

    def _step_of_list(
        self, party: Party[ResourceT], listing: Listing, *, now: float
    ) -> ReadAll | Rest:
        if self._reader is None and self._list_due <= now:
            self._reader = party
            self._listed_at = now
            # Somebody has to look after the others' deadlines meanwhile.
            self._appoint()
            since_ns = self._since_ns() if listing.updated_after else None
            return ReadAll(listing, since_ns, party.deadline_seconds - now)
        if self._keeper is None:
            self._keeper = party
        if self._keeper is not party:
            return Rest(None)
        due = math.inf if self._reader is not None else self._list_due
        return Rest(min(due, self._next_deadline) - now)

    def finish_one(
        self,
        wait: Wait[ResourceT],
        outcome: ResourceT | RpcError,
        *,
        started: float,
        ended: float,
    ) -> None:
        """Take the outcome of a `ReadOne`."""
        if wait.is_over:
            self.abandon_one(wait)
            return
        if isinstance(outcome, RpcError):
            wait.failed(outcome, started=started, ended=ended)
        else:
            wait.saw(outcome, started=started, ended=ended)
        self.abandon_one(wait)

    def abandon_one(self, wait: Wait[ResourceT]) -> None:
        """Note that a `ReadOne` has ended, with or without an outcome."""
        party = self._waits.get(wait)
        if party is not None:
            self._busy.discard(party)
        self._checking.discard(wait)
        if wait.is_over:
            self._drop(wait)
        self._wake_checker()

    def finish_all(self, resources: Iterable[ResourceT], *, started: float, ended: float) -> None:
        """Take all that a `ReadAll` showed."""
        name = attrgetter(self._lifecycle.resource_id)
        shown = {name(resource): resource for resource in resources}
        moving = False
        for wait in list(self._waits):
            # An answer to a question from before the wait began may be older than what its
            # caller has just done.
            if wait.began_seconds > started:
                continue
            resource = shown.get(wait.resource_id)
            if resource is not None:
                wait.saw(resource, started=started, ended=ended)
            else:
                wait.was_missing(ended=ended)
                if wait not in self._checking:
                    self._checks[wait] = None
                    self._waits[wait].signal.set()
            moving = moving or resource is None or wait.has_news or wait.is_over
            self._hand_out(wait)
        if moving:
            # What is quiet itself is read soon again: others are under way, and it costs nothing.
            for wait in self._waits:
                wait.hurry(ended=ended)
        self._list_above = max(MAX_GETS, len(shown) // _MAX_SHOWN_PER_WAIT)
        self._end_list()

    def fail_all(self, error: RpcError, *, started: float, ended: float) -> None:
        """Take the failure of a `ReadAll`."""
        reader = self._reader
        if error.code is Code.NOT_FOUND and error.from_server:
            # Some servers answer so when there is nothing to list.
            self.finish_all((), started=started, ended=ended)
            return
        if is_for_good(error):
            self._can_list = False
            self._wake_all()
        elif not (
            error.code is Code.DEADLINE_EXCEEDED
            and reader is not None
            and reader.deadline_seconds <= ended + _CLOCK_SLACK_SECONDS
        ):
            for wait in list(self._waits):
                if wait.began_seconds <= started:
                    wait.failed(error, started=started, ended=ended, is_own=False)
                    self._hand_out(wait)
        self._end_list()

    def satisfy(self, wait: Wait[ResourceT], resource: ResourceT) -> None:
        """End a wait because its caller's predicate holds."""
        if not wait.is_over:
            wait.satisfy(resource)
            self._drop(wait)

    def close(self) -> None:
        """End every wait: the client was closed."""
        self._is_closed = True
        for wait in self._waits:
            wait.close()
        self._wake_all()

    def _since_ns(self) -> int | None:
        oldest = min((wait.history.newest_ns for wait in self._waits), default=0)
        return oldest - _GUARD_NS if oldest > _GUARD_NS else None

    def _hand_out(self, wait: Wait[ResourceT]) -> None:
        if wait.is_over or wait.has_news:
            self._waits[wait].signal.set()
        if wait.is_over:
            self._drop(wait)

    def _end_list(self) -> None:
        self._keeper, self._reader = self._reader, None
        # Who came while it was under way was not in it, and waits for the next like the others.
        self._list_due = min(
            (max(w.due_seconds, self._listed_at + w.poll_seconds) for w in self._waits),
            default=-math.inf,
        )
        if self._keeper is not None:
            self._keeper.signal.set()

    def _next_check(self, party: Party[ResourceT]) -> Wait[ResourceT] | None:
        if not self._checks or len(self._checking) >= _MAX_CHECKS:
            return None
        wait = next((wait for wait in party.waits if wait in self._checks), None)
        if wait is not None:
            del self._checks[wait]
            self._checking.add(wait)
        return wait

    def _wake_checker(self) -> None:
        waiting = next((w for w in self._checks if self._waits[w] not in self._busy), None)
        if waiting is not None:
            self._waits[waiting].signal.set()

    def _expire(self, now: float) -> None:
        for wait in list(self._waits):
            wait.expire(now)
            self._hand_out(wait)
        self._next_deadline = min((w.deadline_seconds for w in self._waits), default=math.inf)

    def _drop(self, wait: Wait[ResourceT]) -> None:
        listed = self.lists
        self._waits.pop(wait, None)
        self._checks.pop(wait, None)
        self._checking.discard(wait)
        if listed and not self.lists:
            # From here on everybody reads alone.
            self._wake_all()

    def _step_aside(self, party: Party[ResourceT]) -> None:
        """Let another one keep the time while a party is busy with its own."""
        self._busy.add(party)
        if self._keeper is party:
            self._appoint()

    def _appoint(self) -> None:
        """Wake one who is not reading, to keep the time. The last to come has the most left."""
        self._keeper = None
        free = (p for p in reversed(self._parties) if p not in self._busy and p != self._reader)
        heir = next(free, None)
        if heir is not None:
            heir.signal.set()

    def _wake_all(self) -> None:
        for party in self._parties:
            party.signal.set()
