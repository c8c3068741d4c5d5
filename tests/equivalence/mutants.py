"""Bugs on purpose: what stands between one wire and its caller and changes one thing.

A harness that finds no difference here proves nothing by finding none elsewhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from triwire._typing import override
from triwire.errors import Code, RpcError
from triwire.spec import Metadata, RawResponse

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Callable

    from triwire.spec import MethodSpec, Pairs
    from triwire.transports.base import AsyncRawStream, AsyncTransport, RequestT, ResponseT

__all__ = ["MUTANTS", "Mutant"]


class Mutant:
    """A transport with a bug; without overrides it has none."""

    def __init__(self, inner: AsyncTransport) -> None:
        self._inner = inner

    @property
    def wire(self) -> str:
        """That of the transport below."""
        return self._inner.wire

    async def unary(
        self,
        method: MethodSpec[RequestT, ResponseT],
        request: RequestT,
        *,
        headers: Pairs,
        timeout_seconds: float | None,
    ) -> RawResponse:
        """Call through; see `AsyncTransport`."""
        try:
            raw = await self._inner.unary(
                method, request, headers=self.sent(headers), timeout_seconds=timeout_seconds
            )
        except RpcError as error:
            raise self.failed(error) from error
        return RawResponse(
            raw.body, self.received(raw.headers), self.received_trailers(raw.trailers)
        )

    def stream(
        self,
        method: MethodSpec[RequestT, ResponseT],
        requests: tuple[RequestT, ...] | AsyncIterable[RequestT],
        *,
        headers: Pairs,
        timeout_seconds: float | None,
    ) -> AsyncRawStream:
        """Stream through; see `AsyncTransport`."""
        inner = self._inner.stream(
            method, requests, headers=self.sent(headers), timeout_seconds=timeout_seconds
        )
        return _MutantStream(self, inner)

    def decode(self, method: MethodSpec[RequestT, ResponseT], body: bytes) -> ResponseT:
        """Decode; see `AsyncTransport`."""
        return self._inner.decode(method, body)

    async def aclose(self) -> None:
        """Close; see `AsyncTransport`."""
        await self._inner.aclose()

    # What mutants change.

    def sent(self, headers: Pairs) -> Pairs:
        return headers

    def received(self, headers: Metadata) -> Metadata:
        return headers

    def received_trailers(self, trailers: Metadata) -> Metadata:
        return trailers

    def failed(self, error: RpcError) -> RpcError:
        return error

    def read(self, messages: int, body: bytes | None) -> bytes | None:
        del messages
        return body


class _MutantStream:
    def __init__(self, mutant: Mutant, inner: AsyncRawStream) -> None:
        self._mutant = mutant
        self._inner = inner
        self._messages = 0

    async def start(self) -> None:
        await self._inner.start()

    async def headers(self) -> Metadata:
        return self._mutant.received(await self._inner.headers())

    async def read(self) -> bytes | None:
        try:
            body = await self._inner.read()
        except RpcError as error:
            raise self._mutant.failed(error) from error
        self._messages += 1
        return self._mutant.read(self._messages, body)

    @property
    def trailers(self) -> Metadata:
        return self._mutant.received_trailers(self._inner.trailers)

    async def aclose(self) -> None:
        await self._inner.aclose()


class _WithoutDetails(Mutant):
    @override
    def failed(self, error: RpcError) -> RpcError:
        error.details = ()
        return error


class _DetailsReversed(Mutant):
    @override
    def failed(self, error: RpcError) -> RpcError:
        error.details = error.details[::-1]
        return error


class _WithoutRetryDelay(Mutant):
    @override
    def failed(self, error: RpcError) -> RpcError:
        error.retry_delay_seconds = None
        return error


class _AbortedIsInternal(Mutant):
    @override
    def failed(self, error: RpcError) -> RpcError:
        if error.code is Code.ABORTED:
            error.code = Code.INTERNAL
        return error


class _FromNobody(Mutant):
    @override
    def failed(self, error: RpcError) -> RpcError:
        error.from_server = not error.from_server
        return error


class _AsciiOnly(Mutant):
    @override
    def failed(self, error: RpcError) -> RpcError:
        error.message = error.message.encode("ascii", "ignore").decode()
        return error


class _WithoutErrorTrailers(Mutant):
    @override
    def failed(self, error: RpcError) -> RpcError:
        error.trailers = ()
        return error


class _FirstOfRepeated(Mutant):
    @override
    def received(self, headers: Metadata) -> Metadata:
        return Metadata(dict(headers))


class _BinaryAsText(Mutant):
    @override
    def received_trailers(self, trailers: Metadata) -> Metadata:
        return Metadata(
            (key, value.hex() if isinstance(value, bytes) else value)
            for key, value in trailers.pairs
        )


class _RequestHeaderLost(Mutant):
    @override
    def sent(self, headers: Pairs) -> Pairs:
        kept = [pair for pair in headers if pair[0] != "s-sent-a"]
        return tuple(kept)


class _RepeatedSwapped(Mutant):
    @override
    def sent(self, headers: Pairs) -> Pairs:
        return headers[::-1]


class _MessageLost(Mutant):
    @override
    def read(self, messages: int, body: bytes | None) -> bytes | None:
        return None if messages == 2 else body


class _TimeoutLost(Mutant):
    @override
    async def unary(
        self,
        method: MethodSpec[RequestT, ResponseT],
        request: RequestT,
        *,
        headers: Pairs,
        timeout_seconds: float | None,
    ) -> RawResponse:
        del timeout_seconds
        return await super().unary(method, request, headers=headers, timeout_seconds=20.0 + 40)


class _Repeats(Mutant):
    """Tries again by itself, as libraries may."""

    @override
    async def unary(
        self,
        method: MethodSpec[RequestT, ResponseT],
        request: RequestT,
        *,
        headers: Pairs,
        timeout_seconds: float | None,
    ) -> RawResponse:
        settings: Any = {"headers": headers, "timeout_seconds": timeout_seconds}
        try:
            return await super().unary(method, request, **settings)
        except RpcError as error:
            if error.code is not Code.UNAVAILABLE:
                raise
            return await super().unary(method, request, **settings)


MUTANTS: Final[dict[str, Callable[[AsyncTransport], Mutant]]] = {
    "details are dropped": _WithoutDetails,
    "details come in another order": _DetailsReversed,
    "the delay that the server asked for is dropped": _WithoutRetryDelay,
    "one code is taken for another": _AbortedIsInternal,
    "errors of the server are taken for the client's": _FromNobody,
    "texts lose what is not ASCII": _AsciiOnly,
    "errors lose their trailers": _WithoutErrorTrailers,
    "of a repeated header the first value stays": _FirstOfRepeated,
    "binary trailers come as text": _BinaryAsText,
    "a request header is lost": _RequestHeaderLost,
    "repeated request headers change their order": _RepeatedSwapped,
    "a stream loses its end": _MessageLost,
    "the timeout is not what was asked for": _TimeoutLost,
    "the wire tries again by itself": _Repeats,
}
