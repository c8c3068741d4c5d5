"""The gRPC-Web protocol, as bytes. Pure.

The rules are from grpc/grpc doc/PROTOCOL-WEB.md and doc/PROTOCOL-HTTP2.md. Spoken directly and
not through connectrpc, as Connect is (docs/adr/0002): one response reader serves both.
"""

from __future__ import annotations

import base64
import binascii
import math
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from triwire.errors import Code, RpcError, decode_details
from triwire.spec import Metadata
from triwire.transports.envelope import FrameReader, encoding_error
from triwire.transports.failures import inferred_code, timeout_error
from triwire.transports.metadata import application_metadata, to_text
from triwire.transports.pushback import (
    grpc_pushback_seconds,
    retry_after_seconds,
    with_pushback,
)

if TYPE_CHECKING:
    from triwire._http import HttpResponse
    from triwire.spec import Pairs
    from triwire.transports.options import WireOptions

__all__ = ["ResponseDecoder", "request_headers", "timeout_header"]

_CONTENT_TYPE: Final = "application/grpc-web"
_TRAILERS: Final = 0b1000_0000
_OK: Final = 200

# PROTOCOL-HTTP2.md, "Timeout": at most eight digits and a unit.
_UNITS: Final = ((1000.0, "m"), (1.0, "S"), (1 / 60, "M"), (1 / 3600, "H"))
_MAX_TIMEOUT: Final = 99_999_999


def timeout_header(timeout_seconds: float) -> tuple[str, str]:
    """Return the timeout as sent: milliseconds where they fit, never 0.

    Raises:
        RpcError: DEADLINE_EXCEEDED when no time is left.
    """
    if timeout_seconds <= 0:
        raise timeout_error(timeout_seconds)
    for factor, unit in _UNITS:
        amount = math.floor(timeout_seconds * factor)
        if amount <= _MAX_TIMEOUT:
            return ("grpc-timeout", f"{max(1, amount)}{unit}")
    return ("grpc-timeout", f"{_MAX_TIMEOUT}H")


def request_headers(
    headers: Pairs, user_agent: str, *, options: WireOptions, timeout_seconds: float | None
) -> tuple[tuple[str, str], ...]:
    """Return the HTTP headers of a request.

    Raises:
        RpcError: DEADLINE_EXCEEDED when no time is left.
    """
    pairs = [
        ("content-type", f"{_CONTENT_TYPE}+{options.codec.name}"),
        ("te", "trailers"),
        ("user-agent", user_agent),
        *to_text(headers),
    ]
    if options.gzip_requests_from_bytes is not None:
        pairs.append(("grpc-encoding", "gzip"))
    if options.gzip_responses:
        pairs.append(("grpc-accept-encoding", "gzip"))
    if timeout_seconds is not None:
        pairs.append(timeout_header(timeout_seconds))
    return tuple(pairs)


