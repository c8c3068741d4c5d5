"""Enveloped requests, and responses of one message. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from triwire.errors import Code, RpcError
from triwire.transports.options import written_request

if TYPE_CHECKING:
    from collections.abc import Iterable

    from google.protobuf.message import Message

    from triwire.spec import MethodSpec
    from triwire.transports.options import WireOptions

__all__ = ["encoded", "only_message"]


def encoded(method: MethodSpec[Any, Any], request: Message, options: WireOptions) -> bytes:
    """Encode one request message.

    Raises:
        RpcError: RESOURCE_EXHAUSTED: it is larger than the options allow.
        TypeError: it is another message than the method takes.
        ValueError: the codec cannot write it.
    """
    if not isinstance(request, method.request_type):
        expected = method.request_type.DESCRIPTOR.full_name
        message = f"{method.name} takes {expected} messages, got {type(request).__name__}"
        raise TypeError(message)
    return written_request(options, request)


def only_message(messages: Iterable[bytes], path: str) -> bytes:
    """Return the one message of a response whose method sends one.

    Raises:
        RpcError: UNIMPLEMENTED for none or several (gRPC's status codes: a cardinality
            violation).
    """
    found = list(messages)
    if len(found) == 1:
        return found[0]
    count = "no message" if not found else "more than one message"
    raise RpcError(Code.UNIMPLEMENTED, f"the server answered {path} with {count}, expected one")
