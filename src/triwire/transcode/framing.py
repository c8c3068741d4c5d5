"""Server streams as HTTP bodies: one JSON text per message, in lines or in an array. Pure.

google.api.http does not say how a stream looks. Two forms are in use, and both are read and
written here:

- Lines: one JSON text per line (github.com/ndjson/ndjson-spec), each `{"result": message}`, and
  `{"error": status}` in the last one if the call failed, as grpc-gateway writes them.
- An array: `[message, message]`, with `{"error": status}` as its last element if the call failed,
  as Envoy's transcoder and Google's own APIs write it. It has to be closed, so that a
  body that was cut off shows.
"""

from __future__ import annotations

import re
from typing import Final, Literal, NamedTuple, TypeAlias

from triwire.errors import Code, RpcError

__all__ = [
    "LINES_TYPES",
    "Framing",
    "StreamElement",
    "StreamReader",
    "chosen_framing",
    "framed",
    "unwrapped",
]

Framing: TypeAlias = Literal["lines", "array"]

LINES_TYPES: Final = ("application/x-ndjson", "application/jsonl", "application/x-jsonlines")
"""Content types of lines, the one that is written first. None of them is registered."""

_JSON: Final = "application/json"
_SPACE: Final = b" \t\r\n"
_OUTSIDE: Final = re.compile(rb'["{}\[\]]')
_INSIDE: Final = re.compile(rb'["\\]')
_SCALAR_END: Final = re.compile(rb"[ \t\r\n,\]}]")
# Of `{"result":}` and some space.
_WRAPPER_BYTES: Final = 32
_WRAPPED: Final = re.compile(rb'[ \t\r\n]*\{[ \t\r\n]*"(result|error)"[ \t\r\n]*:[ \t\r\n]*')


class _Value:
    """Looks for the end of one JSON value, over as many pieces as it takes.

    It counts brackets and minds strings; whether the value is well-formed is for the codec to
    say. Works on bytes: no structural character is a part of a longer UTF-8 sequence.
    """

    __slots__ = ("_at", "_depth", "_in_string", "_is_scalar")

    def __init__(self, buffer: bytes | bytearray, start: int) -> None:
        self._at: int = start
        self._depth = 0
        self._in_string = False
        self._is_scalar = buffer[start] not in b'"{['

    def end(self, buffer: bytes | bytearray) -> int | None:
        """Return where the value ends, or None until more of it is there."""
        if self._is_scalar:
            stop = _SCALAR_END.search(buffer, self._at)
            self._at = len(buffer)
            return None if stop is None else stop.start()
        while True:
            found = (_INSIDE if self._in_string else _OUTSIDE).search(buffer, self._at)
            if found is None:
                self._at = len(buffer)
                return None
            mark = found[0]
            self._at = found.end()
            if mark == b"\\":
                if self._at == len(buffer):
                    self._at -= 1
                    return None
                self._at += 1
            elif mark == b'"':
                self._in_string = not self._in_string
            else:
                self._depth += 1 if mark in b"{[" else -1
            if self._depth <= 0 and not self._in_string:
                return self._at

    def moved(self, by: int) -> None:
        """Follow the buffer when so many bytes are cut off at its front."""
        self._at -= by


