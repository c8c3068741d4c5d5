"""What the REST wire makes of responses, and of timeouts."""

from __future__ import annotations

import gzip
from typing import Any

import pytest
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st

from tests.vectors.schema import message_class
from triwire._http import HttpResponse
from triwire.codec.protojson import ProtoJsonCodec
from triwire.errors import Code, RpcError
from triwire.spec import HttpRule, MethodSpec, RawResponse
from triwire.transports.options import WireOptions
from triwire.transports.rest.error_body import error_from_body
from triwire.transports.rest.wire import Wire, timeout_text

WIRE = Wire(ProtoJsonCodec(), user_agent="test")
JSON = "application/json"


def _answer(
    body: bytes, *, status: int = 200, response_body: str = "", **headers: Any
) -> tuple[MethodSpec[Any, Any], RawResponse]:
    rule = HttpRule("GET", "/v1/x", response_body=response_body)
    request, response = message_class("Request"), message_class("Response")
    method: MethodSpec[Any, Any] = MethodSpec("s", "M", request, response, http=rule)
    pairs = {"content-type": JSON, **{k.replace("_", "-"): v for k, v in headers.items()}}
    sent = WIRE.request(method, request(), headers=(), timeout_seconds=None)
    return method, WIRE.response(method, sent, HttpResponse(status, list(pairs.items()), body))


def test_reads_what_json_format_writes() -> None:
    message = message_class("Response")(id="\u00e9", leaves=[{"tags": ["a"]}], total=2**60)
    method, raw = _answer(json_format.MessageToJson(message, indent=2).encode())
    assert WIRE.decode(method, raw.body) == message


def test_shows_the_applications_headers_and_trailers_only() -> None:
    _, raw = _answer(
        b"{}",
        date="Sat, 21 Nov 2026 00:00:00 GMT",
        server="envoy",
        content_length="2",
        x_a="1",
        x_b_bin="/w",
        trailer_x_c="2",
        trailer_x_d_bin="AA==",
    )
    assert raw.headers.pairs == (("x-a", "1"), ("x-b-bin", b"\xff"))
    assert raw.trailers.pairs == (("x-c", "2"), ("x-d-bin", b"\0"))


def test_an_error_has_the_applications_headers_and_trailers() -> None:
    with pytest.raises(RpcError) as caught:
        _answer(
            b'{"code": 14, "message": "no"}',
            status=503,
            retry_after="3",
            date="Sat, 21 Nov 2026 00:00:00 GMT",
            x_a="1",
            trailer_x_b_bin="/w",
        )
    assert caught.value.headers == (("x-a", "1"),)
    assert caught.value.trailers == (("x-b-bin", b"\xff"),)
    assert caught.value.retry_delay_seconds == 3


def test_no_content_is_an_empty_message() -> None:
    method, raw = _answer(b"", status=204, content_type="")
    assert WIRE.decode(method, raw.body) == message_class("Response")()


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param("application/json; charset=utf-8", id="charset"),
        pytest.param("Application/JSON", id="case"),
        pytest.param("application/problem+json", id="suffix"),
        pytest.param("", id="none"),
    ],
)
def test_json_is_taken_under_these_content_types(kind: str) -> None:
    method, raw = _answer(b'{"id":"x"}', content_type=kind)
    assert WIRE.decode(method, raw.body).id == "x"


@pytest.mark.parametrize(
    ("body", "headers", "problem"),
    [
        pytest.param(
            b"<html><body>Sign in</body></html>",
            {"content_type": "text/html; charset=utf-8"},
            "expected application/json, got HTTP 200 with text/html that begins "
            "'<html><body>Sign in</body></html>'",
            id="html",
        ),
        pytest.param(
            b"x" * 500,
            {"content_type": "text/plain"},
            f"expected application/json, got HTTP 200 with text/plain that begins '{'x' * 200}...'",
            id="long text",
        ),
        pytest.param(
            b"", {"content_type": "text/plain"}, "HTTP 200 with text/plain and an empty body",
            id="empty",
        ),
        pytest.param(b"{}", {"content_encoding": "br"}, "unknown compression 'br'", id="br"),
    ],
)  # fmt: skip
def test_a_success_that_is_no_answer_is_said_with_the_start_of_its_body(
    body: bytes, headers: dict[str, Any], problem: str
) -> None:
    with pytest.raises(RpcError) as caught:
        _answer(body, **headers)
    assert problem in caught.value.message
    assert not caught.value.from_server
    assert caught.value.code in {Code.UNKNOWN, Code.INTERNAL}


