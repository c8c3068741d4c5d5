# Generated from src/triwire/call/aio.py by scripts/unasync.py. DO NOT EDIT.
"""Issues calls over one transport. Generated clients are made of this."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NoReturn

from triwire._io import (
    HandlerColourError,
    OneAtATime,
    SystemClock,
    draw_fraction,
    draw_uuid,
    resolve,
)
from triwire._race import first_of
from triwire._typing import override
from triwire.call.attempts import shorter
from triwire.call.engine import Engine
from triwire.call.pieces.sync import decoded
from triwire.call.reply import passed, reply_of, response_of
from triwire.call.request import (
    StreamTime,
    at_deadline,
    check_request,
    check_requests,
    describe,
    merged_headers,
)
from triwire.call.shared import Shared
from triwire.call.steps import Hedge, Run, Send, Wait
from triwire.call.stream.managed.sync import ManagedStream, requests_of
from triwire.call.stream.sync import ResponseStream, single_response
from triwire.codec.pieces import LARGE_BYTES
from triwire.errors import RpcError
from triwire.interceptors import Call
from triwire.retry import HedgingPolicy, RetryBudget
from triwire.spec import CallOptions, Response, StreamKind
from triwire.transports.failures import timeout_error
from triwire.transports.metadata import check_metadata
from triwire.transports.ready.sync import ReadyTransport

if TYPE_CHECKING:
    from collections.abc import Callable

    from triwire._io import Clock
    from triwire.auth import Fetch, Tokens
    from triwire.call.steps import Steps
    from triwire.interceptors import Interceptor, Reply
    from triwire.spec import MethodSpec
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
        headers: Pairs sent before those of `options`, such as the authorization. Never logged,
            and not shown to interceptors.
        tokens: A bearer token that changes; sent unless a call's headers have an authorization.
        interceptors: What runs around every call, the first outermost.
        clock: Time, for waiting.
        budget: Tokens for retries; derived callers share it.
        draw: Gives evenly distributed numbers from 0 to 1, for the jitter of waits.
        new_id: Gives UUIDs, for resources whose creator chose none.
        shared: What calls have in common; derived callers share it.
        server: Names the server, the same whatever the wire, for what outlives the process.

    Raises:
        TypeError: a header of `options` of the wrong type.
        ValueError: a header of `options` that some wire cannot carry.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        options: CallOptions | None = None,
        headers: tuple[tuple[str, str | bytes], ...] = (),
        tokens: Tokens | None = None,
        interceptors: tuple[Interceptor, ...] = (),
        clock: Clock | None = None,
        budget: RetryBudget | None = None,
        draw: Callable[[], float] = draw_fraction,
        new_id: Callable[[], str] = draw_uuid,
        shared: Shared | None = None,
        server: str = "",
    ) -> None:
        self._transport = transport
        self._options = options if options is not None else CallOptions()
        check_metadata(self._options.headers)
        self._base_headers = headers
        self._tokens = tokens
        self._fetching = OneAtATime()
        self._interceptors = interceptors
        self._headers = merged_headers(headers, self._options.headers)
        self._first_timeout_seconds = shorter(
            self._options.timeout_seconds, self._options.attempt_timeout_seconds
        )
        self._clock: Clock = clock if clock is not None else SystemClock()
        self._now = self._clock.monotonic_seconds
        self._plain_transport = transport
        if self._options.wait_for_ready:
            self._transport = ReadyTransport(transport, clock=self._clock, draw=draw)
        self._budget = budget if budget is not None else RetryBudget()
        self.draw = draw
        self.new_id = new_id
        self.shared = shared if shared is not None else Shared()
        self.server = server
        self._is_managed = bool(interceptors or tokens) or isinstance(
            self._options.hedging, HedgingPolicy
        )
        self._engine = Engine(
            self._options,
            interceptors=interceptors,
            headers=headers,
            tokens=tokens,
            budget=self._budget,
            draw=draw,
            now=self._now,
        )

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
        view = Caller(
            self._plain_transport,
            options=options,
            headers=self._base_headers,
            tokens=self._tokens,
            interceptors=self._interceptors,
            clock=self._clock,
            budget=self._budget,
            draw=self.draw,
            new_id=self.new_id,
            shared=self.shared,
            server=self.server,
        )
        view._fetching = self._fetching
        return view

    @override
    def __reduce__(self) -> NoReturn:
        raise TypeError("clients cannot be pickled: they hold connections and a token")

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
        if type(request) is not method.request_type:
            check_request(method, request)
        if self._is_managed or method.hedging is not None:
            return self._single(method, request, ())
        started = self._now()
        timeout = self._first_timeout_seconds
        try:
            raw = self._transport.unary(
                method, request, headers=self._headers, timeout_seconds=timeout
            )
            if len(raw.body) > LARGE_BYTES:
                message = decoded(self._transport, method, raw.body)
            else:
                message = self._transport.decode(method, raw.body)
        except RpcError as error:
            elapsed = self._now() - started
            seen = at_deadline(error, timeout_seconds=timeout, elapsed_seconds=elapsed)
            run = Run(started)
            run.sent = 1
            steps = self._engine.steps_after(self._call(method, request), run, seen, started)
            return response_of(method, self._drive(steps, run, ()))
        self._budget.succeeded()
        if _log.isEnabledFor(logging.DEBUG):
            _log.debug("%s OK %d bytes", describe(self._transport.wire, method), len(raw.body))
        return Response(message, raw)

    def _call(self, method: MethodSpec[RequestT, ResponseT], request: RequestT | None) -> Call:
        options = self._options
        return Call(
            method,
            request,
            options.headers,
            options.timeout_seconds,
            self._transport.wire,
            self.server,
        )

    def _single(
        self,
        method: MethodSpec[RequestT, ResponseT],
        request: RequestT | None,
        requests: tuple[()] | Iterable[RequestT],
    ) -> Response[ResponseT]:
        """Call a method that answers once, with all that goes around an attempt."""
        run = Run()
        steps = self._engine.steps(self._call(method, request), run)
        return response_of(method, self._drive(steps, run, requests))

    def _drive(self, steps: Steps, run: Run, requests: tuple[()] | Iterable[Any]) -> Reply:
        """Do what a call's steps say until it has ended."""
        try:
            step = next(steps)
            while True:
                try:
                    done: Reply | None = None
                    if isinstance(step, Send):
                        done = self._send(step, run, requests)
                    elif isinstance(step, Hedge):
                        done = self._hedge(step)
                    else:
                        self._aside(step)
                except BaseException as error:  # noqa: BLE001 - the steps decide
                    step = steps.throw(error)
                else:
                    step = steps.send(done)
        except StopIteration as stop:
            reply: Reply = stop.value
            return reply
        except RpcError as error:
            error.attempts = max(run.sent, 1)
            raise

    def _aside(self, step: Wait | Fetch, /) -> None:
        if isinstance(step, Wait):
            self._clock.sleep(step.seconds)
        else:
            self._fetch(step)

    def _hedge(self, hedge: Hedge) -> Reply:
        return first_of(
            hedge,
            lambda: partial(self._drive, *hedge.start(), ()),
            sleep=self._clock.sleep,
        )

    def _fetch(self, step: Fetch) -> None:
        def fetch() -> None:
            if step.is_due():
                try:
                    token = resolve(step.source())
                except HandlerColourError:
                    raise
                except Exception as error:  # noqa: BLE001 - a foreign function may raise anything
                    step.fail(error)
                else:
                    step.land(token)
            step.settle()

        try:
            self._fetching.run(fetch, timeout_seconds=step.timeout_seconds)
        except TimeoutError as error:
            raise timeout_error(self._options.timeout_seconds) from error

    def _send(self, step: Send, run: Run, requests: tuple[()] | Iterable[Any]) -> Reply:
        """Make one attempt at a method that answers once."""
        call, transport = step.call, self._transport
        method = call.method
        if method.stream_kind is StreamKind.CLIENT_STREAM:
            raw_stream = transport.stream(
                method,
                requests_of(requests, call.on_request, run),
                headers=step.headers,
                timeout_seconds=step.timeout_seconds,
            )
            response = single_response(transport, method, raw_stream)
            return reply_of(response.message, response.raw, call.on_response)
        request: Any = call.request
        if call.on_request:
            request = passed(call.on_request, request)
        raw = transport.unary(
            method, request, headers=step.headers, timeout_seconds=step.timeout_seconds
        )
        if len(raw.body) > LARGE_BYTES:
            message = decoded(transport, method, raw.body)
        else:
            message = transport.decode(method, raw.body)
        if _log.isEnabledFor(logging.DEBUG):
            _log.debug("%s OK %d bytes", describe(transport.wire, method), len(raw.body))
        return reply_of(message, raw, call.on_response)

    def client_stream(
        self, method: MethodSpec[RequestT, ResponseT], requests: Iterable[RequestT]
    ) -> Response[ResponseT]:
        """Call a method whose client streams, and wait for its one response.

        Args:
            method: The method to call.
            requests: Iterated once, as the wire takes them; what it raises ends the call and
                is raised here. A call is not tried again once one of them was asked for.

        Raises:
            RpcError: the call failed, or its response cannot be read.
            TypeError: a request is not the method's request message, or `requests` cannot be
                iterated.
            ValueError: the client is closed.
        """
        check_requests(method, requests, Iterable)
        if self._is_managed or self._is_retried(method):
            return self._single(method, None, requests)
        raw, time = self._raw_stream(method, requests), self._stream_time()
        time.begin()
        try:
            return single_response(self._transport, method, raw)
        except RpcError as error:
            seen = time.at_deadline(error, is_shown=False)
            raise seen from seen.__cause__

    def server_stream(
        self, method: MethodSpec[RequestT, ResponseT], request: RequestT
    ) -> ResponseStream[ResponseT]:
        """Return the responses of a method whose server streams; the call is not started yet.

        It is tried again like a unary one until a message, or headers, have been shown.

        Args:
            method: The method to call.
            request: The request; not changed, and not to be changed while the call runs.

        Raises:
            RpcError: UNIMPLEMENTED: this wire cannot carry such methods.
            TypeError: `request` is not the method's request message.
        """
        check_request(method, request)
        return self._stream(method, request, (request,))

    def bidi_stream(
        self, method: MethodSpec[RequestT, ResponseT], requests: Iterable[RequestT]
    ) -> ResponseStream[ResponseT]:
        """Return the responses of a method whose both sides stream; not started yet.

        Args:
            method: The method to call.
            requests: As in `client_stream`; what it raises comes out of the responses.

        Raises:
            RpcError: UNIMPLEMENTED: this wire cannot carry such methods.
            TypeError: `requests` cannot be iterated.
        """
        check_requests(method, requests, Iterable)
        return self._stream(method, None, requests)

    def _stream(
        self,
        method: MethodSpec[RequestT, ResponseT],
        request: RequestT | None,
        requests: tuple[RequestT, ...] | Iterable[RequestT],
    ) -> ResponseStream[ResponseT]:
        if not (self._is_managed or self._is_retried(method)):
            raw = self._raw_stream(method, requests)
            return ResponseStream(self._transport, method, raw, self._stream_time())
        run = Run()
        return ManagedStream(
            self._transport,
            method,
            requests,
            steps=self._engine.steps(self._call(method, request), run),
            run=run,
            aside=self._aside,
        )

    def _is_retried(self, method: MethodSpec[Any, Any]) -> bool:
        retry = self._options.retry
        return (method.retry if retry == "method" else retry) is not None

    def _raw_stream(
        self,
        method: MethodSpec[RequestT, ResponseT],
        requests: tuple[RequestT, ...] | Iterable[RequestT],
    ) -> RawStream:
        return self._transport.stream(
            method, requests, headers=self._headers, timeout_seconds=self._first_timeout_seconds
        )

    def _stream_time(self) -> StreamTime:
        return StreamTime(self._first_timeout_seconds, self._clock.monotonic_seconds)

    def close(self) -> None:
        """Close the transport, for every caller that shares it. Idempotent."""
        self.shared.close()
        self._transport.close()
