"""What is waited for, and which states end it. Pure.

The rule against stale states: what a create, an update or a get returned is the baseline. States
older than it are not looked at. READY counts at once if it is newer than the baseline by its own
stamp or by that of a condition, or if another state was seen since; otherwise the server may not
have begun, and it counts when it has stayed as it is for `SETTLE_SECONDS`: an update that changes
nothing never moves. FAILED that the baseline already had may be as stale, and is given as long.

An update's first answer may show the state from before it (seen in the Terraform provider of the
API that this was made for: its wait has a grace period for the start of a roll-out).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final, Generic, Protocol

from triwire.errors import Code
from triwire.resource.lifecycle import Lifecycle, ResourceT
from triwire.resource.waiting.shown import Shown, is_newer

__all__ = ["SETTLE_SECONDS", "Deleted", "Goal", "History", "Judgement", "Matching", "Ready"]

# What a watch takes for its visibility bound: after that long every replica shows an update.
SETTLE_SECONDS: Final = 10.0


@dataclass(slots=True)
class History(Generic[ResourceT]):
    """What a wait has seen. Times are local monotonic seconds.

    Attributes:
        baseline: What the caller had seen, or None.
        known_since: When the resource was first known to exist, None before.
        read: What was read last, None before the first.
        same_since: When the first of the reads ended that all showed what `read` is.
        state_since: The same for its state alone.
        states: The states that were read and are no older than the baseline for certain.
    """

    baseline: Shown[ResourceT] | None
    known_since: float | None
    read: Shown[ResourceT] | None = None
    same_since: float = 0.0
    state_since: float = 0.0
    states: set[str] = field(default_factory=set[str])

    @property
    def last(self) -> Shown[ResourceT] | None:
        """What was seen last, by a read or by the caller."""
        return self.read if self.read is not None else self.baseline

    @property
    def newest_ns(self) -> int:
        """The greatest stamp of a change seen."""
        return max(
            self.read.updated_ns if self.read is not None else 0,
            self.baseline.updated_ns if self.baseline is not None else 0,
        )

    def is_stale(self, shown: Shown[ResourceT]) -> bool:
        """Tell whether an answer shows a state from before one that was seen.

        Stamps of one resource are taken never to fall. Those of two reads have one precision,
        that of the baseline may be another.
        """
        if self.is_replaced_by(shown):
            return False
        read, baseline = self.read, self.baseline
        if read is not None and (
            shown.created_ns < read.created_ns or shown.updated_ns < read.updated_ns
        ):
            return True
        return baseline is not None and (
            is_newer(baseline.created_ns, shown.created_ns)
            or is_newer(baseline.updated_ns, shown.updated_ns)
        )

    def is_replaced_by(self, shown: Shown[ResourceT]) -> bool:
        """Tell whether an answer shows another resource that was later given the same id."""
        if self.read is not None:
            return 0 < self.read.created_ns < shown.created_ns
        baseline = self.baseline
        if baseline is None or not baseline.created_ns:
            return False
        return is_newer(shown.created_ns, baseline.created_ns)

    def take(self, shown: Shown[ResourceT], *, at: float) -> bool:
        """Note what a read showed that ended at a time; tell whether it is news."""
        read, baseline = self.read, self.baseline
        news = read is None or (shown is not read and shown.resource != read.resource)
        if news:
            self.same_since = at
        if read is None or shown.state != read.state:
            self.state_since = at
        if self.known_since is None:
            self.known_since = at
        if baseline is None or shown.updated_ns >= baseline.updated_ns:
            self.states.add(shown.state)
        self.read = shown
        return news


@dataclass(frozen=True, slots=True)
class Judgement:
    """Whether a wait is over.

    Attributes:
        since_seconds: It is for reads that began then or later, if they show the same; infinite
            if it is not.
        text: Why it has failed, after the resource's name; "" if it has not.
        code: Of that error.
    """

    since_seconds: float = math.inf
    text: str = ""
    code: Code = Code.FAILED_PRECONDITION


_NOT_YET: Final = Judgement()
_AT_ONCE: Final = -math.inf


class Goal(Protocol):
    """What a wait is for.

    Attributes:
        adjective: What error texts say was not reached.
        ends_when_gone: Whether NOT_FOUND is success.
    """

    @property
    def adjective(self) -> str:
        """See above."""
        ...

    @property
    def ends_when_gone(self) -> bool:
        """See above."""
        ...

    def judge(
        self, shown: Shown[ResourceT], history: History[ResourceT], lifecycle: Lifecycle[ResourceT]
    ) -> Judgement:
        """Judge what a read showed, which `history` has as the last."""
        ...


@dataclass(frozen=True, slots=True)
class Ready:
    """A state of readiness.

    Attributes:
        error_grace_seconds: How long to bear with ERROR, or with one that is disabled and not
            ready; None for no limit.
    """

    error_grace_seconds: float | None
    adjective: str = "ready"
    ends_when_gone: bool = False

    def judge(
        self, shown: Shown[ResourceT], history: History[ResourceT], lifecycle: Lifecycle[ResourceT]
    ) -> Judgement:
        """See `Goal`."""
        if shown.state in lifecycle.ready:
            if _has_moved_on(shown, history, lifecycle):
                return Judgement(_AT_ONCE)
            return Judgement(history.same_since + SETTLE_SECONDS)
        if shown.state in lifecycle.deleting:
            return Judgement(_AT_ONCE, "is being deleted", Code.NOT_FOUND)
        grace, text = self.error_grace_seconds, f"is {shown.state}"
        if shown.state in lifecycle.failed:
            grace = 0.0
        elif shown.disabled and shown.state not in lifecycle.in_error:
            text += " and disabled, and what is disabled need not get ready"
        elif shown.state not in lifecycle.in_error:
            return _NOT_YET
        if grace is None:
            return _NOT_YET
        if _is_as_given(shown, history):
            grace = max(grace, SETTLE_SECONDS)
        return Judgement(history.state_since + grace if grace else _AT_ONCE, text)


@dataclass(frozen=True, slots=True)
class Deleted:
    """Gone. A failure counts once the deletion was seen to have begun: it may be older."""

    adjective: str = "deleted"
    ends_when_gone: bool = True

    def judge(
        self, shown: Shown[ResourceT], history: History[ResourceT], lifecycle: Lifecycle[ResourceT]
    ) -> Judgement:
        """See `Goal`."""
        if shown.state not in lifecycle.failed:
            return _NOT_YET
        before = {*history.states}
        if history.baseline is not None:
            before.add(history.baseline.state)
        if before.isdisjoint(lifecycle.deleting):
            return _NOT_YET
        return Judgement(_AT_ONCE, f"is {shown.state}")


@dataclass(frozen=True, slots=True)
class Matching:
    """What a caller's predicate says, which is called in the caller's own thread: see `Wait`."""

    adjective: str = "as wanted"
    ends_when_gone: bool = False

    def judge(
        self, shown: Shown[ResourceT], history: History[ResourceT], lifecycle: Lifecycle[ResourceT]
    ) -> Judgement:
        """See `Goal`."""
        del self, shown, history, lifecycle
        return _NOT_YET


def _has_moved_on(
    shown: Shown[ResourceT], history: History[ResourceT], lifecycle: Lifecycle[ResourceT]
) -> bool:
    """Tell whether READY is later than what the caller had seen."""
    baseline = history.baseline
    return (
        baseline is None
        or not history.states.issubset(lifecycle.ready)
        or is_newer(shown.updated_ns, baseline.updated_ns)
        or shown.has_condition_since(baseline.updated_ns, lifecycle)
    )


def _is_as_given(shown: Shown[ResourceT], history: History[ResourceT]) -> bool:
    """Tell whether a state may be the one from before the caller's own update."""
    baseline = history.baseline
    return (
        baseline is not None
        and history.states <= {baseline.state}
        and not is_newer(shown.updated_ns, baseline.updated_ns)
    )


_: tuple[Goal, ...] = (Ready(None), Deleted(), Matching())
