"""google.api.HttpBody: bodies of any type, as the whole message or as one field of it."""

from __future__ import annotations

import gzip
from typing import Any

import pytest
from google.api.httpbody_pb2 import HttpBody
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from triwire._http import HttpResponse
from triwire.codec.protojson import ProtoJsonCodec
from triwire.errors import RpcError
from triwire.server.rest import RestApplication
from triwire.server.service import MethodHandler, ServerContext, Service
from triwire.spec import HttpRule, Metadata, MethodSpec, StreamKind
from triwire.transports.options import WireOptions
from triwire.transports.rest.decoder import StreamDecoder
from triwire.transports.rest.wire import RestRequest, Wire

CODEC = ProtoJsonCodec()
WIRE = Wire(CODEC, user_agent="test")
PNG = b"\x89PNG\r\n\x00\xff"


def _upload_class() -> Any:
    pool = descriptor_pool.Default()
    name = "triwire/test/upload.proto"
    try:
        pool.FindFileByName(name)
    except KeyError:
        file = descriptor_pb2.FileDescriptorProto(name=name, package="triwire.test.upload")
        file.syntax = "proto3"
        file.dependency.append("google/api/httpbody.proto")
        kind = descriptor_pb2.FieldDescriptorProto
        upload = file.message_type.add(name="Upload")
        upload.field.add(name="id", number=1, type=kind.TYPE_STRING, label=kind.LABEL_OPTIONAL)
        upload.field.add(
            name="file",
            number=2,
            type=kind.TYPE_MESSAGE,
            type_name=".google.api.HttpBody",
            label=kind.LABEL_OPTIONAL,
        )
        pool.AddSerializedFile(file.SerializeToString())
    descriptor = pool.FindMessageTypeByName("triwire.test.upload.Upload")
    return message_factory.GetMessageClass(descriptor)


def _whole() -> MethodSpec[Any, Any]:
    return MethodSpec("t.S", "Whole", HttpBody, HttpBody, http=HttpRule("POST", "/v1/whole", "*"))


def _field() -> MethodSpec[Any, Any]:
    rule = HttpRule("PUT", "/v1/files/{id}", "file", response_body="file")
    return MethodSpec("t.S", "Field", _upload_class(), _upload_class(), http=rule)


def _sent(method: MethodSpec[Any, Any], message: Any) -> RestRequest:
    return WIRE.request(method, message, headers=(), timeout_seconds=None)


async def _answer(
    handler: Any, verb: str, path: str, headers: dict[str, str], body: bytes, *, limit: int = 1000
) -> tuple[int, dict[str, str], bytes]:
    methods = tuple(MethodHandler(method, handler) for method in (_whole(), _field()))
    application = RestApplication([Service("t.S", methods)], codec=CODEC, max_body_bytes=limit)
    events: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": body}

    async def send(event: Any) -> None:
        events.append(event)

    scope: dict[str, Any] = {
        "type": "http",
        "method": verb,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    await application(scope, receive, send)
    found = {name.decode(): value.decode() for name, value in events[0]["headers"]}
    return events[0]["status"], found, events[1]["body"]


def test_a_request_that_is_one_is_sent_as_its_bytes() -> None:
    sent = _sent(_whole(), HttpBody(content_type="image/png", data=PNG))
    assert sent.body == PNG
    assert dict(sent.headers)["content-type"] == "image/png"
    assert dict(sent.headers)["accept"] == "*/*"


def test_a_field_that_is_one_is_sent_as_its_bytes_and_has_a_type_by_default() -> None:
    sent = _sent(_field(), _upload_class()(id="x", file={"data": PNG}))
    assert (sent.target, sent.body) == ("/v1/files/x", PNG)
    assert dict(sent.headers)["content-type"] == "application/octet-stream"


@pytest.mark.parametrize("method", [_whole(), _field()], ids=["whole", "field"])
def test_a_response_is_the_message_that_holds_it(method: MethodSpec[Any, Any]) -> None:
    sent = _sent(method, method.request_type(**({"id": "x"} if method.name == "Field" else {})))
    came = HttpResponse(200, [("content-type", "text/html; charset=utf-8")], b"<p>\xff")
    found = WIRE.decode(method, WIRE.response(method, sent, came).body)
    part = found.file if method.name == "Field" else found
    assert part == HttpBody(content_type="text/html; charset=utf-8", data=b"<p>\xff")


def test_an_error_is_still_an_error() -> None:
    sent = _sent(_whole(), HttpBody())
    body = b'{"code":5,"message":"gone"}'
    with pytest.raises(RpcError, match="gone"):
        WIRE.response(_whole(), sent, HttpResponse(404, [], body))


async def test_the_server_takes_and_sends_any_type() -> None:
    seen: list[Any] = []

    def handler(request: Any, _: ServerContext) -> Any:
        seen.append(request)
        return HttpBody(content_type="text/plain", data=request.data[::-1])

    headers = {"content-type": "image/png"}
    status, found, body = await _answer(handler, "POST", "/v1/whole", headers, PNG)
    assert (status, body) == (200, PNG[::-1])
    assert found["content-type"] == "text/plain"
    assert seen == [HttpBody(content_type="image/png", data=PNG)]


async def test_the_server_puts_it_into_the_field_beside_the_path() -> None:
    seen: list[Any] = []

    def handler(request: Any, _: ServerContext) -> Any:
        seen.append(request)
        return request

    zipped = {"content-type": "a/b", "content-encoding": "gzip"}
    status, found, body = await _answer(handler, "PUT", "/v1/files/x", zipped, gzip.compress(PNG))
    assert (status, body, found["content-type"]) == (200, PNG, "a/b")
    assert seen == [_upload_class()(id="x", file={"content_type": "a/b", "data": PNG})]


async def test_without_a_type_the_answer_is_bytes_and_the_limit_holds() -> None:
    def handler(_: Any, __: ServerContext) -> Any:
        return HttpBody(data=b"x")

    _, found, _ = await _answer(handler, "POST", "/v1/whole", {}, b"")
    assert found["content-type"] == "application/octet-stream"
    status, _, _ = await _answer(handler, "POST", "/v1/whole", {}, b"x" * 11, limit=10)
    assert status == 413


def test_the_pieces_of_a_stream_are_messages_of_its_content_type() -> None:
    rule = HttpRule("GET", "/v1/export")
    method = MethodSpec("t.S", "Export", HttpBody, HttpBody, StreamKind.SERVER_STREAM, http=rule)
    sent = _sent(method, HttpBody())
    assert ("accept", "*/*") in sent.headers
    decoder = StreamDecoder(WIRE, method, sent, options=WireOptions())
    assert decoder.start(HttpResponse(200, [("content-type", "text/csv")], b""))
    decoder.feed(b"a,")
    decoder.feed(b"b\n")
    found = [WIRE.decode(method, text) for text in iter(decoder.next, None)]
    assert decoder.finish(Metadata()) is None
    assert found == [
        HttpBody(content_type="text/csv", data=b"a,"),
        HttpBody(content_type="text/csv", data=b"b\n"),
    ]
