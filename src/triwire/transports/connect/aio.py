"""Carries calls over the Connect protocol."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

from triwire.spec import Idempotency
from triwire.transports.connect import wire
from triwire.transports.enveloped.aio import AsyncEnvelopedStream
from triwire.transports.options import WireOptions, gzip_from_bytes, request_writer
from triwire.transports.remembered import Remembered

if TYPE_CHECKING:
    from collections.abc import AsyncIterable

    from triwire._http import AsyncHttp
    from triwire.config import Endpoint
    from triwire.spec import MethodSpec, Pairs, RawResponse
    from triwire.transports.base import AsyncRawStream, AsyncTransport, RequestT, ResponseT

__all__ = ["AsyncConnectTransport"]


class AsyncConnectTransport:
    """Speaks Connect: a unary call is a plain POST and passes any HTTP/1.1 proxy.

    Args:
        http: The HTTP client; closed with the transport.
        endpoint: Where the server is.
        user_agent: Value of the User-Agent header.
        options: Encoding, compression and limits.
    """

    def __init__(
        self,
        http: AsyncHttp,
        endpoint: Endpoint,
        *,
        user_agent: str,
        options: WireOptions | None = None,
    ) -> None:
        self._http = http
        self._url = endpoint.url
        self._user_agent = user_agent
        self._options = options if options is not None else WireOptions()
        self._write = request_writer(self._options)
        self._gzip_from_bytes = gzip_from_bytes(self._options)
        self._request_headers = Remembered(wire.request_headers)

    @property
    def wire(self) -> str:
        """Always "connect"."""
        return "connect"

    async def unary(
        self,
        method: MethodSpec[RequestT, ResponseT],
        request: RequestT,
        *,
        headers: Pairs,
        timeout_seconds: float | None,
    ) -> RawResponse:
        """Send one message and return the raw reply; see `AsyncTransport`."""
        options = self._options
        body = self._write(request)
        is_gzip = len(body) >= self._gzip_from_bytes
        pairs = self._request_headers(
            headers,
            self._user_agent,
            options=options,
            timeout_seconds=timeout_seconds,
            is_gzip=is_gzip,
        )
        if is_gzip:
            body = gzip.compress(body, 6, mtime=0)
        verb, target = "POST", method.path
        if options.use_get and method.idempotency is Idempotency.NO_SIDE_EFFECTS:
            verb, target = "GET", wire.get_target(method.path, body, options, is_gzip=is_gzip)
            pairs = tuple(pair for pair in pairs if pair[0] not in wire.BODY_HEADERS)
        response = await self._http.execute(
            verb,
            self._url + target,
            headers=pairs,
            body=body if verb == "POST" else None,
            timeout_seconds=timeout_seconds,
            max_message_bytes=options.max_response_bytes,
        )
        return wire.raw_response(response, options)

    def stream(
        self,
        method: MethodSpec[RequestT, ResponseT],
        requests: tuple[RequestT, ...] | AsyncIterable[RequestT],
        *,
        headers: Pairs,
        timeout_seconds: float | None,
    ) -> AsyncRawStream:
        """Return a call of any stream kind; see `AsyncTransport`."""
        return AsyncEnvelopedStream(
            self._http,
            self._url + method.path,
            headers=wire.stream_headers(headers, self._user_agent, self._options, timeout_seconds),
            method=method,
            requests=requests,
            options=self._options,
            decoder=wire.StreamDecoder(self._options),
            timeout_seconds=timeout_seconds,
        )

    def decode(self, method: MethodSpec[RequestT, ResponseT], body: bytes) -> ResponseT:
        """Parse what the codec reads; see `AsyncTransport`."""
        return self._options.codec.decode(body, method.response_type)

    async def aclose(self) -> None:
        """Close all connections; idempotent."""
        await self._http.aclose()


if TYPE_CHECKING:
    _: type[AsyncTransport] = AsyncConnectTransport
