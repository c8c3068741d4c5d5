"""One ASGI application for all wires: Connect, gRPC, gRPC-Web and REST from the same services.

A request goes to the RPC half if its path names a served service, or if only a client of one
of the RPC protocols can have sent it (content type, Connect-Protocol-Version); all else is REST.
"""

from __future__ import annotations

import json
import logging
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Final, Literal

from triwire.errors import Code
from triwire.server.connect import Receiver, RpcApplication, RpcRefusal, Sender, wire_of
from triwire.server.rest import RestApplication

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from contextlib import AbstractAsyncContextManager

    from triwire.codec import JsonCodec
    from triwire.server.connect import Receive, Scope, Send
    from triwire.server.service import Service

__all__ = ["DEFAULT_MAX_BODY_BYTES", "DEFAULT_MAX_HEADER_BYTES", "AsgiApplication", "asgi_app"]

_log: Final = logging.getLogger("triwire.server")

DEFAULT_MAX_BODY_BYTES: Final = 4 * 1024 * 1024
"""Largest request message: the default of gRPC's servers."""

DEFAULT_MAX_HEADER_BYTES: Final = 32 * 1024
"""Largest sum of header names and values. Few proxies pass more; Envoy's default is 60 KiB."""


def asgi_app(
    services: Iterable[Service],
    *,
    codec: JsonCodec,
    rest_codec: JsonCodec | None = None,
    rest_errors: Literal["rpc", "http"] = "rpc",
    max_body_bytes: int = DEFAULT_MAX_BODY_BYTES,
    max_header_bytes: int = DEFAULT_MAX_HEADER_BYTES,
    lifespan: Callable[[], AbstractAsyncContextManager[object]] | None = None,
) -> AsgiApplication:
    """Return the ASGI application that serves `services` on all wires.

    The server below must offer HTTP/2 and the extension http.response.trailers for gRPC.

    Args:
        services: What to serve.
        codec: Reads and writes JSON on Connect, gRPC and gRPC-Web.
        rest_codec: Reads and writes JSON on REST, if that is to differ.
        rest_errors: What "code" in REST error bodies is: the google.rpc number, or the HTTP
            status.
        max_body_bytes: Largest request message, after decompression: RESOURCE_EXHAUSTED above
            it, with HTTP status 413 on REST.
        max_header_bytes: Largest sum of header names and values: RESOURCE_EXHAUSTED above it,
            with HTTP status 431 on Connect and REST.
        lifespan: Entered when the server starts and left when it stops.

    Raises:
        ValueError: a method cannot be served.
    """
    known = list(services)
    return AsgiApplication(
        RpcApplication(known, codec=codec, max_body_bytes=max_body_bytes),
        RestApplication(
            known,
            codec=rest_codec or codec,
            max_body_bytes=max_body_bytes,
            error_style=rest_errors,
        ),
        rest_errors=rest_errors,
        max_body_bytes=max_body_bytes,
        max_header_bytes=max_header_bytes,
        lifespan=lifespan,
    )


class AsgiApplication:
    """Sends each request to the application that speaks its protocol; see `asgi_app`."""

    def __init__(
        self,
        rpc: RpcApplication,
        rest: RestApplication,
        *,
        rest_errors: Literal["rpc", "http"],
        max_body_bytes: int,
        max_header_bytes: int,
        lifespan: Callable[[], AbstractAsyncContextManager[object]] | None,
    ) -> None:
        self._rpc = rpc
        self._rest = rest
        self._rest_errors = rest_errors
        self._max_body_bytes = max_body_bytes
        self._max_header_bytes = max_header_bytes
        self._lifespan = lifespan

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection; see the ASGI specification, version 3."""
        if scope["type"] == "lifespan":
            await self._run_lifespan(receive, send)
            return
        if scope["type"] != "http":
            raise ValueError(f"expected an ASGI scope of type 'http', got {scope['type']!r}")
        headers = {name.lower(): value for name, value in scope["headers"]}
        wire = wire_of(headers.get(b"content-type", b"").decode("latin-1"))
        rpc = self._rpc.is_rpc(str(scope["path"]), wire, headers)
        size = sum(len(name) + len(value) for name, value in scope["headers"])
        if size > self._max_header_bytes:
            await self._refuse_headers(size, wire if rpc else "rest", send)
        elif rpc:
            await self._rpc(scope, receive, send)
        else:
            receiver = Receiver(receive)
            sender = Sender(receiver, send, max_bytes=self._max_body_bytes, from_status=400)
            await self._rest(scope, receiver, sender)

    async def _refuse_headers(self, size: int, wire: str, send: Send) -> None:
        text = f"headers of {size} bytes are above the limit of {self._max_header_bytes}"
        status, code = 431, Code.RESOURCE_EXHAUSTED  # RFC 6585 section 5
        if wire != "rest":
            await RpcRefusal(status, code, text).send(wire, send)
            return
        number = status if self._rest_errors == "http" else int(code)
        body = json.dumps({"code": number, "message": text, "details": []}).encode()
        raw = [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(body)),
        ]
        await send({"type": "http.response.start", "status": status, "headers": raw})
        await send({"type": "http.response.body", "body": body, "more_body": False})

    async def _run_lifespan(self, receive: Receive, send: Send) -> None:
        async with AsyncExitStack() as stack:
            await receive()
            try:
                if self._lifespan is not None:
                    await stack.enter_async_context(self._lifespan())
            except Exception as error:  # noqa: BLE001 - told to the server, which then stops
                _log.exception("the server cannot start")
                await send({"type": "lifespan.startup.failed", "message": str(error)})
                return
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})
