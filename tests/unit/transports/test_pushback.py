"""Server pushback in its forms, on each wire's error."""

from __future__ import annotations

import pytest
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from hypothesis import given
from hypothesis import strategies as st

from triwire._http import HttpResponse
from triwire.errors import Code, RpcError
from triwire.transports.connect import wire as connect
from triwire.transports.grpc import wire as grpc
from triwire.transports.pushback import grpc_pushback_seconds, retry_after_seconds
from triwire.transports.rest.error_body import error_from_body

DATE = "Sat, 21 Nov 2026 10:00:00 GMT"
PEER = "Error received from peer"


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        pytest.param("3", 3.0, id="seconds"),
        pytest.param("0", 0.0, id="now"),
        pytest.param("Sat, 21 Nov 2026 10:00:07 GMT", 7.0, id="date"),
        pytest.param("Sat, 21 Nov 2026 09:00:00 GMT", 0.0, id="date that has been"),
        pytest.param("", None, id="none"),
        pytest.param("-1", None, id="negative"),
        pytest.param("soon", None, id="neither"),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str, seconds: float | None) -> None:
    assert retry_after_seconds(header, DATE) == seconds


@given(st.text(max_size=40), st.text(max_size=40))
def test_no_header_makes_an_error_of_its_own(header: str, date: str) -> None:
    found = retry_after_seconds(header, date)
    assert found is None or found >= 0.0


@pytest.mark.parametrize(
    ("value", "seconds"), [("1500", 1.5), ("0", 0.0), ("-1", -1.0), ("x", -1.0), ("", -1.0)]
)
def test_grpc_pushback_that_is_no_number_means_never(value: str, seconds: float) -> None:
    assert grpc_pushback_seconds(value) == seconds


def connect_error(*headers: tuple[str, str], body: bytes = b'{"code":"unavailable"}') -> RpcError:
    pairs = [("content-type", "application/json"), ("date", DATE), *headers]
    with pytest.raises(RpcError) as caught:
        connect.raw_response(HttpResponse(503, pairs, body))
    return caught.value


def test_connect_and_rest_read_retry_after() -> None:
    assert connect_error(("retry-after", "2")).retry_delay_seconds == 2.0
    assert connect_error().retry_delay_seconds is None
    rest = error_from_body(HttpResponse(429, [("retry-after", "2"), ("date", DATE)], b""))
    assert rest.retry_delay_seconds == 2.0


def test_grpc_reads_its_own_trailer() -> None:
    trailers = [("grpc-retry-pushback-ms", "250")]
    error = grpc.rpc_error(14, "busy", PEER, trailers, seconds=None)
    assert error.retry_delay_seconds == 0.25


def test_retry_info_comes_before_a_header() -> None:
    info = RetryInfo()
    info.retry_delay.FromMilliseconds(100)
    status = Status(code=int(Code.UNAVAILABLE))
    status.details.add().Pack(info)
    trailers: list[tuple[str, str | bytes]] = [
        ("grpc-retry-pushback-ms", "9000"),
        ("grpc-status-details-bin", status.SerializeToString()),
    ]
    error = grpc.rpc_error(14, "busy", PEER, trailers, seconds=None)
    assert error.retry_delay_seconds == pytest.approx(0.1)
