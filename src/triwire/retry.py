"""When to try a call again, and how long to wait first. Pure but for the budget's tally.

Rules and where they come from:

- Settings have the names of gRPC's service config (grpc/grpc-proto, service_config.proto,
  MethodConfig.RetryPolicy and RetryThrottlingPolicy).
- Waits are drawn evenly from 0 to the backoff ("full jitter"): gRPC A6 draws from 80 to 120 %
  of it, which keeps clients that failed together together.
- Codes that say that trying again cannot help, or that a caller has to decide, are never
  retried (AIP-194).
- A server that says when to come back is obeyed, within the call's deadline: google.rpc.RetryInfo,
  Retry-After (RFC 9110 section 10.2.3), grpc-retry-pushback-ms (gRPC A6).
- The budget is gRPC A6's token bucket: a failure takes a token, a success gives a part of one
  back, and below half of the tokens nothing is retried.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from triwire.errors import Code

if TYPE_CHECKING:
    from triwire.errors import RpcError

__all__ = [
    "NEVER_RETRIED",
    "HedgingPolicy",
    "RetryBudget",
    "RetryPolicy",
    "RetryThrottling",
    "is_for_good",
]

# AIP-194: "must not" be retried automatically. The others that it calls unsafe by default
# (ABORTED, INTERNAL, RESOURCE_EXHAUSTED, UNKNOWN) may be asked for.
NEVER_RETRIED: Final = frozenset(
    {
        Code.CANCELLED,
        Code.INVALID_ARGUMENT,
        Code.DEADLINE_EXCEEDED,
        Code.NOT_FOUND,
        Code.ALREADY_EXISTS,
        Code.PERMISSION_DENIED,
        Code.FAILED_PRECONDITION,
        Code.OUT_OF_RANGE,
        Code.UNIMPLEMENTED,
        Code.DATA_LOSS,
        Code.UNAUTHENTICATED,
    }
)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How a failed call is tried again.

    Attributes:
        max_attempts: Attempts in all, the first included; at least 2.
        initial_backoff_seconds: Upper end of the first wait.
        max_backoff_seconds: Upper end of every wait.
        backoff_multiplier: Growth of the upper end from wait to wait.
        retryable_codes: Codes after which another attempt is made.

    Raises:
        TypeError: a value of the wrong type.
        ValueError: a value that makes no sense, naming what does.
    """

    max_attempts: int = 4
    initial_backoff_seconds: float = 0.2
    max_backoff_seconds: float = 5.0
    backoff_multiplier: float = 2.0
    retryable_codes: frozenset[Code] = frozenset({Code.UNAVAILABLE})

    def __post_init__(self) -> None:
        if isinstance(self.max_attempts, bool) or not isinstance(self.max_attempts, int):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers without a type checker
            message = f"max_attempts must be an int, got {self.max_attempts!r}"
            raise TypeError(message)
        if self.max_attempts < 2:  # noqa: PLR2004 - one attempt and one more
            message = (
                f"max_attempts must be 2 or more, got {self.max_attempts}; for no retries pass "
                "retry=None"
            )
            raise ValueError(message)
        for name in ("initial_backoff_seconds", "max_backoff_seconds", "backoff_multiplier"):
            _check_above_zero(name, getattr(self, name))
        if self.max_backoff_seconds < self.initial_backoff_seconds:
            message = (
                f"max_backoff_seconds {self.max_backoff_seconds:g} is below "
                f"initial_backoff_seconds {self.initial_backoff_seconds:g}"
            )
            raise ValueError(message)
        codes = _checked_codes("retryable_codes", self.retryable_codes)
        object.__setattr__(self, "retryable_codes", codes)

    def backoff_seconds(self, failures: int) -> float:
        """Return the upper end of the wait after this many failed attempts (1 or more)."""
        # The exponent is bounded: 2.0 ** 1024 overflows.
        steps = min(failures - 1, 64)
        return min(
            self.initial_backoff_seconds * self.backoff_multiplier**steps, self.max_backoff_seconds
        )


_MAY: Final = frozenset(Code) - NEVER_RETRIED


def _checked_codes(
    name: str, codes: Iterable[Code], *, may_be_empty: bool = False
) -> frozenset[Code]:
    allowed = ", ".join(code.name for code in Code if code in _MAY)
    if isinstance(codes, str) or not isinstance(codes, Iterable):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers without a type checker
        message = f"{name} must be a set of codes, got {codes!r}: expected some of {allowed}"
        raise TypeError(message)
    found = frozenset(codes)
    if not (found or may_be_empty):
        message = f"{name} is empty: expected some of {allowed}"
        raise ValueError(message)
    refused = sorted(str(getattr(code, "name", code)) for code in found if code not in _MAY)
    if refused:
        message = f"{name}: {', '.join(refused)} cannot be retried: expected some of {allowed}"
        raise ValueError(message)
    return frozenset(map(Code, found))


def _check_number(name: str, value: float) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers without a type checker
        message = f"{name} must be a number, got {value!r}"
        raise TypeError(message)


