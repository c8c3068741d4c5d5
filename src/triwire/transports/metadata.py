"""Headers on their way in and out, by one rule for every wire. Pure.

Binary values: a key that ends in "-bin" carries bytes, as base64 text on the wire (gRPC over
HTTP/2, "ASCII and binary metadata"; Connect says the same).
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING, Final

from triwire.spec import Metadata

if TYPE_CHECKING:
    from collections.abc import Iterable

    from triwire.spec import MetadataInput, Pairs

__all__ = ["application_metadata", "check_metadata", "content_coding", "to_text"]

# gRPC over HTTP/2, "Custom-Metadata": Header-Name is 1*( 0-9 a-z _ - . ); values are
# printable ASCII. HTTP/1.1 would allow more; what one wire cannot carry none takes.
_KEY: Final = re.compile(r"[0-9a-z_.-]+")
_VALUE: Final = re.compile(r"[\x20-\x7e]*")

# Written by the protocols and their libraries themselves, or eaten by them: never to be set by a
# caller. A server answers "expect" on its own, which gRPC cannot take (RFC 9110 section 10.1.1);
# grpcio 1.85 replaces the value of "lb-cost-bin" (measured).
_RESERVED: Final = frozenset(
    {
        "accept",
        "accept-encoding",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "expect",
        "host",
        "keep-alive",
        "lb-cost-bin",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "user-agent",
    }
)
_CODINGS: Final = {"x-gzip": "gzip", "identity": ""}
_RESERVED_PREFIXES: Final = (":", "grpc-", "connect-")

# HTTP/2 joins several of the first, proxies several of the second (RFC 9113 section 8.2.3).
_ONCE: Final = frozenset({"cookie", "authorization"})

# Beside these, what servers, proxies and protocols put into every response, and what is kept from
# handlers. They tell about the hop and not about the call, and differ by wire.
_HOP: Final = _RESERVED | {
    "accept-post",
    "accept-ranges",
    "allow",
    "alt-svc",
    "date",
    "retry-after",
    "server",
    "vary",
    "via",
    "www-authenticate",
}


def check_metadata(items: MetadataInput) -> Metadata:
    """Return caller's headers as Metadata, refusing what some wire cannot carry.

    Raises:
        TypeError: a key or value of the wrong type.
        ValueError: a key or value that gRPC, Connect or HTTP could not carry unchanged.
    """
    try:
        found = Metadata(items)
    except (AttributeError, TypeError, ValueError) as error:
        # Not shown: it may hold a token.
        message = (
            "headers must be a mapping of str to str or bytes, or pairs of them, got "
            f"{type(items).__name__}"
        )
        raise TypeError(message) from error
    keys = [key for key, _ in found.pairs]
    for key, value in found.pairs:
        if not _KEY.fullmatch(key):
            message = f"malformed header name {key!r}: expected characters 0-9 a-z _ - . only"
            raise ValueError(message)
        if key in _HOP or key.startswith(_RESERVED_PREFIXES):
            message = f"header {key!r} belongs to the protocol and cannot be set"
            raise ValueError(message)
        if key in _ONCE and keys.count(key) > 1:
            message = f"header {key!r} stands more than once: not all wires keep several apart"
            raise ValueError(message)
        if key.endswith("-bin"):
            if not isinstance(value, bytes):
                message = f"header {key!r} ends in -bin: expected bytes, got {type(value).__name__}"
                raise TypeError(message)
        elif not isinstance(value, str):
            message = (
                f"header {key!r}: expected str, got {type(value).__name__}; bytes go under a "
                f"name that ends in -bin"
            )
            raise TypeError(message)
        elif not _VALUE.fullmatch(value) or value != value.strip():
            message = (
                f"header {key!r}: expected printable ASCII without spaces around it; other "
                "text goes as bytes under a name that ends in -bin"
            )
            raise ValueError(message)
    return found


def to_text(pairs: Pairs) -> list[tuple[str, str]]:
    """Return headers as HTTP text: bytes become unpadded base64."""
    return [(key, value if isinstance(value, str) else _encode(value)) for key, value in pairs]


def _encode(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii").rstrip("=")


def application_metadata(pairs: Iterable[tuple[str, str | bytes]]) -> Metadata:
    """Keep what an application set of response headers or trailers, binary values decoded.

    Args:
        pairs: Headers as they came; a "-bin" value may be base64 text, padded or not, several
            joined by commas, or bytes that the HTTP library decoded already. A value that is
            no base64 stays text.
    """
    kept: list[tuple[str, str | bytes]] = []
    for key, value in pairs:
        name = key.lower()
        if name in _HOP or name.startswith(_RESERVED_PREFIXES):
            continue
        if name.endswith("-bin") and isinstance(value, str):
            kept.extend((name, _decode(part)) for part in value.split(","))
        else:
            kept.append((name, value))
    return Metadata(kept)


def _decode(text: str) -> str | bytes:
    text = text.strip()
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return text


def content_coding(text: str) -> str:
    """Return the coding that a Content-Encoding header names, in lower case, "" for none.

    RFC 9110, sections 8.4 and 8.4.1.3: names have no case, and x-gzip is gzip.
    """
    coding = text.strip().lower()
    return _CODINGS.get(coding, coding)
