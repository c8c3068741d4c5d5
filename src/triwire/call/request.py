"""Checks on a call before it is made. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from triwire.spec import Metadata, MethodSpec, Pairs

__all__ = ["check_request", "describe", "merged_headers"]


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
    replaced = set(extra)
    return tuple(pair for pair in own if pair[0] not in replaced) + extra.pairs


def describe(wire: str, method: MethodSpec[Any, Any]) -> str:
    """Name a call for a log line; holds no request data."""
    return f"{wire} {method.service}/{method.name}"
