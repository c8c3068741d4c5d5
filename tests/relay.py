"""A TCP relay between clients and a server, for tests of connections: it counts, and it cuts.

It can take TLS off on its way, with or without asking for a client certificate, and it can be an
HTTP proxy.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import re
import socket
import threading
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

__all__ = ["Relay"]


def _ignore(_: asyncio.AbstractEventLoop, __: dict[str, Any]) -> None:
    pass


class Relay:
    """One relay in front of one server. Serves in a thread of its own; close it, or use `with`.

    Args:
        target_port: Where the server is on this machine, which speaks without TLS.
        host: Address to listen on.
        port: Port to listen on, or 0 for any.
        tls: How the relay shows itself to clients, or None for no TLS.
        is_proxy: Whether it speaks as an HTTP proxy first; wherever it is asked to go, it goes to
            the target.

    Attributes:
        port: Where it listens.
        accepted: How many connections clients have opened, and finished the handshake of.
        request_bytes: What clients have sent.
        response_bytes: What the server has sent.
        names: The common names in clients' certificates, each once, in order of connections.
        asked: As a proxy: where each connection was to go, and the credentials.
    """

    def __init__(
        self,
        target_port: int,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        tls: ssl.SSLContext | None = None,
        is_proxy: bool = False,
    ) -> None:
        self._target_port = target_port
        self._tls = tls
        self._is_proxy = is_proxy
        self._open: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        # Clients that break off a handshake are what some tests are about.
        self._loop.set_exception_handler(_ignore)
        # Bound here, so that the caller learns at once of an address that there is not.
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._server = socket.create_server((host, port), family=family)
        self.port: int = self._server.getsockname()[1]
        self.accepted = 0
        self.request_bytes = 0
        self.response_bytes = 0
        self.names: list[str] = []
        self.asked: list[tuple[str, str]] = []
        self._heard = threading.Condition()
        self._listens = threading.Event()
        self._ended: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._listens.wait(10)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def wait_for_response_bytes(self, size: int) -> None:
        """Wait until the server has sent that much, or fail."""
        with self._heard:
            assert self._heard.wait_for(lambda: self.response_bytes >= size, 20)

    def cut(self) -> None:
        """Close every open connection, as a load balancer does with idle ones."""

        async def close() -> None:
            for writer in list(self._open):
                writer.transport.abort()

        asyncio.run_coroutine_threadsafe(close(), self._loop).result(10)

    def close(self) -> None:
        """Stop; idempotent."""
        if not self._thread.is_alive():
            return
        self.cut()
        if self._ended is not None:
            self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        with contextlib.closing(self._loop):
            self._loop.run_until_complete(self._listen())
            left = asyncio.all_tasks(self._loop)
            for task in left:
                task.cancel()
            self._loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))

    async def _listen(self) -> None:
        self._ended = asyncio.Event()
        server = await asyncio.start_server(self._serve, sock=self._server, ssl=self._tls)
        self._listens.set()
        await self._ended.wait()
        server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        certificate: dict[str, Any] = writer.get_extra_info("peercert") or {}
        names = dict(pair for part in certificate.get("subject", ()) for pair in part)
        if names and names["commonName"] not in self.names:
            self.names.append(names["commonName"])
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            first = await self._answered_as_proxy(reader, writer) if self._is_proxy else b""
            await self._connect(reader, writer, first)

    async def _answered_as_proxy(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bytes:
        """Take the first request; return what of it goes on to the server."""
        head = await reader.readuntil(b"\r\n\r\n")
        verb, target, *_ = head.decode("latin-1").split(" ")
        found = re.search(rb"(?i)proxy-authorization: basic (\S+)", head)
        self.asked.append((target, base64.b64decode(found[1]).decode() if found else ""))
        if verb != "CONNECT":
            return head
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        return b""

    async def _connect(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, first: bytes
    ) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._target_port)
        back.write(first)
        both = {writer, back}
        self._open |= both
        try:
            await asyncio.gather(
                self._pump(reader, back, self._count_request),
                self._pump(there, writer, self._count_response),
            )
        finally:
            self._open -= both
            for each in both:
                each.close()

    def _count_request(self, size: int) -> None:
        self.request_bytes += size

    def _count_response(self, size: int) -> None:
        with self._heard:
            self.response_bytes += size
            self._heard.notify_all()

    async def _pump(
        self,
        source: asyncio.StreamReader,
        sink: asyncio.StreamWriter,
        count: Callable[[int], None],
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(65536):
                count(len(data))
                sink.write(data)
                await sink.drain()
        with contextlib.suppress(OSError):
            if sink.can_write_eof():
                sink.write_eof()
            else:
                sink.close()
