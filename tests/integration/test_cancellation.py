"""Cancellation of a call on every wire is asyncio's own, not an RPC error."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import pytest
from google.protobuf.wrappers_pb2 import StringValue

from tests import raw_peers
from triwire.call.aio import AsyncCaller
from triwire.config import Endpoint
from triwire.dial.aio import dial
from triwire.dial.wires import WIRES
from triwire.errors import Code, RpcError
from triwire.spec import CallOptions
from triwire.tls import TlsOptions

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator


@contextlib.asynccontextmanager
async def hanging_call(wire: str) -> AsyncGenerator[AsyncCaller]:
    with raw_peers.serving(raw_peers.silent) as port:
        endpoint = Endpoint.parse(f"http://127.0.0.1:{port}")
        transport = dial(wire, endpoint, tls=TlsOptions(), user_agent="test/1")
        caller = AsyncCaller(transport, options=CallOptions(timeout_seconds=60))
        try:
            yield caller
        finally:
            await caller.aclose()


@pytest.mark.parametrize("wire", WIRES)
async def test_asyncio_timeout_gives_timeout_error(wire: str) -> None:
    async with hanging_call(wire) as caller:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await caller.unary(raw_peers.ECHO, StringValue(value="x"))


@pytest.mark.parametrize("wire", WIRES)
async def test_a_cancelled_task_is_cancelled(wire: str) -> None:
    async with hanging_call(wire) as caller:
        task = asyncio.create_task(caller.unary(raw_peers.ECHO, StringValue(value="x")))
        _, pending = await asyncio.wait({task}, timeout=0.1)
        assert pending
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert task.cancelled()


@pytest.mark.parametrize("wire", WIRES)
async def test_a_task_group_collects_no_second_error(wire: str) -> None:
    async def fail() -> None:
        await asyncio.sleep(0)
        message = "the only error"
        raise LookupError(message)

    async def run_both(caller: AsyncCaller) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(caller.unary(raw_peers.ECHO, StringValue(value="x")))
            group.create_task(fail())

    async with hanging_call(wire) as caller:
        with pytest.raises(ExceptionGroup) as caught:
            await run_both(caller)
    assert [type(error) for error in caught.value.exceptions] == [LookupError]


@pytest.mark.parametrize("wire", WIRES)
async def test_the_calls_own_timeout_is_deadline_exceeded_inside_a_longer_one(wire: str) -> None:
    async with hanging_call(wire) as caller:
        short = caller.with_options(CallOptions(timeout_seconds=0.2))
        with pytest.raises(RpcError) as caught:
            async with asyncio.timeout(60):
                await short.unary(raw_peers.ECHO, StringValue(value="x"))
    assert caught.value.code is Code.DEADLINE_EXCEEDED
