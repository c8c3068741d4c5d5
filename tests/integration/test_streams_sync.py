# Generated from tests/integration/test_streams_aio.py by scripts/unasync.py. DO NOT EDIT.
"""Streams of all kinds on every wire that carries them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from google.protobuf.wrappers_pb2 import StringValue
from google.rpc.error_details_pb2 import ErrorInfo

from tests.relay import Relay
from tests.stream_service import CHAT, COLLECT, EXPAND, FAIL, FOREVER, RPC_WIRES
from tests.texts.sync import texts, values
from triwire.call.sync import Caller
from triwire.config import Endpoint
from triwire.dial.sync import dial
from triwire.dial.wires import WIRES
from triwire.errors import Code, RpcError
from triwire.interceptors import Call, Interception, Interceptor, each_attempt
from triwire.spec import CallOptions, Metadata
from triwire.tls import TlsOptions
from triwire.transports.options import WireOptions

if TYPE_CHECKING:
    from collections.abc import Iterator


LARGE = "a" * 200_000
HEADERS = Metadata({"x-sent-bin": b"\x80\x00"})


def passing(call: Call) -> Interception:
    return (yield call)


def caller_for(
    wire: str,
    port: int,
    options: WireOptions | None = None,
    interceptors: tuple[Interceptor, ...] = (),
    *,
    timeout_seconds: float = 20,
) -> Caller:
    transport = dial(
        wire,
        Endpoint.parse(f"http://127.0.0.1:{port}"),
        tls=TlsOptions(),
        user_agent="test/1",
        options=options,
        http_version=2,
    )
    return Caller(
        transport,
        options=CallOptions(timeout_seconds=timeout_seconds, headers=HEADERS),
        interceptors=interceptors,
    )


PASSING = {"": (), " inside interceptors": (passing, each_attempt(passing))}


@pytest.fixture(params=[(wire, way) for wire in WIRES for way in PASSING], ids="".join)
def caller(request: pytest.FixtureRequest, stream_port: int) -> Iterator[Caller]:
    wire, way = request.param
    made = caller_for(wire, stream_port, interceptors=PASSING[way])
    yield made
    made.close()


@pytest.fixture(params=RPC_WIRES)
def rpc_caller(request: pytest.FixtureRequest, stream_port: int) -> Iterator[Caller]:
    made = caller_for(request.param, stream_port)
    yield made
    made.close()


def test_a_server_stream_arrives_in_order(caller: Caller) -> None:
    assert values(caller.server_stream(EXPAND, StringValue(value="abc"))) == ["a", "b", "c"]


def test_a_server_stream_may_be_empty_and_still_has_metadata(caller: Caller) -> None:
    stream = caller.server_stream(EXPAND, StringValue())
    assert values(stream) == []
    assert (stream.headers())["x-head-bin"] == b"\x00\xff"
    assert stream.trailers["x-tail-bin"] == b"\xfe\x00"


def test_binary_metadata_survives_both_ways(caller: Caller) -> None:
    stream = caller.server_stream(EXPAND, StringValue(value="a"))
    headers = stream.headers()
    assert headers == Metadata([("x-head-bin", b"\x00\xff"), ("x-sent-bin", b"\x80\x00")])
    assert stream.trailers == Metadata()
    assert values(stream) == ["a"]
    assert stream.trailers == Metadata([("x-tail-bin", b"\xfe\x00"), ("x-tail", "text")])


def test_an_error_comes_after_the_messages_and_brings_everything(
    caller: Caller,
) -> None:
    stream = caller.server_stream(FAIL, StringValue(value="a"))
    assert (next(stream)).value == "a"
    with pytest.raises(RpcError) as caught:
        next(stream)
    error = caught.value
    assert (error.code, error.message, error.from_server) == (Code.ABORTED, "as asked", True)
    assert error.details == (ErrorInfo(reason="ASKED"),)
    assert dict(error.headers)["x-head-bin"] == b"\x00\xff"
    assert dict(error.trailers)["x-tail-bin"] == b"\xfe\x00"
    assert stream.trailers["x-tail"] == "text"
    with pytest.raises(RpcError, match="as asked"):
        values(stream)


def test_a_client_stream_is_answered_once(rpc_caller: Caller) -> None:
    response = rpc_caller.client_stream(COLLECT, texts("a", "b", "c"))
    assert response.message.value == "a b c"
    assert response.headers["x-sent-bin"] == b"\x80\x00"
    assert response.trailers["x-tail"] == "text"


def test_both_sides_of_a_bidirectional_stream_take_turns(rpc_caller: Caller) -> None:
    heard: list[str] = []

    def requests() -> Iterator[StringValue]:
        for turn in range(3):
            # Each request but the first is made of what the server has said before.
            yield StringValue(value=f"{turn}{''.join(heard)}")

    stream = rpc_caller.bidi_stream(CHAT, requests())
    for message in stream:
        heard.append(message.value[:1])  # noqa: PERF401 - the requests look at it meanwhile
    assert heard == ["0", "1", "2"]


def test_what_requests_raise_comes_out_unchanged(rpc_caller: Caller) -> None:
    def requests() -> Iterator[StringValue]:
        yield StringValue(value="a")
        raise LookupError("a bug of the rpc_caller")

    with pytest.raises(LookupError, match="a bug of the rpc_caller"):
        rpc_caller.client_stream(COLLECT, requests())


def test_a_request_of_another_type_is_a_type_error(rpc_caller: Caller) -> None:
    def requests() -> Iterator[StringValue]:
        yield ErrorInfo()  # type: ignore[misc]  # what the test is about

    with pytest.raises(TypeError, match=r"takes google\.protobuf\.StringValue messages"):
        rpc_caller.client_stream(COLLECT, requests())


def test_a_closed_stream_says_so(caller: Caller) -> None:
    stream = caller.server_stream(EXPAND, StringValue(value="abc"))
    assert (next(stream)).value == "a"
    stream.close()
    with pytest.raises(RpcError) as caught:
        next(stream)
    assert (caught.value.code, caught.value.from_server) == (Code.CANCELLED, False)


@pytest.mark.parametrize("wire", RPC_WIRES)
def test_a_message_above_the_limit_is_refused(wire: str, stream_port: int) -> None:
    caller = caller_for(wire, stream_port, WireOptions(max_response_bytes=10))
    stream = caller.bidi_stream(CHAT, texts("short", "much longer than that"))
    assert (next(stream)).value == "short"
    with pytest.raises(RpcError) as caught:
        next(stream)
    assert caught.value.code is Code.RESOURCE_EXHAUSTED
    caller.close()


@pytest.mark.parametrize("wire", RPC_WIRES)
def test_messages_of_a_stream_are_compressed_too(wire: str, stream_port: int) -> None:
    with Relay(stream_port) as between:
        options = WireOptions(gzip_requests_from_bytes=1000, gzip_responses=True)
        caller = caller_for(wire, between.port, options)
        assert values(caller.server_stream(EXPAND, StringValue(value="ab"))) == ["a", "b"]
        response = caller.client_stream(COLLECT, texts("small", LARGE))
        assert response.message.value == f"small {LARGE}"
        caller.close()
        assert between.request_bytes < len(LARGE) / 10


@pytest.mark.parametrize("wire", RPC_WIRES)
def test_a_request_of_a_stream_above_the_limit_ends_it(wire: str, stream_port: int) -> None:
    caller = caller_for(wire, stream_port, WireOptions(max_request_bytes=1000))
    with pytest.raises(RpcError, match="more than max_request_bytes=1000") as caught:
        values(caller.bidi_stream(CHAT, texts("small", LARGE)))
    assert (caught.value.code, caught.value.from_server) == (Code.RESOURCE_EXHAUSTED, False)
    caller.close()


def test_rest_says_that_it_carries_no_client_streams(stream_port: int) -> None:
    caller = caller_for("rest", stream_port)
    with pytest.raises(RpcError, match="no form for requests in pieces") as caught:
        caller.bidi_stream(CHAT, texts("a"))
    assert (caught.value.code, caught.value.from_server) == (Code.UNIMPLEMENTED, False)
    caller.close()


def test_a_rest_stream_is_compressed_and_limited(stream_port: int) -> None:
    options = WireOptions(gzip_requests_from_bytes=0, gzip_responses=True, max_response_bytes=10)
    caller = caller_for("rest", stream_port, options)
    assert values(caller.server_stream(EXPAND, StringValue(value="ab"))) == ["a", "b"]
    stream = caller.server_stream(FAIL, StringValue(value="much longer than that"))
    with pytest.raises(RpcError, match="larger than max_response_bytes=10") as caught:
        next(stream)
    assert (caught.value.code, caught.value.from_server) == (Code.RESOURCE_EXHAUSTED, False)
    caller.close()


def test_a_rest_stream_ends_at_its_deadline(stream_port: int) -> None:
    heard: list[str] = []
    # On a busy machine the first message may not arrive within the first of these.
    for timeout_seconds in (0.5, 5, 50):
        caller = caller_for("rest", stream_port, timeout_seconds=timeout_seconds)
        stream = caller.server_stream(FOREVER, StringValue(value="late"))
        with pytest.raises(RpcError) as caught:  # noqa: PT012 - the message is of the same loop
            for message in stream:
                heard.append(message.value)  # noqa: PERF401 - what came before the error counts
        assert caught.value.code is Code.DEADLINE_EXCEEDED
        caller.close()
        if heard:
            break
    assert heard == ["late"]
