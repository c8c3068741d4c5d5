"""Checks on a call before it is made. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from triwire.errors import Code
from triwire.transports.failures import timeout_error

if TYPE_CHECKING:
    from collections.abc import Callable

    from triwire.errors import RpcError
    from triwire.spec import Metadata, MethodSpec, Pairs

__all__ = [
    "StreamTime",
    "at_deadline",
    "check_request",
    "check_requests",
    "describe",
    "merged_headers",
]

# Server and client watch the same timeout; which of the two speaks first is chance.
_DEADLINE_SLACK_SECONDS: Final = 0.02


def check_request(method: MethodSpec[Any, Any], request: object) -> None:
    """Refuse a request of another type before any I/O.

    Raises:
        TypeError: naming the message that the method takes.
    """
    if not isinstance(request, method.request_type):
        expected = method.request_type.DESCRIPTOR.full_name
        message = f"{method.name} takes a {expected} message, got {type(request).__name__}"
        raise TypeError(message)


def check_requests(method: MethodSpec[Any, Any], requests: object, kind: type) -> None:
    """Refuse requests of a stream that cannot be iterated in the caller's colour, before any I/O.

    Args:
        method: The method.
        requests: What was given for its requests.
        kind: Iterable or AsyncIterable.

    Raises:
        TypeError: naming what the method takes.
    """
    if not isinstance(requests, kind):
        expected = method.request_type.DESCRIPTOR.full_name
        message = (
            f"{method.name} takes its {expected} messages as an {kind.__name__}, such as a "
            f"generator, got {type(requests).__name__}"
        )
        raise TypeError(message)


def merged_headers(own: Pairs, extra: Metadata) -> Pairs:
    """Return the client's headers with a call's added; the call's win where both name one."""
    if not own:
        return extra.pairs
    replaced = {key for key, _ in extra.pairs}
    return tuple(pair for pair in own if pair[0] not in replaced) + extra.pairs


def describe(wire: str, method: MethodSpec[Any, Any]) -> str:
    """Name a call for a log line; holds no request data."""
    return f"{wire} {method.service}/{method.name}"


def at_deadline(
    error: RpcError,
    *,
    timeout_seconds: float | None,
    elapsed_seconds: float,
    is_shown: bool = False,
) -> RpcError:
    """Return the error of an attempt, the same whether server or client ended it at its timeout.

    The server is told of the timeout and may report its end a moment before this side sees it,
    with what it has to say until then. Trailers are left out therefore, and headers unless
    they came before.

    Args:
        error: How the attempt ended.
        timeout_seconds: The time that it had.
        elapsed_seconds: The time that it took.
        is_shown: Whether a message or the headers came before.

    Returns:
        The error itself or, caused by it, the one to raise in its place.
    """
    if (
        error.code is not Code.DEADLINE_EXCEEDED
        or timeout_seconds is None
        or elapsed_seconds < timeout_seconds - _DEADLINE_SLACK_SECONDS
    ):
        return error
    headers = error.headers if is_shown else ()
    if not (error.from_server or error.trailers or error.headers != headers):
        return error
    seen = timeout_error(timeout_seconds)
    seen.headers = headers
    seen.__cause__ = error
    return seen


class StreamTime:
    """The time of one stream. Pure but for the clock that it is given.

    Args:
        timeout_seconds: How long it is, or None for no limit.
        now: The clock's seconds.
    """

    __slots__ = ("_now", "_started", "_timeout_seconds")

    def __init__(self, timeout_seconds: float | None, now: Callable[[], float]) -> None:
        self._timeout_seconds = timeout_seconds
        self._now = now
        self._started: float | None = None

    def begin(self) -> None:
        """Begin it, if it has not begun."""
        if self._started is None and self._timeout_seconds is not None:
            self._started = self._now()

    def at_deadline(self, error: RpcError, *, is_shown: bool) -> RpcError:
        """Return the stream's error; see the function of this name."""
        if self._started is None:
            return error
        return at_deadline(
            error,
            timeout_seconds=self._timeout_seconds,
            elapsed_seconds=self._now() - self._started,
            is_shown=is_shown,
        )
