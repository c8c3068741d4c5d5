"""Random messages, texts and metadata that every wire can carry."""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING, Any, Final

from google.protobuf import duration_pb2, struct_pb2, timestamp_pb2
from google.protobuf.descriptor import FieldDescriptor
from google.rpc import error_details_pb2

if TYPE_CHECKING:
    import random

    from google.protobuf.message import Message

    from triwire.spec import Pairs

__all__ = ["DETAILS", "detail", "fill", "metadata", "struct_value", "text"]

DETAILS: Final = tuple(sorted(error_details_pb2.DESCRIPTOR.message_types_by_name))
"""Names of all types of google/rpc/error_details.proto."""

_ALPHABETS: Final = (
    "abcXYZ012-_.",
    "abc \t\n\"'\\/%&=+?#<>{}[]",
    "\u00e4\u00df\u00e9\u6f22\u5b57\u05e9\u05dc\u0301\u200d\u2028",
    "\U0001f600\U0001f468\u200d\U0001f469 ok",
    "\x00\x01\x1f\x7f\x80\ufeff\uffff",
)
_PRINTABLE: Final = "".join(chr(number) for number in range(0x21, 0x7F))
_DEPTH: Final = 3


def text(rng: random.Random, limit: int = 12) -> str:
    """Return any text that protobuf carries: all of Unicode but lone surrogates."""
    alphabet = rng.choice(_ALPHABETS)
    return "".join(rng.choice(alphabet) for _ in range(rng.randrange(limit)))


def metadata(rng: random.Random, side: str, limit: int = 4) -> Pairs:
    """Return pairs, some keys twice or more, under names that begin with "s-"."""
    found: list[tuple[str, str | bytes]] = []
    for _ in range(rng.randrange(limit)):
        key = f"s-{side}-{rng.choice('abc')}"
        for _ in range(rng.choice((1, 1, 1, 2, 3))):
            if rng.random() < 0.4:
                found.append((f"{key}-bin", rng.randbytes(rng.choice((0, 1, 2, 3, 40)))))
            else:
                length = rng.choice((0, 1, 5, 60))
                value = "".join(rng.choice(_PRINTABLE) for _ in range(length))
                # A space inside is allowed, one at an end is not.
                found.append((key, f"{value} {value}" if value and rng.random() < 0.3 else value))
    return tuple(found)


def fill(rng: random.Random, message: Message, depth: int = _DEPTH) -> Message:
    """Set fields at random, of any type, to values with a JSON form."""
    if isinstance(message, (timestamp_pb2.Timestamp, duration_pb2.Duration)):
        # google/protobuf/timestamp.proto: years 1 to 9999; duration.proto: 10,000 years.
        low, high = (-62135596800, 253402300799)
        if isinstance(message, timestamp_pb2.Timestamp):
            message.seconds = rng.choice((0, 1, low, high, rng.randrange(low, high)))
            message.nanos = rng.choice((0, 1, 999_999_999, 120_000_000, 1000))
        else:
            message.seconds = rng.randrange(0, 1000)
            message.nanos = rng.choice((0, 1, 500_000_000))
        return message
    if isinstance(message, struct_pb2.Struct):
        message.CopyFrom(struct_value(rng, depth))
        return message
    for field in message.DESCRIPTOR.fields:
        if rng.random() < 0.3:
            continue
        _fill_field(rng, message, field, depth)
    return message


def _fill_field(rng: random.Random, message: Message, field: Any, depth: int) -> None:
    nested: Any = field.message_type
    if nested is not None and depth == 0:
        return
    current: Any = getattr(message, field.name)
    count = rng.randrange(4)
    if nested is not None and nested.GetOptions().map_entry:
        value_field = nested.fields_by_name["value"]
        for _ in range(count):
            key = _scalar(rng, nested.fields_by_name["key"])
            if value_field.message_type is not None:
                fill(rng, current[key], depth - 1)
            else:
                current[key] = _scalar(rng, value_field)
    elif field.is_repeated:
        for _ in range(count):
            if nested is not None:
                fill(rng, current.add(), depth - 1)
            else:
                current.append(_scalar(rng, field))
    elif nested is not None:
        current.SetInParent()
        fill(rng, current, depth - 1)
    else:
        setattr(message, field.name, _scalar(rng, field))


_INTEGERS: Final = {
    FieldDescriptor.CPPTYPE_INT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.CPPTYPE_INT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.CPPTYPE_UINT32: (0, 2**32 - 1),
    FieldDescriptor.CPPTYPE_UINT64: (0, 2**64 - 1),
}


def _scalar(rng: random.Random, field: Any) -> Any:
    kind = field.cpp_type
    bounds = _INTEGERS.get(kind)
    if bounds is not None:
        return rng.choice((0, 1, *bounds, rng.randint(*bounds)))
    if kind == FieldDescriptor.CPPTYPE_BOOL:
        return rng.random() < 0.5
    if kind == FieldDescriptor.CPPTYPE_ENUM:
        # A number without a name has no JSON: tests/contract/exceptions.py.
        return rng.choice([value.number for value in field.enum_type.values])
    if kind == FieldDescriptor.CPPTYPE_DOUBLE:
        return rng.choice((0.0, -0.0, 1.5, math.pi, 1e300, 5e-324, math.inf, -math.inf))
    if kind == FieldDescriptor.CPPTYPE_FLOAT:
        drawn = rng.choice((0.0, 1.5, 3.4e38, math.inf))
        return struct.unpack("f", struct.pack("f", drawn))[0]
    if field.type == FieldDescriptor.TYPE_BYTES:
        return rng.randbytes(rng.choice((0, 1, 2, 30)))
    return text(rng)


def struct_value(rng: random.Random, depth: int = _DEPTH) -> struct_pb2.Struct:
    """Return a Struct of any shape."""
    found = struct_pb2.Struct()
    for _ in range(rng.randrange(4)):
        found.fields[text(rng, 6)].CopyFrom(_value(rng, depth))
    return found


def _value(rng: random.Random, depth: int) -> struct_pb2.Value:
    match rng.randrange(6 if depth else 4):
        case 0:
            return struct_pb2.Value(null_value=struct_pb2.NULL_VALUE)
        case 1:
            number = rng.choice((0.0, -1.0, 1e21, 0.1, 2.0**53, rng.random()))
            return struct_pb2.Value(number_value=number)
        case 2:
            return struct_pb2.Value(string_value=text(rng))
        case 3:
            return struct_pb2.Value(bool_value=rng.random() < 0.5)
        case 4:
            return struct_pb2.Value(struct_value=struct_value(rng, depth - 1))
        case _:
            values = [_value(rng, depth - 1) for _ in range(rng.randrange(3))]
            return struct_pb2.Value(list_value=struct_pb2.ListValue(values=values))


def detail(rng: random.Random, name: str) -> tuple[str, bytes]:
    """Return a detail of this type of google/rpc/error_details.proto: its full name, its bytes."""
    kind: type[Message] = getattr(error_details_pb2, name)
    message = fill(rng, kind())
    return message.DESCRIPTOR.full_name, message.SerializeToString(deterministic=True)