@pytest.mark.parametrize("body", [pytest.param(b"", id="empty"), pytest.param(b'{"id":', id="cut")])
def test_half_a_body_is_an_error_of_the_client(body: bytes) -> None:
    method, raw = _answer(body)
    with pytest.raises(RpcError, match="invalid JSON") as caught:
        WIRE.decode(method, raw.body)
    assert (caught.value.code, caught.value.from_server) == (Code.INTERNAL, False)


def test_a_redirect_is_not_followed() -> None:
    with pytest.raises(RpcError, match="HTTP 302 with no content type and an empty body"):
        _answer(b"", status=302, content_type="", location="/login")


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        pytest.param([("retry-after", "7")], 7.0, id="seconds"),
        pytest.param([("retry-after", "0")], 0.0, id="zero"),
        pytest.param(
            [
                ("date", "Sat, 21 Nov 2026 00:00:00 GMT"),
                ("retry-after", "Sat, 21 Nov 2026 00:02:00 GMT"),
            ],
            120.0,
            id="date",
        ),
        pytest.param(
            [
                ("date", "Sat, 21 Nov 2026 00:00:00 GMT"),
                ("retry-after", "Fri, 20 Nov 2026 00:00:00 GMT"),
            ],
            0.0,
            id="date in the past",
        ),
        pytest.param([("retry-after", "Sat, 21 Nov 2026 00:02:00 GMT")], None, id="no own date"),
        pytest.param(
            [
                ("date", "Sat, 21 Nov 2026 00:00:00 GMT"),
                ("retry-after", "Sat, 21 Nov 2026 00:00:00"),
            ],
            None,
            id="zone missing",
        ),
        pytest.param([("retry-after", "soon")], None, id="text"),
        pytest.param([("retry-after", "-1")], None, id="negative"),
        pytest.param([], None, id="none"),
    ],
)  # fmt: skip
def test_retry_after_is_read_as_seconds_or_as_a_date(
    headers: list[tuple[str, str]], expected: float | None
) -> None:
    for body in (b'{"code":8,"message":"m"}', b"<html>"):
        error = error_from_body(HttpResponse(429, headers, body))
        assert error.retry_delay_seconds == expected


def test_retry_info_counts_where_there_is_no_header() -> None:
    body = (
        b'{"code":14,"message":"m","details":'
        b'[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"1.5s"}]}'
    )
    assert error_from_body(HttpResponse(503, [], body)).retry_delay_seconds == 1.5


def test_details_of_a_connect_server_are_read_too() -> None:
    body = (
        b'{"code":"not_found","message":"m","details":'
        b'[{"type":"google.rpc.ErrorInfo","value":"CgFS"},{"type":"a.B","value":"%"}]}'
    )
    error = error_from_body(HttpResponse(404, [], body))
    assert error.code is Code.NOT_FOUND
    assert error.details[0].DESCRIPTOR.full_name == "google.rpc.ErrorInfo"
    assert error.details[1].DESCRIPTOR.full_name == "google.protobuf.Any"


def test_a_number_that_no_struct_can_hold_drops_the_detail_and_nothing_else() -> None:
    body = b'{"code":10,"message":"m","details":[{"a":1' + b"0" * 400 + b"}]}"
    error = error_from_body(HttpResponse(409, [], body))
    assert (error.code, error.message, error.details) == (Code.ABORTED, "m", ())


def test_details_that_tell_nothing_of_the_code_leave_it_to_the_status() -> None:
    body = b'{"code":409,"details":[{"@type":"type.googleapis.com/google.rpc.Help"}]}'
    assert error_from_body(HttpResponse(409, [], body)).code is Code.ABORTED


