"""What the REST side reads out of an ASGI scope. Pure."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from urllib.parse import quote

from triwire.server.service import ServerContext
from triwire.transcode.fields import RequestError
from triwire.transports.metadata import application_metadata

if TYPE_CHECKING:
    from triwire.errors import RpcError
    from triwire.server.service import MethodHandler

__all__ = [
    "DisconnectedError",
    "HttpError",
    "Receive",
    "Scope",
    "Send",
    "accepts_gzip",
    "context_of",
    "header",
    "raw_path",
]

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]

# What may stand unencoded in a path, beside letters and digits (RFC 3986, section 3.3).
_PATH_SAFE: Final = "/:@!$&'()*+,;=-._~"
_TIMEOUT: Final = re.compile(r"(\d{1,8})([HMSmun])", re.ASCII)
_TIMEOUT_UNITS: Final = {"H": 3600.0, "M": 60.0, "S": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9}
# RFC 9110, section 12.4.2: a weight of zero refuses.
_REFUSED: Final = re.compile(r";\s*q=0(?:\.0{0,3})?\s*\Z", re.ASCII)


class HttpError(Exception):
    """An error whose HTTP status is not the one of its code, or that has headers of its own."""

    def __init__(
        self, status: int, error: RpcError, headers: tuple[tuple[str, str], ...] = ()
    ) -> None:
        super().__init__(str(error))
        self.status = status
        self.error = error
        self.headers = headers


class DisconnectedError(Exception):
    """The client went away before its request was complete."""


def header(scope: Scope, name: bytes) -> str:
    """Return the first value of a header by its lower-case name, or ""."""
    found = (value for key, value in scope["headers"] if key.lower() == name)
    return str(next(found, b""), "latin-1")


def accepts_gzip(scope: Scope) -> bool:
    """Whether the client's Accept-Encoding names gzip (RFC 9110, section 12.5.3)."""
    for item in header(scope, b"accept-encoding").lower().split(","):
        if item.partition(";")[0].strip() in {"gzip", "x-gzip"}:
            return _REFUSED.search(item) is None
    return False


def raw_path(scope: Scope) -> str:
    """Return the path as it was sent, without the part that the application is mounted at."""
    raw = scope.get("raw_path")
    path = str(raw.partition(b"?")[0], "latin-1") if raw else quote(scope["path"], safe=_PATH_SAFE)
    root = quote(str(scope.get("root_path", "")), safe=_PATH_SAFE)
    return path.removeprefix(root) if root and path.startswith(f"{root}/") else path


def context_of(handler: MethodHandler, scope: Scope) -> ServerContext:
    """Return the context of a call.

    Raises:
        RequestError: A malformed Grpc-Timeout.
    """
    pairs = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
    timeout = next((value for name, value in pairs if name.lower() == "grpc-timeout"), None)
    return ServerContext(
        handler.method, "rest", application_metadata(pairs), _timeout_seconds(timeout)
    )


def _timeout_seconds(text: str | None) -> float | None:
    if text is None:
        return None
    found = _TIMEOUT.fullmatch(text.strip())
    if found is None:
        raise RequestError("", f"malformed grpc-timeout {text[:40]!r}: expected as in '1500m'")
    return int(found[1]) * _TIMEOUT_UNITS[found[2]]