class StreamReader:
    """Cuts a body, fed in pieces of any size, into the texts of its elements.

    Holds no more than one element and one piece.

    Args:
        may_be_array: Whether a leading "[" opens the array of all messages. Otherwise, as in a
            body whose content type says lines, it is a message of its own.
        max_message_bytes: Largest message, or None. An element may be longer by what lines put
            around a message.
    """

    def __init__(self, *, may_be_array: bool, max_message_bytes: int | None) -> None:
        self._may_be_array = may_be_array
        self._max_bytes = max_message_bytes
        self._buffer = bytearray()
        self._at = 0
        self._value: _Value | None = None
        self._read_any = False
        self._framing: Framing | None = None
        # What may come next: an element, a separator after one, or nothing but space.
        self._expects: Literal["element", "separator", "nothing"] = "element"

    @property
    def framing(self) -> Framing | None:
        """The form of the body, or None before its first character."""
        return self._framing

    def feed(self, data: bytes) -> None:
        """Add a piece of the body."""
        if self._at:
            del self._buffer[: self._at]
            if self._value is not None:
                self._value.moved(self._at)
            self._at = 0
        self._buffer += data

    def next(self) -> bytes | None:
        """Return the text of the next element, or None until more comes.

        Raises:
            RpcError: INTERNAL where the body is in no form, RESOURCE_EXHAUSTED for an element
                above the limit.
        """
        while self._value is None:
            if not self._advance():
                return None
        end = self._value.end(self._buffer)
        if (len(self._buffer) if end is None else end) - self._at > self._limit:
            raise _too_large(self._max_bytes)
        return None if end is None else self._take(end)

    def finish(self) -> bytes | None:
        """Take the end of the body; return the last element if only the end completes it.

        Raises:
            RpcError: INTERNAL, the body ends too early.
        """
        last = None
        if self._value is not None and self._framing == "lines":
            # A number at the end of the last line, which needs no line feed.
            self._buffer += b"\n"
            last = self.next()
        if self._value is not None:
            raise _malformed("it ends within a message")
        if self._framing == "array" and self._expects != "nothing":
            raise _malformed("it ends before its array does")
        return last

    @property
    def _limit(self) -> float:
        return float("inf") if self._max_bytes is None else self._max_bytes + _WRAPPER_BYTES

    def _advance(self) -> bool:
        """Step over what stands between elements; return False if more is needed."""
        buffer = self._buffer
        in_line = self._expects == "separator" and self._framing == "lines"
        space = b" \t\r" if in_line else _SPACE
        at, end = self._at, len(buffer)
        while at < end and buffer[at] in space:
            at += 1
        self._at = at
        if at == end:
            return False
        mark = bytes(buffer[at : at + 1])
        if self._framing is None:
            self._framing = "array" if self._may_be_array and mark == b"[" else "lines"
            if self._framing == "array":
                self._at += 1
                return True
        if self._expects == "element":
            if self._framing == "array" and mark == b"]" and not self._read_any:
                self._at += 1
                self._expects = "nothing"
            elif mark in (b",", b"]", b"}", b":"):
                raise self._unexpected("a message")
            else:
                self._value = _Value(buffer, at)
        elif self._expects == "nothing":
            raise self._unexpected("the end")
        elif in_line:
            if mark != b"\n":
                raise self._unexpected("a line feed between messages")
            self._expects = "element"
        elif mark in (b",", b"]"):
            self._at += 1
            self._expects = "element" if mark == b"," else "nothing"
        else:
            raise self._unexpected("',' or ']'")
        return True

    def _take(self, end: int) -> bytes:
        text = bytes(memoryview(self._buffer)[self._at : end])
        self._at = end
        self._value = None
        self._read_any = True
        self._expects = "separator"
        return text

    def _unexpected(self, expected: str) -> RpcError:
        found = bytes(self._buffer[self._at : self._at + 20]).decode("utf-8", "replace")
        return _malformed(f"expected {expected}, found {found!r}")


class StreamElement(NamedTuple):
    """An element of a stream.

    Attributes:
        text: The JSON text of a message, or of the object that describes an error.
        is_error: Which of them.
    """

    text: bytes
    is_error: bool


def unwrapped(text: bytes, framing: Framing, *, has_error_field: bool) -> StreamElement:
    """Tell an element's message or error.

    Args:
        text: The element.
        framing: The form of the body. In lines `{"result": ...}` and `{"error": ...}` hold
            message and error; other lines are messages, as Envoy writes them.
        has_error_field: Whether messages have a field "error" themselves: in an array, where
            they stand alone, `{"error": ...}` is then one of them.
    """
    found = _WRAPPED.match(text)
    if found is None or (found[1] == b"result" and framing == "array"):
        return StreamElement(text, is_error=False)
    if found[1] == b"error" and framing == "array" and has_error_field:
        return StreamElement(text, is_error=False)
    start = found.end()
    end = None if start == len(text) else _Value(text, start).end(text)
    if end is None or text[end:].strip(_SPACE) != b"}":
        return StreamElement(text, is_error=False)
    return StreamElement(text[start:end], is_error=found[1] == b"error")


def framed(text: bytes, framing: Framing, *, is_error: bool, is_first: bool) -> bytes:
    """Return an element as it stands in the body; an array ends with "]" after the last.

    Args:
        text: JSON of a message, or of an error.
        framing: The form of the body.
        is_error: Which of them.
        is_first: Whether nothing precedes it.
    """
    if framing == "lines":
        return b'{"%b":%b}\n' % (b"error" if is_error else b"result", text)
    element = b'{"error":%b}' % text if is_error else text
    return (b"[" if is_first else b",\n") + element


def chosen_framing(accept: str) -> Framing:
    """Return the form that a client's Accept header prefers: lines unless it names JSON first.

    RFC 9110, section 12.5.1: the largest weight wins; between equals, the first.
    """
    best: tuple[float, Framing] = (0.0, "lines")
    for item in accept.split(","):
        name, *parameters = (part.strip().lower() for part in item.split(";"))
        kind: Framing | None = None
        if name in LINES_TYPES:
            kind = "lines"
        elif name == _JSON:
            kind = "array"
        if kind is not None and _weight(parameters) > best[0]:
            best = (_weight(parameters), kind)
    return best[1]


def _weight(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0


def _malformed(problem: str) -> RpcError:
    return RpcError(Code.INTERNAL, f"malformed response: {problem}")


def _too_large(max_bytes: int | None) -> RpcError:
    text = f"response message is larger than max_response_bytes={max_bytes}"
    return RpcError(Code.RESOURCE_EXHAUSTED, text)
