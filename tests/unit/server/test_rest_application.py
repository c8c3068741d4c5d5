"""The REST application, called in memory."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo

from tests.vectors.schema import message_class
from triwire.codec.protojson import ProtoJsonCodec
from triwire.errors import Code, RpcError
from triwire.server.rest import RestApplication
from triwire.server.service import MethodHandler, ServerContext, Service
from triwire.spec import HttpRule, MethodSpec, StreamKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

JSON = ("content-type", "application/json")
STRICT = ProtoJsonCodec(ignore_unknown_fields=False, ignore_unknown_enum_names=False, strict=True)


class Answer(NamedTuple):
    """What the application sent."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def tree(self) -> Any:
        return json.loads(self.body)


def _method(
    name: str, rule: HttpRule | None, kind: StreamKind = StreamKind.UNARY
) -> MethodSpec[Any, Any]:
    request, response = message_class("Request"), message_class("Response")
    return MethodSpec("test.Things", name, request, response, http=rule, stream_kind=kind)


GET = _method("Get", HttpRule("GET", "/v1/things/{id}"))
PARAMETERS = _method("Parameters", HttpRule("GET", "/v1/things/parameters", response_body="text"))
CREATE = _method("Create", HttpRule("POST", "/v1/things", "*"))
UPDATE = _method("Update", HttpRule("PATCH", "/v1/things/{id}", "*"))
REPLACE = _method("Replace", HttpRule("PUT", "/v1/things/{id}", "leaf"))


class Recorder:
    """A handler that keeps what it was called with and answers the request's id."""

    def __init__(self) -> None:
        self.requests: list[Any] = []
        self.contexts: list[ServerContext] = []

    def __call__(self, request: Any, context: ServerContext) -> Any:
        self.requests.append(request)
        self.contexts.append(context)
        return message_class("Response")(id=request.id, text="t")


def _application(
    handler: Callable[..., Any], *, methods: Iterable[MethodSpec[Any, Any]] = (), **options: Any
) -> RestApplication:
    chosen = tuple(methods) or (GET, PARAMETERS, CREATE, UPDATE, REPLACE)
    service = Service("test.Things", tuple(MethodHandler(method, handler) for method in chosen))
    options.setdefault("codec", STRICT)
    return RestApplication([service], **options)


async def _call(
    application: RestApplication,
    verb: str,
    target: str,
    *headers: tuple[str, str],
    body: bytes | list[bytes] = b"",
    **scope: Any,
) -> Answer:
    path, _, query = target.partition("?")
    parts = body if isinstance(body, list) else [body]
    events = [
        {"type": "http.request", "body": part, "more_body": index < len(parts) - 1}
        for index, part in enumerate(parts)
    ]
    sent: list[Any] = []

    async def receive() -> Any:
        if not parts:
            return {"type": "http.disconnect"}
        if not events:
            await asyncio.Event().wait()  # the client stays
        return events.pop(0)

    async def send(event: Any) -> None:
        sent.append(event)

    full = {
        "type": "http",
        "method": verb,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers],
        **scope,
    }
    await application(full, receive, send)
    if not sent:
        return Answer(0, {}, b"")
    start, end = sent
    found = {name.decode(): value.decode("latin-1") for name, value in start["headers"]}
    return Answer(start["status"], found, end["body"])


async def test_a_method_is_called_with_path_query_and_metadata() -> None:
    recorder = Recorder()
    answer = await _call(
        _application(recorder),
        "GET",
        "/v1/things/a%2Fb?i64=5",
        ("X-A", "1"),
        ("x-b-bin", "/w"),
        ("user-agent", "curl"),
        ("grpc-timeout", "1500m"),
    )
    assert answer.status == 200
    assert answer.tree == {"id": "a/b", "text": "t"}
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["content-length"] == str(len(answer.body))
    assert recorder.requests == [message_class("Request")(id="a/b", i64=5)]
    (context,) = recorder.contexts
    assert (context.method, context.wire, context.timeout_seconds) == (GET, "rest", 1.5)
    assert context.headers.pairs == (("x-a", "1"), ("x-b-bin", b"\xff"))


