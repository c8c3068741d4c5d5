"""What protobuf-py's JSON reader lets pass and ProtoJSON forbids, looked for in the text. Pure.

protobuf-py 0.7 takes the last of two equal keys, of both spellings of a field and of two members of
a oneof; it reads "1_0", "+1", "01", "1." and digits of every script as numbers; it rounds to a
double before it looks whether a number is an integer, and makes 1e400 in a Value infinite; it
takes durations and field masks that are none, and base64 with one of two signs of padding. A text
that shows signs of one of these goes to the exact reader, which decides; so a false alarm costs
time only.

A plain text has none of these (`grammar.py`), and to find out costs a fifth of looking. Looking is
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
from triwire.codec.grammar import Grammar, without_escaped_quotes

if TYPE_CHECKING:
    from triwire.codec.reflection import AnyDescriptor

__all__ = ["Screen"]

# Strings made of what stands in numbers, by which the loop over all strings stays short.
_NUMERIC: Final = re.compile(r'"[0-9+.-][0-9_.eE+-]*"')
_NUMERIC_UNICODE: Final = re.compile(r'"[\d+.-][\d_.eE+-]*"')
# What Python's int() or float() would read, less the integers of JSON's grammar.
_LOOSE_NUMBER: Final = re.compile(
    r'"(?!-?(?:0|[1-9][0-9]*)")[+-]?(?:\d[\d_]*\.?[\d_]*|\.[\d_]+)(?:[eE][+-]?[\d_]+)?"'
)
_FRACTION: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_MAX_DIGITS: Final = 300  # of an integer that is certainly below the end of double
_ODD_DURATION: Final = re.compile(r'\.s"')
_HALF_PADDED: Final = re.compile(r'"(?:[^"=]{4})*+[^"=]{2}="')
# Other escapes are of characters that base64 does not have.
_ESCAPED_BASE64: Final = re.compile(r"\\[u/]")
# Of texts of one type: looking at more would soon cost what it costs to compile a grammar.
_FEW_CHARACTERS: Final = 2**16
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
        self._has_bytes = False
        for message in reachable_messages(descriptor):
            names.add(message.full_name)
            if message.GetOptions().map_entry:
                key = message.fields_by_name["key"]
                self._has_number_keys |= key.type != FieldDescriptor.TYPE_STRING
            for field in message.fields:
                self._has_bytes |= field.type == FieldDescriptor.TYPE_BYTES
                if field.json_name != field.name:
                    self._twins[field.name] = field.json_name
            for oneof in message.oneofs:
                if len(oneof.fields) > 1 and message.full_name != _VALUE:
                    spellings = ((field.name, field.json_name) for field in oneof.fields)
                    self._oneofs.append(frozenset(name for pair in spellings for name in pair))
        self._is_open = _FIELD_MASK in names or "google.protobuf.Any" in names
        self._has_durations = _DURATION in names
        self._grammar = Grammar(descriptor)
        self._characters_read = 0

    def passes(self, text: str) -> bool:
        """Return whether a text that protobuf-py has read is beyond doubt."""
        # Threads may both add to the count, which then is a little off.
        self._characters_read += len(text)
        if self._characters_read > _FEW_CHARACTERS and self._grammar.matches(text):
            return True
        return not self._is_open and self._shows_no_sign(text)

    def _shows_no_sign(self, text: str) -> bool:
        if self._has_durations and _ODD_DURATION.search(text):
            return False
        if self._has_bytes and _may_be_half_padded(text):
            return False
        objects: list[dict[str, Any]] = []
        integers: list[str] = []
        fractions: list[str] = _numeric_strings(text)
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
        if sum(map(len, objects)) != _count_members(text):
            return False
        keys = set[str]().union(*objects)
        if any(self._twins[name] in keys for name in keys & self._twins.keys()):
            return False
        return not any(
            len(keys & group) > 1 and any(len(tree.keys() & group) > 1 for tree in objects)
            for group in self._oneofs
        )


def _may_be_half_padded(text: str) -> bool:
    return bool(('="' in text and _HALF_PADDED.search(text)) or _ESCAPED_BASE64.search(text))


def _numeric_strings(text: str) -> list[str]:
    """Return what stands in strings and Python would take for a number, but no plain integers."""
    numeric = _NUMERIC if text.isascii() else _NUMERIC_UNICODE
    found = set(numeric.findall(text))
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


def _count_members(text: str) -> int:
    """Count the members of all objects of a JSON text: its colons outside of strings."""
    data = without_escaped_quotes(text).encode()
    # Two quotes without a colon between them are a string, or what is between two strings: without
    # them, whether a colon is in a string is the same as before.
    marks = data.translate(None, _NOT_STRUCTURE).replace(b'""', b"")
    return sum(map(len, marks.split(b'"')[::2]))
