from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from triwire.watch.stamps import (
    duration_ns,
    to_datetime,
    to_ns,
    to_rfc3339,
    to_timestamp,
)

STAMPS = st.integers(min_value=-62_135_596_800 * 10**9, max_value=253_402_300_799 * 10**9)


@given(STAMPS)
def test_text_and_message_lose_no_nanosecond(stamp: int) -> None:
    assert to_ns(to_rfc3339(stamp)) == stamp
    assert to_ns(to_timestamp(stamp)) == stamp


@given(STAMPS)
def test_text_is_what_protobuf_writes(stamp: int) -> None:
    assert to_rfc3339(stamp) == to_timestamp(stamp).ToJsonString()


@pytest.mark.parametrize(
    ("nanos", "text"),
    [
        pytest.param(0, "1970-01-01T00:00:00Z", id="whole seconds"),
        pytest.param(500_000_000, "1970-01-01T00:00:00.500Z", id="milliseconds"),
        pytest.param(1_000, "1970-01-01T00:00:00.000001Z", id="microseconds"),
        pytest.param(1, "1970-01-01T00:00:00.000000001Z", id="nanoseconds"),
    ],
)
def test_text_has_as_many_digits_as_it_takes(nanos: int, text: str) -> None:
    assert to_rfc3339(nanos) == text


@given(STAMPS)
def test_a_datetime_keeps_microseconds_only(stamp: int) -> None:
    assert to_ns(to_datetime(stamp)) == stamp // 1000 * 1000


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(5, 5, id="nanoseconds"),
        pytest.param("1970-01-01T00:00:01Z", 10**9, id="whole second"),
        pytest.param("1970-01-01t00:00:01z", 10**9, id="lower case"),
        pytest.param("1970-01-01 00:00:01Z", 10**9, id="space for T"),
        pytest.param("1970-01-01T01:00:01.5+01:00", 15 * 10**8, id="east of Greenwich"),
        pytest.param("1969-12-31T22:30:01-01:30", 10**9, id="west of Greenwich"),
        pytest.param("1970-01-01T00:00:00.1234567891Z", 123456789, id="ten digits are cut"),
        pytest.param({"seconds": "3", "nanos": 7}, 3 * 10**9 + 7, id="mapping"),
        pytest.param({}, 0, id="empty mapping"),
        pytest.param(Timestamp(seconds=-1, nanos=1), -(10**9) + 1, id="before the epoch"),
        pytest.param(
            datetime(1970, 1, 1, 1, tzinfo=timezone(timedelta(hours=1))), 0, id="aware datetime"
        ),
    ],
)
def test_every_spelling_is_read(value: Any, expected: int) -> None:
    assert to_ns(value) == expected


@pytest.mark.parametrize("text", ["", "yesterday", "2026-01-01", "2026-01-01T00:00:00"])
def test_text_that_is_no_instant_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected an RFC 3339 time"):
        to_ns(text)


def test_a_naive_datetime_is_refused() -> None:
    with pytest.raises(ValueError, match="with a time zone"):
        to_ns(datetime(2026, 1, 1, tzinfo=UTC).replace(tzinfo=None))


def test_durations_become_nanoseconds() -> None:
    assert duration_ns(1.5) == 1_500_000_000
