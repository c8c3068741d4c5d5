"""Runs one call of enveloped messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from triwire._http import HttpResponse
from triwire.errors import Code, RpcError
from triwire.transports.envelope import frame
from triwire.transports.enveloped.wire import RequestFailure, encoded, with_metadata
from triwire.transports.failures import timeout_error
from triwire.transports.options import is_compressed

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator

    from google.protobuf.message import Message

    from triwire._http import AsyncHttp, AsyncHttpStream
    from triwire.spec import Metadata, MethodSpec
    from triwire.transports.base import AsyncRawStream
    from triwire.transports.enveloped.wire import Decoder
    from triwire.transports.options import WireOptions

__all__ = ["AsyncEnvelopedStream"]


class AsyncEnvelopedStream:
    """One RPC over one HTTP request; see `AsyncRawStream`.

    Args:
        http: Sends it.
        url: Where to.
        headers: HTTP headers of the request.
        method: The method that is called.
        requests: What to send.
        options: How to encode it.
        decoder: Reads the response.
        timeout_seconds: Time for all of it.
    """

    def __init__(
        self,
        http: AsyncHttp,
        url: str,
        *,
        headers: list[tuple[str, str]],
        method: MethodSpec[Any, Any],
        requests: tuple[Message, ...] | AsyncIterable[Message],
        options: WireOptions,
        decoder: Decoder,
        timeout_seconds: float | None,
    ) -> None:
        self._http = http
        self._url = url
        self._request_headers = headers
        self._method = method
        self._requests = requests
        self._options = options
        self._decoder = decoder
        self._timeout_seconds = timeout_seconds
        self._failure = RequestFailure()
        self._response: AsyncHttpStream | None = None
        self._has_headers = False
        self._ended = False
        self._error: Exception | None = None

    async def start(self) -> None:
        """Check that the call can begin."""
        if self._timeout_seconds is not None and self._timeout_seconds <= 0:
            raise timeout_error(self._timeout_seconds)
        self._http.client()

    async def headers(self) -> Metadata:
        """Return the response headers; see `AsyncRawStream`."""
        if self._has_headers:
            return self._decoder.headers
        try:
            await self._open()
        except BaseException as error:
            await self._fail(error)
            raise
        return self._decoder.headers

    @property
    def trailers(self) -> Metadata:
        """Trailers; see `AsyncRawStream`."""
        return self._decoder.trailers

    async def read(self) -> bytes | None:
        """Return the next message; see `AsyncRawStream`."""
        if self._error is not None:
            raise self._error
        if self._ended:
            return None
        try:
            response = await self._open()
            while True:
                message = self._decoder.next()
                if message is not None:
                    return message
                chunk = await response.read()
                if chunk is None:
                    self._decoder.finish()
                    self._ended = True
                    return None
                self._decoder.feed(chunk)
        except BaseException as error:
            await self._fail(error)
            raise

    async def aclose(self) -> None:
        """Cancel the call if it has not ended; see `AsyncRawStream`."""
        if not self._ended and self._error is None:
            self._error = RpcError(Code.CANCELLED, "the call was closed by this side")
        response, self._response = self._response, None
        if response is not None:
            await response.aclose()

    async def _open(self) -> AsyncHttpStream:
        if self._error is not None:
            raise self._error
        if self._response is not None:
            return self._response
        await self.start()
        response = self._response = self._http.stream(
            "POST",
            self._url,
            headers=self._request_headers,
            body=self._body(),
            timeout_seconds=self._timeout_seconds,
        )
        if self._error is not None:
            # Closed meanwhile, by another thread that did not see the response yet.
            raise self._error
        head = await response.open()
        self._has_headers = True
        if not self._decoder.start(head):
            body = b""
            while (chunk := await response.read()) is not None:
                body += chunk
            raise self._decoder.refusal(HttpResponse(head.status, head.headers, body))
        return response

    def _body(self) -> bytes | AsyncIterator[bytes]:
        if isinstance(self._requests, tuple):
            return b"".join(
                _frame(self._method, request, self._options) for request in self._requests
            )
        return _frames(self._method, self._requests, self._options, self._failure)

    async def _fail(self, error: BaseException) -> None:
        """Remember why the call ended, cancel it, and raise what is the cause if that differs."""
        if self._error is None:
            cause = self._failure.error
            if cause is not None and isinstance(error, Exception):
                self._error = cause
            elif isinstance(error, RpcError):
                self._error = with_metadata(error, self._decoder)
            elif isinstance(error, Exception):
                self._error = error
            else:
                self._error = RpcError(Code.CANCELLED, "the call was cancelled by this side")
        response, self._response = self._response, None
        if response is not None:
            await response.aclose()
        if isinstance(error, Exception) and self._error is not error:
            raise self._error from error


def _frame(method: MethodSpec[Any, Any], request: Message, options: WireOptions) -> bytes:
    data = encoded(method, request, options)
    return frame(data, compress=is_compressed(options, data))


async def _frames(
    method: MethodSpec[Any, Any],
    requests: AsyncIterable[Message],
    options: WireOptions,
    failure: RequestFailure,
) -> AsyncIterator[bytes]:
    """Encode requests as the wire takes them. Holds no reference to the call, which may end."""
    try:
        async for request in requests:
            yield _frame(method, request, options)
    except Exception as error:
        failure.error = error
        raise


if TYPE_CHECKING:
    _: type[AsyncRawStream] = AsyncEnvelopedStream
