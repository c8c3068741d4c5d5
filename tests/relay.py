"""A TCP relay between clients and a server, for tests of connections: it counts, and it cuts."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

__all__ = ["Relay", "relay"]


class Relay:
    """One relay in front of one server.

    Attributes:
        port: Where it listens on 127.0.0.1.
        accepted: How many connections clients have opened.
        request_bytes: What clients have sent.
        response_bytes: What the server has sent.
    """

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self.accepted = 0
        self.request_bytes = 0
        self.response_bytes = 0
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()

    def cut(self) -> None:
        """Close every open connection, as a load balancer does with idle ones."""
        with self._lock:
            connections = list(self._open)
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Stop."""
        # Wakes accept(): closing alone does not on Linux.
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self.cut()
        self._acceptor.join(5)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            with self._lock:
                self.accepted += 1
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            server = socket.create_connection(("127.0.0.1", self._target_port))
            with server:
                with self._lock:
                    self._open.update((client, server))
                answers = threading.Thread(
                    target=self._pump, args=(server, client, self._count_response), daemon=True
                )
                answers.start()
                self._pump(client, server, self._count_request)
                answers.join()
                with self._lock:
                    self._open.difference_update((client, server))

    def _count_request(self, data: bytes) -> None:
        with self._lock:
            self.request_bytes += len(data)

    def _count_response(self, data: bytes) -> None:
        with self._lock:
            self.response_bytes += len(data)

    def _pump(
        self, source: socket.socket, sink: socket.socket, count: Callable[[bytes], None]
    ) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                count(data)
                sink.sendall(data)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def relay(target_port: int) -> Generator[Relay]:
    """Relay to a port of this machine for the length of the block."""
    made = Relay(target_port)
    try:
        yield made
    finally:
        made.close()
