"""Carries calls as REST requests with ProtoJSON bodies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from triwire._typing import override
from triwire.spec import StreamKind
from triwire.transports.decoded.aio import AsyncDecodedStream
from triwire.transports.options import WireOptions
from triwire.transports.rest.decoder import StreamDecoder
from triwire.transports.rest.wire import Wire, unsupported_stream

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator

    from triwire._http import AsyncHttp
    from triwire.codec import JsonCodec
    from triwire.config import Endpoint
    from triwire.spec import MethodSpec, Pairs, RawResponse
    from triwire.transports.base import AsyncRawStream, AsyncTransport, RequestT, ResponseT
    from triwire.transports.rest.wire import RestRequest

__all__ = ["AsyncRestTransport"]


class AsyncRestTransport:
    """Speaks REST as the methods' google.api.http rules say.

    Args:
        http: The HTTP client; closed with the transport.
        endpoint: Where the server is.
        codec: Writes and reads JSON.
        user_agent: Value of the User-Agent header.
        options: Compression and limits, of whole bodies; their codec is not used.
    """

    def __init__(
        self,
        http: AsyncHttp,
        endpoint: Endpoint,
        *,
        codec: JsonCodec,
        user_agent: str,
        options: WireOptions | None = None,
    ) -> None:
        self._http = http
        self._url = endpoint.url
        self._options = options if options is not None else WireOptions()
        self._wire = Wire(codec, user_agent=user_agent, options=self._options)

    @property
    def wire(self) -> str:
        """Always "rest"."""
        return "rest"

    async def unary(
        self,
        method: MethodSpec[RequestT, ResponseT],
        request: RequestT,
        *,
        headers: Pairs,
        timeout_seconds: float | None,
    ) -> RawResponse:
        """Send one message and return the raw reply; see `AsyncTransport`.

        Raises:
            ValueError: The method has no HTTP rule, a path field is empty or does not look
                like its template, or a field is set that REST cannot carry.
        """
        sent = self._wire.request(method, request, headers=headers, timeout_seconds=timeout_seconds)
        came = await self._http.execute(
            sent.verb,
            self._url + sent.target,
            headers=sent.headers,
            body=sent.body,
            timeout_seconds=timeout_seconds,
            max_message_bytes=self._options.max_response_bytes,
        )
        return self._wire.response(method, sent, came)

    def stream(
        self,
        method: MethodSpec[RequestT, ResponseT],
        requests: tuple[RequestT, ...] | AsyncIterable[RequestT],
        *,
        headers: Pairs,
        timeout_seconds: float | None,
    ) -> AsyncRawStream:
        """Return a call whose server streams; see `AsyncTransport`.

        Raises:
            RpcError: UNIMPLEMENTED: the client streams too.
            ValueError: As for `unary`.
        """
        if method.stream_kind is not StreamKind.SERVER_STREAM or not isinstance(requests, tuple):
            raise unsupported_stream(method)
        sent = self._wire.request(
            method,
            requests[0],
            headers=headers,
            timeout_seconds=timeout_seconds,
        )
        return AsyncRestStream(
            self._http,
            self._url + sent.target,
            headers=sent.headers,
            decoder=StreamDecoder(self._wire, method, sent, options=self._options),
            timeout_seconds=timeout_seconds,
            request=sent,
        )

    def decode(self, method: MethodSpec[RequestT, ResponseT], body: bytes) -> ResponseT:
        """Read ProtoJSON; see `AsyncTransport`."""
        return self._wire.decode(method, body)

    async def aclose(self) -> None:
        """Close all connections; idempotent."""
        await self._http.aclose()


class AsyncRestStream(AsyncDecodedStream):
    """One call whose server streams; see `AsyncRawStream`."""

    def __init__(
        self,
        http: AsyncHttp,
        url: str,
        *,
        headers: list[tuple[str, str]],
        decoder: StreamDecoder,
        timeout_seconds: float | None,
        request: RestRequest,
    ) -> None:
        super().__init__(
            http, url, headers=headers, decoder=decoder, timeout_seconds=timeout_seconds
        )
        self._sent = request

    @override
    def _request(self) -> tuple[str, bytes | AsyncIterator[bytes] | None]:
        return self._sent.verb, self._sent.body


if TYPE_CHECKING:
    _: type[AsyncTransport] = AsyncRestTransport