@given(status=st.integers(100, 999), body=st.binary(max_size=50))
def test_any_error_response_becomes_one_rpc_error(status: int, body: bytes) -> None:
    error = error_from_body(HttpResponse(status, [], body))
    assert isinstance(error, RpcError)
    assert str(status) in error.message or error.from_server


_TREES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5) | st.integers(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["code", "message", "details", "error", "status", "@type", "value"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=10,
)


@given(tree=_TREES)
def test_any_json_error_becomes_one_rpc_error(tree: Any) -> None:
    import json

    error = error_from_body(HttpResponse(500, [], json.dumps(tree).encode()))
    assert isinstance(error, RpcError)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (1.5, "1500m"),
        (0.0001, "1m"),
        (30, "30000m"),
        (99_999.999, "99999999m"),
        (100_000, "100000S"),
        (1e9, "16666667M"),
        (1e300, "99999999H"),
        (float("inf"), "99999999H"),
    ],
    ids=str,
)
def test_timeouts_are_written_as_grpc_does(seconds: float, expected: str) -> None:
    assert timeout_text(seconds) == expected


def _wire(**options: Any) -> Wire:
    return Wire(ProtoJsonCodec(), user_agent="test", options=WireOptions(**options))


def _posted(wire: Wire, **fields: Any) -> tuple[MethodSpec[Any, Any], Any]:
    rule = HttpRule("POST", "/v1/x", body="*")
    request, response = message_class("Request"), message_class("Response")
    method: MethodSpec[Any, Any] = MethodSpec("s", "M", request, response, http=rule)
    return method, wire.request(method, request(**fields), headers=(), timeout_seconds=None)


def test_a_large_body_is_compressed_and_says_so() -> None:
    wire = _wire(gzip_requests_from_bytes=50)
    _, small = _posted(wire, id="a")
    assert "content-encoding" not in dict(small.headers)
    _, large = _posted(wire, id="a" * 50)
    assert dict(large.headers)["content-encoding"] == "gzip"
    assert b"a" * 50 in gzip.decompress(large.body)
    assert "accept-encoding" not in dict(large.headers)


@pytest.mark.parametrize("name", ["gzip", "GZIP", "x-gzip"])
def test_a_compressed_response_is_read_if_it_was_asked_for(name: str) -> None:
    # RFC 9110, sections 8.4 and 8.4.1.3: names have no case, and x-gzip is gzip.
    body = json_format.MessageToJson(message_class("Response")(id="x" * 99)).encode()
    headers = [("content-type", JSON), ("content-encoding", name)]
    answer = HttpResponse(200, headers, gzip.compress(body))
    wire = _wire(gzip_responses=True, max_response_bytes=len(body))
    method, sent = _posted(wire)
    assert dict(sent.headers)["accept-encoding"] == "gzip"
    raw = wire.response(method, sent, answer)
    assert wire.decode(method, raw.body).id == "x" * 99
    with pytest.raises(RpcError, match="unknown compression 'gzip'"):
        WIRE.response(method, sent, answer)


def test_a_response_that_says_identity_is_not_compressed() -> None:
    headers = [("content-type", JSON), ("content-encoding", "Identity")]
    method, sent = _posted(WIRE)
    assert WIRE.response(method, sent, HttpResponse(200, headers, b"{}")).body == b"{}"


def test_a_compressed_response_above_the_limit_is_not_unpacked() -> None:
    headers = [("content-type", JSON), ("content-encoding", "gzip")]
    wire = _wire(gzip_responses=True, max_response_bytes=1000)
    method, sent = _posted(wire)
    with pytest.raises(RpcError, match="max_response_bytes=1000") as caught:
        wire.response(method, sent, HttpResponse(200, headers, gzip.compress(b" " * 1001)))
    assert (caught.value.code, caught.value.from_server) == (Code.RESOURCE_EXHAUSTED, False)


def test_a_compressed_error_is_read() -> None:
    body = b'{"code": 5, "message": "not here"}'
    headers = [("content-type", JSON), ("content-encoding", "gzip")]
    wire = _wire(gzip_responses=True)
    method, sent = _posted(wire)
    with pytest.raises(RpcError, match="not here") as caught:
        wire.response(method, sent, HttpResponse(404, headers, gzip.compress(body)))
    assert caught.value.code is Code.NOT_FOUND
