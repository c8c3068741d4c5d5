"""One wait for one resource: its clock, its pace, its end. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Generic, cast

from triwire.errors import Code, RpcError, WaitError
from triwire.resource.lifecycle import Lifecycle, ResourceT
from triwire.resource.waiting.failures import classified
from triwire.resource.waiting.goals import SETTLE_SECONDS, Goal, History, Judgement
from triwire.resource.waiting.shown import conditions_of, id_of, look, words
from triwire.watch.failures import FailureClass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from google.protobuf.message import Message

    from triwire.spec import CallOptions

__all__ = ["Wait", "WaitTimes"]

# As a watch's: from the first interval up to this one, unless the caller's first is longer.
_MAX_POLL_SECONDS: Final = 15.0
_GROWTH: Final = 1.5
_JITTER: Final = 0.1

# Roles and tokens take a while to reach every server; so many refusals in a row are believed, or
# a single one if no read has ever succeeded.
_REFUSALS: Final = 3

# Timers of transports and servers are not our clock, and they round: what ends this close to
# the deadline ended at it.
_CLOCK_SLACK_SECONDS: Final = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitTimes:
    """When a wait reads, and when it gives up.

    Attributes:
        timeout_seconds: How long to wait in all.
        poll_seconds: Pause after the first read. It grows by half with each read that shows
            nothing new, up to 15 s.

    Raises:
        ValueError: a duration is not positive, or has no end.
    """

    timeout_seconds: float
    poll_seconds: float

    def __post_init__(self) -> None:
        # Written so that NaN is refused, too.
        if not 0 <= self.timeout_seconds < math.inf:
            raise ValueError(
                f"expected timeout_seconds of at least 0, and finite, got {self.timeout_seconds!r}"
            )
        if not 0 < self.poll_seconds < math.inf:
            raise ValueError(
                f"expected poll_seconds above 0, and finite, got {self.poll_seconds!r}"
            )


class Wait(Generic[ResourceT]):
    """One wait for one resource.

    What reads show goes in by `saw` and `failed`, from whoever made the read. What the caller's
    own functions make of it is asked for by `tell`, in the caller's own thread.

    Args:
        lifecycle: The kind of resource.
        target: The resource as last seen, which is the baseline, or its id.
        goal: What is waited for.
        times: See WaitTimes.
        now: Local monotonic seconds.
        draw: Gives evenly distributed numbers from 0 to 1, for the jitter of pauses.
        on_progress: Called with each newly seen state of the resource.
        predicate: Called likewise; the wait is over when it returns true.

    Attributes:
        resource_id: What to read.
        deadline_seconds: When it gives up.
        began_seconds: When it began.
        due_seconds: When it wants the next read.
        result: The resource as it was when the wait ended; None before, or if it is gone.
        error: Why it ended without what was waited for.
        is_over: Whether it has ended.
        has_news: Whether there is something to `take_news`.
        history: What it has seen.

    Raises:
        TypeError: `target` is neither.
        ValueError: there is no id in it.
    """

    __slots__ = (
        "_draw",
        "_goal",
        "_has_read",
        "_interval",
        "_is_stale",
        "_lifecycle",
        "_news",
        "_on_progress",
        "_predicate",
        "_read_has_all_time",
        "_refused",
        "_times",
        "_trouble",
        "began_seconds",
        "deadline_seconds",
        "due_seconds",
        "error",
        "history",
        "is_over",
        "resource_id",
        "result",
    )

    def __init__(
        self,
        lifecycle: Lifecycle[ResourceT],
        target: ResourceT | str,
        goal: Goal,
        *,
        times: WaitTimes,
        now: float,
        draw: Callable[[], float],
        on_progress: Callable[[ResourceT], object] | None = None,
        predicate: Callable[[ResourceT], object] | None = None,
    ) -> None:
        self.resource_id = id_of(lifecycle, target)
        self.deadline_seconds = now + times.timeout_seconds
        self.began_seconds = self.due_seconds = now
        self.result: ResourceT | None = None
        self.error: RpcError | None = None
        self.is_over = False
        self.history: History[ResourceT] = History(
            None if isinstance(target, str) else look(lifecycle, target),
            None if isinstance(target, str) else now,
        )
        self._lifecycle = lifecycle
        self._goal = goal
        self._times = times
        self._draw = draw
        self._on_progress = on_progress
        self._predicate = predicate
        self._interval = times.poll_seconds
        self._news: ResourceT | None = None
        self._refused = 0
        self._has_read = False
        self._trouble: RpcError | None = None
        self._is_stale = False
        self._read_has_all_time = False

    # -- reading ------------------------------------------------------------------------------

    def request(self) -> Any:  # noqa: ANN401 - of the type that lifecycle.get takes
        """Return the request that reads the resource."""
        return self._lifecycle.get.request_type(**{self._lifecycle.get_id: self.resource_id})

    def options(self, options: CallOptions, *, now: float) -> CallOptions:
        """Return the caller's options with a timeout that ends with the wait."""
        left = self.deadline_seconds - now
        own = options.timeout_seconds
        self._read_has_all_time = own is None or own > left
        return replace(options, timeout_seconds=left) if self._read_has_all_time else options

    def saw(self, resource: ResourceT, *, started: float, ended: float) -> None:
        """Take what a read showed.

        Args:
            resource: The resource; copied if it is new.
            started: Local monotonic time just before the request was sent.
            ended: The same after the answer.
        """
        self._has_read, self._refused, self._trouble = True, 0, None
        self._is_stale = False
        history, lifecycle = self.history, self._lifecycle
        read = history.read
        # Most reads of many waits show nothing new, and comparing is cheaper than looking. What
        # is new is copied: a part of a List's response keeps all of it in memory (measured,
        # 150 MB for items of 100 Lists of 1,000), and two waits may be shown the same one.
        is_same = read is not None and resource == read.resource
        shown = read if read is not None and is_same else look(lifecycle, _copy(resource))
        if history.is_replaced_by(shown):
            self._gone("was deleted, and another one has its id now")
            return
        if history.is_stale(shown):
            self._is_stale = True
            self._pause(news=False, ended=ended)
            return
        news = history.take(shown, at=ended)
        if news:
            self._news = shown.resource
        self._pause(news=news, ended=ended)
        judgement = self._goal.judge(shown, history, lifecycle)
        if started < judgement.since_seconds:
            self.due_seconds = min(self.due_seconds, judgement.since_seconds)
        elif judgement.text:
            self._lose(shown.resource, judgement)
        else:
            self.result, self.is_over = shown.resource, True

    def failed(self, error: RpcError, *, started: float, ended: float, is_own: bool = True) -> None:
        """Take a read's failure.

        Args:
            error: The failure.
            started: As in `saw`.
            ended: As in `saw`.
            is_own: Whether it was the read that `options` were made for.
        """
        if is_own and self._is_own_deadline(error, ended):
            self._trouble = error
            self.expire(math.inf)
            return
        kind = classified(error)
        if kind is FailureClass.GONE:
            self._missed(error, started=started, ended=ended)
            return
        self._trouble = error
        if kind in (FailureClass.UNAUTHENTICATED, FailureClass.DENIED):
            self._refused += 1
        else:
            self._refused = 0
        limit = _REFUSALS if self._has_read else 1
        if self._refused >= limit or kind in (FailureClass.FATAL, FailureClass.UNSUPPORTED):
            self.error, self.is_over = error, True
            return
        self._pause(news=False, ended=ended)
        asked = -1.0 if kind is FailureClass.QUOTA else error.retry_delay_seconds
        if asked is not None:
            wait = asked if asked >= 0 else _MAX_POLL_SECONDS
            self.due_seconds = max(self.due_seconds, ended + wait)

    def was_missing(self, *, ended: float) -> None:
        """Note that a List did not show the resource, which says nothing by itself."""
        self._pause(news=False, ended=ended)

    def hurry(self, *, ended: float) -> None:
        """Want the next read as soon as after news, at the latest."""
        due = self.due_seconds
        self._pause(news=True, ended=ended)
        self.due_seconds = min(self.due_seconds, due)

    def _missed(self, error: RpcError, *, started: float, ended: float) -> None:
        self._has_read, self._refused, self._trouble = True, 0, None
        known = self.history.known_since
        if known is None or self._goal.ends_when_gone or started >= known + SETTLE_SECONDS:
            self._gone("does not exist" if known is None else "is gone", cause=error)
        else:
            # It was there, or has been made, a moment ago: a replica may not have it yet.
            self._pause(news=False, ended=ended)
            self.due_seconds = min(self.due_seconds, known + SETTLE_SECONDS)

    # -- ending -------------------------------------------------------------------------------

    def expire(self, now: float) -> None:
        """End the wait if its time is up."""
        if self.is_over or now < self.deadline_seconds:
            return
        last = self.history.last
        seen = f"; last seen as {last.state}" if last is not None and last.state else ""
        text = (
            f"{self._name()} was not {self._goal.adjective} within "
            f"{self._times.timeout_seconds:g} s{seen}"
        )
        if self._is_stale:
            text += ", and since then in older states only"
        if self._trouble is not None:
            text += f"; the last read failed with {self._trouble.code.name}"
        self._fail(Code.DEADLINE_EXCEEDED, text, cause=self._trouble)

    def close(self) -> None:
        """End the wait because the client was closed."""
        if not self.is_over:
            self._fail(Code.CANCELLED, f"the client was closed while {self._name()} was waited for")

    @property
    def has_news(self) -> bool:
        """See above."""
        return self._news is not None

    @property
    def poll_seconds(self) -> float:
        """The shortest pause between two reads."""
        return self._times.poll_seconds

    @property
    def last(self) -> ResourceT | None:
        """The resource as last seen, by the caller or by a read."""
        last = self.history.last
        return None if last is None else last.resource

    def check(self) -> None:
        """Raise the error that the wait has ended with, if there is one."""
        if self.error is not None:
            raise self.error

    def outcome(self) -> ResourceT:
        """Return the resource that a wait has ended with, or raise its error."""
        self.check()
        if self.result is None:
            raise AssertionError("the wait has not ended")
        return self.result

    def take_news(self) -> ResourceT:
        """Return the state to `tell` the caller of, once; there has to be one."""
        resource, self._news = self._news, None
        return cast("ResourceT", resource)

    def tell(self, resource: ResourceT) -> bool:
        """Call the caller's functions with a state; tell whether it is what they wait for."""
        if self._on_progress is not None:
            self._on_progress(resource)
        return self._predicate is not None and bool(self._predicate(resource))

    def satisfy(self, resource: ResourceT) -> None:
        """End the wait with what the caller's predicate holds for."""
        self.result, self.error, self.is_over = resource, None, True

    def _name(self) -> str:
        return f"{self._lifecycle.name} {self.resource_id}"

    def _pause(self, *, news: bool, ended: float) -> None:
        first = self._times.poll_seconds
        if news:
            self._interval = first
        else:
            self._interval = min(self._interval * _GROWTH, max(_MAX_POLL_SECONDS, first))
        self.due_seconds = ended + self._interval * (1 + _JITTER * (2 * self._draw() - 1))

    def _is_own_deadline(self, error: RpcError, now: float) -> bool:
        if error.code is not Code.DEADLINE_EXCEEDED:
            return False
        # A timeout that our side noticed was the one that `options` gave, however early the
        # transport's timer went off. A server's may be its own affair, unless it is time.
        ours = self._read_has_all_time and not error.from_server
        return ours or self.deadline_seconds - now <= _CLOCK_SLACK_SECONDS

    def _lose(self, resource: ResourceT, judgement: Judgement) -> None:
        conditions = conditions_of(resource, self._lifecycle)
        reasons = "; ".join(filter(None, map(words, conditions)))
        text = f"{self._name()} {judgement.text}" + (f": {reasons}" if reasons else "")
        self._fail(judgement.code, text, details=conditions)

    def _gone(self, text: str, *, cause: RpcError | None = None) -> None:
        if self._goal.ends_when_gone:
            self.is_over = True
        else:
            self._fail(Code.NOT_FOUND, f"{self._name()} {text}", cause=cause)

    def _fail(
        self,
        code: Code,
        text: str,
        *,
        details: Iterable[Message] = (),
        cause: RpcError | None = None,
    ) -> None:
        self.error = WaitError(code, text, last=self.last, details=details)
        self.error.__cause__ = cause
        self.is_over = True


def _copy(resource: ResourceT) -> ResourceT:
    copy = type(resource)()
    copy.CopyFrom(resource)
    return copy
