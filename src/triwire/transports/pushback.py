"""How long a server asks to wait before another attempt, as headers say it. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from triwire.errors import RpcError

__all__ = ["grpc_pushback_seconds", "retry_after_seconds", "with_pushback"]

_SECONDS: Final = re.compile(r"[0-9]{1,9}")


def retry_after_seconds(retry_after: str, date: str) -> float | None:
    """Return a Retry-After header in seconds (RFC 9110, section 10.2.3), or None.

    Args:
        retry_after: The header: whole seconds, or a date. "" if there is none.
        date: The response's own Date header, from which a date counts, so that no clock of
            ours is asked.
    """
    text = retry_after.strip()
    if _SECONDS.fullmatch(text):
        return float(text)
    if not text:
        return None
    # Loaded with the first date, which few servers send: it takes longer than a call.
    from email.utils import parsedate_to_datetime

    try:
        then, now = parsedate_to_datetime(text), parsedate_to_datetime(date)
        return max(0.0, (then - now).total_seconds())
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def grpc_pushback_seconds(text: str) -> float:
    """Return grpc-retry-pushback-ms in seconds; negative for "do not try again".

    gRPC A6, "Pushback": a value that is negative or no number says just that.
    """
    milliseconds = text.strip()
    return int(milliseconds) / 1000 if _SECONDS.fullmatch(milliseconds) else -1.0


def with_pushback(error: RpcError, seconds: float | None) -> RpcError:
    """Return `error` with a delay out of a header, unless its details already have one.

    google.rpc.RetryInfo comes first: Retry-After knows whole seconds only.
    """
    if error.retry_delay_seconds is None:
        error.retry_delay_seconds = seconds
    return error
