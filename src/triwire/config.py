"""Where a server is and by which proxy. The one module that reads the environment."""

from __future__ import annotations

import ipaddress
import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Endpoint", "Proxy", "first_set", "proxy_for", "system_ca_file"]

_FORM: Final = '"https://host[:port][/prefix]" or "http://host[:port][/prefix]"'
_DEFAULT_PORT: Final = {"https": 443, "http": 80}
# curl's defaults, https://curl.se/docs/manpage.html#-x
_PROXY_PORTS: Final = {"http": 1080, "https": 443, "socks5": 1080, "socks5h": 1080}
# Letters, digits, hyphen and underscore: underscores are no DNS host names, but container
# networks use them.
_HOST: Final = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(\.(?!-)[A-Za-z0-9_-]{1,63})*\.?")
_MAX_HOST_CHARACTERS: Final = 253  # RFC 1035 section 2.3.4
_PREFIX: Final = re.compile(r"(/[A-Za-z0-9._~!$&'()*+,;=:@%-]+)*")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Address of a server.

    Attributes:
        scheme: "https" or "http".
        host: Host name, IPv4 address, or IPv6 address without brackets.
        port: TCP port.
        path_prefix: "" or "/a/b": put before the path of every call, on every wire.
    """

    scheme: str
    host: str
    port: int
    path_prefix: str = ""

    @classmethod
    def parse(cls, text: str) -> Endpoint:
        """Read an endpoint from its URL.

        Raises:
            TypeError: `text` is no str.
            ValueError: it is no such URL; the message says what is wrong and what fits.
        """
        if not isinstance(text, str):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers without a type checker
            message = f"endpoint must be a str such as {_FORM}, got {type(text).__name__}"
            raise TypeError(message)
        try:
            parts = urlsplit(text)
            port = parts.port
        except ValueError as error:
            raise _malformed(text, str(error)) from error
        if parts.scheme not in _DEFAULT_PORT:
            raise _malformed(text, "the scheme must be https or http")
        if "@" in parts.netloc:
            # The text is not shown: what stands before the @ may be a password.
            message = f"endpoint must not hold user or password: expected {_FORM}; use token="
            raise ValueError(message)
        if parts.query or parts.fragment or text.endswith(("?", "#")):
            raise _malformed(text, "it must not have a query or a fragment")
        host = parts.hostname or ""
        if not _is_host(host, bracketed=parts.netloc.startswith("[")):
            raise _malformed(text, f"{host!r} is no host name or address")
        prefix = parts.path.rstrip("/")
        segments = prefix.split("/")
        if not _PREFIX.fullmatch(prefix) or "." in segments or ".." in segments:
            raise _malformed(text, f"{parts.path!r} is no plain path prefix")
        if port is None:
            port = _DEFAULT_PORT[parts.scheme]
        if port == 0:
            raise _malformed(text, "the port must be 1 to 65535")
        return cls(parts.scheme, host, port, prefix)

    @property
    def authority(self) -> str:
        """Host and port, an IPv6 host in brackets, the port left out where it is the default."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORT[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """The endpoint as a URL without a slash at its end."""
        return f"{self.scheme}://{self.authority}{self.path_prefix}"

    @property
    def is_loopback(self) -> bool:
        """Whether the host is this machine by its name or address alone."""
        if self.host == "localhost" or self.host.endswith(".localhost"):
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


def _is_host(host: str, *, bracketed: bool) -> bool:
    if bracketed:
        try:
            ipaddress.IPv6Address(host)
        except ValueError:
            return False
        return True
    return bool(_HOST.fullmatch(host)) and len(host) <= _MAX_HOST_CHARACTERS


def _malformed(text: str, reason: str) -> ValueError:
    return ValueError(f"malformed endpoint {text!r}: {reason}; expected {_FORM}")


@dataclass(frozen=True, slots=True)
class Proxy:
    """An HTTP or SOCKS proxy. What is secret of it is not shown.

    Attributes:
        scheme: "http", "https", "socks5" or "socks5h".
        host: Host name or address, IPv6 without brackets.
        port: TCP port.
        username: For basic authentication, or None.
        password: Likewise; "" without one.
    """

    scheme: str
    host: str
    port: int
    username: str | None = field(default=None, repr=False)
    password: str = field(default="", repr=False)

    @property
    def url(self) -> str:
        """The proxy's URL without credentials."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"

    @property
    def secret_url(self) -> str:
        """The proxy's URL with credentials; not to be shown."""
        if self.username is None:
            return self.url
        credentials = f"{quote(self.username, safe='')}:{quote(self.password, safe='')}"
        return self.url.replace("://", f"://{credentials}@", 1)


