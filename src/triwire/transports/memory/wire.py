"""The part of the memory wire that has no colour. Pure, but for logging a handler's bug."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from triwire.errors import Code, RpcError, from_status, to_status
from triwire.server.service import ServerContext
from triwire.spec import Metadata, RawResponse
from triwire.transports.failures import timeout_error
from triwire.transports.metadata import application_metadata

if TYPE_CHECKING:
    from collections.abc import Iterable

    from google.protobuf.message import Message

    from triwire.server.service import Handler, Service
    from triwire.spec import MethodSpec, Pairs

__all__ = ["RequestFailure", "copied", "handlers", "prepare", "raw_response", "server_error"]

_log: Final = logging.getLogger("triwire.server")


def handlers(services: Iterable[Service]) -> dict[str, Handler]:
    """Return the function of each method by its path."""
    return {
        handler.method.path: handler.function for service in services for handler in service.methods
    }


def prepare(
    table: dict[str, Handler],
    method: MethodSpec[Any, Any],
    headers: Pairs,
    timeout_seconds: float | None,
) -> tuple[Handler, ServerContext]:
    """Look the method up.

    Raises:
        RpcError: UNIMPLEMENTED for a method that is not served, DEADLINE_EXCEEDED when no
            time is left.
    """
    if timeout_seconds is not None and timeout_seconds <= 0:
        raise timeout_error(timeout_seconds)
    function = table.get(method.path)
    if function is None:
        message = f"unknown method {method.path}"
        raise RpcError(Code.UNIMPLEMENTED, message, from_server=True)
    return function, ServerContext(method, "memory", Metadata(headers), timeout_seconds)


def copied(method: MethodSpec[Any, Any], request: Message) -> Message:
    """Pass a request through its bytes.

    Raises:
        TypeError: it is another message than the method takes.
    """
    if not isinstance(request, method.request_type):
        expected = method.request_type.DESCRIPTOR.full_name
        message = f"{method.name} takes {expected} messages, got {type(request).__name__}"
        raise TypeError(message)
    copy: Message = method.request_type.FromString(request.SerializeToString())
    return copy


def raw_response(response: Message, context: ServerContext) -> RawResponse:
    """Encode a handler's answer."""
    return RawResponse(
        response.SerializeToString(),
        application_metadata(context.response_headers),
        application_metadata(context.response_trailers),
    )


class RequestFailure:
    """Where the request side leaves what it failed with, to be told from a handler's bug.

    Attributes:
        error: What the caller's iterator raised, or None.
    """

    __slots__ = ("error",)

    def __init__(self) -> None:
        self.error: Exception | None = None


def server_error(error: Exception, path: str, context: ServerContext | None = None) -> RpcError:
    """Return the error that a caller sees for an exception of a handler.

    An RpcError passes with its code, message and details, as over a socket; anything else is
    a bug of the handler: logged with its traceback and hidden behind INTERNAL.
    """
    if isinstance(error, RpcError):
        found = from_status(to_status(error))
    else:
        _log.error("handler of %s failed", path, exc_info=error)
        found = RpcError(Code.INTERNAL, "internal error", from_server=True)
    if context is not None:
        found.headers = application_metadata(context.response_headers).pairs
        found.trailers = application_metadata(context.response_trailers).pairs
    return found
