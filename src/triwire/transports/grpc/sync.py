"""Carries calls over gRPC from threads. Hand-written pair of `aio`: grpcio has two APIs."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, Final, cast

from triwire._home import enter_process
from triwire.codec.binary import BinaryCodec
from triwire.errors import Code
from triwire.spec import RawResponse
from triwire.transports.grpc import wire
from triwire.transports.metadata import application_metadata
from triwire.transports.failures import closed_error, timeout_error

if TYPE_CHECKING:
    import grpc

    from triwire.config import Endpoint, TlsOptions
    from triwire.spec import MethodSpec, Pairs
    from triwire.transports.base import RequestT, ResponseT, Transport

__all__ = ["GrpcTransport"]

_CODEC: Final = BinaryCodec()

# A server that resets the stream at the deadline may be heard before our own timer is.
_DEADLINE_SLACK_SECONDS = 0.02


class GrpcTransport:
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
        self._channel: grpc.Channel | None = None
        self._methods: dict[str, Any] = {}
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
        import grpc

        multicallable: Any = self._methods.get(method.path)
        if multicallable is None:
            path = f"{self._endpoint.path_prefix}{method.path}"
            channel: Any = self._open()  # the stubs leave raw bytes untyped
            multicallable = self._methods[method.path] = channel.unary_unary(path)
        timeout = wire.timeout_seconds(timeout_seconds)
        started = time.monotonic()
        try:
            body, call = multicallable.with_call(
                _CODEC.encode(request), metadata=headers, timeout=timeout
            )
        except grpc.RpcError as error:
            # Every RpcError of a unary call is the call itself (grpcio's documentation).
            failed = cast("grpc.Call", error)
            late = timeout is not None and (
                time.monotonic() - started >= timeout - _DEADLINE_SLACK_SECONDS
            )
            number = failed.code().value[0]
            if late and number == Code.CANCELLED:
                raise timeout_error(timeout_seconds) from error
            raise wire.rpc_error(
                number,
                failed.details(),
                getattr(error, "debug_error_string", str)(),
                failed.trailing_metadata(),
                seconds=timeout_seconds,
            ) from error
        if not isinstance(body, bytes):
            raise wire.missing_message(method.path)
        return RawResponse(
            body,
            lambda: application_metadata(call.initial_metadata() or ()),
            lambda: application_metadata(call.trailing_metadata() or ()),
        )

    def _open(self) -> grpc.Channel:
        with self._lock:
            if self._channel is None:
                if self._closed:
                    raise closed_error()
                enter_process("grpcio", self)
                import grpc

                from triwire.transports.grpc.credentials import channel_credentials

                name = wire.target(self._endpoint)
                options = wire.channel_options(self._user_agent)
                if self._endpoint.scheme == "https":
                    credentials = channel_credentials(self._tls)
                    self._channel = grpc.secure_channel(name, credentials, options=options)
                else:
                    self._channel = grpc.insecure_channel(name, options=options)
            return self._channel

    def decode(self, method: MethodSpec[RequestT, ResponseT], body: bytes) -> ResponseT:
        """Parse protobuf binary; see `Transport`."""
        return _CODEC.decode(body, method.response_type)

    def forget(self) -> object:
        """Drop what is open without closing it; see `triwire._home`."""
        kept = (self._channel, self._methods)
        self._channel, self._methods = None, {}
        # Another thread may have held it at the fork.
        self._lock = threading.Lock()
        return kept

    def close(self) -> None:
        """Close the channel; calls in flight are cancelled. Idempotent."""
        with self._lock:
            self._closed = True
            self._methods.clear()
            channel, self._channel = self._channel, None
        if channel is not None:
            channel.close()


if TYPE_CHECKING:
    _: type[Transport] = GrpcTransport
