"""Errors that this side makes on every wire alike. Pure."""

from __future__ import annotations

import re
from typing import Final

from triwire.errors import Code, RpcError

__all__ = [
    "NotConnectedError",
    "closed_error",
    "connect_error",
    "inferred_code",
    "shortened",
    "timeout_error",
]

# grpc/grpc doc/http-grpc-status-mapping.md; the Connect protocol has the same ("HTTP to Error
# Code"). Above all, a 404 from a proxy must not look like a resource that is gone.
_INFERRED: Final = {
    400: Code.INTERNAL,
    401: Code.UNAUTHENTICATED,
    403: Code.PERMISSION_DENIED,
    404: Code.UNIMPLEMENTED,
    429: Code.UNAVAILABLE,
    502: Code.UNAVAILABLE,
    503: Code.UNAVAILABLE,
    504: Code.UNAVAILABLE,
}


def inferred_code(status: int) -> Code:
    """Return the code for a response that is no answer of the server's: it tells about a hop."""
    return _INFERRED.get(status, Code.UNKNOWN)


class NotConnectedError(RpcError):
    """UNAVAILABLE: no connection came about, so nothing of the request has left this side."""

    def __init__(self, message: str) -> None:
        super().__init__(Code.UNAVAILABLE, message)


def closed_error() -> ValueError:
    """Return the error for a call on a closed client."""
    return ValueError("the client is closed: make a new one, or call before leaving its with block")


def timeout_error(timeout_seconds: float | None) -> RpcError:
    """Return DEADLINE_EXCEEDED for a call that had this much time."""
    if timeout_seconds is None:
        had = "the timeout"
    else:
        # What is left of a call is a few microseconds short of what its caller asked for.
        had = f"{round(timeout_seconds, 3) or timeout_seconds:g} s"
    return RpcError(Code.DEADLINE_EXCEEDED, f"no answer within {had}")


# rustls' and OpenSSL's words, as pyqwest 0.12 and grpcio 1.85 pass them on (tested over
# sockets in tests/integration): a handshake that failed once fails again, so it must not be
# UNAVAILABLE, the code that is retried.
_TLS_FAILED: Final = re.compile(
    r"InvalidContentType|corrupt message|invalid peer certificate|received fatal alert"
    r"|handshake failed|SSL_ERROR_SSL|CERTIFICATE_VERIFY_FAILED|WRONG_VERSION_NUMBER"
    r"|Peer name .* is not in peer certificate|TSI_DATA_CORRUPTED",
    re.IGNORECASE,
)


# Their words for a proxy's status 407 to CONNECT.
_PROXY_REFUSED: Final = re.compile(r"proxy authorization required|proxy returned response code 407")


def connect_error(text: str, debug: str = "") -> RpcError | None:
    """Return the error for a connection that trying again will not bring about, else None.

    That is a failed TLS handshake, or a proxy that does not accept its credentials.

    Args:
        text: The library's message, quoted in the error.
        debug: More of its words, only searched.
    """
    if _PROXY_REFUSED.search(text):
        message = "the proxy wants other credentials: check https_proxy or http_proxy"
        return RpcError(Code.FAILED_PRECONDITION, message)
    if not _TLS_FAILED.search(text) and not _TLS_FAILED.search(debug):
        return None
    return RpcError(
        Code.FAILED_PRECONDITION,
        f"TLS handshake failed: {shortened(text)}; check that the endpoint's scheme fits the "
        "server (https for TLS, http for plaintext), that ca_certificates holds its authority, and "
        "client_certificate what it asks for",
    )


def shortened(text: str) -> str:
    """Return the reason out of a library's error text, at most 300 characters of it."""
    # pyqwest prefixes what failed with the stage and the URL; the last part is the reason.
    reason = text.rsplit("): ", 1)[-1] if "error sending request" in text else text
    return reason[:300]
