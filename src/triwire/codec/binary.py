"""The protobuf wire format, as google.protobuf writes and reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from google.protobuf.message import DecodeError, EncodeError

from triwire.errors import Code, RpcError

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from triwire.codec import Codec

__all__ = ["BinaryCodec"]

MessageT = TypeVar("MessageT", bound="Message")


class BinaryCodec:
    """Protobuf binary. Unknown fields are kept, as google.protobuf does."""

    @property
    def name(self) -> str:
        """The codec's name in content types."""
        return "proto"

    def encode(self, message: Message) -> bytes:
        """Write a message; see `Codec.encode`."""
        try:
            return message.SerializeToString()
        except EncodeError as error:
            raise ValueError(
                f"{message.DESCRIPTOR.full_name} cannot be written: {error}"
            ) from error

    def decode(self, data: bytes, message_type: type[MessageT]) -> MessageT:
        """Read a message; see `Codec.decode`."""
        try:
            return message_type.FromString(data)
        except DecodeError as error:
            name = message_type.DESCRIPTOR.full_name
            raise RpcError(
                Code.INTERNAL, f"{len(data)} bytes are no protobuf {name}: {error}"
            ) from error


if TYPE_CHECKING:
    _: type[Codec] = BinaryCodec
