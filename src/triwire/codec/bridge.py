"""protobuf-py's native JSON codec for google.protobuf types: wire bytes are the bridge.

protobuf-py has message classes of its own. They are made here, at run time, from the
descriptors of the google.protobuf classes: no generated code of protobuf-py is needed.
Aliases of enum values become values of the descriptors that it is given, so they cost
nothing when JSON is read or written.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from google.protobuf import descriptor_pb2

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from protobuf import DescMessage, Registry
    from protobuf import Message as NativeMessage

    from triwire.codec.reflection import AnyDescriptor

__all__ = ["NativeType", "native_type", "reachable_messages"]

_ANY = "google.protobuf.Any"


@dataclass(frozen=True, slots=True)
class NativeType:
    """What protobuf-py needs to read and write one message type.

    Attributes:
        message_class: Its own class of the message.
        registry: Types to resolve Any with, or None where no Any can occur: looking for
            extensions in a registry makes every message dearer.
    """

    message_class: type[NativeMessage]
    registry: Registry | None


def native_type(
    descriptor: AnyDescriptor,
    *,
    enum_aliases: Mapping[str, Mapping[str, int]],
    write_aliases: bool,
    any_types: Iterable[AnyDescriptor] = (),
) -> NativeType:
    """Build the protobuf-py class of a message; costs about a millisecond.

    Args:
        descriptor: The google.protobuf message.
        enum_aliases: Full enum name -> spelling -> number.
        write_aliases: Whether aliases are written, or only read.
        any_types: Messages that may stand in an Any, beside those of the file itself.

    Raises:
        ValueError: protobuf-py does not take the descriptors.
    """
    from protobuf.wkt import FileDescriptorSet

    files: dict[str, AnyDescriptor] = {}
    for root in (descriptor, *any_types):
        _collect(root.file, files)
    packed = descriptor_pb2.FileDescriptorSet()
    for file in files.values():
        packed.file.append(_prepared(file, enum_aliases, write_aliases=write_aliases))
    registry = FileDescriptorSet.from_binary(packed.SerializeToString()).to_registry()
    found = cast("DescMessage", registry.message(descriptor.full_name))
    has_any = any(
        reached.full_name == _ANY or reached.is_extendable
        for reached in reachable_messages(descriptor)
    )
    return NativeType(found.type, registry if has_any else None)


def reachable_messages(descriptor: AnyDescriptor) -> list[AnyDescriptor]:
    """Return `descriptor` and every message type below it, each once."""
    found = {descriptor.full_name: descriptor}
    waiting = [descriptor]
    while waiting:
        for field in waiting.pop().fields:
            below = field.message_type
            if below is not None and below.full_name not in found:
                found[below.full_name] = below
                waiting.append(below)
    return list(found.values())


def _collect(file: AnyDescriptor, files: dict[str, AnyDescriptor]) -> None:
    """Add `file` after everything that it depends on."""
    if file.name in files:
        return
    for dependency in file.dependencies:
        _collect(dependency, files)
    files[file.name] = file


def _prepared(
    file: AnyDescriptor,
    enum_aliases: Mapping[str, Mapping[str, int]],
    *,
    write_aliases: bool,
) -> descriptor_pb2.FileDescriptorProto:
    proto = descriptor_pb2.FileDescriptorProto.FromString(file.serialized_pb)
    prefix = f"{proto.package}." if proto.package else ""
    for enum in proto.enum_type:
        _add_aliases(enum, enum_aliases.get(prefix + enum.name), write_aliases=write_aliases)
    for message in proto.message_type:
        descriptor = file.message_types_by_name[message.name]
        _prepare_message(message, descriptor, enum_aliases, write_aliases=write_aliases)
    return proto


def _prepare_message(
    proto: descriptor_pb2.DescriptorProto,
    descriptor: AnyDescriptor,
    enum_aliases: Mapping[str, Mapping[str, int]],
    *,
    write_aliases: bool,
) -> None:
    # Descriptors embedded in generated code leave json_name out; protobuf-py does not derive it.
    for field in proto.field:
        if not field.json_name:
            field.json_name = descriptor.fields_by_name[field.name].json_name
    for enum in proto.enum_type:
        name = f"{descriptor.full_name}.{enum.name}"
        _add_aliases(enum, enum_aliases.get(name), write_aliases=write_aliases)
    for nested in proto.nested_type:
        below = descriptor.nested_types_by_name[nested.name]
        _prepare_message(nested, below, enum_aliases, write_aliases=write_aliases)


def _add_aliases(
    proto: descriptor_pb2.EnumDescriptorProto,
    aliases: Mapping[str, int] | None,
    *,
    write_aliases: bool,
) -> None:
    """Add `aliases` as values. Of several names of one number protobuf-py writes the last.

    The first value keeps its number: it is what a JSON null stands for.
    """
    if not aliases:
        return
    own = [(value.name, value.number) for value in proto.value]
    names = {name for name, _ in own}
    added = [(name, number) for name, number in aliases.items() if name not in names]
    if write_aliases:
        ordered = own + added[::-1]
    else:
        default = own[0][1]
        leading = [alias for alias in added if alias[1] == default]
        others = [alias for alias in added if alias[1] != default]
        ordered = leading + own[:1] + others + own[1:]
    del proto.value[:]
    for name, number in ordered:
        proto.value.add(name=name, number=number)
    proto.options.allow_alias = True
