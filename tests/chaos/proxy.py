"""A proxy that lets calls go wrong by chance, as a process of its own.

`python -m tests.chaos.proxy HOST PORT SEED` prints its port, ends with its standard input, and then
prints what it did. It keeps connections open, as load balancers do, so that one that it resets is
in somebody's pool; over HTTP/2 it takes other calls with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import socket
import struct
import subprocess
import sys
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from tests.flaky_proxy import ANSWERS, DATA, END_HEADERS, HEADERS, PREFACE, settlement

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

__all__ = ["FAULTS", "ChaosProcess", "chaos"]

# Shares of calls. Those that cost an attempt stay below what the client's retry budget gives back:
# with more it gives up, as it should, and nothing else would be seen.
FAULTS: Final = {
    "delay": 0.10,  # some milliseconds
    "stall": 0.004,  # longer than an attempt may take
    "before": 0.010,  # reset; the server has not seen the call
    "after": 0.012,  # reset in place of the answer
    "half": 0.010,  # closed in the middle of the answer
    "busy": 0.012,  # 503 or UNAVAILABLE, with pushback
    "limited": 0.012,  # 429 or RESOURCE_EXHAUSTED, with pushback
}
# Over HTTP/2 what ends one call ends all that share its connection, three or four here.
_SHARED: Final = 1 / 4
_DELAY_SECONDS: Final = 0.02
_STALL_SECONDS: Final = 1.5
_PUSHBACK_MILLISECONDS: Final = 10


@dataclass
class _Chance:
    rng: random.Random
    seen: Counter[str] = field(default_factory=Counter[str])

    def draw(self, *, is_shared: bool) -> str:
        """Say what happens to the next call, and to others if it shares its connection."""
        drawn, found = self.rng.random(), "pass"
        for name, one in FAULTS.items():
            share = one * _SHARED if is_shared and name != "delay" else one
            if drawn < share:
                found = name
                break
            drawn -= share
        self.seen[found] += 1
        return found

    async def wait(self, fault: str) -> None:
        """Wait if the fault is one of time."""
        if fault == "delay":
            await asyncio.sleep(self.rng.random() * _DELAY_SECONDS)
        elif fault == "stall":
            await asyncio.sleep(_STALL_SECONDS)


class _Connection:
    """One client's connection and the one to the server that belongs to it."""

    def __init__(
        self,
        client: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        server: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        chance: _Chance,
    ) -> None:
        self._from_client, self._to_client = client
        self._from_server, self._to_server = server
        self._chance = chance

    async def serve(self) -> None:
        first = await self._from_client.readexactly(3)
        if PREFACE.startswith(first):
            rest = await self._from_client.readexactly(len(PREFACE) - len(first))
            self._to_server.write(first + rest)
            await self._http2()
            return
        while True:
            await self._http1(first)
            first = b""

    def _reset(self) -> None:
        """Close with a reset rather than an end, as a crash does."""
        connection = self._to_client.get_extra_info("socket")
        with contextlib.suppress(OSError):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._to_client.transport.abort()
        raise ConnectionResetError

    async def _http1(self, first: bytes) -> None:
        request = first + await _message(self._from_client)
        fault = self._chance.draw(is_shared=False)
        if fault == "before":
            self._reset()
        if fault in ANSWERS:
            self._to_client.write(
                f"HTTP/1.1 {ANSWERS[fault][0]} No\r\nretry-after: 0\r\n"
                "content-length: 0\r\n\r\n".encode()
            )
            return
        self._to_server.write(request)
        answer = await _message(self._from_server)
        await self._chance.wait(fault)
        if fault == "after":
            self._reset()
        if fault == "half":
            self._to_client.write(answer[: len(answer) - 1 - len(answer) // 8])
            await self._to_client.drain()
            raise ConnectionResetError
        self._to_client.write(answer)
        await self._to_client.drain()

    async def _http2(self) -> None:
        lost: dict[int, str] = {}
        async with asyncio.TaskGroup() as both:
            both.create_task(self._requests(lost))
            both.create_task(self._answers(lost))

    async def _requests(self, lost: dict[int, str]) -> None:
        while True:
            frame, kind, flags, stream = await _frame(self._from_client)
            if kind == HEADERS and flags & END_HEADERS:
                fault = self._chance.draw(is_shared=True)
                if fault in ANSWERS:
                    # Both sides' header tables would differ from here on: the last call.
                    number = ANSWERS[fault][1]
                    self._to_client.write(settlement(stream, number, _PUSHBACK_MILLISECONDS))
                    await self._to_client.drain()
                    raise ConnectionResetError
                if fault == "before":
                    self._reset()
                if fault in {"after", "half"}:
                    lost[stream] = fault
                await self._chance.wait(fault)
            self._to_server.write(frame)
            await self._to_server.drain()

    async def _answers(self, lost: dict[int, str]) -> None:
        while True:
            frame, kind, _, stream = await _frame(self._from_server)
            fault = lost.get(stream) if kind in {HEADERS, DATA} else None
            if fault == "half" and kind == DATA:
                self._to_client.write(frame[: len(frame) // 2])
                await self._to_client.drain()
                raise ConnectionResetError
            if fault == "after":
                # It has answered. To leave these headers out would break those of later answers.
                self._reset()
            self._to_client.write(frame)
            await self._to_client.drain()


async def _message(reader: asyncio.StreamReader) -> bytes:
    """Read one HTTP/1.1 message, with a body of a given length or in chunks (RFC 9112)."""
    head = await reader.readuntil(b"\r\n\r\n")
    fields: dict[bytes, bytes] = {}
    for line in head.lower().split(b"\r\n"):
        name, _, value = line.partition(b":")
        fields[name] = value.strip()
    if fields.get(b"transfer-encoding") != b"chunked":
        return head + await reader.readexactly(int(fields.get(b"content-length", b"0")))
    parts = [head]
    while True:
        size = await reader.readuntil(b"\r\n")
        chunk = await reader.readexactly(int(size.partition(b";")[0], 16) + 2)
        parts += [size, chunk]
        if chunk == b"\r\n":
            return b"".join(parts)


async def _frame(reader: asyncio.StreamReader) -> tuple[bytes, int, int, int]:
    """Read one HTTP/2 frame (RFC 9113); return it with its type, flags and stream."""
    head = await reader.readexactly(9)
    body = await reader.readexactly(int.from_bytes(head[:3], "big"))
    return head + body, head[3], head[4], int.from_bytes(head[5:], "big") & 0x7FFFFFFF


async def _run(host: str, port: int, seed: int) -> None:
    chance = _Chance(random.Random(seed))
    running: set[asyncio.Task[None] | None] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # The event loop itself does not keep tasks from being collected.
        running.add(asyncio.current_task())
        with contextlib.suppress(OSError, EOFError, ExceptionGroup):
            server = await asyncio.open_connection(host, port)
            try:
                await _Connection((reader, writer), server, chance).serve()
            finally:
                server[1].close()
                writer.close()

    async with await asyncio.start_server(accept, "127.0.0.1", 0) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.to_thread(sys.stdin.read)
        print(json.dumps(chance.seen), flush=True)
        # Connections that are still open end with the process.
        os._exit(0)


@dataclass(frozen=True, slots=True)
class ChaosProcess:
    """A running proxy.

    Attributes:
        port: Where it listens on 127.0.0.1.
        stop: Ends it and returns how often it did what.
    """

    port: int
    stop: Callable[[], dict[str, int]]


@contextmanager
def chaos(host: str, port: int, *, seed: int) -> Generator[ChaosProcess]:
    """Run a proxy in front of a server for the length of the block."""
    command = [sys.executable, "-m", "tests.chaos.proxy", host, str(port), str(seed)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        lines, end = process.stdout, process.stdin

        def stop() -> dict[str, int]:
            end.close()
            counts: dict[str, int] = json.loads(lines.readline())
            return counts

        try:
            yield ChaosProcess(int(lines.readline()), stop)
        finally:
            if not end.closed:
                end.close()
            process.terminate()
            process.wait(20)


if __name__ == "__main__":
    asyncio.run(_run(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
