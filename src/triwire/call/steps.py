"""What a call is made of: the steps that its driver carries out. Pure.

The rules of hedging are those of gRPC A6, "Hedging Policy".
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from triwire.auth import Fetch
from triwire.errors import Code, RpcError
from triwire.interceptors import Call, Reply
from triwire.retry import is_for_good

if TYPE_CHECKING:
    from triwire.retry import HedgingPolicy, RetryBudget
    from triwire.spec import Pairs

__all__ = ["Hedge", "Run", "Send", "Steps", "Wait"]


@dataclass(slots=True)
class Send:
    """Make one attempt.

    Attributes:
        call: What to send.
        headers: All headers, credentials included. Never shown.
        timeout_seconds: Time for the attempt, or None for no limit.
    """

    call: Call
    headers: Pairs = field(repr=False)
    timeout_seconds: float | None


@dataclass(slots=True)
class Wait:
    """Sleep before the next attempt."""

    seconds: float


class Run:
    """What is known of one call while it runs; shared with its driver.

    Attributes:
        started: When it began, in the clock's seconds; None before.
        sent: Attempts made so far.
        is_shown: Whether a response of a stream, or its headers, were handed on.
        is_taken: Whether a request of a stream was taken from the caller's iterator.
        renewed: Whether the token was refused and replaced; the next refusal is final.
    """

    __slots__ = ("is_shown", "is_taken", "renewed", "sent", "started")

    def __init__(self, started: float | None = None) -> None:
        self.started = started
        self.sent = 0
        self.is_shown = False
        self.is_taken = False
        self.renewed = False

    @property
    def is_repeatable(self) -> bool:
        """Whether another attempt would be unseen."""
        return not (self.is_shown or self.is_taken)


class Hedge:
    """The attempts at one call; a step that its driver carries out.

    Args:
        policy: How many, and when.
        budget: The client's tokens.
        attempt: Makes the steps of an attempt from its number.
        is_limited: Whether attempts have a limit of their own: running into it is as good as
            UNAVAILABLE.

    Attributes:
        delay_seconds: Time between two attempts.
        started: Attempts begun.
    """

    __slots__ = ("_attempt", "_budget", "_is_limited", "_policy", "_stopped", "started")

    def __init__(
        self,
        policy: HedgingPolicy,
        budget: RetryBudget,
        attempt: Callable[[int], tuple[Steps, Run]],
        *,
        is_limited: bool,
    ) -> None:
        self._policy = policy
        self._budget = budget
        self._attempt = attempt
        self._is_limited = is_limited
        self._stopped = False
        self.started = 0

    @property
    def delay_seconds(self) -> float:
        """Time between two attempts."""
        return self._policy.delay_seconds

    def may_start(self) -> bool:
        """Whether another attempt may begin."""
        return not self._stopped and self.started < self._policy.max_attempts

    def start(self) -> tuple[Steps, Run]:
        """Return the next attempt, and the state that is its own."""
        self.started += 1
        return self._attempt(self.started)

    def failed(self, error: BaseException) -> float | None:
        """Take a failure.

        Returns:
            Seconds until the next attempt may begin, or None: this failure is the call's.
        """
        if not isinstance(error, RpcError) or not self._is_non_fatal(error):
            return None
        if not self._budget.failed():
            self._stopped = True
        delay = error.retry_delay_seconds
        if delay is not None and delay < 0:
            self._stopped = True
        return max(delay or 0.0, 0.0)

    def _is_non_fatal(self, error: RpcError) -> bool:
        codes = self._policy.non_fatal_codes
        if error.code is Code.DEADLINE_EXCEEDED:
            return self._is_limited and not error.from_server and Code.UNAVAILABLE in codes
        return error.code in codes and not is_for_good(error)


Steps: TypeAlias = Generator[Send | Wait | Fetch | Hedge, Any, Reply]