def proxy_for(endpoint: Endpoint, environ: Mapping[str, str] | None = None) -> Proxy | None:
    """Return the proxy that the environment names for an endpoint, or None for none.

    As curl does (https://everything.curl.dev/usingcurl/proxies/env.html): https_proxy or
    http_proxy by the endpoint's scheme, then all_proxy, and no_proxy for exceptions; lower case
    before upper case. This machine is never reached through a proxy, whatever they say.

    Args:
        endpoint: Where calls go.
        environ: The environment; the process's own by default.

    Raises:
        ValueError: a variable holds no URL of a proxy; names the variable, not its value.
    """
    source = os.environ if environ is None else environ
    if endpoint.is_loopback:
        return None
    names = [f"{endpoint.scheme}_proxy", f"{endpoint.scheme.upper()}_PROXY"]
    if "REQUEST_METHOD" in source and "HTTP_PROXY" in names:
        # A CGI program: the variable may be a client's header (https://httpoxy.org).
        names.remove("HTTP_PROXY")
    for name in (*names, "all_proxy", "ALL_PROXY"):
        value = first_set([name], source)
        if value is not None:
            excepted = first_set(["no_proxy", "NO_PROXY"], source) or ""
            return None if _is_excepted(endpoint, excepted) else _parsed_proxy(name, value)
    return None


def _parsed_proxy(variable: str, value: str) -> Proxy:
    try:
        parts = urlsplit(value if "://" in value else f"http://{value}")
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    host = parts.hostname or ""
    fits = parts.scheme in _PROXY_PORTS and _is_host(host, bracketed="[" in parts.netloc)
    if not fits or parts.path not in {"", "/"} or port == 0:
        # The value is not shown: it may hold a password.
        message = (
            f"{variable} in the environment is no URL of a proxy: expected "
            f'"http://[user:password@]host[:port]", or one of {", ".join(_PROXY_PORTS)}'
        )
        raise ValueError(message)
    return Proxy(
        parts.scheme,
        host,
        _PROXY_PORTS[parts.scheme] if port is None else port,
        None if parts.username is None else unquote(parts.username),
        unquote(parts.password or ""),
    )


def _is_excepted(endpoint: Endpoint, excepted: str) -> bool:
    """Whether no_proxy lists the endpoint: "*", a domain with all below it, an address, a net."""
    host = endpoint.host.lower().rstrip(".")
    for entry in re.split(r"[,\s]+", excepted.lower()):
        name, port = entry, ""
        if re.fullmatch(r"\[.*\](:\d+)?|[^:]*:\d+", entry):
            name, _, port = entry.rpartition(":") if not entry.endswith("]") else (entry, "", "")
        if port and int(port) != endpoint.port:
            continue
        name = name.strip("[]").lstrip(".").rstrip(".")
        if entry == "*" or (name and (host == name or host.endswith(f".{name}"))):
            return True
        if _is_in_network(host, name):
            return True
    return False


def _is_in_network(host: str, network: str) -> bool:
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False


def first_set(names: Sequence[str], environ: Mapping[str, str] | None = None) -> str | None:
    """Return the first non-empty value among environment variables, or None.

    Args:
        names: Variable names, the one that wins first.
        environ: The environment; the process's own by default.
    """
    source = os.environ if environ is None else environ
    for name in names:
        value = source.get(name, "").strip()
        if value:
            return value
    return None


def system_ca_file() -> str | None:
    """Path of the system's CA bundle as OpenSSL finds it (SSL_CERT_FILE first), or None."""
    import ssl

    return ssl.get_default_verify_paths().cafile
