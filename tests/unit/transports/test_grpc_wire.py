"""What grpcio reports, turned into RpcErrors."""

from __future__ import annotations

import pytest
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status

from triwire.config import Endpoint
from triwire.errors import Code, RpcError
from triwire.transports.grpc import wire
from triwire.transports.options import ConnectionOptions, WireOptions

PEER = "UNKNOWN:Error received from peer ipv4:127.0.0.1:1 {grpc_status:5}"


@pytest.mark.parametrize(
    ("endpoint", "target"),
    [
        ("http://h:1", "dns:///h:1"),
        ("https://h", "dns:///h:443"),
        ("http://[::1]:5", "ipv6:[::1]:5"),
    ],
)
def test_endpoints_become_grpc_names(endpoint: str, target: str) -> None:
    assert wire.target(Endpoint.parse(endpoint)) == target


def test_a_status_from_the_peer_is_the_servers() -> None:
    error = wire.rpc_error(5, "gone", PEER, (), seconds=None)
    assert (error.code, error.message, error.from_server) == (Code.NOT_FOUND, "gone", True)


def test_details_come_from_the_rich_status_and_the_code_from_grpc_status() -> None:
    status = Status(code=13, message="other")
    status.details.add().Pack(ErrorInfo(reason="r"))
    trailers = [("grpc-status-details-bin", status.SerializeToString())]
    error = wire.rpc_error(9, "no", PEER, trailers, seconds=None)
    assert (error.code, error.message) == (Code.FAILED_PRECONDITION, "no")
    assert error.details == (ErrorInfo(reason="r"),)


@pytest.mark.parametrize("value", [b"\xff\xff", "text"])
def test_undecodable_details_do_not_hide_the_error(value: str | bytes) -> None:
    trailers = [("grpc-status-details-bin", value)]
    error = wire.rpc_error(5, "gone", PEER, trailers, seconds=None)
    assert (error.code, error.message, error.details) == (Code.NOT_FOUND, "gone", ())


def test_a_deadline_of_our_own_names_the_timeout() -> None:
    error = wire.rpc_error(4, "Deadline Exceeded", "created locally", None, seconds=1.5)
    assert (error.code, error.from_server) == (Code.DEADLINE_EXCEEDED, False)
    assert "1.5 s" in error.message


def test_a_deadline_that_the_server_reports_keeps_its_words() -> None:
    error = wire.rpc_error(4, "too slow", PEER, None, seconds=1.5)
    assert (error.message, error.from_server) == ("too slow", True)


@pytest.mark.parametrize(
    ("code", "text"),
    [
        pytest.param(Code.NOT_FOUND, "gone", id="a code that grpcio never makes"),
        pytest.param(Code.UNAVAILABLE, "overloaded", id="words that are not grpcio's"),
        pytest.param(Code.DEADLINE_EXCEEDED, "too slow", id="a deadline of the server's own"),
        pytest.param(Code.INTERNAL, "", id="no words"),
    ],
)
@pytest.mark.parametrize("debug", ["UNKNOWN:Error received from peer", "no such mark"])
def test_a_status_in_other_words_is_the_servers(code: Code, text: str, debug: str) -> None:
    error = wire.rpc_error(int(code), text, f"{debug}: {text}", (), seconds=1)
    assert (error.code, error.message, error.from_server) == (code, text, True)


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (Code.UNAVAILABLE, "failed to connect to all addresses; last error: UNKNOWN: refused"),
        (Code.UNAVAILABLE, "Stream removed (Socket closed)"),
        (Code.UNAVAILABLE, "DNS resolution failed for no-such-host.invalid:80: not found"),
        (Code.UNAVAILABLE, "errors resolving no-such-host.invalid:80: Domain name not found"),
        (Code.DEADLINE_EXCEEDED, "Deadline Exceeded"),
    ],
)
@pytest.mark.parametrize("debug", ["UNKNOWN:Error received from peer", "no such mark"])
def test_grpcios_own_words_are_not_the_servers(code: Code, text: str, debug: str) -> None:
    """Whatever its debug text says: grpcio 1.71 marks its own errors as the peer's."""
    error = wire.rpc_error(int(code), text, f"{debug}: {text}", (), seconds=1)
    assert (error.code, error.from_server) == (code, False)


def test_a_failed_handshake_is_not_unavailable() -> None:
    error = wire.rpc_error(14, "failed to connect", "SSL_ERROR_SSL: WRONG_VERSION", (), seconds=1)
    assert error.code is Code.FAILED_PRECONDITION


def test_an_http_answer_that_is_no_grpc_answer_is_not_the_servers() -> None:
    text = "Received http2 header with status: 502"
    error = wire.rpc_error(14, text, f"Error received from peer: {text}", (), seconds=1)
    assert (error.code, error.from_server) == (Code.UNAVAILABLE, False)


def test_a_number_beyond_the_codes_is_unknown() -> None:
    assert wire.rpc_error(99, None, PEER, None, seconds=None).code is Code.UNKNOWN


@pytest.mark.parametrize(("given", "passed"), [(None, None), (2.0, 1.999), (0.0005, 0.001)])
def test_timeouts_leave_room_for_grpcios_rounding(
    given: float | None, passed: float | None
) -> None:
    assert wire.timeout_seconds(given) == (passed if passed is None else pytest.approx(passed))


def test_no_time_left_fails_before_any_io() -> None:
    with pytest.raises(RpcError) as caught:
        wire.timeout_seconds(0)
    assert caught.value.code is Code.DEADLINE_EXCEEDED


def test_ages_of_connections_become_channel_options() -> None:
    given = dict(
        wire.channel_options(
            "a/1", WireOptions(), ConnectionOptions(idle_seconds=1.5, ping_seconds=300)
        )
    )
    assert given["grpc.client_idle_timeout_ms"] == 1500
    assert given["grpc.keepalive_time_ms"] == 300_000
    none = dict(wire.channel_options("a/1", WireOptions(), ConnectionOptions(idle_seconds=None)))
    assert none["grpc.client_idle_timeout_ms"] == 2**31 - 1
    assert "grpc.keepalive_time_ms" not in none
