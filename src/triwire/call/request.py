"""Checks on a call before it is made. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from triwire.errors import Code
from triwire.transports.failures import timeout_error

if TYPE_CHECKING:
    from triwire.errors import RpcError
    from triwire.spec import Metadata, MethodSpec, Pairs

__all__ = ["at_deadline", "check_request", "describe", "merged_headers"]

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
    error: RpcError, *, timeout_seconds: float | None, elapsed_seconds: float
) -> RpcError:
    """Return the error of a call, the same whether server or client ended it at its timeout.

    The server is told of the timeout and may report its end a moment before this side sees it.
    """
    if (
        error.code is Code.DEADLINE_EXCEEDED
        and error.from_server
        and timeout_seconds is not None
        and elapsed_seconds >= timeout_seconds - _DEADLINE_SLACK_SECONDS
    ):
        return timeout_error(timeout_seconds)
    return error
