"""Calls service objects directly."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Final

from triwire._io import HandlerColourError, async_messages, async_resolve
from triwire.codec.binary import BinaryCodec
from triwire.errors import Code, RpcError
from triwire.spec import Metadata, StreamKind
from triwire.transports.failures import closed_error
from triwire.transports.memory import wire
from triwire.transports.metadata import application_metadata

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Iterable

    from google.protobuf.message import Message

    from triwire.server.service import Handler, ServerContext, Service
    from triwire.spec import MethodSpec, Pairs, RawResponse
    from triwire.transports.base import AsyncRawStream, AsyncTransport, RequestT, ResponseT

__all__ = ["AsyncMemoryTransport"]

_CODEC: Final = BinaryCodec()


class AsyncMemoryTransport:
    """The memory wire: requests and responses are encoded and decoded, nothing is sent.

    Args:
        services: What to serve. A handler runs inside the caller's call, in its task or
            thread; timeouts do not interrupt it.
    """

    def __init__(self, services: Iterable[Service]) -> None:
        self._handlers = wire.handlers(services)
        self._closed = False

    @property
    def wire(self) -> str:
        """Always "memory"."""
        return "memory"

    async def unary(
        self,
        method: MethodSpec[RequestT, ResponseT],
        request: RequestT,
        *,
        headers: Pairs,
        timeout_seconds: float | None,
    ) -> RawResponse:
        """Call the handler and return its encoded answer; see `AsyncTransport`."""
        if self._closed:
            raise closed_error()
        function, context = wire.prepare(self._handlers, method, headers, timeout_seconds)
        copy = wire.copied(method, request)
        try:
            response = await async_resolve(function(copy, context))
        except HandlerColourError:
            raise
        except Exception as error:
            raise wire.server_error(error, method.path, context) from error
        return wire.raw_response(response, context)

    def stream(
        self,
        method: MethodSpec[RequestT, ResponseT],
        requests: tuple[RequestT, ...] | AsyncIterable[RequestT],
        *,
        headers: Pairs,
        timeout_seconds: float | None,
    ) -> AsyncRawStream:
        """Return a call of any stream kind; see `AsyncTransport`."""
        return AsyncMemoryStream(self, method, requests, headers, timeout_seconds)

    def prepare(
        self, method: MethodSpec[Any, Any], headers: Pairs, timeout_seconds: float | None
    ) -> tuple[Handler, ServerContext]:
        """Look a method up for a stream.

        Raises:
            RpcError: the method is not served, or no time is left.
            ValueError: the client is closed.
        """
        if self._closed:
            raise closed_error()
        return wire.prepare(self._handlers, method, headers, timeout_seconds)

    def decode(self, method: MethodSpec[RequestT, ResponseT], body: bytes) -> ResponseT:
        """Parse protobuf binary; see `AsyncTransport`."""
        return _CODEC.decode(body, method.response_type)

    async def aclose(self) -> None:
        """Refuse further calls; idempotent."""
        self._closed = True


class AsyncMemoryStream:
    """One RPC, run step by step inside its reader; see `AsyncRawStream`."""

    def __init__(
        self,
        transport: AsyncMemoryTransport,
        method: MethodSpec[Any, Any],
        requests: tuple[Any, ...] | AsyncIterable[Any],
        headers: Pairs,
        timeout_seconds: float | None,
    ) -> None:
        self._transport = transport
        self._method = method
        self._requests = requests
        self._request_headers = headers
        self._timeout_seconds = timeout_seconds
        self._failure = wire.RequestFailure()
        self._context: ServerContext | None = None
        self._responses: AsyncIterator[Message] | None = None
        self._early: list[bytes] = []
        self._answered = False
        self._ended = False
        self._error: Exception | None = None

    async def start(self) -> None:
        """Look the method up; see `AsyncRawStream`."""
        if self._error is not None:
            raise self._error
        if self._responses is not None:
            return
        function, context = self._transport.prepare(
            self._method, self._request_headers, self._timeout_seconds
        )
        self._context = context
        self._responses = self._answers(function, context)

    async def _answers(self, function: Handler, context: ServerContext) -> AsyncIterator[Message]:
        method = self._method
        requests = _copies(method, self._requests, self._failure)
        kind = method.stream_kind
        if kind in {StreamKind.UNARY, StreamKind.SERVER_STREAM}:
            found = [request async for request in requests]
            if len(found) != 1:
                text = f"{method.name} takes one request, got {len(found)}"
                raise RpcError(Code.UNIMPLEMENTED, text, from_server=True)
            result = function(found[0], context)
        else:
            result = function(requests, context)
        if kind in {StreamKind.UNARY, StreamKind.CLIENT_STREAM}:
            yield await async_resolve(result)
            return
        responses: Any = async_messages(result)
        async with aclosing(responses):
            async for response in responses:
                yield response

    async def headers(self) -> Metadata:
        """Return the response headers: sent with the first response, so it waits for that."""
        if not self._answered and not self._ended:
            message = await self.read()
            if message is not None:
                self._early.append(message)
        context = self._context
        return application_metadata(context.response_headers if context is not None else ())

    @property
    def trailers(self) -> Metadata:
        """Trailers; see `AsyncRawStream`."""
        if self._context is None or not (self._ended or self._error is not None):
            return Metadata()
        return application_metadata(self._context.response_trailers)

    async def read(self) -> bytes | None:
        """Return the next message; see `AsyncRawStream`."""
        if self._early:
            return self._early.pop()
        if self._error is not None:
            raise self._error
        if self._ended:
            return None
        await self.start()
        responses = self._responses
        if responses is None:
            raise closed_error()
        try:
            body = (await anext(responses)).SerializeToString()
            self._answered = True
            return body
        except StopAsyncIteration:
            self._ended = True
            return None
        except HandlerColourError as error:
            self._error = error
            raise
        except Exception as error:
            failed = self._failure.error
            self._error = failed or wire.server_error(error, self._method.path, self._context)
            raise self._error from error
        except BaseException:
            self._error = RpcError(Code.CANCELLED, "the call was cancelled by this side")
            raise

    async def aclose(self) -> None:
        """Close the handler's generator; see `AsyncRawStream`."""
        if not self._ended and self._error is None:
            self._error = RpcError(Code.CANCELLED, "the call was closed by this side")
        responses: Any = self._responses
        if responses is not None:
            await responses.aclose()


async def _copies(
    method: MethodSpec[Any, Any],
    requests: tuple[Any, ...] | AsyncIterable[Any],
    failure: wire.RequestFailure,
) -> AsyncIterator[Message]:
    """Pass requests through their bytes."""
    if isinstance(requests, tuple):
        for request in requests:
            yield wire.copied(method, request)
        return
    try:
        async for request in requests:
            yield wire.copied(method, request)
    except Exception as error:
        failure.error = error
        raise


if TYPE_CHECKING:
    _stream: type[AsyncRawStream] = AsyncMemoryStream
    _: type[AsyncTransport] = AsyncMemoryTransport
