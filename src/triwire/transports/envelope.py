"""Length-prefixed messages, the framing that Connect streams and gRPC-Web share. Pure.

One byte of flags, four bytes of length (big-endian), then the message: gRPC over HTTP/2,
"Length-Prefixed-Message"; Connect protocol, "Enveloped-Message". Bit 0 says that the message
is compressed; the bit that marks the last frame is the protocol's own.
"""

from __future__ import annotations

import gzip
import struct
import zlib
from typing import Final

from triwire.errors import Code, RpcError
from triwire.transports.options import too_large_error

__all__ = ["FrameReader", "encoding_error", "frame", "gunzip"]

_PREFIX: Final = struct.Struct(">BI")
_COMPRESSED: Final = 0b1
_GZIP_WINDOW: Final = 16 + zlib.MAX_WBITS  # zlib's manual, inflateInit2: expect a gzip header


def frame(data: bytes, *, compress: bool) -> bytes:
    """Return one message in its envelope."""
    if compress:
        data = gzip.compress(data, 6, mtime=0)
    return _PREFIX.pack(_COMPRESSED if compress else 0, len(data)) + data


def gunzip(data: bytes, max_bytes: int | None) -> bytes:
    """Decompress a message, never to more than `max_bytes`.

    Raises:
        RpcError: RESOURCE_EXHAUSTED above the limit, INTERNAL for what is no gzip.
    """
    inflate = zlib.decompressobj(_GZIP_WINDOW)
    try:
        found = inflate.decompress(data, 0 if max_bytes is None else max_bytes + 1)
    except zlib.error as error:
        raise RpcError(Code.INTERNAL, f"cannot decompress the response: {error}") from error
    if max_bytes is not None and len(found) > max_bytes:
        raise too_large_error(max_bytes)
    if not inflate.eof:
        raise RpcError(Code.INTERNAL, "cannot decompress the response: it is cut off")
    return found


def encoding_error(encoding: str) -> RpcError:
    """Return the error for a response in a compression that was not asked for."""
    return RpcError(
        Code.INTERNAL, f"unknown compression {encoding!r}: expected gzip if asked for, or none"
    )


class FrameReader:
    """Cuts a response body, fed in pieces, into frames.

    Args:
        max_message_bytes: Largest message, or None.
        is_gzip: Whether compressed frames are allowed.
        allowed_flags: Every bit that a frame may set.
    """

    def __init__(self, *, max_message_bytes: int | None, is_gzip: bool, allowed_flags: int) -> None:
        self._buffer = bytearray()
        self._max_bytes = max_message_bytes
        self._is_gzip = is_gzip
        self._allowed = allowed_flags

    def feed(self, data: bytes) -> None:
        """Add what came."""
        self._buffer += data

    def next(self) -> tuple[int, bytes] | None:
        """Return flags and content of the next whole frame, or None until more comes.

        Raises:
            RpcError: INTERNAL for a malformed frame, RESOURCE_EXHAUSTED for one too large.
        """
        buffer = self._buffer
        if len(buffer) < _PREFIX.size:
            return None
        flags, length = _PREFIX.unpack_from(buffer)
        if flags & ~self._allowed:
            raise RpcError(Code.INTERNAL, f"malformed response: frame with flags {flags:#04x}")
        if self._max_bytes is not None and length > self._max_bytes:
            raise too_large_error(self._max_bytes)
        end = _PREFIX.size + length
        if len(buffer) < end:
            return None
        data = bytes(memoryview(buffer)[_PREFIX.size : end])
        del buffer[:end]
        if flags & _COMPRESSED:
            if not self._is_gzip:
                raise RpcError(Code.INTERNAL, "malformed response: compressed without saying how")
            data = gunzip(data, self._max_bytes)
        return flags, data

    @property
    def rest(self) -> int:
        """Bytes that came and belong to no frame yet."""
        return len(self._buffer)