async def test_a_literal_route_wins_and_response_body_is_one_field() -> None:
    recorder = Recorder()
    answer = await _call(_application(recorder), "GET", "/v1/things/parameters")
    assert answer.body == b'"t"'
    assert recorder.contexts[0].method is PARAMETERS


async def test_an_async_handler_is_awaited_and_its_headers_and_trailers_are_sent() -> None:
    async def handler(request: Any, context: ServerContext) -> Any:
        await asyncio.sleep(0)
        context.response_headers += [("X-A", "1"), ("x-b-bin", b"\xff")]
        context.response_trailers += [("x-c", "2")]
        return message_class("Response")(id=request.id)

    answer = await _call(_application(handler), "GET", "/v1/things/x")
    assert answer.headers["x-a"] == "1"
    assert answer.headers["x-b-bin"] == "/w"
    assert answer.headers["trailer-x-c"] == "2"


@pytest.mark.parametrize(
    ("style", "number"), [pytest.param("rpc", 9, id="rpc"), pytest.param("http", 400, id="http")]
)
async def test_an_rpc_error_becomes_its_http_status_and_a_body(style: str, number: int) -> None:
    def handler(_: Any, context: ServerContext) -> Any:
        context.response_headers.append(("x-a", "1"))
        detail = ErrorInfo(reason="R", metadata={"k": "v"})
        raise RpcError(Code.FAILED_PRECONDITION, "not yet \u00e9", details=[detail])

    answer = await _call(_application(handler, error_style=style), "GET", "/v1/things/x")
    assert answer.status == 400
    assert answer.headers["x-a"] == "1"
    assert answer.tree == {
        "code": number,
        "message": "not yet \u00e9",
        "details": [
            {
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": "R",
                "metadata": {"k": "v"},
            }
        ],
    }


@pytest.mark.parametrize("code", list(Code), ids=lambda code: code.name)
async def test_every_code_has_its_http_status(code: Code) -> None:
    def handler(*_: Any) -> Any:
        raise RpcError(code, "m", retry_delay_seconds=1.2)

    answer = await _call(_application(handler), "GET", "/v1/things/x")
    assert answer.status == code.http_status
    assert answer.tree == {"code": int(code), "message": "m", "details": []}
    assert answer.headers["retry-after"] == "2"


async def test_a_detail_of_an_unknown_type_is_named_and_does_not_fail_the_error() -> None:
    from google.protobuf.any_pb2 import Any as AnyMessage

    def handler(*_: Any) -> Any:
        raise RpcError(Code.ABORTED, "m", details=[AnyMessage(type_url="x/a.B", value=b"\0")])

    answer = await _call(_application(handler), "GET", "/v1/things/x")
    assert answer.tree["details"] == [{"@type": "x/a.B"}]


async def test_an_error_that_utf_8_cannot_say_is_still_told() -> None:
    def fail(_request: Any, _context: ServerContext) -> Any:
        raise RpcError(Code.ABORTED, "a\ud800b")

    answer = await _call(_application(fail), "GET", "/v1/things/x")
    assert (answer.status, answer.tree["message"]) == (409, "a?b")


async def test_a_bug_is_hidden_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    def handler(*_: Any) -> Any:
        raise KeyError("secret")

    with caplog.at_level(logging.ERROR, "triwire.server"):
        answer = await _call(_application(handler), "GET", "/v1/things/x")
    assert answer.status == 500
    assert answer.tree == {"code": 13, "message": "internal error", "details": []}
    assert "KeyError" in caplog.text
    assert "/test.Things/Get" in caplog.text


