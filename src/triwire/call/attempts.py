"""One call that has failed at least once: what happens next. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from triwire.errors import Code, RpcError
from triwire.retry import is_for_good

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.protobuf.message import Message

    from triwire.retry import HedgingPolicy, RetryBudget, RetryPolicy
    from triwire.spec import CallOptions, MethodSpec

__all__ = ["Retrying", "hedging_of", "policy_of", "shorter"]


def shorter(first: float | None, second: float | None) -> float | None:
    """Return the shorter of two limits, where None is no limit."""
    if first is None or second is None:
        return second if first is None else first
    return min(first, second)


def policy_of(
    method: MethodSpec[Any, Any], request: Message | None, options: CallOptions
) -> RetryPolicy | None:
    """Return how a call is retried, or None for not at all."""
    if method.retry_key and not getattr(request, method.retry_key, None):
        return None
    return method.retry if options.retry == "method" else options.retry


def hedging_of(method: MethodSpec[Any, Any], options: CallOptions) -> HedgingPolicy | None:
    """Return how a method is hedged, or None for not at all.

    Raises:
        ValueError: the options name the method, and it has side effects.
    """
    policy = options.hedging
    if policy == "method":
        return method.hedging if options.retry == "method" else None
    if policy is None or (policy.methods is not None and method.name not in policy.methods):
        return None
    if method.is_hedgeable:
        return policy
    if policy.methods is None:
        return None
    message = (
        f"{method.name} cannot be hedged: expected unary methods without side effects "
        "(idempotency_level = NO_SIDE_EFFECTS, or HTTP GET)"
    )
    raise ValueError(message)


class Retrying:
    """Decides about the next attempt.

    Args:
        policy: What is retried and when, or None for nothing.
        budget: The client's tokens.
        draw: Gives evenly distributed numbers from 0 to 1.
        options: The call's options, for its limits.
        started: When the call began, in the clock's seconds.
    """

    __slots__ = ("_attempts", "_budget", "_draw", "_ends_at", "_limit", "_policy", "_reason")

    def __init__(
        self,
        policy: RetryPolicy | None,
        budget: RetryBudget,
        *,
        draw: Callable[[], float],
        options: CallOptions,
        started: float,
    ) -> None:
        self._policy = policy
        self._budget = budget
        self._draw = draw
        total = options.timeout_seconds
        self._ends_at = None if total is None else started + total
        self._limit = options.attempt_timeout_seconds
        self._attempts = 0
        self._reason = ""

    @property
    def number(self) -> int:
        """Number of the next attempt, from 1."""
        return self._attempts + 1

    def wait_seconds(self, error: RpcError, *, now: float, repeatable: bool = True) -> float | None:
        """Return how long to wait before the next attempt, or None to give up.

        Args:
            error: How the last attempt failed.
            now: The clock's seconds.
            repeatable: Whether the caller would not notice another attempt.
        """
        self._attempts += 1
        policy = self._policy if repeatable else None
        if policy is None or not self._is_retryable(policy, error, now):
            return None
        may = self._budget.failed()
        if self._attempts >= policy.max_attempts:
            return self._give_up(f"the policy allows {policy.max_attempts} attempts")
        if not may:
            return self._give_up("the client's retry budget is used up")
        wait = error.retry_delay_seconds
        if wait is None:
            wait = self._draw() * policy.backoff_seconds(self._attempts)
        elif wait < 0:
            return self._give_up("the server asked not to be tried again")
        if self._ends_at is not None and wait >= self._ends_at - now:
            left = max(self._ends_at - now, 0.0)
            return self._give_up(f"a wait of {wait:.3g} s does not fit in the {left:.3g} s left")
        return wait

    def _is_retryable(self, policy: RetryPolicy, error: RpcError, now: float) -> bool:
        codes = policy.retryable_codes
        if error.code is Code.DEADLINE_EXCEEDED:
            # Our own limit for an attempt is no deadline of the call: the server was as good as
            # unavailable. One that the server reports is final, like the call's own.
            inside = self._ends_at is None or now < self._ends_at
            limited = self._limit is not None and not error.from_server
            return limited and inside and Code.UNAVAILABLE in codes
        return error.code in codes and not is_for_good(error)

    def _give_up(self, reason: str) -> float | None:
        self._reason = reason
        return None

    def attempt_timeout_seconds(self, *, now: float) -> float | None:
        """Return the time for the next attempt: its own limit or what is left of the call."""
        left = None if self._ends_at is None else self._ends_at - now
        return shorter(left, self._limit)

    def final(self, error: RpcError) -> RpcError:
        """Return the error that ends the call: the last attempt's, with its history."""
        error.attempts = self._attempts
        if self._reason and self._attempts:
            error.add_note(f"gave up after {self._attempts} attempt(s): {self._reason}")
        return error

    def describe(self, name: str, error: RpcError, wait: float | None) -> str:
        """Say in a log line what happened and what comes; holds no request data."""
        text = f"{name} {error.code.name} attempt {self._attempts}"
        return text if wait is None else f"{text}, again in {wait:.3f} s"
