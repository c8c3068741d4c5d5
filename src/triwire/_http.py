"""HTTP for the wires that are made of it: a hand-written sync/async pair over pyqwest.

pyqwest's defaults are not ours (measured against 0.12): it trusts no certificate authority
unless told, follows redirects and traces by itself. Here the system's authorities or the
given ones are trusted, redirects are answers like any other, and nothing is traced.
"""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any, Final

from triwire._home import enter_process, other_loop_error
from triwire.errors import Code, RpcError
from triwire.transports.failures import closed_error, shortened, timeout_error, tls_error

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyqwest

    from triwire.config import TlsOptions

__all__ = ["AsyncHttp", "Http", "HttpResponse", "network_error"]

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


def _settings(tls: TlsOptions) -> dict[str, Any]:
    return {
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
    """Sends HTTP requests from coroutines. Made without I/O; connects on first use."""

    def __init__(self, tls: TlsOptions) -> None:
        self._tls = tls
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
            self._transport = pyqwest.HTTPTransport(**_settings(self._tls))
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

    async def aclose(self) -> None:
        """Close all connections; idempotent."""
        self._closed = True
        self._client = None
        if self._transport is not None:
            transport, self._transport = self._transport, None
            await transport.aclose()


class Http:
    """Sends HTTP requests from threads. Made without I/O; connects on first use."""

    def __init__(self, tls: TlsOptions) -> None:
        self._tls = tls
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
            self._transport = pyqwest.SyncHTTPTransport(**_settings(self._tls))
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

    def close(self) -> None:
        """Close all connections; idempotent."""
        self._closed = True
        self._client = None
        if self._transport is not None:
            transport, self._transport = self._transport, None
            transport.close()


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
