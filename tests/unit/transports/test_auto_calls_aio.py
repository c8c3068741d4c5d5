"""Calls and streams of a client whose wire is still to be found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

import pytest
from google.protobuf.wrappers_pb2 import StringValue

from triwire._typing import override
from triwire.call.aio import AsyncCaller
from triwire.errors import Code, RpcError
from triwire.server.service import MethodHandler, Service
from triwire.spec import CallOptions, HttpRule, Metadata, MethodSpec, StreamKind
from triwire.testing import AsyncManualClock, AsyncMemoryTransport
from triwire.transports.auto.aio import AsyncAutoTransport

if TYPE_CHECKING:
    from collections.abc import Iterator

    from triwire.server.service import ServerContext
    from triwire.transports.base import AsyncTransport

NAME = "acme.v1.Service"
PROBE = MethodSpec(NAME, "Probe", StringValue, StringValue, http=HttpRule("GET", "/v1/probe"))
EXPAND = MethodSpec(NAME, "Expand", StringValue, StringValue, StreamKind.SERVER_STREAM)

seen: list[tuple[str, Metadata]] = []


def probe(request: StringValue, context: ServerContext) -> StringValue:
    seen.append((request.value, context.headers))
    return request


def expand(request: StringValue, context: ServerContext) -> Iterator[StringValue]:
    context.response_trailers.append(("x-tail", "1"))
    for character in request.value:
        yield StringValue(value=character)


def served() -> AsyncMemoryTransport:
    seen.clear()
    return AsyncMemoryTransport(
        [Service(NAME, (MethodHandler(PROBE, probe), MethodHandler(EXPAND, expand)))]
    )


class Failing(AsyncMemoryTransport):
    """A wire on which every call fails, after some time."""

    def __init__(
        self, error: RpcError, clock: AsyncManualClock | None = None, seconds: float = 0.0
    ) -> None:
        super().__init__([])
        self._error = error
        self._clock = clock
        self._seconds = seconds
        self.timeouts: list[float | None] = []

    @override
    async def unary(
        self, method: Any, request: Any, *, headers: Any, timeout_seconds: float | None
    ) -> NoReturn:
        del method, request, headers
        self.timeouts.append(timeout_seconds)
        if self._clock is not None:
            self._clock.advance(self._seconds)
        raise self._error


def caller_over(
    transports: dict[str, AsyncTransport], clock: AsyncManualClock | None = None, **options: Any
) -> AsyncCaller:
    clock = clock if clock is not None else AsyncManualClock()
    transport = AsyncAutoTransport(transports, probe=PROBE, now=clock.monotonic_seconds)
    headers = (("authorization", "Bearer x"),)
    return AsyncCaller(transport, options=CallOptions(**options), headers=headers, clock=clock)


BLOCKED = RpcError(Code.UNKNOWN, "a page")


async def test_a_stream_finds_the_wire_too() -> None:
    caller = caller_over({"connect": Failing(BLOCKED), "rest": served()})
    stream = caller.server_stream(EXPAND, StringValue(value="ab"))
    assert stream.trailers == Metadata()
    assert [message.value async for message in stream] == ["a", "b"]
    assert stream.trailers["x-tail"] == "1"
    assert caller.transport.wire == "memory"
    again = caller.server_stream(EXPAND, StringValue(value="c"))
    assert [message.value async for message in again] == ["c"]
    assert len(seen) == 1


async def test_a_stream_that_is_closed_before_it_begins_probes_nothing() -> None:
    caller = caller_over({"connect": served()})
    stream = caller.server_stream(EXPAND, StringValue(value="ab"))
    await stream.aclose()
    with pytest.raises(RpcError) as caught:
        await anext(stream)
    assert caught.value.code is Code.CANCELLED
    assert seen == []


async def test_a_stream_that_finds_no_wire_says_so_each_time() -> None:
    caller = caller_over({"connect": Failing(BLOCKED), "rest": Failing(BLOCKED)})
    stream = caller.server_stream(EXPAND, StringValue(value="ab"))
    for _ in range(2):
        with pytest.raises(RpcError, match="no wire gets through"):
            await anext(stream)


async def test_a_probe_is_empty_and_has_the_authorization_only() -> None:
    caller = caller_over({"connect": served()}, headers=Metadata({"x-private": "1"}))
    await caller.unary(PROBE, StringValue(value="asked"))
    assert [value for value, _ in seen] == ["", "asked"]
    assert dict(seen[0][1]) == {"authorization": "Bearer x"}
    assert "x-private" in seen[1][1]


async def test_probing_takes_of_the_time_of_the_call() -> None:
    clock = AsyncManualClock()
    connect = Failing(BLOCKED, clock, 3.0)
    grpc = Failing(RpcError(Code.DEADLINE_EXCEEDED, "late"), clock, 5.0)
    rest = Failing(RpcError(Code.UNAVAILABLE, "gone"))
    caller = caller_over(
        {"connect": connect, "grpc": grpc, "rest": rest}, clock, timeout_seconds=20.0
    )
    with pytest.raises(RpcError, match="gone"):
        await caller.unary(PROBE, StringValue())
    assert (connect.timeouts, grpc.timeouts, rest.timeouts) == ([20.0], [5.0], [12.0])


async def test_a_closed_client_says_so() -> None:
    caller = caller_over({"connect": served()})
    await caller.aclose()
    with pytest.raises(ValueError, match="the client is closed"):
        await caller.unary(PROBE, StringValue())
