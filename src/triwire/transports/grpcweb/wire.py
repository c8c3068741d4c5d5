"""What both colours of the gRPC-Web transport share. Pure.

connectrpc 0.13 is wrapped with care: it turns CancelledError into ConnectError(CANCELED) and
every local exception into ConnectError(UNAVAILABLE), with the original as `__cause__`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from triwire._http import network_error
from triwire.errors import Code, RpcError, decode_details
from triwire.spec import RawResponse
from triwire.transports.failures import timeout_error
from triwire.transports.metadata import application_metadata, to_text
from triwire.transports.pushback import (
    grpc_pushback_seconds,
    retry_after_seconds,
    with_pushback,
)

if TYPE_CHECKING:
    from connectrpc.client import ResponseMetadata
    from connectrpc.errors import ConnectError
    from connectrpc.method import MethodInfo
    from connectrpc.request import Headers

    from triwire.spec import MethodSpec, Pairs

__all__ = [
    "RawCodec",
    "method_info",
    "raw_response",
    "request_headers",
    "rpc_error",
    "timeout_ms",
]

# connectrpc's code values are the Connect protocol's names; gRPC spells one differently.
_CODES: Final = {code.name.lower(): code for code in Code} | {"canceled": Code.CANCELLED}


class RawCodec:
    """A connectrpc codec that leaves messages as the bytes they are.

    The transport encodes requests itself and hands out response bodies undecoded.
    """

    def name(self) -> str:
        """Name of the encoding in content types: protobuf binary."""
        return "proto"

    def encode(self, message: bytes) -> bytes:
        """Return `message`."""
        return message

    def decode(self, data: bytes | bytearray, message_class: type[bytes]) -> bytes:
        """Return `data` as bytes."""
        return data if isinstance(data, message_class) else bytes(data)


def method_info(method: MethodSpec[Any, Any]) -> MethodInfo[bytes, bytes]:
    """Describe a unary method to connectrpc, with bytes for messages."""
    from connectrpc.method import IdempotencyLevel, MethodInfo, StreamType

    return MethodInfo(
        name=method.name,
        service_name=method.service,
        input=bytes,
        output=bytes,
        idempotency_level=IdempotencyLevel[method.idempotency.name],
        stream_type=StreamType.UNARY,
    )


def request_headers(headers: Pairs, user_agent: str) -> Headers:
    """Return request metadata as connectrpc takes it."""
    from connectrpc.request import Headers

    found = Headers(to_text(headers))
    found["user-agent"] = user_agent
    return found


def timeout_ms(timeout_seconds: float | None) -> int | None:
    """Return the timeout in whole milliseconds, at least 1 unless no time is left.

    Raises:
        RpcError: DEADLINE_EXCEEDED when no time is left.
    """
    if timeout_seconds is None:
        return None
    if timeout_seconds <= 0:
        raise timeout_error(timeout_seconds)
    return max(1, math.floor(timeout_seconds * 1000))


def raw_response(body: bytes, metadata: ResponseMetadata) -> RawResponse:
    """Join a body with the metadata that connectrpc collected beside it."""
    return RawResponse(
        body,
        lambda: application_metadata(metadata.headers.allitems()),
        lambda: application_metadata(metadata.trailers.allitems()),
    )


def rpc_error(
    error: ConnectError, metadata: ResponseMetadata, timeout_seconds: float | None
) -> BaseException:
    """Return what a ConnectError stands for.

    That is an RpcError, or, where connectrpc wrapped a cancellation, the original exception.

    Args:
        error: The error that connectrpc raised.
        metadata: What it collected of the response; tells whether the server spoke at all.
        timeout_seconds: The timeout of the call, for the text.
    """
    cause = error.__cause__
    code = _CODES.get(error.code.value, Code.UNKNOWN)
    if isinstance(cause, TimeoutError) and code is Code.DEADLINE_EXCEEDED:
        return timeout_error(timeout_seconds)
    if isinstance(cause, Exception):
        return network_error(cause)
    if cause is not None:
        return cause
    # PROTOCOL-WEB.md: the status comes in the trailers of the body, or in the headers.
    if "grpc-status" in metadata.trailers:
        found = RpcError(
            code,
            error.message,
            details=decode_details((d.type_name, d.message_bytes) for d in error.details),
            from_server=True,
        )
        pushback = metadata.trailers.get("grpc-retry-pushback-ms")
        return with_pushback(found, None if pushback is None else grpc_pushback_seconds(pushback))
    status = metadata.http_status
    if status is None:
        return RpcError(code, error.message)
    kind = metadata.headers.get("content-type", "none")
    delay = retry_after_seconds(
        metadata.headers.get("retry-after", ""), metadata.headers.get("date", "")
    )
    failure = RpcError(
        code,
        f"no RPC answer but HTTP status {status} with content type {kind!r}: {error.message}; "
        "look for a proxy in between, and whether the endpoint and its path prefix are right",
    )
    return with_pushback(failure, delay)
