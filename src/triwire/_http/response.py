"""A whole response, or the head of one that comes in pieces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from triwire.transports.metadata import content_coding
from triwire.transports.options import too_large_error

if TYPE_CHECKING:
    import pyqwest

__all__ = ["BoundedBody", "HttpResponse"]

# What a body may have beside its message: frames, trailers, or an error in place of it all.
_BESIDE_BYTES: Final = 64 * 1024


class HttpResponse:
    """A whole HTTP response.

    Args:
        status: HTTP status.
        headers: Pairs in order of arrival with lower-case names, or pyqwest's own headers,
            which are turned into pairs only when somebody asks for all of them.
        body: The body, complete.

    Attributes:
        status: As above.
        body: As above.
    """

    __slots__ = ("_headers", "body", "status")

    def __init__(
        self, status: int, headers: list[tuple[str, str]] | pyqwest.Headers, body: bytes
    ) -> None:
        self.status = status
        self.body = body
        self._headers = headers

    @property
    def headers(self) -> list[tuple[str, str]]:
        """Pairs in order of arrival, names in lower case."""
        if not isinstance(self._headers, list):
            self._headers = list(self._headers.items())
        return self._headers

    def header(self, name: str) -> str:
        """Return the first value of a header by its lower-case name, "" where there is none."""
        if not isinstance(self._headers, list):
            return self._headers.get(name, "")
        return next((value for key, value in self._headers if key == name), "")

    @property
    def content_coding(self) -> str:
        """What the body is compressed with, in lower case, "" where it is not."""
        return content_coding(self.header("content-encoding"))


class BoundedBody:
    """A response's body that is never held beyond its bound, which is no exact limit of messages.

    Args:
        head: Status and headers.
        max_message_bytes: Largest message that is taken; a body may have 64 KiB beside it.

    Raises:
        RpcError: RESOURCE_EXHAUSTED: the headers say already that it is too large.
    """

    __slots__ = ("_head", "_max_message_bytes", "_parts")

    def __init__(self, head: HttpResponse, max_message_bytes: int) -> None:
        self._head = head
        self._max_message_bytes = max_message_bytes
        self._parts = bytearray()
        length = head.header("content-length")
        if length.isascii() and length.isdigit():
            self._check(int(length[:18]))

    def add(self, chunk: bytes) -> None:
        """Add a piece.

        Raises:
            RpcError: RESOURCE_EXHAUSTED: it is too large.
        """
        self._check(len(self._parts) + len(chunk))
        self._parts += chunk

    def response(self) -> HttpResponse:
        """Return the whole response."""
        return HttpResponse(self._head.status, self._head.headers, bytes(self._parts))

    def _check(self, size: int) -> None:
        if size > self._max_message_bytes + _BESIDE_BYTES:
            raise too_large_error(self._max_message_bytes)
