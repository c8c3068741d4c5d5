from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.watch.driving import NS, at_ns
from triwire.watch.plausible import StampLimit


def limit_with(offsets: list[float]) -> StampLimit:
    limit = StampLimit(slack_seconds=2.0)
    for offset in offsets:
        limit.sample(at_ns(offset + 7.0), arrived=7.0)
    return limit


def test_without_any_knowledge_there_is_no_limit() -> None:
    assert limit_with([]).at(5.0, server_date_ns=None, wall_clock_ns=None) is None


def test_the_wall_clock_stands_in_until_there_are_five_samples() -> None:
    wall = at_ns(500)
    four, five = limit_with([0.0] * 4), limit_with([0.0] * 5)
    assert four.at(5.0, server_date_ns=None, wall_clock_ns=wall) == wall
    assert five.at(5.0, server_date_ns=None, wall_clock_ns=wall) == at_ns(5 + 2)


def test_a_date_header_is_cut_to_seconds_and_beats_the_wall_clock() -> None:
    date = at_ns(5)
    found = limit_with([]).at(5.0, server_date_ns=date, wall_clock_ns=at_ns(900))
    assert found == date + NS


def test_the_lower_of_date_and_samples_counts() -> None:
    limit = limit_with([0.0] * 5)
    assert limit.at(10.0, server_date_ns=at_ns(100), wall_clock_ns=None) == at_ns(12)
    assert limit.at(10.0, server_date_ns=at_ns(3), wall_clock_ns=None) == at_ns(4)


@given(st.lists(st.floats(-5, 0), min_size=6, max_size=31), st.floats(100, 1e6), st.data())
def test_a_minority_of_future_stamps_does_not_move_it(
    honest: list[float], lead: float, data: st.DataObject
) -> None:
    lies = [lead] * ((len(honest) - 1) // 2)
    mixed = data.draw(st.permutations(honest[: 31 - len(lies)] + lies))
    found = limit_with(mixed).at(10.0, server_date_ns=None, wall_clock_ns=None)
    assert found is not None
    assert found <= at_ns(12)


def test_a_date_far_below_the_closed_watermark_means_that_the_clock_stepped_back() -> None:
    limit = limit_with([])
    assert limit.stepped_back(at_ns(100), 0.0, server_date_ns=at_ns(93)) == at_ns(93)
    assert limit.stepped_back(at_ns(100), 0.0, server_date_ns=at_ns(94)) is None


def test_without_a_date_only_samples_can_tell() -> None:
    assert limit_with([]).stepped_back(at_ns(900), 10.0, server_date_ns=None) is None
    limit = limit_with([0.0] * 5)
    assert limit.stepped_back(at_ns(71), 10.0, server_date_ns=None) == at_ns(10)
    assert limit.stepped_back(at_ns(70), 10.0, server_date_ns=None) is None
