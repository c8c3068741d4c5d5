# Generated from src/triwire/transports/enveloped/aio.py by scripts/unasync.py. DO NOT EDIT.
"""Runs one call of enveloped messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from triwire._typing import override
from triwire.errors import Code, RpcError
from triwire.transports.decoded.sync import DecodedStream
from triwire.transports.envelope import frame
from triwire.transports.enveloped.wire import encoded
from triwire.transports.options import is_compressed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from google.protobuf.message import Message

    from triwire._http import Http
    from triwire.spec import MethodSpec
    from triwire.transports.decoded.wire import Decoder, RequestFailure
    from triwire.transports.options import WireOptions

__all__ = ["EnvelopedStream"]


class EnvelopedStream(DecodedStream):
    """One RPC of enveloped messages both ways, over one POST; see `RawStream`.

    Args:
        http: Sends it.
        url: Where to.
        headers: HTTP headers of the request.
        method: The method that is called.
        requests: What to send.
        options: How to encode it.
        decoder: Reads the response.
        timeout_seconds: Time for all of it.
    """

    def __init__(
        self,
        http: Http,
        url: str,
        *,
        headers: Sequence[tuple[str, str]],
        method: MethodSpec[Any, Any],
        requests: tuple[Message, ...] | Iterable[Message],
        options: WireOptions,
        decoder: Decoder,
        timeout_seconds: float | None,
    ) -> None:
        super().__init__(
            http, url, headers=headers, decoder=decoder, timeout_seconds=timeout_seconds
        )
        self._method = method
        self._requests = requests
        self._options = options

    @override
    def _request(self) -> tuple[str, bytes | Iterator[bytes] | None]:
        if isinstance(self._requests, tuple):
            body = b"".join(
                _frame(self._method, request, self._options) for request in self._requests
            )
            return "POST", body
        return "POST", _frames(self._method, self._requests, self._options, self._failure)


def _frame(method: MethodSpec[Any, Any], request: Message, options: WireOptions) -> bytes:
    data = encoded(method, request, options)
    return frame(data, compress=is_compressed(options, data))


def _frames(
    method: MethodSpec[Any, Any],
    requests: Iterable[Message],
    options: WireOptions,
    failure: RequestFailure,
) -> Iterator[bytes]:
    """Encode requests as the wire takes them. Holds no reference to the call, which may end."""
    try:
        for request in requests:
            if failure.is_over:
                # pyqwest resets a stream when it has let go of both sides: of a blocking call that
                # was closed, the request goes on until its iterator gives something.
                raise RpcError(Code.CANCELLED, "the call was closed by this side")
            yield _frame(method, request, options)
    except Exception as error:
        failure.error = error
        raise
