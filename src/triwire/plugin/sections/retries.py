"""Retry settings of methods, and of the client they are called through."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from triwire.plugin.service_config import Hedging
from triwire.plugin.text import bracketed, indented

if TYPE_CHECKING:
    from triwire.plugin.scope import Scope
    from triwire.plugin.service_config import Policy

__all__ = ["THROTTLING", "policy_lines", "throttling_section"]

# The constant of a generated module that holds the budget.
THROTTLING: Final = "RETRY_THROTTLING"


def policy_lines(policy: Policy | Hedging) -> list[str]:
    """Return the argument `retry` or `hedging` of a MethodSpec, with its comma."""
    if isinstance(policy, Hedging):
        return _hedging_lines(policy)
    codes = [f"_runtime.Code.{code}" for code in policy.codes]
    lines = ["retry=_runtime.RetryPolicy("]
    lines += indented(
        [
            f"max_attempts={policy.max_attempts},",
            f"initial_backoff_seconds={policy.initial_backoff_seconds!r},",
            f"max_backoff_seconds={policy.max_backoff_seconds!r},",
            f"backoff_multiplier={policy.backoff_multiplier!r},",
            *_set_lines("retryable_codes=", codes),
        ]
    )
    return [*lines, "),"]


def _hedging_lines(policy: Hedging) -> list[str]:
    codes = [f"_runtime.Code.{code}" for code in policy.codes]
    lines = ["hedging=_runtime.HedgingPolicy("]
    lines += indented(
        [
            f"max_attempts={policy.max_attempts},",
            f"delay_seconds={policy.delay_seconds!r},",
            *_set_lines("non_fatal_codes=", codes),
        ]
    )
    return [*lines, "),"]


def _set_lines(head: str, items: list[str]) -> list[str]:
    if not items:
        return [f"{head}frozenset(),"]
    if len(items) == 1:
        return [f"{head}frozenset({{{items[0]}}}),"]
    inner = ["{", *indented(f"{item}," for item in items), "},"]
    return [f"{head}frozenset(", *indented(inner), "),"]


def throttling_section(scope: Scope) -> list[str]:
    """Return the constant with the budget's settings, if the service config has them."""
    throttling = scope.plan.retries.throttling
    if throttling is None or not scope.module.services:
        return []
    final = scope.name("Final", at_runtime=True)
    return bracketed(
        f"{THROTTLING}: {final} = _runtime.RetryThrottling(",
        [f"max_tokens={throttling.max_tokens}", f"token_ratio={throttling.token_ratio!r}"],
        ")",
    )
