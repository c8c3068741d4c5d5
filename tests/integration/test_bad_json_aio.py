"""JSON that must be refused, over sockets: by our server, and by our client."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest
from google.rpc.error_details_pb2 import BadRequest

from coreweave_inference.v1alpha1 import Deployment
from tests import raw_peers
from tests.bad_json import CASES, BadJson
from tests.stream_service import TAKE
from triwire._http import AsyncHttp
from triwire.call.aio import AsyncCaller
from triwire.config import Endpoint
from triwire.dial.aio import dial
from triwire.errors import Code, RpcError
from triwire.spec import CallOptions
from triwire.tls import TlsOptions
from triwire.transports.options import WireOptions

if TYPE_CHECKING:
    from triwire._http import HttpResponse

JSON = ("content-type", "application/json")
HEAD = "HTTP/1.1 {}\r\ncontent-type: application/json\r\nconnection: close\r\n"


async def posted(port: int, body: bytes, *headers: tuple[str, str]) -> HttpResponse:
    http = AsyncHttp(TlsOptions())
    try:
        return await http.execute(
            "POST",
            f"http://127.0.0.1:{port}/v1/deployments",
            headers=[JSON, *headers],
            body=body,
            timeout_seconds=20,
        )
    finally:
        await http.aclose()


async def failure(port: int, options: WireOptions | None = None) -> RpcError:
    transport = dial(
        "rest",
        Endpoint.parse(f"http://127.0.0.1:{port}"),
        tls=TlsOptions(),
        user_agent="test/1",
        options=options,
    )
    caller = AsyncCaller(transport, options=CallOptions(timeout_seconds=20))
    try:
        with pytest.raises(RpcError) as caught:
            await caller.unary(TAKE, Deployment())
    finally:
        await caller.aclose()
    return caught.value


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in CASES])
async def test_the_server_names_what_is_wrong_with_a_body(case: BadJson, stream_port: int) -> None:
    answer = await posted(stream_port, case.text)
    assert answer.status == 400
    error: dict[str, Any] = json.loads(answer.body)
    assert error["code"] == Code.INVALID_ARGUMENT
    (detail,) = error["details"]
    assert detail["@type"] == "type.googleapis.com/google.rpc.BadRequest"
    (violation,) = detail["fieldViolations"]
    assert violation.get("field", "") == case.path
    assert violation["description"].startswith(case.problem)


@pytest.mark.parametrize(
    "case", [pytest.param(case, id=case.name) for case in CASES if not case.is_tolerated]
)
async def test_the_client_names_what_is_wrong_with_an_answer(case: BadJson) -> None:
    head = HEAD.format("200 OK") + f"content-length: {len(case.text)}\r\n\r\n"
    with raw_peers.serving(raw_peers.answering(head.encode() + case.text)) as port:
        error = await failure(port)
    assert (error.code, error.from_server) == (Code.INTERNAL, False)
    (detail,) = error.details
    assert isinstance(detail, BadRequest)
    assert detail.field_violations[0].field == case.path
    assert detail.field_violations[0].description.startswith(case.problem)


@pytest.mark.parametrize("is_gzip", [False, True])
async def test_the_server_refuses_a_body_above_its_limit(
    stream_port: int, *, is_gzip: bool
) -> None:
    body = b'{"spec":{"name":"%b"}}' % (b"x" * 20_000_000)
    if is_gzip:
        answer = await posted(stream_port, gzip.compress(body), ("content-encoding", "gzip"))
    else:
        answer = await posted(stream_port, body[:2_000_000])
    assert answer.status == 413
    error: dict[str, Any] = json.loads(answer.body)
    assert error["code"] == Code.RESOURCE_EXHAUSTED
    assert error["message"] == "message is larger than configured max 1000000"


async def test_the_client_does_not_begin_to_read_what_says_that_it_is_too_large() -> None:
    head = HEAD.format("200 OK") + "content-length: 999999999999\r\n\r\n"
    with raw_peers.serving(raw_peers.answering(head.encode())) as port:
        error = await failure(port, WireOptions(max_response_bytes=200_000))
    assert error.code is Code.RESOURCE_EXHAUSTED


async def test_an_error_may_be_longer_than_a_small_limit() -> None:
    body = json.dumps({"code": 5, "message": "x" * 5000}).encode()
    head = HEAD.format("404 Not Found") + f"content-length: {len(body)}\r\n\r\n"
    with raw_peers.serving(raw_peers.answering(head.encode() + body)) as port:
        error = await failure(port, WireOptions(max_response_bytes=100))
    assert (error.code, error.from_server, len(error.message)) == (Code.NOT_FOUND, True, 5000)
