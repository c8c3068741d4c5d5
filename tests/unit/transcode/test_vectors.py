"""The vectors of tests/vectors/transcode against our client and server."""

from __future__ import annotations

import json
from typing import Any

import pytest
from google.protobuf import json_format

from tests.vectors.schema import FOLDER, message_class
from triwire._http import HttpResponse
from triwire.codec.protojson import ProtoJsonCodec
from triwire.errors import RpcError
from triwire.spec import HttpRule, MethodSpec
from triwire.transcode.client import ClientPlan
from triwire.transcode.fields import RequestError, TextReader
from triwire.transcode.httprule import (
    Literal,
    TemplateError,
    Variable,
    Wildcard,
    parse_template,
)
from triwire.transcode.routing import RoutingTable
from triwire.transcode.server import ServerRouter
from triwire.transports.rest.error_body import error_from_body
from triwire.transports.rest.wire import Wire

CLIENT = ProtoJsonCodec()
SERVER = ProtoJsonCodec(ignore_unknown_fields=False, ignore_unknown_enum_names=False, strict=True)
READER = TextReader(enum_aliases={}, ignore_unknown_fields=False, ignore_unknown_enum_names=False)


def _cases(file: str) -> list[Any]:
    cases = json.loads((FOLDER / file).read_text(encoding="utf-8"))["cases"]
    return [pytest.param(case, id=case["name"]) for case in cases]


def _requests(direction: str) -> list[Any]:
    files = ("paths.json", "queries.json", "bodies.json")
    return [
        case
        for file in files
        for case in _cases(file)
        if case.values[0]["direction"] in {"both", direction}
    ]


def _rule(tree: dict[str, Any]) -> HttpRule:
    more = tuple(_rule(rule) for rule in tree.get("additional_bindings", ()))
    return HttpRule(tree["verb"], tree["template"], tree.get("body", ""), additional_bindings=more)


def _method(rule: HttpRule) -> MethodSpec[Any, Any]:
    request, response = message_class("Request"), message_class("Response")
    return MethodSpec("vectors", "Method", request, response, http=rule)


def _parsed(tree: dict[str, Any], name: str) -> Any:
    # Of another implementation than the one under test.
    return json_format.ParseDict(tree, message_class(name)())


@pytest.mark.parametrize("case", _cases("templates.json"))
def test_templates_are_parsed_or_refused_as_the_vector_says(case: dict[str, Any]) -> None:
    if "error" in case:
        with pytest.raises(TemplateError):
            parse_template(case["template"])
        return
    parsed = parse_template(case["template"])
    assert [_shown(part) for part in parsed.parts] == case["parts"]
    assert parsed.verb == case["verb"]


def _shown(part: object) -> object:
    if isinstance(part, Literal):
        return {"literal": part.text}
    if isinstance(part, Variable):
        segments = [_shown(segment) for segment in part.segments]
        return {"field": ".".join(part.field_path), "segments": segments}
    return {"wildcard": "*" if isinstance(part, Wildcard) else "**"}


@pytest.mark.parametrize("case", _requests("client"))
def test_the_client_sends_what_the_vector_says(case: dict[str, Any]) -> None:
    plan = ClientPlan(_method(_rule(case["rule"])))
    message = _parsed(case["message"], "Request")
    before = message.SerializeToString(deterministic=True)
    if "error" in case:
        with pytest.raises(ValueError, match="cannot be sent"):
            plan.call(message)
        return
    call = plan.call(message)
    assert (call.verb, call.target) == (case["http"]["verb"], case["http"]["target"])
    body = None
    if call.message is not None:
        encode = CLIENT.encode_field if call.body_field else _encode_whole
        body = json.loads(encode(call.message, call.body_field))
    assert body == case["http"].get("body")
    assert message.SerializeToString(deterministic=True) == before


def _encode_whole(message: Any, _: str) -> bytes:
    return CLIENT.encode(message)


@pytest.mark.parametrize("case", _requests("server"))
def test_the_server_reads_what_the_vector_says(case: dict[str, Any]) -> None:
    if "error" in case:
        with pytest.raises((RequestError, RpcError)) as caught:
            _read_request(case)
        if "field" in case:
            assert _violated_field(caught.value) == case["field"]
        return
    found = _read_request(case)
    expected = _parsed(case["message"], "Request")
    # Compared as text: NaN differs from itself.
    assert str(found) == str(expected)
    assert found.SerializeToString(deterministic=True) == expected.SerializeToString(
        deterministic=True
    )


