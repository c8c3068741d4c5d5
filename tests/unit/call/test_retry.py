"""The pure parts of retries: policies, the budget, and the decision after a failure."""

from __future__ import annotations

import math

import pytest
from google.rpc.error_details_pb2 import QuotaFailure, RetryInfo
from hypothesis import given
from hypothesis import strategies as st

from triwire.call.attempts import Retrying, shorter
from triwire.errors import Code, RpcError
from triwire.retry import NEVER_RETRIED, RetryBudget, RetryPolicy, RetryThrottling
from triwire.spec import CallOptions

LOST = RpcError(Code.UNAVAILABLE, "lost")


def retrying(
    policy: RetryPolicy | None = None,
    *,
    budget: RetryBudget | None = None,
    draw: float = 1.0,
    options: CallOptions | None = None,
) -> Retrying:
    return Retrying(
        policy if policy is not None else RetryPolicy(),
        budget if budget is not None else RetryBudget(),
        draw=lambda: draw,
        options=options if options is not None else CallOptions(),
        started=0.0,
    )


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        pytest.param({"max_attempts": 1}, "must be 2 or more", id="one attempt"),
        pytest.param({"initial_backoff_seconds": 0.0}, "above 0", id="no wait"),
        pytest.param({"max_backoff_seconds": math.inf}, "finite", id="endless wait"),
        pytest.param({"backoff_multiplier": math.nan}, "finite", id="no multiplier"),
        pytest.param(
            {"initial_backoff_seconds": 2.0, "max_backoff_seconds": 1.0},
            "below",
            id="contradiction",
        ),
        pytest.param({"retryable_codes": frozenset[Code]()}, "is empty", id="no codes"),
        pytest.param({"retryable_codes": frozenset({Code.NOT_FOUND})}, "UNAVAILABLE", id="code"),
        pytest.param({"retryable_codes": frozenset({99})}, "99 cannot be", id="unknown code"),
    ],
)
def test_policies_that_make_no_sense_are_refused(settings: dict[str, object], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        RetryPolicy(**settings)  # type: ignore[arg-type]  # the misuse under test


def test_a_number_of_attempts_that_is_no_int_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="must be an int"):
        RetryPolicy(max_attempts=2.5)  # type: ignore[arg-type]  # the misuse under test


def test_what_aip_194_forbids_can_be_asked_for_by_nobody() -> None:
    assert NEVER_RETRIED.isdisjoint(RetryPolicy().retryable_codes)
    for code in NEVER_RETRIED:
        with pytest.raises(ValueError, match="cannot be retried"):
            RetryPolicy(retryable_codes=frozenset({code, Code.UNAVAILABLE}))


def test_the_upper_end_of_the_wait_grows_to_its_maximum() -> None:
    policy = RetryPolicy(initial_backoff_seconds=0.1, max_backoff_seconds=1.0)
    ends = [policy.backoff_seconds(failures) for failures in (1, 2, 3, 4, 5, 10_000)]
    assert ends == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.0, 1.0])


@given(st.floats(0, 1), st.integers(1, 50))
def test_waits_are_drawn_from_zero_to_the_upper_end(draw: float, failures: int) -> None:
    policy = RetryPolicy(max_attempts=100)
    state = retrying(policy, draw=draw, budget=RetryBudget(RetryThrottling(1000.0)))
    waits = [state.wait_seconds(LOST, now=0.0) for _ in range(failures)]
    assert waits[-1] == pytest.approx(draw * policy.backoff_seconds(failures))


def test_attempts_end_at_the_policys_number() -> None:
    state = retrying(RetryPolicy(max_attempts=3))
    assert [state.wait_seconds(LOST, now=0.0) is None for _ in range(3)] == [False, False, True]
    error = state.final(RpcError(Code.UNAVAILABLE, "lost"))
    assert error.attempts == 3
    assert error.__notes__ == ["gave up after 3 attempt(s): the policy allows 3 attempts"]


@pytest.mark.parametrize("code", [code for code in Code if code is not Code.UNAVAILABLE])
def test_a_code_that_the_policy_does_not_name_ends_the_call(code: Code) -> None:
    state = retrying()
    assert state.wait_seconds(RpcError(code, "m"), now=0.0) is None
    assert not hasattr(state.final(RpcError(code, "m")), "__notes__")


