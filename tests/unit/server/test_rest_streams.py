"""Server streams of the REST application, called in memory."""

from __future__ import annotations

import asyncio
import gzip
import json
import zlib
from typing import TYPE_CHECKING, Any

import pytest
from google.api.httpbody_pb2 import HttpBody
from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status

from tests.vectors.schema import FOLDER, message_class
from triwire.codec.protojson import ProtoJsonCodec
from triwire.errors import Code, RpcError
from triwire.server.rest import RestApplication
from triwire.server.rest.stream import CutStreamError
from triwire.server.service import MethodHandler, ServerContext, Service
from triwire.spec import HttpRule, MethodSpec, StreamKind

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from google.protobuf.message import Message

LINES = ("accept", "application/x-ndjson")
ARRAY = ("accept", "application/json")
CASES = json.loads((FOLDER / "streams.json").read_text(encoding="utf-8"))["cases"]


class Client:
    """One request to the application; what is answered, and a way to go away."""

    def __init__(
        self, *headers: tuple[str, str], verb: str = "GET", trailers: bool = False
    ) -> None:
        self.scope: dict[str, Any] = {
            "type": "http",
            "method": verb,
            "path": "/v1/x",
            "raw_path": b"/v1/x",
            "query_string": b"",
            "headers": [(name.encode(), value.encode()) for name, value in headers],
            "extensions": {"http.response.trailers": {}} if trailers else {},
        }
        self.sent: list[dict[str, Any]] = []
        self.part_came = asyncio.Event()
        self.gone = asyncio.Event()
        self.is_broken = False

    async def receive(self) -> dict[str, Any]:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, event: Any) -> None:
        if self.is_broken:
            raise OSError("the client has gone away")
        self.sent.append(event)
        if event.get("body"):
            self.part_came.set()

    async def call(self, application: RestApplication) -> None:
        await application(self.scope, self.receive, self.send)

    @property
    def status(self) -> int:
        return int(self.sent[0]["status"])

    @property
    def headers(self) -> dict[str, str]:
        return {name.decode(): value.decode() for name, value in self.sent[0]["headers"]}

    @property
    def parts(self) -> list[bytes]:
        return [event["body"] for event in self.sent if event["type"] == "http.response.body"]

    @property
    def body(self) -> bytes:
        return b"".join(self.parts)

    @property
    def trailers(self) -> dict[str, str]:
        last = self.sent[-1]
        assert last["type"] == "http.response.trailers"
        return {name.decode(): value.decode() for name, value in last["headers"]}


def application(
    handler: Callable[..., Any],
    *,
    response_type: type[Message] | None = None,
    response_body: str = "",
) -> RestApplication:
    response = response_type or message_class("Response")
    rule = HttpRule("GET", "/v1/x", response_body=response_body)
    request = message_class("Request")
    method = MethodSpec("s", "M", request, response, StreamKind.SERVER_STREAM, http=rule)
    return RestApplication(
        [Service("s", (MethodHandler(method, handler),))], codec=ProtoJsonCodec(strict=True)
    )


async def two(request: Any, context: ServerContext) -> AsyncIterator[Any]:
    del request
    context.response_headers.append(("X-Head", "1"))
    context.response_trailers.append(("X-Tail-bin", b"\xff"))
    for text in ("a", "b"):
        yield message_class("Response")(id=text)


async def failing(request: Any, context: ServerContext) -> AsyncIterator[Any]:
    async for message in two(request, context):
        yield message
        raise RpcError(Code.ABORTED, "as asked", details=[ErrorInfo(reason="R")])


@pytest.mark.parametrize(
    "case",
    [pytest.param(case, id=case["name"]) for case in CASES if case["direction"] == "both"],
)
async def test_a_body_is_written_as_the_vector_says(case: dict[str, Any]) -> None:
    from google.protobuf import json_format

    async def handler(request: Any, context: ServerContext) -> AsyncIterator[Any]:
        del request, context
        for tree in case["messages"]:
            yield json_format.ParseDict(tree, message_class("Response")())
        error = case.get("stream_error")
        if error is not None:
            raise RpcError(Code[error["code"]], error["message"])

    client = Client(("accept", case["content_type"]))
    await client.call(application(handler, response_body=case["response_body"]))
    assert client.status == 200
    assert client.headers["content-type"] == case["content_type"]
    assert client.body.decode() == case["raw_body"]


async def test_every_message_is_sent_when_it_is_there() -> None:
    client = Client(LINES)
    await client.call(application(two))
    assert client.parts == [b'{"result":{"id":"a"}}\n', b'{"result":{"id":"b"}}\n', b""]
    assert client.headers == {"content-type": "application/x-ndjson", "x-head": "1"}


async def test_a_handler_may_be_a_plain_generator() -> None:
    def handler(request: Any, context: ServerContext) -> Iterator[Any]:
        del request, context
        yield message_class("Response")(id="a")

    client = Client(ARRAY)
    await client.call(application(handler))
    assert json.loads(client.body) == [{"id": "a"}]


async def test_trailers_go_to_who_asks_for_them() -> None:
    client = Client(LINES, ("te", "trailers"), trailers=True)
    await client.call(application(two))
    assert client.sent[0]["trailers"] is True
    assert client.trailers == {"x-tail-bin": "/w"}
    without = Client(LINES, trailers=True)
    await without.call(application(two))
    assert without.sent[0]["trailers"] is False
    assert without.sent[-1]["type"] == "http.response.body"


async def test_an_error_before_the_first_message_is_an_answer_like_any_other() -> None:
    async def handler(request: Any, context: ServerContext) -> AsyncIterator[Any]:
        del request
        context.response_trailers.append(("x-tail", "t"))
        raise RpcError(Code.NOT_FOUND, "no x")
        yield

    client = Client(LINES)
    await client.call(application(handler))
    assert (client.status, client.headers["content-type"]) == (404, "application/json")
    assert client.headers["trailer-x-tail"] == "t"
    assert json.loads(client.body) == {"code": 5, "message": "no x", "details": []}


