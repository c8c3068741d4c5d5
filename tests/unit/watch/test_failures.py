from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triwire.errors import Code
from triwire.watch.events import Failed
from triwire.watch.failures import FailureClass, PollFailure, backoff_seconds, classify
from triwire.watch.options import WatchOptions
from triwire.watch.outage import Outage


def rng(seed: int = 1) -> random.Random:
    return random.Random(seed)  # noqa: S311 - repeatable, no secret


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        pytest.param(PollFailure(code=14), FailureClass.TRANSIENT, id="unavailable"),
        pytest.param(PollFailure(code=4), FailureClass.TRANSIENT, id="deadline exceeded"),
        pytest.param(PollFailure(code=99), FailureClass.TRANSIENT, id="unknown code"),
        pytest.param(PollFailure(code=8), FailureClass.RATE_LIMITED, id="rate limit"),
        pytest.param(PollFailure(code=8, quota=True), FailureClass.QUOTA, id="quota"),
        pytest.param(
            PollFailure(code=8, too_large=True), FailureClass.FATAL, id="above our own limit"
        ),
        pytest.param(PollFailure(code=16), FailureClass.UNAUTHENTICATED, id="token expired"),
        pytest.param(PollFailure(code=7), FailureClass.DENIED, id="role lost"),
        pytest.param(PollFailure(code=5), FailureClass.GONE, id="the API says not found"),
        pytest.param(
            PollFailure(code=5, from_server=False), FailureClass.TRANSIENT, id="a bare 404"
        ),
        pytest.param(
            PollFailure(code=12, from_server=False), FailureClass.TRANSIENT, id="a proxy's page"
        ),
        pytest.param(PollFailure(code=12), FailureClass.UNSUPPORTED, id="unimplemented"),
        pytest.param(PollFailure(code=3), FailureClass.FATAL, id="invalid argument"),
    ],
)
def test_what_a_failure_means(failure: PollFailure, expected: FailureClass) -> None:
    assert classify(failure, of_list=True) is expected


def test_a_get_that_is_refused_ends_no_watch() -> None:
    assert classify(PollFailure(code=3), of_list=False) is FailureClass.TRANSIENT


@given(st.integers(1, 2000), st.integers())
def test_backoff_stays_below_its_ceiling(attempt: int, seed: int) -> None:
    found = backoff_seconds(attempt, initial_seconds=1.0, max_seconds=60.0, rng=rng(seed))
    assert 0 <= found <= min(60.0, 2.0 ** min(attempt - 1, 10))


def outage() -> Outage:
    return Outage(WatchOptions(), rng())


def fail(one: Outage, failure: PollFailure, at: float) -> Failed | None:
    return one.failed(failure, classify(failure, of_list=True), at=at)


UNAVAILABLE = PollFailure(code=14, message="down")


def test_an_outage_is_told_once_after_half_a_minute_and_again_after_a_success() -> None:
    one = outage()
    told = [fail(one, UNAVAILABLE, at) for at in (0.0, 29.0, 30.0, 60.0)]
    assert told == [None, None, Failed("down", Code.UNAVAILABLE), None]
    assert not one.recovered()
    assert fail(one, UNAVAILABLE, 100.0) is None
    assert fail(one, UNAVAILABLE, 131.0) == Failed("down", Code.UNAVAILABLE)


def test_the_wait_grows_and_is_never_nothing() -> None:
    one, waits = outage(), list[float]()
    for _ in range(200):
        fail(one, UNAVAILABLE, 0.0)
        waits.append(one.resume_at_seconds)
    assert min(waits) >= 0.2
    assert 50 < max(waits) <= 60


@pytest.mark.parametrize(
    ("failure", "at_least"),
    [
        pytest.param(PollFailure(code=14, retry_delay_seconds=90.0), 90.0, id="as asked"),
        pytest.param(PollFailure(code=14, retry_delay_seconds=-1.0), 15.0, id="do not retry"),
        pytest.param(PollFailure(code=8, quota=True), 15.0, id="quota"),
    ],
)
def test_what_the_server_asks_for_is_granted(failure: PollFailure, at_least: float) -> None:
    one = outage()
    fail(one, failure, 0.0)
    assert at_least <= one.resume_at_seconds < at_least + 1


def test_authentication_may_fail_for_a_while() -> None:
    one, expired = outage(), PollFailure(code=16, message="expired")
    assert fail(one, expired, 0.0) is None
    assert one.renew_credential
    assert fail(one, expired, 299.0) == Failed("expired", Code.UNAUTHENTICATED)
    assert fail(one, expired, 300.0) == Failed("expired", Code.UNAUTHENTICATED, is_fatal=True)


def test_a_success_in_between_starts_authentication_anew() -> None:
    one, expired = outage(), PollFailure(code=16)
    fail(one, expired, 0.0)
    assert one.recovered()
    assert not one.renew_credential
    assert not one.recovered()
    assert fail(one, expired, 400.0) is None


def test_an_outage_during_authentication_trouble_is_not_fatal() -> None:
    one = outage()
    fail(one, PollFailure(code=16), 0.0)
    told = fail(one, UNAVAILABLE, 400.0)
    assert told is not None
    assert not told.is_fatal
    assert not one.renew_credential


def test_three_denials_in_a_row_are_fatal() -> None:
    one, denied = outage(), PollFailure(code=7)
    assert [fail(one, denied, 0.0) for _ in range(2)] == [None, None]
    assert fail(one, UNAVAILABLE, 0.0) is None
    assert [fail(one, denied, 0.0) for _ in range(2)] == [None, None]
    assert fail(one, denied, 0.0) == Failed("", Code.PERMISSION_DENIED, is_fatal=True)


@pytest.mark.parametrize("code", [3, 12])
def test_what_cannot_get_better_is_fatal_at_once(code: int) -> None:
    assert fail(outage(), PollFailure(code=code), 0.0) == Failed("", Code(code), is_fatal=True)
