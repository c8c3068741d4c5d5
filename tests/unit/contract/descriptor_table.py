"""Descriptors as a readable table: one line per element, with all that it says.

The table holds everything that a FileDescriptorProto can express, or `table` fails: a part that it
does not know how to print is an error, never left out. Comments and `go_package` are not part of
the contract, so these two are ignored. Names of the file's own package are printed without it.
"""

from __future__ import annotations

import json
from collections.abc import MutableSequence
from typing import TYPE_CHECKING, cast

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from google.protobuf.descriptor import FieldDescriptor
    from google.protobuf.message import Message

_Field = descriptor_pb2.FieldDescriptorProto

# What is not part of the contract; see the module's docstring.
_IGNORED = {"FileDescriptorProto": {"source_code_info"}, "FileOptions": {"go_package"}}


class FileDescriptorSets:
    """Reads FileDescriptorSets with the custom options of one image as typed fields.

    Without the extension's own descriptor an option is unknown bytes, which cannot be compared:
    compilers differ in how they pack and order them.
    """

    def __init__(self, image: bytes) -> None:
        """Take the extensions from `image`, a FileDescriptorSet that is complete with imports."""
        pool = descriptor_pool.DescriptorPool()
        # In an image, imports come before what imports them.
        for file in descriptor_pb2.FileDescriptorSet.FromString(image).file:
            pool.AddSerializedFile(file.SerializeToString())
        self._message = message_factory.GetMessageClass(
            pool.FindMessageTypeByName("google.protobuf.FileDescriptorSet"),
        )

    def parse(self, data: bytes, *, prefix: str) -> dict[str, descriptor_pb2.FileDescriptorProto]:
        """Return the files of `data` whose names begin with `prefix`, stripped of what is ignored.

        The values are of a class of the image's own pool; the declared type has the same fields.
        """
        parsed = cast("descriptor_pb2.FileDescriptorSet", self._message.FromString(data))
        files = {file.name: file for file in parsed.file if file.name.startswith(prefix)}
        for file in files.values():
            file.ClearField("source_code_info")
            file.options.ClearField("go_package")
            if not file.options.ListFields():
                file.ClearField("options")
        return files


def table(file: descriptor_pb2.FileDescriptorProto) -> list[str]:
    """Return the lines of one file, in the order of its declarations."""
    return list(_Table(file).lines())


