"""Carries calls over gRPC from coroutines. Hand-written pair of `sync`: grpcio has two APIs."""
# unasync: skip  # noqa: ERA001 - the marker that scripts/unasync.py looks for

from __future__ import annotations

import asyncio
import contextlib
import time
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, cast

from triwire._home import enter_process, other_loop_error
from triwire.errors import Code, RpcError
from triwire.spec import Metadata, RawResponse
from triwire.transports.decoded.wire import RequestFailure
from triwire.transports.enveloped.wire import encoded
from triwire.transports.failures import closed_error, timeout_error
from triwire.transports.grpc import wire
from triwire.transports.grpc.channel import CountedChannel
from triwire.transports.metadata import application_metadata
from triwire.transports.options import (
    ConnectionOptions,
    WireOptions,
    gzip_from_bytes,
    is_compressed,
    request_writer,
)
from triwire.transports.remembered import Remembered
from triwire.transports.renewal import Renewal

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Coroutine

    import grpc.aio
    from google.protobuf.message import Message

    from triwire.config import Endpoint, Proxy
    from triwire.spec import MethodSpec, Pairs
    from triwire.tls import TlsOptions
    from triwire.transports.base import AsyncRawStream, AsyncTransport, RequestT, ResponseT

__all__ = ["AsyncGrpcTransport"]

T = TypeVar("T")

# A server that resets the stream at the deadline may be heard before our own timer is.
_DEADLINE_SLACK_SECONDS = 0.02
# Either status of a call, grpcio's or the server's, may be heard first: one packet apart.
_STATUS_SECONDS = 0.2


def _gzip() -> Any:  # noqa: ANN401 - the stubs know no name for it
    import grpc

    return grpc.Compression.Gzip


def _metadata(headers: Pairs) -> grpc.aio.Metadata:
    """Return headers as grpcio keeps them, which reads them only."""
    import grpc.aio

    return grpc.aio.Metadata(*headers)


async def _is_cancelled_by_peer(call: Any) -> bool:  # noqa: ANN401 - every kind of grpc.aio call
    """Tell a status CANCELLED from the peer, raised as CancelledError, from a cancelled task."""
    if not call.done():
        return False
    return bool(await call.details() != wire.LOCALLY_CANCELLED)


async def _status_error(call: Any, timeout_seconds: float | None) -> RpcError:  # noqa: ANN401 - every kind of grpc.aio call
    """Return the error that a finished call's status stands for."""
    return wire.rpc_error(
        (await call.code()).value[0],
        await call.details(),
        await call.debug_error_string(),
        tuple(await call.trailing_metadata() or ()),
        seconds=timeout_seconds,
        headers=tuple(await call.initial_metadata() or ()),
    )


async def _unary_error(
    call: Any,  # noqa: ANN401 - grpc.aio.UnaryUnaryCall, whose stub hides half of it
    error: BaseException,
    timeout_seconds: float | None,
    ends: float | None,
) -> RpcError | None:
    """Return the error that a unary call has failed with, or None if grpcio did not fail."""
    import grpc.aio

    is_late = ends is not None and time.monotonic() >= ends
    if isinstance(error, asyncio.CancelledError):
        if not await _is_cancelled_by_peer(call):
            return None
    elif not isinstance(error, grpc.aio.AioRpcError):
        return None
    found = await _status_error(call, timeout_seconds)
    return timeout_error(timeout_seconds) if is_late and found.code is Code.CANCELLED else found


class ServerStatus:
    """The status of a stream as the server gave it.

    Where a request is written that the server no longer wants, grpcio replaces the call's status
    with one of its own, before or after it has heard of the server's (1.71 to 1.85).

    Attributes:
        came: Done when the server's came; its result is what `_status_error` makes of it.
    """

    def __init__(self, timeout_seconds: float | None) -> None:
        self._timeout_seconds = timeout_seconds
        self._came: asyncio.Future[RpcError] = asyncio.get_running_loop().create_future()

    def note(self, call: Any) -> None:  # noqa: ANN401 - every kind of grpc.aio call
        """Look at the status that was just set; called by grpcio, each time."""
        if self._came.done() or _at_once(call.details()) == wire.FAILED_WRITE:
            return
        error = _at_once(_status_error(call, self._timeout_seconds))
        if error is not None:
            self._came.set_result(error)

    async def error(self, call: Any) -> RpcError:  # noqa: ANN401 - likewise
        """Return the error that it stands for, waiting a moment for it to come."""
        if await call.details() == wire.FAILED_WRITE:
            await asyncio.wait((self._came,), timeout=_STATUS_SECONDS)
            if self._came.done():
                return self._came.result()
        return await _status_error(call, self._timeout_seconds)


