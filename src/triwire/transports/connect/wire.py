"""The Connect protocol, as bytes. Pure.

Every rule is from https://connectrpc.com/docs/protocol, sections "Unary-Request",
"Unary-Response", "Unary-Get-Request", "Streaming-Request", "Streaming-Response", "Error
End-Stream" (the shape of an error) and "Error Codes". Spoken directly and not through
connectrpc: docs/adr/0002 has the reasons and the measurements.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
from typing import TYPE_CHECKING, Any, Final, cast

from triwire.errors import Code, RpcError, decode_details
from triwire.spec import Metadata, RawResponse
from triwire.transports.envelope import FrameReader, encoding_error, gunzip
from triwire.transports.failures import inferred_code, timeout_error
from triwire.transports.metadata import application_metadata, to_text
from triwire.transports.options import WireOptions, check_response
from triwire.transports.pushback import retry_after_seconds, with_pushback

if TYPE_CHECKING:
    from collections.abc import Iterable

    from triwire._http import HttpResponse
    from triwire.spec import Pairs

__all__ = [
    "BODY_HEADERS",
    "StreamDecoder",
    "get_target",
    "raw_response",
    "request_headers",
    "stream_headers",
    "timeout_header",
]

# What describes a body, which a GET does not have ("Unary-Get-Request").
BODY_HEADERS: Final = frozenset({"content-type", "content-encoding", "connect-protocol-version"})

_STREAM_TYPE: Final = "application/connect+"
_END_STREAM: Final = 0b10
_OK: Final = 200

# "Error Codes": Connect spells one of them differently.
_CODES: Final = {code.name.lower(): code for code in Code} | {"canceled": Code.CANCELLED}

_DEFAULTS: Final = WireOptions()

# The protocol allows at most ten digits.
_MAX_TIMEOUT_MS: Final = 9_999_999_999


def request_headers(
    headers: Pairs,
    user_agent: str,
    *,
    options: WireOptions = _DEFAULTS,
    timeout_seconds: float | None = None,
    is_gzip: bool = False,
) -> tuple[tuple[str, str], ...]:
    """Return the HTTP headers of a unary request.

    Raises:
        RpcError: DEADLINE_EXCEEDED when no time is left.
    """
    pairs = [
        ("content-type", f"application/{options.codec.name}"),
        ("connect-protocol-version", "1"),
        ("user-agent", user_agent),
        *to_text(headers),
    ]
    if is_gzip:
        pairs.append(("content-encoding", "gzip"))
    if options.gzip_responses:
        pairs.append(("accept-encoding", "gzip"))
    if timeout_seconds is not None:
        pairs.append(timeout_header(timeout_seconds))
    return tuple(pairs)


def stream_headers(
    headers: Pairs, user_agent: str, options: WireOptions, timeout_seconds: float | None
) -> list[tuple[str, str]]:
    """Return the HTTP headers of a streaming request.

    Raises:
        RpcError: DEADLINE_EXCEEDED when no time is left.
    """
    pairs = [
        ("content-type", f"{_STREAM_TYPE}{options.codec.name}"),
        ("connect-protocol-version", "1"),
        ("user-agent", user_agent),
        *to_text(headers),
    ]
    if options.gzip_requests_from_bytes is not None:
        pairs.append(("connect-content-encoding", "gzip"))
    if options.gzip_responses:
        pairs.append(("connect-accept-encoding", "gzip"))
    if timeout_seconds is not None:
        pairs.append(timeout_header(timeout_seconds))
    return pairs


def get_target(path: str, body: bytes, options: WireOptions, *, is_gzip: bool) -> str:
    """Return path and query of a unary call as GET; a compressed body is said to be so."""
    message = base64.urlsafe_b64encode(body).decode("ascii").rstrip("=")
    compression = "&compression=gzip" if is_gzip else ""
    encoding = options.codec.name
    # In the order that the protocol recommends, so that caches find equal requests equal.
    return f"{path}?connect=v1&base64=1{compression}&encoding={encoding}&message={message}"


def timeout_header(timeout_seconds: float) -> tuple[str, str]:
    """Return the timeout as sent: whole milliseconds, never 0.

    Raises:
        RpcError: DEADLINE_EXCEEDED when no time is left.
    """
    if timeout_seconds <= 0:
        raise timeout_error(timeout_seconds)
    milliseconds = min(max(1, math.floor(timeout_seconds * 1000)), _MAX_TIMEOUT_MS)
    return ("connect-timeout-ms", str(milliseconds))


def raw_response(response: HttpResponse, options: WireOptions = _DEFAULTS) -> RawResponse:
    """Return the raw reply that an HTTP response carries.

    Raises:
        RpcError: the server's error, or what an answer that is no Connect answer stands for.
    """
    content_type = _media_type(response)
    expected = f"application/{options.codec.name}"
    if response.status == _OK and content_type != expected:
        raise RpcError(
            Code.INTERNAL if content_type.startswith("application/") else Code.UNKNOWN,
            f"expected content type {expected!r}, got {content_type!r} with HTTP status 200; "
            "look for a proxy in between, and whether the endpoint is right",
        )
    coding = response.content_coding
    body = response.body
    if coding:
        if coding != "gzip" or not options.gzip_responses:
            raise encoding_error(coding)
        body = gunzip(body, options.max_response_bytes) if body else body
    if response.status != _OK:
        delay = retry_after_seconds(response.header("retry-after"), response.header("date"))
        raise with_pushback(_error(response, content_type, body), delay)
    check_response(options, body)
    return RawResponse(
        body,
        lambda: _metadata(response, trailers=False),
        lambda: _metadata(response, trailers=True),
        date=lambda: response.header("date"),
    )


def _media_type(response: HttpResponse) -> str:
    return response.header("content-type").partition(";")[0].strip().lower()


def _metadata(response: HttpResponse, *, trailers: bool) -> Metadata:
    """Unary trailers travel as headers named "trailer-"."""
    prefix = "trailer-"
    pairs: Iterable[tuple[str, str]] = response.headers
    if trailers:
        return application_metadata(
            (key[len(prefix) :], value) for key, value in pairs if key.startswith(prefix)
        )
    return application_metadata(pair for pair in pairs if not pair[0].startswith(prefix))


def _error(response: HttpResponse, content_type: str, data: bytes) -> RpcError:
    fallback = inferred_code(response.status)
    body = _json_object(data) if content_type == "application/json" else None
    code = _CODES.get(str(body.get("code"))) if body is not None else None
    if body is None or (code is None and "message" not in body):
        kind = content_type or "none"
        return RpcError(
            fallback,
            f"no Connect answer but HTTP status {response.status} with content type {kind!r}; "
            "look for a proxy in between, and whether the endpoint and its path prefix are right",
        )
    return _error_of(
        body,
        fallback,
        headers=_metadata(response, trailers=False),
        trailers=_metadata(response, trailers=True),
    )


def _error_of(
    body: dict[str, Any], fallback: Code, *, headers: Metadata, trailers: Metadata
) -> RpcError:
    message = body.get("message")
    return RpcError(
        _CODES.get(str(body.get("code")), fallback),
        message if isinstance(message, str) else "",
        details=decode_details(_details(body.get("details"))),
        from_server=True,
        headers=headers.pairs,
        trailers=trailers.pairs,
    )


class StreamDecoder:
    """Reads the response of a streaming call; see `Decoder`.

    Attributes:
        headers: Response headers that the application set.
        trailers: The metadata of the last frame.
    """

    def __init__(self, options: WireOptions) -> None:
        self._options = options
        self._frames = FrameReader(max_message_bytes=None, is_gzip=False, allowed_flags=0)
        self._end: dict[str, Any] | None = None
        self.headers = Metadata()
        self.trailers = Metadata()

    def start(self, head: HttpResponse) -> bool:
        """Take status and headers in; see `Decoder`."""
        self.headers = application_metadata(head.headers)
        if head.status != _OK:
            return False
        kind, expected = _media_type(head), f"{_STREAM_TYPE}{self._options.codec.name}"
        if kind != expected:
            raise RpcError(
                Code.INTERNAL if kind.startswith(_STREAM_TYPE) else Code.UNKNOWN,
                f"expected content type {expected!r}, got {kind!r} with HTTP status 200; look "
                "for a proxy in between, and whether the endpoint is right",
            )
        encoding = head.header("connect-content-encoding")
        is_gzip = encoding == "gzip" and self._options.gzip_responses
        if encoding not in {"", "identity"} and not is_gzip:
            raise encoding_error(encoding)
        self._frames = FrameReader(
            max_message_bytes=self._options.max_response_bytes,
            is_gzip=is_gzip,
            allowed_flags=_END_STREAM | 0b1,
        )
        return True

    def refusal(self, response: HttpResponse) -> RpcError:
        """Return the error that a whole response without frames stands for."""
        return _error(response, _media_type(response), response.body)

    def feed(self, data: bytes) -> None:
        """Add a piece of the body."""
        self._frames.feed(data)

    def next(self) -> bytes | None:
        """Return the next message, or None until more comes; see `Decoder`."""
        if self._end is not None:
            return None
        found = self._frames.next()
        if found is None:
            return None
        flags, data = found
        if not flags & _END_STREAM:
            return data
        end = _json_object(data)
        if end is None:
            raise RpcError(Code.INTERNAL, "malformed response: its last frame is no JSON object")
        self._end = end
        self.trailers = application_metadata(_end_metadata(end.get("metadata")))
        error = end.get("error")
        if error is not None:
            body = cast("dict[str, Any]", error) if isinstance(error, dict) else {}
            raise _error_of(body, Code.UNKNOWN, headers=self.headers, trailers=self.trailers)
        return None

    def finish(self, trailers: Metadata) -> None:
        """Take the end of the body; see `Decoder`."""
        del trailers
        if self._end is None:
            what = "within a frame" if self._frames.rest else "without its last frame"
            raise RpcError(Code.INTERNAL, f"malformed response: it ended {what}")
        if self._frames.rest:
            raise RpcError(Code.INTERNAL, "malformed response: bytes after its last frame")


def _end_metadata(metadata: object) -> Iterable[tuple[str, str]]:
    if not isinstance(metadata, dict):
        return
    for key, values in cast("dict[str, object]", metadata).items():
        for value in cast("list[object]", values) if isinstance(values, list) else []:
            yield key, str(value)


def _json_object(body: bytes) -> dict[str, Any] | None:
    try:
        value: object = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return cast("dict[str, Any]", value) if isinstance(value, dict) else None


def _details(listed: object) -> list[tuple[str, bytes]]:
    """Read error details, leaving out what is malformed: they must not fail the error."""
    found: list[tuple[str, bytes]] = []
    for entry in cast("list[object]", listed) if isinstance(listed, list) else []:
        detail = cast("dict[str, object]", entry) if isinstance(entry, dict) else {}
        kind, value = detail.get("type"), detail.get("value")
        if not isinstance(kind, str) or not isinstance(value, str):
            continue
        try:
            # Unpadded by the protocol; padded by some servers.
            data = base64.b64decode(value.rstrip("=") + "=" * (-len(value.rstrip("=")) % 4))
        except (binascii.Error, ValueError):
            continue
        found.append((kind, data))
    return found
