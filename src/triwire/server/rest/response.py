"""Responses and errors: messages become bodies and headers."""

from __future__ import annotations

import gzip
import json
import logging
import math
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from triwire.errors import Code, RpcError
from triwire.server.rest.scope import accepts_gzip
from triwire.transports.metadata import to_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from google.protobuf.message import Message

    from triwire.codec import JsonCodec
    from triwire.codec.reflection import AnyMessage
    from triwire.server.rest.scope import Scope, Send
    from triwire.server.service import MethodHandler, ServerContext
    from triwire.transcode.server import ServerRoute

__all__ = ["GZIP_HEADERS", "GZIP_LEVEL", "Answer", "ResponseWriter", "raw_headers"]

_log: Final = logging.getLogger("triwire.server")

_JSON: Final = "application/json"
_NO_CONTENT: Final = 204
# Below it the headers weigh more than what is saved.
_GZIP_FROM_BYTES: Final = 1024

GZIP_LEVEL: Final = 1
"""The fastest: lists of resources repeat their keys, which every level finds."""

GZIP_HEADERS: Final = (("content-encoding", "gzip"), ("vary", "accept-encoding"))
"""What a compressed response has beside its other headers."""


class Answer(NamedTuple):
    """A whole response before it is sent."""

    status: int
    body: bytes
    headers: list[tuple[str, str]]

    async def send(self, scope: Scope, send: Send) -> None:
        """Send it, compressed if that is worth it and wanted."""
        headers, body = self.headers, self.body
        if len(body) >= _GZIP_FROM_BYTES and ("content-type", _JSON) in headers:
            if accepts_gzip(scope):
                body = gzip.compress(body, GZIP_LEVEL, mtime=0)
                headers = [*headers, *GZIP_HEADERS]
            else:
                headers = [*headers, ("vary", "accept-encoding")]
        raw = raw_headers(headers)
        if self.status != _NO_CONTENT:  # RFC 9110, section 8.6: no Content-Length in a 204
            raw.append((b"content-length", b"%d" % len(body)))
        await send({"type": "http.response.start", "status": self.status, "headers": raw})
        if scope["method"] == "HEAD":
            body = b""
        await send({"type": "http.response.body", "body": body})


class ResponseWriter:
    """Writes responses and errors.

    Args:
        codec: Writes JSON.
        http_codes: Whether "code" in errors is the HTTP status, not the google.rpc number.
    """

    def __init__(self, codec: JsonCodec, *, http_codes: bool) -> None:
        self._codec = codec
        self._http_codes = http_codes

    def answer(
        self, route: ServerRoute[MethodHandler], response: Message, context: ServerContext
    ) -> Answer:
        """Return the answer of a unary call.

        Raises:
            RpcError: INTERNAL, the response cannot be written.
        """
        if route.binding.is_raw_response:
            kind, body = self.raw_body(route, response)
        else:
            kind, body = _JSON, self.json_body(route, response)
        trailers = (
            (f"trailer-{name}", value) for name, value in _metadata(context.response_trailers)
        )
        headers = [("content-type", kind), *_metadata(context.response_headers), *trailers]
        return Answer(200, body, headers)

    def json_body(self, route: ServerRoute[MethodHandler], response: Message) -> bytes:
        """Return a response, or its field that is the body, as JSON.

        Raises:
            RpcError: INTERNAL, it cannot be written.
        """
        field_name = route.binding.response_body
        try:
            if field_name:
                return self._codec.encode_field(response, field_name)
            return self._codec.encode(response)
        except ValueError as error:
            _log.exception("response of %s cannot be written", route.target.method.path)
            raise RpcError(Code.INTERNAL, "internal error") from error

    def raw_body(self, route: ServerRoute[MethodHandler], response: Message) -> tuple[str, bytes]:
        """Return content type and bytes of a response whose body is a google.api.HttpBody."""
        field_name = route.binding.response_body
        part: AnyMessage = getattr(response, field_name) if field_name else response
        return part.content_type or "application/octet-stream", part.data

    def error(
        self,
        error: RpcError,
        context: ServerContext | None,
        status: int | None = None,
        headers: tuple[tuple[str, str], ...] = (),
    ) -> Answer:
        """Return the answer for an error.

        Args:
            error: The error.
            context: Of the call, if it came so far: its metadata goes along.
            status: HTTP status, if not the code's own.
            headers: Further headers.
        """
        status = error.code.http_status if status is None else status
        sent = [("content-type", _JSON), *headers]
        if error.retry_delay_seconds is not None:
            sent.append(("retry-after", str(math.ceil(error.retry_delay_seconds))))
        if context is not None:
            sent.extend(_metadata(context.response_headers))
            trailers = _metadata(context.response_trailers)
            sent.extend((f"trailer-{name}", value) for name, value in trailers)
        return Answer(status, self.error_body(error, status), sent)

    def error_body(self, error: RpcError, status: int | None = None) -> bytes:
        """Return an error as JSON."""
        number = error.code.http_status if status is None else status
        tree = {
            "code": number if self._http_codes else int(error.code),
            "message": error.message,
            "details": [_detail_tree(self._codec, detail) for detail in error.details],
        }
        text = json.dumps(tree, ensure_ascii=False, separators=(",", ":"))
        # A handler's words may hold half of a surrogate pair, which UTF-8 cannot say.
        return text.encode("utf-8", "replace")


def raw_headers(headers: Iterable[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    """Return headers as ASGI takes them."""
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]


def _metadata(pairs: list[tuple[str, str | bytes]]) -> list[tuple[str, str]]:
    return [(name.lower(), value) for name, value in to_text(tuple(pairs))]


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
