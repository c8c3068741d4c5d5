"""What both colours of the gRPC transport share. Pure; grpc is imported by its callers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from triwire.errors import Code, RpcError, from_status
from triwire.transports.failures import NotConnectedError, connect_error, timeout_error
from triwire.transports.metadata import application_metadata
from triwire.transports.pushback import grpc_pushback_seconds, with_pushback

if TYPE_CHECKING:
    from collections.abc import Iterable

    from triwire.config import Endpoint, Proxy
    from triwire.spec import Pairs
    from triwire.transports.options import ConnectionOptions, WireOptions

__all__ = [
    "LOCALLY_CANCELLED",
    "channel_options",
    "check_options",
    "check_proxy",
    "missing_message",
    "rpc_error",
    "server_date",
    "target",
    "timeout_seconds",
]

_FOREVER: Final = 2**31 - 1  # grpcio's INT_MAX, "infinite" in its channel arguments

_STATUS_DETAILS: Final = "grpc-status-details-bin"
_PUSHBACK: Final = "grpc-retry-pushback-ms"

# Who made a status, the server or grpcio? No release says: 1.71 writes "Error received from
# peer" into the debug text of both, 1.85 of neither. It is the server's, unless code and words
# are those that grpcio itself uses (out of both releases' libraries, and tested over sockets).
_OWN_CODES: Final = frozenset(
    {
        Code.CANCELLED,
        Code.UNKNOWN,
        Code.DEADLINE_EXCEEDED,
        Code.RESOURCE_EXHAUSTED,
        Code.INTERNAL,
        Code.UNAVAILABLE,
    }
)
_OWN_WORDS: Final = re.compile(
    r"failed to connect|DNS resolution failed|errors resolving|empty address list"
    r"|Connection reset by peer"
    r"|Socket closed|Broken pipe|[Tt]ransport closed|Stream removed|GOAWAY|Too many pings"
    r"|[Kk]eepalive|ping timeout|No status received|Cancelling all calls"
    r"|received metadata size exceeds|^(?!SERVER: ).*message larger than max"
    r"|^Deadline Exceeded$|^Internal error from Core$"
)
_NOT_CONNECTED: Final = re.compile(
    r"failed to connect to all|DNS resolution failed|errors resolving|empty address list"
)
# An HTTP answer that is no gRPC answer at all, which grpcio reports as if the server had said so.
_NOT_GRPC: Final = re.compile(r"Received http2 header with status: (\d+)|Received RST_STREAM")


def target(endpoint: Endpoint) -> str:
    """Return the endpoint as a gRPC name (grpc/grpc doc/naming.md)."""
    if ":" in endpoint.host:
        return f"ipv6:[{endpoint.host}]:{endpoint.port}"
    return f"dns:///{endpoint.host}:{endpoint.port}"


def channel_options(
    user_agent: str,
    options: WireOptions,
    connections: ConnectionOptions,
    proxy: Proxy | None = None,
) -> list[tuple[str, str | int]]:
    """Return the channel's settings.

    Message sizes are unlimited unless asked for, as on the other wires: List has no pages, and
    grpcio's default of 4 MiB would make one wire fail where three succeed. Attempts are counted by
    the call loop alone, so grpcio's own retries are off; a lost server is tried again within
    seconds, not after grpcio's default of up to two minutes.
    """
    limit = options.max_response_bytes
    by_proxy: tuple[str, str | int] = (
        # Without it grpcio reads the environment by its own rules: no upper-case variables, one
        # proxy for http and https, and this machine is reached through it too.
        ("grpc.enable_http_proxy", 0) if proxy is None else ("grpc.http_proxy", proxy.secret_url)
    )
    idle, ping = connections.idle_seconds, connections.ping_seconds
    times: list[tuple[str, str | int]] = [
        ("grpc.client_idle_timeout_ms", _FOREVER if idle is None else int(idle * 1000))
    ]
    if ping is not None:
        times.append(("grpc.keepalive_time_ms", int(ping * 1000)))
    return [
        by_proxy,
        *times,
        ("grpc.primary_user_agent", user_agent),
        ("grpc.max_receive_message_length", -1 if limit is None else limit),
        ("grpc.max_send_message_length", -1),
        ("grpc.enable_retries", 0),
        # grpcio shares connections between channels to one address. A response header that it
        # cannot read (an unknown grpc-encoding) then fails later calls of other clients too
        # (seen in the conformance suite, 1.85), and no other wire shares.
        ("grpc.use_local_subchannel_pool", 1),
        ("grpc.initial_reconnect_backoff_ms", 200),
        ("grpc.min_reconnect_backoff_ms", 1000),
        ("grpc.max_reconnect_backoff_ms", 5000),
    ]


def timeout_seconds(seconds: float | None) -> float | None:
    """Return the timeout to give to grpcio.

    One millisecond less: grpcio rounds up, and 2.0 may go out as 2010 ms.

    Raises:
        RpcError: DEADLINE_EXCEEDED when no time is left.
    """
    if seconds is None:
        return None
    if seconds <= 0:
        raise timeout_error(seconds)
    return max(seconds - 0.001, 0.001)


def check_options(options: WireOptions) -> None:
    """Refuse what grpcio cannot do.

    Raises:
        ValueError: another codec than protobuf binary.
    """
    if options.codec.name != "proto":
        raise ValueError(f"codec {options.codec.name!r}: gRPC takes protobuf binary only")


def check_proxy(proxy: Proxy | None) -> None:
    """Refuse a proxy that grpcio cannot use.

    Raises:
        ValueError: it is no plain HTTP proxy.
    """
    if proxy is not None and proxy.scheme != "http":
        message = f"gRPC takes http:// proxies only, and the environment names {proxy.url!r}"
        raise ValueError(message)


# How grpcio words a cancellation that this side asked for (1.71 to 1.85), the one way to tell
# it from a server's status CANCELLED.
LOCALLY_CANCELLED: Final = "Locally cancelled by application!"

# The text of the status that grpcio invents when a request cannot be written.
FAILED_WRITE: Final = "Internal error from Core"


def missing_message(path: str) -> RpcError:
    """Return the error for status OK without a message (gRPC: a unary method must send one)."""
    return RpcError(Code.UNIMPLEMENTED, f"the server answered {path} with no message")


def server_date(metadata: Pairs) -> str:
    """Return the Date header, which proxies add to a gRPC response as to any other."""
    return next((str(value) for key, value in metadata if key == "date"), "")


def rpc_error(
    number: int,
    details: str | None,
    debug: str | None,
    trailers: Iterable[tuple[str, str | bytes]] | None,
    *,
    seconds: float | None,
    headers: Iterable[tuple[str, str | bytes]] | None = None,
) -> RpcError:
    """Return the RpcError for a gRPC status.

    Args:
        number: Status code, any integer.
        details: The status message.
        debug: grpcio's debug text.
        trailers: Trailing metadata, with grpc-status-details-bin where the server sent it.
        seconds: The timeout that the call had, for the text of DEADLINE_EXCEEDED.
        headers: Initial metadata, where it came.
    """
    pairs = tuple(trailers or ())
    by_name = dict(pairs)
    error = _error(Code.from_number(number), details or "", debug or "", by_name, seconds)
    error.headers = application_metadata(headers or ()).pairs
    error.trailers = application_metadata(pairs).pairs
    pushback = by_name.get(_PUSHBACK)
    delay = grpc_pushback_seconds(pushback) if isinstance(pushback, str) else None
    return with_pushback(error, delay)


def _error(
    code: Code,
    text: str,
    debug: str,
    trailers: dict[str, str | bytes],
    seconds: float | None,
) -> RpcError:
    packed = trailers.get(_STATUS_DETAILS)
    rich = _rich_error(packed, code, text) if packed is not None else None
    if rich is not None:
        return rich
    if _is_from_server(code, text):
        return RpcError(code, text, from_server=True)
    if code is Code.DEADLINE_EXCEEDED:
        return timeout_error(seconds)
    if code is not Code.UNAVAILABLE:
        return RpcError(code, text)
    failed = connect_error(text, debug)
    if failed is None and _NOT_CONNECTED.search(text):
        return NotConnectedError(text)
    return failed or RpcError(code, text)


def _is_from_server(code: Code, text: str) -> bool:
    if _NOT_GRPC.search(text):
        return False
    return code not in _OWN_CODES or not _OWN_WORDS.search(text)


def _rich_error(value: str | bytes, code: Code, text: str) -> RpcError | None:
    from google.protobuf.message import DecodeError
    from google.rpc.status_pb2 import Status

    try:
        status = Status.FromString(value if isinstance(value, bytes) else value.encode())
    except DecodeError:
        return None
    # gRPC's "Richer error model": code and message repeat grpc-status and grpc-message, which
    # win where they disagree, since every client sees those.
    status.code = int(code)
    status.message = text
    return from_status(status)
