# Generated from src/triwire/transports/decoded/aio.py by scripts/unasync.py. DO NOT EDIT.
"""Runs one call whose response is read by a decoder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from triwire._http import HttpResponse
from triwire.errors import Code, RpcError
from triwire.transports.decoded.wire import RequestFailure, with_metadata
from triwire.transports.failures import timeout_error
from triwire.transports.metadata import application_metadata

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from triwire._http import Http, HttpStream
    from triwire.spec import Metadata
    from triwire.transports.base import RawStream
    from triwire.transports.decoded.wire import Decoder

__all__ = ["DecodedStream"]

# Of an error's body: what is longer is cut, and then is no error of the protocol any more.
_MAX_REFUSAL_BYTES: Final = 4 * 1024 * 1024


class DecodedStream:
    """One RPC over one HTTP request; see `RawStream`. Made for one protocol by subclasses.

    Args:
        http: Sends it.
        url: Where to.
        headers: HTTP headers of the request.
        decoder: Reads the response.
        timeout_seconds: Time for all of it.
    """

    def __init__(
        self,
        http: Http,
        url: str,
        *,
        headers: Sequence[tuple[str, str]],
        decoder: Decoder,
        timeout_seconds: float | None,
    ) -> None:
        self._http = http
        self._url = url
        self._request_headers = headers
        self._decoder = decoder
        self._timeout_seconds = timeout_seconds
        self._failure = RequestFailure()
        self._response: HttpStream | None = None
        self._has_headers = False
        self._ended = False
        self._error: Exception | None = None

    def _request(self) -> tuple[str, bytes | Iterator[bytes] | None]:
        """Return HTTP verb and body; an iterated body leaves what it fails with in `_failure`."""
        raise NotImplementedError

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
                    trailers = application_metadata(response.trailers())
                    message = self._decoder.finish(trailers)
                    self._ended = True
                    return message
                self._decoder.feed(chunk)
        except BaseException as error:
            self._fail(error)
            raise

    def close(self) -> None:
        """Cancel the call if it has not ended; see `RawStream`."""
        self._failure.is_over = True
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
        verb, body = self._request()
        response = self._response = self._http.stream(
            verb,
            self._url,
            headers=self._request_headers,
            body=body,
            timeout_seconds=self._timeout_seconds,
        )
        if self._error is not None:
            # Closed meanwhile, by another thread that did not see the response yet.
            raise self._error
        head = response.open()
        self._has_headers = True
        if not self._decoder.start(head):
            found = bytearray()
            while len(found) < _MAX_REFUSAL_BYTES and (chunk := response.read()) is not None:
                found += chunk
            raise self._decoder.refusal(HttpResponse(head.status, head.headers, bytes(found)))
        return response

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


if TYPE_CHECKING:
    _: type[RawStream] = DecodedStream
