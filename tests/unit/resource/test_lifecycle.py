"""When a wait is over, without any calls."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.resource.things import LAMP
from triwire.errors import Code, RpcError
from triwire.resource.lifecycle import Wait
from triwire.spec import CallOptions

INFERRED = RpcError(Code.DEADLINE_EXCEEDED, "no answer")
TOLD = RpcError(Code.DEADLINE_EXCEEDED, "no answer", from_server=True)


def wait() -> Wait[Any]:
    """Return a wait for 10 s that began at 100."""
    return Wait(LAMP, "a", timeout_seconds=10, poll_seconds=2, now=100, goal="ready")


@pytest.mark.parametrize(
    ("own", "error", "now"),
    [
        pytest.param(None, INFERRED, 109.9, id="the transport's timer went off early"),
        pytest.param(None, INFERRED, 110, id="at the deadline"),
        pytest.param(None, TOLD, 109.99, id="the server's clock is a little fast"),
        pytest.param(3, INFERRED, 110, id="the client's own timeout, at the deadline"),
    ],
)
def test_a_read_that_ended_with_the_wait_ends_the_wait(
    own: float | None, error: RpcError, now: float
) -> None:
    waiting = wait()
    waiting.options(CallOptions(timeout_seconds=own), now=105)
    with pytest.raises(RpcError, match="lamp a was not ready within 10 s") as caught:
        waiting.read_failed(error, now=now)
    assert caught.value.__cause__ is error


@pytest.mark.parametrize(
    ("own", "error", "now"),
    [
        pytest.param(None, TOLD, 105, id="the server ran out of time on its own"),
        pytest.param(3, INFERRED, 108, id="the client's own shorter timeout"),
        pytest.param(None, RpcError(Code.UNAVAILABLE, "down"), 120, id="another error"),
    ],
)
def test_other_failures_of_a_read_are_not_the_end_of_the_wait(
    own: float | None, error: RpcError, now: float
) -> None:
    waiting = wait()
    waiting.options(CallOptions(timeout_seconds=own), now=105)
    waiting.read_failed(error, now=now)


def test_pauses_are_cut_at_the_deadline() -> None:
    waiting = wait()
    assert [waiting.pause_seconds(now) for now in (100, 108.5)] == [2, 1.5]
    with pytest.raises(RpcError, match="within 10 s"):
        waiting.pause_seconds(110)


def test_a_read_gets_what_is_left_but_not_more_than_its_own_limit() -> None:
    waiting = wait()
    given = [
        waiting.options(CallOptions(timeout_seconds=own), now=now).timeout_seconds
        for own, now in ((None, 100), (3, 100), (3, 108))
    ]
    assert given == [10, 3, 2]
    with pytest.raises(RpcError, match="within 10 s"):
        waiting.options(CallOptions(), now=110)