async def test_a_response_that_json_cannot_say_is_a_bug(caplog: pytest.LogCaptureFixture) -> None:
    def handler(*_: Any) -> Any:
        return message_class("Request")(at={"seconds": 10**15})

    answer = await _call(_application(handler), "GET", "/v1/things/x")
    assert answer.tree == {"code": 13, "message": "internal error", "details": []}
    assert "cannot be written" in caplog.text


async def test_a_handler_that_outlives_the_callers_timeout_is_cut_short() -> None:
    cut = False

    async def handler(*_: Any) -> Any:
        nonlocal cut
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cut = True
            raise

    answer = await _call(_application(handler), "GET", "/v1/things/x", ("grpc-timeout", "1m"))
    assert cut
    assert answer.status == 504
    assert answer.tree["code"] == int(Code.DEADLINE_EXCEEDED)


async def test_a_handlers_own_timeout_error_is_a_bug_not_a_deadline(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def handler(*_: Any) -> Any:
        raise TimeoutError

    for headers in ([], [("grpc-timeout", "1H")]):
        answer = await _call(_application(handler), "GET", "/v1/things/x", *headers)
        assert answer.tree["code"] == int(Code.INTERNAL)
    assert "TimeoutError" in caplog.text


async def test_cancellation_passes_through() -> None:
    async def handler(*_: Any) -> Any:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await _call(_application(handler), "GET", "/v1/things/x")


@pytest.mark.parametrize(
    ("verb", "target", "status", "code", "allow"),
    [
        pytest.param("GET", "/v1/nope", 404, 12, None, id="unknown path"),
        pytest.param("OPTIONS", "/v1/nope", 404, 12, None, id="options of an unknown path"),
        pytest.param("GET", "/v1/things/", 404, 12, None, id="empty segment"),
        pytest.param(
            "DELETE", "/v1/things/x", 405, 12, "GET, HEAD, OPTIONS, PATCH, PUT", id="wrong verb"
        ),
        pytest.param("GET", "/v1/things", 405, 12, "OPTIONS, POST", id="no GET and so no HEAD"),
        pytest.param("HEAD", "/v1/things", 405, 12, "OPTIONS, POST", id="HEAD without GET"),
        pytest.param("GET", "/v1/things/../x", 400, 3, None, id="dot segment"),
        pytest.param("GET", "/v1/things/%zz", 400, 3, None, id="bad percent-encoding"),
    ],
)
async def test_requests_without_a_route_get_the_right_status(
    verb: str, target: str, status: int, code: int, allow: str | None
) -> None:
    recorder = Recorder()
    answer = await _call(_application(recorder), verb, target)
    assert answer.status == status
    assert answer.headers.get("allow") == allow
    if verb != "HEAD":
        assert answer.tree["code"] == code
    assert recorder.requests == []


async def test_head_is_get_without_the_body() -> None:
    application = _application(Recorder())
    get = await _call(application, "GET", "/v1/things/x")
    head = await _call(application, "HEAD", "/v1/things/x")
    assert (head.status, head.headers, head.body) == (200, get.headers, b"")


async def test_options_lists_the_verbs_without_calling_anything() -> None:
    recorder = Recorder()
    answer = await _call(_application(recorder), "OPTIONS", "/v1/things/x")
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS, PATCH, PUT"
    assert "content-length" not in answer.headers
    assert recorder.requests == []


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param("application/json", id="plain"),
        pytest.param("application/json; charset=UTF-8", id="charset"),
        pytest.param('Application/Json;charset="utf-8"; v=1', id="case and quotes"),
        pytest.param("", id="none"),
    ],
)
async def test_json_bodies_are_taken_in_one_or_many_parts(kind: str) -> None:
    recorder = Recorder()
    parts = [b'{"id":', b"", b'"x"}']
    answer = await _call(
        _application(recorder), "POST", "/v1/things", ("content-type", kind), body=parts
    )
    assert answer.status == 200
    assert recorder.requests == [message_class("Request")(id="x")]


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param("text/plain", id="text"),
        pytest.param("application/x-www-form-urlencoded", id="form"),
        pytest.param("application/grpc", id="grpc"),
        pytest.param("application/json; charset=latin1", id="charset"),
        pytest.param("application/json2", id="longer name"),
    ],
)
async def test_other_content_types_are_415_and_say_what_would_do(kind: str) -> None:
    answer = await _call(
        _application(Recorder()), "POST", "/v1/things", ("content-type", kind), body=b"{}"
    )
    assert (answer.status, answer.headers["accept"]) == (415, "application/json")
    assert answer.tree["code"] == int(Code.INVALID_ARGUMENT)


