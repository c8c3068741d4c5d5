"""ProtoJSON to messages, exact and with precise errors; the path that the native codec lacks.

Slower than the native codec by about half an order of magnitude, so it is used for what that
one refuses: to read what the options tolerate, or to say where and why a text is wrong.
Rules: https://protobuf.dev/programming-guides/json/, "ProtoJSON Format".
"""

from __future__ import annotations

import json
from collections import Counter
from decimal import Decimal, DecimalException
from typing import TYPE_CHECKING, Any, Final

from triwire.codec.jsonpath import Json, JsonError, array_in, describe, object_in
from triwire.codec.reflection import AnyDescriptor, AnyField, AnyMessage, is_map, is_repeated
from triwire.codec.scalars import SKIP, scalar_reader
from triwire.codec.wellknown import WELL_KNOWN

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


__all__ = ["DEPTH_LIMIT", "JsonReader"]

DEPTH_LIMIT: Final = 100
"""Messages within messages; the limit of the binary format in every protobuf runtime."""


class JsonReader:
    """Reads JSON into messages. Tables are made once per message type and kept.

    Args:
        enum_aliases: Full enum name -> spelling -> number.
        ignore_unknown_fields: Skip keys that the message does not have.
        ignore_unknown_enum_names: Skip enum values whose name is unknown: the field stays
            unset, an element or map entry is left out.
        reject_duplicate_keys: Refuse an object that has a key twice.
    """

    def __init__(
        self,
        *,
        enum_aliases: Mapping[str, Mapping[str, int]],
        ignore_unknown_fields: bool,
        ignore_unknown_enum_names: bool,
        reject_duplicate_keys: bool,
    ) -> None:
        self.enum_aliases = enum_aliases
        self.ignore_unknown_fields = ignore_unknown_fields
        self.ignore_unknown_enum_names = ignore_unknown_enum_names
        self._reject_duplicate_keys = reject_duplicate_keys
        self._tables: dict[AnyDescriptor, _Table] = {}

    def read(self, data: bytes, message: AnyMessage) -> None:
        """Read a JSON text into an empty message.

        Raises:
            JsonError: The text is no JSON, or no such message.
        """
        self.read_message(self._parse(data), message, 1)
        if not message.IsInitialized():
            missing = ", ".join(message.FindInitializationErrors())
            raise JsonError(f"required fields are missing: {missing}")

    def read_field(self, data: bytes, message: AnyMessage, field_name: str) -> None:
        """Read a JSON text into one field of an empty message.

        Raises:
            JsonError: The text is no JSON, or no such value.
        """
        key = message.DESCRIPTOR.fields_by_name[field_name].json_name
        self.read_message({key: self._parse(data)}, message, 1)

    def read_message(self, tree: Json, message: AnyMessage, depth: int) -> None:
        """Read a parsed JSON value into an empty message at the given depth."""
        if depth > DEPTH_LIMIT:
            raise JsonError(f"nested more than {DEPTH_LIMIT} messages deep")
        descriptor = message.DESCRIPTOR
        special = WELL_KNOWN.get(descriptor.full_name)
        if special is not None:
            special(self, tree, message, depth)
            return
        table = self._tables.get(descriptor)
        if table is None:
            table = self._tables[descriptor] = _Table(self, descriptor)
        table.read(object_in(tree), message, depth)

    def _parse(self, data: bytes) -> Json:
        try:
            text = data.decode()
        except UnicodeDecodeError as error:
            raise JsonError(f"not UTF-8 at byte {error.start}") from None
        try:
            return json.loads(
                text,
                parse_float=Decimal,
                parse_constant=_no_constant,
                object_pairs_hook=_object_without_duplicates
                if self._reject_duplicate_keys
                else None,
            )
        except JsonError:
            raise
        except json.JSONDecodeError as error:
            raise JsonError(_syntax_problem(error)) from None
        except RecursionError:
            raise JsonError("nested too deeply") from None
        except (ValueError, DecimalException):
            # An integer of more digits than Python converts, an exponent beyond Decimal's.
            raise JsonError("a number has too many digits") from None


