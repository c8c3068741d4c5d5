"""Closing a client ends nothing that runs, on every wire and in both colours."""

from __future__ import annotations

import asyncio
from queue import SimpleQueue

import pytest
from google.protobuf.wrappers_pb2 import StringValue

from tests.stream_service import CHAT, ENDED, FOREVER
from triwire.call.aio import AsyncCaller
from triwire.call.sync import Caller
from triwire.config import Endpoint
from triwire.dial import aio, sync
from triwire.spec import CallOptions
from triwire.tls import TlsOptions

WIRES = ("connect", "grpc", "grpc-web")
OPTIONS = CallOptions(timeout_seconds=20)


def endpoint(port: int) -> Endpoint:
    return Endpoint.parse(f"http://127.0.0.1:{port}")


@pytest.mark.parametrize("wire", WIRES)
async def test_calls_that_run_outlive_their_async_client(wire: str, stream_port: int) -> None:
    # The call answers when the stream of that name has ended: when its reader leaves.
    word = StringValue(value=f"closing {wire}")
    caller = AsyncCaller(
        aio.dial(wire, endpoint(stream_port), tls=TlsOptions(), user_agent="test/1"),
        options=OPTIONS,
    )
    running = asyncio.create_task(caller.unary(ENDED, word))
    stream = caller.server_stream(FOREVER, word)
    assert await anext(stream) == word
    await caller.aclose()
    with pytest.raises(ValueError, match="the client is closed"):
        await caller.unary(ENDED, word)
    assert not running.done()
    await stream.aclose()
    assert (await running).message == word


@pytest.mark.parametrize("wire", WIRES)
def test_a_chat_that_runs_outlives_its_client(wire: str, stream_port: int) -> None:
    transport = sync.dial(
        wire, endpoint(stream_port), tls=TlsOptions(), user_agent="test/1", http_version=2
    )
    caller = Caller(transport, options=OPTIONS)
    requests: SimpleQueue[StringValue | None] = SimpleQueue()
    chat = caller.bidi_stream(CHAT, iter(requests.get, None))
    for word in ("before", "after"):
        requests.put(StringValue(value=word))
        assert next(chat).value == word
        caller.close()
    with pytest.raises(ValueError, match="the client is closed"):
        caller.unary(ENDED, StringValue())
    requests.put(None)
    assert list(chat) == []