def test_without_a_policy_nothing_is_tried_again() -> None:
    state = Retrying(None, RetryBudget(), draw=lambda: 1.0, options=CallOptions(), started=0.0)
    assert state.wait_seconds(LOST, now=0.0) is None


def test_a_wait_that_does_not_fit_in_the_calls_time_ends_it() -> None:
    state = retrying(options=CallOptions(timeout_seconds=1.0))
    assert state.wait_seconds(LOST, now=0.9) is None
    assert (
        "does not fit in the 0.1 s left" in state.final(RpcError(Code.UNAVAILABLE, "")).__notes__[0]
    )


def test_each_attempt_gets_its_limit_or_what_is_left() -> None:
    state = retrying(options=CallOptions(timeout_seconds=10.0, attempt_timeout_seconds=3.0))
    assert state.attempt_timeout_seconds(now=2.0) == 3.0
    assert state.attempt_timeout_seconds(now=8.5) == 1.5
    assert shorter(None, None) is None
    assert shorter(None, 2.0) == shorter(2.0, None) == 2.0


def test_an_attempt_that_ran_into_its_own_limit_is_tried_again() -> None:
    over = RpcError(Code.DEADLINE_EXCEEDED, "no answer")
    options = CallOptions(timeout_seconds=10.0, attempt_timeout_seconds=1.0)
    assert retrying(options=options).wait_seconds(over, now=1.0) is not None
    assert retrying(options=options).wait_seconds(over, now=10.0) is None
    assert retrying(options=CallOptions(timeout_seconds=10.0)).wait_seconds(over, now=1.0) is None
    theirs = RpcError(Code.DEADLINE_EXCEEDED, "too slow", from_server=True)
    assert retrying(options=options).wait_seconds(theirs, now=1.0) is None


def test_the_servers_word_replaces_the_backoff() -> None:
    info = RetryInfo()
    info.retry_delay.FromMilliseconds(2500)
    assert retrying(draw=0.0).wait_seconds(
        RpcError(Code.UNAVAILABLE, "later", details=[info]), now=0.0
    ) == pytest.approx(2.5)


def test_a_server_that_asks_for_no_retry_gets_none() -> None:
    error = RpcError(Code.UNAVAILABLE, "stop", retry_delay_seconds=-1.0)
    assert retrying().wait_seconds(error, now=0.0) is None


def test_only_a_rate_limit_is_worth_waiting_for() -> None:
    policy = RetryPolicy(retryable_codes=frozenset({Code.RESOURCE_EXHAUSTED}))
    rate = RpcError(Code.RESOURCE_EXHAUSTED, "slow down", retry_delay_seconds=1.0)
    quota = RpcError(Code.RESOURCE_EXHAUSTED, "full", details=[QuotaFailure()])
    assert retrying(policy).wait_seconds(rate, now=0.0) == 1.0
    assert retrying(policy).wait_seconds(quota, now=0.0) is None


def test_a_used_up_budget_stops_retries_until_calls_succeed_again() -> None:
    budget = RetryBudget(RetryThrottling(max_tokens=4.0, token_ratio=0.5))
    assert [retrying(budget=budget).wait_seconds(LOST, now=0.0) is None for _ in range(3)] == [
        False,
        True,
        True,
    ]
    for _ in range(5):
        budget.succeeded()
    assert retrying(budget=budget).wait_seconds(LOST, now=0.0) is not None


@given(st.lists(st.booleans(), max_size=200))
def test_the_tally_stays_between_nothing_and_its_size(outcomes: list[bool]) -> None:
    budget = RetryBudget(RetryThrottling(max_tokens=3.0, token_ratio=0.7))
    for succeeded in outcomes:
        if succeeded:
            budget.succeeded()
        else:
            budget.failed()
        assert 0.0 <= budget.tokens <= 3.0


@pytest.mark.parametrize("settings", [{"max_tokens": 0.0}, {"token_ratio": math.inf}])
def test_a_budget_that_makes_no_sense_is_refused(settings: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="above 0 and finite"):
        RetryThrottling(**settings)
