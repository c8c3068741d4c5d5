# Generated from src/triwire/call/aio.py by scripts/unasync.py. DO NOT EDIT.
"""Issues calls over one transport. Generated clients are made of this."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from triwire._io import SystemClock, draw_fraction, draw_uuid
from triwire.call.attempts import Retrying, policy_of, shorter
from triwire.call.request import at_deadline, check_request, describe, merged_headers
from triwire.call.shared import Shared
from triwire.call.stream.sync import ResponseStream, single_response
from triwire.errors import RpcError
from triwire.retry import RetryBudget
from triwire.spec import CallOptions, Response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from triwire._io import Clock
    from triwire.spec import MethodSpec, RawResponse
    from triwire.transports.base import RawStream, RequestT, ResponseT, Transport

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
        budget: Tokens for retries; derived callers share it.
        draw: Gives evenly distributed numbers from 0 to 1, for the jitter of waits.
        new_id: Gives UUIDs, for resources whose creator chose none.
        shared: What calls have in common; derived callers share it.
        server: Names the server, the same whatever the wire, for what outlives the process.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        options: CallOptions | None = None,
        headers: tuple[tuple[str, str | bytes], ...] = (),
        clock: Clock | None = None,
        budget: RetryBudget | None = None,
        draw: Callable[[], float] = draw_fraction,
        new_id: Callable[[], str] = draw_uuid,
        shared: Shared | None = None,
        server: str = "",
    ) -> None:
        self._transport = transport
        self._options = options if options is not None else CallOptions()
        self._base_headers = headers
        self._headers = merged_headers(headers, self._options.headers)
        self._first_timeout_seconds = shorter(
            self._options.timeout_seconds, self._options.attempt_timeout_seconds
        )
        self._clock: Clock = clock if clock is not None else SystemClock()
        self._budget = budget if budget is not None else RetryBudget()
        self.draw = draw
        self.new_id = new_id
        self.shared = shared if shared is not None else Shared()
        self.server = server

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
            self._transport,
            options=options,
            headers=self._base_headers,
            clock=self._clock,
            budget=self._budget,
            draw=self.draw,
            new_id=self.new_id,
            shared=self.shared,
            server=self.server,
        )

    def unary(
        self, method: MethodSpec[RequestT, ResponseT], request: RequestT
    ) -> Response[ResponseT]:
        """Call a unary method, again if it fails and its retry policy says so.

        Args:
            method: The method to call.
            request: The request; not changed.

        Raises:
            RpcError: the call failed for good, or its response cannot be read. `attempts` says
                how often it was tried, and a note why it was not tried again.
            TypeError: `request` is not the method's request message.
            ValueError: the client is closed.
        """
        check_request(method, request)
        started = self._clock.monotonic_seconds()
        try:
            raw = self._transport.unary(
                method, request, headers=self._headers, timeout_seconds=self._first_timeout_seconds
            )
        except RpcError as error:
            raw = self._try_again(method, request, error, started)
        self._budget.succeeded()
        message = self._transport.decode(method, raw.body)
        if _log.isEnabledFor(logging.DEBUG):
            _log.debug("%s OK %d bytes", describe(self._transport.wire, method), len(raw.body))
        return Response(message, raw)

    def _try_again(
        self,
        method: MethodSpec[RequestT, ResponseT],
        request: RequestT,
        error: RpcError,
        started: float,
    ) -> RawResponse:
        """Go on after a first attempt that failed, until one succeeds or it is time to give up."""
        options = self._options
        policy = policy_of(method, request, options)
        retrying = Retrying(policy, self._budget, draw=self.draw, options=options, started=started)
        began, timeout = started, self._first_timeout_seconds
        while True:
            now = self._clock.monotonic_seconds()
            seen = at_deadline(error, timeout_seconds=timeout, elapsed_seconds=now - began)
            wait = retrying.wait_seconds(seen, now=now)
            if _log.isEnabledFor(logging.DEBUG):
                name = describe(self._transport.wire, method)
                _log.debug("%s", retrying.describe(name, seen, wait))
            if wait is None:
                raise retrying.final(seen) from error.__cause__ if seen is error else error
            self._clock.sleep(wait)
            began = self._clock.monotonic_seconds()
            timeout = retrying.attempt_timeout_seconds(now=began)
            try:
                return self._transport.unary(
                    method, request, headers=self._headers, timeout_seconds=timeout
                )
            except RpcError as failure:
                error = failure

    def client_stream(
        self, method: MethodSpec[RequestT, ResponseT], requests: Iterable[RequestT]
    ) -> Response[ResponseT]:
        """Call a method whose client streams, once, and wait for its one response.

        Args:
            method: The method to call.
            requests: Iterated once, as the wire takes them; what it raises ends the call and
                is raised here.

        Raises:
            RpcError: the call failed, or its response cannot be read.
            TypeError: a request is not the method's request message.
            ValueError: the client is closed.
        """
        return single_response(self._transport, method, self._raw_stream(method, requests))

    def server_stream(
        self, method: MethodSpec[RequestT, ResponseT], request: RequestT
    ) -> ResponseStream[ResponseT]:
        """Return the responses of a method whose server streams; the call is not started yet.

        Args:
            method: The method to call.
            request: The request; not changed, and not to be changed while the call runs.

        Raises:
            RpcError: UNIMPLEMENTED: this wire cannot carry such methods.
            TypeError: `request` is not the method's request message.
        """
        check_request(method, request)
        return ResponseStream(self._transport, method, self._raw_stream(method, (request,)))

    def bidi_stream(
        self, method: MethodSpec[RequestT, ResponseT], requests: Iterable[RequestT]
    ) -> ResponseStream[ResponseT]:
        """Return the responses of a method whose both sides stream; not started yet.

        Args:
            method: The method to call.
            requests: As in `client_stream`; what it raises comes out of the responses.

        Raises:
            RpcError: UNIMPLEMENTED: this wire cannot carry such methods.
        """
        return ResponseStream(self._transport, method, self._raw_stream(method, requests))

    def _raw_stream(
        self,
        method: MethodSpec[RequestT, ResponseT],
        requests: tuple[RequestT, ...] | Iterable[RequestT],
    ) -> RawStream:
        return self._transport.stream(
            method, requests, headers=self._headers, timeout_seconds=self._first_timeout_seconds
        )

    def close(self) -> None:
        """Close the transport, for every caller that shares it. Idempotent."""
        self.shared.close()
        self._transport.close()
