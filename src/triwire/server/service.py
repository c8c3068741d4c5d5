"""A service as data: methods and the functions that answer them. Knows no wire."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from triwire.spec import Metadata, MethodSpec

__all__ = ["Handler", "MethodHandler", "ServerContext", "Service"]


@dataclass(slots=True)
class ServerContext:
    """What a handler knows of its call beside the request.

    Attributes:
        method: The method that was called.
        wire: "connect", "grpc", "grpc-web", "rest" or "memory".
        headers: Request metadata; binary ("-bin") values decoded to bytes.
        timeout_seconds: Time that the caller granted when the call arrived, or None.
        response_headers: Pairs that the handler adds, sent with success and with errors.
        response_trailers: The same for trailers; REST sends them as headers named
            "trailer-<key>", as Connect does for unary calls.
    """

    method: MethodSpec[Any, Any]
    wire: str
    headers: Metadata = field(default_factory=Metadata)
    timeout_seconds: float | None = None
    response_headers: list[tuple[str, str | bytes]] = field(
        default_factory=list[tuple[str, str | bytes]]
    )
    response_trailers: list[tuple[str, str | bytes]] = field(
        default_factory=list[tuple[str, str | bytes]]
    )


# Any: what goes in and comes out depends on the stream kind, see `MethodHandler`. Generated
# factories hand over methods whose types were checked against the service's Protocol.
Handler: TypeAlias = Callable[[Any, ServerContext], Any]


@dataclass(frozen=True, slots=True)
class MethodHandler:
    """One method and its function.

    The function takes the decoded request and the context and returns the response
    message, or an awaitable of it. Where the client streams, it takes an async iterator of
    requests instead (over the sync memory wire an iterator); where the server streams, it
    returns an async iterator or an iterator of responses, so it is best a generator. That
    generator is closed when the caller goes away; headers are sent with the first response.

    It fails by raising `RpcError`; any other exception is answered as INTERNAL with a fixed
    text and logged with its traceback.
    """

    method: MethodSpec[Any, Any]
    function: Handler


@dataclass(frozen=True, slots=True)
class Service:
    """A service ready to be served.

    Attributes:
        name: Full proto name of the service.
        methods: One handler per method that is served.
    """

    name: str
    methods: tuple[MethodHandler, ...]