async def test_a_body_of_a_method_that_takes_none_is_not_read() -> None:
    answer = await _call(
        _application(Recorder(), max_body_bytes=1), "GET", "/v1/things/x", JSON, body=b"x" * 99
    )
    assert answer.status == 200


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        pytest.param([("content-length", "101")], b"", id="announced"),
        pytest.param([("content-length", "9" * 30)], b"", id="announced beyond belief"),
        pytest.param([], [b"x" * 60, b"x" * 60, b"x" * 60], id="found out on the way"),
        pytest.param([("content-encoding", "gzip")], gzip.compress(b" " * 101), id="gzip"),
        pytest.param([("content-encoding", "gzip")], gzip.compress(b" " * 10**6)[:100], id="bomb"),
    ],
)
async def test_a_body_above_the_limit_is_413(
    headers: list[tuple[str, str]], body: bytes | list[bytes]
) -> None:
    application = _application(Recorder(), max_body_bytes=100)
    answer = await _call(application, "POST", "/v1/things", JSON, *headers, body=body)
    assert answer.status == 413
    assert answer.tree["code"] == int(Code.RESOURCE_EXHAUSTED)
    assert answer.tree["message"] == "message is larger than configured max 100"


@pytest.mark.parametrize("name", ["gzip", "GZIP", "x-gzip"])
async def test_gzip_bodies_are_read(name: str) -> None:
    recorder = Recorder()
    answer = await _call(
        _application(recorder),
        "POST",
        "/v1/things",
        JSON,
        ("content-encoding", name),
        body=gzip.compress(b'{"id":"x"}'),
    )
    assert answer.status == 200
    assert recorder.requests[0].id == "x"


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        pytest.param(b"{}", "the body is no gzip", id="plain"),
        pytest.param(gzip.compress(b"{}")[:-3], "it ends early", id="cut"),
        pytest.param(gzip.compress(b"{}") + b"x", "data behind the gzip stream", id="more"),
    ],
)
async def test_malformed_gzip_is_the_clients_fault(body: bytes, problem: str) -> None:
    answer = await _call(
        _application(Recorder()),
        "POST",
        "/v1/things",
        JSON,
        ("content-encoding", "gzip"),
        body=body,
    )
    assert answer.status == 400
    assert problem in answer.tree["message"]


async def test_unknown_encodings_are_415_and_say_what_would_do() -> None:
    answer = await _call(
        _application(Recorder()), "POST", "/v1/things", JSON, ("content-encoding", "br"), body=b"x"
    )
    assert (answer.status, answer.headers["accept-encoding"]) == (415, "gzip")


async def test_invalid_json_names_its_path_in_a_bad_request_detail() -> None:
    answer = await _call(
        _application(Recorder()),
        "POST",
        "/v1/things",
        JSON,
        body=b'{"leaf":{"child":{"bigNumber":"x"}}}',
    )
    assert answer.status == 400
    assert answer.tree["code"] == int(Code.INVALID_ARGUMENT)
    (detail,) = answer.tree["details"]
    assert detail["@type"] == f"type.googleapis.com/{BadRequest.DESCRIPTOR.full_name}"
    assert detail["fieldViolations"] == [
        {"field": "leaf.child.bigNumber", "description": 'expected int64, got string "x"'}
    ]


