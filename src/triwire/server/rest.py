"""Services answered as REST: an ASGI application by the methods' google.api.http rules.

Choices where google.api.http is silent:

- An unknown route is 404, a known path with another verb 405 with `Allow`, both UNIMPLEMENTED
  in the body: NOT_FOUND is what methods say of resources. HEAD is answered as GET without the
  body, OPTIONS with `Allow`.
- A request body must be JSON (415 otherwise), plain or gzip; an empty one is an empty message.
  A body sent to a method that takes none is not read.
- A google.api.HttpBody, as body or field, is taken and sent as it is, under its content type.
- A path field that the body gives too must say the same there (INVALID_ARGUMENT otherwise).
- Unknown fields and query parameters are refused or skipped as the codec is told.
- `Grpc-Timeout` (as grpc-gateway reads it) limits the call: DEADLINE_EXCEEDED after it.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
import re
import zlib
from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypeAlias
from urllib.parse import quote

from triwire._io import async_resolve
from triwire.errors import Code, RpcError
from triwire.server.service import ServerContext
from triwire.spec import StreamKind
from triwire.transcode.fields import RequestError, TextReader
from triwire.transcode.server import ServerRouter
from triwire.transports.metadata import application_metadata, to_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from google.protobuf.message import Message

    from triwire.codec import JsonCodec
    from triwire.codec.reflection import AnyMessage
    from triwire.server.service import MethodHandler, Service
    from triwire.transcode.server import ServerRoute

__all__ = ["RestApplication"]

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_log: Final = logging.getLogger("triwire.server")

_JSON: Final = "application/json"
# What may stand unencoded in a path, beside letters and digits (RFC 3986, section 3.3).
_PATH_SAFE: Final = "/:@!$&'()*+,;=-._~"
_TIMEOUT: Final = re.compile(r"(\d{1,8})([HMSmun])", re.ASCII)
_TIMEOUT_UNITS: Final = {"H": 3600.0, "M": 60.0, "S": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9}
_NO_CONTENT: Final = 204
_GZIP_WINDOW: Final = 31  # zlib: 15 bits of window, 16 to expect gzip's header


class _Answer(NamedTuple):
    """A response before it is sent."""

    status: int
    body: bytes
    headers: list[tuple[str, str]]


class _HttpError(Exception):
    """An error whose HTTP status is not the one of its code, or that has headers of its own."""

    def __init__(
        self, status: int, error: RpcError, headers: tuple[tuple[str, str], ...] = ()
    ) -> None:
        super().__init__(str(error))
        self.status = status
        self.error = error
        self.headers = headers


class _DisconnectedError(Exception):
    """The client went away before its request was complete."""


class RestApplication:
    """An ASGI application that serves unary methods with a google.api.http rule.

    Args:
        services: What to serve; methods without a rule, and streams, are left out.
        codec: Reads and writes JSON. For a server: `ignore_unknown_fields=False`,
            `ignore_unknown_enum_names=False` and `strict=True` unless clients are known to
            rely on laxness.
        max_body_bytes: Largest request body, after decompression.
        error_style: "rpc" writes the google.rpc number as "code" of error bodies, "http" the
            HTTP status.

    Raises:
        ValueError: A rule does not fit its messages, two rules match the same requests, or an
            unknown error style.
    """

    def __init__(
        self,
        services: Iterable[Service],
        *,
        codec: JsonCodec,
        max_body_bytes: int = 4 * 1024 * 1024,
        error_style: Literal["rpc", "http"] = "rpc",
    ) -> None:
        if error_style not in {"rpc", "http"}:
            message = f"unknown error_style {error_style!r}: expected 'rpc' or 'http'"
            raise ValueError(message)
        self._codec = codec
        self._max_body_bytes = max_body_bytes
        self._http_codes = error_style == "http"
        reader = TextReader(
            enum_aliases=codec.enum_aliases,
            ignore_unknown_fields=codec.ignore_unknown_fields,
            ignore_unknown_enum_names=codec.ignore_unknown_enum_names,
        )
        self._router: ServerRouter[MethodHandler] = ServerRouter(
            (
                (handler.method, handler)
                for service in services
                for handler in service.methods
                if handler.method.stream_kind is StreamKind.UNARY
            ),
            reader,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request; see the ASGI specification, version 3."""
        if scope["type"] != "http":
            message = f"expected an ASGI scope of type 'http', got {scope['type']!r}"
            raise ValueError(message)
        try:
            answer = await self._answer(scope, receive)
        except _DisconnectedError:
            return
        headers = [
            (name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers
        ]
        if answer.status != _NO_CONTENT:  # RFC 9110, section 8.6: no Content-Length in a 204
            headers.append((b"content-length", b"%d" % len(answer.body)))
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        body = b"" if scope["method"] == "HEAD" else answer.body
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, scope: Scope, receive: Receive) -> _Answer:
        context: ServerContext | None = None
        try:
            path = _raw_path(scope)
            verb = str(scope["method"])
            route = self._route(verb, path)
            if route is None:
                return self._options(path)
            context = _context(route.target, scope)
            request = await self._request(route, scope, receive)
            response = await _call(route.target, request, context)
            body = self._encode(route, response, context)
        except _HttpError as failure:
            return self._error(failure.error, context, failure.status, failure.headers)
        except RequestError as error:
            return self._error(_invalid(error), context)
        except RpcError as error:
            return self._error(error, context)
        kind, data = body
        return _Answer(200, data, [("content-type", kind), *_headers_of(context)])

    def _route(self, verb: str, path: str) -> ServerRoute[MethodHandler] | None:
        """Return the route, or None for an OPTIONS request to be answered here."""
        route = self._router.find(verb, path)
        if route is None and verb == "HEAD":
            route = self._router.find("GET", path)
        if route is not None:
            return route
        allowed = self._allowed(path)
        if not allowed:
            text = f"no method is served at {verb} {path[:200]}"
            raise _HttpError(404, RpcError(Code.UNIMPLEMENTED, text))
        if verb == "OPTIONS":
            return None
        text = f"{verb} is not served here: expected one of {', '.join(allowed)}"
        raise _HttpError(405, RpcError(Code.UNIMPLEMENTED, text), (("allow", ", ".join(allowed)),))

    def _allowed(self, path: str) -> list[str]:
        found = set(self._router.allowed(path))
        if "GET" in found:
            found.add("HEAD")
        return sorted({*found, "OPTIONS"}) if found else []

    def _options(self, path: str) -> _Answer:
        return _Answer(_NO_CONTENT, b"", [("allow", ", ".join(self._allowed(path)))])

    async def _request(
        self, route: ServerRoute[MethodHandler], scope: Scope, receive: Receive
    ) -> Message:
        binding = route.binding
        request_type = route.target.method.request_type
        message: Message = request_type()
        if binding.body_field is not None:
            body = await self._body(scope, receive, any_type=binding.is_raw)
            if binding.is_raw:
                part = getattr(message, binding.body_field) if binding.body_field else message
                _set_http_body(part, _header(scope, b"content-type"), body)
            elif body:
                message = self._decode(route, body)
        query = scope.get("query_string", b"").decode("latin-1")
        binding.fill(route.segments, query, message)
        return message

    def _decode(self, route: ServerRoute[MethodHandler], body: bytes) -> Message:
        request_type = route.target.method.request_type
        field_name = route.binding.body_field
        try:
            message: Message = (
                self._codec.decode_field(body, request_type, field_name)
                if field_name
                else self._codec.decode(body, request_type)
            )
        except RpcError as error:
            if error.code is Code.RESOURCE_EXHAUSTED:
                raise _HttpError(413, error) from error
            # The codec's word for bytes that are no message; here they are the client's.
            raise RpcError(Code.INVALID_ARGUMENT, error.message, details=error.details) from error
        return message

    async def _body(self, scope: Scope, receive: Receive, *, any_type: bool) -> bytes:
        length = _header(scope, b"content-length")
        if length.isascii() and length.isdigit() and int(length[:18]) > self._max_body_bytes:
            raise self._too_large()
        parts: list[bytes] = []
        total = 0
        more = True
        while more:
            event = await receive()
            if event["type"] == "http.disconnect":
                raise _DisconnectedError
            part = event.get("body", b"")
            total += len(part)
            if total > self._max_body_bytes:
                raise self._too_large()
            parts.append(part)
            more = event.get("more_body", False)
        body = b"".join(parts)
        if not body:
            return body
        if not any_type:
            _check_json(_header(scope, b"content-type"))
        encoding = _header(scope, b"content-encoding").strip().lower()
        if encoding in {"", "identity"}:
            return body
        if encoding == "gzip":
            return self._gunzip(body)
        text = f"unknown content-encoding {encoding[:40]!r}: expected gzip or identity"
        error = RpcError(Code.INVALID_ARGUMENT, text)
        # RFC 9110, section 12.5.3: Accept-Encoding in a 415 says what would do.
        raise _HttpError(415, error, (("accept-encoding", "gzip"),))

    def _gunzip(self, body: bytes) -> bytes:
        """Decompress without ever holding more than the limit."""
        stream = zlib.decompressobj(_GZIP_WINDOW)
        try:
            data = stream.decompress(body, self._max_body_bytes + 1)
        except zlib.error as error:
            raise RpcError(Code.INVALID_ARGUMENT, f"the body is no gzip: {error}") from error
        if len(data) > self._max_body_bytes:
            raise self._too_large()
        if not stream.eof:
            raise RpcError(Code.INVALID_ARGUMENT, "the body is no gzip: it ends early")
        if stream.unused_data:
            raise RpcError(Code.INVALID_ARGUMENT, "the body has data behind the gzip stream")
        return data

    def _too_large(self) -> _HttpError:
        # connectrpc's words, so that every wire says the same.
        text = f"message is larger than configured max {self._max_body_bytes}"
        return _HttpError(413, RpcError(Code.RESOURCE_EXHAUSTED, text))

    def _encode(
        self, route: ServerRoute[MethodHandler], response: Message, context: ServerContext
    ) -> tuple[str, bytes]:
        """Return content type and bytes of a response body."""
        field_name = route.binding.response_body
        if route.binding.is_raw_response:
            return _http_body(getattr(response, field_name) if field_name else response)
        try:
            if field_name:
                return _JSON, self._codec.encode_field(response, field_name)
            return _JSON, self._codec.encode(response)
        except ValueError as error:
            _log.exception("response of %s cannot be written", context.method.path)
            raise RpcError(Code.INTERNAL, "internal error") from error

    def _error(
        self,
        error: RpcError,
        context: ServerContext | None,
        status: int | None = None,
        headers: tuple[tuple[str, str], ...] = (),
    ) -> _Answer:
        status = error.code.http_status if status is None else status
        tree = {
            "code": status if self._http_codes else int(error.code),
            "message": error.message,
            "details": [_detail_tree(self._codec, detail) for detail in error.details],
        }
        body = json.dumps(tree, ensure_ascii=False, separators=(",", ":")).encode()
        sent = [("content-type", _JSON), *headers]
        if error.retry_delay_seconds is not None:
            sent.append(("retry-after", str(math.ceil(error.retry_delay_seconds))))
        if context is not None:
            sent.extend(_headers_of(context))
        return _Answer(status, body, sent)


