"""When a wait reads, what it makes of failures, and its deadline."""

from __future__ import annotations

import math

import pytest
from google.rpc.error_details_pb2 import QuotaFailure

from tests.unit.resource.things import lamp
from tests.unit.resource.waiting.history import NOT_FOUND, Play, wait_for
from triwire.errors import Code, RpcError, WaitError
from triwire.resource.waiting.goals import Ready
from triwire.resource.waiting.wait import WaitTimes
from triwire.spec import CallOptions

TIMES = WaitTimes(timeout_seconds=10, poll_seconds=2)
INFERRED = RpcError(Code.DEADLINE_EXCEEDED, "no answer")
TOLD = RpcError(Code.DEADLINE_EXCEEDED, "no answer", from_server=True)
DOWN = RpcError(Code.UNAVAILABLE, "down")


def pauses(play: Play, *answers: object) -> list[float]:
    """Give answers, each when it is due, and return how long the wait paused after each."""
    found: list[float] = []
    for answer in answers:
        play.show(answer, at=play.wait.due_seconds)
        found.append(play.wait.due_seconds - play.now)
    return found


def test_the_first_read_is_due_at_once() -> None:
    assert wait_for("a").due_seconds == 0


def test_pauses_grow_to_fifteen_seconds_while_nothing_changes() -> None:
    play = Play(wait_for("a"))
    assert pauses(play, *[lamp()] * 8) == pytest.approx([2, 3, 4.5, 6.75, 10.125, 15, 15, 15])


def test_a_change_makes_the_pauses_short_again() -> None:
    play = Play(wait_for("a"))
    states = [lamp(), lamp(), lamp("STATE_UPDATING", at=1), lamp("STATE_UPDATING", at=1)]
    assert pauses(play, *states) == pytest.approx([2, 3, 2, 3])


def test_a_longer_first_pause_stays_as_it_is() -> None:
    play = Play(wait_for("a", times=WaitTimes(timeout_seconds=600, poll_seconds=20)))
    assert pauses(play, lamp(), lamp()) == [20, 20]


@pytest.mark.parametrize(("drawn", "pause"), [(0.0, 1.8), (1.0, 2.2)])
def test_pauses_vary_by_a_tenth(drawn: float, pause: float) -> None:
    play = Play(wait_for("a", draw=lambda: drawn))
    assert pauses(play, lamp()) == pytest.approx([pause])


def test_the_end_of_a_settling_time_is_not_slept_over() -> None:
    times = WaitTimes(timeout_seconds=600, poll_seconds=8)
    play = Play(wait_for(lamp("STATE_READY", at=5), times=times))
    assert pauses(play, *[lamp("STATE_READY", at=5)] * 2) == [8, 2]
    assert play.show(lamp("STATE_READY", at=5), at=10).end == "ok"


def test_the_end_of_the_grace_period_is_not_slept_over() -> None:
    play = Play(wait_for("a", Ready(3)))
    assert pauses(play, *[lamp("STATE_ERROR", at=5)] * 2) == [2, 1]


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(DOWN, id="unavailable"),
        pytest.param(RpcError(Code.INTERNAL, "oops", from_server=True), id="internal"),
        pytest.param(RpcError(Code.UNKNOWN, "?", from_server=True), id="unknown"),
        pytest.param(RpcError(Code.ABORTED, "again", from_server=True), id="aborted"),
        pytest.param(RpcError(Code.RESOURCE_EXHAUSTED, "slow down", from_server=True), id="rate"),
        pytest.param(TOLD, id="a server that ran out of time"),
        pytest.param(RpcError(Code.NOT_FOUND, "<html>"), id="404 of a proxy"),
    ],
)
def test_what_may_pass_is_waited_out(error: RpcError) -> None:
    play = Play(wait_for(lamp(at=1)))
    assert pauses(play, *[error] * 4) == pytest.approx([3, 4.5, 6.75, 10.125])
    assert play.end == ""
    assert play.show(lamp("STATE_READY", at=2)).end == "ok"


@pytest.mark.parametrize(
    "code", [Code.INVALID_ARGUMENT, Code.UNIMPLEMENTED, Code.OUT_OF_RANGE, Code.DATA_LOSS]
)
def test_what_is_wrong_with_the_request_is_raised_as_it_is(code: Code) -> None:
    error = RpcError(code, "no", from_server=True)
    assert Play(wait_for(lamp(at=1))).show(error).wait.error is error


@pytest.mark.parametrize("code", [Code.PERMISSION_DENIED, Code.UNAUTHENTICATED])
def test_a_refusal_is_raised_if_no_read_has_ever_succeeded(code: Code) -> None:
    error = RpcError(code, "no", from_server=True)
    assert Play(wait_for(lamp(at=1))).show(error).wait.error is error


@pytest.mark.parametrize("code", [Code.PERMISSION_DENIED, Code.UNAUTHENTICATED])
def test_later_refusals_are_believed_at_the_third_in_a_row(code: Code) -> None:
    error = RpcError(code, "no", from_server=True)
    play = Play(wait_for("a"))
    pauses(play, lamp(), error, error, lamp(), error, error)
    assert play.end == ""
    assert play.show(error).wait.error is error


