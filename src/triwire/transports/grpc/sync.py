"""Carries calls over gRPC from threads. Hand-written pair of `aio`: grpcio has two APIs."""

from __future__ import annotations

import threading
import time
import weakref
from typing import TYPE_CHECKING, Any, cast

from triwire._home import enter_process
from triwire.cancellation import entered, given_up_by, given_up_error, is_given_up
from triwire.errors import Code, RpcError
from triwire.spec import Metadata, RawResponse
from triwire.transports.grpc import wire
from triwire.transports.grpc.channel import CountedChannel
from triwire.transports.renewal import Renewal
from triwire.transports.options import (
    ConnectionOptions,
    WireOptions,
    gzip_from_bytes,
    is_compressed,
    request_writer,
)
from triwire.transports.metadata import application_metadata
from triwire.transports.decoded.wire import RequestFailure
from triwire.transports.enveloped.wire import encoded
from triwire.transports.failures import closed_error, timeout_error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import grpc
    from google.protobuf.message import Message

    from triwire.config import Endpoint, Proxy
    from triwire.tls import TlsOptions
    from triwire.spec import MethodSpec, Pairs
    from triwire.transports.base import RawStream, RequestT, ResponseT, Transport

__all__ = ["GrpcTransport"]

# A server that resets the stream at the deadline may be heard before our own timer is.
_DEADLINE_SLACK_SECONDS = 0.02


def _gzip() -> Any:  # noqa: ANN401 - the stubs know no name for it
    import grpc

    return grpc.Compression.Gzip


def _unary_error(
    error: Exception, timeout_seconds: float | None, ends: float | None
) -> RpcError | None:
    """Return the error that a unary call has failed with, or None if it is none of grpcio's."""
    import grpc

    if not isinstance(error, grpc.RpcError):
        return None
    # Every RpcError of a unary call is the call itself (grpcio's documentation).
    call = cast("grpc.Call", error)
    number = call.code().value[0]
    if number == Code.CANCELLED and ends is not None and time.monotonic() >= ends:
        return timeout_error(timeout_seconds)
    return wire.rpc_error(
        number,
        call.details(),
        getattr(error, "debug_error_string", str)(),
        call.trailing_metadata(),
        seconds=timeout_seconds,
        headers=call.initial_metadata(),
    )


def _cancellable(multicallable: Any) -> Callable[..., tuple[Any, Any]]:  # noqa: ANN401 - the stubs leave raw bytes untyped
    """Return what `with_call` of the multicallable does, for another thread to give up."""
    import grpc

    def with_call(body: bytes, **arguments: Any) -> tuple[Any, Any]:
        running: list[Any] = []
        # Registered before there is a call, so that a call which comes too late is not made.
        with given_up_by(lambda: [call.cancel() for call in running]):
            call = multicallable.future(body, **arguments)
            running.append(call)
            if is_given_up():
                call.cancel()
            try:
                return call.result(), call
            except grpc.FutureCancelledError as error:
                raise given_up_error() from error

    return with_call


