# Generated from tests/unit/transports/test_auto_calls_aio.py by scripts/unasync.py. DO NOT EDIT.
"""Calls and streams of a client whose wire is still to be found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

import pytest
from google.protobuf.wrappers_pb2 import StringValue

from triwire._typing import override
from triwire.call.sync import Caller
from triwire.errors import Code, RpcError
from triwire.server.service import MethodHandler, Service
from triwire.spec import CallOptions, HttpRule, Metadata, MethodSpec, StreamKind
from triwire.testing import ManualClock, MemoryTransport
from triwire.transports.auto.sync import AutoTransport

if TYPE_CHECKING:
    from collections.abc import Iterator

    from triwire.server.service import ServerContext
    from triwire.transports.base import Transport

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


def served() -> MemoryTransport:
    seen.clear()
    return MemoryTransport(
        [Service(NAME, (MethodHandler(PROBE, probe), MethodHandler(EXPAND, expand)))]
    )


class Failing(MemoryTransport):
    """A wire on which every call fails, after some time."""

    def __init__(
        self, error: RpcError, clock: ManualClock | None = None, seconds: float = 0.0
    ) -> None:
        super().__init__([])
        self._error = error
        self._clock = clock
        self._seconds = seconds
        self.timeouts: list[float | None] = []

    @override
    def unary(
        self, method: Any, request: Any, *, headers: Any, timeout_seconds: float | None
    ) -> NoReturn:
        del method, request, headers
        self.timeouts.append(timeout_seconds)
        if self._clock is not None:
            self._clock.advance(self._seconds)
        raise self._error


def caller_over(
    transports: dict[str, Transport], clock: ManualClock | None = None, **options: Any
) -> Caller:
    clock = clock if clock is not None else ManualClock()
    transport = AutoTransport(transports, probe=PROBE, now=clock.monotonic_seconds)
    headers = (("authorization", "Bearer x"),)
    return Caller(transport, options=CallOptions(**options), headers=headers, clock=clock)


BLOCKED = RpcError(Code.UNKNOWN, "a page")


def test_a_stream_finds_the_wire_too() -> None:
    caller = caller_over({"connect": Failing(BLOCKED), "rest": served()})
    stream = caller.server_stream(EXPAND, StringValue(value="ab"))
    assert stream.trailers == Metadata()
    assert [message.value for message in stream] == ["a", "b"]
    assert stream.trailers["x-tail"] == "1"
    assert caller.transport.wire == "memory"
    again = caller.server_stream(EXPAND, StringValue(value="c"))
    assert [message.value for message in again] == ["c"]
    assert len(seen) == 1


def test_a_stream_that_is_closed_before_it_begins_probes_nothing() -> None:
    caller = caller_over({"connect": served()})
    stream = caller.server_stream(EXPAND, StringValue(value="ab"))
    stream.close()
    with pytest.raises(RpcError) as caught:
        next(stream)
    assert caught.value.code is Code.CANCELLED
    assert seen == []


def test_a_stream_that_finds_no_wire_says_so_each_time() -> None:
    caller = caller_over({"connect": Failing(BLOCKED), "rest": Failing(BLOCKED)})
    stream = caller.server_stream(EXPAND, StringValue(value="ab"))
    for _ in range(2):
        with pytest.raises(RpcError, match="no wire gets through"):
            next(stream)


def test_a_probe_is_empty_and_has_the_authorization_only() -> None:
    caller = caller_over({"connect": served()}, headers=Metadata({"x-private": "1"}))
    caller.unary(PROBE, StringValue(value="asked"))
    assert [value for value, _ in seen] == ["", "asked"]
    assert dict(seen[0][1]) == {"authorization": "Bearer x"}
    assert "x-private" in seen[1][1]


def test_probing_takes_of_the_time_of_the_call() -> None:
    clock = ManualClock()
    connect = Failing(BLOCKED, clock, 3.0)
    grpc = Failing(RpcError(Code.DEADLINE_EXCEEDED, "late"), clock, 5.0)
    rest = Failing(RpcError(Code.UNAVAILABLE, "gone"))
    caller = caller_over(
        {"connect": connect, "grpc": grpc, "rest": rest}, clock, timeout_seconds=20.0
    )
    with pytest.raises(RpcError, match="gone"):
        caller.unary(PROBE, StringValue())
    assert (connect.timeouts, grpc.timeouts, rest.timeouts) == ([20.0], [5.0], [12.0])


def test_a_closed_client_says_so() -> None:
    caller = caller_over({"connect": served()})
    caller.close()
    with pytest.raises(ValueError, match="the client is closed"):
        caller.unary(PROBE, StringValue())