def _at_once(coroutine: Coroutine[Any, Any, T]) -> T | None:
    """Return the result of a coroutine if it need not wait: nothing of a finished call does."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return cast("T", stop.value)
    coroutine.close()
    return None


class AsyncGrpcTransport:
    """One HTTP/2 channel, connected by the first call, reconnected by grpcio.

    A channel is replaced by a new one as `Renewal` says; calls that run stay on the old one.

    Args:
        endpoint: Where the server is.
        tls: How to trust it, for https; files that change make a new channel trust anew.
        proxy: What stands between, or None; the environment is not read.
        user_agent: What stands before grpcio's own User-Agent.
        options: Compression and limits.
        connections: How long they are kept.
        now: Seconds since an arbitrary start, for ages.

    Raises:
        ValueError: the options name another codec than protobuf binary, or a proxy is no plain
            HTTP proxy.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        tls: TlsOptions,
        proxy: Proxy | None = None,
        user_agent: str,
        options: WireOptions | None = None,
        connections: ConnectionOptions | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._endpoint = endpoint
        self._connections = connections if connections is not None else ConnectionOptions()
        self._renewal = Renewal(tls, max_age_seconds=self._connections.max_age_seconds, now=now)
        self._user_agent = user_agent
        self._options = options if options is not None else WireOptions()
        wire.check_options(self._options)
        self._write = request_writer(self._options)
        self._gzip_from_bytes = gzip_from_bytes(self._options)
        wire.check_proxy(proxy)
        self._proxy = proxy
        self._channel: CountedChannel | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._open_channels: set[grpc.aio.Channel] = set()
        self._closings: set[asyncio.Task[None]] = set()
        self._metadata = Remembered(_metadata)
        self._closed = False

    @property
    def wire(self) -> str:
        """Always "grpc"."""
        return "grpc"

    async def unary(
        self,
        method: MethodSpec[RequestT, ResponseT],
        request: RequestT,
        *,
        headers: Pairs,
        timeout_seconds: float | None,
    ) -> RawResponse:
        """Send one message and return the raw reply; see `AsyncTransport`."""
        if self._loop is not None and self._loop is not asyncio.get_running_loop():
            raise other_loop_error(self._loop)
        body = self._write(request)
        timeout = wire.timeout_seconds(timeout_seconds)
        started = time.monotonic()
        channel = self._open()
        call = channel.unary[method.path](
            body,
            metadata=self._metadata(headers),
            timeout=timeout,
            compression=None if len(body) < self._gzip_from_bytes else _gzip(),
        )
        channel.begin()
        try:
            reply: Any = await call
        except (Exception, asyncio.CancelledError) as error:
            ends = None if timeout is None else started + timeout - _DEADLINE_SLACK_SECONDS
            failed = await _unary_error(call, error, timeout_seconds, ends)
            if failed is None:
                raise
            raise failed from error
        finally:
            channel.end()
        if not isinstance(reply, bytes):
            # grpc.aio.EOF, or None: status OK came without a message.
            raise wire.missing_message(method.path)
        # Now, though few look: a call that is kept keeps 15 KiB of grpcio's memory (1.85).
        first = await call.initial_metadata() or ()
        last = await call.trailing_metadata() or ()
        return RawResponse(
            reply,
            lambda: application_metadata(first),
            lambda: application_metadata(last),
            date=lambda: wire.server_date(first),
        )

    def stream(
        self,
        method: MethodSpec[RequestT, ResponseT],
        requests: tuple[RequestT, ...] | AsyncIterable[RequestT],
        *,
        headers: Pairs,
        timeout_seconds: float | None,
    ) -> AsyncRawStream:
        """Return a call of any stream kind; see `AsyncTransport`."""
        return AsyncGrpcStream(
            self._open,
            method,
            requests,
            headers=headers,
            timeout_seconds=timeout_seconds,
            options=self._options,
        )

    def _open(self) -> CountedChannel:
        if self._renewal.is_due() or self._channel is None:
            if self._closed:
                raise closed_error()
            enter_process("grpcio", self)
            self._loop = asyncio.get_running_loop()
            old, self._channel = self._channel, self._new_channel()
            if old is not None:
                old.retire()
        return self._channel

    def _new_channel(self) -> CountedChannel:
        # The package first: `import grpc.aio` alone takes the locks of the two the other way round
        # than `import grpc` does, and two threads that begin at once fail with a deadlock.
        import grpc
        import grpc.aio

        from triwire.transports.grpc.credentials import channel_credentials

        name = wire.target(self._endpoint)
        options = wire.channel_options(
            self._user_agent, self._options, self._connections, self._proxy
        )
        if self._endpoint.scheme == "https":
            credentials = channel_credentials(self._renewal.tls)
            channel = grpc.aio.secure_channel(name, credentials, options=options)
        else:
            channel = grpc.aio.insecure_channel(name, options=options)
        self._open_channels.add(channel)
        return CountedChannel(
            channel, path_prefix=self._endpoint.path_prefix, close=self._close_channel
        )

    def _close_channel(self, channel: grpc.aio.Channel) -> None:
        self._open_channels.discard(channel)
        if self._loop is None or self._loop.is_closed():
            # The last call was dropped after its loop; grpcio closes what is dropped.
            return
        closing = self._loop.create_task(channel.close(None))
        # The loop itself keeps weak references to tasks only.
        self._closings.add(closing)
        closing.add_done_callback(self._closings.discard)

    def decode(self, method: MethodSpec[RequestT, ResponseT], body: bytes) -> ResponseT:
        """Parse protobuf binary; see `AsyncTransport`."""
        return self._options.codec.decode(body, method.response_type)

    def forget(self) -> object:
        """Drop what is open without closing it; see `triwire._home`."""
        kept = (self._channel, self._open_channels, self._closings)
        self._channel, self._open_channels, self._closings = None, set(), set()
        self._loop = None
        return kept

    async def aclose(self) -> None:
        """Close the channel, after the last call that runs; see `AsyncTransport`. Idempotent."""
        self._closed = True
        channel, self._channel = self._channel, None
        if channel is not None:
            channel.retire()
        for closing in list(self._closings):
            await closing


