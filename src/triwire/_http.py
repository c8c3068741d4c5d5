"""HTTP for the wires that are made of it: a hand-written sync/async pair over pyqwest.

pyqwest's defaults are not ours (measured against 0.12): it trusts no certificate authority
unless told, follows redirects and traces by itself. Here the system's authorities or the
given ones are trusted, redirects are answers like any other, and nothing is traced.
"""

from __future__ import annotations

import asyncio
import re
import threading
import time
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Final, Literal

from triwire._home import enter_process, other_loop_error
from triwire.errors import Code, RpcError
from triwire.transports.failures import closed_error, shortened, timeout_error, tls_error

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    import pyqwest

    from triwire.config import TlsOptions

__all__ = [
    "AsyncHttp",
    "AsyncHttpStream",
    "Http",
    "HttpResponse",
    "HttpStream",
    "network_error",
    "reset_error",
]

_NOT_HTTP: Final = re.compile(r"invalid HTTP|http2 error|frame with invalid size", re.IGNORECASE)


class HttpResponse:
    """A whole HTTP response.

    Args:
        status: HTTP status.
        headers: Pairs in order of arrival with lower-case names, or pyqwest's own headers,
            which are turned into pairs only when somebody asks for all of them.
        body: The body, complete.

    Attributes:
        status: As above.
        body: As above.
    """

    __slots__ = ("_headers", "body", "status")

    def __init__(
        self, status: int, headers: list[tuple[str, str]] | pyqwest.Headers, body: bytes
    ) -> None:
        self.status = status
        self.body = body
        self._headers = headers

    @property
    def headers(self) -> list[tuple[str, str]]:
        """Pairs in order of arrival, names in lower case."""
        if not isinstance(self._headers, list):
            self._headers = list(self._headers.items())
        return self._headers

    def header(self, name: str) -> str:
        """Return the first value of a header by its lower-case name, "" where there is none."""
        if not isinstance(self._headers, list):
            return self._headers.get(name, "")
        return next((value for key, value in self._headers if key == name), "")


def _settings(tls: TlsOptions, http_version: Literal[1, 2] | None) -> dict[str, Any]:
    import pyqwest

    versions = {1: pyqwest.HTTPVersion.HTTP1, 2: pyqwest.HTTPVersion.HTTP2}
    return {
        "http_version": None if http_version is None else versions[http_version],
        "tls_cert": tls.client_certificate,
        "tls_key": tls.client_key,
        "tls_ca_cert": tls.ca_certificates,
        "tls_include_system_certs": tls.ca_certificates is None,
        "follow_redirects": False,
        "enable_otel": False,
        "enable_cookie_store": False,
        # Responses are asked for uncompressed: gzip halves the throughput of small calls
        # (measured, docs/adr/0002); compression by size comes with its own option.
        "enable_gzip": False,
        "enable_brotli": False,
        "enable_zstd": False,
        # The default of 2 closes connections under load and opens them again.
        "pool_max_idle_per_host": 128,
        # A second, internal limit would speak before the caller's own timeout.
        "connect_timeout": None,
    }


