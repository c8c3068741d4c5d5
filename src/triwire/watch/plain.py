"""Reads plain data into a message for comparison: lenient in spelling, strict in meaning.

This is not the ProtoJSON codec. Answers from a wire are decoded by the codec; this takes what a
user or a store holds as nested mappings, in whatever spelling, and is used for nothing but the
canonical form.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.json_format import ParseError
from google.protobuf.message import Message

from triwire.codec.reflection import is_repeated
from triwire.watch.stamps import NS_PER_SECOND, to_ns

if TYPE_CHECKING:
    from collections.abc import Mapping

    from google.protobuf.descriptor import Descriptor, EnumDescriptor

TIMESTAMP: Final = "google.protobuf.Timestamp"

_MESSAGE: Final = FieldDescriptor.TYPE_MESSAGE
_INTEGERS: Final = frozenset(
    (
        FieldDescriptor.CPPTYPE_INT32,
        FieldDescriptor.CPPTYPE_INT64,
        FieldDescriptor.CPPTYPE_UINT32,
        FieldDescriptor.CPPTYPE_UINT64,
    )
)
_FLOATS: Final = frozenset((FieldDescriptor.CPPTYPE_FLOAT, FieldDescriptor.CPPTYPE_DOUBLE))


ProtoValue: TypeAlias = Any
"""Whatever a field may hold: generated messages are typed, their fields by name are not."""


def message_of(one: FieldDescriptor) -> Descriptor:
    """Give the type of a message field."""
    return cast("Descriptor", one.message_type)


def is_map(one: FieldDescriptor) -> bool:
    """Tell whether a field is a map, which descriptors show as a repeated entry message."""
    return one.type == _MESSAGE and message_of(one).GetOptions().map_entry


class PlainReader:
    """Reads mappings into messages.

    Args:
        enum_aliases: Further spellings of enum values, by the full name of the enum.
    """

    def __init__(self, enum_aliases: Mapping[str, Mapping[str, int]]) -> None:
        self._aliases = enum_aliases

    def read(self, value: Mapping[str, Any], into: Message) -> None:
        """Set the fields that a mapping names; None and unknown names are passed over.

        Raises:
            ValueError: A value that its field cannot take.
        """
        descriptor = cast("Descriptor", into.DESCRIPTOR)
        # dicts: protobuf's own mappings fail on names that UTF-8 cannot say.
        fields = {**descriptor.fields_by_camelcase_name, **descriptor.fields_by_name}
        for name, one in value.items():
            spec = fields.get(name)
            if spec is None or one is None:
                continue
            try:
                self._set(into, spec, one)
            except (TypeError, KeyError, AttributeError, binascii.Error, ParseError) as error:
                raise ValueError(f"expected a value for {spec.full_name}, got {one!r}") from error

    def _set(self, into: Message, spec: FieldDescriptor, value: ProtoValue) -> None:
        if is_map(spec):
            self._set_map(into, spec, value)
        elif is_repeated(spec):
            target = getattr(into, spec.name)
            if spec.type == _MESSAGE:
                for one in value:
                    self._fill(target.add(), one)
            else:
                target.extend(self._scalar(spec, one) for one in value)
        elif spec.type == _MESSAGE:
            target = getattr(into, spec.name)
            target.SetInParent()
            self._fill(target, value)
        else:
            setattr(into, spec.name, self._scalar(spec, value))

    def _set_map(self, into: Message, spec: FieldDescriptor, value: Mapping[Any, Any]) -> None:
        target = getattr(into, spec.name)
        key_spec = message_of(spec).fields_by_name["key"]
        value_spec = message_of(spec).fields_by_name["value"]
        for key, one in value.items():
            name = self._scalar(key_spec, key)
            if value_spec.type == _MESSAGE:
                self._fill(target[name], one)
            else:
                target[name] = self._scalar(value_spec, one)

    def _fill(self, target: ProtoValue, value: ProtoValue) -> None:
        if isinstance(value, Message):
            # By its bytes: a private descriptor pool has classes of its own.
            target.MergeFromString(value.SerializeToString())
        elif target.DESCRIPTOR.full_name == TIMESTAMP:
            stamp = to_ns(value)
            target.seconds, target.nanos = divmod(stamp, NS_PER_SECOND)
        elif target.DESCRIPTOR.file.package == "google.protobuf":
            # The other well-known types have spellings of their own.
            json_format.ParseDict(value, target, ignore_unknown_fields=True)
        else:
            self.read(value, target)

    def _scalar(self, spec: FieldDescriptor, value: ProtoValue) -> ProtoValue:
        kind = spec.cpp_type
        if kind == FieldDescriptor.CPPTYPE_ENUM:
            return self._enum(cast("EnumDescriptor", spec.enum_type), value)
        if kind == FieldDescriptor.CPPTYPE_BOOL and isinstance(value, str):
            return {"true": True, "false": False}[value]
        if kind in _INTEGERS:
            # ProtoJSON writes 64-bit integers as text; some writers make 1.0 of 1.
            return int(value) if isinstance(value, str) or value == int(value) else value
        if kind in _FLOATS:
            return float(value)
        if spec.type == FieldDescriptor.TYPE_BYTES and isinstance(value, str):
            padded = value + "=" * (-len(value) % 4)
            return base64.b64decode(padded.replace("-", "+").replace("_", "/"), validate=True)
        return value

    def _enum(self, enum: EnumDescriptor, value: ProtoValue) -> int:
        if isinstance(value, int):
            # Covers bool too, which a YAML reader makes of True, a documented spelling.
            value = str(value) if isinstance(value, bool) else value
            if isinstance(value, int):
                return value
        alias = self._aliases.get(enum.full_name, {}).get(value)
        if alias is not None:
            return alias
        known = {name: one.number for name, one in enum.values_by_name.items()}
        if value in known:
            return known[value]
        try:
            return int(value)
        except ValueError:
            raise ValueError(
                f"expected a value of {enum.full_name}, got {value!r}: known are {', '.join(known)}"
            ) from None
