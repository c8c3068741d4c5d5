"""One ASGI application for four wires: who gets a request, and what bad ones are told."""

from __future__ import annotations

import asyncio
import base64
import gzip
import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.timestamp_pb2 import Timestamp
from google.protobuf.wrappers_pb2 import StringValue
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status

from tests.unit.server.asgi_driver import Answer, envelope, request
from triwire.codec.protojson import ProtoJsonCodec
from triwire.errors import Code, RpcError
from triwire.server.asgi import AsgiApplication, asgi_app
from triwire.server.connect import wire_of
from triwire.server.service import MethodHandler, ServerContext, Service
from triwire.spec import HttpRule, MethodSpec

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

SERVICE = "acme.v1.EchoService"
ECHO = MethodSpec(
    SERVICE, "Echo", StringValue, StringValue, http=HttpRule("POST", "/v1/echo", body="*")
)
SLOW = MethodSpec(SERVICE, "Slow", StringValue, StringValue)
MAX_BODY_BYTES = 1000


def echo(message: StringValue, context: ServerContext) -> StringValue:
    if message.value == "error":
        details = [
            ErrorInfo(reason="ASKED", domain="acme.example"),
            AnyMessage(type_url="acme.example/acme.v1.Unknown", value=b"\x01\x02"),
        ]
        context.response_trailers.append(("x-end-bin", b"\x00\xff"))
        raise RpcError(Code.ABORTED, "as \u00e4sked: 100%\n", details=details)
    if message.value == "bug":
        text = "a secret of the handler"
        raise LookupError(text)
    context.response_headers.append(("X-Wire", context.wire))
    context.response_headers.append(("x-sent-bin", context.headers.get("x-sent-bin", b"")))
    context.response_headers.append(("x-timeout", str(context.timeout_seconds)))
    context.response_trailers.append(("x-end", "end"))
    return StringValue(value=message.value.upper())


async def slow(message: StringValue, context: ServerContext) -> StringValue:
    del context
    await asyncio.sleep(3600)
    return message


def make(**options: Any) -> AsgiApplication:
    service = Service(SERVICE, (MethodHandler(ECHO, echo), MethodHandler(SLOW, slow)))
    return asgi_app([service], codec=ProtoJsonCodec(), max_body_bytes=MAX_BODY_BYTES, **options)


JSON = ("content-type", "application/json")
PROTO = ("content-type", "application/proto")
GRPC = ("content-type", "application/grpc")
GRPC_WEB = ("content-type", "application/grpc-web+proto")
PATH = f"/{SERVICE}/Echo"


def connect(body: bytes = b'"hi"', path: str = PATH, *headers: tuple[str, str]) -> Answer:
    return request(make(), "POST", path, headers=[JSON, *headers], body=body)


def grpc(
    body: bytes | None = None, path: str = PATH, *headers: tuple[str, str], web: bool = False
) -> Answer:
    data = envelope(StringValue(value="hi")) if body is None else body
    kind = GRPC_WEB if web else GRPC
    return request(make(), "POST", path, headers=[kind, *headers], body=data)


def web(body: bytes | None = None, path: str = PATH, *headers: tuple[str, str]) -> Answer:
    return grpc(body, path, *headers, web=True)


def rest(body: bytes = b'"hi"', path: str = "/v1/echo", *headers: tuple[str, str]) -> Answer:
    return request(make(), "POST", path, headers=[JSON, *headers], body=body)


@pytest.mark.parametrize(
    ("content_type", "wire"),
    [
        ("", "connect"),
        ("application/json", "connect"),
        ("application/grpc", "grpc"),
        ("application/grpc+proto", "grpc"),
        ("Application/gRPC+json; x=y", "grpc"),
        ("application/grpc-web", "grpc-web"),
        ("application/grpc-web+proto", "grpc-web"),
        ("application/grpc-web-text", "grpc-web"),
        ("application/grpcx", "connect"),
    ],
)
def test_the_content_type_tells_the_wire(content_type: str, wire: str) -> None:
    assert wire_of(content_type) == wire


