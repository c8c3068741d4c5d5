"""Errors raised by triwire: one class, told apart by `code`, equal on every wire.

Parsing here never raises: an error that arrives damaged still becomes one `RpcError`
with what could be read of it.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Final

from triwire._typing import override

if TYPE_CHECKING:
    from collections.abc import Iterable

    from google.protobuf.message import Message
    from google.rpc.status_pb2 import Status

__all__ = [
    "Code",
    "RpcError",
    "WaitError",
    "code_from_http",
    "decode_details",
    "from_status",
    "to_status",
]


class Code(IntEnum):
    """RPC status codes; names and numbers as in google/rpc/code.proto, without OK."""

    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16

    @classmethod
    def from_number(cls, number: int) -> Code:
        """Return the code with this number, or UNKNOWN for one that google.rpc does not define."""
        return _CODES.get(number, cls.UNKNOWN)

    @property
    def http_status(self) -> int:
        """HTTP status for REST, as google/rpc/code.proto documents it beside each code."""
        return _HTTP_STATUS[self]


_CODES: Final = {int(code): code for code in Code}

_HTTP_STATUS: Final[dict[Code, int]] = {
    Code.CANCELLED: 499,
    Code.UNKNOWN: 500,
    Code.INVALID_ARGUMENT: 400,
    Code.DEADLINE_EXCEEDED: 504,
    Code.NOT_FOUND: 404,
    Code.ALREADY_EXISTS: 409,
    Code.PERMISSION_DENIED: 403,
    Code.RESOURCE_EXHAUSTED: 429,
    Code.FAILED_PRECONDITION: 400,
    Code.ABORTED: 409,
    Code.OUT_OF_RANGE: 400,
    Code.UNIMPLEMENTED: 501,
    Code.INTERNAL: 500,
    Code.UNAVAILABLE: 503,
    Code.DATA_LOSS: 500,
    Code.UNAUTHENTICATED: 401,
}

# The inverse of the table above for statuses that name one code; 400, 409 and 500 name
# several, and take the one that the status itself describes. 405 and 415 come from servers
# and proxies that do not serve the method this way at all.
_CODE_OF_HTTP: Final[dict[int, Code]] = {
    400: Code.INVALID_ARGUMENT,
    401: Code.UNAUTHENTICATED,
    403: Code.PERMISSION_DENIED,
    404: Code.NOT_FOUND,
    405: Code.UNIMPLEMENTED,
    408: Code.DEADLINE_EXCEEDED,
    409: Code.ABORTED,
    413: Code.RESOURCE_EXHAUSTED,
    415: Code.UNIMPLEMENTED,
    429: Code.RESOURCE_EXHAUSTED,
    431: Code.RESOURCE_EXHAUSTED,
    499: Code.CANCELLED,
    500: Code.INTERNAL,
    501: Code.UNIMPLEMENTED,
    502: Code.UNAVAILABLE,
    503: Code.UNAVAILABLE,
    504: Code.DEADLINE_EXCEEDED,
}


def code_from_http(status: int) -> Code:
    """Return the code that an HTTP status stands for when no RPC status came with it.

    Args:
        status: The HTTP status of a REST response, any integer.
    """
    found = _CODE_OF_HTTP.get(status)
    if found is not None:
        return found
    by_class = {4: Code.FAILED_PRECONDITION, 5: Code.INTERNAL}
    return by_class.get(status // 100, Code.UNKNOWN)


class RpcError(Exception):
    """An RPC that did not succeed.

    Branch on `code` and on the types of `details`, never on the text.

    Attributes:
        code: The status code.
        message: The server's (or the client's) words, without the code. May be empty.
        details: One google.protobuf message per detail, in the server's order: the
            google.rpc types decoded, anything else as google.protobuf.Any.
        from_server: True if the server sent this error, False if the client inferred it
            (a lost connection, an expired deadline, an answer that is no RPC answer).
        retry_delay_seconds: How long the server asked to wait before another attempt
            (google.rpc.RetryInfo, Retry-After, grpc-retry-pushback-ms), or None. Negative:
            it asked not to be tried again.
        attempts: How many attempts the call made.
        headers: Response headers that the application set, as far as they came: pairs as in
            `Metadata.pairs`.
        trailers: The same for trailers.
    """

    code: Code
    message: str
    details: tuple[Message, ...]
    from_server: bool
    retry_delay_seconds: float | None
    attempts: int
    headers: tuple[tuple[str, str | bytes], ...]
    trailers: tuple[tuple[str, str | bytes], ...]

    def __init__(
        self,
        code: Code,
        message: str,
        *,
        details: Iterable[Message] = (),
        from_server: bool = False,
        retry_delay_seconds: float | None = None,
        headers: Iterable[tuple[str, str | bytes]] = (),
        trailers: Iterable[tuple[str, str | bytes]] = (),
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = tuple(details)
        self.from_server = from_server
        self.headers = tuple(headers)
        self.trailers = tuple(trailers)
        if retry_delay_seconds is None and self.details:
            retry_delay_seconds = _retry_delay_seconds(self.details)
        self.retry_delay_seconds = retry_delay_seconds
        self.attempts = 1

    @override
    def __str__(self) -> str:
        return f"{self.code.name}: {self.message}" if self.message else self.code.name

    @override
    def __repr__(self) -> str:
        origin = "server" if self.from_server else "client"
        kinds = [detail.DESCRIPTOR.full_name for detail in self.details]
        return f"RpcError({self.code.name}, {self.message!r}, details={kinds}, from={origin})"

    @override
    def __reduce__(self) -> tuple[object, ...]:
        packed = [(d.DESCRIPTOR.full_name, d.SerializeToString()) for d in self.details]
        metadata = (self.headers, self.trailers)
        return (
            _unpickle,
            (
                int(self.code),
                self.message,
                packed,
                self.from_server,
                self.retry_delay_seconds,
                metadata,
                self.attempts,
            ),
            _notes(self),
        )


class WaitError(RpcError):
    """A wait for a resource that ended without what was waited for.

    The code says why: DEADLINE_EXCEEDED, the time is up; FAILED_PRECONDITION, the resource is in
    a state that a wait does not outlive, with its conditions as details; NOT_FOUND, it is being
    deleted, is gone or was replaced by another of its id; CANCELLED, the client was closed. A
    read that failed in a way that waiting does not mend is raised as it is.

    Attributes:
        last: The resource as it was seen last, by this wait or by its caller; None if it never
            was.
        others: For a wait for several resources what was seen last of each, in the order in which
            they were given; otherwise empty.
    """

    last: Message | None
    others: tuple[Message | None, ...]

    def __init__(
        self,
        code: Code,
        message: str,
        *,
        last: Message | None = None,
        details: Iterable[Message] = (),
    ) -> None:
        super().__init__(code, message, details=details)
        self.last = last
        self.others = ()

    @override
    def __reduce__(self) -> tuple[object, ...]:
        packed = [(d.DESCRIPTOR.full_name, d.SerializeToString()) for d in self.details]
        return (
            _unpickle_wait,
            (int(self.code), self.message, packed, self.last, self.others),
            {"attempts": self.attempts, **(_notes(self) or {})},
        )


def _notes(error: RpcError) -> dict[str, object] | None:
    """Return the state that unpickling adds to an error: what was noted on it."""
    notes = getattr(error, "__notes__", None)
    return {"__notes__": list(notes)} if notes else None


def _unpickle(  # noqa: PLR0917 - pickle calls with positional arguments only
    code: int,
    message: str,
    packed: list[tuple[str, bytes]],
    from_server: bool,  # noqa: FBT001 - pickle calls with positional arguments only
    retry_delay_seconds: float | None,
    metadata: tuple[tuple[tuple[str, str | bytes], ...], tuple[tuple[str, str | bytes], ...]],
    attempts: int,
) -> RpcError:
    error = RpcError(
        Code.from_number(code),
        message,
        details=decode_details(packed),
        from_server=from_server,
        retry_delay_seconds=retry_delay_seconds,
        headers=metadata[0],
        trailers=metadata[1],
    )
    error.attempts = attempts
    return error


def _unpickle_wait(
    code: int,
    message: str,
    packed: list[tuple[str, bytes]],
    last: Message | None,
    others: tuple[Message | None, ...],
) -> WaitError:
    details = decode_details(packed)
    error = WaitError(Code.from_number(code), message, last=last, details=details)
    error.others = others
    return error


def decode_details(packed: Iterable[tuple[str, bytes]]) -> tuple[Message, ...]:
    """Decode error details; what cannot be decoded is kept as google.protobuf.Any.

    Args:
        packed: One pair per detail: the full message name (or a type URL) and the
            serialized message, as google.rpc.Status carries them.
    """
    pairs = list(packed)
    if not pairs:
        return ()
    # Loaded with the first error that has details, not with the package: it costs 8 ms.
    from google.protobuf.any_pb2 import Any as AnyMessage
    from google.protobuf.message import DecodeError

    types = _detail_types()
    found: list[Message] = []
    for type_name, value in pairs:
        name = type_name.rpartition("/")[2]
        kind = AnyMessage if name == "google.protobuf.Any" else types.get(name)
        if kind is not None:
            try:
                found.append(kind.FromString(value))
                continue
            except DecodeError:
                pass
        url = type_name if "/" in type_name else f"type.googleapis.com/{type_name}"
        found.append(AnyMessage(type_url=url, value=value))
    return tuple(found)


_detail_types_cache: dict[str, type[Message]] = {}


def _detail_types() -> dict[str, type[Message]]:
    if not _detail_types_cache:
        import google.rpc.error_details_pb2 as error_details_pb2  # noqa: PLR0402 - pyright finds no stubs for the other form

        for name in error_details_pb2.DESCRIPTOR.message_types_by_name:
            _detail_types_cache[f"google.rpc.{name}"] = getattr(error_details_pb2, name)
    return _detail_types_cache


def _retry_delay_seconds(details: tuple[Message, ...]) -> float | None:
    for detail in details:
        if detail.DESCRIPTOR.full_name == "google.rpc.RetryInfo":
            delay = getattr(detail, "retry_delay", None)
            if delay is not None and detail.HasField("retry_delay"):
                return float(delay.seconds + delay.nanos / 1e9)
    return None


def from_status(status: Status, *, from_server: bool = True) -> RpcError:
    """Return the error that a google.rpc.Status describes.

    Args:
        status: Any status; a number that google.rpc does not define becomes UNKNOWN.
        from_server: Whether the status came over the wire.
    """
    return RpcError(
        Code.from_number(status.code),
        status.message,
        details=decode_details((detail.type_url, detail.value) for detail in status.details),
        from_server=from_server,
    )


def to_status(error: RpcError) -> Status:
    """Return the google.rpc.Status that carries `error`, details packed as Any."""
    from google.protobuf.any_pb2 import Any as AnyMessage
    from google.rpc.status_pb2 import Status as StatusMessage

    status = StatusMessage(code=int(error.code), message=error.message)
    for detail in error.details:
        if isinstance(detail, AnyMessage):
            status.details.append(detail)
        else:
            status.details.add().Pack(detail)
    return status
