"""Several attempts at one call at once: which, when, and what a failure does. Pure.

The rules are those of gRPC A6, "Hedging Policy".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from triwire.errors import Code, RpcError
from triwire.retry import is_for_good

if TYPE_CHECKING:
    from collections.abc import Callable

    from triwire.call.engine import Run, Steps
    from triwire.retry import HedgingPolicy, RetryBudget
    from triwire.spec import CallOptions, MethodSpec

__all__ = ["Hedge", "hedging_of"]


def hedging_of(method: MethodSpec[Any, Any], options: CallOptions) -> HedgingPolicy | None:
    """Return how a method is hedged, or None for not at all.

    Raises:
        ValueError: the options name the method, and it has side effects.
    """
    policy = options.hedging
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
