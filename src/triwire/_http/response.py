"""A whole response, or the head of one that comes in pieces."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyqwest

__all__ = ["HttpResponse"]


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
