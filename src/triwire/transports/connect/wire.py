"""The Connect protocol's unary calls, as bytes. Pure.

Every rule is from https://connectrpc.com/docs/protocol, sections "Unary-Request",
"Unary-Response", "Error End-Stream" (the shape of an error) and "Error Codes". Spoken
directly and not through connectrpc: docs/adr/0002 has the reasons and the measurements.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
from typing import TYPE_CHECKING, Any, Final, cast

from triwire.errors import Code, RpcError, decode_details
from triwire.spec import Metadata, RawResponse
from triwire.transports.failures import timeout_error
from triwire.transports.metadata import application_metadata, to_text
from triwire.transports.pushback import retry_after_seconds, with_pushback

if TYPE_CHECKING:
    from collections.abc import Iterable

    from triwire._http import HttpResponse
    from triwire.spec import Pairs

__all__ = ["raw_response", "request_headers", "timeout_header"]

_CONTENT_TYPE: Final = "application/proto"
_OK: Final = 200

# "Error Codes": Connect spells one of them differently.
_CODES: Final = {code.name.lower(): code for code in Code} | {"canceled": Code.CANCELLED}

# "HTTP to Error Code": for answers that are no Connect error. Everything else is unknown.
_CODE_OF_HTTP: Final = {
    400: Code.INTERNAL,
    401: Code.UNAUTHENTICATED,
    403: Code.PERMISSION_DENIED,
    404: Code.UNIMPLEMENTED,
    429: Code.UNAVAILABLE,
    502: Code.UNAVAILABLE,
    503: Code.UNAVAILABLE,
    504: Code.UNAVAILABLE,
}

# The protocol allows at most ten digits.
_MAX_TIMEOUT_MS: Final = 9_999_999_999


def request_headers(headers: Pairs, user_agent: str) -> list[tuple[str, str]]:
    """Return the HTTP headers of a unary request, but for the timeout."""
    return [
        ("content-type", _CONTENT_TYPE),
        ("connect-protocol-version", "1"),
        ("user-agent", user_agent),
        *to_text(headers),
    ]


def timeout_header(timeout_seconds: float) -> tuple[str, str]:
    """Return the timeout as sent: whole milliseconds, never 0.

    Raises:
        RpcError: DEADLINE_EXCEEDED when no time is left.
    """
    if timeout_seconds <= 0:
        raise timeout_error(timeout_seconds)
    milliseconds = min(max(1, math.floor(timeout_seconds * 1000)), _MAX_TIMEOUT_MS)
    return ("connect-timeout-ms", str(milliseconds))


def raw_response(response: HttpResponse) -> RawResponse:
    """Return the raw reply that an HTTP response carries.

    Raises:
        RpcError: the server's error, or what an answer that is no Connect answer stands for.
    """
    content_type = response.header("content-type").partition(";")[0].strip().lower()
    if response.status != _OK:
        delay = retry_after_seconds(response.header("retry-after"), response.header("date"))
        raise with_pushback(_error(response, content_type), delay)
    if content_type != _CONTENT_TYPE:
        raise RpcError(
            Code.INTERNAL if content_type.startswith("application/") else Code.UNKNOWN,
            f"expected content type {_CONTENT_TYPE!r}, got {content_type!r} with HTTP status 200; "
            "look for a proxy in between, and whether the endpoint is right",
        )
    if response.header("content-encoding") not in {"", "identity"}:
        encoding = response.header("content-encoding")
        message = f"unknown content encoding {encoding!r}: none was asked for"
        raise RpcError(Code.INTERNAL, message)
    return RawResponse(
        response.body,
        lambda: _metadata(response, trailers=False),
        lambda: _metadata(response, trailers=True),
    )


def _metadata(response: HttpResponse, *, trailers: bool) -> Metadata:
    """Unary trailers travel as headers named "trailer-"."""
    prefix = "trailer-"
    pairs: Iterable[tuple[str, str]] = response.headers
    if trailers:
        return application_metadata(
            (key[len(prefix) :], value) for key, value in pairs if key.startswith(prefix)
        )
    return application_metadata(pair for pair in pairs if not pair[0].startswith(prefix))


def _error(response: HttpResponse, content_type: str) -> RpcError:
    fallback = _CODE_OF_HTTP.get(response.status, Code.UNKNOWN)
    body = _json_object(response.body) if content_type == "application/json" else None
    code = _CODES.get(str(body.get("code"))) if body is not None else None
    if body is None or (code is None and "message" not in body):
        kind = content_type or "none"
        return RpcError(
            fallback,
            f"no Connect answer but HTTP status {response.status} with content type {kind!r}; "
            "look for a proxy in between, and whether the endpoint and its path prefix are right",
        )
    message = body.get("message")
    return RpcError(
        code or fallback,
        message if isinstance(message, str) else "",
        details=decode_details(_details(body.get("details"))),
        from_server=True,
    )


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
