"""TCP servers that answer wrongly on purpose, for tests of what clients make of it."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from typing import TYPE_CHECKING, Final, TypeAlias

from google.protobuf.wrappers_pb2 import StringValue

from triwire.spec import HttpRule, MethodSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

__all__ = [
    "ECHO",
    "Behaviour",
    "answering",
    "closing",
    "endless",
    "plaintext",
    "resetting",
    "serving",
    "silent",
    "unused_port",
]

# What they are asked for, on whichever wire.
ECHO: Final = MethodSpec(
    "acme.v1.EchoService",
    "Echo",
    StringValue,
    StringValue,
    http=HttpRule("POST", "/v1/echo", body="*"),
)

# What a server does with a connection until it returns or the event is set.
Behaviour: TypeAlias = "Callable[[socket.socket, threading.Event], None]"


def _read_request(connection: socket.socket) -> None:
    """Read an HTTP/1.1 request with its body, so that closing does not reset the connection."""
    data = b""
    while b"\r\n\r\n" not in data:
        chunk = connection.recv(65536)
        if not chunk:
            return
        data += chunk
        if data.startswith(b"PRI * HTTP/2"):
            return
    head, _, body = data.partition(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    while len(body) < length:
        chunk = connection.recv(65536)
        if not chunk:
            return
        body += chunk


def answering(data: bytes) -> Callable[[socket.socket, threading.Event], None]:
    """Read a request, send these bytes, close."""

    def behave(connection: socket.socket, _: threading.Event) -> None:
        _read_request(connection)
        connection.sendall(data)

    return behave


def endless(data: bytes) -> Callable[[socket.socket, threading.Event], None]:
    """Read a request, send these bytes then more text for as long as it is taken."""

    def behave(connection: socket.socket, ended: threading.Event) -> None:
        _read_request(connection)
        with contextlib.suppress(OSError):
            connection.sendall(data)
            while not ended.is_set():
                connection.sendall(b"x" * 65536)

    return behave


def plaintext(connection: socket.socket, _: threading.Event) -> None:
    """Answer whatever comes, a TLS ClientHello too, as a plaintext HTTP/1.1 server does."""
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")


def closing(connection: socket.socket, _: threading.Event) -> None:
    """Read a request and close without an answer."""
    _read_request(connection)


def resetting(connection: socket.socket, _: threading.Event) -> None:
    """Read a request and reset the connection (RST)."""
    _read_request(connection)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def silent(connection: socket.socket, ended: threading.Event) -> None:
    """Accept everything, answer nothing, until the test ends."""
    del connection
    ended.wait()


@contextlib.contextmanager
def serving(behave: Behaviour) -> Generator[int]:
    """Serve on a loopback port for the length of the block; gives the port."""
    ended = threading.Event()
    workers: list[threading.Thread] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def handle(connection: socket.socket) -> None:
            with connection, contextlib.suppress(OSError):
                behave(connection, ended)

        def accept() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                worker = threading.Thread(target=handle, args=(connection,), daemon=True)
                workers.append(worker)
                worker.start()

        acceptor = threading.Thread(target=accept, daemon=True)
        acceptor.start()
        port: int = server.getsockname()[1]
        try:
            yield port
        finally:
            ended.set()
            # Wakes accept(): closing alone does not on Linux.
            with contextlib.suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)
    acceptor.join(5)


def unused_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port