class _Table:
    """How to read one message type: for each key, the function that sets the field."""

    def __init__(self, reader: JsonReader, descriptor: AnyDescriptor) -> None:
        self._reader = reader
        self._name = descriptor.full_name
        self._extendable = bool(descriptor.is_extendable)
        self._setters: dict[str, tuple[AnyField, Callable[[AnyMessage, Json, int], None]]] = {}
        for field in descriptor.fields:
            entry = (field, _setter(reader, field))
            self._setters[field.name] = entry
            self._setters[field.json_name] = entry
        self._oneofs = {
            field.number: (field.containing_oneof.name)
            for field in descriptor.fields
            if field.containing_oneof is not None and len(field.containing_oneof.fields) > 1
        }

    def read(self, tree: dict[str, Json], message: AnyMessage, depth: int) -> None:
        chosen: dict[str, str] = {}
        seen: dict[int, str] = {}
        for key, value in tree.items():
            found = self._setters.get(key)
            if found is None and self._extendable and key.startswith("["):
                found = self._extension(key, message)
            if found is None:
                if self._reader.ignore_unknown_fields:
                    continue
                raise JsonError(f"{self._name} has no such field").below(key)
            field, put = found
            if field.number in seen:
                raise JsonError(f"the same field as {seen[field.number]!r}, given twice").below(key)
            seen[field.number] = key
            if value is None and not _takes_null(field):
                continue
            oneof = self._oneofs.get(field.number)
            if oneof is not None and chosen.setdefault(oneof, key) != key:
                problem = f"{chosen[oneof]!r} is given too, and at most one may be"
                raise JsonError(problem).below(key)
            try:
                put(message, value, depth)
            except JsonError as error:
                raise error.below(key)  # noqa: B904 - the same error on its way up

    def _extension(
        self, key: str, message: AnyMessage
    ) -> tuple[AnyField, Callable[[AnyMessage, Json, int], None]] | None:
        try:
            field = message.DESCRIPTOR.file.pool.FindExtensionByName(key[1:].removesuffix("]"))
        except KeyError:
            return None
        if field.containing_type is not message.DESCRIPTOR:
            return None
        return field, _setter(self._reader, field)


def _setter(reader: JsonReader, field: AnyField) -> Callable[[AnyMessage, Json, int], None]:
    if not is_repeated(field):
        return _singular_setter(reader, field)
    if is_map(field):
        return _map_setter(reader, field)
    return _list_setter(reader, field)


def _singular_setter(
    reader: JsonReader, field: AnyField
) -> Callable[[AnyMessage, Json, int], None]:
    name = field.name

    def container(message: AnyMessage) -> tuple[Any, Any]:
        return (message.Extensions, field) if field.is_extension else (None, None)

    if field.message_type is not None:

        def put_message(message: AnyMessage, value: Json, depth: int) -> None:
            extensions, key = container(message)
            below = getattr(message, name) if extensions is None else extensions[key]
            below.SetInParent()
            reader.read_message(value, below, depth + 1)

        return put_message
    read = scalar_reader(field, reader)

    def put(message: AnyMessage, value: Json, depth: int) -> None:
        del depth
        converted = read(value)
        if converted is SKIP:
            return
        extensions, key = container(message)
        if extensions is None:
            setattr(message, name, converted)
        else:
            extensions[key] = converted

    return put


def _list_setter(reader: JsonReader, field: AnyField) -> Callable[[AnyMessage, Json, int], None]:
    is_message = field.message_type is not None
    read = None if is_message else scalar_reader(field, reader)
    nulls = _takes_null(field)

    def put(message: AnyMessage, value: Json, depth: int) -> None:
        target = message.Extensions[field] if field.is_extension else getattr(message, field.name)
        for index, item in enumerate(array_in(value)):
            try:
                if item is None and not nulls:
                    raise JsonError("null cannot stand in an array")
                if read is None:
                    reader.read_message(item, target.add(), depth + 1)
                    continue
                converted = read(item)
                if converted is not SKIP:
                    target.append(converted)
            except JsonError as error:
                raise error.below(index)  # noqa: B904 - the same error on its way up

    return put


def _map_setter(reader: JsonReader, field: AnyField) -> Callable[[AnyMessage, Json, int], None]:
    key_field = field.message_type.fields_by_name["key"]
    value_field = field.message_type.fields_by_name["value"]
    is_message = value_field.message_type is not None
    read = None if is_message else scalar_reader(value_field, reader)
    read_key = scalar_reader(key_field, reader, as_map_key=True)
    nulls = _takes_null(value_field)

    def put(message: AnyMessage, value: Json, depth: int) -> None:
        target = getattr(message, field.name)
        for text, item in object_in(value).items():
            try:
                key = read_key(text)
                if item is None and not nulls:
                    raise JsonError("null cannot stand in a map")
                if read is None:
                    below = target[key]
                    below.Clear()
                    reader.read_message(item, below, depth + 1)
                    continue
                converted = read(item)
                if converted is not SKIP:
                    target[key] = converted
            except JsonError as error:
                raise error.below(text)  # noqa: B904 - the same error on its way up

    return put


def _takes_null(field: AnyField) -> bool:
    """Whether JSON null is a value of the field, not the absence of one."""
    if field.message_type is not None:
        return bool(field.message_type.full_name == "google.protobuf.Value")
    return field.enum_type is not None and field.enum_type.full_name == "google.protobuf.NullValue"


def _object_without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Json]:
    found = dict(pairs)
    if len(found) != len(pairs):
        key = Counter(key for key, _ in pairs).most_common(1)[0][0]
        raise JsonError(f"key {describe(key).removeprefix('string ')} is given twice")
    return found


def _no_constant(name: str) -> Json:
    raise JsonError(f"{name} is no JSON; write it as a string")


def _syntax_problem(error: json.JSONDecodeError) -> str:
    """Say what is wrong with the text, in the style of our other errors."""
    if not error.doc.strip():
        return "the text is empty"
    found = error.doc[error.pos : error.pos + 20]
    place = f"at line {error.lineno}, column {error.colno}"
    what = error.msg[:1].lower() + error.msg[1:]
    return f"{what} {place}, found {found!r}" if found else f"{what} {place}, found the end"