async def _call(handler: MethodHandler, request: Message, context: ServerContext) -> Message:
    limit = asyncio.timeout(context.timeout_seconds)
    try:
        async with limit:
            found: Message = await async_resolve(handler.function(request, context))
            return found
    except RpcError:
        raise
    except Exception as error:
        if isinstance(error, TimeoutError) and limit.expired():
            text = f"no answer within {context.timeout_seconds:g} s"
            raise RpcError(Code.DEADLINE_EXCEEDED, text) from error
        _log.exception("handler of %s failed", context.method.path)
        raise RpcError(Code.INTERNAL, "internal error") from error


def _set_http_body(part: AnyMessage, content_type: str, data: bytes) -> None:
    part.content_type = content_type
    part.data = data


def _http_body(part: AnyMessage) -> tuple[str, bytes]:
    return part.content_type or "application/octet-stream", part.data


def _header(scope: Scope, name: bytes) -> str:
    """Return the first value of a header by its lower-case name, or ""."""
    found = (value for key, value in scope["headers"] if key.lower() == name)
    return str(next(found, b""), "latin-1")


def _raw_path(scope: Scope) -> str:
    """Return the path as it was sent, without the part that the application is mounted at."""
    raw = scope.get("raw_path")
    path = str(raw.partition(b"?")[0], "latin-1") if raw else quote(scope["path"], safe=_PATH_SAFE)
    root = quote(str(scope.get("root_path", "")), safe=_PATH_SAFE)
    return path.removeprefix(root) if root and path.startswith(f"{root}/") else path