class ResponseDecoder:
    """Reads the response of a call; see `Decoder`. Metadata is read when it is asked for."""

    def __init__(self, options: WireOptions) -> None:
        self._options = options
        self._frames = FrameReader(max_message_bytes=None, is_gzip=False, allowed_flags=0)
        self._head: HttpResponse | None = None
        self._status: list[tuple[str, str]] | None = None
        self._has_message = False

    @property
    def headers(self) -> Metadata:
        """Response headers that the application set; see `Decoder`."""
        head = self._head
        if head is None or self._status is head.headers:
            return Metadata()
        return application_metadata(head.headers)

    @property
    def trailers(self) -> Metadata:
        """What it set beside the status, in the last frame or in the headers; see `Decoder`."""
        return application_metadata(self._status or ())

    def start(self, head: HttpResponse) -> bool:
        """Take status and headers in; see `Decoder`."""
        self._head = head
        if head.status != _OK:
            return False
        kind = head.header("content-type").partition(";")[0].strip().lower()
        codec = kind.removeprefix(_CONTENT_TYPE).removeprefix("+") or "proto"
        if kind != _CONTENT_TYPE and not kind.startswith(f"{_CONTENT_TYPE}+"):
            raise RpcError(
                Code.UNKNOWN,
                f"no RPC answer but HTTP status 200 with content type {kind!r}: expected "
                f"{_CONTENT_TYPE!r}; look for a proxy in between, and whether the endpoint and "
                "its path prefix are right",
            )
        if codec != self._options.codec.name:
            message = f"expected messages as {self._options.codec.name!r}, got {codec!r}"
            raise RpcError(Code.INTERNAL, message)
        encoding = head.header("grpc-encoding")
        is_gzip = encoding == "gzip" and self._options.gzip_responses
        if encoding not in {"", "identity"} and not is_gzip:
            raise encoding_error(encoding)
        self._frames = FrameReader(
            max_message_bytes=self._options.max_response_bytes,
            is_gzip=is_gzip,
            allowed_flags=_TRAILERS | 0b1,
        )
        return True

    def refusal(self, response: HttpResponse) -> RpcError:
        """Return the error that a whole response without frames stands for."""
        code = inferred_code(response.status)
        kind = response.header("content-type") or "none"
        delay = retry_after_seconds(response.header("retry-after"), response.header("date"))
        error = RpcError(
            code,
            f"no RPC answer but HTTP status {response.status} with content type {kind!r}; "
            "look for a proxy in between, and whether the endpoint and its path prefix are right",
        )
        return with_pushback(error, delay)

    def feed(self, data: bytes) -> None:
        """Add a piece of the body."""
        self._frames.feed(data)

    def next(self) -> bytes | None:
        """Return the next message, or None until more comes; see `Decoder`."""
        if self._status is not None:
            return None
        found = self._frames.next()
        if found is None:
            return None
        flags, data = found
        self._has_message = True
        if not flags & _TRAILERS:
            return data
        self._status = _trailer_lines(data)
        return None

    def finish(self, trailers: Metadata) -> None:
        """Take the end of the body; see `Decoder`."""
        del trailers
        if self._frames.rest:
            where = "after its trailers" if self._status is not None else "within a frame"
            raise RpcError(Code.INTERNAL, f"malformed response: it ended {where}")
        if self._status is None and not self._has_message and self._head is not None:
            # "Trailers-Only": an answer without messages may say everything in its headers.
            self._status = self._head.headers
        found = {key: value for key, value in reversed(self._status or [])}  # noqa: C416 - the first of a name wins
        if "grpc-status" not in found:
            raise RpcError(Code.INTERNAL, "malformed response: it ended without grpc-status")
        status = found["grpc-status"]
        if status != "0":
            raise self._error(status, found)

    def _error(self, status: str, found: dict[str, str]) -> RpcError:
        number = int(status) if status.isascii() and status.isdigit() else int(Code.UNKNOWN)
        pushback = found.get("grpc-retry-pushback-ms")
        error = RpcError(
            Code.from_number(number),
            unquote(found.get("grpc-message", "")),
            details=decode_details(_details(found.get("grpc-status-details-bin", ""))),
            from_server=True,
            headers=self.headers.pairs,
            trailers=self.trailers.pairs,
        )
        return with_pushback(error, None if pushback is None else grpc_pushback_seconds(pushback))


def _trailer_lines(data: bytes) -> list[tuple[str, str]]:
    """Read trailers as HTTP/1 writes headers; names may come in any case."""
    pairs: list[tuple[str, str]] = []
    for line in data.decode("utf-8", "replace").split("\r\n"):
        name, colon, value = line.partition(":")
        if colon:
            pairs.append((name.strip().lower(), value.strip()))
    return pairs


def _details(text: str) -> list[tuple[str, bytes]]:
    """Read google.rpc.Status out of its trailer; malformed details must not fail the error."""
    from google.protobuf.message import DecodeError
    from google.rpc.status_pb2 import Status

    try:
        data = base64.b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4))
        status = Status.FromString(data)
    except (binascii.Error, ValueError, DecodeError):
        return []
    return [(detail.type_url, detail.value) for detail in status.details]
