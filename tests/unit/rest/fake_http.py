"""Fakes of `Http` and `AsyncHttp` that answer from a list and keep what was sent."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from triwire.transports.failures import closed_error

if TYPE_CHECKING:
    from collections.abc import Sequence

    from triwire._http import HttpResponse
    from triwire.errors import RpcError

__all__ = ["AsyncFakeHttp", "FakeHttp", "Sent"]


class Sent(NamedTuple):
    """A request as the transport gave it to HTTP."""

    verb: str
    url: str
    headers: list[tuple[str, str]]
    body: bytes | None
    timeout_seconds: float | None


class FakeHttp:
    """Stands in for `triwire._http.Http`."""

    def __init__(self, *answers: HttpResponse | RpcError) -> None:
        self.sent: list[Sent] = []
        self._answers = deque(answers)
        self._closed = False

    def execute(
        self,
        verb: str,
        url: str,
        *,
        headers: Sequence[tuple[str, str]],
        body: bytes | None,
        timeout_seconds: float | None,
        max_message_bytes: int | None = None,
    ) -> HttpResponse:
        del max_message_bytes  # what bounds the real one
        if self._closed:
            raise closed_error()
        self.sent.append(Sent(verb, url, list(headers), body, timeout_seconds))
        answer = self._answers.popleft()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def close(self) -> None:
        self._closed = True


class AsyncFakeHttp:
    """Stands in for `triwire._http.AsyncHttp`."""

    def __init__(self, *answers: HttpResponse | RpcError) -> None:
        self._http = FakeHttp(*answers)

    @property
    def sent(self) -> list[Sent]:
        return self._http.sent

    async def execute(
        self,
        verb: str,
        url: str,
        *,
        headers: Sequence[tuple[str, str]],
        body: bytes | None,
        timeout_seconds: float | None,
        max_message_bytes: int | None = None,
    ) -> HttpResponse:
        return self._http.execute(
            verb,
            url,
            headers=headers,
            body=body,
            timeout_seconds=timeout_seconds,
            max_message_bytes=max_message_bytes,
        )

    async def aclose(self) -> None:
        self._http.close()
