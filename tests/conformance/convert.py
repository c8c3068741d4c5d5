"""Between the suite's messages and ours, for client and server alike."""

from __future__ import annotations

import base64
import struct
from typing import IO, TYPE_CHECKING, Any

from google.protobuf.any_pb2 import Any as AnyMessage

from tests.conformance.stubs import load
from triwire.errors import Code, RpcError

if TYPE_CHECKING:
    from collections.abc import Iterable

_LENGTH = struct.Struct(">I")


def read_message(source: IO[bytes]) -> bytes | None:
    """Read one length-prefixed message, or None at the end."""
    prefix = source.read(_LENGTH.size)
    if len(prefix) < _LENGTH.size:
        return None
    return source.read(_LENGTH.unpack(prefix)[0])


def write_message(target: IO[bytes], data: bytes) -> None:
    """Write one length-prefixed message."""
    target.write(_LENGTH.pack(len(data)) + data)
    target.flush()


def headers_of(pairs: Iterable[tuple[str, str | bytes]]) -> list[Any]:
    """Return pairs as the suite's headers, one per name."""
    service = load("service_pb2")
    found: dict[str, Any] = {}
    for name, value in pairs:
        text = value if isinstance(value, str) else base64.b64encode(value).decode().rstrip("=")
        found.setdefault(name, service.Header(name=name)).value.append(text)
    return list(found.values())


def pairs_of(headers: Iterable[Any]) -> list[tuple[str, str | bytes]]:
    """Return the suite's headers as pairs."""
    return [(header.name.lower(), value) for header in headers for value in header.value]


def error_message(error: RpcError) -> Any:
    """Return an error as the suite writes it."""
    found = load("service_pb2").Error(code=int(error.code), message=error.message)
    for detail in error.details:
        if isinstance(detail, AnyMessage):
            found.details.append(detail)
        else:
            found.details.add().Pack(detail)
    return found


def rpc_error(error: Any, *extra: Any) -> RpcError:
    """Return the error that the suite asks for, with more messages as details."""
    details: list[Any] = list(error.details)
    for message in extra:
        packed = AnyMessage()
        packed.Pack(message)
        details.append(packed)
    return RpcError(Code.from_number(error.code), error.message, details=details)
