"""Whoever gives a stream up, the server learns of it, and asyncio's rules hold."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf.wrappers_pb2 import StringValue

from tests import stream_service
from tests.integration import test_streams_aio, test_streams_sync
from tests.stream_service import CHAT, COLLECT, ENDED, FOREVER
from triwire.errors import Code, RpcError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from triwire.call.aio import AsyncCaller

RPC_WIRES = [
    f"{wire}{way}" for wire in stream_service.RPC_WIRES for way in test_streams_aio.PASSING
]
# REST carries server streams only.
WIRES = [*RPC_WIRES, *(f"rest{way}" for way in test_streams_aio.PASSING)]


def arguments(wire: str, port: int) -> dict[str, Any]:
    """Return what makes a caller, with interceptors or without."""
    name = wire.partition(" ")[0]
    way = wire.removeprefix(name)
    return {"wire": name, "port": port, "interceptors": test_streams_aio.PASSING[way]}


@contextlib.asynccontextmanager
async def calling(wire: str, port: int) -> AsyncGenerator[AsyncCaller]:
    caller = test_streams_aio.caller_for(**arguments(wire, port))
    try:
        yield caller
    finally:
        await caller.aclose()


async def server_saw_the_end(port: int, key: str) -> None:
    """Wait for the server to say so; fails by its timeout."""
    async with calling("connect", port) as caller:
        assert (await caller.unary(ENDED, StringValue(value=key))).message.value == key


@pytest.fixture
def key() -> str:
    return uuid.uuid4().hex


@pytest.mark.parametrize("wire", WIRES)
async def test_asyncio_timeout_gives_timeout_error(wire: str, stream_port: int, key: str) -> None:
    async with calling(wire, stream_port) as caller:
        stream = caller.server_stream(FOREVER, StringValue(value=key))
        assert (await anext(stream)).value == key
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await anext(stream)
        await server_saw_the_end(stream_port, key)


@pytest.mark.parametrize("wire", WIRES)
async def test_a_task_group_collects_no_second_error(wire: str, stream_port: int, key: str) -> None:
    begun = asyncio.Event()

    async def listen(caller: AsyncCaller) -> None:
        async for _ in caller.server_stream(FOREVER, StringValue(value=key)):
            begun.set()

    async def fail() -> None:
        await begun.wait()
        raise LookupError("the only error")

    async def run_both(caller: AsyncCaller) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(listen(caller))
            group.create_task(fail())

    async with calling(wire, stream_port) as caller:
        with pytest.raises(ExceptionGroup) as caught:
            await run_both(caller)
        assert [type(error) for error in caught.value.exceptions] == [LookupError]
        await server_saw_the_end(stream_port, key)


@pytest.mark.parametrize("wire", WIRES)
async def test_an_abandoned_iterator_ends_the_call(wire: str, stream_port: int, key: str) -> None:
    async with calling(wire, stream_port) as caller:
        async for _ in caller.server_stream(FOREVER, StringValue(value=key)):
            break
        await server_saw_the_end(stream_port, key)


@pytest.mark.parametrize("wire", WIRES)
async def test_leaving_the_block_ends_the_call(wire: str, stream_port: int, key: str) -> None:
    async with calling(wire, stream_port) as caller:
        async with caller.server_stream(FOREVER, StringValue(value=key)) as stream:
            assert (await anext(stream)).value == key
        await server_saw_the_end(stream_port, key)


@pytest.mark.parametrize("wire", WIRES)
async def test_closing_ends_a_read_in_another_task(wire: str, stream_port: int, key: str) -> None:
    async with calling(wire, stream_port) as caller:
        stream = caller.server_stream(FOREVER, StringValue(value=key))
        assert (await anext(stream)).value == key
        reading = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0)
        await stream.aclose()
        with pytest.raises(RpcError) as caught:
            await reading
        assert (caught.value.code, caught.value.from_server) == (Code.CANCELLED, False)
        await server_saw_the_end(stream_port, key)


@pytest.mark.parametrize("wire", RPC_WIRES)
async def test_a_cancelled_client_stream_is_cancelled(
    wire: str, stream_port: int, key: str
) -> None:
    sent = asyncio.Event()

    async def requests() -> AsyncIterator[StringValue]:
        yield StringValue(value=key)
        sent.set()
        await asyncio.Event().wait()

    async with calling(wire, stream_port) as caller:
        task = asyncio.ensure_future(caller.client_stream(COLLECT, requests()))
        await sent.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert task.cancelled()


@pytest.mark.parametrize("wire", RPC_WIRES)
async def test_an_abandoned_chat_ends_on_the_server(wire: str, stream_port: int, key: str) -> None:
    async def requests() -> AsyncIterator[StringValue]:
        yield StringValue(value=key)
        await asyncio.Event().wait()

    async with calling(wire, stream_port) as caller:
        async for _ in caller.bidi_stream(CHAT, requests()):
            break
        await server_saw_the_end(stream_port, key)


@pytest.mark.parametrize("wire", WIRES)
async def test_a_thread_closes_a_stream_that_another_reads(
    wire: str, stream_port: int, key: str
) -> None:
    caller = test_streams_sync.caller_for(**arguments(wire, stream_port))
    stream = caller.server_stream(FOREVER, StringValue(value=key))
    begun = threading.Event()
    ends: list[RpcError] = []

    def read() -> None:
        next(stream)
        begun.set()
        with pytest.raises(RpcError) as caught:
            next(stream)
        ends.append(caught.value)

    thread = threading.Thread(target=read)
    thread.start()
    assert await asyncio.to_thread(begun.wait, 20)
    stream.close()
    await asyncio.to_thread(thread.join, 20)
    assert [(error.code, error.from_server) for error in ends] == [(Code.CANCELLED, False)]
    await server_saw_the_end(stream_port, key)
    caller.close()


@pytest.mark.parametrize("wire", WIRES)
async def test_an_abandoned_blocking_iterator_ends_the_call(
    wire: str, stream_port: int, key: str
) -> None:
    caller = test_streams_sync.caller_for(**arguments(wire, stream_port))

    def read_one() -> None:
        for _ in caller.server_stream(FOREVER, StringValue(value=key)):
            break

    await asyncio.to_thread(read_one)
    await server_saw_the_end(stream_port, key)
    caller.close()


@pytest.mark.parametrize("wire", RPC_WIRES)
async def test_a_cancellation_that_a_task_survived_hides_no_later_error(
    wire: str, stream_port: int
) -> None:
    async def requests() -> AsyncIterator[StringValue]:
        yield StringValue(value="a")
        raise LookupError("a bug of the caller")

    async def go_on() -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        async with calling(wire, stream_port) as caller:
            async for _ in caller.bidi_stream(CHAT, requests()):
                pass

    task = asyncio.create_task(go_on())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(LookupError, match="a bug of the caller"):
        await task
