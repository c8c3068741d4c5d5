"""What protobuf-py's JSON reader lets pass and ProtoJSON forbids, looked for in the text. Pure.

protobuf-py 0.7 takes the last of two equal keys, of both spellings of a field and of two members of
a oneof; it reads "1_0", "+1", "01", "1." and digits of every script as numbers; it rounds to a
double before it looks whether a number is an integer, and makes 1e400 in a Value infinite; and it
takes durations and field masks that are none. A text that shows signs of one of these goes to the
exact reader, which decides; so a false alarm costs time only.

A text that protobuf-py would write just so, byte by byte, has none of these. Writing costs less
than half of looking, but many servers write otherwise (in another order, with spaces or with
defaults): after a text that is not just so, the next ones are looked at without that. Looking is
done by loops in C.
"""

from __future__ import annotations

import json
import math
import re
from decimal import Decimal, DecimalException
from typing import TYPE_CHECKING, Any, Final

from google.protobuf.descriptor import FieldDescriptor

from triwire.codec.bridge import reachable_messages

if TYPE_CHECKING:
    from collections.abc import Callable

    from triwire.codec.reflection import AnyDescriptor

__all__ = ["Screen"]

# Strings made of what stands in numbers, by which the loop over all strings stays short.
_NUMERIC: Final = re.compile(rb'"[0-9+.-][0-9_.eE+-]*"')
_NUMERIC_UNICODE: Final = re.compile(r'"[\d+.-][\d_.eE+-]*"')
# What Python's int() or float() would read, less the integers of JSON's grammar.
_LOOSE_NUMBER: Final = re.compile(
    r'"(?!-?(?:0|[1-9][0-9]*)")[+-]?(?:\d[\d_]*\.?[\d_]*|\.[\d_]+)(?:[eE][+-]?[\d_]+)?"'
)
_FRACTION: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_MAX_DIGITS: Final = 300  # of an integer that is certainly below the end of double
_ODD_DURATION: Final = re.compile(r'\.s"')
_UNTRIED: Final = 31  # texts, after one that was written otherwise
_NOT_STRUCTURE: Final = bytes(byte for byte in range(256) if byte not in b'":')
_VALUE: Final = "google.protobuf.Value"
_DURATION: Final = "google.protobuf.Duration"
_FIELD_MASK: Final = "google.protobuf.FieldMask"


class Screen:
    """Screens texts of one message type that protobuf-py has read.

    Args:
        descriptor: The message type. An Any may hold more than it knows of, so texts of types
            that reach one never pass.
    """

    def __init__(self, descriptor: AnyDescriptor) -> None:
        names: set[str] = set()
        self._twins: dict[str, str] = {}
        self._oneofs: list[frozenset[str]] = []
        self._has_number_keys = False
        for message in reachable_messages(descriptor):
            names.add(message.full_name)
            if message.GetOptions().map_entry:
                key = message.fields_by_name["key"]
                self._has_number_keys |= key.type != FieldDescriptor.TYPE_STRING
            for field in message.fields:
                if field.json_name != field.name:
                    self._twins[field.name] = field.json_name
            for oneof in message.oneofs:
                if len(oneof.fields) > 1 and message.full_name != _VALUE:
                    spellings = ((field.name, field.json_name) for field in oneof.fields)
                    self._oneofs.append(frozenset(name for pair in spellings for name in pair))
        self._is_open = _FIELD_MASK in names or "google.protobuf.Any" in names
        self._has_durations = _DURATION in names
        self._untried = 0

    def passes(self, data: bytes, write: Callable[[], bytes]) -> bool:
        """Return whether a text that protobuf-py has read is beyond doubt.

        Args:
            data: The text.
            write: Writes what was read, in protobuf-py's own form.
        """
        if self._is_open:
            return False
        return self._is_written_so(data, write) or self._shows_no_sign(data)

    def _is_written_so(self, data: bytes, write: Callable[[], bytes]) -> bool:
        # Threads may both change the count, which then is a little off.
        if self._untried:
            self._untried -= 1
            return False
        if write() == data:
            return True
        self._untried = _UNTRIED
        return False

    def _shows_no_sign(self, data: bytes) -> bool:
        text = data.decode()
        if self._has_durations and _ODD_DURATION.search(text):
            return False
        objects: list[dict[str, Any]] = []
        integers: list[str] = []
        fractions: list[str] = _numeric_strings(data, text)
        if self._has_number_keys and (fractions or '"-0"' in text):
            return False
        json.loads(
            text,
            object_hook=objects.append,
            parse_int=integers.append,
            parse_float=fractions.append,
        )
        if any(map(_is_doubtful, fractions)):
            return False
        if max(map(len, integers), default=0) > _MAX_DIGITS:
            return False
        # A key that an object has twice is one member of the dict made of it.
        if sum(map(len, objects)) != _count_members(data):
            return False
        keys = set[str]().union(*objects)
        if any(self._twins[name] in keys for name in keys & self._twins.keys()):
            return False
        return not any(
            len(keys & group) > 1 and any(len(tree.keys() & group) > 1 for tree in objects)
            for group in self._oneofs
        )


def _numeric_strings(data: bytes, text: str) -> list[str]:
    """Return what stands in strings and Python would take for a number, but no plain integers."""
    found = (
        [item.decode() for item in set(_NUMERIC.findall(data))]
        if data.isascii()
        else set(_NUMERIC_UNICODE.findall(text))
    )
    return [item[1:-1] for item in found if _LOOSE_NUMBER.fullmatch(item)]


def _is_doubtful(number: str) -> bool:
    """Whether a number is none of JSON, or is rounded to an integer or to infinity."""
    if not _FRACTION.fullmatch(number):
        return True
    rounded = float(number)
    if not math.isfinite(rounded):
        return True
    try:
        return rounded.is_integer() and Decimal(number) != rounded
    except DecimalException:
        return True


def _count_members(data: bytes) -> int:
    """Count the members of all objects of a JSON text: its colons outside of strings."""
    if b"\\" in data:
        data = data.replace(b"\\\\", b"").replace(b'\\"', b"")
    # Two quotes without a colon between them are a string, or what is between two strings: without
    # them, whether a colon is in a string is the same as before.
    marks = data.translate(None, _NOT_STRUCTURE).replace(b'""', b"")
    return sum(map(len, marks.split(b'"')[::2]))
