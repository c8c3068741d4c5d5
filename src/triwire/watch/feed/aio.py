"""One poll loop: asks the server as its engine plans, and hands the events to its subscribers.

What happens when, and who may do it:

- The loop runs beside its subscribers, in a task (sync: a daemon thread) of its own. It starts with
  the first of them and ends with the last, with a fatal failure, or when the client is closed.
- One request is under way at a time, lists and gets alike. The tracker would let gets overlap; at
  the request budget of a client (five a second) that gains nothing, and without it every wire and
  both colours see the same requests in the same order.
- It never waits for a subscriber. A mailbox joins what is not taken (see `queue`), so a slow
  subscriber costs two events per object at most, and nobody else anything.
- Requests go without the client's own retries: the tracker has to see each failure when it happens,
  since it reckons with the time at which a request was sent, and it backs off by itself.
- Closing ends the loop at any await. In sync code a thread that waits for an answer cannot be
  interrupted: subscribers are woken at once, and the thread ends with its request.
"""

from __future__ import annotations

import math
from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from google.protobuf.message import Message

from triwire._io import AsyncBackground, AsyncSignal, async_breathe, new_lock
from triwire.errors import Code, RpcError
from triwire.resource.aio import async_list_responses
from triwire.watch.actions import GetOne, Stop, WaitUntil
from triwire.watch.queue import CoalescingQueue
from triwire.watch.stamps import to_ns

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from triwire._io import AsyncClock
    from triwire.call.aio import AsyncCaller
    from triwire.spec import Response
    from triwire.watch.actions import Action, ListAction, Request
    from triwire.watch.budget import RequestBudget
    from triwire.watch.engine import Engine
    from triwire.watch.events import Event
    from triwire.watch.kind import WatchKind
    from triwire.watch.observation import Observation

__all__ = ["AsyncFeed", "AsyncMailbox", "AsyncTurns"]

M = TypeVar("M", bound=Message)

# For requests without a limit of their own: one that hung would stop the watch for ever.
_REQUEST_TIMEOUT_SECONDS: Final = 60.0
# Other tasks run between slices of this many resources (bench/watch.py measures the stalls).
_SLICE: Final = 500


class AsyncMailbox(Generic[M]):
    """What one subscriber has not taken yet. Filled by a feed, emptied by one task at a time.

    Args:
        unwanted: Classes of events that are not wanted.
        is_urgent: Whether polls are to be fast while this is open.

    Attributes:
        is_urgent: As above.
        is_closed: Whether nobody will take anything any more.
    """

    def __init__(self, unwanted: tuple[type[Event[M]], ...] = (), *, is_urgent: bool) -> None:
        self._unwanted = unwanted
        self._queue: CoalescingQueue[M] = CoalescingQueue()
        self._lock = new_lock()
        self._signal = AsyncSignal()
        self._error: Exception | None = None
        self.is_urgent = is_urgent
        self.is_closed = False

    def put(self, events: Sequence[Event[M]]) -> None:
        """Add events."""
        with self._lock:
            for event in events:
                if not isinstance(event, self._unwanted):
                    self._queue.put(event)
        self._signal.set()

    def fail(self, error: Exception) -> None:
        """End it with an error, after what is in it."""
        self._error = error
        self._signal.set()

    def close(self) -> None:
        """End it; may be called from any thread and from a finalizer."""
        self.is_closed = True
        self._signal.set()

    def take(self) -> Event[M] | None:
        """Remove and return the next event, or None if none has come yet.

        Raises:
            Exception: what the feed has ended with, after the last event.
        """
        with self._lock:
            event = self._queue.take()
        if event is None and self._error is not None:
            error = self._error
            # Several subscribers raise it: each its own, with a traceback of its own.
            raise copy(error) if isinstance(error, RpcError) else error
        return event

    async def wait(self) -> None:
        """Wait until something has come, or it was closed; may end for no reason."""
        await self._signal.wait()


class AsyncTurns:
    """When the feeds of one client may send a request.

    Args:
        budget: Their common budget.
    """

    def __init__(self, budget: RequestBudget) -> None:
        self._budget = budget
        self._lock = new_lock()

    def take(self, now: float) -> float:
        """Take a request if there is one; return from when there is, `now` if it was taken."""
        with self._lock:
            ready_at = self._budget.ready_at(now)
            if ready_at > now:
                return ready_at
            self._budget.take(now)
            return now

    def limited(self, now: float) -> None:
        """Note that the server limited the rate."""
        with self._lock:
            self._budget.limited(now)


