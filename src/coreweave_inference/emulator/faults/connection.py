"""Faults of the connection: latency, lost connections, answers of a proxy. For ASGI servers.

What happens is decided where method and wire are known, in the handler, and done where the bytes
are, around the application: a context variable takes the one to the other.

A connection is cut by shutting down its socket, found among this process' descriptors by the
address of the client. ASGI has no way to do it, and servers answer 500 to an application that
gives up. All calls on the connection are lost with it, as they would be.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from contextvars import ContextVar
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any, Final

from coreweave_inference.emulator.faults.kinds import Drop, Latency, Page
from triwire._io import async_resolve
from triwire.errors import Code, RpcError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

    from coreweave_inference.emulator.faults.plan import FaultPlan, Happening
    from triwire.server.asgi import AsgiApplication
    from triwire.server.connect import Event, Receive, Scope, Send
    from triwire.server.service import Handler, MethodHandler, ServerContext, Service

__all__ = ["FaultyApplication", "cut", "with_connection_faults"]


@dataclass(slots=True)
class _Fate:
    """What becomes of the answer to one request.

    Attributes:
        drop: Where the connection is lost: "now", "middle", or "" for nowhere.
        page: What a proxy answers instead.
    """

    drop: str = ""
    page: Page | None = None


_fate: Final[ContextVar[_Fate]] = ContextVar("fate of the answer")


def with_connection_faults(services: Iterable[Service], plan: FaultPlan) -> list[Service]:
    """Return services whose calls meet a plan's faults of the connection.

    To be served through a `FaultyApplication`; unary methods only.
    """
    return [
        replace(
            service, methods=tuple(_with_connection_faults(one, plan) for one in service.methods)
        )
        for service in services
    ]


def _with_connection_faults(handler: MethodHandler, plan: FaultPlan) -> MethodHandler:
    function, name = handler.function, handler.method.name

    # Any: requests and responses of any method.
    async def answer(request: Any, context: ServerContext) -> Any:  # noqa: ANN401 - see above
        happening = plan.happening(name, context.wire, connection=True)
        if not happening:
            return await async_resolve(function(request, context))
        return await _interfered(happening, function, request, context)

    return replace(handler, function=answer)


async def _interfered(
    happening: Happening,
    function: Handler,
    request: Any,  # noqa: ANN401 - any request
    context: ServerContext,
) -> Any:  # noqa: ANN401 - any response
    fate = _fate.get()
    await _wait(happening, "request")
    for page, _ in happening.of(Page):
        fate.page = page
        raise RpcError(Code.UNAVAILABLE, "answered by a proxy")
    drops = [fault.at for fault, _ in happening.of(Drop)]
    if "request" in drops:
        fate.drop = "now"
        raise RpcError(Code.UNAVAILABLE, "the connection is lost")
    try:
        return await async_resolve(function(request, context))
    finally:
        await _wait(happening, "answer")
        if drops:
            fate.drop = "now" if "answer" in drops else "middle"


async def _wait(happening: Happening, at: str) -> None:
    for fault, rng in happening.of(Latency):
        if fault.at == at:
            await asyncio.sleep(fault.seconds.draw(rng))


class FaultyApplication:
    """An ASGI application whose answers meet the fate that `with_connection_faults` gave them.

    Args:
        application: Serves the services.
        plan: Tells how wrong the server's clock is, for the Date header.
    """

    def __init__(self, application: AsgiApplication, plan: FaultPlan) -> None:
        self._application = application
        self._plan = plan

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        fate = _Fate()
        token = _fate.set(fate)
        try:
            answer = _Answer(fate, scope, send, self._dated)
            await self._application(scope, receive, answer)
        finally:
            _fate.reset(token)

    def _dated(self, start: Event) -> Event:
        """Return the start of a response, with the Date of a clock that is wrong."""
        offset_seconds, _ = self._plan.clock_offset()
        if not offset_seconds:
            return start
        now = datetime.now(UTC) + timedelta(seconds=offset_seconds)
        date = format_datetime(now, usegmt=True).encode()
        return {**start, "headers": [*start["headers"], (b"date", date)]}


class _Answer:
    """`send` for one request."""

    def __init__(
        self, fate: _Fate, scope: Scope, send: Send, dated: Callable[[Event], Event]
    ) -> None:
        self._fate = fate
        self._client: tuple[str, int] | None = scope.get("client")
        self._send = send
        self._dated = dated
        self._over = False

    async def __call__(self, event: Event) -> None:
        if self._over:
            return
        if self._fate.drop == "now":
            self._over = True
            self._cut()
        elif self._fate.page is not None:
            self._over = True
            await self._send_page(self._fate.page)
        elif event["type"] == "http.response.start":
            await self._send(self._dated(event))
        elif self._fate.drop == "middle" and event["type"] == "http.response.body":
            self._over = True
            body: bytes = event.get("body", b"")
            await self._send({**event, "body": body[: len(body) // 2], "more_body": True})
            self._cut()
        else:
            await self._send(event)

    def _cut(self) -> None:
        if self._client is not None:
            cut(*self._client)

    async def _send_page(self, page: Page) -> None:
        body = page.body.encode()
        headers = [
            (b"content-type", page.content_type.encode()),
            (b"content-length", b"%d" % len(body)),
        ]
        start: Event = {"type": "http.response.start", "status": page.status, "headers": headers}
        await self._send(self._dated(start))
        await self._send({"type": "http.response.body", "body": body, "more_body": False})


def cut(host: str, port: int) -> bool:
    """Shut down this process' connection to a peer; return whether there was one."""
    for name in os.listdir("/dev/fd"):  # noqa: PTH208 - names of descriptors, not paths
        with _connection(int(name)) as found:
            if found is not None and found.getpeername()[:2] == (host, port):
                found.shutdown(socket.SHUT_RDWR)
                return True
    return False


@contextlib.contextmanager
def _connection(descriptor: int) -> Generator[socket.socket | None]:
    """Give a descriptor's connection over the Internet protocol, if it is one."""
    try:
        # A duplicate: the descriptor itself is the server's.
        duplicate = os.dup(descriptor)
    except OSError:  # closed meanwhile
        yield None
        return
    try:
        # socket.socket does not own the descriptor before it knows that it is a socket.
        found = socket.socket(fileno=duplicate)
    except OSError:
        os.close(duplicate)
        yield None
        return
    with found:
        is_connected = False
        with contextlib.suppress(OSError):
            found.getpeername()
            is_connected = found.family in {socket.AF_INET, socket.AF_INET6}
        yield found if is_connected else None
