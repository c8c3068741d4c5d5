# Generated from src/triwire/call/pieces/aio.py by scripts/unasync.py. DO NOT EDIT.
"""Decoding that lets others have their turn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from triwire._io import breathe
from triwire.codec.pieces import json_pieces
from triwire.errors import RpcError

if TYPE_CHECKING:
    from triwire.spec import MethodSpec
    from triwire.transports.base import RequestT, ResponseT, Transport

__all__ = ["decoded"]


def decoded(
    transport: Transport, method: MethodSpec[RequestT, ResponseT], body: bytes
) -> ResponseT:
    """Decode a response; a long list in JSON in pieces, between which other tasks run.

    Args:
        transport: Carried it.
        method: The method that was called.
        body: As it came.

    Raises:
        RpcError: As `Transport.decode`.
    """
    pieces = json_pieces(body, method.response_type.DESCRIPTOR)
    if pieces is None:
        return transport.decode(method, body)
    message = method.response_type()
    try:
        for piece in pieces:
            message.MergeFrom(transport.decode(method, piece))
            breathe()
    except RpcError:
        # Cut at the wrong place, or no JSON: the whole says which.
        return transport.decode(method, body)
    return message
