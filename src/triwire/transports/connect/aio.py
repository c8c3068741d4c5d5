"""Carries calls over the Connect protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from triwire.codec.binary import BinaryCodec
from triwire.transports.connect import wire

if TYPE_CHECKING:
    from triwire._http import AsyncHttp
    from triwire.config import Endpoint
    from triwire.spec import MethodSpec, Pairs, RawResponse
    from triwire.transports.base import AsyncTransport, RequestT, ResponseT

__all__ = ["AsyncConnectTransport"]

_CODEC: Final = BinaryCodec()


class AsyncConnectTransport:
    """Speaks Connect: a unary call is a plain POST and passes any HTTP/1.1 proxy.

    Args:
        http: The HTTP client; closed with the transport.
        endpoint: Where the server is.
        user_agent: Value of the User-Agent header.
    """

    def __init__(self, http: AsyncHttp, endpoint: Endpoint, *, user_agent: str) -> None:
        self._http = http
        self._url = endpoint.url
        self._user_agent = user_agent

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
        pairs = wire.request_headers(headers, self._user_agent)
        if timeout_seconds is not None:
            pairs.append(wire.timeout_header(timeout_seconds))
        response = await self._http.execute(
            "POST",
            self._url + method.path,
            headers=pairs,
            body=_CODEC.encode(request),
            timeout_seconds=timeout_seconds,
        )
        return wire.raw_response(response)

    def decode(self, method: MethodSpec[RequestT, ResponseT], body: bytes) -> ResponseT:
        """Parse protobuf binary; see `AsyncTransport`."""
        return _CODEC.decode(body, method.response_type)

    async def aclose(self) -> None:
        """Close all connections; idempotent."""
        await self._http.aclose()


if TYPE_CHECKING:
    _: type[AsyncTransport] = AsyncConnectTransport
