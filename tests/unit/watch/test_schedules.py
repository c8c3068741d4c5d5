from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triwire.watch.budget import RequestBudget
from triwire.watch.confirmations import Confirmations
from triwire.watch.options import WatchOptions
from triwire.watch.pace import HotGets, PollPace, RelistPace, VisibilityBound, jittered


def test_confirmations_come_in_the_order_of_their_times() -> None:
    queue = Confirmations()
    for at, key in ((3.0, "c"), (1.0, "a"), (2.0, "b")):
        queue.ask(key, at=at)
    queue.ask("c", at=0.5)
    queue.ask("a", at=9.0)
    assert queue.first(busy=set()) == (0.5, "c")
    assert queue.first(busy={"c"}) == (1.0, "a")
    assert queue.first(busy={"a", "b", "c"}) is None
    queue.settle("c")
    assert queue.first(busy=set()) == (1.0, "a")
    queue.settle_due(1.5)
    assert (len(queue), "b" in queue, "a" in queue) == (1, True, False)
    queue.settle("b")
    assert queue.first(busy=set()) is None


@given(st.floats(0, 100), st.floats(0, 0.9), st.integers())
def test_jitter_stays_within_its_share(seconds: float, share: float, seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311 - repeatable, no secret
    found = jittered(seconds, share=share, rng=rng)
    assert seconds * (1 - share) - 1e-9 <= found <= seconds * (1 + share) + 1e-9


def test_polls_slow_down_when_nothing_happens_and_are_fast_again_at_once() -> None:
    pace = PollPace(WatchOptions(), 2.0)
    quiet = [pace.after_poll(busy=False) for _ in range(8)]
    assert quiet == [3.0, 4.5, 6.75, 10.125, 15.0, 15.0, 15.0, 15.0]
    assert pace.after_poll(busy=True) == 2.0


def relist(
    pace: RelistPace,
    *,
    repaired: bool = False,
    found: bool = False,
    took: float = 0.1,
    size: int = 0,
) -> float:
    return pace.after_list(repaired=repaired, found=found, took_seconds=took, size_bytes=size)


def test_a_repair_halves_the_time_to_the_next_full_list() -> None:
    pace = RelistPace(WatchOptions())
    assert [relist(pace, repaired=True, found=True) for _ in range(4)] == [150, 75, 60, 60]


def test_five_clean_lists_lengthen_it_and_a_find_ends_that() -> None:
    pace = RelistPace(WatchOptions())
    assert [relist(pace) for _ in range(10)] == [300] * 4 + [450] * 5 + [675]
    assert [relist(pace) for _ in range(30)][-1] == 1800
    assert relist(pace, found=True) == 300


def test_full_lists_keep_to_their_share_of_time_and_bytes() -> None:
    assert relist(RelistPace(WatchOptions()), took=30.0) == 600
    limited = RelistPace(WatchOptions(max_relist_bytes_per_second=1000.0))
    assert relist(limited, took=30.0, size=1_000_000) == 1000
    assert limited.at_least(15.0) == 1000


def test_three_late_changes_in_ten_minutes_double_the_bound() -> None:
    bound = VisibilityBound(WatchOptions(), now=0.0)
    assert [bound.late(at) for at in (0.0, 601.0, 700.0)] == [False, False, False]
    assert bound.late(800.0)
    assert bound.seconds == 20.0


def test_the_bound_has_a_limit() -> None:
    bound = VisibilityBound(WatchOptions(), now=0.0)
    assert [bound.widen(0.0) for _ in range(5)] == [True, True, True, True, False]
    assert bound.seconds == 120.0


def test_a_clean_hour_halves_the_bound_down_to_its_setting() -> None:
    bound = VisibilityBound(WatchOptions(), now=0.0, seconds=40.0)
    bound.late(100.0)
    bound.settle(3699.0)
    assert bound.seconds == 40.0
    for at in (3700.0, 7300.0, 10900.0, 14500.0):
        bound.settle(at)
    assert bound.seconds == 10.0


def test_the_clean_hour_of_a_restored_bound_begins_with_the_restart() -> None:
    bound = VisibilityBound(WatchOptions(), now=90_000.0, seconds=40.0)
    bound.settle(90_001.0)
    assert bound.seconds == 40.0


@pytest.mark.parametrize(("given_seconds", "kept"), [(1.0, 10.0), (50.0, 50.0), (500.0, 120.0)])
def test_a_stored_bound_is_kept_within_its_limits(given_seconds: float, kept: float) -> None:
    assert VisibilityBound(WatchOptions(), now=0.0, seconds=given_seconds).seconds == kept


def test_an_object_in_deletion_is_asked_for_less_and_less_often() -> None:
    hot = HotGets(WatchOptions())
    hot.start("k", at=0.0)
    hot.start("k", at=100.0)
    due, times = 0.0, list[float]()
    for _ in range(7):
        first = hot.first(busy=set())
        assert first is not None
        times.append(first[0] - due)
        due = first[0]
        hot.asked("k", at=due)
    assert times == [2.0, 3.0, 4.5, 6.75, 10.125, 15.0, 15.0]
    assert hot.first(busy={"k"}) is None
    hot.stop("k")
    hot.asked("k", at=0.0)
    assert "k" not in hot
    assert hot.first(busy=set()) is None


def test_many_objects_in_deletion_are_left_to_full_lists() -> None:
    hot = HotGets(WatchOptions(hot_limit=1))
    hot.start("a", at=0.0)
    assert not hot.too_many
    hot.start("b", at=0.0)
    assert hot.too_many
    assert hot.first(busy=set()) is None
    assert len(hot) == 2


def test_a_budget_refuses_what_makes_no_sense() -> None:
    with pytest.raises(ValueError, match="per_second above 0"):
        RequestBudget(per_second=0.0)
    with pytest.raises(ValueError, match="burst of at least 1"):
        RequestBudget(burst=0.5)


def test_a_request_too_early_is_an_error() -> None:
    budget = RequestBudget(per_second=1.0, burst=1.0)
    budget.take(0.0)
    with pytest.raises(ValueError, match="wait for ready_at"):
        budget.take(0.5)
    assert budget.ready_at(0.5) == 1.0


def test_a_rate_limit_halves_the_rate_and_a_minute_gives_a_tenth_back() -> None:
    budget = RequestBudget(per_second=4.0)
    budget.limited(0.0)
    assert budget.per_second == 2.0
    budget.ready_at(60.0)
    assert budget.per_second == pytest.approx(2.4)
    budget.ready_at(6000.0)
    assert budget.per_second == 4.0
    for _ in range(20):
        budget.limited(6000.0)
    assert budget.per_second == 0.05


@given(
    st.lists(st.tuples(st.floats(0, 3), st.booleans()), max_size=80),
    st.floats(0.5, 5),
    st.integers(1, 10),
)
def test_no_window_sees_more_requests_than_burst_and_rate_allow(
    steps: list[tuple[float, bool]], rate: float, burst: int
) -> None:
    budget, now, sent = RequestBudget(per_second=rate, burst=burst), 0.0, list[float]()
    for wait, limited in steps:
        now = max(now + wait, budget.ready_at(now + wait))
        budget.take(now)
        sent.append(now)
        if limited:
            budget.limited(now)
    for first, start in enumerate(sent):
        for last in range(first, len(sent)):
            assert last - first + 1 <= burst + rate * (sent[last] - start) + 1e-3
