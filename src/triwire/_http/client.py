"""Clients: whole responses, and streams to be opened."""

from __future__ import annotations

import asyncio
import threading
import time
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Literal

from triwire._home import enter_process, other_loop_error
from triwire._http.failures import network_error
from triwire._http.response import BoundedBody, HttpResponse
from triwire._http.stream import AsyncHttpStream, HttpStream
from triwire.cancellation import entered, given_up_by, given_up_error
from triwire.errors import RpcError
from triwire.transports.failures import closed_error, timeout_error
from triwire.transports.options import ConnectionOptions
from triwire.transports.renewal import Renewal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence

    import pyqwest

    from triwire.config import Proxy
    from triwire.tls import TlsOptions

__all__ = ["AsyncHttp", "Http"]


def _proxy(proxy: Proxy | None) -> pyqwest.Proxy:
    import pyqwest

    if proxy is None:
        # The only way to keep pyqwest 0.12 from reading the environment by its own rules, by
        # which this machine is reached through a proxy too. "*" is for names only.
        return pyqwest.Proxy("http://127.0.0.1:9", no_proxy="*,0.0.0.0/0,::/0")
    auth = None if proxy.username is None else (proxy.username, proxy.password)
    # Credentials beside the URL, which errors may quote.
    return pyqwest.Proxy(proxy.url, auth=auth)


