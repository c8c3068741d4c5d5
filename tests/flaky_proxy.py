"""A TCP proxy that loses calls by a script, for tests of what clients do about it.

It reads HTTP/1.1 and as much of HTTP/2 as it takes to see where a call begins and ends (RFC 9113,
sections 4.1 and 6). Each call that arrives takes the next step of the script:

- "pass": goes through;
- "before": the connection is closed, the server never sees the call;
- "after": the server answers, and the connection is closed in place of the answer;
- "half": the connection is closed in the middle of the answer;
- "busy", "limited": the proxy itself answers UNAVAILABLE or RESOURCE_EXHAUSTED, with a pushback
  of no time.

After the end of the script everything goes through.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

__all__ = [
    "ANSWERS",
    "DATA",
    "END_HEADERS",
    "END_STREAM",
    "HEADERS",
    "PREFACE",
    "FlakyProxy",
    "flaky_proxy",
    "settlement",
]

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA: Final = 0
HEADERS: Final = 1
END_STREAM: Final = 1
END_HEADERS: Final = 4
_TIMEOUT_SECONDS: Final = 20.0

_LOST_ANSWERS: Final = ("after", "half")
ANSWERS: Final = {"busy": (503, 14), "limited": (429, 8)}


class FlakyProxy:
    """One proxy in front of one server.

    Attributes:
        port: Where it listens on 127.0.0.1.
        seen: The steps taken, in order.
    """

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._script: deque[str] = deque()
        self._lock = threading.Lock()
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self.seen: list[str] = []
        self._open: set[socket.socket] = set()
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()

    def script(self, steps: Iterable[str]) -> None:
        """Set what happens to the next calls."""
        with self._lock:
            self._script = deque(steps)
            self.seen = []

    def close(self) -> None:
        """Close every connection."""
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._acceptor.join(5)
        with self._lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def _step(self) -> str:
        with self._lock:
            step = self._script.popleft() if self._script else "pass"
            self.seen.append(step)
            return step

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with (
            client,
            contextlib.suppress(OSError),
            socket.create_connection(self._target) as server,
        ):
            with self._lock:
                self._open |= {client, server}
            try:
                for one in (client, server):
                    one.settimeout(_TIMEOUT_SECONDS)
                first = _receive(client, 3)
                if PREFACE.startswith(first):
                    self._http2(client, server, first)
                elif first:
                    self._http1(client, server, first)
            finally:
                with self._lock:
                    self._open -= {client, server}

    def _http1(self, client: socket.socket, server: socket.socket, data: bytes) -> None:
        """One request per connection: both sides are told that it is the last."""
        while b"\r\n\r\n" not in data:
            data += _some(client)
        head, _, body = data.partition(b"\r\n\r\n")
        length = 0
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
        body += _receive(client, length - len(body))
        step = self._step()
        if step == "before":
            return
        if step in ANSWERS:
            client.sendall(
                f"HTTP/1.1 {ANSWERS[step][0]} No\r\nretry-after: 0\r\ncontent-length: 0\r\n"
                "connection: close\r\n\r\n".encode()
            )
            return
        server.sendall(head + b"\r\nconnection: close\r\n\r\n" + body)
        answer = b""
        while chunk := server.recv(65536):
            answer += chunk
        if step == "pass":
            client.sendall(answer)
        elif step == "half":
            size = len(answer.partition(b"\r\n\r\n")[2])
            lost = (size + 1) // 2 or len(answer) // 2
            client.sendall(answer[:-lost])

    def _http2(self, client: socket.socket, server: socket.socket, first: bytes) -> None:
        server.sendall(first + _receive(client, len(PREFACE) - len(first)))
        lost: list[str] = []
        back = threading.Thread(target=_answers, args=(server, client, lost), daemon=True)
        back.start()
        while True:
            frame, kind, flags, stream = _frame(client)
            if kind == HEADERS and flags & END_HEADERS:
                step = self._step()
                if step in _LOST_ANSWERS:
                    lost.append(step)
                elif step != "pass":
                    if step in ANSWERS:
                        # Both sides' header tables would differ from here on: the last call.
                        _settle(client, stream, ANSWERS[step][1])
                    break
            server.sendall(frame)
        with contextlib.suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)
        back.join(_TIMEOUT_SECONDS)


def _answers(server: socket.socket, client: socket.socket, lost: list[str]) -> None:
    """Pass on what a server sends; with a step in `lost`, close at the end of the next answer."""
    with contextlib.suppress(OSError):
        while True:
            frame, kind, flags, _ = _frame(server)
            if lost and kind in (DATA, HEADERS):
                if flags & END_STREAM:
                    break
                if lost[0] == "after" or kind == DATA:
                    continue
            client.sendall(frame)
    with contextlib.suppress(OSError):
        client.shutdown(socket.SHUT_RDWR)


def settlement(stream: int, status: int, pushback_milliseconds: int) -> bytes:
    """Return the frame that answers a gRPC call with a status and a pushback, and nothing else."""
    # HPACK (RFC 7541): ":status: 200" by its index, the others literally, without an entry.
    block = b"\x88"
    for name, value in (
        ("content-type", "application/grpc"),
        ("grpc-status", str(status)),
        ("grpc-retry-pushback-ms", str(pushback_milliseconds)),
    ):
        block += b"\x00" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode()
    head = len(block).to_bytes(3, "big") + bytes([HEADERS, END_STREAM | END_HEADERS])
    return head + stream.to_bytes(4, "big") + block


def _settle(client: socket.socket, stream: int, status: int) -> None:
    """Answer a gRPC call with a pushback of no time, and nothing after it."""
    client.sendall(settlement(stream, status, 0))
    client.shutdown(socket.SHUT_WR)
    while client.recv(65536):
        pass


def _frame(connection: socket.socket) -> tuple[bytes, int, int, int]:
    """Read one frame; return it with its type, flags and stream."""
    head = _receive(connection, 9)
    body = _receive(connection, int.from_bytes(head[:3], "big"))
    return head + body, head[3], head[4], int.from_bytes(head[5:], "big") & 0x7FFFFFFF


def _receive(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        chunk = connection.recv(size - len(data))
        if not chunk:
            raise ConnectionResetError
        data += chunk
    return data


def _some(connection: socket.socket) -> bytes:
    chunk = connection.recv(65536)
    if not chunk:
        raise ConnectionResetError
    return chunk


@contextlib.contextmanager
def flaky_proxy(host: str, port: int) -> Generator[FlakyProxy]:
    """Run a proxy in front of a server for the length of the block."""
    proxy = FlakyProxy(host, port)
    try:
        yield proxy
    finally:
        proxy.close()
