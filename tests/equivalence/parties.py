"""Callers of both colours in one shape, so that a replay is written once.

The sync party's coroutines never suspend: a replay over it runs from start to end in one step.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import TYPE_CHECKING, Any, Final

from google.protobuf.wrappers_pb2 import StringValue

from tests.equivalence.service import AWAIT
from triwire.errors import Code, RpcError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

    from google.protobuf.message import Message

    from triwire.call.aio import AsyncCaller
    from triwire.call.sync import Caller
    from triwire.spec import MethodSpec

__all__ = ["GIVE_UP_SECONDS", "AsyncParty", "SyncParty", "asking", "async_asking", "run_blocking"]

GIVE_UP_SECONDS: Final = 8.0
"""How long the server is given to do what was asked about."""


class AsyncParty:
    """A caller, and who tells it of the server's side.

    Args:
        caller: Makes the calls.
        ask: Asks the server; see `Replays.awaited`.
        cut: Closes the connections under the call, where something can.
    """

    def __init__(
        self,
        caller: AsyncCaller,
        ask: Callable[[str], Awaitable[str]],
        *,
        cut: Callable[[], None] | None = None,
    ) -> None:
        self._caller = caller
        self._ask = ask
        self._cut = cut

    async def ask(self, text: str) -> str:
        """Ask the server; see `Replays.awaited`."""
        try:
            async with asyncio.timeout(GIVE_UP_SECONDS):
                return await self._ask(text)
        except TimeoutError:
            return "not heard of"

    async def unary(self, method: MethodSpec[Any, Any], request: Message) -> Any:
        """Call a unary method."""
        return await self._caller.unary(method, request)

    async def client_stream(
        self, method: MethodSpec[Any, Any], requests: list[Message], *, fails: bool
    ) -> Any:
        """Call a method whose client streams."""
        return await self._caller.client_stream(method, _async_requests(requests, fails=fails))

    def server_stream(self, method: MethodSpec[Any, Any], request: Message) -> Any:
        """Call a method whose server streams."""
        return self._caller.server_stream(method, request)

    def bidi_stream(
        self, method: MethodSpec[Any, Any], requests: list[Message], *, fails: bool
    ) -> Any:
        """Call a method whose both sides stream."""
        return self._caller.bidi_stream(method, _async_requests(requests, fails=fails))

    async def cut(self, call: Awaitable[object], waits: str) -> object:
        """Lose the connection under a call."""
        assert self._cut is not None
        calling = asyncio.ensure_future(call)
        await self.ask(waits)
        self._cut()
        return await calling

    async def closed_elsewhere(self, stream: Any, waits: str) -> object:
        """Close a stream from another task while one reads."""
        reading = asyncio.ensure_future(anext(stream))
        await self.ask(waits)
        await stream.aclose()
        return await reading

    async def cancelled(self, call: Awaitable[object], waits: str) -> object:
        """Cancel the task of a call."""
        calling = asyncio.ensure_future(call)
        await self.ask(waits)
        calling.cancel()
        return await calling

    async def timed_out(self, call: Awaitable[object], waits: str) -> object:
        """Let asyncio.timeout end a call."""
        async with asyncio.timeout(None) as limit:

            async def expire() -> None:
                await self.ask(waits)
                limit.reschedule(asyncio.get_running_loop().time())

            expiring = asyncio.create_task(expire())
            try:
                return await call
            finally:
                await expiring


class SyncParty:
    """The same for a sync caller; see `AsyncParty`."""

    def __init__(
        self,
        caller: Caller,
        ask: Callable[[str], str],
        *,
        cut: Callable[[], None] | None = None,
    ) -> None:
        self._caller = caller
        self._ask = ask
        self._cut = cut

    async def ask(self, text: str) -> str:
        """Ask the server."""
        try:
            return self._ask(text)
        except RpcError as error:
            if error.code is not Code.DEADLINE_EXCEEDED:
                raise
            return "not heard of"

    async def unary(self, method: MethodSpec[Any, Any], request: Message) -> Any:
        """Call a unary method."""
        return self._caller.unary(method, request)

    async def client_stream(
        self, method: MethodSpec[Any, Any], requests: list[Message], *, fails: bool
    ) -> Any:
        """Call a method whose client streams."""
        return self._caller.client_stream(method, _requests(requests, fails=fails))

    def server_stream(self, method: MethodSpec[Any, Any], request: Message) -> Any:
        """Call a method whose server streams."""
        return _Stream(self._caller.server_stream(method, request))

    def bidi_stream(
        self, method: MethodSpec[Any, Any], requests: list[Message], *, fails: bool
    ) -> Any:
        """Call a method whose both sides stream."""
        return _Stream(self._caller.bidi_stream(method, _requests(requests, fails=fails)))

    async def cut(self, call: Any, waits: str) -> object:
        """Lose the connection under a call."""
        assert self._cut is not None
        return await self._meanwhile(call, waits, self._cut)

    async def closed_elsewhere(self, stream: Any, waits: str) -> object:
        """Close a stream from another thread while one reads."""
        return await self._meanwhile(anext(stream), waits, stream.inner.close)

    async def _meanwhile(self, call: Any, waits: str, act: Callable[[], object]) -> object:
        def wait_and_act() -> None:
            with contextlib.suppress(RpcError):
                self._ask(waits)
            act()

        acting = threading.Thread(target=wait_and_act)
        acting.start()
        try:
            return await call
        finally:
            acting.join()


class _Stream:
    """A sync stream in the shape of an async one."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    async def __anext__(self) -> object:
        try:
            return next(self.inner)
        except StopIteration:
            raise StopAsyncIteration from None

    async def headers(self) -> Any:
        return self.inner.headers()

    @property
    def trailers(self) -> Any:
        return self.inner.trailers

    async def aclose(self) -> None:
        self.inner.close()


async def _async_requests(requests: list[Message], *, fails: bool) -> AsyncIterator[Message]:
    for request in requests:
        yield request
    if fails:
        raise LookupError("a bug of the caller, as asked")


def _requests(requests: list[Message], *, fails: bool) -> Iterator[Message]:
    yield from requests
    if fails:
        raise LookupError("a bug of the caller, as asked")


def run_blocking(body: Any) -> Any:
    """Run a coroutine that never suspends."""
    try:
        body.send(None)
    except StopIteration as stop:
        return stop.value
    body.close()
    raise AssertionError("a replay over blocking callers waits for something else")


def async_asking(caller: AsyncCaller) -> Callable[[str], Awaitable[str]]:
    """Return what asks a server over the wire."""

    async def ask(text: str) -> str:
        return (await caller.unary(AWAIT, StringValue(value=text))).message.value

    return ask


def asking(caller: Caller) -> Callable[[str], str]:
    """Return what asks a server over the wire."""

    def ask(text: str) -> str:
        return caller.unary(AWAIT, StringValue(value=text)).message.value

    return ask