class GrpcTransport:
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
        self._renewal = Renewal(
            tls, max_age_seconds=self._connections.max_age_seconds, now=now
        )
        self._user_agent = user_agent
        self._options = options if options is not None else WireOptions()
        wire.check_options(self._options)
        self._write = request_writer(self._options)
        self._gzip_from_bytes = gzip_from_bytes(self._options)
        wire.check_proxy(proxy)
        self._proxy = proxy
        self._channel: CountedChannel | None = None
        self._open_channels: set[grpc.Channel] = set()
        self._closings: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._closed = False

    @property
    def wire(self) -> str:
        """Always "grpc"."""
        return "grpc"

    def unary(
        self,
        method: MethodSpec[RequestT, ResponseT],
        request: RequestT,
        *,
        headers: Pairs,
        timeout_seconds: float | None,
    ) -> RawResponse:
        """Send one message and return the raw reply; see `Transport`."""
        body = self._write(request)
        timeout = wire.timeout_seconds(timeout_seconds)
        started = time.monotonic()
        channel = self._open()
        try:
            send = channel.unary[method.path]
            reply, call = (_cancellable(send) if entered() else send.with_call)(
                body,
                metadata=headers,
                timeout=timeout,
                compression=None if len(body) < self._gzip_from_bytes else _gzip(),
            )
        except Exception as error:
            ends = None if timeout is None else started + timeout - _DEADLINE_SLACK_SECONDS
            failed = _unary_error(error, timeout_seconds, ends)
            if failed is None:
                raise
            raise failed from error
        finally:
            channel.end()
        if not isinstance(reply, bytes):
            raise wire.missing_message(method.path)
        return RawResponse(
            reply,
            lambda: application_metadata(call.initial_metadata() or ()),
            lambda: application_metadata(call.trailing_metadata() or ()),
            date=lambda: wire.server_date(call.initial_metadata() or ()),
        )

    def stream(
        self,
        method: MethodSpec[RequestT, ResponseT],
        requests: tuple[RequestT, ...] | Iterable[RequestT],
        *,
        headers: Pairs,
        timeout_seconds: float | None,
    ) -> RawStream:
        """Return a call of any stream kind; see `Transport`."""
        return GrpcStream(
            self._open,
            method,
            requests,
            headers=headers,
            timeout_seconds=timeout_seconds,
            options=self._options,
        )

    def _open(self) -> CountedChannel:
        """Return the channel for one call, which is counted and must be ended."""
        while True:
            channel = self._channel
            if self._renewal.is_due() or channel is None:
                channel = self._replace(channel)
            # Another thread may have replaced and closed it since.
            if channel.begin():
                return channel

    def _replace(self, old: CountedChannel | None) -> CountedChannel:
        """Return a new channel in place of an old one, or the one that another thread made."""
        with self._lock:
            if self._closed:
                raise closed_error()
            channel = self._channel
            if channel is None or channel is old:
                enter_process("grpcio", self)
                channel = self._channel = self._new_channel()
        if old is not None:
            old.retire()
        return channel

    def _new_channel(self) -> CountedChannel:
        import grpc

        from triwire.transports.grpc.credentials import channel_credentials

        name = wire.target(self._endpoint)
        options = wire.channel_options(
            self._user_agent, self._options, self._connections, self._proxy
        )
        if self._endpoint.scheme == "https":
            credentials = channel_credentials(self._renewal.tls)
            channel = grpc.secure_channel(name, credentials, options=options)
        else:
            channel = grpc.insecure_channel(name, options=options)
        self._open_channels.add(channel)
        return CountedChannel(
            channel, path_prefix=self._endpoint.path_prefix, close=self._close_channel
        )

    def _close_channel(self, channel: grpc.Channel) -> None:
        with self._lock:
            self._open_channels.discard(channel)
            # A stream may have ended in the thread that serves its channel, which closing waits for.
            closing = threading.Thread(target=channel.close, daemon=True)
            self._closings = [one for one in self._closings if one.is_alive()] + [closing]
            closing.start()

    def decode(self, method: MethodSpec[RequestT, ResponseT], body: bytes) -> ResponseT:
        """Parse protobuf binary; see `Transport`."""
        return self._options.codec.decode(body, method.response_type)

    def forget(self) -> object:
        """Drop what is open without closing it; see `triwire._home`."""
        kept = (self._channel, self._open_channels)
        self._channel, self._open_channels, self._closings = None, set(), []
        # Another thread may have held it at the fork.
        self._lock = threading.Lock()
        return kept

    def close(self) -> None:
        """Close the channel, after the last call that runs; see `Transport`. Idempotent."""
        with self._lock:
            self._closed = True
            channel, self._channel = self._channel, None
        if channel is not None:
            channel.retire()
        with self._lock:
            closings = list(self._closings)
        for closing in closings:
            closing.join()


