"""What pyqwest raises, as RpcErrors."""

from __future__ import annotations

import re
from typing import Final

from triwire.errors import Code, RpcError
from triwire.transports.failures import NotConnectedError, connect_error, shortened, timeout_error

__all__ = ["network_error", "reset_error"]

_NOT_HTTP: Final = re.compile(r"invalid HTTP|http2 error|frame with invalid size", re.IGNORECASE)

# gRPC over HTTP/2, "HTTP2 Transport Mapping", "Errors"; names as pyqwest spells them.
_CODE_OF_RESET: Final = {
    "NO_ERROR": Code.INTERNAL,
    "PROTOCOL_ERROR": Code.INTERNAL,
    "INTERNAL_ERROR": Code.INTERNAL,
    "FLOW_CONTROL_ERROR": Code.INTERNAL,
    "SETTINGS_TIMEOUT": Code.INTERNAL,
    "FRAME_SIZE_ERROR": Code.INTERNAL,
    "COMPRESSION_ERROR": Code.INTERNAL,
    "CONNECT_ERROR": Code.INTERNAL,
    "REFUSED_STREAM": Code.UNAVAILABLE,
    "CANCEL": Code.CANCELLED,
    "ENHANCE_YOUR_CALM": Code.RESOURCE_EXHAUSTED,
    "INADEQUATE_SECURITY": Code.PERMISSION_DENIED,
}


def reset_error(error: Exception, *, late: bool, timeout_seconds: float | None) -> RpcError:
    """Return the RpcError for an exception of pyqwest's while a response streams.

    As `network_error`, but a reset HTTP/2 stream has the code that gRPC gives its reason.

    Args:
        error: What pyqwest raised.
        late: Whether the deadline is there, so that a cancelled stream means that.
        timeout_seconds: The timeout of the call, for the text.
    """
    import pyqwest

    if isinstance(error, pyqwest.StreamError):
        code = _CODE_OF_RESET.get(error.code.name)
        if code is Code.CANCELLED and late:
            return timeout_error(timeout_seconds)
        if code is not None:
            return RpcError(code, f"the server reset the stream: {shortened(str(error))}")
    return network_error(error)


def network_error(error: Exception) -> RpcError:
    """Return the RpcError that an exception of pyqwest's stands for.

    UNAVAILABLE where the server could not be reached or the connection broke;
    FAILED_PRECONDITION for a failed TLS handshake or a proxy that wants other credentials;
    INTERNAL for a peer that does not speak HTTP and for anything else, which is a bug of this
    side.
    """
    text = str(error)
    found = connect_error(text)
    if found is not None:
        return found
    if isinstance(error, TimeoutError):
        return NotConnectedError(f"cannot connect: {shortened(text)}")
    import pyqwest

    if isinstance(error, ConnectionError):
        return NotConnectedError(f"cannot connect: {shortened(text)}")
    broken = (
        pyqwest.ReadError,
        pyqwest.WriteError,
        pyqwest.RemoteProtocolError,
        pyqwest.StreamError,
    )
    if isinstance(error, broken):
        if _NOT_HTTP.search(text):
            return RpcError(Code.INTERNAL, f"the peer does not speak HTTP: {shortened(text)}")
        return RpcError(Code.UNAVAILABLE, f"connection broke: {shortened(text)}")
    return RpcError(Code.INTERNAL, f"cannot send the request: {type(error).__name__}: {text}")
