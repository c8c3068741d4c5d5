"""How long to wait for a connection. Pure."""

from __future__ import annotations

from typing import Final

from triwire.errors import Code, RpcError

__all__ = ["not_ready_error", "wait_seconds"]

_FIRST_SECONDS: Final = 0.1
# A server that comes back is noticed within a second.
_LONGEST_SECONDS: Final = 1.0


def wait_seconds(failures: int, fraction: float) -> float:
    """Return the time to wait before the next look for a connection.

    Args:
        failures: How often none came about, 1 or more.
        fraction: 0 to 1, for jitter: the second half of the wait is random.
    """
    longest = min(_FIRST_SECONDS * 2.0 ** min(failures - 1, 10), _LONGEST_SECONDS)
    return longest * (0.5 + 0.5 * fraction)


def not_ready_error(timeout_seconds: float | None, last: RpcError) -> RpcError:
    """Return the error of a call whose time is up before there was a connection."""
    had = "the timeout" if timeout_seconds is None else f"{timeout_seconds:g} s"
    return RpcError(Code.DEADLINE_EXCEEDED, f"no connection within {had}: {last.message}")
