"""What a failed request means for a watch, from its google.rpc code and what came with it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Final

from triwire.transports.options import is_too_large

if TYPE_CHECKING:
    import random

    from triwire.errors import RpcError

# Numbers of google.rpc.Code (google/rpc/code.proto in googleapis).
INVALID_ARGUMENT: Final = 3
NOT_FOUND: Final = 5
PERMISSION_DENIED: Final = 7
RESOURCE_EXHAUSTED: Final = 8
UNIMPLEMENTED: Final = 12
UNAUTHENTICATED: Final = 16


class FailureClass(Enum):
    """How to go on after a failed request."""

    TRANSIENT = auto()
    """Back off and try again, for ever."""
    RATE_LIMITED = auto()
    """The same, and ask for less altogether."""
    QUOTA = auto()
    """A quota is used up: waiting a little will not help, so wait for the idle interval."""
    UNAUTHENTICATED = auto()
    """Renew the credential; fatal if it lasts."""
    DENIED = auto()
    """Fatal if it repeats: roles take a while to reach every server."""
    GONE = auto()
    """The server says that there is no such thing: a Get's answer, or an empty List."""
    UNSUPPORTED = auto()
    """Fatal for a List; a Get is not tried again."""
    FATAL = auto()
    """Repeating it cannot help."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PollFailure:
    """A failed List or Get as the driver saw it.

    Attributes:
        code: Number of google.rpc.Code.
        message: For people.
        from_server: The API itself said so, in an error that carries a code. A bare HTTP 404 is a
            proxy's or a wrong path's, and never evidence of a deletion.
        retry_delay_seconds: RetryInfo, Retry-After or grpc-retry-pushback-ms; negative for "do
            not retry", None if there was none.
        quota: A google.rpc.QuotaFailure detail came along.
        too_large: The answer exceeded the client's own receive limit.
    """

    code: int
    message: str = ""
    from_server: bool = True
    retry_delay_seconds: float | None = None
    quota: bool = False
    too_large: bool = False


def poll_failure(error: RpcError) -> PollFailure:
    """Return what a watch or a wait needs to know of a failed call."""
    return PollFailure(
        code=int(error.code),
        message=error.message,
        from_server=error.from_server,
        retry_delay_seconds=error.retry_delay_seconds,
        quota=any(
            detail.DESCRIPTOR.full_name == "google.rpc.QuotaFailure" for detail in error.details
        ),
        too_large=is_too_large(error),
    )


def classify(failure: PollFailure, *, of_list: bool) -> FailureClass:
    """Tell what a failure means. Unknown codes are transient: an outage must not end a watch."""
    if failure.too_large:
        return FailureClass.FATAL
    code = failure.code
    if code == RESOURCE_EXHAUSTED:
        return FailureClass.QUOTA if failure.quota else FailureClass.RATE_LIMITED
    if code == UNAUTHENTICATED:
        return FailureClass.UNAUTHENTICATED
    if not failure.from_server:
        return FailureClass.TRANSIENT
    if code == PERMISSION_DENIED:
        return FailureClass.DENIED
    if code == NOT_FOUND:
        return FailureClass.GONE
    if code == UNIMPLEMENTED:
        return FailureClass.UNSUPPORTED
    if code == INVALID_ARGUMENT and of_list:
        return FailureClass.FATAL
    return FailureClass.TRANSIENT


def backoff_seconds(
    attempt: int, *, initial_seconds: float, max_seconds: float, rng: random.Random
) -> float:
    """Draw the wait before the next request: full jitter below an exponential ceiling.

    Args:
        attempt: 1 after the first failure.
        initial_seconds: Ceiling after the first.
        max_seconds: Greatest ceiling.
        rng: Source of the jitter.
    """
    # 2**32 seconds exceeds every ceiling; larger exponents only overflow.
    ceiling = min(max_seconds, initial_seconds * 2.0 ** min(attempt - 1, 32))
    return ceiling * rng.random()
