"""Probes the wires in order and carries calls over the first that gets through."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any, Final

from triwire._io import AsyncOneAtATime
from triwire.errors import Code, RpcError
from triwire.spec import Metadata
from triwire.transports.auto.wire import check_probe, no_wire_error, verdict
from triwire.transports.failures import closed_error, timeout_error

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Callable, Mapping

    from triwire.spec import MethodSpec, Pairs, RawResponse
    from triwire.transports.base import AsyncRawStream, AsyncTransport, RequestT, ResponseT

__all__ = ["AsyncAutoTransport"]

_log: Final = logging.getLogger("triwire.connections")

# For a wire that something swallows in silence; a server that is slower than this still has the
# other wires. Connect has the call's whole time: nothing is known before it has answered.
_PROBE_SECONDS: Final = 5.0


class AsyncAutoTransport:
    """Carries calls over the wire that the network lets through.

    The first call probes; calls that come meanwhile wait for it. A probe is a call of a method
    without side effects, with the first call's authorization, so that falling back repeats
    nothing. What was found is kept for the life of this object. If nothing was, since the
    server is not reached at all, the call fails as it would without probing, and the next call
    probes again.

    Args:
        transports: The wires in order of preference; closed with this one.
        probe: The method to probe with; it is sent an empty request.
        now: Seconds since an arbitrary start.

    Raises:
        ValueError: the method may have side effects, streams, or has no HTTP rule.
    """

    def __init__(
        self,
        transports: Mapping[str, AsyncTransport],
        *,
        probe: MethodSpec[Any, Any] | None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._transports = dict(transports)
        self._probe = check_probe(probe)
        self._now = now
        self._chosen: AsyncTransport | None = None
        self._closed = False
        self._probing = AsyncOneAtATime()

    @property
    def wire(self) -> str:
        """Name of the wire that was chosen, "auto" before."""
        return "auto" if self._chosen is None else self._chosen.wire

    async def unary(
        self,
        method: MethodSpec[RequestT, ResponseT],
        request: RequestT,
        *,
        headers: Pairs,
        timeout_seconds: float | None,
    ) -> RawResponse:
        """Send one message and return the raw reply; see `AsyncTransport`."""
        chosen = self._chosen
        if chosen is None:
            chosen, timeout_seconds = await self.choose(headers, timeout_seconds)
        return await chosen.unary(method, request, headers=headers, timeout_seconds=timeout_seconds)

    def stream(
        self,
        method: MethodSpec[RequestT, ResponseT],
        requests: tuple[RequestT, ...] | AsyncIterable[RequestT],
        *,
        headers: Pairs,
        timeout_seconds: float | None,
    ) -> AsyncRawStream:
        """Return a call of any stream kind; see `AsyncTransport`.

        If nothing is chosen yet, that a wire cannot carry it is said by its first step.
        """
        if self._chosen is not None:
            return self._chosen.stream(
                method, requests, headers=headers, timeout_seconds=timeout_seconds
            )

        return _LateStream(self, method, requests, headers, timeout_seconds)

    async def choose(
        self, headers: Pairs, timeout_seconds: float | None
    ) -> tuple[AsyncTransport, float | None]:
        """Return the wire to use, probing if need be, and the time that is left of a call.

        Raises:
            RpcError: no wire gets through, the server is not reached, or the time is up.
            ValueError: this object was closed.
        """
        started = self._now()

        def left_seconds() -> float | None:
            return None if timeout_seconds is None else timeout_seconds - (self._now() - started)

        async def probe() -> None:
            if self._chosen is None:
                self._chosen = await self._found(headers, left_seconds)

        try:
            await self._probing.run(probe, timeout_seconds=timeout_seconds)
        except TimeoutError as error:
            raise timeout_error(timeout_seconds) from error
        if self._chosen is None:
            raise closed_error()
        return self._chosen, left_seconds()

    async def _found(
        self, headers: Pairs, left_seconds: Callable[[], float | None]
    ) -> AsyncTransport:
        if self._closed:
            raise closed_error()
        authorization = tuple(pair for pair in headers if pair[0] == "authorization")
        failures: dict[str, RpcError] = {}
        for name, transport in self._transports.items():
            left = left_seconds()
            if failures and name == "grpc":
                left = _PROBE_SECONDS if left is None else min(left, _PROBE_SECONDS)
            error: RpcError | None = None
            try:
                await transport.unary(
                    self._probe,
                    self._probe.request_type(),
                    headers=authorization,
                    timeout_seconds=left,
                )
            except RpcError as failure:
                error = failure
            found = verdict(name, error)
            if found == "open":
                _log.info("auto: using %s", name)
                return transport
            if error is not None:
                if found == "unknown":
                    raise error
                _log.info("auto: %s is blocked: %s", name, error)
                failures[name] = error
        raise no_wire_error(failures)

    def decode(self, method: MethodSpec[RequestT, ResponseT], body: bytes) -> ResponseT:
        """Read a message as the chosen wire has it; see `AsyncTransport`."""
        if self._chosen is None:
            raise RpcError(Code.INTERNAL, "no wire is chosen yet, so there is nothing to decode")
        return self._chosen.decode(method, body)

    async def aclose(self) -> None:
        """Close every wire; idempotent."""
        self._closed = True
        for transport in self._transports.values():
            await transport.aclose()


class _LateStream:
    """A stream whose wire is chosen when it starts; see `AsyncRawStream`."""

    def __init__(
        self,
        transport: AsyncAutoTransport,
        method: MethodSpec[Any, Any],
        requests: tuple[Any, ...] | AsyncIterable[Any],
        headers: Pairs,
        timeout_seconds: float | None,
    ) -> None:
        self._transport = transport
        self._method = method
        self._requests = requests
        self._request_headers = headers
        self._timeout_seconds = timeout_seconds
        self._raw: AsyncRawStream | None = None
        self._error: Exception | None = None

    async def start(self) -> None:
        """Begin the call; see `AsyncRawStream`."""
        await (await self._started()).start()

    async def headers(self) -> Metadata:
        """Return the response headers; see `AsyncRawStream`."""
        return await (await self._started()).headers()

    async def read(self) -> bytes | None:
        """Return the next message; see `AsyncRawStream`."""
        return await (await self._started()).read()

    @property
    def trailers(self) -> Metadata:
        """Trailers; see `AsyncRawStream`."""
        return Metadata() if self._raw is None else self._raw.trailers

    async def aclose(self) -> None:
        """Cancel the call; see `AsyncRawStream`."""
        if self._error is None:
            self._error = RpcError(Code.CANCELLED, "the call was closed by this side")
        if self._raw is not None:
            await self._raw.aclose()

    async def _started(self) -> AsyncRawStream:
        if self._raw is not None:
            return self._raw
        if self._error is not None:
            raise self._error
        try:
            chosen, left_seconds = await self._transport.choose(
                self._request_headers, self._timeout_seconds
            )
            self._raw = chosen.stream(
                self._method,
                self._requests,
                headers=self._request_headers,
                timeout_seconds=left_seconds,
            )
        except Exception as error:
            self._error = error
            raise
        if self._error is not None:
            # Closed meanwhile.
            await self._raw.aclose()
        return self._raw


if TYPE_CHECKING:
    _: type[AsyncTransport] = AsyncAutoTransport
    _stream: type[AsyncRawStream] = _LateStream
