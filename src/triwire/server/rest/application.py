"""The ASGI application: finds the route of a request and answers it."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING, Literal, cast

from triwire.errors import Code, RpcError
from triwire.server.rest.deadline import deadline_of, within
from triwire.server.rest.leaving import unless_left
from triwire.server.rest.request import RequestReader
from triwire.server.rest.response import Answer, ResponseWriter
from triwire.server.rest.scope import DisconnectedError, HttpError, context_of, raw_path
from triwire.server.rest.stream import answer_stream
from triwire.spec import StreamKind
from triwire.transcode.fields import RequestError, TextReader
from triwire.transcode.server import ServerRouter

if TYPE_CHECKING:
    from collections.abc import Iterable

    from google.protobuf.message import Message

    from triwire.codec import JsonCodec
    from triwire.server.rest.scope import Receive, Scope, Send
    from triwire.server.service import MethodHandler, ServerContext, Service
    from triwire.transcode.server import ServerRoute

__all__ = ["RestApplication"]

_SERVED = {StreamKind.UNARY, StreamKind.SERVER_STREAM}


class RestApplication:
    """An ASGI application that serves methods with a google.api.http rule.

    Args:
        services: What to serve; methods without a rule are left out, and those whose
            client streams: HTTP with JSON has no form for a request in pieces.
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
        self._requests = RequestReader(codec, max_body_bytes=max_body_bytes)
        self._responses = ResponseWriter(codec, http_codes=error_style == "http")
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
                if handler.method.stream_kind in _SERVED
            ),
            reader,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request; see the ASGI specification, version 3."""
        if scope["type"] != "http":
            message = f"expected an ASGI scope of type 'http', got {scope['type']!r}"
            raise ValueError(message)
        context: ServerContext | None = None
        try:
            path = raw_path(scope)
            route = self._route(str(scope["method"]), path)
            if route is None:
                answer = self._options(path)
            else:
                context = context_of(route.target, scope)
                request = await self._requests.read(route, scope, receive)
                if route.target.method.stream_kind is StreamKind.SERVER_STREAM:
                    await answer_stream(
                        route,
                        request,
                        context,
                        self._responses,
                        scope=scope,
                        receive=receive,
                        send=send,
                    )
                    return
                response = await _call(route.target, request, context, receive)
                answer = self._responses.answer(route, response, context)
        except DisconnectedError:
            return
        except HttpError as failure:
            answer = self._responses.error(failure.error, context, failure.status, failure.headers)
        except RequestError as error:
            answer = self._responses.error(_invalid(error), context)
        except RpcError as error:
            answer = self._responses.error(error, context)
        await answer.send(scope, send)

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
            raise HttpError(404, RpcError(Code.UNIMPLEMENTED, text))
        if verb == "OPTIONS":
            return None
        text = f"{verb} is not served here: expected one of {', '.join(allowed)}"
        raise HttpError(405, RpcError(Code.UNIMPLEMENTED, text), (("allow", ", ".join(allowed)),))

    def _allowed(self, path: str) -> list[str]:
        found = set(self._router.allowed(path))
        if "GET" in found:
            found.add("HEAD")
        return sorted({*found, "OPTIONS"}) if found else []

    def _options(self, path: str) -> Answer:
        return Answer(204, b"", [("allow", ", ".join(self._allowed(path)))])


async def _call(
    handler: MethodHandler, request: Message, context: ServerContext, receive: Receive
) -> Message:
    async with within(deadline_of(context), context):
        found: object = handler.function(request, context)
        # One that has its answer at once cannot be left by anybody.
        if isinstance(found, Awaitable):
            return await unless_left(cast("Awaitable[Message]", found), receive)
        return cast("Message", found)
    raise AssertionError  # for type checkers: the block does not swallow what it raises


def _invalid(error: RequestError) -> RpcError:
    from google.rpc.error_details_pb2 import BadRequest

    violation = BadRequest.FieldViolation(field=error.field, description=error.problem)
    details = [BadRequest(field_violations=[violation])] if error.field else []
    return RpcError(Code.INVALID_ARGUMENT, str(error), details=details)
