"""Calls service objects directly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from triwire._io import HandlerColourError, async_resolve
from triwire.codec.binary import BinaryCodec
from triwire.transports.failures import closed_error
from triwire.transports.memory import wire

if TYPE_CHECKING:
    from collections.abc import Iterable

    from triwire.server.service import Service
    from triwire.spec import MethodSpec, Pairs, RawResponse
    from triwire.transports.base import AsyncTransport, RequestT, ResponseT

__all__ = ["AsyncMemoryTransport"]

_CODEC: Final = BinaryCodec()


class AsyncMemoryTransport:
    """The memory wire: requests and responses are encoded and decoded, nothing is sent.

    Args:
        services: What to serve. A handler runs inside the caller's call, in its task or
            thread; timeouts do not interrupt it.
    """

    def __init__(self, services: Iterable[Service]) -> None:
        self._handlers = wire.handlers(services)
        self._closed = False

    @property
    def wire(self) -> str:
        """Always "memory"."""
        return "memory"

    async def unary(
        self,
        method: MethodSpec[RequestT, ResponseT],
        request: RequestT,
        *,
        headers: Pairs,
        timeout_seconds: float | None,
    ) -> RawResponse:
        """Call the handler and return its encoded answer; see `AsyncTransport`."""
        if self._closed:
            raise closed_error()
        function, copy, context = wire.prepare(
            self._handlers, method, request, headers, timeout_seconds
        )
        try:
            response = await async_resolve(function(copy, context))
        except HandlerColourError:
            raise
        except Exception as error:
            raise wire.server_error(error, method.path) from error
        return wire.raw_response(response, context)

    def decode(self, method: MethodSpec[RequestT, ResponseT], body: bytes) -> ResponseT:
        """Parse protobuf binary; see `AsyncTransport`."""
        return _CODEC.decode(body, method.response_type)

    async def aclose(self) -> None:
        """Refuse further calls; idempotent."""
        self._closed = True


if TYPE_CHECKING:
    _: type[AsyncTransport] = AsyncMemoryTransport
