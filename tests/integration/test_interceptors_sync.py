# Generated from tests/integration/test_interceptors_aio.py by scripts/unasync.py. DO NOT EDIT.
"""Interceptors see and change the same on every wire."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest
from google.protobuf.wrappers_pb2 import StringValue

from coreweave_inference import Code, InferenceClient, RpcError
from tests.stream_service import CHAT, COLLECT, EXPAND, FAIL, FOREVER, RPC_WIRES
from tests.texts.sync import texts
from triwire.call.sync import Caller
from triwire.config import Endpoint
from triwire.dial.sync import dial
from triwire.dial.wires import WIRES
from triwire.interceptors import Call, Interception, Interceptor, Reply, each_attempt
from triwire.retry import RetryPolicy
from triwire.spec import CallOptions, Metadata
from triwire.tls import TlsOptions

if TYPE_CHECKING:
    from tests.integration.conftest import Bystander

QUICK = RetryPolicy(initial_backoff_seconds=0.001, max_backoff_seconds=0.01)


class Recorder:
    """Notes how calls go."""

    def __init__(self) -> None:
        self.notes: list[Any] = []

    def __call__(self, call: Call) -> Interception:
        self.notes.append((call.wire, call.method.name, call.attempt))
        try:
            reply = yield replace(call, on_response=(*call.on_response, self._message))
        except RpcError as error:
            self.notes.append((error.code, Metadata(error.headers), Metadata(error.trailers)))
            raise
        except GeneratorExit:
            self.notes.append("left")
            raise
        self.notes.append((reply.headers, reply.trailers, reply.attempts))
        return reply

    def _message(self, message: Any) -> Any:
        self.notes.append(getattr(message, "value", message.DESCRIPTOR.name))
        return message


def client_for(url: str, wire: str, *interceptors: Interceptor, **options: Any) -> InferenceClient:
    return InferenceClient(
        url,
        token="CW-SECRET-x",  # noqa: S106 - not a secret
        transport=wire,
        interceptors=interceptors,
        timeout_seconds=20,
        **options,
    )


@pytest.fixture(params=WIRES)
def wire(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_it_sees_headers_trailers_and_errors(stub_url: str, wire: str) -> None:
    recorder = Recorder()
    with client_for(stub_url, wire, recorder) as client:
        client.gateways.get("headers")
        with pytest.raises(RpcError):
            client.gateways.get("fail:9")
    begun, message, ended, _, failed = recorder.notes
    assert begun == (wire, "GetGateway", 0)
    assert message == "GetGatewayResponse"
    assert ended == (
        Metadata([("x-text", "one"), ("x-text", "two"), ("x-bytes-bin", b"\x00\xff\x10,")]),
        Metadata([("x-after", "late"), ("x-after-bin", b"\x01\x02")]),
        1,
    )
    assert failed[0] is Code.FAILED_PRECONDITION


def test_headers_that_it_sets_reach_the_server_beside_the_token(stub_url: str, wire: str) -> None:
    def stamp(call: Call) -> Interception:
        stamped = call.with_headers([("x-own", "new"), ("x-bytes-bin", b"\x00\xff")])
        return (yield stamped)

    with client_for(stub_url, wire, stamp, headers={"x-own": "old", "x-kept": "k"}) as client:
        gateway = client.gateways.get("seen")
    seen = {line for line in gateway.status.endpoints if not line.startswith("x-seen-")}
    assert seen == {
        "authorization: Bearer CW-SECRET-x",
        "x-bytes-bin: bytes 00ff",
        "x-kept: k",
        "x-own: new",
    }


Bad: TypeAlias = tuple[Any, type[Exception], str]

BAD = [
    pytest.param(({"x y": "v"}, ValueError, "malformed header name 'x y'"), id="name"),
    pytest.param(({"x-own": "a\r\nx-b: c"}, ValueError, "printable ASCII"), id="line end"),
    pytest.param(({"x-own": b"bytes"}, TypeError, "expected str, got bytes"), id="bytes"),
    pytest.param(({"x-own-bin": "text"}, TypeError, "expected bytes, got str"), id="text"),
    pytest.param(({"te": "trailers"}, ValueError, "belongs to the protocol"), id="reserved"),
]


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("way", ["call", "attempt"])
def test_metadata_that_a_protocol_cannot_carry_fails_before_any_io(
    wire: str, way: str, bad: Bad, bystander: Bystander
) -> None:
    headers, kind, text = bad

    def stamp(call: Call) -> Interception:
        return (yield call.with_headers(headers))

    with pytest.raises(kind, match=text):
        client_for(bystander.url, wire, headers=headers)
    interceptor = each_attempt(stamp) if way == "attempt" else stamp
    with client_for(bystander.url, wire, interceptor) as client:
        with pytest.raises(kind, match=text):
            client.gateways.get("id")


def test_around_attempts_it_sees_each(wire: str) -> None:
    recorder = Recorder()
    # Nothing listens there.
    with client_for("http://127.0.0.1:1", wire, each_attempt(recorder), retry=QUICK) as client:
        with pytest.raises(RpcError) as caught:
            client.gateways.get("id")
    assert [note[2] for note in recorder.notes[::2]] == [1, 2, 3, 4]
    assert [note[0] for note in recorder.notes[1::2]] == [Code.UNAVAILABLE] * 4
    assert caught.value.attempts == 4


def test_it_answers_without_any_io(wire: str, bystander: Bystander) -> None:
    def cached(call: Call) -> Interception:
        if call.request is None:
            return (yield call)
        return Reply((call.method.response_type(),), trailers=Metadata({"x-from": "cache"}))

    with client_for(bystander.url, wire, cached) as client:
        assert not (client.gateways.get("id")).spec.id


def stream_caller(wire: str, port: int, *interceptors: Interceptor) -> Caller:
    return Caller(
        dial(
            wire,
            Endpoint.parse(f"http://127.0.0.1:{port}"),
            tls=TlsOptions(),
            user_agent="test/1",
            http_version=2,
        ),
        options=CallOptions(timeout_seconds=20),
        interceptors=interceptors,
    )


@pytest.mark.parametrize("wire", RPC_WIRES)
def test_streams_of_all_kinds_pass_in_front_of_it(wire: str, stream_port: int) -> None:
    recorder = Recorder()
    caller = stream_caller(wire, stream_port, recorder)
    try:
        caller.client_stream(COLLECT, texts("a", "b"))
        _ = [message for message in caller.server_stream(EXPAND, StringValue(value="cd"))]
        _ = [message for message in caller.bidi_stream(CHAT, texts("e", "f"))]
        with pytest.raises(RpcError):
            _ = [message for message in caller.server_stream(FAIL, StringValue(value="g"))]
        with caller.server_stream(FOREVER, StringValue(value=f"{wire} h")) as stream:
            next(stream)
    finally:
        caller.close()
    headers = Metadata([("x-head-bin", b"\x00\xff"), ("x-sent-bin", b"")])
    trailers = Metadata([("x-tail-bin", b"\xfe\x00"), ("x-tail", "text")])
    ended = (headers, trailers, 1)
    assert recorder.notes == [
        *[(wire, "Collect", 0), "a b", ended],
        *[(wire, "Expand", 0), "c", "d", ended],
        *[(wire, "Chat", 0), "e", "f", ended],
        *[(wire, "Fail", 0), "g", (Code.ABORTED, headers, trailers)],
        *[(wire, "Forever", 0), f"{wire} h", "left"],
    ]
