"""Servers that are not there, break off, or do not speak the protocol: a clear RpcError each."""

from __future__ import annotations

import pytest
from google.protobuf.wrappers_pb2 import StringValue

from tests import raw_peers
from triwire.call.aio import AsyncCaller
from triwire.config import Endpoint
from triwire.dial.aio import dial
from triwire.dial.wires import WIRES
from triwire.errors import Code, RpcError
from triwire.spec import CallOptions
from triwire.tls import TlsOptions

HTTP_WIRES = [wire for wire in WIRES if wire != "grpc"]
CONTENT_TYPES = [
    ("connect", "application/proto"),
    ("grpc-web", "application/grpc-web+proto"),
    ("rest", "application/json"),
]


async def failure(wire: str, endpoint: str, *, timeout_seconds: float = 60.0) -> RpcError:
    transport = dial(wire, Endpoint.parse(endpoint), tls=TlsOptions(), user_agent="test/1")
    caller = AsyncCaller(transport, options=CallOptions(timeout_seconds=timeout_seconds))
    try:
        with pytest.raises(RpcError) as caught:
            await caller.unary(raw_peers.ECHO, StringValue(value="x"))
    finally:
        await caller.aclose()
    assert not caught.value.from_server
    return caught.value


def http(status: str, body: bytes, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"content-length: {len(body)}", "connection: close", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@pytest.mark.parametrize("wire", WIRES)
async def test_nobody_listening_is_unavailable(wire: str) -> None:
    error = await failure(wire, f"http://127.0.0.1:{raw_peers.unused_port()}")
    assert error.code is Code.UNAVAILABLE
    assert "refused" in error.message.lower()


@pytest.mark.parametrize("wire", WIRES)
async def test_a_host_that_does_not_resolve_is_unavailable(wire: str) -> None:
    # A resolver that does not answer is asked again, for half a minute by default.
    error = await failure(wire, "http://no-such-host.invalid", timeout_seconds=120)
    assert error.code is Code.UNAVAILABLE


@pytest.mark.parametrize("wire", WIRES)
async def test_tls_to_a_plaintext_port_is_a_mistake_and_not_unavailable(wire: str) -> None:
    with raw_peers.serving(raw_peers.plaintext) as port:
        error = await failure(wire, f"https://127.0.0.1:{port}")
    assert error.code is Code.FAILED_PRECONDITION
    assert "TLS handshake failed" in error.message
    assert "scheme" in error.message


@pytest.mark.parametrize("wire", WIRES)
async def test_a_silent_server_is_given_up_at_the_timeout(wire: str) -> None:
    with raw_peers.serving(raw_peers.silent) as port:
        error = await failure(wire, f"http://127.0.0.1:{port}", timeout_seconds=0.3)
    assert error.code is Code.DEADLINE_EXCEEDED


@pytest.mark.parametrize("wire", HTTP_WIRES)
@pytest.mark.parametrize(
    "behave",
    [
        pytest.param(raw_peers.closing, id="closed without an answer"),
        pytest.param(raw_peers.resetting, id="reset"),
    ],
)
async def test_a_connection_that_breaks_is_unavailable(
    wire: str, behave: raw_peers.Behaviour
) -> None:
    with raw_peers.serving(behave) as port:
        error = await failure(wire, f"http://127.0.0.1:{port}")
    assert error.code is Code.UNAVAILABLE


@pytest.mark.parametrize(("wire", "content_type"), CONTENT_TYPES)
async def test_half_a_body_is_unavailable(wire: str, content_type: str) -> None:
    half = f"HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\ncontent-length: 99\r\n\r\n{{"
    with raw_peers.serving(raw_peers.answering(half.encode())) as port:
        error = await failure(wire, f"http://127.0.0.1:{port}")
    assert error.code is Code.UNAVAILABLE


@pytest.mark.parametrize("wire", HTTP_WIRES)
async def test_a_peer_that_does_not_speak_http_is_internal(wire: str) -> None:
    with raw_peers.serving(raw_peers.answering(b"SSH-2.0-OpenSSH_9.2\r\n")) as port:
        error = await failure(wire, f"http://127.0.0.1:{port}")
    assert error.code is Code.INTERNAL


@pytest.mark.parametrize("wire", HTTP_WIRES)
@pytest.mark.parametrize(
    ("status", "code"),
    [
        ("502 Bad Gateway", Code.UNAVAILABLE),
        ("503 Service Unavailable", Code.UNAVAILABLE),
        ("404 Not Found", Code.UNIMPLEMENTED),
        ("403 Forbidden", Code.PERMISSION_DENIED),
    ],
)
async def test_html_from_a_proxy_is_an_error_that_says_so(
    wire: str, status: str, code: Code
) -> None:
    page = http(status, b"<html><body>nginx</body></html>", "content-type: text/html")
    with raw_peers.serving(raw_peers.answering(page)) as port:
        error = await failure(wire, f"http://127.0.0.1:{port}")
    assert error.code is code
    assert "text/html" in error.message
    assert status.partition(" ")[0] in error.message


@pytest.mark.parametrize("wire", HTTP_WIRES)
async def test_html_with_status_200_is_no_success(wire: str) -> None:
    page = http("200 OK", b"<html>login</html>", "content-type: text/html")
    with raw_peers.serving(raw_peers.answering(page)) as port:
        error = await failure(wire, f"http://127.0.0.1:{port}")
    assert error.code in {Code.UNKNOWN, Code.INTERNAL}
    assert "text/html" in error.message


@pytest.mark.parametrize("wire", HTTP_WIRES)
async def test_a_redirect_is_not_followed(wire: str) -> None:
    with raw_peers.serving(raw_peers.answering(http("200 OK", b"{}"))) as target:
        moved = http("307 Temporary Redirect", b"", f"location: http://127.0.0.1:{target}/")
        with raw_peers.serving(raw_peers.answering(moved)) as port:
            error = await failure(wire, f"http://127.0.0.1:{port}")
    assert error.code is Code.UNKNOWN
    assert "307" in error.message


@pytest.mark.parametrize(
    ("wire", "body", "content_type"),
    [
        pytest.param("connect", b"\xff\xff", "application/proto", id="connect"),
        pytest.param("rest", b'{"value": ', "application/json", id="rest"),
    ],
)
async def test_a_body_that_is_no_message_is_internal(
    wire: str, body: bytes, content_type: str
) -> None:
    answer = http("200 OK", body, f"content-type: {content_type}")
    with raw_peers.serving(raw_peers.answering(answer)) as port:
        error = await failure(wire, f"http://127.0.0.1:{port}")
    assert error.code is Code.INTERNAL


async def test_an_http1_server_is_no_grpc_server() -> None:
    with raw_peers.serving(raw_peers.answering(http("400 Bad Request", b""))) as port:
        error = await failure("grpc", f"http://127.0.0.1:{port}")
    assert error.code is Code.UNAVAILABLE
