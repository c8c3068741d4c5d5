"""Server streams over REST: one element of the body per message.

Headers go out with the first message, or with an error that comes before it, which then is
answered like that of any other call. A later error is the last element of the body. Where the
body has no place for one (the bytes of a google.api.HttpBody; an array of messages that have a
field "error" themselves) the connection is cut, so that nobody takes the part for the whole.

Trailers are those of HTTP, for clients that say `TE: trailers` (RFC 9110, section 6.5.1) where
the server has the ASGI extension for them; nobody else gets them.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any, Final

from triwire._io import async_messages
from triwire.errors import RpcError
from triwire.server.rest.deadline import deadline_of, within
from triwire.server.rest.leaving import unless_left
from triwire.server.rest.response import GZIP_HEADERS, GZIP_LEVEL, raw_headers
from triwire.server.rest.scope import accepts_gzip, header
from triwire.transcode.framing import LINES_TYPES, chosen_framing, framed
from triwire.transports.metadata import to_text

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from triwire.server.rest.response import ResponseWriter
    from triwire.server.rest.scope import Receive, Scope, Send
    from triwire.server.service import MethodHandler, ServerContext
    from triwire.transcode.framing import Framing
    from triwire.transcode.server import ServerRoute

__all__ = ["CutStreamError", "answer_stream"]

_GZIP_WINDOW: Final = 31  # zlib: 15 bits of window, 16 to write gzip's header


async def answer_stream(
    route: ServerRoute[MethodHandler],
    request: Message,
    context: ServerContext,
    writer: ResponseWriter,
    *,
    scope: Scope,
    receive: Receive,
    send: Send,
) -> None:
    """Call a handler that streams and send what it yields; stop it when the client goes away.

    Raises:
        CutStreamError: It failed after messages, and the body has no place for the error.
        DisconnectedError: The client went away.
        RpcError: It failed before its first message; nothing was sent.
    """
    body = _Body(route, context, writer, scope, send)
    try:
        await unless_left(_send_all(route, request, context, body), receive)
    except OSError:
        # What `send` raises when the client has gone away (ASGI, HTTP 2.4); a handler's own
        # never comes here.
        return


async def _send_all(
    route: ServerRoute[MethodHandler], request: Message, context: ServerContext, body: _Body
) -> None:
    deadline = deadline_of(context)
    responses: Any = None
    try:
        async with within(deadline, context):
            responses = async_messages(route.target.function(request, context))
        while True:
            async with within(deadline, context):
                message = await anext(responses, None)
            if message is None:
                break
            await body.add(message)
            if body.is_complete:
                return
    except RpcError as error:
        if not body.has_begun:
            raise
        await body.fail(error)
        return
    finally:
        if responses is not None:
            await responses.aclose()
    await body.end()


class CutStreamError(Exception):
    """A stream failed and its body cannot say so: the server below has to cut it off."""


class _Body:
    """The body of one response, sent element by element."""

    def __init__(
        self,
        route: ServerRoute[MethodHandler],
        context: ServerContext,
        writer: ResponseWriter,
        scope: Scope,
        send: Send,
    ) -> None:
        self._route = route
        self._context = context
        self._writer = writer
        self._send = send
        self._is_raw = route.binding.is_raw_response
        self._framing: Framing = chosen_framing(header(scope, b"accept"))
        # HEAD (RFC 9110, section 9.3.2): the headers, for which the first message is needed.
        self._is_head = scope["method"] == "HEAD"
        self._has_trailers = (
            "http.response.trailers" in (scope.get("extensions") or {})
            and "trailers" in header(scope, b"te").lower()
        )
        self._gzip: Any = None
        if accepts_gzip(scope) and not self._is_raw:
            self._gzip = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, _GZIP_WINDOW)
        self.has_begun = False
        self.is_complete = False

    async def add(self, message: Message) -> None:
        """Send one message.

        Raises:
            RpcError: INTERNAL, it cannot be written.
        """
        if self._is_raw:
            kind, data = self._writer.raw_body(self._route, message)
        else:
            kind, data = self._kind, self._writer.json_body(self._route, message)
            is_first = not self.has_begun
            data = framed(data, self._framing, is_error=False, is_first=is_first)
        await self._begin(kind)
        await self._send_part(data)

    async def fail(self, error: RpcError) -> None:
        """Send an error that comes after messages, which ends the body.

        Raises:
            CutStreamError: The body has no place for it.
        """
        fields = self._context.method.response_type.DESCRIPTOR.fields_by_name
        is_ambiguous = self._framing == "array" and "error" in fields
        if self._is_raw or is_ambiguous:
            path = self._context.method.path
            raise CutStreamError(f"{path} failed after messages were sent: {error}") from error
        data = self._writer.error_body(error)
        await self._send_part(framed(data, self._framing, is_error=True, is_first=False))
        await self.end()

    async def end(self) -> None:
        """Send what is left after the last message."""
        is_empty = not self.has_begun
        await self._begin("application/octet-stream" if self._is_raw else self._kind)
        if self.is_complete:
            return
        data = b""
        if self._framing == "array" and not self._is_raw:
            data = b"[]\n" if is_empty else b"]\n"
        if self._gzip is not None:
            data = self._gzip.compress(data) + self._gzip.flush()
        await self._send({"type": "http.response.body", "body": data})
        if self._has_trailers:
            trailers = to_text(tuple(self._context.response_trailers))
            raw = raw_headers((name.lower(), value) for name, value in trailers)
            await self._send({"type": "http.response.trailers", "headers": raw})
        self.is_complete = True

    @property
    def _kind(self) -> str:
        return LINES_TYPES[0] if self._framing == "lines" else "application/json"

    async def _begin(self, content_type: str) -> None:
        if self.has_begun:
            return
        self.has_begun = True
        headers = [("content-type", content_type)]
        if self._gzip is not None:
            headers += GZIP_HEADERS
        metadata = to_text(tuple(self._context.response_headers))
        headers += [(name.lower(), value) for name, value in metadata]
        start = {
            "type": "http.response.start",
            "status": 200,
            "headers": raw_headers(headers),
            "trailers": self._has_trailers and not self._is_head,
        }
        await self._send(start)
        if self._is_head:
            await self._send({"type": "http.response.body", "body": b""})
            self.is_complete = True

    async def _send_part(self, data: bytes) -> None:
        if self.is_complete:
            return
        if self._gzip is not None:
            # A flush each, so that no message waits for the next one.
            data = self._gzip.compress(data) + self._gzip.flush(zlib.Z_SYNC_FLUSH)
        await self._send({"type": "http.response.body", "body": data, "more_body": True})
