"""Services answered as Connect, gRPC and gRPC-Web, through connectrpc's ASGI application.

What connectrpc answers with an empty body gets one here, in the shape of the protocol that
asked, and `receive` is never cancelled under the server's feet.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

from triwire._io import async_messages, async_resolve
from triwire._typing import override
from triwire.codec.binary import BinaryCodec
from triwire.errors import Code, RpcError
from triwire.server.service import ServerContext
from triwire.spec import Idempotency, StreamKind
from triwire.transports.metadata import application_metadata, to_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from connectrpc.errors import ConnectError
    from connectrpc.request import Headers, RequestContext
    from google.protobuf.message import Message

    from triwire.codec import Codec
    from triwire.server.service import MethodHandler, Service
    from triwire.spec import MethodSpec

__all__ = ["Receiver", "RpcApplication", "RpcRefusal", "Sender", "wire_of"]

Scope: TypeAlias = MutableMapping[str, Any]
Event: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Event]]
Send: TypeAlias = Callable[[Event], Awaitable[None]]
# What a handler takes: a message, or an iterator of them.
_Given: TypeAlias = Any
MessageT = TypeVar("MessageT", bound="Message")

_log: Final = logging.getLogger("triwire.server")

_GRPC: Final = "application/grpc"
_GRPC_WEB: Final = "application/grpc-web"


def wire_of(content_type: str) -> str:
    """Return the wire that a request's content type belongs to: "grpc", "grpc-web" or "connect".

    Connect is what remains, as its unary calls have the content types of plain HTTP.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind == _GRPC_WEB or kind.startswith((f"{_GRPC_WEB}+", f"{_GRPC_WEB}-text")):
        return "grpc-web"
    if kind == _GRPC or kind.startswith(f"{_GRPC}+"):
        return "grpc"
    return "connect"


@dataclass(frozen=True, slots=True)
class RpcRefusal:
    """A request that is no call of a method, answered in its own protocol.

    Attributes:
        http_status: Status on Connect; gRPC and gRPC-Web always answer 200 with a grpc-status.
        code: What a client of any protocol reads.
        message: For people.
        headers: Further response headers.
        is_plain: Whether the body on Connect is plain text, for who asked in no protocol.
    """

    http_status: int
    code: Code
    message: str
    headers: tuple[tuple[str, str], ...] = ()
    is_plain: bool = False

    async def send(self, wire: str, send: Send) -> None:
        """Answer with it."""
        if wire == "connect" and self.is_plain:
            body = self.message.encode()
            status, headers = self.http_status, [("content-type", "text/plain; charset=utf-8")]
        elif wire == "connect":
            # Connect protocol, "Error End-Stream": the same object is the body of unary errors.
            name = "canceled" if self.code is Code.CANCELLED else self.code.name.lower()
            body = json.dumps({"code": name, "message": self.message}).encode()
            status, headers = self.http_status, [("content-type", "application/json")]
        else:
            # gRPC over HTTP/2, "Trailers-Only".
            body = b""
            status = 200
            headers = [
                ("content-type", _GRPC if wire == "grpc" else f"{_GRPC_WEB}+proto"),
                ("grpc-status", str(int(self.code))),
                ("grpc-message", _percent_encoded(self.message)),
            ]
        pairs = [*headers, *self.headers, ("content-length", str(len(body)))]
        raw = [(name.encode("ascii"), value.encode("ascii")) for name, value in pairs]
        await send({"type": "http.response.start", "status": status, "headers": raw})
        await send({"type": "http.response.body", "body": body, "more_body": False})


def _percent_encoded(text: str) -> str:
    """Encode as gRPC over HTTP/2 wants Status-Message: printable ASCII but "%" stays."""
    return "".join(
        chr(byte) if 0x20 <= byte <= 0x7E and byte != 0x25 else f"%{byte:02X}"  # noqa: PLR2004 - space, tilde, percent sign
        for byte in text.encode()
    )