@pytest.mark.parametrize(("asked", "pause"), [(40.0, 40.0), (0.1, 3.0), (-1.0, 15.0)])
def test_a_server_that_says_when_to_come_back_is_obeyed(asked: float, pause: float) -> None:
    error = RpcError(Code.UNAVAILABLE, "busy", from_server=True, retry_delay_seconds=asked)
    assert pauses(Play(wait_for("a")), error) == pytest.approx([pause])


def test_a_quota_that_is_used_up_is_asked_again_after_the_longest_pause() -> None:
    error = RpcError(Code.RESOURCE_EXHAUSTED, "no more", details=[QuotaFailure()], from_server=True)
    assert pauses(Play(wait_for("a")), error) == [15]


@pytest.mark.parametrize(
    ("own", "error", "now"),
    [
        pytest.param(None, INFERRED, 9.9, id="the transport's timer went off early"),
        pytest.param(None, INFERRED, 10, id="at the deadline"),
        pytest.param(None, TOLD, 9.99, id="the server's clock is a little fast"),
        pytest.param(3, INFERRED, 10, id="the client's own timeout, at the deadline"),
    ],
)
def test_a_read_that_ended_with_the_wait_ends_the_wait(
    own: float | None, error: RpcError, now: float
) -> None:
    wait = wait_for("a", times=TIMES)
    wait.options(CallOptions(timeout_seconds=own), now=5)
    wait.failed(error, started=5, ended=now)
    assert isinstance(wait.error, WaitError)
    assert wait.error.message == (
        "lamp a was not ready within 10 s; the last read failed with DEADLINE_EXCEEDED"
    )
    assert wait.error.__cause__ is error


@pytest.mark.parametrize(
    ("own", "error", "now"),
    [
        pytest.param(None, TOLD, 5, id="the server ran out of time on its own"),
        pytest.param(3, INFERRED, 8, id="the client's own shorter timeout"),
    ],
)
def test_a_read_that_ended_before_the_wait_does_not_end_it(
    own: float | None, error: RpcError, now: float
) -> None:
    wait = wait_for("a", times=TIMES)
    wait.options(CallOptions(timeout_seconds=own), now=5)
    wait.failed(error, started=5, ended=now)
    assert not wait.is_over


def test_a_list_that_ran_out_of_its_makers_time_does_not_end_the_others() -> None:
    wait = wait_for("a", times=TIMES)
    wait.options(CallOptions(), now=5)
    wait.failed(INFERRED, started=5, ended=6, is_own=False)
    assert not wait.is_over


def test_the_deadline_tells_what_was_seen_last_and_what_failed_last() -> None:
    play = Play(wait_for("a", times=TIMES)).show(lamp(at=1), at=1).show(DOWN, at=2)
    play.wait.expire(9.9)
    assert play.end == ""
    play.wait.expire(10)
    assert isinstance(play.wait.error, WaitError)
    assert play.wait.error.code is Code.DEADLINE_EXCEEDED
    assert play.wait.error.message == (
        "lamp a was not ready within 10 s; last seen as STATE_CREATING; the last read failed "
        "with UNAVAILABLE"
    )
    assert play.wait.error.last == lamp(at=1)


def test_what_the_caller_had_seen_is_the_last_if_no_read_has_succeeded() -> None:
    wait = wait_for(lamp("STATE_UPDATING", at=5), times=TIMES)
    wait.expire(math.inf)
    assert isinstance(wait.error, WaitError)
    assert wait.error.last == lamp("STATE_UPDATING", at=5)


def test_a_read_gets_what_is_left_but_not_more_than_its_own_limit() -> None:
    wait = wait_for("a", times=TIMES)
    given = [
        wait.options(CallOptions(timeout_seconds=own), now=now).timeout_seconds
        for own, now in ((None, 0), (3, 0), (3, 8))
    ]
    assert given == [10, 3, 2]


def test_a_wait_that_is_over_stays_as_it_ended() -> None:
    play = Play(wait_for("a")).show(lamp("STATE_READY"))
    play.wait.expire(math.inf)
    play.wait.close()
    assert play.end == "ok"


def test_closing_the_client_is_told_with_what_was_seen_last() -> None:
    play = Play(wait_for("a")).show(lamp(at=1))
    play.wait.close()
    assert play.end == "CANCELLED"
    assert isinstance(play.wait.error, WaitError)
    assert play.wait.error.last == lamp(at=1)


def test_a_replica_that_does_not_have_it_yet_is_asked_again_with_growing_pauses() -> None:
    play = Play(wait_for(lamp(at=1)))
    assert pauses(play, NOT_FOUND, NOT_FOUND, NOT_FOUND) == pytest.approx([3, 4.5, 2.5])
    assert play.show(NOT_FOUND, at=10).end == "NOT_FOUND"
