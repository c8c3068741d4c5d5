"""Calls an ASGI application without a server: one request, the whole response."""

from __future__ import annotations

import asyncio
import json
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, MutableMapping

    from google.protobuf.message import Message

    Event = MutableMapping[str, Any]
    Application = Callable[
        [Event, Callable[[], Awaitable[Event]], Callable[[Event], Awaitable[None]]],
        Awaitable[None],
    ]

__all__ = ["Answer", "envelope", "request"]


@dataclass
class Answer:
    """A response.

    Attributes:
        received: How many request events the application took.
    """

    status: int = 0
    headers: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    trailers: dict[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""
    received: int = 0

    def header(self, name: str) -> str:
        """Return a header's only value, or ""."""
        values = [value for key, value in self.headers if key == name]
        assert len(values) < 2, values
        return values[0] if values else ""

    def json(self) -> Any:
        """Return the body as JSON."""
        return json.loads(self.body)

    def grpc_status(self) -> tuple[int, str]:
        """Return grpc-status and grpc-message, wherever they are."""
        found = {**dict(self.headers), **self.trailers}
        if "grpc-status" not in found:  # gRPC-Web: a last frame with the flag 0x80
            frame = self.body[self.body.index(b"\x80") :]
            lines = frame[5:].decode().strip().split("\r\n")
            found = dict(cast("tuple[str, str]", line.split(": ", 1)) for line in lines)
        return int(found["grpc-status"]), found.get("grpc-message", "")


def envelope(message: Message | bytes) -> bytes:
    """Return a message in the frame of gRPC and gRPC-Web."""
    data = message if isinstance(message, bytes) else message.SerializeToString()
    return struct.pack(">BI", 0, len(data)) + data


def request(
    application: Application,
    verb: str,
    path: str,
    *,
    headers: Iterable[tuple[str, str]] = (),
    body: bytes | list[bytes] = b"",
    disconnect: bool = False,
    stall: bool = False,
) -> Answer:
    """Send one request and return the answer.

    Args:
        application: What to call.
        verb: HTTP method.
        path: Path, with a query if there is one.
        headers: Request headers.
        body: The body, or its parts as they arrive.
        disconnect: Whether the client goes away after the last part, before the body ends.
        stall: Whether it stays, and sends nothing more.
    """
    call = _request(
        application,
        verb,
        path,
        headers,
        body,
        disconnect=disconnect,
        unfinished=stall or disconnect,
    )
    return asyncio.run(call)


async def _request(
    application: Application,
    verb: str,
    path: str,
    headers: Iterable[tuple[str, str]],
    body: bytes | list[bytes],
    *,
    disconnect: bool,
    unfinished: bool,
) -> Answer:
    plain, _, query = path.partition("?")
    scope: Event = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "2",
        "method": verb,
        "scheme": "http",
        "path": plain,
        "raw_path": plain.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers],
        "client": None,
        "server": None,
        "extensions": {"http.response.trailers": {}},
    }
    parts = [body] if isinstance(body, bytes) else list(body)
    events: list[Event] = [
        {
            "type": "http.request",
            "body": part,
            "more_body": unfinished or number < len(parts),
        }
        for number, part in enumerate(parts, start=1)
    ]
    answer = Answer()
    never = asyncio.Event()

    async def receive() -> Event:
        if answer.received < len(events):
            answer.received += 1
            return events[answer.received - 1]
        if disconnect:
            return {"type": "http.disconnect"}
        await never.wait()
        raise AssertionError

    async def send(event: Event) -> None:
        if event["type"] == "http.response.start":
            answer.status = event["status"]
            answer.headers = [(name.decode(), value.decode()) for name, value in event["headers"]]
        elif event["type"] == "http.response.body":
            answer.body += event.get("body", b"")
        elif event["type"] == "http.response.trailers":
            answer.trailers |= {name.decode(): value.decode() for name, value in event["headers"]}

    await application(scope, receive, send)
    return answer
