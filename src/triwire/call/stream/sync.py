# Generated from src/triwire/call/stream/aio.py by scripts/unasync.py. DO NOT EDIT.
"""Responses as they arrive, decoded and typed."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from google.protobuf.message import Message

from triwire.call.request import describe
from triwire.errors import Code, RpcError
from triwire.spec import Metadata, RawResponse, Response

if TYPE_CHECKING:
    from types import TracebackType

    from triwire.call.request import StreamTime
    from triwire.spec import MethodSpec
    from triwire.transports.base import RawStream, Transport

__all__ = ["ResponseStream", "single_response"]

_log: Final = logging.getLogger("triwire.call")

ResponseT = TypeVar("ResponseT", bound=Message)


class ResponseStream(Generic[ResponseT]):
    """The responses of one server or bidirectional stream.

    Iterate over it, once. The call starts with the first message that is asked for, with
    `headers`, or with the start of a `with` block. Leaving the block or `aclose` before the
    end cancels the call on the wire; so does dropping the last reference, as a plain `break`
    does in CPython. Only the block says when.

    One task (or thread) iterates at a time; closing may come from another.
    """

    def __init__(
        self,
        transport: Transport,
        method: MethodSpec[Any, ResponseT],
        raw: RawStream,
        time: StreamTime,
    ) -> None:
        self._transport = transport
        self._method = method
        self._raw = raw
        self._time = time
        self._is_shown = False
        self._error: Exception | None = None

    def headers(self) -> Metadata:
        """Return the response headers that the application set, waiting for them.

        Raises:
            RpcError: the call failed before they came.
        """
        self._time.begin()
        try:
            found = self._raw.headers()
        except RpcError as error:
            seen = self._ended_by(error)
            raise seen from seen.__cause__
        self._is_shown = True
        return found

    @property
    def trailers(self) -> Metadata:
        """Trailers that the application set; empty before the stream ended."""
        if isinstance(self._error, RpcError):
            return Metadata(self._error.trailers)
        return self._raw.trailers

    def __iter__(self) -> ResponseStream[ResponseT]:
        return self

    def __next__(self) -> ResponseT:
        """Return the next message.

        Raises:
            RpcError: the call failed; every later step raises the same.
        """
        if self._error is not None:
            raise self._error
        self._time.begin()
        try:
            body = self._raw.read()
            if body is not None:
                self._is_shown = True
                return self._transport.decode(self._method, body)
        except RpcError as error:
            if _log.isEnabledFor(logging.DEBUG):
                _log.debug("%s %s", describe(self._transport.wire, self._method), error.code.name)
            seen = self._ended_by(error)
            self._raw.close()
            raise seen from seen.__cause__
        if _log.isEnabledFor(logging.DEBUG):
            _log.debug("%s OK", describe(self._transport.wire, self._method))
        raise StopIteration

    def _ended_by(self, error: RpcError) -> RpcError:
        """Remember and return the error that ends the call."""
        self._error = seen = self._time.at_deadline(error, is_shown=self._is_shown)
        return seen

    def __enter__(self) -> ResponseStream[ResponseT]:
        self._time.begin()
        self._raw.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Cancel the call on the wire if it has not ended. Idempotent."""
        self._raw.close()


def single_response(
    transport: Transport, method: MethodSpec[Any, ResponseT], raw: RawStream
) -> Response[ResponseT]:
    """Read the one response of a client stream to its end.

    Raises:
        RpcError: the call failed; UNIMPLEMENTED where the server sent none or several
            (gRPC's status codes: a cardinality violation).
    """
    try:
        headers = raw.headers()
        body = raw.read()
        if body is None:
            text = f"the server answered {method.path} with no message, expected one"
            raise RpcError(
                Code.UNIMPLEMENTED, text, headers=headers.pairs, trailers=raw.trailers.pairs
            )
        if raw.read() is not None:
            text = f"the server answered {method.path} with more than one message, expected one"
            raise RpcError(Code.UNIMPLEMENTED, text, headers=headers.pairs)
        message = transport.decode(method, body)
    except RpcError as error:
        if _log.isEnabledFor(logging.DEBUG):
            _log.debug("%s %s", describe(transport.wire, method), error.code.name)
        raise
    finally:
        raw.close()
    if _log.isEnabledFor(logging.DEBUG):
        _log.debug("%s OK %d bytes", describe(transport.wire, method), len(body))
    return Response(message, RawResponse(body, headers, raw.trailers))