def _check_above_zero(name: str, value: float) -> None:
    _check_number(name, value)
    if not (math.isfinite(value) and value > 0):
        message = f"{name} must be above 0 and finite, got {value!r}"
        raise ValueError(message)


@dataclass(frozen=True, slots=True)
class HedgingPolicy:
    """How a call without side effects is made several times at once (gRPC A6, "Hedging Policy").

    When no answer has come after the delay, the same call goes out once more, and again. The
    first answer counts and the others are cancelled (in sync code: given up).
    An attempt that fails with one of the codes sends the next one off at once; any other failure
    ends the call. Attempts that fail take tokens from the client's budget for retries, and below
    half of it nothing more goes out. Hedged methods are not retried.

    Attributes:
        max_attempts: Attempts in all, 2 to 5.
        delay_seconds: Time between two attempts; 0 sends all at once.
        non_fatal_codes: Codes after which the other attempts go on; none of them go on if empty.
        methods: Names of the methods to hedge, such as "GetGateway", or None for all that have
            no side effects.

    Raises:
        TypeError: a value of the wrong type.
        ValueError: a value that makes no sense, naming what does.
    """

    max_attempts: int = 2
    delay_seconds: float = 0.5
    non_fatal_codes: frozenset[Code] = frozenset({Code.UNAVAILABLE})
    methods: frozenset[str] | None = None

    def __post_init__(self) -> None:
        if isinstance(self.max_attempts, bool) or not isinstance(self.max_attempts, int):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers without a type checker
            message = f"max_attempts must be an int, got {self.max_attempts!r}"
            raise TypeError(message)
        # gRPC A6, "Validation and Limits": more than 5 are treated as 5; here they are a mistake.
        if not 2 <= self.max_attempts <= 5:  # noqa: PLR2004 - as above
            message = f"max_attempts must be 2 to 5, got {self.max_attempts}"
            raise ValueError(message)
        _check_number("delay_seconds", self.delay_seconds)
        if not (math.isfinite(self.delay_seconds) and self.delay_seconds >= 0):
            message = f"delay_seconds must be 0 or more and finite, got {self.delay_seconds!r}"
            raise ValueError(message)
        codes = _checked_codes("non_fatal_codes", self.non_fatal_codes, may_be_empty=True)
        object.__setattr__(self, "non_fatal_codes", codes)
        if self.methods is not None:
            object.__setattr__(self, "methods", _checked_names(self.methods))


def _checked_names(names: Iterable[str]) -> frozenset[str]:
    expected = 'expected a set of names such as "GetGateway", or None for all that can be'
    if isinstance(names, str) or not isinstance(names, Iterable):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers without a type checker
        message = f"methods: {expected}, got {names!r}"
        raise TypeError(message)
    found = frozenset(names)
    if not all(isinstance(name, str) for name in found):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers without a type checker
        message = f"methods: {expected}, got {sorted(map(repr, found))}"
        raise TypeError(message)
    if not found:
        message = f"methods is empty: {expected}"
        raise ValueError(message)
    return found


@dataclass(frozen=True, slots=True)
class RetryThrottling:
    """Limits retries to a share of the calls (gRPC A6, "Throttling Retry Attempts").

    Attributes:
        max_tokens: Size of the bucket; a failed attempt takes one token.
        token_ratio: What a successful call puts back.

    Raises:
        TypeError: a value that is no number.
        ValueError: a value that is not above 0.
    """

    max_tokens: float = 10.0
    token_ratio: float = 0.1

    def __post_init__(self) -> None:
        for name in ("max_tokens", "token_ratio"):
            _check_above_zero(name, getattr(self, name))


class RetryBudget:
    """The tokens of one client, shared by all its views.

    Safe to use from several threads: the tally may miss an update under a race, which makes
    it a little too generous or too strict, and never negative or above its size.
    """

    __slots__ = ("_settings", "_tokens")

    def __init__(self, settings: RetryThrottling | None = None) -> None:
        self._settings = settings if settings is not None else RetryThrottling()
        self._tokens = self._settings.max_tokens

    @property
    def tokens(self) -> float:
        """Tokens left."""
        return self._tokens

    def failed(self) -> bool:
        """Take a token for a failed attempt and return whether another may be made."""
        self._tokens = max(self._tokens - 1, 0.0)
        return self._tokens > self._settings.max_tokens / 2

    def succeeded(self) -> None:
        """Put back a part of a token."""
        if self._tokens < self._settings.max_tokens:
            self._tokens = min(self._tokens + self._settings.token_ratio, self._settings.max_tokens)


def is_for_good(error: RpcError) -> bool:
    """Whether RESOURCE_EXHAUSTED means a quota or a size, which waiting does not mend.

    A rate limit says when to come back; a quota (google.rpc.QuotaFailure without a delay) and
    a message above the size limit do not.
    """
    return error.code is Code.RESOURCE_EXHAUSTED and error.retry_delay_seconds is None