class _Table:
    def __init__(self, file: descriptor_pb2.FileDescriptorProto) -> None:
        self._file = file
        self._own = f".{file.package}."

    def lines(self) -> Iterator[str]:
        file = self._file
        _expect(
            file,
            "name package dependency syntax options message_type enum_type service extension",
        )
        syntax = file.syntax or "proto2"
        yield f"file {file.name} syntax {syntax} package {file.package}{_options(file)}"
        for name in file.dependency:
            yield f"import {name}"
        for enum in file.enum_type:
            yield from self._enum(enum, "")
        for message in file.message_type:
            yield from self._message(message, "")
        for service in file.service:
            yield from self._service(service)
        for extension in file.extension:
            yield from self._extension(extension)

    def _message(self, message: descriptor_pb2.DescriptorProto, scope: str) -> Iterator[str]:
        _expect(
            message,
            "name field nested_type enum_type oneof_decl options reserved_range reserved_name",
        )
        name = scope + message.name
        yield f"message {name}{_options(message)}"
        for oneof in message.oneof_decl:
            _expect(oneof, "name options")
            yield f"oneof {name}.{oneof.name}{_options(oneof)}"
        entries = {entry.name: entry for entry in message.nested_type if entry.options.map_entry}
        for field in message.field:
            yield self._field(field, message, name, entries)
        for nested in message.nested_type:
            if nested.name in entries:
                yield f"entry {name}.{nested.name}"
            else:
                yield from self._message(nested, f"{name}.")
        for enum in message.enum_type:
            yield from self._enum(enum, f"{name}.")
        # The end of a message's range is exclusive.
        yield from _reserved(name, ((span.start, span.end - 1) for span in message.reserved_range))
        yield from _reserved_names(name, message.reserved_name)

    def _field(
        self,
        field: _Field,
        message: descriptor_pb2.DescriptorProto,
        scope: str,
        entries: dict[str, descriptor_pb2.DescriptorProto],
    ) -> str:
        _expect(field, "name number label type type_name oneof_index json_name options")
        entry = entries.get(field.type_name.rpartition(".")[2])
        if field.label == _Field.LABEL_REPEATED and entry is not None:
            kind = self._map(entry)
        else:
            repeated = "repeated " if field.label == _Field.LABEL_REPEATED else ""
            kind = repeated + self._type(field)
        oneof = (
            f" oneof {message.oneof_decl[field.oneof_index].name}"
            if field.HasField("oneof_index")
            else ""
        )
        where = f"{scope}.{field.name} = {field.number}"
        return f"field {where} {kind}{oneof} json {field.json_name}{_options(field)}"

    def _map(self, entry: descriptor_pb2.DescriptorProto) -> str:
        _expect(entry, "name field options")
        key, value = entry.field
        for field, name, number in ((key, "key", 1), (value, "value", 2)):
            _expect(field, "name number label type type_name json_name")
            if (field.name, field.json_name, field.number) != (name, name, number):
                raise ValueError(f"not a map entry: {entry}")
        if [option.name for option, _ in entry.options.ListFields()] != ["map_entry"]:
            raise ValueError(f"unexpected options of a map entry: {entry.options}")
        return f"map<{self._type(key)}, {self._type(value)}>"

    def _enum(self, enum: descriptor_pb2.EnumDescriptorProto, scope: str) -> Iterator[str]:
        _expect(enum, "name value options reserved_range reserved_name")
        name = scope + enum.name
        yield f"enum {name}{_options(enum)}"
        for value in enum.value:
            _expect(value, "name number options")
            yield f"value {name}.{value.name} = {value.number}{_options(value)}"
        # Unlike a message's, the end of an enum's range is inclusive.
        yield from _reserved(name, ((span.start, span.end) for span in enum.reserved_range))
        yield from _reserved_names(name, enum.reserved_name)

    def _service(self, service: descriptor_pb2.ServiceDescriptorProto) -> Iterator[str]:
        _expect(service, "name method options")
        yield f"service {service.name}{_options(service)}"
        for method in service.method:
            _expect(method, "name input_type output_type options")
            types = f"{self._name(method.input_type)} -> {self._name(method.output_type)}"
            yield f"rpc {service.name}.{method.name} {types}{_options(method)}"

    def _extension(self, field: _Field) -> Iterator[str]:
        _expect(field, "name number label type extendee json_name options")
        label = _Field.Label.Name(field.label).removeprefix("LABEL_").lower()
        where = f"{field.name} = {field.number} of {self._name(field.extendee)}"
        kind = f"{label} {self._type(field)}"
        yield f"extension {where} {kind} json {field.json_name}{_options(field)}"

    def _type(self, field: _Field) -> str:
        if field.type_name:
            return self._name(field.type_name)
        return _Field.Type.Name(field.type).removeprefix("TYPE_").lower()

    def _name(self, type_name: str) -> str:
        return type_name.removeprefix(self._own).removeprefix(".")


def _expect(message: Message, known: str) -> None:
    """Fail if something is set that the table would not show."""
    kind = message.DESCRIPTOR.name
    allowed = {*known.split(), *_IGNORED.get(kind, ())}
    unknown = {field.name for field, _ in message.ListFields()} - allowed
    if unknown:
        raise ValueError(f"{kind} sets {sorted(unknown)}, which the table cannot show: {message}")


def _reserved(name: str, spans: Iterable[tuple[int, int]]) -> Iterator[str]:
    for first, last in spans:
        yield f"reserved {name} {first} to {last}"


def _reserved_names(name: str, names: Iterable[str]) -> Iterator[str]:
    for reserved in names:
        yield f"reserved {name} {json.dumps(reserved)}"


def _options(owner: Message) -> str:
    """Return all options of an element, in brackets, or nothing."""
    options = cast("Message", getattr(owner, "options"))  # noqa: B009 - not every Message has one
    skipped = _IGNORED.get(options.DESCRIPTOR.name, set[str]())
    text = ", ".join(
        f"{_option_name(field)} = {value}"
        for field, values in _fields(options)
        if field.name not in skipped
        for value in values
    )
    return f" [{text}]" if text else ""


def _option_name(field: FieldDescriptor) -> str:
    return f"({field.full_name})" if field.is_extension else field.name


def _fields(message: Message) -> Iterator[tuple[FieldDescriptor, list[str]]]:
    """Yield the set fields by number, each with its values as text."""
    for field, value in message.ListFields():
        # The container tells: FieldDescriptor's own attribute for it differs between versions.
        repeated = isinstance(value, MutableSequence)
        values = cast("MutableSequence[object]", value) if repeated else [value]
        yield field, [_value(field, item) for item in values]


def _value(field: FieldDescriptor, value: object) -> str:
    if field.message_type is not None:
        inner = (
            f"{f'[{member.full_name}]' if member.is_extension else member.name}: {text}"
            for member, values in _fields(cast("Message", value))
            for text in values
        )
        return "{" + ", ".join(inner) + "}"
    if field.enum_type is not None:
        number = cast("int", value)
        known = field.enum_type.values_by_number.get(number)
        return known.name if known is not None else str(number)
    # JSON's spelling of text, numbers and truth: one form for each value.
    return json.dumps(value)
