"""Requests whose responses come in pieces."""

from __future__ import annotations

import asyncio
import threading
import time
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Final

from triwire._http.failures import reset_error
from triwire._http.response import HttpResponse
from triwire.cancellation import given_up_by
from triwire.errors import Code, RpcError
from triwire.transports.failures import timeout_error

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from contextlib import AbstractContextManager

    import pyqwest

__all__ = ["AsyncHttpStream", "HttpStream"]

# A server that resets the stream at the deadline may be heard before our own timer is.
_DEADLINE_SLACK_SECONDS: Final = 0.02


class AsyncHttpStream:
    """A request whose response comes in pieces. Dropping it, or `aclose`, gives it up."""

    __slots__ = (
        "_chunks",
        "_closed",
        "_deadline",
        "_opening",
        "_request",
        "_response",
        "_timeout_seconds",
        "_transport",
    )

    def __init__(
        self,
        transport: pyqwest.HTTPTransport,
        request: pyqwest.Request,
        timeout_seconds: float | None,
    ) -> None:
        self._transport = transport
        self._request: pyqwest.Request | None = request
        self._timeout_seconds = timeout_seconds
        self._deadline: float | None = None
        self._opening: asyncio.Future[pyqwest.Response] | None = None
        self._response: pyqwest.Response | None = None
        self._chunks: AsyncIterator[Any] | None = None
        self._closed = False

    async def open(self) -> HttpResponse:
        """Send the request; return status and headers, with an empty body, when they came.

        Raises:
            RpcError: DEADLINE_EXCEEDED, CANCELLED if it was closed meanwhile, or what
                `reset_error` says.
        """
        request, self._request = self._request, None
        if request is None or self._closed:
            raise _closed_stream_error()
        if self._timeout_seconds is not None:
            self._deadline = asyncio.get_running_loop().time() + self._timeout_seconds
        try:
            async with asyncio.timeout_at(self._deadline):
                self._opening = asyncio.ensure_future(self._transport.execute(request))
                response = await self._opening
        except BaseException as error:
            raise self._translated(error) from error
        finally:
            self._opening = None
        self._response = response
        self._chunks = response.content
        if self._closed:
            # Between the arrival of the headers and this task's turn.
            await response.aclose()
            raise _closed_stream_error()
        return HttpResponse(response.status, response.headers, b"")

    async def read(self) -> bytes | None:
        """Return the next piece of the body, or None at its end.

        Raises:
            RpcError: As for `open`.
        """
        # Reading what is buffered does not suspend, so the timeout below would not see to it.
        if self._is_late(0):
            raise timeout_error(self._timeout_seconds)
        if self._chunks is None:
            raise _closed_stream_error()
        try:
            async with asyncio.timeout_at(self._deadline):
                chunk = bytes(await anext(self._chunks))
        except StopAsyncIteration:
            if self._closed:
                # pyqwest ends what another task or thread closes as if it were complete.
                raise _closed_stream_error() from None
            return None
        except BaseException as error:
            raise self._translated(error) from error
        if self._closed:
            raise _closed_stream_error()
        return chunk

    def trailers(self) -> list[tuple[str, str]]:
        """Return the trailers, names in lower case; empty before the end of the body."""
        return [] if self._response is None else list(self._response.trailers.items())

    def _is_late(self, slack_seconds: float) -> bool:
        if self._deadline is None:
            return False
        return asyncio.get_running_loop().time() >= self._deadline - slack_seconds

    def _translated(self, error: BaseException) -> BaseException:
        if isinstance(error, TimeoutError):
            return timeout_error(self._timeout_seconds)
        if self._closed and isinstance(error, (Exception, asyncio.CancelledError)):
            task = asyncio.current_task()
            if isinstance(error, Exception) or task is None or not task.cancelling():
                return _closed_stream_error()
        if isinstance(error, Exception):
            late = self._is_late(_DEADLINE_SLACK_SECONDS)
            return reset_error(error, late=late, timeout_seconds=self._timeout_seconds)
        return error

    async def aclose(self) -> None:
        """Give the response up: HTTP/2 resets the stream, HTTP/1.1 closes the connection."""
        self._closed = True
        opening = self._opening
        if opening is not None:
            opening.cancel()
        if self._response is not None:
            await self._response.aclose()


