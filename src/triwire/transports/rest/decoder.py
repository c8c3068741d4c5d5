"""Reads the response of a server stream: lines, an array, or the bytes of a HttpBody. Pure."""

from __future__ import annotations

import zlib
from collections import deque
from typing import TYPE_CHECKING, Any, Final

from triwire.errors import Code, RpcError
from triwire.spec import Metadata
from triwire.transcode.framing import LINES_TYPES, StreamReader, unwrapped
from triwire.transports.envelope import encoding_error
from triwire.transports.options import check_response
from triwire.transports.rest.error_body import error_from_body, error_in_stream, what_came
from triwire.transports.rest.wire import decompressed, is_json, response_metadata

if TYPE_CHECKING:
    from triwire._http import HttpResponse
    from triwire.spec import MethodSpec
    from triwire.transports.options import WireOptions
    from triwire.transports.rest.wire import RestRequest, Wire

__all__ = ["StreamDecoder"]

_GZIP_WINDOW: Final = 16 + zlib.MAX_WBITS  # zlib's manual, inflateInit2: expect a gzip header
_PIECE_BYTES: Final = 64 * 1024


class StreamDecoder:
    """Reads one response; see `triwire.transports.decoded.wire.Decoder`.

    Args:
        wire: Makes responses of bodies.
        method: The method that was called.
        request: What was sent for it.
        options: Compression and limits.

    Attributes:
        headers: Response headers that the application set.
        trailers: HTTP's trailers; empty before the end.
    """

    def __init__(
        self,
        wire: Wire,
        method: MethodSpec[Any, Any],
        request: RestRequest,
        *,
        options: WireOptions,
    ) -> None:
        self._wire = wire
        self._method = method
        self._request = request
        self._options = options
        self._reader = StreamReader(may_be_array=True, max_message_bytes=None)
        self._inflater: _Inflater | None = None
        self._content_type = ""
        self._pieces: deque[bytes] = deque()
        self._error: RpcError | None = None
        self.headers = Metadata()
        self.trailers = Metadata()

    def start(self, head: HttpResponse) -> bool:
        """Take status and headers in; see `Decoder`."""
        self.headers = response_metadata(head, trailers=False)
        if not 200 <= head.status < 300:  # noqa: PLR2004 - HTTP statuses that succeed
            self.trailers = response_metadata(head, trailers=True)
            return False
        self._content_type = head.header("content-type")
        kind = self._content_type.partition(";")[0].strip().lower()
        is_lines = kind in LINES_TYPES
        if not (is_lines or self._request.is_raw_response or is_json(kind)):
            expected = f"{LINES_TYPES[0]} or application/json"
            raise RpcError(Code.UNKNOWN, what_came(head, expected=expected))
        coding = head.content_coding
        if coding == "gzip" and self._options.gzip_responses:
            self._inflater = _Inflater()
        elif coding:
            raise encoding_error(coding)
        self._reader = StreamReader(
            may_be_array=not is_lines, max_message_bytes=self._options.max_response_bytes
        )
        return True

    def refusal(self, response: HttpResponse) -> RpcError:
        """Return the error that a response with a status other than 2xx stands for."""
        if response.content_coding == "gzip" and self._options.gzip_responses:
            response = decompressed(response, self._options.max_response_bytes)
        return error_from_body(response)

    def feed(self, data: bytes) -> None:
        """Add a piece of the body."""
        if self._inflater is not None:
            self._inflater.feed(data)
        else:
            self._take(data)

    def next(self) -> bytes | None:
        """Return the next message, or None until more comes; see `Decoder`."""
        while True:
            message = self._next_message()
            if message is not None or self._inflater is None:
                return message
            piece = self._inflater.read()
            if not piece:
                return None
            self._take(piece)

    def finish(self, trailers: Metadata) -> bytes | None:
        """Take the end of the body; see `Decoder`."""
        self.trailers = trailers
        if self._error is not None:
            raise self._error
        if self._inflater is not None:
            self._inflater.finish()
        if self._request.is_raw_response:
            return None
        last = self._reader.finish()
        return None if last is None else self._wire.whole(self._method, self._request, last)

    def _take(self, data: bytes) -> None:
        if self._error is not None:
            # What follows the error is not looked at, nor kept.
            return
        if self._request.is_raw_response:
            self._pieces.append(data)
        else:
            self._reader.feed(data)

    def _next_message(self) -> bytes | None:
        if self._request.is_raw_response:
            if not self._pieces:
                return None
            piece = self._pieces.popleft()
            check_response(self._options, piece)
            return self._wire.raw(self._method, self._request, self._content_type, piece)
        text = None if self._error is not None else self._reader.next()
        if text is None:
            return None
        framing = self._reader.framing or "lines"
        fields = self._method.response_type.DESCRIPTOR.fields_by_name
        element = unwrapped(text, framing, has_error_field="error" in fields)
        if element.is_error:
            # Told at the end, together with the trailers.
            self._error = error_in_stream(element.text)
            return None
        check_response(self._options, element.text)
        return self._wire.whole(self._method, self._request, element.text)


class _Inflater:
    """Decompresses a body piece by piece, never into more than one piece at a time."""

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(_GZIP_WINDOW)
        self._waiting = b""

    def feed(self, data: bytes) -> None:
        self._waiting += data

    def read(self) -> bytes:
        """Return what comes next, empty until more is fed.

        Raises:
            RpcError: INTERNAL, this is no gzip.
        """
        try:
            piece = self._stream.decompress(self._waiting, _PIECE_BYTES)
        except zlib.error as error:
            text = f"cannot decompress the response: {error}"
            raise RpcError(Code.INTERNAL, text) from error
        self._waiting = self._stream.unconsumed_tail
        if self._stream.unused_data:
            text = "cannot decompress the response: it has data behind the gzip stream"
            raise RpcError(Code.INTERNAL, text)
        return piece

    def finish(self) -> None:
        """Take the end of the body.

        Raises:
            RpcError: INTERNAL, it came too early.
        """
        if not self._stream.eof:
            raise RpcError(Code.INTERNAL, "cannot decompress the response: it is cut off")
