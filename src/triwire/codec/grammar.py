"""Regular expressions for the plain texts of one message type. Pure.

A text that matches has no member twice in any object, and no number, duration or base64 of a form
that readers differ on:

- Members stand in the order of the descriptor, each at most once and under its JSON name, at most
  one of each oneof; the keys of a map are compared with each other. Servers write so.
- Numbers and durations are written out: no exponents, no fractions of integers.

The expressions are for texts that a JSON reader has accepted, and that have no escaped quotes.
Every value is taken whole, and with it the character after it: a comma, whitespace, or the bracket
that closes its container. Only after that bracket may the container end, so that a match goes along
the tokens of the text. Groups are atomic: it takes linear time, and memory for one object at most.
"""

from __future__ import annotations

import functools
import re
from collections import Counter
from typing import TYPE_CHECKING, Final

from google.protobuf.descriptor import FieldDescriptor

from triwire.codec.reflection import is_map, is_repeated
from triwire.codec.wellknown import WELL_KNOWN, WRAPPERS

if TYPE_CHECKING:
    from triwire.codec.reflection import AnyDescriptor, AnyField

__all__ = ["Grammar"]

# Compiling takes about 50 microseconds a field.
_MAX_FIELDS: Final = 300
# Each key of a map is compared with those after it; with more, there are faster ways to look.
_MAX_ENTRIES: Final = 20
_SPACE: Final = r"[ \t\r\n]*+"
_STRING: Final = '"[^"]*+"'
_INTEGER: Final = "-?[0-9]++(?![.eE])"
_LONG: Final = '"(?:-?[1-9][0-9]*+|0)"'
# Far below the end of float.
_FRACTION: Final = r"-?[0-9]{1,15}+(?:\.[0-9]{1,20}+)?+(?![0-9.eE])"
# One sign of padding only where there cannot be two.
_BASE64: Final = r'"(?:[^"=\\]*+(?:==)?+"|(?:[^"=\\]{4})*+[^"=\\]{3}=")'
_NOTHING: Final = re.compile("(?!)")
# One of these stands in every text with whitespace after the commas or colons.
_SPACED: Final = ('": ', '", ', "\n")
_SCALARS: Final = {
    FieldDescriptor.CPPTYPE_BOOL: "[a-z]++",
    FieldDescriptor.CPPTYPE_DOUBLE: _FRACTION,
    FieldDescriptor.CPPTYPE_ENUM: _STRING,
    FieldDescriptor.CPPTYPE_FLOAT: _FRACTION,
    FieldDescriptor.CPPTYPE_INT32: _INTEGER,
    FieldDescriptor.CPPTYPE_INT64: _LONG,
    FieldDescriptor.CPPTYPE_STRING: _STRING,
    FieldDescriptor.CPPTYPE_UINT32: _INTEGER,
    FieldDescriptor.CPPTYPE_UINT64: _LONG,
}
_WELL_KNOWN: Final = {
    "google.protobuf.Duration": r'"-?[0-9]{1,12}+(?:\.[0-9]{1,9}+)?+s"',
    "google.protobuf.Timestamp": _STRING,
}
_WRAPPERS: Final = frozenset(f"google.protobuf.{name}" for name in WRAPPERS)


class Grammar:
    """The plain texts of one message type.

    A text with a field of Any, FieldMask, Struct or of a type that contains itself is not plain.

    Args:
        descriptor: The message type.
    """

    def __init__(self, descriptor: AnyDescriptor) -> None:
        self._descriptor = descriptor

    def matches(self, text: str) -> bool:
        """Return whether a text is plain.

        Args:
            text: JSON, and of this type.
        """
        if "\\" not in text:
            if self._tight.fullmatch(text):
                return True
            if not any(sign in text for sign in _SPACED):
                return False
        return bool(self._loose.fullmatch(without_escaped_quotes(text)))

    @functools.cached_property
    def _tight(self) -> re.Pattern[str]:
        """The texts without whitespace and backslashes, which make every match dearer."""
        return _compiled(self._descriptor, space="", key='[^"]*+')

    @functools.cached_property
    def _loose(self) -> re.Pattern[str]:
        """All others. One key of a map may be written in several ways if it has a backslash."""
        return _compiled(self._descriptor, space=_SPACE, key=r'[^"\\]*+')


