"""Carries calls over gRPC from coroutines. Hand-written pair of `sync`: grpcio has two APIs."""
# unasync: skip  # noqa: ERA001 - the marker that scripts/unasync.py looks for

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import TYPE_CHECKING, Any, Final, cast

from triwire._home import enter_process, other_loop_error
from triwire.codec.binary import BinaryCodec
from triwire.spec import RawResponse
from triwire.transports.failures import closed_error, timeout_error
from triwire.transports.grpc import wire
from triwire.transports.metadata import application_metadata

if TYPE_CHECKING:
    import grpc.aio

    from triwire.config import Endpoint, TlsOptions
    from triwire.spec import MethodSpec, Pairs
    from triwire.transports.base import AsyncTransport, RequestT, ResponseT

__all__ = ["AsyncGrpcTransport"]

_CODEC: Final = BinaryCodec()

# A server that resets the stream at the deadline may be heard before our own timer is.
_DEADLINE_SLACK_SECONDS = 0.02


class AsyncGrpcTransport:
    """One HTTP/2 channel, connected by the first call, reconnected by grpcio.

    Args:
        endpoint: Where the server is.
        tls: How to trust it, for https.
        user_agent: What stands before grpcio's own User-Agent.
    """

    def __init__(self, endpoint: Endpoint, *, tls: TlsOptions, user_agent: str) -> None:
        self._endpoint = endpoint
        self._tls = tls
        self._user_agent = user_agent
        self._channel: grpc.aio.Channel | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._methods: dict[str, Any] = {}
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
        import grpc.aio

        if self._loop is not None and self._loop is not asyncio.get_running_loop():
            raise other_loop_error(self._loop)
        multicallable: Any = self._methods.get(method.path)
        if multicallable is None:
            path = f"{self._endpoint.path_prefix}{method.path}"
            channel: Any = self._open()  # the stubs leave raw bytes untyped
            multicallable = self._methods[method.path] = channel.unary_unary(path)
        timeout = wire.timeout_seconds(timeout_seconds)
        started = time.monotonic()
        call = multicallable(_CODEC.encode(request), metadata=headers, timeout=timeout)
        try:
            body: Any = await call
        except grpc.aio.AioRpcError as error:
            raise wire.rpc_error(
                error.code().value[0],
                error.details(),
                error.debug_error_string(),
                cast("Pairs", tuple(error.trailing_metadata() or ())),
                seconds=timeout_seconds,
            ) from error
        except asyncio.CancelledError as error:
            late = timeout is not None and (
                time.monotonic() - started >= timeout - _DEADLINE_SLACK_SECONDS
            )
            task = asyncio.current_task()
            if late and task is not None and not task.cancelling():
                raise timeout_error(timeout_seconds) from error
            raise
        if not isinstance(body, bytes):
            # grpc.aio.EOF, or None: status OK came without a message.
            raise wire.missing_message(method.path)
        headers = await call.initial_metadata() or ()
        trailers = await call.trailing_metadata() or ()
        return RawResponse(
            body, partial(application_metadata, headers), partial(application_metadata, trailers)
        )

    def _open(self) -> grpc.aio.Channel:
        if self._channel is None:
            if self._closed:
                raise closed_error()
            enter_process("grpcio", self)
            self._loop = asyncio.get_running_loop()
            import grpc
            import grpc.aio

            from triwire.transports.grpc.credentials import channel_credentials

            name = wire.target(self._endpoint)
            options = wire.channel_options(self._user_agent)
            if self._endpoint.scheme == "https":
                credentials = channel_credentials(self._tls)
                self._channel = grpc.aio.secure_channel(name, credentials, options=options)
            else:
                self._channel = grpc.aio.insecure_channel(name, options=options)
        return self._channel

    def decode(self, method: MethodSpec[RequestT, ResponseT], body: bytes) -> ResponseT:
        """Parse protobuf binary; see `AsyncTransport`."""
        return _CODEC.decode(body, method.response_type)

    def forget(self) -> object:
        """Drop what is open without closing it; see `triwire._home`."""
        kept = (self._channel, self._methods)
        self._channel, self._methods, self._loop = None, {}, None
        return kept

    async def aclose(self) -> None:
        """Close the channel; calls in flight are cancelled. Idempotent."""
        self._closed = True
        self._methods.clear()
        if self._channel is not None:
            channel, self._channel = self._channel, None
            await channel.close(None)


if TYPE_CHECKING:
    _: type[AsyncTransport] = AsyncGrpcTransport
