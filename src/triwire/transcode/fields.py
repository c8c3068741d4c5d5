"""Fields of requests as text in paths and queries: names, text of values, values of text.

Values are written and read as ProtoJSON writes and reads them, without the quotes: 64-bit
integers, enum names, base64, RFC 3339 times, "1.5s", comma-separated mask paths.
"""

from __future__ import annotations

import base64
import math
from typing import TYPE_CHECKING, Final

from google.protobuf.descriptor import FieldDescriptor

from triwire.codec.reader import JsonReader
from triwire.codec.reflection import is_repeated
from triwire.codec.scalars import scalar_reader
from triwire.codec.wellknown import WRAPPERS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from triwire.codec.reflection import AnyDescriptor, AnyField, AnyMessage, AnyValue

__all__ = ["RequestError", "TextReader", "body_type", "field_at", "is_text_message", "text_of"]

_TEXT_MESSAGES: Final = frozenset(
    f"google.protobuf.{name}" for name in ("Timestamp", "Duration", "FieldMask", *WRAPPERS)
)
_FIELD_SHOWN: Final = 200


class RequestError(ValueError):
    """A path, query or body that is no such request.

    Attributes:
        field: Path of the field as the request spelled it, shortened if it is very long, or ""
            for the request as such.
        problem: What was expected and what came.
    """

    def __init__(self, field: str, problem: str) -> None:
        if len(field) > _FIELD_SHOWN:
            field = f"{field[: _FIELD_SHOWN - 3]}..."
        super().__init__(f"{field}: {problem}" if field else problem)
        self.field = field
        self.problem = problem


def field_at(descriptor: AnyDescriptor, path: Sequence[str]) -> AnyField:
    """Return the field at a path of proto names.

    Raises:
        ValueError: There is none, or the path leads through something that is no message.
    """
    here: AnyDescriptor = descriptor
    field: AnyField = None
    for name in path:
        found = None if here is None else here.fields_by_name.get(name)
        if found is None or (field is not None and is_repeated(field)):
            message = f"{descriptor.full_name} has no field {'.'.join(path)!r}"
            raise ValueError(message)
        field, here = found, found.message_type
    return field


def body_type(descriptor: AnyDescriptor, field_name: str) -> AnyDescriptor:
    """Return the message type of a body: of the field, or of everything for "".

    Returns:
        None if the body is no single message.

    Raises:
        ValueError: There is no such field.
    """
    if not field_name:
        return descriptor
    field = field_at(descriptor, (field_name,))
    return None if is_repeated(field) else field.message_type


def is_text_message(descriptor: AnyDescriptor) -> bool:
    """Whether a message is one text in a query: times, durations, masks, wrappers."""
    return descriptor.full_name in _TEXT_MESSAGES


def text_of(field: AnyField) -> Callable[[AnyValue], str]:
    """Return the function that writes one value of `field`, an element of it if repeated.

    Args:
        field: A scalar, an enum, or one of the messages that are text.
    """
    kind = field.message_type
    if kind is None:
        return _scalar_text(field)
    if kind.full_name in {
        "google.protobuf.Timestamp",
        "google.protobuf.Duration",
        "google.protobuf.FieldMask",
    }:
        return _well_known_text
    inner = _scalar_text(kind.fields_by_name["value"])
    return lambda wrapper: inner(wrapper.value)


def _well_known_text(message: AnyMessage) -> str:
    return str(message.ToJsonString())


def _scalar_text(field: AnyField) -> Callable[[AnyValue], str]:
    if field.type == FieldDescriptor.TYPE_BOOL:
        return lambda value: "true" if value else "false"
    if field.type == FieldDescriptor.TYPE_BYTES:
        return lambda value: base64.b64encode(value).decode()
    if field.type == FieldDescriptor.TYPE_ENUM:
        names = {value.number: value.name for value in reversed(field.enum_type.values)}
        return lambda value: names.get(value, str(value))
    if field.type == FieldDescriptor.TYPE_FLOAT:
        return _float_text
    if field.type == FieldDescriptor.TYPE_DOUBLE:
        return _double_text
    return str


def _double_text(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return repr(value)


def _float_text(value: float) -> str:
    # The shortest text that reads back as the same 32 bits: nine digits are always enough.
    if not math.isfinite(value):
        return _double_text(value)
    from struct import pack

    bits = pack("<f", value)
    for digits in range(6, 9):
        text = f"{value:.{digits}g}"
        if abs(float(text)) <= _MAX_FLOAT and pack("<f", float(text)) == bits:
            return text
    return f"{value:.9g}"


_MAX_FLOAT: Final = 3.4028234663852886e38


class TextReader:
    """Reads the text of path variables and query parameters into fields.

    Args:
        enum_aliases: Full enum name -> spelling -> number.
        ignore_unknown_fields: Skip query parameters that name no field.
        ignore_unknown_enum_names: Skip enum values whose name is unknown.
    """

    def __init__(
        self,
        *,
        enum_aliases: Mapping[str, Mapping[str, int]],
        ignore_unknown_fields: bool,
        ignore_unknown_enum_names: bool,
    ) -> None:
        self.ignore_unknown_fields = ignore_unknown_fields
        self._reader = JsonReader(
            enum_aliases=enum_aliases,
            ignore_unknown_fields=ignore_unknown_fields,
            ignore_unknown_enum_names=ignore_unknown_enum_names,
        )
        self._scalars: dict[AnyField, Callable[[str], AnyValue]] = {}

    def scalar(self, field: AnyField, text: str) -> AnyValue:
        """Return the value of a scalar or enum field; may be `triwire.codec.scalars.SKIP`.

        Raises:
            JsonError: The text is no such value.
        """
        read = self._scalars.get(field)
        if read is None:
            read = self._scalars[field] = self._scalar_reader(field)
        return read(text)

    def message(self, message: AnyMessage, text: str) -> None:
        """Read one of the messages that are text into an empty message.

        Raises:
            JsonError: The text is no such value.
        """
        if message.DESCRIPTOR.full_name == "google.protobuf.BoolValue":
            message.value = self.scalar(message.DESCRIPTOR.fields_by_name["value"], text)
        else:
            self._reader.read_message(text, message, 1)

    def _scalar_reader(self, field: AnyField) -> Callable[[str], AnyValue]:
        read = scalar_reader(field, self._reader, as_map_key=True)
        if field.type != FieldDescriptor.TYPE_ENUM:
            return read

        def read_enum(text: str) -> AnyValue:
            # ProtoJSON takes a number for a name; in a URL every number is text.
            digits = text.removeprefix("-")
            is_number = digits.isascii() and digits.isdigit() and len(digits) < _MAX_ENUM_DIGITS
            return read(int(text) if is_number else text)

        return read_enum


_MAX_ENUM_DIGITS: Final = 12
