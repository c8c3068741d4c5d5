"""What protobuf-py's JSON reader lets pass and ProtoJSON forbids, looked for in the text. Pure.

protobuf-py 0.7 takes the last of two equal keys, of both spellings of a field and of two members of
a oneof; it reads "1_0", "+1", "01", "1." and digits of every script as numbers; it makes 1e400 in
a Value infinite; and it takes durations and field masks that are none. A text that shows
signs of one of these goes to the exact reader, which decides; so a false alarm costs time only.
What is done for every text is done by loops in C.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from triwire.codec.bridge import reachable_messages

if TYPE_CHECKING:
    from triwire.codec.reflection import AnyDescriptor

__all__ = ["Screen"]

# Strings made of what stands in numbers, by which the loop over all strings stays short.
_NUMERIC: Final = re.compile(rb'"[0-9+.-][0-9_.eE+-]*"')
_NUMERIC_UNICODE: Final = re.compile(r'"[\d+.-][\d_.eE+-]*"')
# What Python's int() or float() would read, less what JSON's grammar does.
_LOOSE_NUMBER: Final = re.compile(
    r'"(?!-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")'
    r'[+-]?(?:\d[\d_]*\.?[\d_]*|\.[\d_]+)(?:[eE][+-]?[\d_]+)?"'
)
_HUGE_NUMBER: Final = re.compile(r"[eE]\+?0*[0-9]{3}|[0-9]{300}")
_ODD_DURATION: Final = re.compile(r'\.s"')
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
        for message in reachable_messages(descriptor):
            names.add(message.full_name)
            for field in message.fields:
                if field.json_name != field.name:
                    self._twins[field.name] = field.json_name
            for oneof in message.oneofs:
                if len(oneof.fields) > 1 and message.full_name != _VALUE:
                    spellings = ((field.name, field.json_name) for field in oneof.fields)
                    self._oneofs.append(frozenset(name for pair in spellings for name in pair))
        self._is_open = _FIELD_MASK in names or "google.protobuf.Any" in names
        self._patterns: list[re.Pattern[str]] = []
        if _VALUE in names:
            self._patterns.append(_HUGE_NUMBER)
        if _DURATION in names:
            self._patterns.append(_ODD_DURATION)

    def passes(self, data: bytes) -> bool:
        """Return whether a text that protobuf-py has read is beyond doubt."""
        if self._is_open:
            return False
        text = data.decode()
        if any(pattern.search(text) for pattern in self._patterns) or _has_loose_number(data, text):
            return False
        objects: list[dict[str, Any]] = []
        json.loads(text, object_hook=objects.append)
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


def _has_loose_number(data: bytes, text: str) -> bool:
    if data.isascii():
        found = {item.decode() for item in set(_NUMERIC.findall(data))}
    else:
        found = set(_NUMERIC_UNICODE.findall(text))
    return any(_LOOSE_NUMBER.fullmatch(item) for item in found)


def _count_members(data: bytes) -> int:
    """Count the members of all objects of a JSON text: its colons outside of strings."""
    if b"\\" in data:
        data = data.replace(b"\\\\", b"").replace(b'\\"', b"")
    # Two quotes without a colon between them are a string, or what is between two strings: without
    # them, whether a colon is in a string is the same as before.
    marks = data.translate(None, _NOT_STRUCTURE).replace(b'""', b"")
    return sum(map(len, marks.split(b'"')[::2]))