@pytest.mark.parametrize(
    ("call", "wire"), [(connect, "connect"), (grpc, "grpc"), (web, "grpc-web"), (rest, "rest")]
)
def test_each_wire_reaches_the_handler_with_metadata_both_ways(
    call: Callable[..., Answer], wire: str
) -> None:
    path = "/v1/echo" if wire == "rest" else PATH
    body = b'"hi"' if wire in {"connect", "rest"} else None
    answer = call(body, path, ("x-sent-bin", "AP8"))
    assert answer.status == 200
    assert b"HI" in answer.body
    assert answer.header("x-wire") == wire
    assert answer.header("x-sent-bin") == "AP8"
    assert answer.header("x-timeout") == "None"
    if wire in {"connect", "rest"}:
        assert answer.header("trailer-x-end") == "end"
    elif wire == "grpc":
        assert answer.trailers == {"x-end": "end", "grpc-status": "0"}
    else:
        assert b"x-end: end\r\n" in answer.body


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/proto", b"\x0a\x02hi"),
        ("application/proto; charset=x", b"\x0a\x02hi"),
        ("application/json; charset=utf-8", b'"hi"'),
        ("Application/JSON", b'"hi"'),
    ],
)
def test_connect_takes_binary_and_json(content_type: str, body: bytes) -> None:
    answer = request(make(), "POST", PATH, headers=[("content-type", content_type)], body=body)
    assert answer.status == 200


def test_details_travel_unchanged_on_connect() -> None:
    answer = connect(b'"error"')
    assert answer.status == 409
    error = answer.json()
    assert (error["code"], error["message"]) == ("aborted", "as \u00e4sked: 100%\n")
    assert error["details"][0]["type"] == "google.rpc.ErrorInfo"
    value = base64.b64decode(error["details"][0]["value"] + "==")
    assert ErrorInfo.FromString(value).reason == "ASKED"
    assert error["details"][1]["type"] == "acme.example/acme.v1.Unknown"
    assert answer.header("trailer-x-end-bin") == "AP8"


@pytest.mark.parametrize("call", [grpc, web])
def test_details_travel_unchanged_on_grpc(call: Callable[..., Answer]) -> None:
    answer = call(envelope(StringValue(value="error")))
    assert answer.status == 200
    assert answer.grpc_status() == (10, "as%20%C3%A4sked%3A%20100%25%0A")
    found = {**dict(answer.headers), **answer.trailers}
    if call is web:
        frame = answer.body[answer.body.index(b"\x80") + 5 :].decode()
        found = dict(line.split(": ", 1) for line in frame.strip().split("\r\n"))
    status = Status.FromString(base64.b64decode(found["grpc-status-details-bin"] + "=="))
    assert (status.code, status.message) == (10, "as \u00e4sked: 100%\n")
    assert [detail.type_url for detail in status.details] == [
        "type.googleapis.com/google.rpc.ErrorInfo",
        "acme.example/acme.v1.Unknown",
    ]
    assert found["x-end-bin"] == "AP8"


@pytest.mark.parametrize("call", [connect, grpc, web, rest])
def test_a_bug_is_hidden_and_logged(
    call: Callable[..., Answer], caplog: pytest.LogCaptureFixture
) -> None:
    bodies = {connect: b'"bug"', rest: b'"bug"'}
    with caplog.at_level(logging.ERROR, logger="triwire.server"):
        answer = call(bodies.get(call, envelope(StringValue(value="bug"))))
    assert b"secret" not in answer.body
    assert "secret" not in str(answer.headers) + str(answer.trailers)
    assert "a secret of the handler" in caplog.text
    if call in {grpc, web}:
        assert answer.grpc_status() == (13, "internal%20error")
    else:
        assert answer.status == 500
        assert answer.json()["message"] == "internal error"


def test_an_unknown_method_is_told_in_the_protocol_that_asked() -> None:
    for path in (f"/{SERVICE}/Nope", f"/{SERVICE}/", f"/{SERVICE}/Echo/more"):
        answer = connect(path=path)
        assert (answer.status, answer.json()["code"]) == (404, "unimplemented")
        assert answer.json()["message"] == f"unknown method {path}"
    for path in (f"/{SERVICE}/Nope", "/acme.v1.Other/Nope", "/", "/v1/echo"):
        for call in (grpc, web):
            answer = call(None, path)
            assert answer.status == 200
            assert answer.grpc_status() == (12, f"unknown method {path}")
            assert answer.body == b""


def test_an_unknown_service_is_rests_unless_a_connect_client_asks() -> None:
    answer = connect(path="/acme.v1.Other/Nope")
    assert (answer.status, answer.json()["code"]) == (404, 12)
    version = ("connect-protocol-version", "1")
    answer = connect(b"{}", "/acme.v1.Other/Nope", version)
    assert (answer.status, answer.json()["code"]) == (404, "unimplemented")