async def test_unknown_fields_and_parameters_are_refused_or_skipped_as_the_codec_says() -> None:
    lenient = _application(Recorder(), codec=ProtoJsonCodec())
    strict = _application(Recorder())
    for application, status in ((strict, 400), (lenient, 200)):
        for verb, target, body in (
            ("POST", "/v1/things", b'{"nope":1}'),
            ("GET", "/v1/things/x?nope=1", b""),
            ("POST", "/v1/things?nope=1", b"{}"),
            ("GET", "/v1/things/x?color=NOPE", b""),
        ):
            assert (await _call(application, verb, target, JSON, body=body)).status == status


async def test_path_and_body_must_not_contradict_each_other() -> None:
    recorder = Recorder()
    application = _application(recorder)
    same = await _call(application, "PATCH", "/v1/things/x", JSON, body=b'{"id":"x","text":"t"}')
    assert same.status == 200
    other = await _call(application, "PATCH", "/v1/things/x", JSON, body=b'{"id":"y"}')
    assert other.status == 400
    assert other.tree["details"][0]["fieldViolations"][0]["field"] == "id"
    assert len(recorder.requests) == 1


async def test_aliases_are_read_in_paths_queries_and_bodies() -> None:
    recorder = Recorder()
    codec = ProtoJsonCodec(enum_aliases={"triwire.vectors.v1.Color": {"rot": 1}})
    method = _method("Paint", HttpRule("POST", "/v1/{color}", "leaf"))
    application = _application(recorder, codec=codec, methods=[method])
    answer = await _call(application, "POST", "/v1/rot?colors=rot", JSON, body=b'{"color":"rot"}')
    assert answer.status == 200
    expected = message_class("Request")(color=1, colors=[1], leaf={"color": 1})
    assert recorder.requests == [expected]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1H", 3600.0), ("2M", 120.0), ("3S", 3.0), ("4m", 0.004), ("5u", 5e-6), ("6n", 6e-9)],
)
async def test_every_unit_of_a_timeout_is_read(text: str, seconds: float) -> None:
    recorder = Recorder()
    await _call(_application(recorder), "GET", "/v1/things/x", ("Grpc-Timeout", text))
    assert recorder.contexts[0].timeout_seconds == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "5", "m", "-5m", "123456789m", "5 m", "5x", "\u0665m"])
async def test_malformed_timeouts_are_refused(text: str) -> None:
    header = ("grpc-timeout", text.encode().decode("latin-1"))
    answer = await _call(_application(Recorder()), "GET", "/v1/things/x", header)
    assert answer.status == 400


async def test_a_codecs_own_limit_is_413_too() -> None:
    codec = ProtoJsonCodec(max_bytes=5)
    answer = await _call(
        _application(Recorder(), codec=codec), "POST", "/v1/things", JSON, body=b'{"id":"x"}'
    )
    assert (answer.status, answer.tree["code"]) == (413, int(Code.RESOURCE_EXHAUSTED))


async def test_an_empty_body_is_an_empty_message_whatever_its_type() -> None:
    recorder = Recorder()
    for headers in ([], [JSON], [("content-type", "text/plain")]):
        answer = await _call(_application(recorder), "POST", "/v1/things", *headers)
        assert answer.status == 200
    assert recorder.requests == [message_class("Request")()] * 3


async def test_enum_names_that_are_unknown_are_skipped_in_paths_and_maps_if_so_told() -> None:
    recorder = Recorder()
    method = _method("Paint", HttpRule("GET", "/v1/{color}"))
    application = _application(recorder, codec=ProtoJsonCodec(), methods=[method])
    answer = await _call(application, "GET", "/v1/NOPE?byFlag[true]=NOPE&byFlag[false]=COLOR_RED")
    assert answer.status == 200
    assert recorder.requests == [message_class("Request")(by_flag={False: 1})]


async def test_a_client_that_goes_away_is_not_answered() -> None:
    recorder = Recorder()
    answer = await _call(_application(recorder), "POST", "/v1/things", JSON, body=[])
    assert answer == Answer(0, {}, b"")
    assert recorder.requests == []