def without_escaped_quotes(text: str) -> str:
    """Remove what is escaped by a backslash and is a quote or backslash from a JSON text."""
    return text.replace("\\\\", "").replace('\\"', "") if "\\" in text else text


class _NotPlainError(Exception):
    """A type, or a field, of which no text is plain."""


def _compiled(descriptor: AnyDescriptor, *, space: str, key: str) -> re.Pattern[str]:
    try:
        written = _Writer(space, key).message(descriptor)
    except _NotPlainError:
        return _NOTHING
    return re.compile(f"{_SPACE}{written}{_SPACE}", re.DOTALL)


class _Writer:
    """Writes the expression of one type, in which every use of a type below it is written out.

    Args:
        space: What may stand between tokens.
        key: What may stand in the keys of maps, which are compared as they are written.
    """

    def __init__(self, space: str, key: str) -> None:
        self._space = space
        self._colon = f"{space}:{space}"
        self._key = key
        self._fields = 0
        self._maps = 0
        self._above: list[str] = []

    def message(self, descriptor: AnyDescriptor) -> str:
        """Return the expression of an object that has members."""
        if descriptor.full_name in WELL_KNOWN or descriptor.full_name in self._above:
            raise _NotPlainError
        self._above.append(descriptor.full_name)
        members = "".join(map(self._member, _members(descriptor)))
        self._above.pop()
        # No member follows a closing bracket, so only the last one can have taken it.
        return rf"\{{(?>{members}(?<=\}}))"

    def _member(self, group: list[AnyField]) -> str:
        choices: list[str] = []
        for field in group:
            try:
                values = self._values(field)
            except _NotPlainError:
                continue
            name = f'{self._space}"{re.escape(field.json_name)}"{self._colon}'
            choices += [f"{name}{value}{self._space}." for value in values]
        # A choice between nothing and nothing would double the ways to fail.
        return f"(?:{'|'.join(choices)}|)" if choices else ""

    def _values(self, field: AnyField) -> list[str]:
        """Return what the values of a field are, the usual ones first."""
        self._fields += 1
        if self._fields > _MAX_FIELDS:
            raise _NotPlainError
        if is_map(field):
            return [self._map(field), rf"\{{{self._space}\}}"]
        value = self._value(field)
        if is_repeated(field):
            elements = rf"\[(?:{self._space}{value}{self._space}.)++(?<=\])"
            return [elements, rf"\[{self._space}\]"]
        if field.message_type is None:
            return [value]
        return [value, rf"\{{{self._space}\}}", "null"]

    def _value(self, field: AnyField) -> str:
        if field.message_type is not None:
            return self._message_value(field.message_type)
        if field.enum_type is not None and field.enum_type.full_name == "google.protobuf.NullValue":
            raise _NotPlainError
        if field.type == FieldDescriptor.TYPE_BYTES:
            return _BASE64
        return _SCALARS[field.cpp_type]

    def _message_value(self, descriptor: AnyDescriptor) -> str:
        name = descriptor.full_name
        if name in _WELL_KNOWN:
            return _WELL_KNOWN[name]
        if name in _WRAPPERS:
            return self._value(descriptor.fields_by_name["value"])
        return self.message(descriptor)

    def _map(self, field: AnyField) -> str:
        key_field, value_field = field.message_type.fields
        # Other keys can be written in several ways.
        if key_field.cpp_type != FieldDescriptor.CPPTYPE_STRING:
            raise _NotPlainError
        rest = f"{self._colon}{self._value(value_field)}{self._space}."
        if value_field.message_type is not None:
            return rf'\{{{self._space}"{self._key}"{rest}(?<=\}})'
        self._maps += 1
        again = rf'(?:{self._space}"{self._key}"{rest})*?{self._space}"\{self._maps}"'
        entry = rf'{self._space}"({self._key})"{rest}(?!{again})'
        return rf"\{{(?:{entry}){{1,{_MAX_ENTRIES}}}+(?<=\}})"


def _members(descriptor: AnyDescriptor) -> list[list[AnyField]]:
    """Return the fields in order; those of which one at most may be given are together.

    A field is left out if its JSON name is a name of another one too.
    """
    names = Counter(name for field in descriptor.fields for name in {field.name, field.json_name})
    found: dict[str, list[AnyField]] = {}
    for field in descriptor.fields:
        if names[field.json_name] == 1:
            oneof = field.containing_oneof
            found.setdefault(field.name if oneof is None else f"{oneof.name} of", []).append(field)
    return list(found.values())
