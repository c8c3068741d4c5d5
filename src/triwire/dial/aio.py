"""Opens a transport by the name of its wire. Imports only what that wire needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from triwire.dial.wires import check_wire

if TYPE_CHECKING:
    from collections.abc import Mapping

    from triwire.config import Endpoint, TlsOptions
    from triwire.transports.base import AsyncTransport

__all__ = ["dial"]


def dial(
    wire: str,
    endpoint: Endpoint,
    *,
    tls: TlsOptions,
    user_agent: str,
    enum_aliases: Mapping[str, Mapping[str, int]] | None = None,
) -> AsyncTransport:
    """Make the transport for a wire. Does no I/O: the first call connects.

    Args:
        wire: "connect", "grpc", "grpc-web" or "rest".
        endpoint: Where the server is.
        tls: How to trust it, for https.
        user_agent: Product tokens after RFC 9110 section 10.1.5.
        enum_aliases: Spellings that REST reads beside the contract's: full enum name -> spelling
            -> number.

    Raises:
        ValueError: unknown wire.
    """
    check_wire(wire)
    if wire == "grpc":
        from triwire.transports.grpc.aio import AsyncGrpcTransport

        return AsyncGrpcTransport(endpoint, tls=tls, user_agent=user_agent)
    from triwire._http import AsyncHttp

    http = AsyncHttp(tls)
    if wire == "rest":
        from triwire.codec.protojson import ProtoJsonCodec
        from triwire.transports.rest.aio import AsyncRestTransport

        codec = ProtoJsonCodec(enum_aliases=enum_aliases or {})
        return AsyncRestTransport(http, endpoint, codec=codec, user_agent=user_agent)
    if wire == "grpc-web":
        from triwire.transports.grpcweb.aio import AsyncGrpcWebTransport

        return AsyncGrpcWebTransport(http, endpoint, user_agent=user_agent)
    from triwire.transports.connect.aio import AsyncConnectTransport

    return AsyncConnectTransport(http, endpoint, user_agent=user_agent)
