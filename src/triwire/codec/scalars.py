"""Single JSON values to values of scalar and enum fields.

Rules: https://protobuf.dev/programming-guides/json/, the table of "ProtoJSON Format".
"""

from __future__ import annotations

import base64
import re
import struct
from decimal import Decimal, DecimalException
from typing import TYPE_CHECKING, Any, Final, Protocol

from google.protobuf.descriptor import FieldDescriptor

from triwire.codec.jsonpath import Json, JsonError, describe

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from triwire.codec.reflection import AnyField

__all__ = ["SKIP", "EnumPolicy", "read_base64", "read_double", "scalar_reader"]

SKIP: Final[Any] = object()
"""Read in place of an enum value whose name is unknown, where that is tolerated."""

# RFC 8259, section 6; ProtoJSON reads the same grammar inside strings.
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?", re.ASCII)
_INTEGER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)", re.ASCII)
_NOT_BASE64: Final = re.compile(rb"[^A-Za-z0-9+/]")
_NON_FINITE: Final = {
    "NaN": float("nan"),
    "Infinity": float("inf"),
    "-Infinity": float("-inf"),
}
_NAMES_SHOWN: Final = 16  # of an enum, in an error
# 2^64 has 20 digits: what is longer is out of every range, and is not worth converting.
_MAX_DIGITS: Final = 40


class EnumPolicy(Protocol):
    """What a reader of enums is told by the codec's options."""

    @property
    def enum_aliases(self) -> Mapping[str, Mapping[str, int]]:
        """Full enum name -> spelling -> number."""
        ...

    @property
    def ignore_unknown_enum_names(self) -> bool:
        """Whether an unknown name gives SKIP instead of an error."""
        ...


def scalar_reader(
    field: AnyField, policy: EnumPolicy, *, as_map_key: bool = False
) -> Callable[[Json], Any]:
    """Return the function that reads one value of `field`, an element of it if repeated.

    Args:
        field: A field that is no message; of a map entry, the key or the value.
        policy: How enums are read.
        as_map_key: Read the text of a JSON object's key.
    """
    bounds = _INTEGER_BOUNDS.get(field.type)
    if bounds is not None:
        return _integer_reader(*bounds)
    if field.type == FieldDescriptor.TYPE_BOOL:
        return _read_bool_key if as_map_key else _read_bool
    if field.type == FieldDescriptor.TYPE_ENUM:
        return _enum_reader(field, policy)
    return _OTHER_READERS[field.type]


def read_double(value: Json) -> float:
    """Read a double."""
    number = _read_number(value, special=True)
    if isinstance(number, float):
        return number
    converted = float(number)
    if converted in (float("inf"), float("-inf")):
        raise JsonError(f"{describe(value)} is out of range for a double")
    return converted


def read_base64(value: Json) -> bytes:
    """Read bytes: standard or URL-safe base64, with padding or without."""
    if not isinstance(value, str):
        raise JsonError(f"expected base64, got {describe(value)}")
    try:
        raw = value.encode("ascii").translate(_FROM_URL_SAFE)
    except UnicodeEncodeError:
        raise JsonError(f"expected base64, got {describe(value)}") from None
    bare = raw.rstrip(b"=")
    wanted = -len(bare) % 4
    is_padded_well = len(raw) - len(bare) in {0, wanted}
    if _NOT_BASE64.search(bare) or len(bare) % 4 == 1 or not is_padded_well:
        raise JsonError(f"expected base64, got {describe(value)}")
    return base64.b64decode(bare + b"=" * wanted)


def read_string(value: Json) -> str:
    """Read a string: Unicode text, so no half of a surrogate pair."""
    if not isinstance(value, str):
        raise JsonError(f"expected a string, got {describe(value)}")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise JsonError("a string holds a lone surrogate") from None
    return value


_FROM_URL_SAFE: Final = bytes.maketrans(b"-_", b"+/")


def _read_float(value: Json) -> float:
    converted = read_double(value)
    try:
        struct.pack("<f", converted)
    except OverflowError:
        raise JsonError(f"{describe(value)} is out of range for a float") from None
    return converted