@pytest.mark.parametrize("verb", ["GET", "PUT", "DELETE", "OPTIONS"])
def test_another_verb_is_405_with_what_is_allowed(verb: str) -> None:
    answer = request(make(), verb, PATH)
    assert (answer.status, answer.header("allow")) == (405, "POST")
    assert answer.json() == {
        "code": "unknown",  # Connect protocol, "HTTP to Error Code"
        "message": f"{verb} is not served here: expected POST",
    }


def test_another_content_type_is_415_with_what_would_do() -> None:
    for headers in ([("content-type", "text/plain")], []):
        answer = request(make(), "POST", PATH, headers=headers, body=b"x")
        assert answer.status == 415
        assert answer.json()["code"] == "unknown"
        assert answer.json()["message"].endswith("expected application/json, application/proto")
        assert "application/grpc-web+json" in answer.header("accept-post")
    for kind in ("application/grpc+thrift", "application/grpc-web-text"):
        answer = request(make(), "POST", PATH, headers=[("content-type", kind)], body=b"x")
        assert answer.status == 200
        assert answer.grpc_status()[0] == 12
        assert kind in answer.grpc_status()[1]


def test_what_is_no_message_is_invalid() -> None:
    answer = connect(b"{")
    assert (answer.status, answer.json()["code"]) == (400, "invalid_argument")
    answer = request(make(), "POST", PATH, headers=[PROTO], body=b"\xff")
    assert (answer.status, answer.json()["code"]) == (400, "invalid_argument")
    assert "no protobuf google.protobuf.StringValue" in answer.json()["message"]
    for call in (grpc, web):
        assert call(envelope(b"\xff")).grpc_status()[0] == 3
        assert call(b"").grpc_status()[0] == 12  # no message at all
        assert call(b"\x00\x00\x00\x00\x09hi").grpc_status()[0] == 3  # half a message
    answer = rest(b"{")
    assert (answer.status, answer.json()["code"]) == (400, 3)


def test_too_large_a_body_is_refused_after_it_was_taken_in() -> None:
    parts = [b'"' + b"x" * 900] * 3
    answer = request(make(), "POST", PATH, headers=[JSON], body=parts)
    assert (answer.status, answer.json()["code"]) == (429, "resource_exhausted")
    assert answer.received == 3
    for kind in (GRPC, GRPC_WEB):
        body = envelope(b"x" * 1001)
        answer = request(make(), "POST", PATH, headers=[kind], body=[body, b"", b"more"])
        assert answer.grpc_status()[0] == 8
        assert answer.received == 3
    answer = request(make(), "POST", "/v1/echo", headers=[JSON], body=parts)
    assert (answer.status, answer.json()["code"]) == (413, 8)
    assert answer.received == 3
    answer = request(make(), "POST", f"/{SERVICE}/Nope", headers=[JSON], body=parts)
    assert answer.status == 404
    assert answer.received == 3


def test_a_compressed_body_is_measured_as_it_unfolds() -> None:
    body = gzip.compress(b'"' + b"x" * 5000 + b'"')
    assert len(body) < MAX_BODY_BYTES
    answer = connect(body, PATH, ("content-encoding", "gzip"))
    assert answer.json()["code"] == "resource_exhausted"
    answer = connect(gzip.compress(b'"hi"'), PATH, ("content-encoding", "gzip"))
    assert answer.status == 200
    answer = connect(b"hi", PATH, ("content-encoding", "gzip"))
    assert answer.json()["code"] == "invalid_argument"
    answer = connect(b"hi", PATH, ("content-encoding", "sdch"))
    assert answer.json()["code"] == "unimplemented"


def test_a_body_without_end_is_not_read_for_ever() -> None:
    parts = [b"x" * 500] * 1000
    for path in (PATH, "/v1/echo"):
        answer = request(make(), "POST", path, headers=[JSON], body=parts)
        assert answer.json()["code"] in {"resource_exhausted", 8}
        assert 3 < answer.received < 50