class GrpcStream:
    """One RPC on the channel; see `RawStream`. Made by `GrpcTransport.stream`."""

    def __init__(
        self,
        open_channel: Callable[[], CountedChannel],
        method: MethodSpec[Any, Any],
        requests: tuple[Message, ...] | Iterable[Message],
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
        self._call: Any = None
        self._deadline: float | None = None
        self._trailers = Metadata()
        self._ended = False
        self._error: Exception | None = None

    def start(self) -> None:
        """Begin the call; see `RawStream`."""
        if self._error is not None:
            raise self._error
        if self._call is not None:
            return
        timeout = wire.timeout_seconds(self._timeout_seconds)
        if timeout is not None:
            self._deadline = time.monotonic() + timeout
        requests = self._requests
        handle = _Handle()
        if isinstance(requests, tuple):
            # Before any I/O, and in one piece.
            written = [encoded(self._method, request, self._options) for request in requests]
            is_gzip = any(is_compressed(self._options, data) for data in written)
            body: Any = iter(written)
        else:
            is_gzip = self._options.gzip_requests_from_bytes is not None
            body = _encoded_requests(self._method, requests, self._options, self._failure, handle)
        channel = self._open_channel()
        try:
            self._call = channel.stream[self._method.path](
                body,
                metadata=self._request_headers,
                timeout=timeout,
                compression=_gzip() if is_gzip else None,
            )
        except BaseException:
            channel.end()
            raise
        if not self._call.add_callback(channel.end):
            channel.end()
        handle.set(self._call)
        if self._error is not None:
            # Closed meanwhile, by another thread that did not see the call yet.
            self._call.cancel()
            raise self._error

    def headers(self) -> Metadata:
        """Return the response headers; see `RawStream`."""
        try:
            self.start()
            with given_up_by(self.close):
                pairs = self._call.initial_metadata() or ()
            if not pairs and self._call.done() and self._call.code().value[0] != 0:
                raise self._status_error()
        except BaseException as error:
            self._fail(error)
            raise
        return application_metadata(pairs)

    @property
    def trailers(self) -> Metadata:
        """Trailers; see `RawStream`."""
        return self._trailers

    def read(self) -> bytes | None:
        """Return the next message; see `RawStream`."""
        if self._error is not None:
            raise self._error
        if self._ended:
            return None
        try:
            self.start()
            try:
                with given_up_by(self.close):
                    message: bytes = next(self._call)
            except StopIteration:
                self._trailers = application_metadata(self._call.trailing_metadata() or ())
                self._ended = True
                return None
            return message
        except BaseException as error:
            self._fail(error)
            raise

    def close(self) -> None:
        """Cancel the call if it has not ended, from any thread; see `RawStream`."""
        if not self._ended and self._error is None:
            self._error = RpcError(Code.CANCELLED, "the call was closed by this side")
        if self._call is not None:
            self._call.cancel()

    def _status_error(self) -> RpcError:
        call = self._call
        late = self._deadline is not None and (
            time.monotonic() >= self._deadline - _DEADLINE_SLACK_SECONDS
        )
        number = call.code().value[0]
        if late and number == Code.CANCELLED:
            return timeout_error(self._timeout_seconds)
        return wire.rpc_error(
            number,
            call.details(),
            # Holds the debug text; debug_error_string() waits for ever if this side cancelled.
            repr(call),
            call.trailing_metadata(),
            seconds=self._timeout_seconds,
            headers=call.initial_metadata(),
        )

    def _fail(self, error: BaseException) -> None:
        """Remember why the call ended, cancel it, and raise what is the cause if that differs."""
        if self._error is None:
            self._error = self._cause(error)
            if isinstance(self._error, RpcError):
                self._trailers = Metadata(self._error.trailers)
        if self._call is not None:
            self._call.cancel()
        if self._error is not error and isinstance(error, Exception):
            raise self._error from error

    def _cause(self, error: BaseException) -> Exception:
        import grpc

        if isinstance(error, Exception) and self._failure.error is not None:
            return self._failure.error
        if isinstance(error, grpc.RpcError):
            return self._status_error()
        if isinstance(error, Exception):
            return error
        return RpcError(Code.CANCELLED, "the call was interrupted on this side")


class _Handle:
    """Lets the request thread cancel a call that it must not keep alive."""

    def __init__(self) -> None:
        self._ready = threading.Event()
        self._call: Callable[[], Any] = str

    def set(self, call: Any) -> None:  # noqa: ANN401 - grpcio's call
        """Say which call it is."""
        self._call = weakref.ref(call)
        self._ready.set()

    def cancel(self) -> None:
        """Cancel it if it is still there."""
        self._ready.wait()
        call = self._call()
        if call is not None:
            call.cancel()


def _encoded_requests(
    method: MethodSpec[Any, Any],
    requests: Iterable[Message],
    options: WireOptions,
    failure: RequestFailure,
    handle: _Handle,
) -> Iterator[bytes]:
    """Encode requests as grpcio takes them, in a thread of its own.

    An exception is not let out: grpcio would log it with its traceback. The call is cancelled
    before the iterator ends, so that the server never takes its requests for complete.
    """
    try:
        for request in requests:
            yield encoded(method, request, options)
    except Exception as error:  # noqa: BLE001 - raised to the reader
        failure.error = error
        handle.cancel()


if TYPE_CHECKING:
    _: type[Transport] = GrpcTransport
    _stream: type[RawStream] = GrpcStream
