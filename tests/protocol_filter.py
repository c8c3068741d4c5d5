"""A network that lets some wires through and answers others itself, as a proxy or a firewall does.

By the first bytes of a connection: HTTP/2's preface is gRPC, a path under /v1 or the like is REST,
and another POST is Connect. A connection that is let through stays so.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import TYPE_CHECKING, Final, Self

from tests.raw_peers import serving

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ProtocolFilter"]

_PREFACE: Final = b"PRI * HTTP/2.0"


class ProtocolFilter:
    """Stands in front of a server, for the length of a `with` block.

    Args:
        target_port: Where the server is.
        answers: What a wire gets in place of the server: bytes, empty to be closed at once.

    Attributes:
        port: Where it listens.
        heads: The first bytes of each connection that was answered here over HTTP/1.1.
    """

    def __init__(self, target_port: int, answers: Mapping[str, bytes]) -> None:
        self._target_port = target_port
        self._answers = answers
        self._serving = serving(self._behave)
        self.port = 0
        self.heads: list[bytes] = []

    def __enter__(self) -> Self:
        self.port = self._serving.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._serving.__exit__(None, None, None)

    def _behave(self, client: socket.socket, ended: threading.Event) -> None:
        first = client.recv(65536)
        wire = _wire_of(first)
        answer = self._answers.get(wire)
        if answer is not None:
            if wire != "grpc":
                self.heads.append(first)
            client.sendall(answer)
            return
        with socket.create_connection(("127.0.0.1", self._target_port)) as server:
            server.sendall(first)
            back = threading.Thread(target=_pump, args=(server, client), daemon=True)
            back.start()
            _pump(client, server)
            back.join(20)
        del ended


def _wire_of(first: bytes) -> str:
    if first.startswith(_PREFACE):
        return "grpc"
    line = first.partition(b"\r\n")[0]
    return "rest" if b" /v1" in line else "connect"


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