@pytest.mark.parametrize("accept", [LINES, ARRAY])
async def test_a_later_error_is_the_last_element(accept: tuple[str, str]) -> None:
    client = Client(accept)
    await client.call(application(failing))
    assert client.status == 200
    text = client.body.decode()
    *_, last = json.loads(text) if accept is ARRAY else map(json.loads, text.splitlines())
    error = last["error"]
    assert (error["code"], error["message"]) == (10, "as asked")
    assert error["details"][0]["reason"] == "R"


async def test_a_bug_after_messages_is_internal_and_tells_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def handler(request: Any, context: ServerContext) -> AsyncIterator[Any]:
        del request, context
        yield message_class("Response")(id="a")
        raise LookupError("secret")

    client = Client(LINES)
    await client.call(application(handler))
    assert json.loads(client.body.splitlines()[-1])["error"]["message"] == "internal error"
    assert "secret" in caplog.text


async def test_the_deadline_ends_a_stream_and_its_handler() -> None:
    ends: list[str] = []

    async def handler(request: Any, context: ServerContext) -> AsyncIterator[Any]:
        del request, context
        try:
            yield message_class("Response")(id="a")
            await asyncio.Event().wait()
        finally:
            ends.append("closed")

    client = Client(LINES, ("grpc-timeout", "50m"))
    await client.call(application(handler))
    error = json.loads(client.body.splitlines()[-1])["error"]
    assert (error["code"], error["message"]) == (4, "no answer within 0.05 s")
    assert ends == ["closed"]


@pytest.mark.parametrize("is_broken", [False, True])
async def test_a_client_that_goes_away_ends_the_handler(*, is_broken: bool) -> None:
    ends: list[str] = []
    client = Client(LINES)

    async def handler(request: Any, context: ServerContext) -> AsyncIterator[Any]:
        del request, context
        try:
            yield message_class("Response")(id="a")
            if is_broken:
                client.is_broken = True
                yield message_class("Response")(id="b")
            await asyncio.Event().wait()
        finally:
            ends.append("closed")

    running = asyncio.ensure_future(client.call(application(handler)))
    await client.part_came.wait()
    if not is_broken:
        client.gone.set()
    await running
    assert ends == ["closed"]
    assert client.parts == [b'{"result":{"id":"a"}}\n']


async def test_a_cancelled_server_ends_the_handler_and_is_cancelled() -> None:
    client = Client(LINES)

    async def handler(request: Any, context: ServerContext) -> AsyncIterator[Any]:
        del request, context
        yield message_class("Response")(id="a")
        await asyncio.Event().wait()

    running = asyncio.ensure_future(client.call(application(handler)))
    await client.part_came.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_a_compressed_stream_lets_no_message_wait() -> None:
    client = Client(LINES, ("accept-encoding", "gzip"))
    await client.call(application(two))
    assert client.headers["content-encoding"] == "gzip"
    assert gzip.decompress(client.body) == b'{"result":{"id":"a"}}\n{"result":{"id":"b"}}\n'
    inflate = zlib.decompressobj(31)
    assert inflate.decompress(client.parts[0]) == b'{"result":{"id":"a"}}\n'


async def test_head_has_the_headers_and_no_body() -> None:
    client = Client(LINES, verb="HEAD")
    await client.call(application(two))
    assert (client.status, client.headers["x-head"], client.body) == (200, "1", b"")


async def test_bodies_of_any_type_are_sent_as_they_are() -> None:
    async def handler(request: Any, context: ServerContext) -> AsyncIterator[HttpBody]:
        del request, context
        yield HttpBody(content_type="text/csv", data=b"a,")
        yield HttpBody(data=b"b\n")

    client = Client(("accept-encoding", "gzip"))
    await client.call(application(handler, response_type=HttpBody))
    assert client.headers["content-type"] == "text/csv"
    assert client.body == b"a,b\n"


async def test_where_the_body_cannot_say_an_error_it_is_cut_off() -> None:
    async def raw(request: Any, context: ServerContext) -> AsyncIterator[HttpBody]:
        del request, context
        yield HttpBody(data=b"a,")
        raise RpcError(Code.ABORTED, "as asked")

    client = Client()
    with pytest.raises(CutStreamError, match="as asked"):
        await client.call(application(raw, response_type=HttpBody))
    assert client.sent[-1]["more_body"] is True


async def test_an_array_of_messages_with_an_error_field_says_no_error() -> None:
    from google.longrunning.operations_pb2 import Operation

    async def handler(request: Any, context: ServerContext) -> AsyncIterator[Operation]:
        del request, context
        yield Operation(error=Status(code=5, message="of the operation"))
        raise RpcError(Code.ABORTED, "as asked")

    client = Client(ARRAY)
    with pytest.raises(CutStreamError):
        await client.call(application(handler, response_type=Operation))
    client = Client(LINES)
    await client.call(application(handler, response_type=Operation))
    first, last = map(json.loads, client.body.splitlines())
    assert first == {"result": {"error": {"code": 5, "message": "of the operation"}}}
    assert last["error"]["code"] == 10


async def test_a_message_that_json_cannot_say_is_an_internal_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def handler(request: Any, context: ServerContext) -> AsyncIterator[Timestamp]:
        del request, context
        yield Timestamp(seconds=0)
        yield Timestamp(seconds=2**60)

    client = Client(LINES)
    await client.call(application(handler, response_type=Timestamp))
    assert json.loads(client.body.splitlines()[-1])["error"]["code"] == 13
    assert "cannot be written" in caplog.text
