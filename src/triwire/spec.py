"""What a call is: method, stream kind, HTTP rule, metadata, options. Pure data."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from types import NoneType
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, TypeAlias, TypeVar, cast

from triwire._typing import override
from triwire.retry import HedgingPolicy, RetryPolicy

if TYPE_CHECKING:
    from google.protobuf.message import Message

__all__ = [
    "CallOptions",
    "HttpRule",
    "Idempotency",
    "Metadata",
    "MetadataInput",
    "MethodSpec",
    "RawResponse",
    "Response",
    "StreamKind",
]

RequestT = TypeVar("RequestT", bound="Message")
ResponseT = TypeVar("ResponseT", bound="Message")

Pairs: TypeAlias = tuple[tuple[str, str | bytes], ...]
MetadataInput: TypeAlias = Mapping[str, str | bytes] | Iterable[tuple[str, str | bytes]]
Deferred: TypeAlias = "Metadata | Callable[[], Metadata]"


class StreamKind(Enum):
    """Which sides of a method send more than one message."""

    UNARY = "unary"
    CLIENT_STREAM = "client_stream"
    SERVER_STREAM = "server_stream"
    BIDI_STREAM = "bidi_stream"


class Idempotency(Enum):
    """google.protobuf.MethodOptions.idempotency_level of a method."""

    UNKNOWN = "unknown"
    NO_SIDE_EFFECTS = "no_side_effects"
    IDEMPOTENT = "idempotent"


@dataclass(frozen=True, slots=True)
class HttpRule:
    """One google.api.http binding of a method, as written in the .proto.

    Attributes:
        verb: Upper-case HTTP method ("GET", "PATCH"), or the kind of a custom pattern.
        template: Path template after google/api/http.proto, such as "/v1/{name=shelves/*}".
        body: "*" for the whole request, a field's name, or "" for no body.
        response_body: Field of the response that is the HTTP body, or "" for all of it.
        additional_bindings: Further bindings in order; these have none of their own.
        taken: Paths that this template could make and that are another method's, which servers
            would call instead: literal segments win over variables.

    Raises:
        ValueError: An additional binding has bindings of its own, which nobody would use.
    """

    verb: str
    template: str
    body: str = ""
    response_body: str = ""
    additional_bindings: tuple[HttpRule, ...] = ()
    taken: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for binding in self.additional_bindings:
            if binding.additional_bindings:
                name = f"{binding.verb} {binding.template!r}"
                raise ValueError(f"additional binding {name} has bindings of its own")


@dataclass(frozen=True, slots=True, eq=False)
class MethodSpec(Generic[RequestT, ResponseT]):
    """One RPC method. Made by generated code, one object per method; compared by identity.

    Attributes:
        service: Full proto name of the service, such as "acme.v1.LibraryService".
        name: The method's proto name, such as "GetBook".
        request_type: Message class of the request.
        response_type: Message class of the response.
        stream_kind: Which sides stream.
        idempotency: The method's declared idempotency level.
        http: Its google.api.http rule, or None when REST cannot carry it.
        retry: Its retry policy out of a gRPC service config, or None.
        hedging: How it is hedged by that config in place of retries, or None.
        retry_key: The field of the request that must be set for another attempt to be safe,
            such as the id of what is created, or "". Without it a call is never retried.
        path: "/service/name", the path of the method in gRPC and Connect.

    Raises:
        ValueError: it is hedged and has side effects, streams, or is retried as well.
    """

    service: str
    name: str
    request_type: type[RequestT]
    response_type: type[ResponseT]
    stream_kind: StreamKind = StreamKind.UNARY
    idempotency: Idempotency = Idempotency.UNKNOWN
    http: HttpRule | None = None
    retry: RetryPolicy | None = None
    retry_key: str = ""
    hedging: HedgingPolicy | None = None
    path: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", f"/{self.service}/{self.name}")
        if self.hedging is None:
            return
        if not self.is_hedgeable:
            message = (
                f"{self.name} cannot be hedged: expected unary methods without side effects "
                "(idempotency_level = NO_SIDE_EFFECTS, or HTTP GET)"
            )
            raise ValueError(message)
        if self.retry is not None:
            message = f"{self.name} is either retried or hedged: expected retry=None beside hedging"
            raise ValueError(message)

    @property
    def is_hedgeable(self) -> bool:
        """Whether the method may be called several times at once: unary and without side effects.

        It has none if it says so (idempotency_level) or is a GET over HTTP, which is safe by
        RFC 9110 section 9.2.1.
        """
        if self.stream_kind is not StreamKind.UNARY:
            return False
        is_get = self.http is not None and self.http.verb == "GET"
        return is_get or self.idempotency is Idempotency.NO_SIDE_EFFECTS


class Metadata(Mapping[str, str | bytes]):
    """Headers or trailers: an immutable multimap with lower-case keys.

    Keys that end in "-bin" hold bytes, all others text, whatever the wire. As a Mapping it
    shows the first value of each key; `getall` and `pairs` show every one, in order.
    """

    __slots__ = ("pairs",)

    pairs: Pairs

    def __init__(self, items: MetadataInput = ()) -> None:
        pairs: Iterable[tuple[str, str | bytes]] = (
            cast("Mapping[str, str | bytes]", items).items()
            if isinstance(items, Mapping)
            else items
        )
        self.pairs = tuple((key.lower(), value) for key, value in pairs)

    @override
    def __getitem__(self, key: str) -> str | bytes:
        wanted = key.lower()
        for name, value in self.pairs:
            if name == wanted:
                return value
        raise KeyError(key)

    def getall(self, key: str) -> list[str | bytes]:
        """Return every value of `key` in order of arrival; empty if there is none."""
        wanted = key.lower()
        return [value for name, value in self.pairs if name == wanted]

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(dict(self.pairs))

    @override
    def __len__(self) -> int:
        return len({name for name, _ in self.pairs})

    @override
    def __eq__(self, other: object) -> bool:
        if isinstance(other, Metadata):
            return sorted(self.pairs, key=repr) == sorted(other.pairs, key=repr)
        return NotImplemented

    @override
    def __hash__(self) -> int:
        return hash(frozenset(self.pairs))

    @override
    def __repr__(self) -> str:
        return f"Metadata({[name for name, _ in self.pairs]})"


@dataclass(frozen=True, slots=True)
class CallOptions:
    """Settings of a call that are no fields of its request.

    Attributes:
        timeout_seconds: Budget for the whole call, all attempts and the waits between them,
            or None for no limit.
        headers: Metadata to send beside what the client sends by itself.
        attempt_timeout_seconds: Limit for each attempt, or None for what is left of the call.
        retry: How failed attempts are tried again: a policy for every method, None for not
            at all, or "method" for what the method's service config says.
        wait_for_ready: Whether an attempt that finds no connection waits for one, until its
            time is up, in place of failing at once with UNAVAILABLE.
        hedging: How methods without side effects are called several times at once: a policy, None
            for not at all, or "method" for what the method's service config says, which `retry`
            replaces if it is not "method".

    Raises:
        TypeError: a value of the wrong type.
        ValueError: a time below zero, or values that contradict each other.
    """

    timeout_seconds: float | None = None
    headers: Metadata = field(default_factory=Metadata)
    attempt_timeout_seconds: float | None = None
    retry: RetryPolicy | Literal["method"] | None = "method"
    wait_for_ready: bool = False
    hedging: HedgingPolicy | Literal["method"] | None = "method"

    def __post_init__(self) -> None:
        for name in ("timeout_seconds", "attempt_timeout_seconds"):
            _check_seconds(name, getattr(self, name))
        for name, kind, expected in _OPTION_TYPES:
            value: object = getattr(self, name)
            if not isinstance(value, kind) and not (
                name in {"retry", "hedging"} and value == "method"
            ):
                # Headers are not shown: one may be a token.
                shown = type(value).__name__ if name == "headers" else repr(value)
                message = f"{name} must be {expected}, got {shown}"
                raise TypeError(message)
        is_retried = isinstance(self.retry, RetryPolicy)
        if is_retried and isinstance(self.hedging, HedgingPolicy):
            message = (
                "a call is either retried or hedged: beside hedging, expected retry=None or "
                'retry="method" (for the methods that are not hedged), got a RetryPolicy'
            )
            raise ValueError(message)


_OPTION_TYPES: Final[tuple[tuple[str, Any, str], ...]] = (
    ("headers", Metadata, "a Metadata"),
    ("retry", (RetryPolicy, NoneType), 'a RetryPolicy, None or "method"'),
    ("wait_for_ready", bool, "a bool"),
    ("hedging", (HedgingPolicy, NoneType), 'a HedgingPolicy, None or "method"'),
)


def _check_seconds(name: str, seconds: float | None) -> None:
    if seconds is None:
        return
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers without a type checker
        message = f"{name} must be a number or None, got {seconds!r}"
        raise TypeError(message)
    if not 0 <= seconds < math.inf:
        message = f"{name} must be 0 or more and finite, or None for no limit, got {seconds!r}"
        raise ValueError(message)


class RawResponse:
    """A response before decoding: the bytes of the one message and the metadata.

    Args:
        body: What the wire carried for the message: protobuf binary on gRPC, Connect and
            gRPC-Web, the JSON body on REST. `Transport.decode` turns it into a message.
        headers: Response headers, or a function that reads them out of the wire's own form:
            most callers never look, and reading costs more than the rest of a small call.
        trailers: Trailers, likewise.
        date: A function that returns the Date header, "" where there is none.

    Attributes:
        body: As above.
    """

    __slots__ = ("_date", "_headers", "_trailers", "body")

    def __init__(
        self,
        body: bytes,
        headers: Deferred,
        trailers: Deferred,
        *,
        date: Callable[[], str] | None = None,
    ) -> None:
        self.body = body
        self._headers = headers
        self._trailers = trailers
        self._date = date

    @property
    def headers(self) -> Metadata:
        """Response headers that the application set; the protocol's own are left out."""
        if not isinstance(self._headers, Metadata):
            self._headers = self._headers()
        return self._headers

    @property
    def trailers(self) -> Metadata:
        """Trailers that the application set. REST sends them as "trailer-" headers."""
        if not isinstance(self._trailers, Metadata):
            self._trailers = self._trailers()
        return self._trailers

    @property
    def server_date(self) -> datetime | None:
        """The server's clock, in whole seconds, if the response told it."""
        text = self._date() if self._date is not None else ""
        if not text:
            return None
        # Loaded by those who ask: it takes longer than a call.
        from email.utils import parsedate_to_datetime

        try:
            # RFC 9110, section 5.6.7: an HTTP-date is in UTC, whether it says so or not.
            return parsedate_to_datetime(text).replace(tzinfo=UTC)
        except (ValueError, TypeError, IndexError, OverflowError):
            return None


class Response(Generic[ResponseT]):
    """A response message with the metadata that came beside it.

    Attributes:
        message: The decoded response.
        raw: The same as it came.
    """

    __slots__ = ("message", "raw")

    def __init__(self, message: ResponseT, raw: RawResponse) -> None:
        self.message = message
        self.raw = raw

    @property
    def headers(self) -> Metadata:
        """Response headers that the application set; the protocol's own are left out."""
        return self.raw.headers

    @property
    def trailers(self) -> Metadata:
        """Trailers that the application set."""
        return self.raw.trailers

    @property
    def server_date(self) -> datetime | None:
        """The server's clock, in whole seconds, from the response's Date header if it has one."""
        return self.raw.server_date

    @property
    def size_bytes(self) -> int:
        """Size of the message as the wire carried it, decompressed."""
        return len(self.raw.body)
