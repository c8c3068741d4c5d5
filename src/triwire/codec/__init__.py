"""Message codecs behind one interface: protobuf binary and ProtoJSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping

    from google.protobuf.message import Message

__all__ = ["Codec", "JsonCodec"]

MessageT = TypeVar("MessageT", bound="Message")


class Codec(Protocol):
    """Turns messages into bytes and back. Pure; safe to use from several threads at once."""

    @property
    def name(self) -> str:
        """What Connect calls it in content types: "proto" or "json"."""
        ...

    def encode(self, message: Message) -> bytes:
        """Write a message.

        Raises:
            ValueError: The format cannot say this message (a Timestamp after the year
                9999 in JSON, a missing required field, hundreds of messages in each other).
        """
        ...

    def decode(self, data: bytes, message_type: type[MessageT]) -> MessageT:
        """Read a message.

        Raises:
            RpcError: INTERNAL, from_server=False: the bytes are no such message. A server
                answers INVALID_ARGUMENT with the same message and details. The only
                exception that this lets out.
        """
        ...


class JsonCodec(Codec, Protocol):
    """A codec whose bytes are JSON text, with what REST needs for the parts of a request."""

    @property
    def enum_aliases(self) -> Mapping[str, Mapping[str, int]]:
        """Full enum name -> spelling -> number, read beside the names of the values."""
        ...

    @property
    def ignore_unknown_fields(self) -> bool:
        """Whether fields (and query parameters) that a message does not have are skipped."""
        ...

    @property
    def ignore_unknown_enum_names(self) -> bool:
        """Whether enum values whose name is unknown are skipped."""
        ...

    def encode_field(self, message: Message, field_name: str) -> bytes:
        """Write the value of one field of `message` as a JSON text of its own.

        Args:
            message: The message that holds the field.
            field_name: The field's proto name. An unset field gives its default: `{}`,
                `[]`, `0`, `""`.

        Raises:
            ValueError: As for `encode`.
        """
        ...

    def decode_field(self, data: bytes, message_type: type[MessageT], field_name: str) -> MessageT:
        """Read a JSON text into one field; return a message with nothing else set.

        Raises:
            RpcError: As for `decode`.
        """
        ...
