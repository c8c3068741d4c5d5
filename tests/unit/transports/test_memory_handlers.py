"""Handlers that are coroutine functions: awaited by async clients, refused by sync ones."""

from __future__ import annotations

import pytest
from google.protobuf.wrappers_pb2 import StringValue

from triwire.call.aio import AsyncCaller
from triwire.call.sync import Caller
from triwire.server.service import MethodHandler, ServerContext, Service
from triwire.spec import MethodSpec
from triwire.testing import AsyncMemoryTransport, MemoryTransport

METHOD = MethodSpec("acme.v1.EchoService", "Echo", StringValue, StringValue)


async def echo(request: StringValue, _: ServerContext) -> StringValue:
    return request


SERVICE = Service("acme.v1.EchoService", (MethodHandler(METHOD, echo),))


async def test_an_async_client_awaits_them() -> None:
    caller = AsyncCaller(AsyncMemoryTransport([SERVICE]))
    response = await caller.unary(METHOD, StringValue(value="hi"))
    assert response.message.value == "hi"


def test_a_sync_client_says_what_to_use() -> None:
    caller = Caller(MemoryTransport([SERVICE]))
    with pytest.raises(TypeError, match="a sync client cannot await 'echo': use the async client"):
        caller.unary(METHOD, StringValue(value="hi"))