class HttpStream:
    """A request whose response comes in pieces. Dropping it, or `close`, gives it up."""

    __slots__ = (
        "_chunks",
        "_closed",
        "_deadline",
        "_opened",
        "_response",
        "_send",
        "_timeout_seconds",
    )

    def __init__(
        self,
        send: Callable[[], AbstractContextManager[pyqwest.SyncResponse]],
        timeout_seconds: float | None,
    ) -> None:
        self._send: Callable[[], AbstractContextManager[pyqwest.SyncResponse]] | None = send
        self._timeout_seconds = timeout_seconds
        self._deadline: float | None = None
        self._opened: SimpleQueue[pyqwest.SyncResponse | BaseException] = SimpleQueue()
        self._response: pyqwest.SyncResponse | None = None
        self._chunks: Iterator[Any] | None = None
        self._closed = False

    def open(self) -> HttpResponse:
        """Send the request; return status and headers, with an empty body, when they came.

        A thread of its own waits for them, so that `close` can end this call at once: the
        request is then abandoned, and given up when its headers come.

        Raises:
            RpcError: DEADLINE_EXCEEDED, CANCELLED if it was closed meanwhile, or what
                `reset_error` says.
        """
        send, self._send = self._send, None
        if send is None or self._closed:
            raise _closed_stream_error()
        if self._timeout_seconds is not None:
            self._deadline = time.monotonic() + self._timeout_seconds
        abandoned = threading.Event()
        threading.Thread(
            target=_open_stream, args=(send, self._opened, abandoned), daemon=True
        ).start()
        try:
            with given_up_by(self.close):
                found = self._opened.get()
        except BaseException:
            abandoned.set()
            raise
        if isinstance(found, BaseException):
            abandoned.set()
            raise self._translated(found) from found
        self._response = found
        self._chunks = found.content
        if self._closed:
            found.close()
            raise _closed_stream_error()
        return HttpResponse(found.status, found.headers, b"")

    def read(self) -> bytes | None:
        """Return the next piece of the body, or None at its end.

        Raises:
            RpcError: As for `open`.
        """
        if self._is_late(0):
            raise timeout_error(self._timeout_seconds)
        if self._chunks is None:
            raise _closed_stream_error()
        try:
            with given_up_by(self.close):
                chunk = bytes(next(self._chunks))
        except RpcError:
            self.close()
            raise
        except StopIteration:
            if self._closed:
                # pyqwest ends what another task or thread closes as if it were complete.
                raise _closed_stream_error() from None
            return None
        except Exception as error:
            raise self._translated(error) from error
        if self._closed:
            raise _closed_stream_error()
        return chunk

    def trailers(self) -> list[tuple[str, str]]:
        """Return the trailers, names in lower case; empty before the end of the body."""
        return [] if self._response is None else list(self._response.trailers.items())

    def _is_late(self, slack_seconds: float) -> bool:
        return self._deadline is not None and time.monotonic() >= self._deadline - slack_seconds

    def _translated(self, error: BaseException) -> BaseException:
        if isinstance(error, TimeoutError):
            return timeout_error(self._timeout_seconds)
        if self._closed:
            return _closed_stream_error()
        if isinstance(error, Exception):
            late = self._is_late(_DEADLINE_SLACK_SECONDS)
            return reset_error(error, late=late, timeout_seconds=self._timeout_seconds)
        return error

    def close(self) -> None:
        """Give the response up: HTTP/2 resets the stream, HTTP/1.1 closes the connection."""
        self._closed = True
        if self._response is not None:
            self._response.close()
        else:
            self._opened.put(_closed_stream_error())


def _open_stream(
    send: Callable[[], AbstractContextManager[pyqwest.SyncResponse]],
    opened: SimpleQueue[pyqwest.SyncResponse | BaseException],
    abandoned: threading.Event,
) -> None:
    try:
        response = send().__enter__()
    except BaseException as error:  # noqa: BLE001 - raised in the thread that waits
        opened.put(error)
        return
    if abandoned.is_set():
        response.close()
    opened.put(response)


def _closed_stream_error() -> RpcError:
    return RpcError(Code.CANCELLED, "the call was closed by this side")
