"""What a protocol has to say for itself to be read by the shared loop. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from triwire._http import HttpResponse
    from triwire.errors import RpcError
    from triwire.spec import Metadata

__all__ = ["Decoder", "RequestFailure", "with_metadata"]


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
        """Take status and headers in; return whether the body holds messages.

        If it does not, the whole body goes to `refusal`.

        Raises:
            RpcError: the answer is none of this protocol.
        """
        ...

    def refusal(self, response: HttpResponse) -> RpcError:
        """Return the error that a whole response without messages stands for."""
        ...

    def feed(self, data: bytes) -> None:
        """Add a piece of the body."""
        ...

    def next(self) -> bytes | None:
        """Return the next message, or None until more comes.

        Raises:
            RpcError: the server's error, or a malformed body.
        """
        ...

    def finish(self, trailers: Metadata) -> bytes | None:
        """Take the end of the body; return the last message if only the end completes it.

        Args:
            trailers: HTTP's trailers, as far as the application set them.

        Raises:
            RpcError: the server's error, or the body ended too early.
        """
        ...


class RequestFailure:
    """Where the request side leaves what it failed with, for the response side to raise.

    Attributes:
        error: What the caller's iterator or the codec raised, or None.
        is_over: Whether the call was closed, so that nothing more is to be sent.
    """

    __slots__ = ("error", "is_over")

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.is_over = False


def with_metadata(error: RpcError, decoder: Decoder) -> RpcError:
    """Add to an error what came beside it."""
    error.headers = error.headers or decoder.headers.pairs
    error.trailers = error.trailers or decoder.trailers.pairs
    return error
