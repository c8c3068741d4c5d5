"""The Connect wire against connectrpc's server side: another implementation's bytes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from connectrpc._protocol import ConnectWireError
from connectrpc._protocol_connect import ConnectServerProtocol
from connectrpc.code import Code as ConnectCode
from connectrpc.errors import ErrorDetail
from connectrpc.method import IdempotencyLevel, MethodInfo, StreamType
from connectrpc.request import Headers
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc.error_details_pb2 import ErrorInfo
from hypothesis import given
from hypothesis import strategies as st
from protobuf.wkt import Any as WktAny

from triwire._http import HttpResponse
from triwire.errors import Code, RpcError
from triwire.transports.connect import wire

JSON = [("content-type", "application/json")]
PROTO = [("content-type", "application/proto")]


def error_of(response: HttpResponse) -> RpcError:
    with pytest.raises(RpcError) as caught:
        wire.raw_response(response)
    return caught.value


@pytest.mark.parametrize("theirs", list(ConnectCode), ids=lambda code: code.value)
def test_every_error_that_connectrpc_writes_is_read(theirs: ConnectCode) -> None:
    info = ErrorInfo(reason="r", domain="d")
    detail = ErrorDetail(
        WktAny(type_url="type.googleapis.com/google.rpc.ErrorInfo", value=info.SerializeToString())
    )
    written = ConnectWireError(theirs, "l\u00f8st \u2603", [detail])
    error = error_of(HttpResponse(written.to_http_status().code, JSON, written.to_json_bytes()))
    assert error.code.name.replace("CANCELLED", "CANCELED") == theirs.name
    assert (error.message, error.details, error.from_server) == ("l\u00f8st \u2603", (info,), True)


def test_connectrpc_reads_our_request_headers() -> None:
    pairs = wire.request_headers((("x-a", "1"), ("x-b-bin", b"\0")), "agent/1", timeout_seconds=1.5)
    method: Any = MethodInfo(
        name="M",
        service_name="s.S",
        input=bytes,
        output=bytes,
        idempotency_level=IdempotencyLevel.UNKNOWN,
        stream_type=StreamType.UNARY,
    )
    context: Any = ConnectServerProtocol().create_request_context(
        method, "POST", "http", Headers(pairs)
    )
    assert 1400 < context.timeout_ms <= 1500
    assert context.request_headers["x-a"] == "1"
    assert context.request_headers["x-b-bin"] == "AA"
    assert context.request_headers["user-agent"] == "agent/1"


@pytest.mark.parametrize(
    ("seconds", "sent"),
    [(1.5, "1500"), (0.0001, "1"), (0.9999, "999"), (1e12, "9999999999")],
)
def test_timeouts_are_whole_milliseconds_of_at_most_ten_digits(seconds: float, sent: str) -> None:
    assert wire.timeout_header(seconds) == ("connect-timeout-ms", sent)


@pytest.mark.parametrize("seconds", [0, -1])
def test_a_timeout_that_is_over_fails_before_any_io(seconds: float) -> None:
    with pytest.raises(RpcError) as caught:
        wire.timeout_header(seconds)
    assert caught.value.code is Code.DEADLINE_EXCEEDED


def test_headers_and_trailers_are_told_apart() -> None:
    headers = [*PROTO, ("x-a", "1"), ("trailer-x-b", "2"), ("trailer-x-c-bin", "AA"), ("date", "d")]
    raw = wire.raw_response(HttpResponse(200, headers, b"body"))
    assert raw.body == b"body"
    assert dict(raw.headers) == {"x-a": "1"}
    assert dict(raw.trailers) == {"x-b": "2", "x-c-bin": b"\0"}
    assert raw.headers is raw.headers


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, Code.INTERNAL),
        (401, Code.UNAUTHENTICATED),
        (403, Code.PERMISSION_DENIED),
        (404, Code.UNIMPLEMENTED),
        (429, Code.UNAVAILABLE),
        (502, Code.UNAVAILABLE),
        (503, Code.UNAVAILABLE),
        (504, Code.UNAVAILABLE),
        (500, Code.UNKNOWN),
        (302, Code.UNKNOWN),
    ],
)
def test_an_answer_that_is_no_connect_error_has_the_code_of_its_http_status(
    status: int, code: Code
) -> None:
    for body, headers in ((b"<html>", [("content-type", "text/html")]), (b"", []), (b"[]", JSON)):
        error = error_of(HttpResponse(status, headers, body))
        assert (error.code, error.from_server) == (code, False)


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        pytest.param({"code": "not_found"}, Code.NOT_FOUND, "", id="no message"),
        pytest.param({"code": "nope", "message": "m"}, Code.UNAVAILABLE, "m", id="unknown code"),
        pytest.param({"message": "m"}, Code.UNAVAILABLE, "m", id="no code"),
        pytest.param({"code": "aborted", "message": 7}, Code.ABORTED, "", id="message no text"),
        pytest.param({"code": "aborted", "details": 7}, Code.ABORTED, "", id="details no list"),
        pytest.param(
            {"code": "aborted", "details": [7, {}, {"type": "a.B"}, {"type": "a.B", "value": "%"}]},
            Code.ABORTED,
            "",
            id="details malformed",
        ),
    ],
)
def test_a_damaged_error_still_says_what_could_be_read(
    body: dict[str, object], code: Code, message: str
) -> None:
    error = error_of(HttpResponse(503, JSON, json.dumps(body).encode()))
    assert (error.code, error.message, error.from_server) == (code, message, True)
    assert all(isinstance(detail, AnyMessage) for detail in error.details)


@given(st.integers(100, 599), st.binary(max_size=80))
def test_no_answer_raises_anything_but_rpc_error(status: int, body: bytes) -> None:
    for headers in (JSON, PROTO, []):
        try:
            raw = wire.raw_response(HttpResponse(status, headers, body))
        except RpcError:
            continue
        assert status == 200
        assert raw.body == body


def test_compression_that_was_not_asked_for_is_an_error() -> None:
    response = HttpResponse(200, [*PROTO, ("content-encoding", "gzip")], b"")
    assert error_of(response).code is Code.INTERNAL


def test_another_content_type_is_no_success() -> None:
    as_json = error_of(HttpResponse(200, JSON, b"{}"))
    as_html = error_of(HttpResponse(200, [("content-type", "text/html; charset=x")], b""))
    assert (as_json.code, as_html.code) == (Code.INTERNAL, Code.UNKNOWN)
    assert "text/html" in as_html.message
