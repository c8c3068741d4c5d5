# Generated from src/triwire/transports/enveloped/aio.py by scripts/unasync.py. DO NOT EDIT.
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
    from collections.abc import Iterable, Iterator

    from google.protobuf.message import Message

    from triwire._http import Http, HttpStream
    from triwire.spec import Metadata, MethodSpec
    from triwire.transports.base import RawStream
    from triwire.transports.enveloped.wire import Decoder
    from triwire.transports.options import WireOptions

__all__ = ["EnvelopedStream"]


class EnvelopedStream:
    """One RPC over one HTTP request; see `RawStream`.

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
        http: Http,
        url: str,
        *,
        headers: list[tuple[str, str]],
        method: MethodSpec[Any, Any],
        requests: tuple[Message, ...] | Iterable[Message],
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
        self._response: HttpStream | None = None
        self._has_headers = False
        self._ended = False
        self._error: Exception | None = None

    def start(self) -> None:
        """Check that the call can begin."""
        if self._timeout_seconds is not None and self._timeout_seconds <= 0:
            raise timeout_error(self._timeout_seconds)
        self._http.client()

    def headers(self) -> Metadata:
        """Return the response headers; see `RawStream`."""
        if self._has_headers:
            return self._decoder.headers
        try:
            self._open()
        except BaseException as error:
            self._fail(error)
            raise
        return self._decoder.headers

    @property
    def trailers(self) -> Metadata:
        """Trailers; see `RawStream`."""
        return self._decoder.trailers

    def read(self) -> bytes | None:
        """Return the next message; see `RawStream`."""
        if self._error is not None:
            raise self._error
        if self._ended:
            return None
        try:
            response = self._open()
            while True:
                message = self._decoder.next()
                if message is not None:
                    return message
                chunk = response.read()
                if chunk is None:
                    self._decoder.finish()
                    self._ended = True
                    return None
                self._decoder.feed(chunk)
        except BaseException as error:
            self._fail(error)
            raise

    def close(self) -> None:
        """Cancel the call if it has not ended; see `RawStream`."""
        if not self._ended and self._error is None:
            self._error = RpcError(Code.CANCELLED, "the call was closed by this side")
        response, self._response = self._response, None
        if response is not None:
            response.close()

    def _open(self) -> HttpStream:
        if self._error is not None:
            raise self._error
        if self._response is not None:
            return self._response
        self.start()
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
        head = response.open()
        self._has_headers = True
        if not self._decoder.start(head):
            body = b""
            while (chunk := response.read()) is not None:
                body += chunk
            raise self._decoder.refusal(HttpResponse(head.status, head.headers, body))
        return response

    def _body(self) -> bytes | Iterator[bytes]:
        if isinstance(self._requests, tuple):
            return b"".join(
                _frame(self._method, request, self._options) for request in self._requests
            )
        return _frames(self._method, self._requests, self._options, self._failure)

    def _fail(self, error: BaseException) -> None:
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
            response.close()
        if isinstance(error, Exception) and self._error is not error:
            raise self._error from error


def _frame(method: MethodSpec[Any, Any], request: Message, options: WireOptions) -> bytes:
    data = encoded(method, request, options)
    return frame(data, compress=is_compressed(options, data))


def _frames(
    method: MethodSpec[Any, Any],
    requests: Iterable[Message],
    options: WireOptions,
    failure: RequestFailure,
) -> Iterator[bytes]:
    """Encode requests as the wire takes them. Holds no reference to the call, which may end."""
    try:
        for request in requests:
            yield _frame(method, request, options)
    except Exception as error:
        failure.error = error
        raise


if TYPE_CHECKING:
    _: type[RawStream] = EnvelopedStream
