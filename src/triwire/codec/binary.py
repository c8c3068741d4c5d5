"""Protobuf binary, as gRPC, Connect and gRPC-Web carry it."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from google.protobuf.message import DecodeError

from triwire.errors import Code, RpcError

if TYPE_CHECKING:
    from google.protobuf.message import Message

__all__ = ["decode_binary"]

MessageT = TypeVar("MessageT", bound="Message")


def decode_binary(message_type: type[MessageT], data: bytes) -> MessageT:
    """Parse one message.

    Raises:
        RpcError: INTERNAL, from_server=False: the bytes are no such message.
    """
    try:
        return message_type.FromString(data)
    except DecodeError as error:
        expected = message_type.DESCRIPTOR.full_name
        raise RpcError(
            Code.INTERNAL, f"undecodable message of {len(data)} bytes: expected {expected}"
        ) from error