def _context(handler: MethodHandler, scope: Scope) -> ServerContext:
    pairs = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
    timeout = next((value for name, value in pairs if name.lower() == "grpc-timeout"), None)
    return ServerContext(
        handler.method, "rest", application_metadata(pairs), _timeout_seconds(timeout)
    )


def _timeout_seconds(text: str | None) -> float | None:
    if text is None:
        return None
    found = _TIMEOUT.fullmatch(text.strip())
    if found is None:
        raise RequestError("", f"malformed grpc-timeout {text[:40]!r}: expected as in '1500m'")
    return int(found[1]) * _TIMEOUT_UNITS[found[2]]


def _check_json(content_type: str) -> None:
    kind, *parameters = (part.strip().lower() for part in content_type.split(";"))
    charsets = {
        parameter.removeprefix("charset=").strip('"')
        for parameter in parameters
        if parameter.startswith("charset=")
    }
    if kind in {"", _JSON} and charsets <= {"utf-8", "utf8", "us-ascii"}:
        return
    text = f"unknown content-type {content_type[:80]!r}: expected {_JSON}"
    # RFC 9110, section 15.5.16: Accept in a 415 says what would do.
    raise _HttpError(415, RpcError(Code.INVALID_ARGUMENT, text), (("accept", _JSON),))


def _headers_of(context: ServerContext) -> list[tuple[str, str]]:
    trailers = to_text(tuple(context.response_trailers))
    return [
        *((name.lower(), value) for name, value in to_text(tuple(context.response_headers))),
        *((f"trailer-{name.lower()}", value) for name, value in trailers),
    ]


def _invalid(error: RequestError) -> RpcError:
    from google.rpc.error_details_pb2 import BadRequest

    violation = BadRequest.FieldViolation(field=error.field, description=error.problem)
    details = [BadRequest(field_violations=[violation])] if error.field else []
    return RpcError(Code.INVALID_ARGUMENT, str(error), details=details)


def _detail_tree(codec: JsonCodec, detail: Message) -> dict[str, Any]:
    """Write a detail as the JSON of google.protobuf.Any that holds it."""
    from google.protobuf.any_pb2 import Any as Packed

    packed = detail
    if not isinstance(packed, Packed):
        packed = Packed()
        packed.Pack(detail)
    try:
        tree: dict[str, Any] = json.loads(codec.encode(packed))
    except ValueError:
        # A type that is not known here: its name is what can be said in JSON.
        tree = {"@type": packed.type_url}
    return tree
