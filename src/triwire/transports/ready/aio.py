"""A transport that waits for a connection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from triwire._io import AsyncSystemClock, draw_fraction
from triwire.errors import Code, RpcError
from triwire.transports.failures import NotConnectedError
from triwire.transports.ready.wire import not_ready_error, wait_seconds

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Callable

    from triwire._io import AsyncClock
    from triwire.spec import Metadata, MethodSpec, Pairs, RawResponse
    from triwire.transports.base import AsyncRawStream, AsyncTransport, RequestT, ResponseT

__all__ = ["AsyncReadyTransport"]


class AsyncReadyTransport:
    """Carries calls over another transport, and waits where that cannot connect.

    The wait ends with the call's timeout, in DEADLINE_EXCEEDED. It begins anew only while nothing
    of the request has left this side, so nothing is sent twice. A stream whose requests are
    iterated does not wait: some may be taken from the iterator already.

    Args:
        inner: Carries the calls; closed with this one.
        clock: Time, for waiting.
        draw: Gives evenly distributed numbers from 0 to 1.
    """

    def __init__(
        self,
        inner: AsyncTransport,
        *,
        clock: AsyncClock | None = None,
        draw: Callable[[], float] = draw_fraction,
    ) -> None:
        self._inner = inner
        self._clock: AsyncClock = clock if clock is not None else AsyncSystemClock()
        self._draw = draw

    @property
    def wire(self) -> str:
        """Name of the wire underneath."""
        return self._inner.wire

    async def unary(
        self,
        method: MethodSpec[RequestT, ResponseT],
        request: RequestT,
        *,
        headers: Pairs,
        timeout_seconds: float | None,
    ) -> RawResponse:
        """Send one message and return the raw reply; see `AsyncTransport`."""
        wait = _Wait(self._clock, self._draw, timeout_seconds)
        while True:
            try:
                return await self._inner.unary(
                    method, request, headers=headers, timeout_seconds=wait.left_seconds()
                )
            except NotConnectedError as error:
                await wait.after(error)

    def stream(
        self,
        method: MethodSpec[RequestT, ResponseT],
        requests: tuple[RequestT, ...] | AsyncIterable[RequestT],
        *,
        headers: Pairs,
        timeout_seconds: float | None,
    ) -> AsyncRawStream:
        """Return a call of any stream kind; see `AsyncTransport`."""

        def begin(left_seconds: float | None) -> AsyncRawStream:
            return self._inner.stream(
                method, requests, headers=headers, timeout_seconds=left_seconds
            )

        if not isinstance(requests, tuple):
            return begin(timeout_seconds)
        return _ReadyStream(begin, _Wait(self._clock, self._draw, timeout_seconds))

    def decode(self, method: MethodSpec[RequestT, ResponseT], body: bytes) -> ResponseT:
        """Read a message; see `AsyncTransport`."""
        return self._inner.decode(method, body)

    async def aclose(self) -> None:
        """Close the transport underneath."""
        await self._inner.aclose()


class _Wait:
    """The time of one call."""

    def __init__(
        self, clock: AsyncClock, draw: Callable[[], float], timeout_seconds: float | None
    ) -> None:
        self._clock = clock
        self._draw = draw
        self._timeout_seconds = timeout_seconds
        self._started: float | None = None
        self._failures = 0

    def left_seconds(self) -> float | None:
        """Return the time that is left; the first question starts the clock."""
        if self._timeout_seconds is None:
            return None
        now = self._clock.monotonic_seconds()
        if self._started is None:
            self._started = now
        return self._timeout_seconds - (now - self._started)

    async def after(self, error: NotConnectedError) -> None:
        """Wait before the next look.

        Raises:
            RpcError: DEADLINE_EXCEEDED: the wait does not fit into the time that is left.
        """
        self._failures += 1
        seconds = wait_seconds(self._failures, self._draw())
        left = self.left_seconds()
        if left is not None and seconds >= left:
            raise not_ready_error(self._timeout_seconds, error) from error
        await self._clock.sleep(seconds)


class _ReadyStream:
    """A stream that is begun again until there is a connection; see `AsyncRawStream`."""

    def __init__(self, begin: Callable[[float | None], AsyncRawStream], wait: _Wait) -> None:
        self._begin = begin
        self._wait = wait
        self._raw: AsyncRawStream | None = None
        self._closed = False

    async def start(self) -> None:
        """Begin the call; see `AsyncRawStream`."""
        await self._current().start()

    async def headers(self) -> Metadata:
        """Return the response headers; see `AsyncRawStream`."""
        found: Metadata = await self._connected("headers")
        return found

    async def read(self) -> bytes | None:
        """Return the next message; see `AsyncRawStream`."""
        found: bytes | None = await self._connected("read")
        return found

    @property
    def trailers(self) -> Metadata:
        """Trailers; see `AsyncRawStream`."""
        return self._current().trailers

    async def aclose(self) -> None:
        """Cancel the call; see `AsyncRawStream`."""
        self._closed = True
        await self._current().aclose()

    def _current(self) -> AsyncRawStream:
        if self._raw is None:
            self._raw = self._begin(self._wait.left_seconds())
        return self._raw

    async def _connected(self, step: Literal["headers", "read"]) -> Any:  # noqa: ANN401 - what the step returns
        while True:
            raw = self._current()
            try:
                return await getattr(raw, step)()
            except NotConnectedError as error:
                if self._closed:
                    raise
                await raw.aclose()
                await self._wait.after(error)
                if self._closed:
                    text = "the call was closed by this side"
                    raise RpcError(Code.CANCELLED, text) from error
                self._raw = None


if TYPE_CHECKING:
    _: type[AsyncTransport] = AsyncReadyTransport
    _stream: type[AsyncRawStream] = _ReadyStream
