"""The REST transport over a fake HTTP client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from tests.unit.rest.fake_http import AsyncFakeHttp
from tests.vectors.schema import message_class
from triwire._http import HttpResponse
from triwire.codec.protojson import ProtoJsonCodec
from triwire.config import Endpoint
from triwire.errors import Code, RpcError
from triwire.spec import HttpRule, MethodSpec
from triwire.transports.rest.aio import AsyncRestTransport

if TYPE_CHECKING:
    from triwire._http import AsyncHttp

JSON = [("content-type", "application/json")]
FOUND = HttpResponse(200, JSON, b'{"id":"x"}')


def _method(rule: HttpRule | None) -> MethodSpec[Any, Any]:
    return MethodSpec("s", "M", message_class("Request"), message_class("Response"), http=rule)


GET = _method(HttpRule("GET", "/v1/things/{id}"))
UPDATE = _method(HttpRule("PATCH", "/v1/things/{id}", "*"))


def _transport(http: AsyncFakeHttp, url: str = "http://h:8080/pre") -> AsyncRestTransport:
    endpoint = Endpoint.parse(url)
    fake = cast("AsyncHttp", http)
    return AsyncRestTransport(fake, endpoint, codec=ProtoJsonCodec(), user_agent="ua/1")


async def test_a_call_is_one_request_below_the_endpoints_prefix() -> None:
    http = AsyncFakeHttp(FOUND)
    transport = _transport(http)
    request = message_class("Request")(id="a/b", text="t")
    pairs = (("x-a", "1"), ("x-b-bin", b"\xff"))
    raw = await transport.unary(GET, request, headers=pairs, timeout_seconds=1.5)
    assert transport.wire == "rest"
    assert transport.decode(GET, raw.body) == message_class("Response")(id="x")
    (sent,) = http.sent
    assert (sent.verb, sent.url) == ("GET", "http://h:8080/pre/v1/things/a%2Fb?text=t")
    assert sent.body is None
    assert sent.timeout_seconds == 1.5
    assert sorted(sent.headers) == [
        ("accept", "application/json"),
        ("grpc-timeout", "1500m"),
        ("user-agent", "ua/1"),
        ("x-a", "1"),
        ("x-b-bin", "/w"),
    ]


async def test_a_body_has_its_content_type_and_no_timeout_is_no_header() -> None:
    http = AsyncFakeHttp(FOUND)
    request = message_class("Request")(id="x", text="t")
    await _transport(http).unary(UPDATE, request, headers=(), timeout_seconds=None)
    (sent,) = http.sent
    assert sent.body == b'{"text":"t"}'
    assert dict(sent.headers)["content-type"] == "application/json"
    assert "grpc-timeout" not in dict(sent.headers)


@pytest.mark.parametrize(
    ("method", "fields", "problem"),
    [
        pytest.param(GET, {}, "field 'id' is empty", id="empty path field"),
        pytest.param(GET, {"id": ".."}, "dot segment", id="dot segment"),
        pytest.param(
            GET, {"id": "x", "leaves": [{"name": "n"}]}, "repeated messages", id="repeated messages"
        ),
        pytest.param(_method(None), {"id": "x"}, r"no google\.api\.http rule", id="no rule"),
    ],
)
async def test_what_rest_cannot_carry_is_refused_before_any_io(
    method: MethodSpec[Any, Any], fields: dict[str, Any], problem: str
) -> None:
    http = AsyncFakeHttp()
    request = message_class("Request")(**fields)
    with pytest.raises(ValueError, match=problem):
        await _transport(http).unary(method, request, headers=(), timeout_seconds=None)
    assert http.sent == []


async def test_without_time_nothing_is_sent() -> None:
    http = AsyncFakeHttp()
    with pytest.raises(RpcError) as caught:
        await _transport(http).unary(
            GET, message_class("Request")(id="x"), headers=(), timeout_seconds=0.0
        )
    assert caught.value.code is Code.DEADLINE_EXCEEDED
    assert http.sent == []


async def test_errors_of_the_server_and_of_the_network_come_out() -> None:
    body = b'{"code":5,"message":"no x","details":[]}'
    lost = RpcError(Code.UNAVAILABLE, "connection broke")
    transport = _transport(AsyncFakeHttp(HttpResponse(404, JSON, body), lost))
    request = message_class("Request")(id="x")
    with pytest.raises(RpcError, match="no x") as caught:
        await transport.unary(GET, request, headers=(), timeout_seconds=None)
    assert (caught.value.code, caught.value.from_server) == (Code.NOT_FOUND, True)
    with pytest.raises(RpcError) as caught:
        await transport.unary(GET, request, headers=(), timeout_seconds=None)
    assert caught.value is lost


async def test_after_closing_calls_are_misuse() -> None:
    transport = _transport(AsyncFakeHttp())
    await transport.aclose()
    await transport.aclose()
    with pytest.raises(ValueError, match="closed"):
        await transport.unary(
            GET, message_class("Request")(id="x"), headers=(), timeout_seconds=None
        )
