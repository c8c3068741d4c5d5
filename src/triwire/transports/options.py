"""What can be chosen about a wire beside the address: encoding, compression, limits. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from triwire.codec.binary import BinaryCodec
from triwire.errors import Code, RpcError

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.protobuf.message import Message

    from triwire.codec import Codec

__all__ = [
    "ConnectionOptions",
    "WireOptions",
    "check_request",
    "check_response",
    "gzip_from_bytes",
    "is_compressed",
    "request_writer",
    "too_large_error",
    "written_request",
]


@dataclass(frozen=True, slots=True)
class WireOptions:
    """How messages are written, compressed and limited; the defaults are the fastest measured.

    Sizes are those of one message as the wire has it: protobuf on the RPC wires, JSON on REST.
    Both limits end a call with RESOURCE_EXHAUSTED, from_server=False, which is never retried.

    Attributes:
        codec: Writes requests and reads responses on Connect and gRPC-Web; gRPC takes protobuf
            binary only, REST has its own.
        gzip_requests_from_bytes: Requests of this size and more are compressed; None: never,
            which is the default because it halves the throughput of small calls, 0: always.
            gRPC compresses all messages of a stream or none: all, unless the one request of a
            server stream is smaller.
        gzip_responses: Whether the server may compress responses; on gRPC it always may.
        max_request_bytes: Largest request message sent, before compression; it is refused
            before any I/O, in a stream when its turn comes. None: no limit.
        max_response_bytes: Largest response message taken, after decompression. None: no limit.
        use_get: Whether Connect sends unary calls without side effects as GET, which caches
            can answer. Others stay POST.

    Raises:
        TypeError: a size that is no int, a switch that is no bool, or no codec.
        ValueError: a size below zero, or a limit of zero.
    """

    codec: Codec = field(default_factory=BinaryCodec)
    gzip_requests_from_bytes: int | None = None
    gzip_responses: bool = False
    max_request_bytes: int | None = None
    max_response_bytes: int | None = None
    use_get: bool = False

    def __post_init__(self) -> None:
        for name, lowest in (
            ("gzip_requests_from_bytes", 0),
            ("max_request_bytes", 1),
            ("max_response_bytes", 1),
        ):
            size: object = getattr(self, name)
            if size is None:
                continue
            if isinstance(size, bool) or not isinstance(size, int):
                message = f"{name} must be a number of bytes or None, got {size!r}"
                raise TypeError(message)
            if size < lowest:
                message = f"{name} must be {lowest} or more, got {size!r}; None means no limit"
                raise ValueError(message)
        for name in ("gzip_responses", "use_get"):
            switch: object = getattr(self, name)
            if not isinstance(switch, bool):
                message = f"{name} must be a bool, got {switch!r}"
                raise TypeError(message)
        if isinstance(self.codec, type) or not hasattr(self.codec, "decode"):
            message = f"codec must be a Codec such as ProtoJsonCodec(), got {self.codec!r}"
            raise TypeError(message)


@dataclass(frozen=True, slots=True)
class ConnectionOptions:
    """How long connections are kept; no call fails because one is given up.

    Attributes:
        idle_seconds: A connection without calls is closed after this time. Below the 60 seconds
            after which common load balancers drop idle connections (AWS ALB), some without
            telling. None: kept.
        max_age_seconds: New calls use a new connection, and a new look at DNS, once this time has
            passed since the last one was made; a tenth less at random, so that clients started
            together do not come back together. Calls that run stay on the old one, which closes
            after the last. None: used as long as it works.
        tcp_keepalive_seconds: Time between TCP keepalive probes on Connect, gRPC-Web and REST.
            None: none.
        ping_seconds: Time between HTTP/2 PINGs while calls run, on gRPC only: pyqwest 0.12 has no
            setting for them. Servers may refuse more than one in five minutes (gRPC A8). None:
            none.

    Raises:
        TypeError: a time that is no number.
        ValueError: a time below one second, or infinite.
    """

    idle_seconds: float | None = 50.0
    max_age_seconds: float | None = 600.0
    tcp_keepalive_seconds: float | None = 30.0
    ping_seconds: float | None = None

    def __post_init__(self) -> None:
        for name in self.__slots__:
            seconds: object = getattr(self, name)
            if seconds is None:
                continue
            if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
                message = f"{name} must be a number of seconds or None, got {seconds!r}"
                raise TypeError(message)
            if not 1 <= seconds < math.inf:
                message = f"{name} must be 1 or more and finite, got {seconds!r}; None for none"
                raise ValueError(message)


def request_writer(options: WireOptions) -> Callable[[Message], bytes]:
    """Return what writes request messages as `written_request` does, in the fewest steps."""
    if options.max_request_bytes is None:
        return options.codec.encode
    return partial(written_request, options)


def written_request(options: WireOptions, message: Message) -> bytes:
    """Write a request message.

    Raises:
        RpcError: RESOURCE_EXHAUSTED: it is larger than the limit.
        ValueError: the codec cannot write it.
    """
    data = options.codec.encode(message)
    check_request(options, data)
    return data


def check_request(options: WireOptions, data: bytes) -> None:
    """Refuse a written request above the limit.

    Raises:
        RpcError: RESOURCE_EXHAUSTED, from_server=False.
    """
    limit = options.max_request_bytes
    if limit is not None and len(data) > limit:
        text = f"request message has {len(data)} bytes, more than max_request_bytes={limit}"
        raise RpcError(Code.RESOURCE_EXHAUSTED, text)


def check_response(options: WireOptions, data: bytes) -> None:
    """Refuse a response message above the limit.

    Raises:
        RpcError: RESOURCE_EXHAUSTED, from_server=False.
    """
    limit = options.max_response_bytes
    if limit is not None and len(data) > limit:
        raise too_large_error(limit)


def gzip_from_bytes(options: WireOptions) -> float:
    """Return the size of a written request from which on it is compressed; infinite: never."""
    least = options.gzip_requests_from_bytes
    return math.inf if least is None else least


def is_compressed(options: WireOptions, data: bytes) -> bool:
    """Whether a written request is large enough to be compressed."""
    return len(data) >= gzip_from_bytes(options)


def is_too_large(error: RpcError) -> bool:
    """Whether a call failed because this side takes no response message of that size.

    By its text, for want of a code: RESOURCE_EXHAUSTED without a server's word is also what
    a proxy's HTTP status 429 becomes. The text is `too_large_error`'s or grpcio's own ("Received
    message larger than max", 1.71 to 1.85).
    """
    return (
        error.code is Code.RESOURCE_EXHAUSTED
        and not error.from_server
        and "larger than max" in error.message
    )


def too_large_error(max_bytes: int) -> RpcError:
    """Return the error for a response message above the limit."""
    message = f"response message is larger than max_response_bytes={max_bytes}"
    return RpcError(Code.RESOURCE_EXHAUSTED, message)
