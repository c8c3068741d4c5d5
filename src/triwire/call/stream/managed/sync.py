# Generated from src/triwire/call/stream/managed/aio.py by scripts/unasync.py. DO NOT EDIT.
"""Drives the steps of a call whose responses stream."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from google.protobuf.message import Message

from triwire._typing import override
from triwire.call.reply import check_messages, passed
from triwire.call.request import describe
from triwire.call.steps import Hedge, Send
from triwire.call.stream.sync import ResponseStream
from triwire.errors import Code, RpcError
from triwire.interceptors import Reply
from triwire.spec import Metadata

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from triwire.auth import Fetch
    from triwire.call.steps import Run, Steps, Wait
    from triwire.interceptors import Hook
    from triwire.spec import MethodSpec
    from triwire.transports.base import RawStream, Transport

__all__ = ["ManagedStream", "requests_of"]

_log: Final = logging.getLogger("triwire.call")

ResponseT = TypeVar("ResponseT", bound=Message)


def requests_of(
    requests: tuple[Any, ...] | Iterable[Any], hooks: tuple[Hook, ...], run: Run
) -> tuple[Any, ...] | Iterable[Any]:
    """Return what an attempt sends: the requests as the hooks leave them."""
    if isinstance(requests, tuple):
        return tuple(passed(hooks, request) for request in requests) if hooks else requests
    return _AsyncRequests(requests, hooks, run)


class Aside(Protocol):
    """Does what a step other than `Send` says."""

    def __call__(self, step: Wait | Fetch, /) -> None:
        """Do it."""
        ...


class _AsyncRequests:
    """Requests on their way to the wire; what was taken cannot be sent again."""

    def __init__(self, source: Iterable[Any], hooks: tuple[Hook, ...], run: Run) -> None:
        self._source = source
        self._hooks = hooks
        self._run = run
        self._iterator: Iterator[Any] | None = None

    def __iter__(self) -> _AsyncRequests:
        return self

    def __next__(self) -> Message:
        self._run.is_taken = True
        if self._iterator is None:
            self._iterator = iter(self._source)
        return passed(self._hooks, next(self._iterator))


class ManagedStream(ResponseStream[ResponseT]):
    """The responses of a stream with interceptors or retries around it.

    Args:
        transport: Carries the attempts.
        method: What is called.
        requests: What is sent; a tuple can be sent again.
        steps: The call.
        run: Its state.
        aside: Does what a step other than `Send` says.
    """

    def __init__(
        self,
        transport: Transport,
        method: MethodSpec[Any, ResponseT],
        requests: tuple[Any, ...] | Iterable[Any],
        *,
        steps: Steps,
        run: Run,
        aside: Aside,
    ) -> None:
        self._transport = transport
        self._method = method
        self._requests = requests
        self._steps = steps
        self._run = run
        self._aside = aside
        self._hooks: tuple[Hook, ...] = ()
        self._current: RawStream | None = None
        self._pending: list[Message] = []
        self._reply: Reply | None = None
        self._error: Exception | None = None
        self._begun = False
        # Set around everything that moves `_steps`, which cannot be closed meanwhile.
        self._busy = False
        self._closed = False

    @override
    def headers(self) -> Metadata:
        """Return the response headers that the application set, waiting for them.

        A call whose headers were shown is not tried again.

        Raises:
            RpcError: the call failed before they came.
        """
        self._begin()
        while self._reply is None and self._current is not None:
            try:
                found = self._current.headers()
            except RpcError as error:
                if self._error is not None:
                    raise
                self._advance(error=error)
            else:
                self._run.is_shown = True
                return found
        if self._reply is None:
            raise self._error or _closed()
        return self._reply.headers

    @property
    @override
    def trailers(self) -> Metadata:
        """Trailers that the application set; empty before the stream ended."""
        if self._reply is not None:
            return self._reply.trailers
        if isinstance(self._error, RpcError):
            return Metadata(self._error.trailers)
        return Metadata() if self._current is None else self._current.trailers

    @override
    def __next__(self) -> ResponseT:
        """Return the next message.

        Raises:
            RpcError: the call failed; every later step raises the same.
        """
        self._begin()
        while self._reply is None:
            if self._error is not None or self._current is None:
                raise self._error or _closed()
            message = self._next(self._current)
            if message is not None:
                return message
        if self._pending:
            made: Any = self._pending.pop(0)  # Of the right type: _finish looks.
            found: ResponseT = made
            return found
        raise StopIteration

    def _next(self, raw: RawStream) -> ResponseT | None:
        """Return a message of this attempt, or None: the attempt has ended."""
        self._busy = True
        try:
            body = raw.read()
            if body is not None:
                self._run.is_shown = True
                message: Any = self._transport.decode(self._method, body)
                found: Any = passed(self._hooks[::-1], message)
                wanted: ResponseT = found
                return wanted
            end = Reply(headers=raw.headers(), trailers=raw.trailers)
        except BaseException as error:  # noqa: BLE001 - the steps decide
            self._advance(error=error)
        else:
            self._advance(end)
        finally:
            self._busy = False
        return None

    def _begin(self) -> None:
        if not self._begun:
            self._begun = True
            self._advance()

    def _advance(self, reply: Reply | None = None, *, error: BaseException | None = None) -> None:
        """Let the call go on until an attempt is open or all is over.

        Args:
            reply: How the current attempt ended, if there is one.
            error: What it failed with instead.
        """
        self._busy = True
        try:
            while True:
                if self._current is not None:
                    self._current.close()
                step = self._steps.send(reply) if error is None else self._steps.throw(error)
                reply, error = None, None
                try:
                    if isinstance(step, Send):
                        self._open(step)
                        return
                    assert not isinstance(step, Hedge), "streams are not hedged"  # noqa: S101 - a bug of ours
                    self._aside(step)
                except BaseException as failure:  # noqa: BLE001 - the steps decide
                    error = failure
        except StopIteration as stop:
            self._finish(stop.value)
        except Exception as failure:
            if isinstance(failure, RpcError):
                failure.attempts = max(self._run.sent, 1)
            self._error = failure
            raise
        except BaseException:
            self._error = _closed()
            raise
        finally:
            self._busy = False

    def _open(self, step: Send) -> None:
        if self._closed:
            raise _closed()
        self._hooks = step.call.on_response
        requests = self._requests
        if isinstance(requests, tuple):
            requests = (step.call.request,)
        self._current = self._transport.stream(
            self._method,
            requests_of(requests, step.call.on_request, self._run),
            headers=step.headers,
            timeout_seconds=step.timeout_seconds,
        )

    def _finish(self, reply: Reply) -> None:
        check_messages(self._method, reply)
        self._pending += reply.messages
        self._reply = reply
        if _log.isEnabledFor(logging.DEBUG):
            _log.debug("%s OK", describe(self._transport.wire, self._method))

    @override
    def __enter__(self) -> ResponseStream[ResponseT]:
        self._begin()
        while self._reply is None and self._current is not None and self._error is None:
            try:
                self._current.start()
            except RpcError as error:
                self._advance(error=error)
            else:
                break
        return self

    @override
    def close(self) -> None:
        """Cancel the call on the wire if it has not ended. Idempotent."""
        self._closed = True
        self._begun = True
        if self._current is not None:
            self._current.close()
        if not self._busy:
            # Whoever is busy gets CANCELLED from the transport, and ends the steps with it.
            self._steps.close()
            if self._reply is None and self._error is None:
                self._error = _closed()


def _closed() -> RpcError:
    return RpcError(Code.CANCELLED, "the call was closed by this side")
