# Generated from src/triwire/watch/aio.py by scripts/unasync.py. DO NOT EDIT.
"""Watches: iterators over the changes of resources, and the hub behind them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from google.protobuf.message import Message

from triwire._io import new_lock, new_random, wall_clock_ns
from triwire.transports.failures import closed_error
from triwire.watch.arguments import unwanted_markers
from triwire.watch.budget import RequestBudget
from triwire.watch.engine import Engine
from triwire.watch.feed.sync import Feed, Mailbox, Turns
from triwire.watch.options import WatchOptions
from triwire.watch.selection import Selection

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Collection
    from types import TracebackType
    from typing import Self

    from triwire.call.sync import Caller
    from triwire.watch.engine import OnExpired
    from triwire.watch.events import Event, Marker
    from triwire.watch.kind import WatchKind

__all__ = ["Watch", "WatchHub", "watch"]

M = TypeVar("M", bound=Message)
EventT_co = TypeVar("EventT_co", covariant=True)


class Watch(Generic[EventT_co]):
    """The changes of the resources of one kind, as an iterator that does not end by itself.

    It begins with an Added for each resource there is. From then on, per resource and in order,
    what it was and what it is: every state that lasts longer than a poll and the visibility bound
    is reported (see `WatchOptions`), shorter ones may be skipped, and a subscriber who is slow
    skips states too, but never the last one. Order across resources is not promised.

    Outages do not end it: it backs off and goes on. Resources in events are shared with other
    subscribers: copy one before changing it.

    It starts with the first step, and holds a place in a poll loop until it is closed: use it in a
    `with` block, call `aclose`, or drop it. One task iterates it at a time; `aclose` may be
    called by any. A cancelled step loses nothing.

    Made by `watch()` of a resource, or by a hub.
    """

    def __init__(
        self,
        subscribe: Callable[[Mailbox[Any]], Feed[Any]],
        mailbox: Mailbox[Any],
        selection: Selection[Any] | None,
    ) -> None:
        self._subscribe = subscribe
        self._mailbox = mailbox
        self._selection = selection
        self._feed: Feed[Any] | None = None

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> EventT_co:
        """Return the next event, waiting for it.

        Raises:
            RpcError: polling cannot go on: the request is refused for good, the credential is not
                accepted any more or became another tenant's, List is not served, or its answer
                is larger than the receive limit.
            TokenScopeError: the resume token is another tenant's.
            ValueError: the client was closed.
            RuntimeError: this is another event loop than that of the first step, or a process
                that was forked since.
            Exception: what `where` raised; it ends this watch and no other.
        """
        while True:
            event = self._next()
            if event is not None:
                return event
            if self._mailbox.is_closed:
                raise StopIteration
            self._home()
            self._mailbox.wait()

    def drain(self) -> list[EventT_co]:
        """Return the events that have come already, without waiting; errors as when iterating."""
        events: list[EventT_co] = []
        while (event := self._next()) is not None:
            events.append(event)
        return events

    def nudge(self) -> None:
        """Poll at once, and fast for a while: say so after a write of your own."""
        self._home().nudge()

    def staleness_seconds(self) -> float:
        """Return the age of the last complete poll, from its start; infinite before the first."""
        return self._home().staleness_seconds()

    def _home(self) -> Feed[Any]:
        feed = self._feed
        if feed is None:
            feed = self._feed = self._subscribe(self._mailbox)
        if feed.is_lost:
            raise RuntimeError(
                "this watch belongs to another event loop, or to the process that this one was"
                " forked from: make a client and a watch of its own for each"
            )
        return feed

    def _next(self) -> EventT_co | None:
        """Take the next event that the selection lets through, if there is one."""
        mailbox, selection = self._mailbox, self._selection
        if mailbox.is_closed:
            return None
        self._home()
        try:
            while True:
                event = mailbox.take()
                if event is not None and selection is not None:
                    event = selection.of(event)
                    if event is None:
                        continue
                return cast("EventT_co | None", event)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Give up the place in the poll loop; iteration ends, also where it waits. Idempotent."""
        feed = self._feed
        if feed is None:
            self._mailbox.close()
        else:
            feed.leave(self._mailbox)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __del__(self) -> None:
        feed: Feed[Any] | None = getattr(self, "_feed", None)
        if feed is not None:
            feed.leave_soon(self._mailbox)


