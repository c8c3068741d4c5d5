"""ProtoJSON to messages, exact and with precise errors; the path that the native codec lacks.

Slower than the native codec by about half an order of magnitude, so it is used for what that
one refuses: to read what the options tolerate, or to say where and why a text is wrong.
Rules: https://protobuf.dev/programming-guides/json/, "ProtoJSON Format".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from google.protobuf.descriptor import FieldDescriptor

from triwire.codec.jsonpath import Json, JsonError, array_in, object_in
from triwire.codec.parse import parse_json
from triwire.codec.reflection import (
    AnyDescriptor,
    AnyField,
    AnyMessage,
    AnyValue,
    is_map,
    is_repeated,
)
from triwire.codec.scalars import SKIP, scalar_reader
from triwire.codec.wellknown import WELL_KNOWN

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from triwire.codec.wellknown import MessageReader


__all__ = ["DEPTH_LIMIT", "JsonReader"]

DEPTH_LIMIT: Final = 100
"""Messages below the first; the limit of the binary format in every protobuf runtime."""


class JsonReader:
    """Reads JSON into messages. Tables are made once per message type and kept.

    Args:
        enum_aliases: Full enum name -> spelling -> number.
        ignore_unknown_fields: Skip keys that the message does not have.
        ignore_unknown_enum_names: Skip enum values whose name is unknown: the field stays
            unset, an element or map entry is left out.
    """

    def __init__(
        self,
        *,
        enum_aliases: Mapping[str, Mapping[str, int]],
        ignore_unknown_fields: bool,
        ignore_unknown_enum_names: bool,
    ) -> None:
        self.enum_aliases = enum_aliases
        self.ignore_unknown_fields = ignore_unknown_fields
        self.ignore_unknown_enum_names = ignore_unknown_enum_names
        self._tables: dict[AnyDescriptor, Callable[[Json, AnyMessage, int], None]] = {}

    def read(self, data: bytes, message: AnyMessage) -> None:
        """Read a JSON text into an empty message.

        Raises:
            JsonError: The text is no JSON, or no such message.
        """
        self.read_message(parse_json(data), message, 0)
        if not message.IsInitialized():
            missing = ", ".join(message.FindInitializationErrors())
            raise JsonError(f"required fields are missing: {missing}")

    def read_field(self, data: bytes, message: AnyMessage, field_name: str) -> None:
        """Read a JSON text into one field of an empty message.

        Raises:
            JsonError: The text is no JSON, or no such value.
        """
        key = message.DESCRIPTOR.fields_by_name[field_name].json_name
        self.read_message({key: parse_json(data)}, message, 0)

    def read_message(self, tree: Json, message: AnyMessage, depth: int) -> None:
        """Read a parsed JSON value into an empty message at the given depth."""
        self.table(message.DESCRIPTOR)(tree, message, depth)

    def table(self, descriptor: AnyDescriptor) -> Callable[[Json, AnyMessage, int], None]:
        """Return what reads one message type: called with JSON value, message and depth."""
        found = self._tables.get(descriptor)
        if found is None:
            special = WELL_KNOWN.get(descriptor.full_name)
            found = _Table(self, descriptor).read if special is None else _special(self, special)
            self._tables[descriptor] = found
        return found


class _Field(NamedTuple):
    """How one key of a message is read.

    Attributes:
        put: Sets the field: called with message, JSON value and depth.
        takes_null: Whether null is a value and not absence.
        oneof: Name of the oneof that has this field and others, or "".
        twin: The other spelling of the key, or "".
    """

    put: Callable[[AnyMessage, Json, int], None]
    takes_null: bool
    oneof: str
    twin: str


class _Table:
    """How to read one message type. Filled with the first message, as types may be recursive."""

    def __init__(self, reader: JsonReader, descriptor: AnyDescriptor) -> None:
        self._reader = reader
        self._descriptor = descriptor
        self._fields: dict[str, _Field] = {}

    def read(self, tree: Json, message: AnyMessage, depth: int) -> None:
        if depth > DEPTH_LIMIT:
            raise JsonError(f"nested more than {DEPTH_LIMIT} messages deep")
        fields = self._fields or self._filled()
        chosen: dict[str, str] = {}
        for key, value in object_in(tree).items():
            field = fields.get(key) or self._extension(key)
            if field is None:
                if self._reader.ignore_unknown_fields:
                    continue
                name = self._descriptor.full_name
                raise JsonError(f"{name} has no such field").below(key)
            put, takes_null, oneof, twin = field
            if twin and twin in tree:
                raise JsonError(f"the same field as {twin!r}, given twice").below(key)
            if value is None and not takes_null:
                continue
            if oneof and chosen.setdefault(oneof, key) != key:
                problem = f"{chosen[oneof]!r} is given too, and at most one may be"
                raise JsonError(problem).below(key)
            try:
                put(message, value, depth)
            except JsonError as error:
                raise error.below(key)  # noqa: B904 - the same error on its way up

    def _filled(self) -> dict[str, _Field]:
        fields: dict[str, _Field] = {}
        for field in self._descriptor.fields:
            put, takes_null = _setter(self._reader, field), _takes_null(field)
            group = field.containing_oneof
            oneof = group.name if group is not None and len(group.fields) > 1 else ""
            twin = field.json_name if field.json_name != field.name else ""
            # Only one of the spellings looks for the other: the check costs, and most keys are
            # in lowerCamelCase.
            fields[field.name] = _Field(put, takes_null, oneof, twin)
            if twin:
                fields[twin] = _Field(put, takes_null, oneof, "")
        self._fields = fields
        return fields

    def _extension(self, key: str) -> _Field | None:
        if not self._descriptor.is_extendable or not key.startswith("["):
            return None
        try:
            pool = self._descriptor.file.pool
            field = pool.FindExtensionByName(key[1:].removesuffix("]"))
        except KeyError:
            return None
        if field.containing_type is not self._descriptor:
            return None
        return _Field(_setter(self._reader, field), _takes_null(field), "", "")


def _special(
    reader: JsonReader, read: Callable[[MessageReader, Json, AnyMessage, int], None]
) -> Callable[[Json, AnyMessage, int], None]:
    def read_special(tree: Json, message: AnyMessage, depth: int) -> None:
        if depth > DEPTH_LIMIT:
            raise JsonError(f"nested more than {DEPTH_LIMIT} messages deep")
        read(reader, tree, message, depth)

    return read_special


def _setter(reader: JsonReader, field: AnyField) -> Callable[[AnyMessage, Json, int], None]:
    if is_map(field):
        return _map_setter(reader, field)
    if is_repeated(field):
        return _list_setter(reader, field)
    if field.message_type is not None:
        return _message_setter(reader, field)
    return _scalar_setter(reader, field)


def _message_setter(reader: JsonReader, field: AnyField) -> Callable[[AnyMessage, Json, int], None]:
    name = field.name
    read = reader.table(field.message_type)
    is_extension = field.is_extension

    def put(message: AnyMessage, value: Json, depth: int) -> None:
        below = message.Extensions[field] if is_extension else getattr(message, name)
        below.SetInParent()
        read(value, below, depth + 1)

    return put


def _scalar_setter(reader: JsonReader, field: AnyField) -> Callable[[AnyMessage, Json, int], None]:
    name = field.name
    read = scalar_reader(field, reader)
    is_extension = field.is_extension

    def put(message: AnyMessage, value: Json, depth: int) -> None:
        del depth
        converted = read(value)
        if converted is SKIP:
            return
        if is_extension:
            message.Extensions[field] = converted
        else:
            setattr(message, name, converted)

    return put


def _list_setter(reader: JsonReader, field: AnyField) -> Callable[[AnyMessage, Json, int], None]:
    nulls = _takes_null(field)
    add = _message_adder(reader, field) if field.message_type else _scalar_adder(reader, field)

    def put(message: AnyMessage, value: Json, depth: int) -> None:
        target = message.Extensions[field] if field.is_extension else getattr(message, field.name)
        for index, item in enumerate(array_in(value)):
            if item is None and not nulls:
                raise JsonError("null cannot stand in an array").below(index)
            try:
                add(target, item, depth)
            except JsonError as error:
                raise error.below(index)  # noqa: B904 - the same error on its way up

    return put


def _message_adder(reader: JsonReader, field: AnyField) -> Callable[[AnyValue, Json, int], None]:
    read = reader.table(field.message_type)

    def add(target: AnyValue, item: Json, depth: int) -> None:
        read(item, target.add(), depth + 1)

    return add


def _scalar_adder(reader: JsonReader, field: AnyField) -> Callable[[AnyValue, Json, int], None]:
    read = scalar_reader(field, reader)

    def add(target: AnyValue, item: Json, depth: int) -> None:
        del depth
        converted = read(item)
        if converted is not SKIP:
            target.append(converted)

    return add


def _map_setter(reader: JsonReader, field: AnyField) -> Callable[[AnyMessage, Json, int], None]:
    name = field.name
    key_field = field.message_type.fields_by_name["key"]
    value_field = field.message_type.fields_by_name["value"]
    read_key = scalar_reader(key_field, reader, as_map_key=True)
    nulls = _takes_null(value_field)
    add = _message_entry if value_field.message_type else _scalar_entry
    put_entry = add(reader, value_field)
    is_text_key = key_field.type == FieldDescriptor.TYPE_STRING

    def put(message: AnyMessage, value: Json, depth: int) -> None:
        target = getattr(message, name)
        for text, item in object_in(value).items():
            try:
                key = read_key(text)
                # Texts of numbers may differ and stand for one key, as "1" and "1.0" do.
                if not is_text_key and key in target:
                    raise JsonError("the key is given twice")
                if item is None and not nulls:
                    raise JsonError("null cannot stand in a map")
                put_entry(target, key, item, depth)
            except JsonError as error:
                raise error.below(text)  # noqa: B904 - the same error on its way up

    return put


def _message_entry(
    reader: JsonReader, field: AnyField
) -> Callable[[AnyValue, AnyValue, Json, int], None]:
    read = reader.table(field.message_type)

    def put(target: AnyValue, key: AnyValue, item: Json, depth: int) -> None:
        read(item, target[key], depth + 1)

    return put


def _scalar_entry(
    reader: JsonReader, field: AnyField
) -> Callable[[AnyValue, AnyValue, Json, int], None]:
    read = scalar_reader(field, reader)

    def put(target: AnyValue, key: AnyValue, item: Json, depth: int) -> None:
        del depth
        converted = read(item)
        if converted is not SKIP:
            target[key] = converted

    return put


def _takes_null(field: AnyField) -> bool:
    """Whether JSON null is a value of the field, not the absence of one."""
    if field.message_type is not None:
        return bool(field.message_type.full_name == "google.protobuf.Value")
    return field.enum_type is not None and field.enum_type.full_name == "google.protobuf.NullValue"
