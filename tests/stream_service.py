"""A service of all stream kinds.

Messages of streams are StringValues, so nothing has to be generated.
"""

from __future__ import annotations

import asyncio
import collections
from typing import TYPE_CHECKING, Any

from google.protobuf.wrappers_pb2 import StringValue
from google.rpc.error_details_pb2 import ErrorInfo

from coreweave_inference.v1alpha1 import Deployment
from tests.child_server import serving_child
from triwire.codec.protojson import ProtoJsonCodec
from triwire.dial.wires import WIRES
from triwire.errors import Code, RpcError
from triwire.server.asgi import asgi_app
from triwire.server.service import Handler, MethodHandler, ServerContext, Service
from triwire.spec import HttpRule, MethodSpec, StreamKind

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import AbstractContextManager

RPC_WIRES = tuple(wire for wire in WIRES if wire != "rest")
"""What carries every kind of stream; REST has streaming servers only."""

NAME = "acme.v1.StreamService"
ENDED = MethodSpec(NAME, "Ended", StringValue, StringValue)


def _server_stream(name: str) -> MethodSpec[StringValue, StringValue]:
    rule = HttpRule("POST", f"/v1/{name.lower()}", "*")
    return MethodSpec(NAME, name, StringValue, StringValue, StreamKind.SERVER_STREAM, http=rule)


EXPAND = _server_stream("Expand")
FAIL = _server_stream("Fail")
FOREVER = _server_stream("Forever")
TAKE = MethodSpec(
    NAME, "Take", Deployment, Deployment, http=HttpRule("POST", "/v1/deployments", "*")
)
COLLECT = MethodSpec(NAME, "Collect", StringValue, StringValue, StreamKind.CLIENT_STREAM)
CHAT = MethodSpec(NAME, "Chat", StringValue, StringValue, StreamKind.BIDI_STREAM)

_ended: dict[str, asyncio.Event] = collections.defaultdict(asyncio.Event)


def _metadata(context: ServerContext) -> None:
    sent = context.headers.get("x-sent-bin", b"")
    context.response_headers += [("x-head-bin", b"\x00\xff"), ("x-sent-bin", sent)]
    context.response_trailers += [("x-tail-bin", b"\xfe\x00"), ("x-tail", "text")]


async def expand(request: StringValue, context: ServerContext) -> AsyncIterator[StringValue]:
    """Answer each character."""
    _metadata(context)
    for character in request.value:
        yield StringValue(value=character)


async def fail(request: StringValue, context: ServerContext) -> AsyncIterator[StringValue]:
    """Answer once, then fail."""
    _metadata(context)
    yield request
    raise RpcError(Code.ABORTED, "as asked", details=[ErrorInfo(reason="ASKED")])


async def forever(request: StringValue, context: ServerContext) -> AsyncIterator[StringValue]:
    """Answer once, then wait; remember that somebody gave up."""
    del context
    try:
        yield request
        await asyncio.Event().wait()
    finally:
        _ended[request.value].set()


async def ended(request: StringValue, context: ServerContext) -> StringValue:
    """Answer when the `Forever`, `Collect` or `Chat` with this first word has ended."""
    del context
    await _ended[request.value].wait()
    return request


async def take(request: Deployment, context: ServerContext) -> Deployment:
    """Answer the request: for requests that must not come so far."""
    del context
    return request


async def collect(requests: AsyncIterator[StringValue], context: ServerContext) -> StringValue:
    """Join the requests."""
    _metadata(context)
    found: list[str] = []
    try:
        async for request in requests:
            found.append(request.value)  # noqa: PERF401 - what came counts if the rest does not
    finally:
        if found:
            _ended[found[0]].set()
    return StringValue(value=" ".join(found))


async def chat(
    requests: AsyncIterator[StringValue], context: ServerContext
) -> AsyncIterator[StringValue]:
    """Echo each request when it comes."""
    _metadata(context)
    first = ""
    try:
        async for request in requests:
            first = first or request.value
            yield request
    finally:
        _ended[first].set()


def service() -> Service:
    """Return the service; its events are shared by the process."""
    pairs: list[tuple[MethodSpec[Any, Any], Handler]] = [
        (ENDED, ended),
        (EXPAND, expand),
        (FAIL, fail),
        (FOREVER, forever),
        (TAKE, take),
        (COLLECT, collect),
        (CHAT, chat),
    ]
    return Service(NAME, tuple(MethodHandler(spec, function) for spec, function in pairs))


STRICT = ProtoJsonCodec(ignore_unknown_fields=False, ignore_unknown_enum_names=False, strict=True)
app = asgi_app([service()], codec=ProtoJsonCodec(), rest_codec=STRICT, max_body_bytes=1_000_000)


def serving() -> AbstractContextManager[int]:
    """Serve in a child process for the length of the block; yields its port."""
    return serving_child("tests.stream_service:app")
