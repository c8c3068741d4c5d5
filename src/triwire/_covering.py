"""Whether one version of a .proto file can stand in for another: a pure comparison.

Loaded only when two versions meet in a process, see `triwire._pool`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from google.protobuf.descriptor_pb2 import FileDescriptorProto

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from google.protobuf.descriptor_pb2 import (
        DescriptorProto,
        EnumDescriptorProto,
        FieldDescriptorProto,
    )

__all__ = ["first_gap"]

# An element such as "field a.b.Message.name", and all that code generated from it relies on.
_Element = tuple[str, tuple[object, ...]]


def first_gap(ours: bytes, theirs: bytes) -> str | None:
    """Say what `theirs` lacks or has otherwise; None if it covers `ours`.

    What `theirs` has beyond `ours` is no gap; code generated from `ours` runs on it. Neither are
    comments, order, reserved ranges, imports, and options but those that change the encoding. A
    file that moved to editions counts as different, whatever its features.

    Args:
        ours: A FileDescriptorProto.
        theirs: Another one.

    Raises:
        DecodeError: The bytes are no FileDescriptorProto.
    """
    found = dict(_elements(FileDescriptorProto.FromString(theirs)))
    for name, shape in _elements(FileDescriptorProto.FromString(ours)):
        if name not in found:
            return f"lacks {name}"
        if found[name] != shape:
            return f"has another {name}"
    return None


def _elements(file: FileDescriptorProto) -> Iterator[_Element]:
    yield "package", (file.package,)
    # An unset syntax is proto2: https://protobuf.com/docs/descriptors#file-descriptors
    yield "syntax", (file.syntax or "proto2", file.edition)
    scope = f"{file.package}." if file.package else ""
    yield from _messages(file.message_type, scope)
    yield from _enums(file.enum_type, scope)
    yield from _fields("extension", file.extension, scope, ())
    for service in file.service:
        name = f"{scope}{service.name}"
        yield f"service {name}", ()
        for method in service.method:
            streams = (method.client_streaming, method.server_streaming)
            yield f"method {name}.{method.name}", (method.input_type, method.output_type, *streams)


def _messages(messages: Iterable[DescriptorProto], scope: str) -> Iterator[_Element]:
    for message in messages:
        name = f"{scope}{message.name}"
        yield f"message {name}", (message.options.map_entry,)
        yield from _fields("field", message.field, f"{name}.", [o.name for o in message.oneof_decl])
        yield from _fields("extension", message.extension, f"{name}.", ())
        yield from _enums(message.enum_type, f"{name}.")
        yield from _messages(message.nested_type, f"{name}.")


def _enums(enums: Iterable[EnumDescriptorProto], scope: str) -> Iterator[_Element]:
    for enum in enums:
        name = f"{scope}{enum.name}"
        yield f"enum {name}", ()
        for value in enum.value:
            yield f"enum value {name}.{value.name}", (value.number,)


def _fields(
    kind: str, fields: Iterable[FieldDescriptorProto], scope: str, oneofs: list[str] | tuple[()]
) -> Iterator[_Element]:
    for field in fields:
        yield (
            f"{kind} {scope}{field.name}",
            (
                field.number,
                field.type,
                field.type_name,
                field.label,
                field.extendee,
                field.proto3_optional,
                oneofs[field.oneof_index] if field.HasField("oneof_index") else None,
                # Runtimes leave out the name that follows from the field's.
                field.json_name or _json_name(field.name),
                field.default_value,
                field.options.packed if field.options.HasField("packed") else None,
            ),
        )


def _json_name(name: str) -> str:
    """Return the lowerCamelCase name that protoc derives (ToJsonName in its descriptor.cc)."""
    head, *rest = name.split("_")
    return head + "".join(part[:1].upper() + part[1:] for part in rest)