def _read_request(case: dict[str, Any]) -> Any:
    http = case["http"]
    router: ServerRouter[None] = ServerRouter([(_method(_rule(case["rule"])), None)], READER)
    path, _, query = http["target"].partition("?")
    route = router.find(http["verb"], path)
    assert route is not None
    request = message_class("Request")
    message = request()
    if "raw_body" in http:
        body = http["raw_body"].encode("utf-8", "surrogatepass")
    else:
        body = json.dumps(http["body"]).encode() if "body" in http else b""
    field = route.binding.body_field
    if body and field is not None:
        message = (
            SERVER.decode_field(body, request, field) if field else SERVER.decode(body, request)
        )
    route.binding.fill(route.segments, query, message)
    return message


def _violated_field(error: BaseException) -> str:
    if isinstance(error, RequestError):
        return error.field
    assert isinstance(error, RpcError)
    (detail,) = error.details
    return str(detail.field_violations[0].field)  # type: ignore[attr-defined]  # a BadRequest


@pytest.mark.parametrize("case", _cases("routes.json"))
def test_a_request_finds_the_route_that_the_vector_says(case: dict[str, Any]) -> None:
    table: RoutingTable[int] = RoutingTable()

    def fill() -> None:
        for index, (verb, template) in enumerate(case["rules"]):
            table.add(verb, template, index)

    if "error" in case:
        with pytest.raises(ValueError, match="matches the same paths"):
            fill()
        return
    fill()
    verb, path = case["request"]
    found = table.find(verb, path)
    assert (None if found is None else found.route) == case["found"]
    if "allowed" in case:
        assert table.allowed(path) == case["allowed"]


def _responses(direction: str) -> list[Any]:
    return [
        case
        for case in _cases("responses.json")
        if case.values[0]["direction"] in {"both", direction}
    ]


@pytest.mark.parametrize("case", _responses("server"))
def test_the_server_writes_the_response_that_the_vector_says(case: dict[str, Any]) -> None:
    message = _parsed(case["message"], "Response")
    field = case["response_body"]
    body = SERVER.encode_field(message, field) if field else SERVER.encode(message)
    assert json.loads(body) == case["body"]


@pytest.mark.parametrize("case", _responses("client"))
def test_the_client_reads_the_response_that_the_vector_says(case: dict[str, Any]) -> None:
    method = _method(HttpRule("GET", "/v1/x", response_body=case["response_body"]))
    wire = Wire(CLIENT, user_agent="test")
    request = wire.request(method, message_class("Request")(), headers=(), timeout_seconds=None)
    raw = case["raw_body"].encode() if "raw_body" in case else json.dumps(case["body"]).encode()
    response = HttpResponse(200, [("content-type", "application/json")], raw)
    if "error" in case:
        with pytest.raises(RpcError):
            wire.decode(method, wire.response(method, request, response).body)
        return
    found = wire.decode(method, wire.response(method, request, response).body)
    assert found == _parsed(case["message"], "Response")


@pytest.mark.parametrize("case", _cases("errors.json"))
def test_an_error_response_is_read_as_the_vector_says(case: dict[str, Any]) -> None:
    raw = case["raw_body"].encode() if "raw_body" in case else json.dumps(case["body"]).encode()
    kind = "text/html" if raw.startswith(b"<") else "application/json"
    error = error_from_body(HttpResponse(case["status"], [("content-type", kind)], raw))
    assert error.code.name == case["code"]
    assert error.from_server is case["from_server"]
    if "message" in case:
        assert error.message == case["message"]
    assert [_detail_tree(detail) for detail in error.details] == case["details"]


def _detail_tree(detail: Any) -> Any:
    tree = json_format.MessageToDict(detail)
    name = detail.DESCRIPTOR.full_name
    return tree if "@type" in tree else {"@type": f"type.googleapis.com/{name}", **tree}


def test_there_are_enough_cases_and_each_cites_its_source() -> None:
    cases = [
        case
        for file in sorted(FOLDER.glob("*.json"))
        for case in json.loads(file.read_text(encoding="utf-8"))["cases"]
    ]
    assert len(cases) >= 400
    assert all(case["cite"] and case["name"] for case in cases)