class AsyncHttp:
    """Sends HTTP requests from coroutines. Made without I/O; connects on first use.

    Args:
        tls: How the server is trusted.
        http_version: 1, 2 (over plaintext too, without asking first), or None for what TLS
            negotiates and HTTP/1.1 over plaintext. Only 2 carries bidirectional streams whose
            sides take turns.
    """

    def __init__(self, tls: TlsOptions, *, http_version: Literal[1, 2] | None = None) -> None:
        self._tls = tls
        self._http_version: Literal[1, 2] | None = http_version
        self._transport: pyqwest.HTTPTransport | None = None
        self._client: pyqwest.Client | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False

    def client(self) -> pyqwest.Client:
        """Return the one pyqwest client behind this object.

        Raises:
            RuntimeError: another event loop, or a forked process, than that of the first call.
            ValueError: this object was closed.
        """
        loop = asyncio.get_running_loop()
        if self._client is None:
            if self._closed:
                raise closed_error()
            enter_process("pyqwest", self)
            self._loop = loop
            import pyqwest

            from triwire._exit import let_native_threads_out_at_exit

            let_native_threads_out_at_exit()
            self._transport = pyqwest.HTTPTransport(**_settings(self._tls, self._http_version))
            self._client = pyqwest.Client(self._transport)
        elif self._loop is not None and self._loop is not loop:
            raise other_loop_error(self._loop)
        return self._client

    async def execute(
        self,
        verb: str,
        url: str,
        *,
        headers: Sequence[tuple[str, str]],
        body: bytes | None,
        timeout_seconds: float | None,
    ) -> HttpResponse:
        """Send one request and return the whole response.

        Args:
            verb: Upper-case HTTP method.
            url: Absolute URL, percent-encoded.
            headers: Request headers.
            body: Request body, or None for none.
            timeout_seconds: Time for all of it, connecting included; None: no limit.

        Raises:
            RpcError: DEADLINE_EXCEEDED, UNAVAILABLE, or what `network_error` says.
            ValueError: this object was closed.
        """
        client = self.client()
        try:
            async with asyncio.timeout(timeout_seconds):
                response = await client.execute(verb, url, headers, body)
        except TimeoutError as error:
            raise timeout_error(timeout_seconds) from error
        except Exception as error:
            raise network_error(error) from error
        return HttpResponse(response.status, response.headers, response.content)

    def forget(self) -> object:
        """Drop what is open without closing it; see `triwire._home`."""
        kept = (self._client, self._transport)
        self._client = self._transport = self._loop = None
        return kept

    def stream(
        self,
        verb: str,
        url: str,
        *,
        headers: Sequence[tuple[str, str]],
        body: bytes | AsyncIterator[bytes],
        timeout_seconds: float | None,
    ) -> AsyncHttpStream:
        """Return a request whose response comes in pieces; not sent yet.

        Args:
            verb: Upper-case HTTP method.
            url: Absolute URL, percent-encoded.
            headers: Request headers.
            body: Request body; one that is iterated goes out while the response comes in.
            timeout_seconds: Time for all of it, the response's body included; None: no limit.

        Raises:
            ValueError: this object was closed.
        """
        self.client()
        transport = self._transport
        if transport is None:
            raise closed_error()
        import pyqwest

        request = pyqwest.Request(verb, url, pyqwest.Headers(headers), body)
        return AsyncHttpStream(transport, request, timeout_seconds)

    async def aclose(self) -> None:
        """Close all connections; idempotent."""
        self._closed = True
        self._client = None
        if self._transport is not None:
            transport, self._transport = self._transport, None
            await transport.aclose()