def _read_number(value: Json, *, special: bool = False) -> int | Decimal | float:
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        raise JsonError(f"expected a number, got {describe(value)}")
    if not isinstance(value, str):
        return value
    if special and value in _NON_FINITE:
        return _NON_FINITE[value]
    if not _NUMBER.fullmatch(value):
        raise JsonError(f"expected a number, got {describe(value)}")
    try:
        return Decimal(value)
    except DecimalException:
        raise JsonError(f"{describe(value)} is out of range") from None


def _integer_reader(kind: str, low: int, high: int) -> Callable[[Json], int]:
    def read(value: Json) -> int:
        if type(value) is int:
            number = value
        elif isinstance(value, str) and len(value) < _MAX_DIGITS and _INTEGER.fullmatch(value):
            number = int(value)
        else:
            number = _integral(value, kind)
        if low <= number <= high:
            return number
        raise JsonError(f"{describe(value)} is out of range for {kind} ({low} to {high})")

    return read


def _integral(value: Json, kind: str) -> int:
    try:
        number = Decimal(_read_number(value))
    except JsonError:
        raise JsonError(f"expected {kind}, got {describe(value)}") from None
    if not number:
        return 0
    if number.adjusted() > _MAX_DIGITS:
        raise JsonError(f"{describe(value)} is out of range for {kind}")
    # Looked at digit by digit: arithmetic would round as the caller's decimal context says.
    _, digits, exponent = number.as_tuple()
    if isinstance(exponent, int) and exponent < 0 and any(digits[exponent:]):
        raise JsonError(f"expected {kind}, got {describe(value)}")
    return int(number)


def _read_bool(value: Json) -> bool:
    if isinstance(value, bool):
        return value
    raise JsonError(f"expected true or false, got {describe(value)}")


def _read_bool_key(value: Json) -> bool:
    if value in {"true", "false"}:
        return bool(value == "true")
    raise JsonError(f"expected the key 'true' or 'false', got {describe(value)}")


def _enum_reader(field: AnyField, policy: EnumPolicy) -> Callable[[Json], Any]:
    enum = field.enum_type
    numbers = {value.name: value.number for value in enum.values}
    by_spelling = {**numbers, **policy.enum_aliases.get(enum.full_name, {}), **numbers}
    shown = list(by_spelling)[:_NAMES_SHOWN]
    names = ", ".join([*shown, "..."] if len(by_spelling) > len(shown) else shown)
    known = frozenset(numbers.values())
    skip_unknown = policy.ignore_unknown_enum_names
    read_int32 = _integer_reader("int32", -(2**31), 2**31 - 1)

    def read(value: Json) -> Json:
        if isinstance(value, str):
            found = by_spelling.get(value)
            if found is not None:
                return found
            if skip_unknown:
                return SKIP
            raise JsonError(f"expected one of {names}; got {describe(value)}")
        if value is None:  # only where NullValue says that null is a value
            return 0
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            raise JsonError(f"expected one of {names} or its number; got {describe(value)}")
        number = read_int32(value)
        if enum.is_closed and number not in known:
            if skip_unknown:
                return SKIP
            raise JsonError(f"expected one of {names} or its number; got {describe(value)}")
        return number

    return read


_INT32 = ("int32", -(2**31), 2**31 - 1)
_INT64 = ("int64", -(2**63), 2**63 - 1)
_UINT32 = ("uint32", 0, 2**32 - 1)
_UINT64 = ("uint64", 0, 2**64 - 1)

_INTEGER_BOUNDS: Final = {
    FieldDescriptor.TYPE_INT32: _INT32,
    FieldDescriptor.TYPE_SINT32: _INT32,
    FieldDescriptor.TYPE_SFIXED32: _INT32,
    FieldDescriptor.TYPE_INT64: _INT64,
    FieldDescriptor.TYPE_SINT64: _INT64,
    FieldDescriptor.TYPE_SFIXED64: _INT64,
    FieldDescriptor.TYPE_UINT32: _UINT32,
    FieldDescriptor.TYPE_FIXED32: _UINT32,
    FieldDescriptor.TYPE_UINT64: _UINT64,
    FieldDescriptor.TYPE_FIXED64: _UINT64,
}

_OTHER_READERS: Final[dict[int, Callable[[Json], Any]]] = {
    FieldDescriptor.TYPE_DOUBLE: read_double,
    FieldDescriptor.TYPE_FLOAT: _read_float,
    FieldDescriptor.TYPE_STRING: read_string,
    FieldDescriptor.TYPE_BYTES: read_base64,
}