class AsyncGrpcStream:
    """One RPC on the channel; see `AsyncRawStream`. Made by `AsyncGrpcTransport.stream`."""

    def __init__(
        self,
        open_channel: Callable[[], CountedChannel],
        method: MethodSpec[Any, Any],
        requests: tuple[Message, ...] | AsyncIterable[Message],
        *,
        headers: Pairs,
        timeout_seconds: float | None,
        options: WireOptions,
    ) -> None:
        self._open_channel = open_channel
        self._method = method
        self._requests = requests
        self._request_headers = headers
        self._timeout_seconds = timeout_seconds
        self._options = options
        self._failure = RequestFailure()
        # Of the reading task, before it began to wait.
        self._cancellations = 0
        self._call: Any = None
        self._server_status: Callable[[Any], Awaitable[RpcError]]
        self._messages: AsyncIterator[bytes] | None = None
        self._deadline: float | None = None
        self._trailers = Metadata()
        self._ended = False
        self._error: Exception | None = None

    async def start(self) -> None:
        """Begin the call; see `AsyncRawStream`."""
        if self._error is not None:
            raise self._error
        if self._call is not None:
            return
        timeout = wire.timeout_seconds(self._timeout_seconds)
        if timeout is not None:
            self._deadline = time.monotonic() + timeout
        requests = self._requests
        if isinstance(requests, tuple):
            # Before any I/O, and in one piece.
            written = [encoded(self._method, request, self._options) for request in requests]
            is_gzip = any(is_compressed(self._options, data) for data in written)
            body: Any = iter(written)
        else:
            is_gzip = self._options.gzip_requests_from_bytes is not None
            body = _encoded_requests(self._method, requests, self._options, self._failure)
        channel = self._open_channel()
        self._call = channel.stream[self._method.path](
            body,
            metadata=self._request_headers,
            timeout=timeout,
            compression=_gzip() if is_gzip else None,
        )
        channel.begin()
        self._call.add_done_callback(partial(_ended, channel))
        status = ServerStatus(self._timeout_seconds)
        self._call.add_done_callback(status.note)
        self._server_status = status.error
        self._messages = aiter(self._call)

    async def headers(self) -> Metadata:
        """Return the response headers; see `AsyncRawStream`."""
        self._cancellations = _cancellations()
        try:
            await self.start()
            pairs = await self._call.initial_metadata() or ()
            if self._call.done() and (await self._call.code()).value[0] != 0 and not pairs:
                raise await self._server_status(self._call)
        except BaseException as error:
            await self._fail(error)
            raise
        return application_metadata(pairs)

    @property
    def trailers(self) -> Metadata:
        """Trailers; see `AsyncRawStream`."""
        return self._trailers

    async def read(self) -> bytes | None:
        """Return the next message; see `AsyncRawStream`."""
        if self._error is not None:
            raise self._error
        if self._ended:
            return None
        self._cancellations = _cancellations()
        try:
            await self.start()
            if self._messages is None:
                raise closed_error()
            try:
                return await anext(self._messages)
            except StopAsyncIteration:
                self._trailers = application_metadata(await self._call.trailing_metadata() or ())
                self._ended = True
                return None
        except BaseException as error:
            await self._fail(error)
            raise

    async def aclose(self) -> None:
        """Cancel the call if it has not ended; see `AsyncRawStream`."""
        if not self._ended and self._error is None:
            self._error = RpcError(Code.CANCELLED, "the call was closed by this side")
        if self._call is not None:
            self._call.cancel()

    async def _fail(self, error: BaseException) -> None:
        """Remember why the call ended, cancel it, and raise what is the cause if that differs."""
        if self._error is None:
            self._error = await self._cause(error)
            if isinstance(self._error, RpcError):
                self._trailers = Metadata(self._error.trailers)
        if self._call is not None:
            self._call.cancel()
        if self._error is not error and not _is_own_cancellation(error, self._error):
            raise self._error from error

    async def _cause(self, error: BaseException) -> Exception:
        import grpc.aio

        is_task_cancelled = _cancellations() > self._cancellations and not isinstance(
            error, Exception
        )
        if self._failure.error is not None and not is_task_cancelled:
            return self._failure.error
        if isinstance(error, grpc.aio.AioRpcError) or (
            isinstance(error, asyncio.CancelledError) and await _is_cancelled_by_peer(self._call)
        ):
            late = self._deadline is not None and (
                time.monotonic() >= self._deadline - _DEADLINE_SLACK_SECONDS
            )
            found = await self._server_status(self._call)
            if late and found.code is Code.CANCELLED:
                return timeout_error(self._timeout_seconds)
            return found
        if isinstance(error, Exception):
            return error
        return _CancelledHereError(Code.CANCELLED, "the call was cancelled by this side")

    def __del__(self) -> None:
        """Cancel an abandoned call: grpcio's own objects would live until garbage collection."""
        call = getattr(self, "_call", None)
        if call is not None and not self._ended:
            with contextlib.suppress(RuntimeError):  # its event loop is gone
                call.cancel()


def _ended(channel: CountedChannel, _: object) -> None:
    channel.end()


class _CancelledHereError(RpcError):
    """What later reads of a call raise whose reader was cancelled."""


def _cancellations() -> int:
    """Return how often the running task was cancelled: a task may go on after that."""
    task = asyncio.current_task()
    return 0 if task is None else task.cancelling()


def _is_own_cancellation(error: BaseException, cause: Exception) -> bool:
    return not isinstance(error, Exception) and isinstance(cause, _CancelledHereError)


async def _encoded_requests(
    method: MethodSpec[Any, Any],
    requests: AsyncIterable[Message],
    options: WireOptions,
    failure: RequestFailure,
) -> AsyncIterator[bytes]:
    """Encode requests as grpcio takes them. Holds no reference to the call, which may end."""
    try:
        async for request in requests:
            yield encoded(method, request, options)
    except Exception as error:
        failure.error = error
        raise


if TYPE_CHECKING:
    _: type[AsyncTransport] = AsyncGrpcTransport
    _stream: type[AsyncRawStream] = AsyncGrpcStream