async def test_the_decoded_path_is_used_where_the_server_gives_no_raw_one() -> None:
    recorder = Recorder()
    await _call(_application(recorder), "GET", "/v1/things/x", path="/v1/things/a b", raw_path=None)
    assert recorder.requests[0].id == "a b"


async def test_an_application_can_be_mounted_below_a_prefix() -> None:
    recorder = Recorder()
    answer = await _call(_application(recorder), "GET", "/api/v1/things/x", root_path="/api")
    assert answer.status == 200
    assert recorder.requests[0].id == "x"


@pytest.mark.parametrize(
    ("accept", "size", "is_compressed"),
    [
        pytest.param("gzip", 2000, True, id="large"),
        pytest.param("br, GZIP;q=0.5", 2000, True, id="among others"),
        pytest.param("gzip", 10, False, id="small"),
        pytest.param("gzip;q=0", 2000, False, id="refused"),
        pytest.param("gzip; q=0.000, br", 2000, False, id="refused at length"),
        pytest.param("br", 2000, False, id="another"),
        pytest.param("", 2000, False, id="none"),
    ],
)
async def test_json_is_compressed_for_who_accepts_it(
    accept: str, size: int, *, is_compressed: bool
) -> None:
    def handler(request: Any, context: ServerContext) -> Any:
        del request, context
        return message_class("Response")(text="x" * size)

    answer = await _call(_application(handler), "GET", "/v1/things/x", ("accept-encoding", accept))
    body = gzip.decompress(answer.body) if is_compressed else answer.body
    assert answer.headers.get("content-encoding", "") == ("gzip" if is_compressed else "")
    assert answer.headers.get("vary", "") == ("accept-encoding" if size > 1000 else "")
    assert answer.headers["content-length"] == str(len(answer.body))
    assert json.loads(body) == {"text": "x" * size}


async def test_client_streams_and_methods_without_a_rule_are_left_out() -> None:
    stream = _method("Stream", HttpRule("GET", "/v1/stream"), StreamKind.BIDI_STREAM)
    application = _application(Recorder(), methods=[stream, _method("Bare", None)])
    assert (await _call(application, "GET", "/v1/stream")).status == 404


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        pytest.param(HttpRule("GET", "/v1/{nope}"), "has no field 'nope'", id="unknown variable"),
        pytest.param(HttpRule("GET", "/v1/{leaf}"), "must be a singular scalar", id="message"),
        pytest.param(HttpRule("GET", "/v1/{texts}"), "must be a singular scalar", id="repeated"),
        pytest.param(HttpRule("GET", "/v1/{leaves.name}"), "has no field", id="through repeated"),
        pytest.param(HttpRule("GET", "/v1/{id.x}"), "has no field 'id.x'", id="below a scalar"),
        pytest.param(HttpRule("POST", "/v1", "nope"), "has no field 'nope'", id="unknown body"),
        pytest.param(HttpRule("GET", "v1"), "expected '/'", id="malformed template"),
    ],
)
def test_rules_that_do_not_fit_are_refused_when_the_application_is_made(
    rule: HttpRule, problem: str
) -> None:
    with pytest.raises(ValueError, match=rf"/test\.Things/Bad: .*{problem}"):
        _application(Recorder(), methods=[_method("Bad", rule)])


def test_two_methods_at_one_path_are_refused() -> None:
    other = _method("Other", HttpRule("GET", "/v1/things/{name}"))
    with pytest.raises(ValueError, match="matches the same paths"):
        _application(Recorder(), methods=[GET, other])


def test_an_unknown_error_style_is_refused() -> None:
    with pytest.raises(ValueError, match="expected 'rpc' or 'http'"):
        _application(Recorder(), error_style="grpc")


async def test_other_scopes_are_refused() -> None:
    with pytest.raises(ValueError, match="of type 'http', got 'websocket'"):
        await _call(_application(Recorder()), "GET", "/v1/things/x", type="websocket")