def transport_settings(
    tls: TlsOptions,
    http_version: Literal[1, 2] | None,
    proxy: Proxy | None,
    connections: ConnectionOptions,
) -> dict[str, Any]:
    """Return the arguments of pyqwest's transports."""
    import pyqwest

    versions = {1: pyqwest.HTTPVersion.HTTP1, 2: pyqwest.HTTPVersion.HTTP2}
    return {
        "http_version": None if http_version is None else versions[http_version],
        "tls_cert": tls.client_certificate,
        "tls_key": tls.client_key,
        "tls_ca_cert": tls.ca_certificates,
        "tls_include_system_certs": tls.ca_certificates is None,
        "proxy": _proxy(proxy),
        "pool_idle_timeout": connections.idle_seconds,
        "tcp_keepalive_interval": connections.tcp_keepalive_seconds,
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


async def _bounded(stream: AsyncHttpStream, max_message_bytes: int) -> HttpResponse:
    try:
        body = BoundedBody(await stream.open(), max_message_bytes)
        while (chunk := await stream.read()) is not None:
            body.add(chunk)
    finally:
        await stream.aclose()
    return body.response()


def _sync_bounded(stream: HttpStream, max_message_bytes: int) -> HttpResponse:
    try:
        body = BoundedBody(stream.open(), max_message_bytes)
        while (chunk := stream.read()) is not None:
            body.add(chunk)
    finally:
        stream.close()
    return body.response()


class AsyncHttp:
    """Sends HTTP requests from coroutines. Made without I/O; connects on first use.

    Args:
        tls: How the server is trusted; files that change make new connections trust anew.
        proxy: What stands between, or None; the environment is not read.
        connections: How long they are kept.
        now: Seconds since an arbitrary start, for ages.
        http_version: 1, 2 (over plaintext too, without asking first), or None for what TLS
            negotiates and HTTP/1.1 over plaintext. Only 2 carries bidirectional streams whose
            sides take turns.
    """

    def __init__(
        self,
        tls: TlsOptions,
        *,
        proxy: Proxy | None = None,
        http_version: Literal[1, 2] | None = None,
        connections: ConnectionOptions | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connections = connections if connections is not None else ConnectionOptions()
        self._renewal = Renewal(tls, max_age_seconds=self._connections.max_age_seconds, now=now)
        self._proxy = proxy
        self._http_version: Literal[1, 2] | None = http_version
        self._transport: pyqwest.HTTPTransport | None = None
        self._client: pyqwest.Client | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False

    def client(self) -> pyqwest.Client:
        """Return the pyqwest client to send the next request with.

        Requests that run on an earlier one keep its connections open, which close with the last.

        Raises:
            RuntimeError: another event loop, or a forked process, than that of the first call.
            ValueError: this object was closed.
        """
        if self._closed:
            raise closed_error()
        loop = asyncio.get_running_loop()
        if self._loop is not None and self._loop is not loop:
            raise other_loop_error(self._loop)
        if self._renewal.is_due() or self._client is None:
            enter_process("pyqwest", self)
            self._loop = loop
            import pyqwest

            from triwire._exit import let_native_threads_out_at_exit

            let_native_threads_out_at_exit()
            settings = transport_settings(
                self._renewal.tls, self._http_version, self._proxy, self._connections
            )
            self._transport = pyqwest.HTTPTransport(**settings)
            self._client = pyqwest.Client(self._transport)
        return self._client

    async def execute(
        self,
        verb: str,
        url: str,
        *,
        headers: Sequence[tuple[str, str]],
        body: bytes | None,
        timeout_seconds: float | None,
        max_message_bytes: int | None = None,
    ) -> HttpResponse:
        """Send one request and return the whole response.

        Args:
            verb: Upper-case HTTP method.
            url: Absolute URL, percent-encoded.
            headers: Request headers.
            body: Request body, or None for none.
            timeout_seconds: Time for all of it, connecting included; None: no limit.
            max_message_bytes: Bound of what is held of the response, or None; see `BoundedBody`.

        Raises:
            RpcError: DEADLINE_EXCEEDED, UNAVAILABLE, or what `network_error` says;
                RESOURCE_EXHAUSTED above the bound.
            ValueError: this object was closed.
        """
        if max_message_bytes is not None:
            stream = self.stream(
                verb, url, headers=headers, body=body, timeout_seconds=timeout_seconds
            )
            return await _bounded(stream, max_message_bytes)
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
        body: bytes | AsyncIterator[bytes] | None,
        timeout_seconds: float | None,
    ) -> AsyncHttpStream:
        """Return a request whose response comes in pieces; not sent yet.

        Args:
            verb: Upper-case HTTP method.
            url: Absolute URL, percent-encoded.
            headers: Request headers.
            body: Request body, or None; one that is iterated goes out while the response comes in.
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


def _abandonable(send: Callable[[], pyqwest.FullResponse]) -> pyqwest.FullResponse:
    """Send a request from a thread of its own, which may be left to itself.

    Raises:
        RpcError: CANCELLED: another thread gave the call up.
    """
    answers: SimpleQueue[pyqwest.FullResponse | BaseException] = SimpleQueue()

    def run() -> None:
        try:
            answers.put(send())
        except BaseException as error:  # noqa: BLE001 - raised in the thread that waits
            answers.put(error)

    with given_up_by(lambda: answers.put(given_up_error())):
        threading.Thread(target=run, daemon=True).start()
        found = answers.get()
    if isinstance(found, BaseException):
        raise found
    return found


class Http:
    """Sends HTTP requests from threads. Made without I/O; connects on first use.

    Args:
        tls: How the server is trusted; files that change make new connections trust anew.
        proxy: What stands between, or None; the environment is not read.
        connections: How long they are kept.
        now: Seconds since an arbitrary start, for ages.
        http_version: 1, 2 (over plaintext too, without asking first), or None for what TLS
            negotiates and HTTP/1.1 over plaintext. Only 2 carries bidirectional streams whose
            sides take turns.
    """

    def __init__(
        self,
        tls: TlsOptions,
        *,
        proxy: Proxy | None = None,
        http_version: Literal[1, 2] | None = None,
        connections: ConnectionOptions | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connections = connections if connections is not None else ConnectionOptions()
        self._renewal = Renewal(tls, max_age_seconds=self._connections.max_age_seconds, now=now)
        self._proxy = proxy
        self._http_version: Literal[1, 2] | None = http_version
        self._transport: pyqwest.SyncHTTPTransport | None = None
        self._client: pyqwest.SyncClient | None = None
        self._closed = False

    def client(self) -> pyqwest.SyncClient:
        """Return the pyqwest client to send the next request with.

        Requests that run on an earlier one keep its connections open, which close with the last.

        Raises:
            RuntimeError: this process was forked after the first call of its parent.
            ValueError: this object was closed.
        """
        client = self._client
        if self._renewal.is_due() or client is None:
            if self._closed:
                raise closed_error()
            enter_process("pyqwest", self)
            import pyqwest

            # Two threads may both get here: the loser's transport has opened nothing yet.
            settings = transport_settings(
                self._renewal.tls, self._http_version, self._proxy, self._connections
            )
            self._transport = pyqwest.SyncHTTPTransport(**settings)
            client = self._client = pyqwest.SyncClient(self._transport)
        return client

    def execute(
        self,
        verb: str,
        url: str,
        *,
        headers: Sequence[tuple[str, str]],
        body: bytes | None,
        timeout_seconds: float | None,
        max_message_bytes: int | None = None,
    ) -> HttpResponse:
        """Send one request and return the whole response; arguments as in `AsyncHttp.execute`.

        Raises:
            RpcError: DEADLINE_EXCEEDED, UNAVAILABLE, or what `network_error` says;
                RESOURCE_EXHAUSTED above the bound.
            ValueError: this object was closed.
        """
        if max_message_bytes is not None:
            stream = self.stream(
                verb, url, headers=headers, body=body, timeout_seconds=timeout_seconds
            )
            return _sync_bounded(stream, max_message_bytes)
        client = self.client()
        if timeout_seconds is not None and timeout_seconds <= 0:
            raise timeout_error(timeout_seconds)
        send = partial(client.execute, verb, url, headers, body, timeout=timeout_seconds)
        try:
            response = _abandonable(send) if entered() else send()
        except RpcError:
            raise
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
        body: bytes | Iterator[bytes] | None,
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
