"""Requests: body, path and query become a message."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final

from triwire.errors import Code, RpcError
from triwire.server.rest.scope import DisconnectedError, HttpError, header
from triwire.transports.metadata import content_coding

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from triwire.codec import JsonCodec
    from triwire.codec.reflection import AnyMessage
    from triwire.server.rest.scope import Receive, Scope
    from triwire.server.service import MethodHandler
    from triwire.transcode.server import ServerRoute

__all__ = ["RequestReader"]

_JSON: Final = "application/json"
_GZIP_WINDOW: Final = 31  # zlib: 15 bits of window, 16 to expect gzip's header


class RequestReader:
    """Reads requests.

    Args:
        codec: Reads JSON.
        max_body_bytes: Largest body, after decompression; no more is ever held.
    """

    def __init__(self, codec: JsonCodec, *, max_body_bytes: int) -> None:
        self._codec = codec
        self._max_body_bytes = max_body_bytes

    async def read(
        self, route: ServerRoute[MethodHandler], scope: Scope, receive: Receive
    ) -> Message:
        """Return the message of a request.

        Raises:
            DisconnectedError: The client went away.
            HttpError: 413 or 415.
            RequestError: Path or query are malformed, or contradict the body.
            RpcError: INVALID_ARGUMENT, the body is no such message.
        """
        binding = route.binding
        request_type = route.target.method.request_type
        message: Message = request_type()
        if binding.body_field is not None:
            body = await self._body(scope, receive, any_type=binding.is_raw)
            if binding.is_raw:
                part = getattr(message, binding.body_field) if binding.body_field else message
                _set_http_body(part, header(scope, b"content-type"), body)
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
                raise HttpError(413, error) from error
            # The codec's word for bytes that are no message; here they are the client's.
            raise RpcError(Code.INVALID_ARGUMENT, error.message, details=error.details) from error
        return message

    async def _body(self, scope: Scope, receive: Receive, *, any_type: bool) -> bytes:
        length = header(scope, b"content-length")
        if length.isascii() and length.isdigit() and int(length[:18]) > self._max_body_bytes:
            raise self._too_large()
        parts: list[bytes] = []
        total = 0
        more = True
        while more:
            event = await receive()
            if event["type"] == "http.disconnect":
                raise DisconnectedError
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
            _check_json(header(scope, b"content-type"))
        coding = content_coding(header(scope, b"content-encoding"))
        if not coding:
            return body
        if coding == "gzip":
            return self._gunzip(body)
        text = f"unknown content-encoding {coding[:40]!r}: expected gzip or identity"
        error = RpcError(Code.INVALID_ARGUMENT, text)
        # RFC 9110, section 12.5.3: Accept-Encoding in a 415 says what would do.
        raise HttpError(415, error, (("accept-encoding", "gzip"),))

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

    def _too_large(self) -> HttpError:
        # connectrpc's words, so that every wire says the same.
        text = f"message is larger than configured max {self._max_body_bytes}"
        return HttpError(413, RpcError(Code.RESOURCE_EXHAUSTED, text))


def _set_http_body(part: AnyMessage, content_type: str, data: bytes) -> None:
    part.content_type = content_type
    part.data = data


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
    raise HttpError(415, RpcError(Code.INVALID_ARGUMENT, text), (("accept", _JSON),))
