# Generated from src/triwire/transports/grpcweb/aio.py by scripts/unasync.py. DO NOT EDIT.
"""Carries calls over gRPC-Web."""

from __future__ import annotations

from typing import TYPE_CHECKING

from triwire.errors import RpcError
from triwire.spec import Metadata, RawResponse
from triwire.transports.decoded.wire import with_metadata
from triwire.transports.envelope import frame
from triwire.transports.enveloped.sync import EnvelopedStream
from triwire.transports.enveloped.wire import only_message
from triwire.transports.grpcweb import wire
from triwire.transports.options import WireOptions, gzip_from_bytes, request_writer
from triwire.transports.remembered import Remembered

if TYPE_CHECKING:
    from collections.abc import Iterable

    from triwire._http import Http
    from triwire.config import Endpoint
    from triwire.spec import MethodSpec, Pairs
    from triwire.transports.base import RawStream, RequestT, ResponseT, Transport

__all__ = ["GrpcWebTransport"]


class GrpcWebTransport:
    """Speaks gRPC-Web (PROTOCOL-WEB.md of grpc/grpc), which needs no HTTP/2 and no trailers.

    Args:
        http: The HTTP client; closed with the transport.
        endpoint: Where the server is.
        user_agent: Value of the User-Agent header.
        options: Encoding, compression and limits.
    """

    def __init__(
        self,
        http: Http,
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
        """Always "grpc-web"."""
        return "grpc-web"

    def unary(
        self,
        method: MethodSpec[RequestT, ResponseT],
        request: RequestT,
        *,
        headers: Pairs,
        timeout_seconds: float | None,
    ) -> RawResponse:
        """Send one message and return the raw reply; see `Transport`."""
        options = self._options
        data = self._write(request)
        response = self._http.execute(
            "POST",
            self._url + method.path,
            headers=self._request_headers(
                headers, self._user_agent, options=options, timeout_seconds=timeout_seconds
            ),
            body=frame(data, compress=len(data) >= self._gzip_from_bytes),
            timeout_seconds=timeout_seconds,
            max_message_bytes=options.max_response_bytes,
        )
        decoder = wire.ResponseDecoder(options)
        try:
            if not decoder.start(response):
                raise decoder.refusal(response)
            decoder.feed(response.body)
            messages = list(iter(decoder.next, None))
            decoder.finish(Metadata())
            body = only_message(messages, method.path)
        except RpcError as error:
            with_metadata(error, decoder)
            raise
        return RawResponse(
            body,
            lambda: decoder.headers,
            lambda: decoder.trailers,
            date=lambda: response.header("date"),
        )

    def stream(
        self,
        method: MethodSpec[RequestT, ResponseT],
        requests: tuple[RequestT, ...] | Iterable[RequestT],
        *,
        headers: Pairs,
        timeout_seconds: float | None,
    ) -> RawStream:
        """Return a call of any stream kind; see `Transport`."""
        return EnvelopedStream(
            self._http,
            self._url + method.path,
            headers=self._request_headers(
                headers, self._user_agent, options=self._options, timeout_seconds=timeout_seconds
            ),
            method=method,
            requests=requests,
            options=self._options,
            decoder=wire.ResponseDecoder(self._options),
            timeout_seconds=timeout_seconds,
        )

    def decode(self, method: MethodSpec[RequestT, ResponseT], body: bytes) -> ResponseT:
        """Parse what the codec reads; see `Transport`."""
        return self._options.codec.decode(body, method.response_type)

    def close(self) -> None:
        """Close all connections; idempotent."""
        self._http.close()


if TYPE_CHECKING:
    _: type[Transport] = GrpcWebTransport
