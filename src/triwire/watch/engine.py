"""What a poll loop decides, without the loop: requests out, events in. Pure.

Between the tracker, which knows neither messages nor errors, and a driver, which knows nothing
else. One engine is one scope: a server, a kind, and a filter.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, TypeVar

from google.protobuf.message import Message

from triwire.errors import Code, RpcError
from triwire.watch.actions import GetOne, ListSince, Stop
from triwire.watch.events import Failed, Reason, Synced
from triwire.watch.failures import FailureClass, classify, poll_failure
from triwire.watch.observation import ListAnswer
from triwire.watch.options import WatchOptions
from triwire.watch.shape import Observer
from triwire.watch.stamps import to_timestamp
from triwire.watch.tokens import (
    InvalidTokenError,
    ResumeToken,
    TokenExpiredError,
    TokenScopeError,
)
from triwire.watch.tracker import Tracker

if TYPE_CHECKING:
    import random
    from collections.abc import Iterable, Iterator, Sequence

    from triwire.spec import MethodSpec
    from triwire.watch.actions import Action, ListAction, Request
    from triwire.watch.events import Event
    from triwire.watch.kind import WatchKind
    from triwire.watch.observation import Observation

__all__ = ["Engine", "OnExpired"]

M = TypeVar("M", bound=Message)

OnExpired = Literal["raise", "snapshot"]

# Bookmarks cost next to nothing, so they are always made; subscribers who want none get none.
_BOOKMARK_INTERVAL_SECONDS: Final = 10.0

# A token that cannot be used, for whatever reason.
_UNUSABLE: Final = (InvalidTokenError, TokenScopeError, TokenExpiredError)


class Engine(Generic[M]):
    """Everything about one poll loop but the waiting and the calls.

    Args:
        kind: What is watched.
        request: The List request with the filter, and without the time of the last change.
        server: Names the server, in resume tokens and event ids; never the wire.
        rng: Source of all jitter.
        now: Local monotonic seconds.
        wall_clock_ns: Local wall clock.
        options: How to poll.
        resume: A resume token to go on from.
        on_expired: What to do if it cannot be used: "raise", or begin with a "snapshot" as if there
            were none, told by Synced with the reason EXPIRED.

    Attributes:
        is_resumed: Whether this goes on from a token.
        is_synced: Whether Synced has been among the events.
        fatal: What ended the watch, or None.

    Raises:
        TypeError: the token is no str.
        ValueError: the token cannot be used: InvalidTokenError, TokenScopeError or
            TokenExpiredError.
    """

    def __init__(
        self,
        kind: WatchKind[M],
        request: Message,
        *,
        server: str,
        rng: random.Random,
        now: float,
        wall_clock_ns: int,
        options: WatchOptions | None = None,
        resume: str | None = None,
        on_expired: OnExpired = "raise",
    ) -> None:
        options = options or WatchOptions()
        if options.bookmark_interval_seconds is None:
            options = replace(options, bookmark_interval_seconds=_BOOKMARK_INTERVAL_SECONDS)
        try:
            selects = kind.selects(request)
        except KeyError:
            # A Get would show resources that the server's filter hides: only lists can tell.
            selects, options = None, replace(options, can_get=False)
        if kind.get is None:
            options = replace(options, can_get=False)
        self._kind = kind
        self._request = request
        self._options = options
        self._rng = rng
        self._observer = Observer(kind.shape(), selects=selects)
        self._seen: dict[str, tuple[int, Observation[M]]] = {}
        self._scope = "\n".join(
            (server, kind.listing.path, request.SerializeToString(deterministic=True).hex())
        )
        self._on_expired: OnExpired = on_expired
        self._token: ResumeToken | None = None
        self._last_error: RpcError | None = None
        self.is_synced = False
        self.fatal: Exception | None = None
        self._tracker = self._started(resume, now=now, wall_clock_ns=wall_clock_ns)

    @property
    def is_resumed(self) -> bool:
        """Whether this goes on from a token."""
        return self._token is not None

    @property
    def counts(self) -> dict[str, int]:
        """See `Tracker.counts`."""
        return self._tracker.counts

    def _started(self, resume: str | None, *, now: float, wall_clock_ns: int) -> Tracker[M]:
        if resume is None:
            return self._fresh(Reason.SNAPSHOT, now)
        if not isinstance(resume, str):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers without a type checker
            raise TypeError(f"expected resume to be a token's text, got {type(resume).__name__}")
        try:
            token = ResumeToken.parse(resume)
            checkpoint = token.resume(self._scope, now_ns=wall_clock_ns)
        except _UNUSABLE:
            if self._on_expired == "raise":
                raise
            return self._fresh(Reason.EXPIRED, now)
        self._token = token
        return Tracker(
            self._scope,
            self._rng,
            options=self._options,
            changed_paths=self._observer.changed_paths,
            checkpoint=checkpoint,
            now=now,
        )

    def _fresh(self, reason: Reason, now: float) -> Tracker[M]:
        self._token = None
        return Tracker(
            self._scope,
            self._rng,
            options=self._options,
            changed_paths=self._observer.changed_paths,
            now=now,
            start_reason=reason,
        )

    # -- what to do ---------------------------------------------------------------------------

    def plan(self, now: float) -> Action:
        """Say what to do at a local time; see `Tracker.plan`."""
        return Stop() if self.fatal is not None else self._tracker.plan(now)

    def list_request(self, action: ListAction) -> Message:
        """Return the request of a List."""
        if not isinstance(action, ListSince):
            return self._request
        request = type(self._request)()
        request.CopyFrom(self._request)
        getattr(request, self._kind.updated_after).CopyFrom(to_timestamp(action.cursor_ns))
        return request

    def get_call(self, action: GetOne) -> tuple[MethodSpec[Any, Any], Message]:
        """Return method and request of a Get."""
        get = self._kind.get
        if get is None:
            raise TypeError(f"{self._kind.name} has no Get, and one was planned")
        return get, get.request_type(**{self._kind.get_id: action.key})

    def nudge(self, now: float) -> None:
        """See `Tracker.nudge`."""
        self._tracker.nudge(now)

    def add_waiter(self) -> None:
        """See `Tracker.add_waiter`."""
        self._tracker.add_waiter()

    def remove_waiter(self) -> None:
        """See `Tracker.remove_waiter`."""
        self._tracker.remove_waiter()

    def on_wire_change(self, now: float) -> None:
        """See `Tracker.on_wire_change`."""
        self._tracker.on_wire_change(now)

    def staleness_seconds(self, now: float) -> float:
        """See `Tracker.staleness_seconds`."""
        return self._tracker.staleness_seconds(now)

    # -- what came ----------------------------------------------------------------------------

    def items(self, response: Message) -> Sequence[M]:
        """Return the resources of a List response."""
        found: Sequence[M] = getattr(response, self._kind.items)
        return found

    def resource(self, response: Message) -> M:
        """Return the resource of a Get response."""
        envelope = self._kind.envelope
        found: Any = getattr(response, envelope) if envelope else response
        resource: M = found
        return resource

    def observe(self, resources: Iterable[M]) -> list[Observation[M]]:
        """Look at resources; one that is byte by byte as it was costs little.

        Bytes that differ mean nothing (order of maps, unknown fields): then the canonical
        forms are compared. So the hash may be Python's own, which is keyed, and is only ever
        compared with that of the same resource.
        """
        observer, seen = self._observer, self._seen
        observations: list[Observation[M]] = []
        for resource in resources:
            data = resource.SerializeToString()
            mark, key = hash(data), observer.key(resource)
            known = seen.get(key)
            if known is not None and known[0] == mark:
                observations.append(known[1])
                continue
            if self.is_synced:
                # Few of many: as a part of its answer it would keep all of that in memory.
                resource = type(resource).FromString(data)  # noqa: PLW2901 - the same, by itself
            observation = observer.observe(resource)
            seen[key] = (mark, observation)
            observations.append(observation)
        return observations

    def on_list_in_parts(
        self,
        action: ListAction,
        observations: Sequence[Observation[M]],
        *,
        server_date_ns: int | None,
        wall_clock_ns: int,
        size_bytes: int,
        started: float,
        ended: float,
    ) -> Iterator[list[Event[M]]]:
        """Apply a complete List answer, part by part; see `Tracker.on_list_in_parts`."""
        owner = self._observer.owner(observations[0].object) if observations else None
        if owner is not None and self._token is not None and not self._token.is_of(owner):
            yield self._refuse_token(now=ended)
            return
        answer = ListAnswer(
            observations,
            server_date_ns=server_date_ns,
            wall_clock_ns=wall_clock_ns,
            size_bytes=size_bytes,
            owner=owner,
        )
        if not isinstance(action, ListSince) and len(self._seen) > len(observations):
            present = {seen.key for seen in observations}
            self._seen = {key: value for key, value in self._seen.items() if key in present}
        for part in self._tracker.on_list_in_parts(action, answer, started=started, ended=ended):
            yield self._noted(part)

    def _refuse_token(self, *, now: float) -> list[Event[M]]:
        if self._on_expired == "snapshot":
            self._tracker = self._fresh(Reason.EXPIRED, now)
            return []
        self.fatal = TokenScopeError(
            "resume token of another tenant: start this watch without it, or with the credential"
            " that it was made with"
        )
        return []

    def on_get(
        self, action: GetOne, resource: M, *, started: float, ended: float
    ) -> list[Event[M]]:
        """Apply the answer of a Get; times as in `Tracker.on_list`."""
        (seen,) = self.observe((resource,))
        if seen.key != action.key:
            text = f"asked for {self._kind.name} {action.key!r} and got {seen.key!r}"
            error = RpcError(Code.INTERNAL, text)
            return self.on_failure(action, error, started=started, ended=ended)
        return self._noted(self._tracker.on_get(action, seen, started=started, ended=ended))

    def on_failure(
        self, action: Request, error: RpcError, *, started: float, ended: float
    ) -> list[Event[M]]:
        """Apply a failed request; times as in `Tracker.on_list`."""
        self._last_error = error
        failure = poll_failure(error)
        events = self._tracker.on_failure(action, failure, started=started, ended=ended)
        return self._noted(events)

    def is_rate_limited(self, action: Request, error: RpcError) -> bool:
        """Tell whether a failure asks for fewer requests altogether."""
        kind = classify(poll_failure(error), of_list=not isinstance(action, GetOne))
        return kind is FailureClass.RATE_LIMITED

    def _noted(self, events: list[Event[M]]) -> list[Event[M]]:
        """Keep what ends the watch to be raised; the rest is for the subscribers."""
        kept: list[Event[M]] = []
        for event in events:
            if isinstance(event, Failed) and event.is_fatal:
                self.fatal = self._fatal_error(event)
                continue
            self.is_synced = self.is_synced or isinstance(event, Synced)
            kept.append(event)
        return kept

    def _fatal_error(self, failed: Failed) -> RpcError:
        last = self._last_error
        if failed.code is not None and last is not None:
            return last
        return RpcError(Code.FAILED_PRECONDITION, failed.message)

    def snapshot(self) -> list[Event[M]]:
        """Return the events that bring somebody who joins now to the present state."""
        added = self._tracker.snapshot()
        if not self.is_synced:
            return [*added]
        return [*added, Synced(Reason.SNAPSHOT, frozenset(event.key for event in added))]