class AsyncFeed(Generic[M]):
    """The poll loop of one scope.

    Args:
        kind: What is watched.
        engine: What decides; nobody else may use it.
        caller: Issues the calls.
        turns: When the client allows a request.
        wall_clock_ns: The local wall clock.
        on_end: Called once when the feed has ended, for whatever reason.
    """

    def __init__(
        self,
        kind: WatchKind[M],
        engine: Engine[M],
        caller: AsyncCaller,
        *,
        turns: AsyncTurns,
        wall_clock_ns: Callable[[], int],
        on_end: Callable[[AsyncFeed[Any]], None],
    ) -> None:
        options = caller.options
        limit = options.timeout_seconds
        limit = _REQUEST_TIMEOUT_SECONDS if limit is None else limit
        self._caller = caller.with_options(replace(options, retry=None, timeout_seconds=limit))
        self._kind = kind
        self._engine = engine
        self._clock: AsyncClock = caller.clock
        self._turns = turns
        self._wall_clock_ns = wall_clock_ns
        self._on_end = on_end
        self._wire = caller.transport.wire
        self._lock = new_lock()
        self._wake = AsyncSignal()
        self._mailboxes: list[AsyncMailbox[M]] = []
        self._has_ended = False
        self._background = AsyncBackground(self.run, name=f"watch of {kind.name}")

    # -- for subscribers ----------------------------------------------------------------------

    @property
    def is_lost(self) -> bool:
        """Whether its loop cannot be waited for here: after a fork, or on another event loop."""
        return self._background.is_lost

    def start(self) -> None:
        """Start the loop; `join` first, since it ends with its last subscriber."""
        self._background.start()

    def join(self, mailbox: AsyncMailbox[M]) -> bool:
        """Add a subscriber, who gets the present state first.

        Returns:
            Whether it could: not if the feed has ended.
        """
        with self._lock:
            if self._has_ended:
                return False
            mailbox.put(self._engine.snapshot())
            self._mailboxes.append(mailbox)
            if mailbox.is_urgent:
                self._engine.add_waiter()
        if mailbox.is_urgent:
            self.nudge()
        return True

    async def leave(self, mailbox: AsyncMailbox[M]) -> None:
        """Remove a subscriber; the last one ends the loop."""
        mailbox.close()
        if self._end(None, only_if_idle=True):
            await self._background.ended()

    def leave_soon(self, mailbox: AsyncMailbox[M]) -> None:
        """Remove a subscriber whose iterator was dropped; for finalizers."""
        mailbox.close()
        self._wake.set()

    def nudge(self) -> None:
        """Poll at once, and fast for a while: something has just been written."""
        with self._lock:
            self._engine.nudge(self._clock.monotonic_seconds())
        self._wake.set()

    def staleness_seconds(self) -> float:
        """Return the age of the last complete poll, from its start; infinite before the first."""
        return self._engine.staleness_seconds(self._clock.monotonic_seconds())

    def stop(self, error: Exception) -> None:
        """Stop the loop; subscribers who are still there get the error. Idempotent."""
        self._end(error)

    async def ended(self) -> None:
        """Wait for the end of the loop; in sync code it may outlast this by its request."""
        await self._background.ended()

    def _end(self, error: Exception | None, *, only_if_idle: bool = False) -> bool:
        """End it for its subscribers; return whether this call did so."""
        with self._lock:
            self._sweep()
            if self._has_ended or (only_if_idle and self._mailboxes):
                return False
            self._has_ended = True
            mailboxes, self._mailboxes = self._mailboxes, []
        for mailbox in mailboxes:
            if error is not None:
                mailbox.fail(error)
            else:
                mailbox.close()
        self._wake.set()
        self._background.cancel()
        self._on_end(self)
        return True

    def _sweep(self) -> None:
        """Drop the subscribers that are gone."""
        for mailbox in [mailbox for mailbox in self._mailboxes if mailbox.is_closed]:
            self._mailboxes.remove(mailbox)
            if mailbox.is_urgent:
                self._engine.remove_waiter()

    # -- the loop -----------------------------------------------------------------------------

    async def run(self) -> None:
        """Poll until nobody is left to tell; `start` runs this beside its callers."""
        try:
            while not self._end(None, only_if_idle=True) and not self._has_ended:
                await self._step()
        except Exception as error:  # noqa: BLE001 - every subscriber raises it
            self._end(error)
        finally:
            # Cancelled from outside, by a loop that shuts down; silence would look like success.
            self._end(RpcError(Code.CANCELLED, f"the poll loop of {self._kind.name} was cancelled"))

    async def _step(self) -> None:
        """Do the next thing that the engine plans."""
        now = self._clock.monotonic_seconds()
        with self._lock:
            action = self._plan(now)
        if isinstance(action, Stop):
            error = self._engine.fatal
            raise error if error is not None else RpcError(Code.INTERNAL, "stopped for no reason")
        if isinstance(action, WaitUntil):
            await self._sleep_until(action.at_seconds, now=now)
            return
        allowed = self._turns.take(now)
        if allowed > now:
            await self._sleep_until(allowed, now=now)
        elif isinstance(action, GetOne):
            await self._get(action)
        else:
            await self._list(action)

    def _plan(self, now: float) -> Action:
        wire = self._caller.transport.wire
        if wire != self._wire:
            self._wire = wire
            self._engine.on_wire_change(now)
        return self._engine.plan(now)

    async def _sleep_until(self, at_seconds: float, *, now: float) -> None:
        seconds = None if math.isinf(at_seconds) else at_seconds - now
        await self._clock.rest(self._wake, seconds)

    async def _list(self, action: ListAction) -> None:
        clock = self._clock
        started = clock.monotonic_seconds()
        try:
            responses = await self._pages(self._engine.list_request(action))
        except RpcError as error:
            await self._failed(action, error, started=started)
            return
        ended, wall_clock_ns = clock.monotonic_seconds(), self._wall_clock_ns()
        observations = await self._observed(responses)
        date = responses[0].server_date
        parts = self._engine.on_list_in_parts(
            action,
            observations,
            server_date_ns=None if date is None else to_ns(date),
            wall_clock_ns=wall_clock_ns,
            size_bytes=sum(response.size_bytes for response in responses),
            started=started,
            ended=ended,
        )
        while True:
            with self._lock:
                events = next(parts, None)
                mailboxes = list(self._mailboxes)
            if events is None:
                return
            await self._tell(events, mailboxes)
            if len(observations) > _SLICE:
                await async_breathe()

    async def _pages(self, request: Message) -> list[Response[Any]]:
        if self._kind.is_paged:
            return await async_list_responses(self._caller, self._kind.listing, request)
        return [await self._caller.unary(self._kind.listing, request)]

    async def _observed(self, responses: list[Response[Any]]) -> list[Observation[M]]:
        observations: list[Observation[M]] = []
        for response in responses:
            items = self._engine.items(response.message)
            for at in range(0, len(items), _SLICE):
                if at:
                    await async_breathe()
                observations += self._engine.observe(items[at : at + _SLICE])
        if len(observations) > _SLICE:
            await async_breathe()
        return observations

    async def _get(self, action: GetOne) -> None:
        clock = self._clock
        started = clock.monotonic_seconds()
        try:
            method, request = self._engine.get_call(action)
            response = await self._caller.unary(method, request)
        except RpcError as error:
            await self._failed(action, error, started=started)
            return
        ended = clock.monotonic_seconds()
        with self._lock:
            resource = self._engine.resource(response.message)
            events = self._engine.on_get(action, resource, started=started, ended=ended)
            mailboxes = list(self._mailboxes)
        await self._tell(events, mailboxes)

    async def _failed(self, action: Request, error: RpcError, *, started: float) -> None:
        ended = self._clock.monotonic_seconds()
        if self._engine.is_rate_limited(action, error):
            self._turns.limited(ended)
        with self._lock:
            events = self._engine.on_failure(action, error, started=started, ended=ended)
            mailboxes = list(self._mailboxes)
        await self._tell(events, mailboxes)

    async def _tell(self, events: Sequence[Event[M]], mailboxes: list[AsyncMailbox[M]]) -> None:
        """Tell those who were there when the engine was; who joins since knows already."""
        for at in range(0, len(events), _SLICE):
            if at:
                await async_breathe()
            for mailbox in mailboxes:
                mailbox.put(events[at : at + _SLICE])
