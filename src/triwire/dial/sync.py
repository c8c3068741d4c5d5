# Generated from src/triwire/dial/aio.py by scripts/unasync.py. DO NOT EDIT.
"""Opens a transport by the name of its wire. Imports only what that wire needs."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from triwire.dial.wires import AUTO, check_wire

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from triwire.config import Endpoint, Proxy
    from triwire.spec import MethodSpec
    from triwire.tls import TlsOptions
    from triwire.transports.base import Transport
    from triwire.transports.options import ConnectionOptions, WireOptions

__all__ = ["dial"]


def dial(
    wire: str,
    endpoint: Endpoint,
    *,
    tls: TlsOptions,
    proxy: Proxy | None = None,
    user_agent: str,
    enum_aliases: Mapping[str, Mapping[str, int]] | None = None,
    options: WireOptions | None = None,
    connections: ConnectionOptions | None = None,
    http_version: Literal[1, 2] | None = None,
    probe: MethodSpec[Any, Any] | None = None,
    now: Callable[[], float] = time.monotonic,
) -> Transport:
    """Make the transport for a wire. Does no I/O: the first call connects.

    Args:
        wire: "connect", "grpc", "grpc-web", "rest", or "auto" for the first of connect, grpc and
            rest that gets through.
        endpoint: Where the server is.
        tls: How to trust it, for https.
        proxy: What stands between, or None; the environment is not read.
        user_agent: Product tokens after RFC 9110 section 10.1.5.
        enum_aliases: Spellings that REST reads beside the contract's: full enum name -> spelling
            -> number.
        options: Encoding, compression and limits.
        connections: How long they are kept.
        http_version: 1, 2, or None: what TLS negotiates, HTTP/1.1 over plaintext. gRPC always
            speaks HTTP/2.
        probe: A method without side effects, for "auto" to find that out with.
        now: Seconds since an arbitrary start, for the ages of connections.

    Raises:
        ValueError: unknown wire, or options that it cannot follow.
    """
    check_wire(wire)
    if wire == AUTO:
        from triwire.transports.auto.sync import AutoTransport
        from triwire.transports.auto.wire import PROBED

        each = partial(
            dial,
            endpoint=endpoint,
            tls=tls,
            proxy=proxy,
            user_agent=user_agent,
            enum_aliases=enum_aliases,
            options=options,
            connections=connections,
            http_version=http_version,
            now=now,
        )
        return AutoTransport({name: each(name) for name in PROBED}, probe=probe, now=now)
    if wire == "grpc":
        from triwire.transports.grpc.sync import GrpcTransport

        return GrpcTransport(
            endpoint,
            tls=tls,
            proxy=proxy,
            user_agent=user_agent,
            options=options,
            connections=connections,
            now=now,
        )
    from triwire._http import Http

    http = Http(tls, proxy=proxy, connections=connections, http_version=http_version, now=now)
    if wire == "rest":
        from triwire.codec.protojson import ProtoJsonCodec
        from triwire.transports.rest.sync import RestTransport

        codec = ProtoJsonCodec(enum_aliases=enum_aliases or {})
        return RestTransport(http, endpoint, codec=codec, user_agent=user_agent, options=options)
    if wire == "grpc-web":
        from triwire.transports.grpcweb.sync import GrpcWebTransport

        return GrpcWebTransport(http, endpoint, user_agent=user_agent, options=options)
    from triwire.transports.connect.sync import ConnectTransport

    return ConnectTransport(http, endpoint, user_agent=user_agent, options=options)