class Http:
    """Sends HTTP requests from threads. Made without I/O; connects on first use.

    Args:
        tls: How the server is trusted.
        http_version: 1, 2 (over plaintext too, without asking first), or None for what TLS
            negotiates and HTTP/1.1 over plaintext. Only 2 carries bidirectional streams whose
            sides take turns.
    """

    def __init__(self, tls: TlsOptions, *, http_version: Literal[1, 2] | None = None) -> None:
        self._tls = tls
        self._http_version: Literal[1, 2] | None = http_version
        self._transport: pyqwest.SyncHTTPTransport | None = None
        self._client: pyqwest.SyncClient | None = None
        self._closed = False

    def client(self) -> pyqwest.SyncClient:
        """Return the one pyqwest client behind this object.

        Raises:
            RuntimeError: this process was forked after the first call of its parent.
            ValueError: this object was closed.
        """
        if self._client is None:
            if self._closed:
                raise closed_error()
            enter_process("pyqwest", self)
            import pyqwest

            # Two threads may both get here: the loser's transport has opened nothing yet.
            self._transport = pyqwest.SyncHTTPTransport(**_settings(self._tls, self._http_version))
            self._client = pyqwest.SyncClient(self._transport)
        return self._client

    def execute(
        self,
        verb: str,
        url: str,
        *,
        headers: Sequence[tuple[str, str]],
        body: bytes | None,
        timeout_seconds: float | None,
    ) -> HttpResponse:
        """Send one request and return the whole response; arguments as in `AsyncHttp.execute`.

        Raises:
            RpcError: DEADLINE_EXCEEDED, UNAVAILABLE, or what `network_error` says.
            ValueError: this object was closed.
        """
        client = self.client()
        if timeout_seconds is not None and timeout_seconds <= 0:
            raise timeout_error(timeout_seconds)
        try:
            response = client.execute(verb, url, headers, body, timeout=timeout_seconds)
        except TimeoutError as error:
            raise timeout_error(timeout_seconds) from error
        except Exception as error:
            raise network_error(error) from error
        return HttpResponse(response.status, response.headers, response.content)

    def forget(self) -> object:
        """Drop what is open without closing it; see `triwire._home`."""
        kept = (self._client, self._transport)
        self._client = self._transport = None
        return kept

    def stream(
        self,
        verb: str,
        url: str,
        *,
        headers: Sequence[tuple[str, str]],
        body: bytes | Iterator[bytes],
        timeout_seconds: float | None,
    ) -> HttpStream:
        """Return a request whose response comes in pieces; see `AsyncHttp.stream`.

        A body that is iterated is iterated in another thread.

        Raises:
            ValueError: this object was closed.
        """
        client = self.client()
        send = partial(client.stream, verb, url, headers, body, timeout=timeout_seconds)
        return HttpStream(send, timeout_seconds)

    def close(self) -> None:
        """Close all connections; idempotent."""
        self._closed = True
        self._client = None
        if self._transport is not None:
            transport, self._transport = self._transport, None
            transport.close()


class AsyncHttpStream:
    """A request whose response comes in pieces. Dropping it, or `aclose`, gives it up."""

    __slots__ = (
        "_chunks",
        "_closed",
        "_deadline",
        "_opening",
        "_request",
        "_response",
        "_timeout_seconds",
        "_transport",
    )

    def __init__(
        self,
        transport: pyqwest.HTTPTransport,
        request: pyqwest.Request,
        timeout_seconds: float | None,
    ) -> None:
        self._transport = transport
        self._request: pyqwest.Request | None = request
        self._timeout_seconds = timeout_seconds
        self._deadline: float | None = None
        self._opening: asyncio.Future[pyqwest.Response] | None = None
        self._response: pyqwest.Response | None = None
        self._chunks: AsyncIterator[Any] | None = None
        self._closed = False

    async def open(self) -> HttpResponse:
        """Send the request; return status and headers, with an empty body, when they came.

        Raises:
            RpcError: DEADLINE_EXCEEDED, CANCELLED if it was closed meanwhile, or what
                `reset_error` says.
        """
        request, self._request = self._request, None
        if request is None or self._closed:
            raise _closed_stream_error()
        if self._timeout_seconds is not None:
            self._deadline = asyncio.get_running_loop().time() + self._timeout_seconds
        try:
            async with asyncio.timeout_at(self._deadline):
                self._opening = asyncio.ensure_future(self._transport.execute(request))
                response = await self._opening
        except BaseException as error:
            raise self._translated(error) from error
        finally:
            self._opening = None
        self._response = response
        self._chunks = response.content
        if self._closed:
            # Between the arrival of the headers and this task's turn.
            await response.aclose()
            raise _closed_stream_error()
        return HttpResponse(response.status, response.headers, b"")

    async def read(self) -> bytes | None:
        """Return the next piece of the body, or None at its end.

        Raises:
            RpcError: As for `open`.
        """
        # Reading what is buffered does not suspend, so the timeout below would not see to it.
        if self._is_late(0):
            raise timeout_error(self._timeout_seconds)
        if self._chunks is None:
            raise _closed_stream_error()
        try:
            async with asyncio.timeout_at(self._deadline):
                chunk = bytes(await anext(self._chunks))
        except StopAsyncIteration:
            return None
        except BaseException as error:
            raise self._translated(error) from error
        if self._closed:
            raise _closed_stream_error()
        return chunk

    def _is_late(self, slack_seconds: float) -> bool:
        if self._deadline is None:
            return False
        return asyncio.get_running_loop().time() >= self._deadline - slack_seconds

    def _translated(self, error: BaseException) -> BaseException:
        if isinstance(error, TimeoutError):
            return timeout_error(self._timeout_seconds)
        if self._closed and isinstance(error, (Exception, asyncio.CancelledError)):
            task = asyncio.current_task()
            if isinstance(error, Exception) or task is None or not task.cancelling():
                return _closed_stream_error()
        if isinstance(error, Exception):
            late = self._is_late(_DEADLINE_SLACK_SECONDS)
            return reset_error(error, late=late, timeout_seconds=self._timeout_seconds)
        return error

    async def aclose(self) -> None:
        """Give the response up: HTTP/2 resets the stream, HTTP/1.1 closes the connection."""
        self._closed = True
        opening = self._opening
        if opening is not None:
            opening.cancel()
        if self._response is not None:
            await self._response.aclose()


