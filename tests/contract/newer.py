"""The contract of a newer server: ours with fields and enum values that our clients lack.

Built from our own descriptors in a pool of its own, so that both versions live in one process.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from google.protobuf import descriptor_pool, message_factory, timestamp_pb2
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
)

from coreweave_inference_gen.coreweave.inference.v1alpha1 import (
    condition_pb2,
    gateway_pb2,
    status_pb2,
)

if TYPE_CHECKING:
    from google.protobuf.message import Message

__all__ = ["STATUS_PAUSED", "newer_message"]

_PACKAGE: Final = "coreweave.inference.v1alpha1"
STATUS_PAUSED: Final = 7
_REGION_NUMBER: Final = 50
_API_TYPE_OTHER: Final = 2


def newer_message(name: str) -> type[Message]:
    """Return a message class of the newer contract by its short name."""
    return message_factory.GetMessageClass(_POOL.FindMessageTypeByName(f"{_PACKAGE}.{name}"))


def _changed(file: FileDescriptorProto) -> FileDescriptorProto:
    for enum in file.enum_type:
        if enum.name == "Status":
            enum.value.add(name="STATUS_PAUSED", number=STATUS_PAUSED)
    for message in file.message_type:
        if message.name == "GatewaySpec":
            message.field.append(
                FieldDescriptorProto(
                    name="region",
                    number=_REGION_NUMBER,
                    type=FieldDescriptorProto.TYPE_STRING,
                    label=FieldDescriptorProto.LABEL_OPTIONAL,
                    json_name="region",
                )
            )
        if message.name == "BodyBasedRouting":
            _enum(message, "APIType").value.add(name="API_TYPE_OTHER", number=_API_TYPE_OTHER)
    return file


def _enum(message: DescriptorProto, name: str) -> EnumDescriptorProto:
    return next(enum for enum in message.enum_type if enum.name == name)


def _pool() -> descriptor_pool.DescriptorPool:
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(timestamp_pb2.DESCRIPTOR.serialized_pb)
    modules: tuple[Any, ...] = (status_pb2, condition_pb2, gateway_pb2)
    for module in modules:
        file = FileDescriptorProto.FromString(module.DESCRIPTOR.serialized_pb)
        pool.AddSerializedFile(_changed(file).SerializeToString())
    return pool


_POOL: Final = _pool()
