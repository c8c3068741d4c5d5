"""The call loop over a transport that plays back one outcome per attempt."""

from __future__ import annotations

import logging
from typing import Any, NoReturn

import pytest
from google.protobuf.wrappers_pb2 import StringValue

from triwire.call.aio import AsyncCaller
from triwire.errors import Code, RpcError
from triwire.retry import RetryBudget, RetryPolicy, RetryThrottling
from triwire.spec import CallOptions, Metadata, MethodSpec, RawResponse
from triwire.testing import AsyncManualClock

POLICY = RetryPolicy(initial_backoff_seconds=1.0)
METHOD = MethodSpec("acme.v1.S", "M", StringValue, StringValue, retry=POLICY)
BARE = MethodSpec("acme.v1.S", "Bare", StringValue, StringValue)


class AsyncScripted:
    """Plays back one outcome per attempt, each taking a second."""

    wire = "scripted"

    def __init__(self, clock: AsyncManualClock, *outcomes: bytes | RpcError) -> None:
        self.clock = clock
        self.outcomes = list(outcomes)
        self.timeouts: list[float | None] = []

    async def unary(
        self, method: Any, request: Any, *, headers: Any, timeout_seconds: float | None
    ) -> RawResponse:
        del method, request, headers
        self.timeouts.append(timeout_seconds)
        self.clock.advance(1.0)
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, RpcError):
            raise outcome
        return RawResponse(outcome, Metadata(), Metadata())

    def decode(self, method: Any, body: bytes) -> Any:
        return method.response_type.FromString(body)

    def stream(self, *_: Any, **__: Any) -> NoReturn:
        pytest.fail("nothing here streams")

    async def aclose(self) -> None:
        """Nothing to close."""


def lost() -> RpcError:
    return RpcError(Code.UNAVAILABLE, "lost")


def scripted(
    *outcomes: bytes | RpcError, **options: Any
) -> tuple[AsyncCaller, AsyncScripted, AsyncManualClock]:
    clock = AsyncManualClock()
    transport = AsyncScripted(clock, *outcomes)
    caller = AsyncCaller(transport, options=CallOptions(**options), clock=clock, draw=lambda: 0.5)
    return caller, transport, clock


async def test_a_call_is_tried_again_until_it_succeeds() -> None:
    caller, transport, clock = scripted(lost(), lost(), b"\n\x02ok")
    response = await caller.unary(METHOD, StringValue())
    assert response.message.value == "ok"
    assert clock.slept == [0.5, 1.0]
    assert transport.timeouts == [None, None, None]


async def test_every_attempt_gets_only_the_time_that_is_left() -> None:
    caller, transport, _ = scripted(lost(), lost(), b"", timeout_seconds=10.0)
    await caller.unary(METHOD, StringValue())
    assert transport.timeouts == [10.0, 8.5, 6.5]


async def test_the_limit_of_an_attempt_holds_for_each() -> None:
    caller, transport, _ = scripted(
        lost(), lost(), b"", timeout_seconds=5.0, attempt_timeout_seconds=2.0
    )
    await caller.unary(METHOD, StringValue())
    assert transport.timeouts == [2.0, 2.0, 1.5]


async def test_the_last_error_is_raised_with_its_history() -> None:
    caller, transport, _ = scripted(lost(), lost(), lost(), lost())
    with pytest.raises(RpcError) as caught:
        await caller.unary(METHOD, StringValue())
    assert caught.value.attempts == 4
    assert not transport.outcomes
    assert "the policy allows 4 attempts" in caught.value.__notes__[0]


async def test_a_method_without_a_policy_is_tried_once() -> None:
    caller, transport, _ = scripted(lost(), b"")
    with pytest.raises(RpcError) as caught:
        await caller.unary(BARE, StringValue())
    assert (caught.value.attempts, len(transport.outcomes)) == (1, 1)


async def test_options_turn_retries_on_and_off_for_every_method() -> None:
    on, transport, _ = scripted(lost(), b"", retry=POLICY)
    await on.unary(BARE, StringValue())
    assert not transport.outcomes
    off, transport, _ = scripted(lost(), b"", retry=None)
    with pytest.raises(RpcError):
        await off.unary(METHOD, StringValue())
    assert len(transport.outcomes) == 1


async def test_a_wait_never_outlives_the_call() -> None:
    caller, transport, clock = scripted(lost(), b"", timeout_seconds=1.25)
    with pytest.raises(RpcError, match="lost") as caught:
        await caller.unary(METHOD, StringValue())
    assert "does not fit" in caught.value.__notes__[0]
    assert (clock.slept, len(transport.outcomes)) == ([], 1)


async def test_views_share_one_budget() -> None:
    caller, _, _ = scripted(*[lost() for _ in range(30)])
    view = caller.with_options(CallOptions())
    notes: list[str] = []
    for one in (caller, view, caller, view):
        with pytest.raises(RpcError) as caught:
            await one.unary(METHOD, StringValue())
        notes.append(caught.value.__notes__[0])
    assert "budget is used up" in notes[-1]


async def test_calls_that_succeed_fill_the_budget_again() -> None:
    budget = RetryBudget(RetryThrottling(max_tokens=4, token_ratio=0.5))
    clock = AsyncManualClock()
    transport = AsyncScripted(clock, lost(), *[b""] * 3)
    caller = AsyncCaller(transport, clock=clock, budget=budget, draw=lambda: 0.5)
    await caller.unary(METHOD, StringValue())
    assert budget.tokens == 3.5
    await caller.unary(METHOD, StringValue())
    await caller.unary(METHOD, StringValue())
    assert budget.tokens == 4


async def test_a_local_bug_is_not_tried_again() -> None:
    caller, transport, _ = scripted(RpcError(Code.INTERNAL, "cannot send"), b"")
    with pytest.raises(RpcError):
        await caller.unary(METHOD, StringValue())
    assert len(transport.outcomes) == 1


async def test_logs_tell_each_attempt(caplog: pytest.LogCaptureFixture) -> None:
    caller, _, _ = scripted(lost(), b"")
    with caplog.at_level(logging.DEBUG, logger="triwire"):
        await caller.unary(METHOD, StringValue())
    assert "scripted acme.v1.S/M UNAVAILABLE attempt 1, again in 0.500 s" in caplog.text