class HttpStream:
    """A request whose response comes in pieces. Dropping it, or `close`, gives it up."""

    __slots__ = (
        "_chunks",
        "_closed",
        "_deadline",
        "_opened",
        "_response",
        "_send",
        "_timeout_seconds",
    )

    def __init__(
        self,
        send: Callable[[], AbstractContextManager[pyqwest.SyncResponse]],
        timeout_seconds: float | None,
    ) -> None:
        self._send: Callable[[], AbstractContextManager[pyqwest.SyncResponse]] | None = send
        self._timeout_seconds = timeout_seconds
        self._deadline: float | None = None
        self._opened: SimpleQueue[pyqwest.SyncResponse | BaseException] = SimpleQueue()
        self._response: pyqwest.SyncResponse | None = None
        self._chunks: Iterator[Any] | None = None
        self._closed = False

    def open(self) -> HttpResponse:
        """Send the request; return status and headers, with an empty body, when they came.

        A thread of its own waits for them, so that `close` can end this call at once: the
        request is then abandoned, and given up when its headers come.

        Raises:
            RpcError: DEADLINE_EXCEEDED, CANCELLED if it was closed meanwhile, or what
                `reset_error` says.
        """
        send, self._send = self._send, None
        if send is None or self._closed:
            raise _closed_stream_error()
        if self._timeout_seconds is not None:
            self._deadline = time.monotonic() + self._timeout_seconds
        abandoned = threading.Event()
        threading.Thread(
            target=_open_stream, args=(send, self._opened, abandoned), daemon=True
        ).start()
        try:
            found = self._opened.get()
        except BaseException:
            abandoned.set()
            raise
        if isinstance(found, BaseException):
            abandoned.set()
            raise self._translated(found) from found
        self._response = found
        self._chunks = found.content
        if self._closed:
            found.close()
            raise _closed_stream_error()
        return HttpResponse(found.status, found.headers, b"")

    def read(self) -> bytes | None:
        """Return the next piece of the body, or None at its end.

        Raises:
            RpcError: As for `open`.
        """
        if self._is_late(0):
            raise timeout_error(self._timeout_seconds)
        if self._chunks is None:
            raise _closed_stream_error()
        try:
            chunk = bytes(next(self._chunks))
        except StopIteration:
            return None
        except Exception as error:
            raise self._translated(error) from error
        if self._closed:
            raise _closed_stream_error()
        return chunk

    def _is_late(self, slack_seconds: float) -> bool:
        return self._deadline is not None and time.monotonic() >= self._deadline - slack_seconds

    def _translated(self, error: BaseException) -> BaseException:
        if isinstance(error, TimeoutError):
            return timeout_error(self._timeout_seconds)
        if self._closed:
            return _closed_stream_error()
        if isinstance(error, Exception):
            late = self._is_late(_DEADLINE_SLACK_SECONDS)
            return reset_error(error, late=late, timeout_seconds=self._timeout_seconds)
        return error

    def close(self) -> None:
        """Give the response up: HTTP/2 resets the stream, HTTP/1.1 closes the connection."""
        self._closed = True
        if self._response is not None:
            self._response.close()
        else:
            self._opened.put(_closed_stream_error())


