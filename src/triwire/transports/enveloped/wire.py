"""What a protocol of enveloped messages has to say for itself. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from triwire.errors import Code, RpcError
from triwire.transports.options import written_request

if TYPE_CHECKING:
    from collections.abc import Iterable

    from google.protobuf.message import Message

    from triwire._http import HttpResponse
    from triwire.spec import Metadata, MethodSpec
    from triwire.transports.options import WireOptions

__all__ = ["Decoder", "RequestFailure", "encoded", "only_message", "with_metadata"]


class Decoder(Protocol):
    """Reads one response. Made anew for each call."""

    @property
    def headers(self) -> Metadata:
        """Response headers that the application set."""
        ...

    @property
    def trailers(self) -> Metadata:
        """Trailers that the application set; empty before they came."""
        ...

    def start(self, head: HttpResponse) -> bool:
        """Take status and headers in; return whether the body holds frames.

        If it does not, the whole body goes to `refusal`.

        Raises:
            RpcError: the answer is none of this protocol.
        """
        ...

    def refusal(self, response: HttpResponse) -> RpcError:
        """Return the error that a whole response without frames stands for."""
        ...

    def feed(self, data: bytes) -> None:
        """Add a piece of the body."""
        ...

    def next(self) -> bytes | None:
        """Return the next message, or None until more comes.

        Raises:
            RpcError: the server's error, or a malformed frame.
        """
        ...

    def finish(self) -> None:
        """Take the end of the body.

        Raises:
            RpcError: the server's error, or the body ended too early.
        """
        ...


class RequestFailure:
    """Where the request side leaves what it failed with, for the response side to raise.

    Attributes:
        error: What the caller's iterator or the codec raised, or None.
    """

    __slots__ = ("error",)

    def __init__(self) -> None:
        self.error: Exception | None = None


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


def with_metadata(error: RpcError, decoder: Decoder) -> RpcError:
    """Add to an error what came beside it."""
    error.headers = error.headers or decoder.headers.pairs
    error.trailers = error.trailers or decoder.trailers.pairs
    return error


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
