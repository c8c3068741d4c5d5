"""A message type made up for tests of the canonical form, with every kind of field."""

from __future__ import annotations

from typing import Any, Final

from google.protobuf import (
    descriptor_pb2,
    descriptor_pool,
    duration_pb2,
    message_factory,
    timestamp_pb2,
)

_FIELD = descriptor_pb2.FieldDescriptorProto
_PACKAGE: Final = "triwire.test.fleet"


def _field(
    message: descriptor_pb2.DescriptorProto, name: str, number: int, kind: int, **more: Any
) -> None:
    label = _FIELD.LABEL_REPEATED if more.pop("repeated", False) else _FIELD.LABEL_OPTIONAL
    field = message.field.add(name=name, number=number, label=label, **more)
    field.type = kind  # type: ignore[assignment] # the stubs tell enum values from numbers
    head, *tail = name.split("_")
    field.json_name = head + "".join(part.title() for part in tail)


def _map(message: descriptor_pb2.DescriptorProto, name: str, number: int, **value: Any) -> None:
    entry_name = "".join(part.title() for part in name.split("_")) + "Entry"
    entry = message.nested_type.add(name=entry_name)
    entry.options.map_entry = True
    _field(entry, "key", 1, value.pop("key", _FIELD.TYPE_STRING))
    _field(entry, "value", 2, value.pop("kind", _FIELD.TYPE_STRING), **value)
    own = f".{_PACKAGE}.{message.name}.{entry_name}"
    _field(message, name, number, _FIELD.TYPE_MESSAGE, type_name=own, repeated=True)


def _file() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(
        name="triwire/test/fleet.proto", package=_PACKAGE, syntax="proto3"
    )
    file.dependency.extend(["google/protobuf/timestamp.proto", "google/protobuf/duration.proto"])
    state = file.enum_type.add(name="State")
    for number, name in enumerate(("STATE_UNSPECIFIED", "STATE_FALSE", "STATE_TRUE")):
        state.value.add(name=name, number=number)
    check = file.message_type.add(name="Check")
    _field(check, "type", 1, _FIELD.TYPE_STRING)
    _field(check, "state", 2, _FIELD.TYPE_ENUM, type_name=f".{_PACKAGE}.State")
    stamp = ".google.protobuf.Timestamp"
    _field(check, "seen_at", 3, _FIELD.TYPE_MESSAGE, type_name=stamp)
    node = file.message_type.add(name="Node")
    _field(node, "made_at", 1, _FIELD.TYPE_MESSAGE, type_name=stamp)
    _field(node, "child", 2, _FIELD.TYPE_MESSAGE, type_name=f".{_PACKAGE}.Node")
    _field(node, "label", 3, _FIELD.TYPE_STRING)
    rope = file.message_type.add(name="Rope")
    _field(rope, "knot", 1, _FIELD.TYPE_MESSAGE, type_name=f".{_PACKAGE}.Rope")
    empty = file.message_type.add(name="Empty")
    del empty
    ship = file.message_type.add(name="Ship")
    _field(ship, "id", 1, _FIELD.TYPE_STRING)
    _field(ship, "updated_at", 2, _FIELD.TYPE_MESSAGE, type_name=stamp)
    _field(ship, "created_at", 3, _FIELD.TYPE_MESSAGE, type_name=stamp)
    _field(ship, "crew_names", 4, _FIELD.TYPE_STRING, repeated=True)
    check_name = f".{_PACKAGE}.Check"
    _field(ship, "checks", 5, _FIELD.TYPE_MESSAGE, type_name=check_name, repeated=True)
    _map(ship, "labels", 6)
    _map(
        ship,
        "checks_by_deck",
        7,
        key=_FIELD.TYPE_INT32,
        kind=_FIELD.TYPE_MESSAGE,
        type_name=check_name,
    )
    _field(ship, "tonnage", 8, _FIELD.TYPE_INT64)
    _field(ship, "speed", 9, _FIELD.TYPE_DOUBLE)
    _field(ship, "armed", 10, _FIELD.TYPE_BOOL)
    _field(ship, "seal", 11, _FIELD.TYPE_BYTES)
    _field(ship, "voyage", 12, _FIELD.TYPE_MESSAGE, type_name=".google.protobuf.Duration")
    _field(ship, "root", 13, _FIELD.TYPE_MESSAGE, type_name=f".{_PACKAGE}.Node")
    _field(ship, "free_berth", 14, _FIELD.TYPE_MESSAGE, type_name=f".{_PACKAGE}.Empty")
    _field(ship, "owner", 15, _FIELD.TYPE_STRING)
    _field(ship, "state", 16, _FIELD.TYPE_ENUM, type_name=f".{_PACKAGE}.State")
    _field(ship, "ports", 17, _FIELD.TYPE_MESSAGE, type_name=check_name, repeated=True)
    _field(ship, "rope", 18, _FIELD.TYPE_MESSAGE, type_name=f".{_PACKAGE}.Rope")
    return file


_POOL = descriptor_pool.DescriptorPool()
for _known in (timestamp_pb2, duration_pb2):
    _POOL.AddSerializedFile(_known.DESCRIPTOR.serialized_pb)
_POOL.AddSerializedFile(_file().SerializeToString())

Ship: Any = message_factory.GetMessageClass(_POOL.FindMessageTypeByName(f"{_PACKAGE}.Ship"))
"""The generated class; its fields are not known to type checkers."""
Newer: Any = message_factory.GetMessageClass(_POOL.FindMessageTypeByName(f"{_PACKAGE}.Check"))
