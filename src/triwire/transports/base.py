"""What a transport must do. `tests/contract` checks every transport against this.

A transport carries single attempts: it knows nothing of retries, credentials or logging.
It is made without I/O; connecting happens in the first call and counts into its timeout.

Guarantees of `unary`, on every wire and in both colours:

- The only exceptions that it lets out are `RpcError`, `TypeError` and `ValueError` for
  misuse (before any I/O), and in async code `asyncio.CancelledError`, which passes through
  untouched.
- An `RpcError` with `from_server=True` carries the server's code, message and details
  unchanged. Everything else is inferred, `from_server=False`: UNAVAILABLE only where the
  server could not be reached or the connection broke, DEADLINE_EXCEEDED where the timeout
  ran out, UNIMPLEMENTED or INTERNAL or UNKNOWN where the peer does not speak the protocol.
- A local bug is never UNAVAILABLE.
- The response is complete: half a body is an error.

Not promised: that a call which ended in an error was not executed; that headers of the
protocol itself (content-type, grpc-*, date) are shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from triwire.spec import MethodSpec, Pairs, RawResponse

RequestT = TypeVar("RequestT", bound="Message")
ResponseT = TypeVar("ResponseT", bound="Message")


class Transport(Protocol):
    """Carries calls to one server. Safe to use from several threads at once."""

    @property
    def wire(self) -> str:
        """Name of the wire as users choose it, such as "connect" or "rest"."""
        ...

    def unary(
        self,
        method: MethodSpec[RequestT, ResponseT],
        request: RequestT,
        *,
        headers: Pairs,
        timeout_seconds: float | None,
    ) -> RawResponse:
        """Send one message and return the raw reply.

        Args:
            method: The method to call.
            request: The request; read only while the call runs, never changed.
            headers: Metadata to send: lower-case keys, bytes under "-bin" keys only.
            timeout_seconds: Time for this attempt, connecting included; None: no limit.

        Raises:
            RpcError: the call failed; see the module's guarantees.
        """
        ...

    def decode(self, method: MethodSpec[RequestT, ResponseT], body: bytes) -> ResponseT:
        """Turn the body of a `RawResponse` of `method` into its message. Pure.

        Raises:
            RpcError: INTERNAL, from_server=False: the bytes are no such message.
        """
        ...

    def close(self) -> None:
        """Release connections. Calls made afterwards raise ValueError; idempotent."""
        ...


class AsyncTransport(Protocol):
    """Carries calls to one server. Safe to use from several tasks of one loop at once."""

    @property
    def wire(self) -> str:
        """Name of the wire as users choose it, such as "connect" or "rest"."""
        ...

    async def unary(
        self,
        method: MethodSpec[RequestT, ResponseT],
        request: RequestT,
        *,
        headers: Pairs,
        timeout_seconds: float | None,
    ) -> RawResponse:
        """Send one message and return the raw reply; arguments as in `Transport.unary`.

        Raises:
            RpcError: the call failed; see the module's guarantees.
        """
        ...

    def decode(self, method: MethodSpec[RequestT, ResponseT], body: bytes) -> ResponseT:
        """Turn the body of a `RawResponse` of `method` into its message. Pure.

        Raises:
            RpcError: INTERNAL, from_server=False: the bytes are no such message.
        """
        ...

    async def aclose(self) -> None:
        """Release connections. Calls made afterwards raise ValueError; idempotent."""
        ...
