"""Streams over the memory wire, where handlers run inside their callers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf.wrappers_pb2 import StringValue

from tests.stream_service import CHAT, COLLECT, EXPAND, FAIL, NAME, service
from triwire._io import HandlerColourError
from triwire.call.aio import AsyncCaller
from triwire.call.sync import Caller
from triwire.errors import Code, RpcError
from triwire.server.service import MethodHandler, ServerContext, Service
from triwire.testing import AsyncMemoryTransport, MemoryTransport

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator


async def texts(*values: str) -> AsyncIterator[StringValue]:
    for value in values:
        yield StringValue(value=value)


async def test_every_kind_is_carried() -> None:
    caller = AsyncCaller(AsyncMemoryTransport([service()]))
    expanded = caller.server_stream(EXPAND, StringValue(value="ab"))
    assert [m.value async for m in expanded] == ["a", "b"]
    assert expanded.trailers["x-tail-bin"] == b"\xfe\x00"
    assert (await caller.client_stream(COLLECT, texts("a", "b"))).message.value == "a b"
    chatted = caller.bidi_stream(CHAT, texts("a", "b"))
    assert (await chatted.headers())["x-head-bin"] == b"\x00\xff"
    assert [m.value async for m in chatted] == ["a", "b"]


async def test_an_error_comes_after_the_messages() -> None:
    stream = AsyncCaller(AsyncMemoryTransport([service()])).server_stream(FAIL, StringValue())
    assert await anext(stream) == StringValue()
    with pytest.raises(RpcError, match="as asked") as caught:
        await anext(stream)
    assert (caught.value.code, caught.value.from_server) == (Code.ABORTED, True)
    assert dict(caught.value.trailers)["x-tail"] == "text"


async def test_headers_after_a_message_do_not_wait_for_the_next() -> None:
    steps: list[str] = []

    async def two(request: StringValue, context: ServerContext) -> AsyncIterator[StringValue]:
        context.response_headers.append(("x-a", "1"))
        for step in ("first", "second"):
            steps.append(step)
            yield request

    served = Service(NAME, (MethodHandler(EXPAND, two),))
    stream = AsyncCaller(AsyncMemoryTransport([served])).server_stream(EXPAND, StringValue())
    await anext(stream)
    assert (await stream.headers())["x-a"] == "1"
    assert steps == ["first"]


async def test_closing_closes_the_handlers_generator() -> None:
    ends: list[str] = []

    async def endless(request: StringValue, context: ServerContext) -> AsyncIterator[StringValue]:
        del context
        try:
            while True:
                yield request
        finally:
            ends.append("closed")

    served = Service(NAME, (MethodHandler(EXPAND, endless),))
    async with AsyncCaller(AsyncMemoryTransport([served])).server_stream(
        EXPAND, StringValue()
    ) as stream:
        await anext(stream)
        assert not ends
    assert ends == ["closed"]


def test_blocking_callers_call_plain_generators() -> None:
    def double(request: StringValue, context: ServerContext) -> Iterator[StringValue]:
        del context
        yield request
        yield request

    def echo(requests: Iterator[StringValue], context: ServerContext) -> Iterator[StringValue]:
        del context
        yield from requests

    served = Service(NAME, (MethodHandler(EXPAND, double), MethodHandler(CHAT, echo)))
    caller = Caller(MemoryTransport([served]))
    assert [m.value for m in caller.server_stream(EXPAND, StringValue(value="a"))] == ["a", "a"]
    requests = [StringValue(value="x"), StringValue(value="y")]
    assert [m.value for m in caller.bidi_stream(CHAT, requests)] == ["x", "y"]


def test_blocking_callers_cannot_call_async_generators() -> None:
    stream = Caller(MemoryTransport([service()])).server_stream(EXPAND, StringValue(value="a"))
    with pytest.raises(HandlerColourError, match="cannot iterate over 'expand'"):
        next(stream)


def test_a_request_of_another_type_fails_before_the_call() -> None:
    caller = Caller(MemoryTransport([service()]))
    wrong: Any = "a"
    with pytest.raises(TypeError, match=r"takes a google\.protobuf\.StringValue message"):
        caller.server_stream(EXPAND, wrong)