class RpcApplication:
    """An ASGI application that serves methods at "/package.Service/Method".

    Args:
        services: What to serve.
        codec: Reads and writes JSON; binary needs no choice.
        max_body_bytes: Largest request message, after decompression.

    Raises:
        ValueError: two methods have one path.
    """

    def __init__(self, services: Iterable[Service], *, codec: Codec, max_body_bytes: int) -> None:
        # 110 ms to import.
        from connectrpc.server import ConnectASGIApplication

        # Any: connectrpc's union of four endpoint classes is not public.
        endpoints: dict[str, Any] = {}
        methods: dict[str, MethodSpec[Any, Any]] = {}
        names: set[str] = set()
        for service in services:
            names.add(service.name)
            for handler in service.methods:
                method = handler.method
                if method.path in endpoints:
                    raise ValueError(f"two methods at {method.path}")
                endpoints[method.path] = _endpoint(handler)
                methods[method.path] = method
        self._methods = methods
        self._names = frozenset(names)
        self._max_body_bytes = max_body_bytes

        class Application(ConnectASGIApplication[None]):
            """connectrpc's application, with the endpoints of all services."""

            @property
            @override
            def path(self) -> str:
                """Unused: the endpoints have full paths."""
                return "/"

        self._application = Application(
            service=None,
            endpoints=lambda _: endpoints,
            read_max_bytes=max_body_bytes,
            codecs=[_ServerCodec(BinaryCodec()), _ServerCodec(codec)],
        )

    def is_rpc(self, path: str, wire: str, headers: dict[bytes, bytes]) -> bool:
        """Return whether a request is meant for this application.

        It is if its path names one of the services, or if it can only come from a client of
        one of the three protocols.
        """
        service, slash, _ = path[1:].partition("/")
        return (
            (bool(slash) and service in self._names)
            or wire != "connect"
            or b"connect-protocol-version" in headers
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        headers = {name.lower(): value for name, value in scope["headers"]}
        content_type = headers.get(b"content-type", b"").decode("latin-1")
        wire = wire_of(content_type)
        refusal = self._refusal(scope, content_type)
        if refusal is not None:
            await _drain(receive, self._max_body_bytes)
            await refusal.send(wire, send)
            return
        receiver = Receiver(receive)
        sender: Send = send
        method = self._method(scope)
        if method is not None and method.stream_kind is StreamKind.UNARY:
            sender = Sender(receiver, send, max_bytes=self._max_body_bytes)
        await self._application(scope, receiver, sender)

    def _method(self, scope: Scope) -> MethodSpec[Any, Any] | None:
        path = str(scope["path"])
        root = str(scope.get("root_path", ""))
        return self._methods.get(path) or self._methods.get(path.removeprefix(root))

    def _refusal(self, scope: Scope, content_type: str) -> RpcRefusal | None:
        method = self._method(scope)
        if method is None:
            text = f"unknown method {str(scope['path'])[:200]}"
            return RpcRefusal(404, Code.UNIMPLEMENTED, text)
        is_unary = method.stream_kind is StreamKind.UNARY
        # Connect protocol, "HTTP to Error Code": the statuses below have no code of their own,
        # and an error in the body must not say otherwise.
        code = Code.UNKNOWN if wire_of(content_type) == "connect" else Code.UNIMPLEMENTED
        verbs = ["POST"]
        if is_unary and method.idempotency is Idempotency.NO_SIDE_EFFECTS:
            # Connect protocol, "Unary-Get-Request".
            verbs.insert(0, "GET")
        if scope["method"] not in verbs:
            text = f"{scope['method']} is not served here: expected {' or '.join(verbs)}"
            return RpcRefusal(405, code, text, (("allow", ", ".join(verbs)),))
        kind = content_type.partition(";")[0].strip().lower()
        known = _CONTENT_TYPES[is_unary]
        if scope["method"] == "POST" and kind not in known:
            wire = wire_of(content_type)
            expected = ", ".join(name for name in known if wire_of(name) == wire)
            text = f"unknown content-type {content_type[:80]!r}: expected {expected}"
            # The W3C's Linked Data Platform 1.0, section 7.1, defines Accept-Post.
            return RpcRefusal(
                415,
                code,
                text,
                (("accept-post", ", ".join(known)),),
                # Only a broken RPC client sends such a type: which protocol it reads is unknown.
                is_plain=bool(kind) and not kind.startswith(("application/", "text/")),
            )
        return None


# Content types by whether a method is unary. Codec names are the part behind "+", or behind
# "application/" in unary calls of Connect.
_GRPC_TYPES: Final = tuple(
    f"{prefix}{end}" for prefix in (_GRPC, _GRPC_WEB) for end in ("", "+proto", "+json")
)
_CONTENT_TYPES: Final = {
    True: ("application/json", "application/proto", *_GRPC_TYPES),
    False: ("application/connect+json", "application/connect+proto", *_GRPC_TYPES),
}


class _ServerCodec:
    """A codec of ours as connectrpc takes it; what cannot be read is the client's fault."""

    def __init__(self, codec: Codec) -> None:
        self._codec = codec

    def name(self) -> str:
        """Name in content types."""
        return self._codec.name

    def encode(self, message: Message) -> bytes:
        """Write a response."""
        try:
            return self._codec.encode(message)
        except ValueError as error:
            _log.exception("a response cannot be written")
            raise _connect_error(RpcError(Code.INTERNAL, "internal error")) from error

    def decode(self, data: bytes | bytearray, message_class: type[MessageT]) -> MessageT:
        """Read a request."""
        try:
            return self._codec.decode(bytes(data), message_class)
        except RpcError as error:
            code = Code.INVALID_ARGUMENT if error.code is Code.INTERNAL else error.code
            raise _connect_error(RpcError(code, error.message, details=error.details)) from error


def _endpoint(handler: MethodHandler) -> object:
    from connectrpc.method import IdempotencyLevel, MethodInfo, StreamType
    from connectrpc.server import Endpoint

    method = handler.method
    info = MethodInfo(
        name=method.name,
        service_name=method.service,
        input=method.request_type,
        output=method.response_type,
        idempotency_level=IdempotencyLevel[method.idempotency.name],
        stream_type=StreamType[method.stream_kind.name],
    )
    function: Any = handler.function

    async def answer(given: _Given, outer: RequestContext[Any, Any]) -> Message:
        async with _running(method, outer) as context:
            message: Message = await async_resolve(function(given, context))
            return message
        raise AssertionError  # for type checkers: the block does not swallow what it raises

    async def answers(given: _Given, outer: RequestContext[Any, Any]) -> AsyncIterator[Message]:
        async with _running(method, outer) as context:
            responses = async_messages(function(given, context))
            try:
                async for response in responses:
                    # connectrpc sends the headers with the first message.
                    _move(context.response_headers, outer.response_headers)
                    yield response
            finally:
                await responses.aclose()

    match method.stream_kind:
        case StreamKind.UNARY:
            return Endpoint.unary(info, answer)
        case StreamKind.CLIENT_STREAM:
            return Endpoint.client_stream(info, answer)
        case StreamKind.SERVER_STREAM:
            return Endpoint.server_stream(info, answers)
        case StreamKind.BIDI_STREAM:
            return Endpoint.bidi_stream(info, answers)


@asynccontextmanager
async def _running(
    method: MethodSpec[Any, Any], outer: RequestContext[Any, Any]
) -> AsyncGenerator[ServerContext, None]:
    """Make the context of one call, translate its errors, and hand its metadata over."""
    timeout_ms = outer.timeout_ms
    context = ServerContext(
        method,
        wire_of(outer.request_headers.get("content-type", "")),
        application_metadata(outer.request_headers.allitems()),
        None if timeout_ms is None else timeout_ms / 1000,
    )
    from connectrpc.errors import ConnectError

    try:
        yield context
    except RpcError as error:
        raise _connect_error(error) from error
    except ConnectError:
        # Out of the request stream: a malformed frame, a message above the limit.
        raise
    except Exception as error:
        _log.exception("handler of %s failed", method.path)
        raise _connect_error(RpcError(Code.INTERNAL, "internal error")) from error
    finally:
        _move(context.response_headers, outer.response_headers)
        _move(context.response_trailers, outer.response_trailers)


def _move(pairs: list[tuple[str, str | bytes]], target: Headers) -> None:
    for name, value in to_text(tuple(pairs)):
        target.add(name.lower(), value)
    pairs.clear()


def _connect_error(error: RpcError) -> ConnectError:
    """Return an error as connectrpc sends it, details unchanged."""
    from connectrpc.code import Code as ConnectCode
    from connectrpc.errors import ConnectError, ErrorDetail
    from google.protobuf.any_pb2 import Any as AnyMessage
    from protobuf.wkt import Any as WireAny

    details: list[ErrorDetail] = []
    for detail in error.details:
        packed = detail
        if not isinstance(packed, AnyMessage):
            packed = AnyMessage()
            packed.Pack(detail)
        details.append(ErrorDetail(WireAny(type_url=packed.type_url, value=packed.value)))
    name = "CANCELED" if error.code is Code.CANCELLED else error.code.name
    return ConnectError(ConnectCode[name], error.message, details)


class Receiver:
    """`receive` that survives its caller's cancellation.

    connectrpc watches for a disconnect in a task that it cancels when the call is done. A
    cancelled `receive()` of pyvoy logs an InvalidStateError when its event arrives after all,
    and any server may lose that event. So one call is made at a time, shielded, and the next
    caller gets its result.
    """

    __slots__ = ("_pending", "_receive", "complete")

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._pending: asyncio.Future[Event] | None = None
        self.complete = False

    async def __call__(self) -> Event:
        """Return the next event."""
        pending = self._pending
        if pending is None:
            pending = self._pending = asyncio.ensure_future(self._receive())
        event = await asyncio.shield(pending)
        self._pending = None
        if event["type"] != "http.request" or not event.get("more_body", False):
            self.complete = True
        return event


class Sender:
    """`send` that first takes in the rest of a request that is refused early.

    An answer while the client still writes can be lost to it: the connection is reset under
    its feet. Not for RPC methods that stream: they may be answered before they end.

    Args:
        receiver: Where the request comes from.
        send: The server's.
        max_bytes: Largest request; a few times as much is taken in and dropped.
        from_status: Lowest status of an answer that is a refusal. gRPC's have 200, and RPC
            methods never answer early otherwise; REST's GET leaves its empty body unread.
    """

    __slots__ = ("_from_status", "_max_bytes", "_receiver", "_send")

    def __init__(
        self, receiver: Receiver, send: Send, *, max_bytes: int, from_status: int = 200
    ) -> None:
        self._receiver = receiver
        self._send = send
        self._max_bytes = max_bytes
        self._from_status = from_status

    async def __call__(self, event: Event) -> None:
        """Send an event."""
        if (
            event["type"] == "http.response.start"
            and event["status"] >= self._from_status
            and not self._receiver.complete
        ):
            await _drain(self._receiver, self._max_bytes)
        await self._send(event)


_DRAIN_SECONDS: Final = 5.0
_DRAIN_FACTOR: Final = 16


async def _drain(receive: Receive, max_bytes: int) -> None:
    """Read and drop the rest of a request: a few times the limit, for a moment, not for ever."""
    left = _DRAIN_FACTOR * max_bytes
    try:
        async with asyncio.timeout(_DRAIN_SECONDS):
            while left > 0:
                event = await receive()
                if event["type"] != "http.request" or not event.get("more_body", False):
                    return
                left -= len(event.get("body", b""))
    except TimeoutError:
        return
