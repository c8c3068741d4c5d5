"""The validation rules of buf.validate in descriptors' options, told as plain data.

The classes for them are made of the request's own buf/validate/validate.proto, in a pool of
their own: the plugin needs no package of protovalidate, reads whatever version of the rules
the files were written with, and knows rules that files of the request define themselves.
"""

from __future__ import annotations

import struct
from collections.abc import MutableSequence
from typing import TYPE_CHECKING, Any, Final

from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor import FieldDescriptor

from triwire.plugin.failure import PluginError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from google.protobuf.descriptor_pb2 import (
        DescriptorProto,
        FieldOptions,
        FileDescriptorProto,
        MessageOptions,
        OneofOptions,
    )
    from google.protobuf.message import Message

__all__ = ["ValidationRules"]

_FILE: Final = "buf/validate/validate.proto"
_FLOAT_DIGITS: Final = range(6, 10)  # 9 digits tell every 32-bit float apart from its neighbours


class ValidationRules:
    """Reads rules out of options.

    Rules come as a dict by the names in validate.proto, nested as there; enum values by name.
    Predefined rules (extensions) stand in a list under "predefined" beside the standard ones,
    each with "rule" (its full name), "value", and "cel", the list of its CEL rules.

    Args:
        files: Every file of a request, imports included.

    Raises:
        PluginError: An import is missing.
    """

    def __init__(self, files: Iterable[FileDescriptorProto]) -> None:
        self._by_name = {file.name: file for file in files}
        self._pool = descriptor_pool.DescriptorPool()
        self._added: set[str] = set()
        if _FILE in self._by_name:
            self._add(_FILE)
            for name, file in self._by_name.items():
                if _extends_rules(file):
                    self._add(name)

    def of_field(self, options: FieldOptions) -> Mapping[str, Any]:
        """Return the FieldRules of a field, {} without any."""
        return self._read(options, "buf.validate.field")

    def of_message(self, options: MessageOptions) -> Mapping[str, Any]:
        """Return the MessageRules of a message, {} without any."""
        return self._read(options, "buf.validate.message")

    def of_oneof(self, options: OneofOptions) -> Mapping[str, Any]:
        """Return the OneofRules of a oneof, {} without any."""
        return self._read(options, "buf.validate.oneof")

    def _add(self, name: str) -> None:
        if name in self._added:
            return
        self._added.add(name)
        file = self._by_name.get(name)
        if file is None:
            raise PluginError(f"the compiler did not send {name}, which {_FILE} needs")
        for dependency in file.dependency:
            self._add(dependency)
        self._pool.Add(file)

    def _read(self, options: Message, extension: str) -> Mapping[str, Any]:
        if not self._added:
            return {}
        data = options.SerializeToString()
        if not data:
            return {}
        kind = self._pool.FindMessageTypeByName(options.DESCRIPTOR.full_name)
        known = message_factory.GetMessageClass(kind).FromString(data)
        handle: Any = self._pool.FindExtensionByName(extension)
        return self._tree(known.Extensions[handle]) if known.HasExtension(handle) else {}

    def _tree(self, message: Message) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for field, value in message.ListFields():
            if field.is_extension:
                found.setdefault("predefined", []).append(
                    {
                        "rule": field.full_name,
                        "value": self._value(field, value),
                        **self._read(field.GetOptions(), "buf.validate.predefined"),
                    }
                )
            elif _is_repeated(value):
                found[field.name] = [self._value(field, item) for item in value]
            else:
                found[field.name] = self._value(field, value)
        return found

    def _value(self, field: FieldDescriptor, value: Any) -> Any:  # noqa: ANN401 - of any type
        if field.message_type is not None:
            return self._tree(value)
        if field.enum_type is not None:
            return field.enum_type.values_by_number[value].name
        if field.type == FieldDescriptor.TYPE_FLOAT:
            return _shortest(value)
        return value


def _is_repeated(value: object) -> bool:
    # Descriptors say it as `label` or `is_repeated`, depending on protobuf's version.
    return isinstance(value, MutableSequence)


def _shortest(value: float) -> float:
    """Return the number that was written for a 32-bit float: 0.1, not 0.10000000149011612."""
    for digits in _FLOAT_DIGITS:
        short = float(f"{value:.{digits}g}")
        if struct.pack("<f", short) == struct.pack("<f", value):
            return short
    return value


def _extends_rules(file: FileDescriptorProto) -> bool:
    def inside(message: DescriptorProto) -> bool:
        return any(e.extendee.startswith(".buf.validate.") for e in message.extension) or any(
            inside(nested) for nested in message.nested_type
        )

    return any(e.extendee.startswith(".buf.validate.") for e in file.extension) or any(
        inside(message) for message in file.message_type
    )