def test_too_large_headers_are_refused_on_every_wire() -> None:
    big = ("x-big", "y" * 32 * 1024)
    for answer in (connect(b'"hi"', PATH, big), rest(b'"hi"', "/v1/echo", big)):
        assert answer.status == 431
        assert "above the limit of 32768" in answer.json()["message"]
    assert connect(b'"hi"', PATH, big).json()["code"] == "resource_exhausted"
    assert rest(b'"hi"', "/v1/echo", big).json()["code"] == 8
    for call in (grpc, web):
        assert call(None, PATH, big).grpc_status()[0] == 8
    documented = make(rest_errors="http")
    answer = request(documented, "POST", "/v1/echo", headers=[JSON, big], body=b'"hi"')
    assert answer.json()["code"] == 431


def test_a_client_that_leaves_before_the_end_gets_nothing_and_disturbs_nobody() -> None:
    for headers, path in (([JSON], PATH), ([GRPC], PATH), ([GRPC_WEB], PATH), ([JSON], "/v1/echo")):
        request(make(), "POST", path, headers=headers, body=b'"h', disconnect=True)


def test_the_callers_deadline_ends_a_slow_handler() -> None:
    path = f"/{SERVICE}/Slow"
    answer = connect(b'"hi"', path, ("connect-timeout-ms", "20"))
    assert answer.json()["code"] == "deadline_exceeded"
    for call in (grpc, web):
        assert call(None, path, ("grpc-timeout", "20m")).grpc_status()[0] == 4


def test_the_callers_deadline_reaches_the_handler() -> None:
    answer = connect(b'"hi"', PATH, ("connect-timeout-ms", "5000"))
    assert 4 < float(answer.header("x-timeout")) <= 5
    answer = grpc(None, PATH, ("grpc-timeout", "5S"))
    assert 4 < float(answer.header("x-timeout")) <= 5


def test_a_path_cannot_be_served_twice() -> None:
    service = Service(SERVICE, (MethodHandler(SLOW, echo),))
    with pytest.raises(ValueError, match="two methods at"):
        asgi_app([service, service], codec=ProtoJsonCodec())


def lifespan_events(application: AsgiApplication) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []

    async def run() -> None:
        events = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])

        async def receive() -> dict[str, Any]:
            return next(events)

        async def send(event: Any) -> None:
            sent.append(event)

        await application({"type": "lifespan"}, receive, send)

    asyncio.run(run())
    return sent


def test_the_lifespan_is_entered_and_left() -> None:
    log: list[str] = []

    @asynccontextmanager
    async def lifespan() -> AsyncGenerator[None]:
        log.append("in")
        yield
        log.append("out")

    sent = lifespan_events(make(lifespan=lifespan))
    assert [event["type"] for event in sent] == [
        "lifespan.startup.complete",
        "lifespan.shutdown.complete",
    ]
    assert log == ["in", "out"]
    assert len(lifespan_events(make())) == 2


def test_a_lifespan_that_fails_stops_the_server() -> None:
    @asynccontextmanager
    async def lifespan() -> AsyncGenerator[None]:
        text = "no database"
        raise OSError(text)
        yield

    sent = lifespan_events(make(lifespan=lifespan))
    assert sent == [{"type": "lifespan.startup.failed", "message": "no database"}]


def test_a_scope_of_another_type_is_refused() -> None:
    async def nothing(*_: Any) -> Any:
        raise AssertionError

    with pytest.raises(ValueError, match="'websocket'"):
        asyncio.run(make()({"type": "websocket"}, nothing, nothing))


def test_a_response_that_json_cannot_say_is_a_bug(caplog: pytest.LogCaptureFixture) -> None:
    method = MethodSpec(SERVICE, "Now", StringValue, Timestamp)

    def now(message: StringValue, context: ServerContext) -> Timestamp:
        del message, context
        return Timestamp(seconds=2**60)

    application = asgi_app(
        [Service(SERVICE, (MethodHandler(method, now),))], codec=ProtoJsonCodec()
    )
    path = f"/{SERVICE}/Now"
    with caplog.at_level(logging.ERROR, logger="triwire.server"):
        answer = request(application, "POST", path, headers=[JSON], body=b'"hi"')
    assert (answer.status, answer.json()["code"]) == (500, "internal")
    assert "cannot be written" in caplog.text


def test_a_body_that_stalls_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("triwire.server.connect._DRAIN_SECONDS", 0.01)
    answer = request(make(), "POST", f"/{SERVICE}/Nope", headers=[JSON], body=b"x", stall=True)
    assert answer.status == 404
