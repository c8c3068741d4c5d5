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

Guarantees of `stream`, beside these:

- `stream` itself does no I/O: the call starts with the first `headers`, `read` or `start`, and
  its timeout with it.
- Messages arrive in the order in which they were sent, each whole and undecoded, none twice.
  `read` returns None only after the server ended the RPC with status OK; every other end is an
  `RpcError`, which comes after all messages that arrived before it (grpcio may drop those).
- `headers` is available once they came, which may be before the first message; `trailers`
  after the end, be it None or an error, and an `RpcError` carries both.
- Requests are taken from their iterator one at a time, as the wire takes them; they may still
  be taken when the last response has come. What the iterator raises ends the RPC and comes
  out of `read` unchanged. The transport does not close the iterator.
- `aclose` (or `close`) of a call that has not ended cancels it on the wire, and so do a
  cancelled `read` and dropping the last reference. It may be called at any time, in sync code
  from any thread; a `read` that waits then ends with CANCELLED, from_server=False.

One task or thread reads at a time.

Not promised: that a call which ended in an error was not executed; that headers of the
protocol itself (content-type, grpc-*, date) are shown; that both sides of a bidirectional
stream can take turns over HTTP/1.1, whose responses start when the request has ended.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Iterable

    from google.protobuf.message import Message

    from triwire.spec import Metadata, MethodSpec, Pairs, RawResponse

RequestT = TypeVar("RequestT", bound="Message")
ResponseT = TypeVar("ResponseT", bound="Message")


class RawStream(Protocol):
    """One running RPC; see the module's guarantees."""

    def start(self) -> None:
        """Begin the call if it has not begun; does not wait for an answer.

        Raises:
            RpcError: DEADLINE_EXCEEDED: no time is left.
            ValueError: the client is closed.
        """
        ...

    def headers(self) -> Metadata:
        """Return the response headers that the application set, waiting for them.

        Raises:
            RpcError: the call failed before they came.
        """
        ...

    def read(self) -> bytes | None:
        """Return the next message undecoded, or None after the last.

        Raises:
            RpcError: the call failed. Every later read raises the same.
        """
        ...

    @property
    def trailers(self) -> Metadata:
        """Trailers that the application set; empty before the end."""
        ...

    def close(self) -> None:
        """Cancel the RPC on the wire if it has not ended. Idempotent."""
        ...


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

    def stream(
        self,
        method: MethodSpec[RequestT, ResponseT],
        requests: tuple[RequestT, ...] | Iterable[RequestT],
        *,
        headers: Pairs,
        timeout_seconds: float | None,
    ) -> RawStream:
        """Return a call of any stream kind, not started yet; does no I/O.

        Args:
            method: The method to call.
            requests: What to send; a tuple goes out at once.
            headers: As in `unary`.
            timeout_seconds: Time for the whole RPC, or None for no limit.

        Raises:
            RpcError: UNIMPLEMENTED, from_server=False: this wire cannot carry such methods.
        """
        ...

    def decode(self, method: MethodSpec[RequestT, ResponseT], body: bytes) -> ResponseT:
        """Turn the body of a `RawResponse` of `method` into its message. Pure.

        Raises:
            RpcError: INTERNAL, from_server=False: the bytes are no such message.
        """
        ...

    def close(self) -> None:
        """Release connections. Calls made afterwards raise ValueError; idempotent.

        Calls that run go on, and their connections close with them.
        """
        ...


class AsyncRawStream(Protocol):
    """One running RPC; see the module's guarantees."""

    async def start(self) -> None:
        """Begin the call if it has not begun; does not wait for an answer.

        Raises:
            RpcError: DEADLINE_EXCEEDED: no time is left.
            ValueError: the client is closed.
        """
        ...

    async def headers(self) -> Metadata:
        """Return the response headers that the application set, waiting for them.

        Raises:
            RpcError: the call failed before they came.
        """
        ...

    async def read(self) -> bytes | None:
        """Return the next message undecoded, or None after the last.

        Raises:
            RpcError: the call failed. Every later read raises the same.
        """
        ...

    @property
    def trailers(self) -> Metadata:
        """Trailers that the application set; empty before the end."""
        ...

    async def aclose(self) -> None:
        """Cancel the RPC on the wire if it has not ended. Idempotent."""
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

    def stream(
        self,
        method: MethodSpec[RequestT, ResponseT],
        requests: tuple[RequestT, ...] | AsyncIterable[RequestT],
        *,
        headers: Pairs,
        timeout_seconds: float | None,
    ) -> AsyncRawStream:
        """Return a call of any stream kind, not started yet; does no I/O.

        Args:
            method: The method to call.
            requests: What to send; a tuple goes out at once.
            headers: As in `Transport.unary`.
            timeout_seconds: Time for the whole RPC, or None for no limit.

        Raises:
            RpcError: UNIMPLEMENTED, from_server=False: this wire cannot carry such methods.
        """
        ...

    def decode(self, method: MethodSpec[RequestT, ResponseT], body: bytes) -> ResponseT:
        """Turn the body of a `RawResponse` of `method` into its message. Pure.

        Raises:
            RpcError: INTERNAL, from_server=False: the bytes are no such message.
        """
        ...

    async def aclose(self) -> None:
        """Release connections. Calls made afterwards raise ValueError; idempotent.

        Calls that run go on, and their connections close with them.
        """
        ...
