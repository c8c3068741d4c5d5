# Generated from src/triwire/call/aio.py by scripts/unasync.py. DO NOT EDIT.
"""Issues calls over one transport. Generated clients are made of this."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from triwire._io import SystemClock
from triwire.call.request import at_deadline, check_request, describe, merged_headers
from triwire.errors import RpcError
from triwire.spec import CallOptions, Response

if TYPE_CHECKING:
    from triwire._io import Clock
    from triwire.spec import MethodSpec
    from triwire.transports.base import RequestT, ResponseT, Transport

__all__ = ["Caller"]

_log: Final = logging.getLogger("triwire.call")


class Caller:
    """Calls methods of one server with one set of options.

    Cheap to derive from (`with_options`); all derived callers share the transport, and
    closing one closes it for all.

    Args:
        transport: Carries the attempts; closed by `aclose`.
        options: Settings of every call made here.
        headers: Pairs sent before those of `options`, such as the authorization. Never logged.
        clock: Time, for waiting.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        options: CallOptions | None = None,
        headers: tuple[tuple[str, str | bytes], ...] = (),
        clock: Clock | None = None,
    ) -> None:
        self._transport = transport
        self._options = options if options is not None else CallOptions()
        self._base_headers = headers
        self._headers = merged_headers(headers, self._options.headers)
        self._timeout_seconds = self._options.timeout_seconds
        self._clock: Clock = clock if clock is not None else SystemClock()

    @property
    def transport(self) -> Transport:
        """The transport under this caller."""
        return self._transport

    @property
    def options(self) -> CallOptions:
        """The options of every call made here."""
        return self._options

    @property
    def clock(self) -> Clock:
        """Where waiting takes its time from."""
        return self._clock

    def with_options(self, options: CallOptions) -> Caller:
        """Return a caller over the same transport with other options."""
        return Caller(
            self._transport, options=options, headers=self._base_headers, clock=self._clock
        )

    def unary(
        self, method: MethodSpec[RequestT, ResponseT], request: RequestT
    ) -> Response[ResponseT]:
        """Call a unary method once.

        Args:
            method: The method to call.
            request: The request; not changed.

        Raises:
            RpcError: the call failed, or its response cannot be read.
            TypeError: `request` is not the method's request message.
            ValueError: the client is closed.
        """
        check_request(method, request)
        started = self._clock.monotonic_seconds()
        try:
            raw = self._transport.unary(
                method, request, headers=self._headers, timeout_seconds=self._timeout_seconds
            )
            message = self._transport.decode(method, raw.body)
        except RpcError as error:
            if _log.isEnabledFor(logging.DEBUG):
                _log.debug("%s %s", describe(self._transport.wire, method), error.code.name)
            elapsed = self._clock.monotonic_seconds() - started
            final = at_deadline(
                error, timeout_seconds=self._timeout_seconds, elapsed_seconds=elapsed
            )
            if final is error:
                raise
            raise final from error
        if _log.isEnabledFor(logging.DEBUG):
            _log.debug("%s OK %d bytes", describe(self._transport.wire, method), len(raw.body))
        return Response(message, raw)

    def close(self) -> None:
        """Close the transport, for every caller that shares it. Idempotent."""
        self._transport.close()
