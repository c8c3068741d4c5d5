"""What a field's options say about the form of its text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from google.api import field_info_pb2

if TYPE_CHECKING:
    from collections.abc import Iterator

    from google.protobuf.descriptor_pb2 import FieldOptions

__all__ = ["is_uuid"]

# (buf.validate.field).string.uuid, by the numbers of buf/validate/validate.proto. Read from the
# bytes: its Python package is not needed to generate code, and where it is loaded protobuf
# knows the extension, where it is not the field is an unknown one.
_RULES: Final = 1159
_STRING: Final = 14
_UUID: Final = 22

_VARINT: Final = 0
_FIXED64: Final = 1
_LENGTH: Final = 2
_FIXED32: Final = 5


def is_uuid(options: FieldOptions) -> bool:
    """Tell whether a field holds a UUID: by google.api.field_info, or by its validation rule."""
    info = options.Extensions[field_info_pb2.field_info]
    if info.format == field_info_pb2.FieldInfo.UUID4:
        return True
    for rules in _inside(options.SerializeToString(), _RULES):
        for string in _inside(rules, _STRING):
            if any(number == _UUID and value == 1 for number, value in _fields(string)):
                return True
    return False


def _inside(data: bytes, wanted: int) -> Iterator[bytes]:
    for number, value in _fields(data):
        if number == wanted and isinstance(value, bytes):
            yield value


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield number and value of each field; what is no message ends it early."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        kind = tag & 7
        if kind == _VARINT:
            value, at = _varint(data, at)
            yield tag >> 3, value
        elif kind == _LENGTH:
            size, at = _varint(data, at)
            yield tag >> 3, data[at : at + size]
            at += size
        elif kind in (_FIXED32, _FIXED64):
            at += 4 if kind == _FIXED32 else 8
        else:
            return


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data):
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:  # noqa: PLR2004 - the bit that says that more follows
            break
        shift += 7
    return value, at