def _open_stream(
    send: Callable[[], AbstractContextManager[pyqwest.SyncResponse]],
    opened: SimpleQueue[pyqwest.SyncResponse | BaseException],
    abandoned: threading.Event,
) -> None:
    try:
        response = send().__enter__()
    except BaseException as error:  # noqa: BLE001 - raised in the thread that waits
        opened.put(error)
        return
    if abandoned.is_set():
        response.close()
    opened.put(response)


def _closed_stream_error() -> RpcError:
    return RpcError(Code.CANCELLED, "the call was closed by this side")


# A server that resets the stream at the deadline may be heard before our own timer is.
_DEADLINE_SLACK_SECONDS: Final = 0.02


# gRPC over HTTP/2, "HTTP2 Transport Mapping", "Errors"; names as pyqwest spells them.
_CODE_OF_RESET: Final = {
    "NO_ERROR": Code.INTERNAL,
    "PROTOCOL_ERROR": Code.INTERNAL,
    "INTERNAL_ERROR": Code.INTERNAL,
    "FLOW_CONTROL_ERROR": Code.INTERNAL,
    "SETTINGS_TIMEOUT": Code.INTERNAL,
    "FRAME_SIZE_ERROR": Code.INTERNAL,
    "COMPRESSION_ERROR": Code.INTERNAL,
    "CONNECT_ERROR": Code.INTERNAL,
    "REFUSED_STREAM": Code.UNAVAILABLE,
    "CANCEL": Code.CANCELLED,
    "ENHANCE_YOUR_CALM": Code.RESOURCE_EXHAUSTED,
    "INADEQUATE_SECURITY": Code.PERMISSION_DENIED,
}


def reset_error(error: Exception, *, late: bool, timeout_seconds: float | None) -> RpcError:
    """Return the RpcError for an exception of pyqwest's while a response streams.

    As `network_error`, but a reset HTTP/2 stream has the code that gRPC gives its reason.

    Args:
        error: What pyqwest raised.
        late: Whether the deadline is there, so that a cancelled stream means that.
        timeout_seconds: The timeout of the call, for the text.
    """
    import pyqwest

    if isinstance(error, pyqwest.StreamError):
        code = _CODE_OF_RESET.get(error.code.name)
        if code is Code.CANCELLED and late:
            return timeout_error(timeout_seconds)
        if code is not None:
            return RpcError(code, f"the server reset the stream: {shortened(str(error))}")
    return network_error(error)


def network_error(error: Exception) -> RpcError:
    """Return the RpcError that an exception of pyqwest's stands for.

    UNAVAILABLE where the server could not be reached or the connection broke;
    FAILED_PRECONDITION for a failed TLS handshake; INTERNAL for a peer that does not speak
    HTTP and for anything else, which is a bug of this side.
    """
    text = str(error)
    found = tls_error(text)
    if found is not None:
        return found
    if isinstance(error, TimeoutError):
        return RpcError(Code.UNAVAILABLE, f"cannot connect: {shortened(text)}")
    import pyqwest

    if isinstance(error, ConnectionError):
        return RpcError(Code.UNAVAILABLE, f"cannot connect: {shortened(text)}")
    broken = (
        pyqwest.ReadError,
        pyqwest.WriteError,
        pyqwest.RemoteProtocolError,
        pyqwest.StreamError,
    )
    if isinstance(error, broken):
        if _NOT_HTTP.search(text):
            return RpcError(Code.INTERNAL, f"the peer does not speak HTTP: {shortened(text)}")
        return RpcError(Code.UNAVAILABLE, f"connection broke: {shortened(text)}")
    return RpcError(Code.INTERNAL, f"cannot send the request: {type(error).__name__}: {text}")