class WatchHub:
    """The poll loops of one client: one for each kind, filter and options, however many watch.

    Watches that ask for the same share a loop and its requests; one that resumes from a token has
    a loop of its own, since what it has yet to be told differs. All loops draw on one budget of
    requests, which shrinks when the server limits the rate.

    A loop starts with its first watch and stops with its last; closing the client closes all.

    Args:
        caller: Issues the calls; whoever made it closes it, which closes the hub.
        requests_per_second: What the loops may send together, on average.
        burst: What they may send at once.
        rng: Source of all jitter; seeded, polls repeat exactly.
        wall_clock_ns: The local wall clock, in nanoseconds since 1970.
    """

    def __init__(
        self,
        caller: Caller,
        *,
        requests_per_second: float = 5.0,
        burst: float = 10.0,
        rng: random.Random | None = None,
        wall_clock_ns: Callable[[], int] = wall_clock_ns,
    ) -> None:
        self._caller = caller
        self._rng = rng if rng is not None else new_random()
        self._wall_clock_ns = wall_clock_ns
        self._turns = Turns(RequestBudget(per_second=requests_per_second, burst=burst))
        self._lock = new_lock()
        self._shared: dict[object, Feed[Any]] = {}
        self._running: set[Feed[Any]] = set()

    @classmethod
    def of(
        cls,
        caller: Caller,
        *,
        rng: random.Random | None = None,
        wall_clock_ns: Callable[[], int] = wall_clock_ns,
    ) -> Self:
        """Return the hub of a client; views of it with equal options have the same.

        Args:
            caller: Any of its callers.
            rng: As for a hub, for the one that is made if there is none yet.
            wall_clock_ns: Likewise.
        """
        shared, key = caller.shared, (cls, caller.options)
        with shared.lock:
            door: _Door | None = shared.held.get(key)
            if door is None:
                hub = cls(caller, rng=rng, wall_clock_ns=wall_clock_ns)
                door = shared.held[key] = _Door(hub)
        found: Any = door.hub
        return cast("Self", found)

    def watch(
        self,
        kind: WatchKind[M],
        request: Message,
        *,
        where: Callable[[M], bool] | None = None,
        include: Collection[type[Marker]] = (),
        resume: str | None = None,
        on_expired: OnExpired = "raise",
        options: WatchOptions | None = None,
        is_urgent: bool = False,
    ) -> Watch[Event[M]]:
        """Return a watch; does no I/O before its first step.

        Args:
            kind: What to watch.
            request: The List request with the server's filter; not changed.
            where: Which of the resources, decided here; runs in the task that iterates.
            include: Which of Synced, Bookmark and Failed to report beside the changes.
            resume: Token of a Bookmark to go on from, on whichever wire.
            on_expired: What to do with a token that is cut, foreign or too old: "raise", or begin
                with a "snapshot", told by Synced with the reason EXPIRED.
            options: How to poll.
            is_urgent: Poll fast while this watch is open.

        Raises:
            TypeError: an argument of the wrong type.
            ValueError: a token that cannot be used: InvalidTokenError, TokenScopeError,
                TokenExpiredError; or a request with a time of the last change in it.
        """
        unwanted = unwanted_markers(include)
        if request.HasField(kind.updated_after):
            raise ValueError(f"{kind.updated_after} is set by the watch: leave it out")
        frozen = type(request).FromString(request.SerializeToString())
        options = options or WatchOptions()
        mailbox: Mailbox[M] = Mailbox(unwanted, is_urgent=is_urgent)
        resumed: Engine[M] | None = None
        if resume is not None:
            resumed = self._engine(
                kind, frozen, options=options, resume=resume, on_expired=on_expired
            )
        selection: Selection[M] | None = None
        if where is not None:
            selection = Selection(where, is_resumed=resumed is not None)

        def subscribe(mailbox: Mailbox[M]) -> Feed[M]:
            return self._feed(kind, frozen, options, mailbox=mailbox, resumed=resumed)

        return Watch(subscribe, mailbox, selection)

    def _engine(
        self,
        kind: WatchKind[M],
        request: Message,
        *,
        options: WatchOptions,
        resume: str | None = None,
        on_expired: OnExpired = "raise",
    ) -> Engine[M]:
        return Engine(
            kind,
            request,
            server=self._caller.server,
            rng=self._rng,
            now=self._caller.clock.monotonic_seconds(),
            wall_clock_ns=self._wall_clock_ns(),
            options=options,
            resume=resume,
            on_expired=on_expired,
        )

    def _feed(
        self,
        kind: WatchKind[M],
        request: Message,
        options: WatchOptions,
        *,
        mailbox: Mailbox[M],
        resumed: Engine[M] | None,
    ) -> Feed[M]:
        """Join the loop that serves a request, or start it."""
        key = (kind.listing.path, request.SerializeToString(deterministic=True), options)
        with self._lock:
            if resumed is None:
                found: Feed[M] | None = self._shared.get(key)
                if found is not None and not found.is_lost and found.join(mailbox):
                    return found
            feed: Feed[M] = Feed(
                kind,
                resumed or self._engine(kind, request, options=options),
                self._caller,
                turns=self._turns,
                wall_clock_ns=self._wall_clock_ns,
                on_end=self._forget,
            )
            feed.join(mailbox)
            if resumed is None:
                self._shared[key] = feed
            self._running.add(feed)
            feed.start()
            return feed

    def _forget(self, feed: Feed[Any]) -> None:
        with self._lock:
            self._running.discard(feed)
            self._shared = {key: each for key, each in self._shared.items() if each is not feed}

    def stop(self) -> None:
        """Stop all loops; watches that are still open raise that the client is closed."""
        for feed in list(self._running):
            feed.stop(closed_error())

    def close(self) -> None:
        """Do as `stop`, and wait until they have ended."""
        running = list(self._running)
        self.stop()
        for feed in running:
            feed.ended()


class _Door:
    """What the client closes, which does not wait: the hub of its watches."""

    def __init__(self, hub: WatchHub) -> None:
        self.hub = hub

    def close(self) -> None:
        """Stop all loops."""
        self.hub.stop()


def watch(
    caller: Caller,
    kind: WatchKind[M],
    request: Message,
    *,
    where: Callable[[M], bool] | None = None,
    include: Collection[type[Marker]] = (),
    resume: str | None = None,
    on_expired: OnExpired = "raise",
    options: WatchOptions | None = None,
) -> Watch[Any]:
    """Return a watch of the hub that all watches of one caller share; see `WatchHub.watch`."""
    hub = WatchHub.of(caller)
    return hub.watch(
        kind,
        request,
        where=where,
        include=include,
        resume=resume,
        on_expired=on_expired,
        options=options,
    )
