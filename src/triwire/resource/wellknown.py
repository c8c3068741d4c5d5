"""Python values for well-known types, converted here because protobuf's releases differ.

protobuf 5.29 takes no datetime in a constructor; 6 and 7 do, and read a naive one as UTC
without a word. Only what has one obvious Python form is converted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, cast

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

if TYPE_CHECKING:
    from triwire.codec.reflection import AnyDescriptor

__all__ = ["Conversion", "conversion_of", "duration_of", "is_sequence", "timestamp_of"]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND: Final = timedelta(seconds=1)
_MICROSECOND: Final = timedelta(microseconds=1)


class Conversion:
    """How values of one well-known type may be given.

    Attributes:
        expected: What error texts call the accepted values.
        convert: Turns a value that is no message into one. Raises TypeError for a value of
            another type and ValueError for a value that the message cannot hold; the text
            says which.
    """

    __slots__ = ("convert", "expected")

    def __init__(self, expected: str, convert: Callable[[object], Message]) -> None:
        self.expected = expected
        self.convert = convert


def timestamp_of(value: object) -> Timestamp:
    """Convert an aware datetime; its microseconds are kept exactly.

    Raises:
        TypeError: no datetime.
        ValueError: the datetime is naive.
    """
    if not isinstance(value, datetime):
        raise TypeError
    if value.utcoffset() is None:
        raise ValueError(f"the naive datetime {value!r}: give it a timezone, such as datetime.UTC")
    since = value - _EPOCH
    seconds, rest = divmod(since, _SECOND)
    return Timestamp(seconds=seconds, nanos=rest // _MICROSECOND * 1000)


def duration_of(value: object) -> Duration:
    """Convert a timedelta exactly; seconds and nanos get the same sign, as the type demands.

    Raises:
        TypeError: no timedelta.
    """
    if not isinstance(value, timedelta):
        raise TypeError
    seconds, rest = divmod(abs(value), _SECOND)
    nanos = rest // _MICROSECOND * 1000
    sign = -1 if value < timedelta() else 1
    return Duration(seconds=sign * seconds, nanos=sign * nanos)


_TIMES: Final[dict[str, Conversion]] = {
    "google.protobuf.Timestamp": Conversion("a Timestamp or an aware datetime", timestamp_of),
    "google.protobuf.Duration": Conversion("a Duration or a timedelta", duration_of),
}
_WRAPPED: Final[dict[str, str]] = {
    "google.protobuf.BoolValue": "a bool",
    "google.protobuf.BytesValue": "bytes",
    "google.protobuf.DoubleValue": "a float",
    "google.protobuf.FloatValue": "a float",
    "google.protobuf.Int32Value": "an int",
    "google.protobuf.Int64Value": "an int",
    "google.protobuf.StringValue": "a str",
    "google.protobuf.UInt32Value": "an int",
    "google.protobuf.UInt64Value": "an int",
}


def conversion_of(descriptor: AnyDescriptor, message_type: type[Message]) -> Conversion | None:
    """Return how values of a message type may be given, or None for an ordinary message."""
    name: str = descriptor.full_name
    if not name.startswith("google.protobuf."):
        return None
    if name in _TIMES:
        return _TIMES[name]
    kind = name.rpartition(".")[2]
    if name in _WRAPPED:
        return Conversion(
            f"a {kind} or {_WRAPPED[name]}", _wrapper_of(message_type, _WRAPPED[name])
        )
    match kind:
        case "FieldMask":
            return Conversion("a FieldMask or a sequence of paths", _field_mask_of(message_type))
        case "Struct":
            return Conversion("a Struct or a mapping", _struct_of(message_type))
        case "ListValue":
            return Conversion("a ListValue or a sequence", _list_value_of(message_type))
        case "Value":
            return Conversion(
                "a Value, str, float, bool, mapping or sequence", _value_of(message_type)
            )
        case _:
            return None


def _wrapper_of(message_type: type[Message], wanted: str) -> Callable[[object], Message]:
    def convert(value: object) -> Message:
        if isinstance(value, bool) != (wanted == "a bool") or isinstance(value, Mapping):
            raise TypeError
        # A float in an int's place and the like: protobuf's own TypeError or ValueError.
        return message_type(value=value)

    return convert


def _field_mask_of(message_type: type[Message]) -> Callable[[object], Message]:
    def convert(value: object) -> Message:
        return message_type(paths=_items(value))

    return convert


def _struct_of(message_type: type[Message]) -> Callable[[object], Message]:
    def convert(value: object) -> Message:
        if not isinstance(value, Mapping):
            raise TypeError
        struct = message_type()
        cast("Any", struct).update(value)
        return struct

    return convert


def _list_value_of(message_type: type[Message]) -> Callable[[object], Message]:
    def convert(value: object) -> Message:
        found = message_type()
        cast("Any", found).extend(_items(value))
        return found

    return convert


def _value_of(message_type: type[Message]) -> Callable[[object], Message]:
    def convert(value: object) -> Message:
        message = message_type()
        found: Any = message
        match value:
            case bool():
                found.bool_value = value
            case str():
                found.string_value = value
            case int() | float():
                found.number_value = value
            case Mapping():
                found.struct_value.update(value)
            case _:
                found.list_value.extend(_items(value))
        return message

    return convert


def _items(value: object) -> list[Any]:
    """Return the items of a sequence; text and mappings are none here."""
    if not is_sequence(value):
        raise TypeError
    return list(cast("Iterable[Any]", value))


def is_sequence(value: object) -> bool:
    """Tell whether a value can stand for many: text iterates as characters, mappings as keys."""
    return isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping | Message)
