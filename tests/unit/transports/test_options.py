"""Settings of a wire refuse what makes no sense, and say what they allow."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.wrappers_pb2 import BytesValue

from triwire.errors import Code, RpcError
from triwire.transports.options import (
    ConnectionOptions,
    WireOptions,
    check_request,
    check_response,
    is_compressed,
    request_writer,
    written_request,
)

SIZES = ("gzip_requests_from_bytes", "max_request_bytes", "max_response_bytes")


def sized(name: str, size: Any) -> WireOptions:
    return WireOptions(**{name: size})


@pytest.mark.parametrize("name", SIZES)
@pytest.mark.parametrize("size", ["1", 1.0, True])
def test_a_size_is_an_int(name: str, size: Any) -> None:
    with pytest.raises(TypeError, match=f"{name} must be a number of bytes or None"):
        sized(name, size)


@pytest.mark.parametrize(
    ("name", "size"),
    [("gzip_requests_from_bytes", -1), ("max_request_bytes", 0), ("max_response_bytes", 0)],
)
def test_a_size_below_the_lowest_is_refused(name: str, size: int) -> None:
    with pytest.raises(ValueError, match=f"{name} must be {size + 1} or more, got {size}"):
        sized(name, size)


def test_a_request_at_the_limit_goes_and_one_above_it_does_not() -> None:
    options = WireOptions(max_request_bytes=5)
    assert len(written_request(options, BytesValue(value=b"abc"))) == 5
    with pytest.raises(RpcError, match="6 bytes, more than max_request_bytes=5") as caught:
        written_request(options, BytesValue(value=b"abcd"))
    assert (caught.value.code, caught.value.from_server) == (Code.RESOURCE_EXHAUSTED, False)


@pytest.mark.parametrize("limit", [5, None])
def test_a_writer_made_once_keeps_the_limit(limit: int | None) -> None:
    write = request_writer(WireOptions(max_request_bytes=limit))
    assert write(BytesValue(value=b"abc")) == b"\n\x03abc"
    if limit is not None:
        with pytest.raises(RpcError, match="6 bytes, more than max_request_bytes=5"):
            write(BytesValue(value=b"abcd"))


def test_a_response_at_the_limit_is_taken_and_one_above_it_is_not() -> None:
    options = WireOptions(max_response_bytes=3)
    check_response(options, b"abc")
    with pytest.raises(RpcError, match="max_response_bytes=3") as caught:
        check_response(options, b"abcd")
    assert (caught.value.code, caught.value.from_server) == (Code.RESOURCE_EXHAUSTED, False)


def test_requests_are_compressed_from_the_threshold_on() -> None:
    options = WireOptions(gzip_requests_from_bytes=3)
    assert [is_compressed(options, b"a" * size) for size in (2, 3, 4)] == [False, True, True]
    assert is_compressed(WireOptions(gzip_requests_from_bytes=0), b"")


def test_nothing_is_compressed_or_limited_by_default() -> None:
    options = WireOptions()
    assert not is_compressed(options, b"a" * 10_000_000)
    check_request(options, b"a" * 10_000_000)
    check_response(options, b"a" * 10_000_000)


AGES = ("idle_seconds", "max_age_seconds", "tcp_keepalive_seconds", "ping_seconds")


def aged(name: str, seconds: Any) -> ConnectionOptions:
    return ConnectionOptions(**{name: seconds})


@pytest.mark.parametrize("name", AGES)
def test_an_age_is_a_number_of_at_least_a_second_or_none(name: str) -> None:
    assert getattr(aged(name, None), name) is None
    assert getattr(aged(name, 1), name) == 1
    for no_number in ("1", True):
        with pytest.raises(TypeError, match=f"{name} must be a number of seconds or None"):
            aged(name, no_number)
    for wrong in (0, 0.9, -1, float("inf"), float("nan")):
        with pytest.raises(ValueError, match=f"{name} must be 1 or more and finite"):
            aged(name, wrong)
