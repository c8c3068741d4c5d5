# Generated from src/triwire/transports/grpcweb/aio.py by scripts/unasync.py. DO NOT EDIT.
"""Carries calls over gRPC-Web."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from triwire.codec.binary import BinaryCodec
from triwire.transports.grpcweb import wire

if TYPE_CHECKING:
    from connectrpc.client import ConnectClientSync
    from connectrpc.method import MethodInfo

    from triwire._http import Http
    from triwire.config import Endpoint
    from triwire.spec import MethodSpec, Pairs, RawResponse
    from triwire.transports.base import RequestT, ResponseT, Transport

__all__ = ["GrpcWebTransport"]

_CODEC: Final = BinaryCodec()


class GrpcWebTransport:
    """Speaks gRPC-Web (PROTOCOL-WEB.md of grpc/grpc), which needs no HTTP/2 and no trailers.

    Args:
        http: The HTTP client; closed with the transport.
        endpoint: Where the server is.
        user_agent: Value of the User-Agent header.
    """

    def __init__(self, http: Http, endpoint: Endpoint, *, user_agent: str) -> None:
        self._http = http
        self._endpoint = endpoint
        self._user_agent = user_agent
        self._client: ConnectClientSync | None = None
        self._methods: dict[str, MethodInfo[bytes, bytes]] = {}

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
        from connectrpc.client import ResponseMetadata
        from connectrpc.errors import ConnectError

        info = self._methods.get(method.path)
        if info is None:
            info = self._methods[method.path] = wire.method_info(method)
        client = self._dial()
        with ResponseMetadata() as metadata:
            try:
                body = client.execute_unary(
                    request=_CODEC.encode(request),
                    method=info,
                    headers=wire.request_headers(headers, self._user_agent),
                    timeout_ms=wire.timeout_ms(timeout_seconds),
                )
            except ConnectError as error:
                failure = wire.rpc_error(error, metadata, timeout_seconds)
                raise failure from error
        return wire.raw_response(body, metadata)

    def _dial(self) -> ConnectClientSync:
        http = self._http.client()
        if self._client is None:
            from connectrpc.client import ConnectClientSync
            from connectrpc.protocol import ProtocolType

            self._client = ConnectClientSync(
                self._endpoint.url,
                codec=wire.RawCodec(),
                protocol=ProtocolType.GRPC_WEB,
                accept_compression=(),
                send_compression=None,
                http_client=http,
            )
        return self._client

    def decode(self, method: MethodSpec[RequestT, ResponseT], body: bytes) -> ResponseT:
        """Parse protobuf binary; see `Transport`."""
        return _CODEC.decode(body, method.response_type)

    def close(self) -> None:
        """Close all connections; idempotent."""
        self._http.close()


if TYPE_CHECKING:
    _: type[Transport] = GrpcWebTransport
