"""What the client sends, the server reads: random messages, random paths and queries."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import parse_qsl, unquote

import pytest
from google.protobuf.duration_pb2 import Duration
from hypothesis import given, reject
from hypothesis import strategies as st

from tests.unit.codec.messages import messages
from tests.vectors.schema import message_class
from triwire.codec.protojson import ProtoJsonCodec
from triwire.server.rest import RestApplication
from triwire.server.service import MethodHandler, ServerContext, Service
from triwire.spec import HttpRule, MethodSpec
from triwire.transcode.client import ClientPlan
from triwire.transcode.fields import RequestError, TextReader
from triwire.transcode.query import parse_query
from triwire.transcode.server import ServerRouter

CODEC = ProtoJsonCodec(strict=True, ignore_unknown_fields=False, ignore_unknown_enum_names=False)
READER = TextReader(enum_aliases={}, ignore_unknown_fields=False, ignore_unknown_enum_names=False)
RULES = (
    HttpRule("GET", "/v1/things"),
    HttpRule("GET", "/v1/things/{id}"),
    HttpRule("POST", "/v1/{parent=a/*}/things/{id}:go", "leaf"),
    HttpRule("POST", "/v1/{name=**}", "*"),
    HttpRule("PUT", "/v1/{leaf.name}/{i64}", "texts"),
)


def _method(rule: HttpRule) -> MethodSpec[Any, Any]:
    request, response = message_class("Request"), message_class("Response")
    return MethodSpec("test.S", "M", request, response, http=rule)


def _requests() -> st.SearchStrategy[Any]:
    return st.deferred(lambda: messages(message_class("Request")))


def _read(method: MethodSpec[Any, Any], verb: str, target: str, body: bytes) -> Any:
    path, _, query = target.partition("?")
    route = ServerRouter([(method, None)], READER).find(verb, path)
    assert route is not None
    field = route.binding.body_field
    message = method.request_type()
    if field is not None:
        message = (
            CODEC.decode_field(body, method.request_type, field)
            if field
            else CODEC.decode(body, method.request_type)
        )
    route.binding.fill(route.segments, query, message)
    return message


@given(message=_requests(), rule=st.sampled_from(RULES), name=st.text(max_size=5))
def test_the_server_reads_what_the_client_sent(message: Any, rule: HttpRule, name: str) -> None:
    message.parent = f"a/{name}"
    method = _method(rule)
    try:
        call = ClientPlan(method).call(message)
    except ValueError:
        reject()
    body = b""
    if call.message is not None:
        body = (
            CODEC.encode_field(call.message, call.body_field)
            if call.body_field
            else CODEC.encode(call.message)
        )
    found = _read(method, call.verb, call.target, body)
    # A message that is set but empty cannot stand in a query, and a body that is a field is
    # there even when the field is not.
    assert _pruned(found) == _pruned(message)


def _pruned(message: Any) -> Any:
    """Return a copy without singular messages that hold nothing."""
    copy = message.__class__()
    copy.CopyFrom(message)
    _prune(copy)
    return copy


def _prune(message: Any) -> None:
    for field, value in message.ListFields():
        if hasattr(value, "ListFields") and not field.message_type.file.name.startswith("google/"):
            _prune(value)
            if not value.ListFields():
                message.ClearField(field.name)
    if message.DESCRIPTOR.name == "Request" and not message.empty.ByteSize():
        message.ClearField("empty")


_TEXT = st.text(alphabet="/:%.2eEFf?&=[]+ab\u00e9\u0000", max_size=25)


@given(verb=st.sampled_from(["GET", "POST", "PUT", "X"]), path=_TEXT, query=_TEXT)
def test_any_path_and_query_get_an_answer(verb: str, path: str, query: str) -> None:
    called: list[Any] = []

    def handler(request: Any, _: ServerContext) -> Any:
        called.append(request)
        return message_class("Response")()

    methods = [_method(rule) for rule in RULES]
    service = Service("test.S", tuple(MethodHandler(method, handler) for method in methods))
    status = asyncio.run(_status(RestApplication([service], codec=CODEC), verb, path, query))
    assert status in {200, 400, 404, 405}
    assert bool(called) == (status == 200)
    if called:
        assert not {".", ".."} & set(unquote(path).split("/"))


async def _status(application: RestApplication, verb: str, path: str, query: str) -> int:
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b""}

    async def send(event: Any) -> None:
        sent.append(event)

    scope: dict[str, Any] = {
        "type": "http",
        "method": verb,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [],
    }
    await application(scope, receive, send)
    return int(sent[0]["status"])


@given(_TEXT)
def test_any_query_is_parsed_as_the_standard_library_does_or_refused(text: str) -> None:
    try:
        pairs = parse_query(text)
    except RequestError:
        return
    assert pairs == parse_qsl(text, keep_blank_values=True, errors="strict")


def test_the_longest_paths_cost_no_recursion() -> None:
    method = _method(HttpRule("GET", "/v1/{name=**}"))
    value = "/".join(["a"] * 20_000)
    call = ClientPlan(method).call(message_class("Request")(name=value))
    assert _read(method, call.verb, call.target, b"").name == value


@pytest.mark.parametrize("levels", [100, 101, 5000])
def test_a_client_sends_in_a_query_what_a_server_reads(levels: int) -> None:
    method = _method(HttpRule("GET", "/v1/things"))
    request = message_class("Request")()
    below = request.leaf
    for _ in range(levels - 1):
        below = below.child
    below.name = "x"
    if levels > 100:
        with pytest.raises(ValueError, match="'leaf' cannot be sent: it is nested more than 100"):
            ClientPlan(method).call(request)
        return
    target = ClientPlan(method).call(request).target
    assert _read(method, "GET", target, b"") == request


def test_an_error_shows_the_start_of_a_long_name_only() -> None:
    method = _method(HttpRule("GET", "/v1/things"))
    with pytest.raises(RequestError) as caught:
        _read(method, "GET", f"/v1/things?{'x' * 50_000}=1", b"")
    assert caught.value.field == f"{'x' * 197}..."
    assert len(str(caught.value)) < 300


def test_bindings_of_additional_bindings_are_refused() -> None:
    # google/api/http.proto: "the nesting may only be one level deep".
    inner = HttpRule("GET", "/v1/b", additional_bindings=(HttpRule("GET", "/v1/c"),))
    with pytest.raises(ValueError, match=r"additional binding GET '/v1/b' has bindings of its own"):
        HttpRule("GET", "/v1/a", additional_bindings=(inner,))


def test_a_client_passes_over_bindings_that_only_a_server_can_use() -> None:
    rule = HttpRule("GET", "/v1/*", additional_bindings=(HttpRule("GET", "/v1/things"),))
    assert ClientPlan(_method(rule)).call(message_class("Request")()).target == "/v1/things"


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        pytest.param(HttpRule("GET", "/v1/*"), "cannot fill a wildcard", id="bare star"),
        pytest.param(HttpRule("GET", "/v1/**"), "cannot fill a wildcard", id="bare double star"),
        pytest.param(HttpRule("GET", "/v1/{leaf}"), "singular scalar", id="message"),
        pytest.param(HttpRule("GET", "/v1/{texts}"), "singular scalar", id="repeated"),
        pytest.param(HttpRule("GET", "/v1/{labels}"), "singular scalar", id="map"),
        pytest.param(HttpRule("GET", "/v1/{nope}"), "has no field 'nope'", id="unknown"),
        pytest.param(HttpRule("POST", "/v1", "nope"), "has no field 'nope'", id="unknown body"),
        pytest.param(HttpRule("GET", "/v1//"), "expected a segment", id="malformed"),
    ],
)
def test_a_client_refuses_rules_that_do_not_fit(rule: HttpRule, problem: str) -> None:
    with pytest.raises(ValueError, match=rf"/test\.S/M: .*{problem}"):
        ClientPlan(_method(rule))


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"at": {"seconds": 10**15}}, id="time"),
        pytest.param({"wait": {"seconds": 10**15}}, id="duration"),
        pytest.param({"mask": {"paths": ["a_B"]}}, id="mask"),
        pytest.param({"times": [{"nanos": -1}]}, id="repeated time"),
        pytest.param({"waits": {"k": Duration(seconds=1, nanos=-1)}}, id="duration in a map"),
    ],
)
def test_what_has_no_text_is_refused_with_the_name_of_its_field(fields: dict[str, Any]) -> None:
    name = next(iter(fields))
    with pytest.raises(ValueError, match=f"field '{name}' cannot be sent"):
        ClientPlan(_method(HttpRule("GET", "/v1/x"))).call(message_class("Request")(**fields))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.1, "0.1"),
        (3.4028234663852886e38, "3.40282347e%2B38"),
        (1.17549435e-38, "1.1754944e-38"),
        (16777216.0, "16777216"),
        (1e-45, "1.4013e-45"),
        (0.30000001192092896, "0.3"),
        (1.1000001430511475, "1.1000001"),
    ],
    ids=str,
)
def test_floats_are_as_short_as_32_bits_allow(value: float, text: str) -> None:
    method = _method(HttpRule("GET", "/v1/x"))
    message = message_class("Request")(float_value=value)
    target = ClientPlan(method).call(message).target
    assert target == f"/v1/x?floatValue={text}"
    assert _read(method, "GET", target, b"") == message
