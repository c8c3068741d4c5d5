from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from triwire.watch.watermark import Watermark

BOUND = 10.0


def test_a_stamp_closes_only_for_a_request_that_started_the_bound_after_it_was_seen() -> None:
    mark = Watermark()
    mark.learn(5, at=100.0)
    assert not mark.close(started=109.9, bound_seconds=BOUND, full=True)
    assert mark.close(started=110.0, bound_seconds=BOUND, full=True)
    assert mark.closed_ns == 5


def test_the_first_value_takes_a_full_list() -> None:
    mark = Watermark()
    mark.learn(5, at=0.0)
    assert not mark.close(started=50.0, bound_seconds=BOUND, full=False)
    assert mark.closed_ns is None
    assert mark.close(started=50.0, bound_seconds=BOUND, full=True)


def test_it_closes_at_the_last_stamp_that_is_old_enough() -> None:
    mark = Watermark()
    for at, stamp in ((0.0, 1), (1.0, 2), (5.0, 3)):
        mark.learn(stamp, at=at)
    mark.close(started=11.0, bound_seconds=BOUND, full=True)
    assert (mark.closed_ns, mark.open_ns) == (2, 3)
    assert mark.can_close(15.0, bound_seconds=BOUND)
    assert not mark.can_close(14.9, bound_seconds=BOUND)


def test_a_lower_or_equal_stamp_teaches_nothing() -> None:
    mark = Watermark()
    for stamp in (5, 5, 4):
        mark.learn(stamp, at=float(stamp))
    assert list(mark.seen) == [(5.0, 5)]


def test_it_steps_back_with_the_clock_of_the_server() -> None:
    mark = Watermark()
    mark.rewind(50, bound_ns=10)
    assert (mark.closed_ns, mark.open_ns) == (40, None)
    mark.learn(100, at=0.0)
    mark.close(started=20.0, bound_seconds=BOUND, full=True)
    mark.learn(110, at=21.0)
    mark.rewind(60, bound_ns=10)
    assert (mark.closed_ns, mark.open_ns, len(mark.seen)) == (50, 60, 0)


def test_a_late_change_reopens_it_until_its_time() -> None:
    mark = Watermark()
    mark.reopen(5, until=0.0, bound_seconds=BOUND)
    assert mark == Watermark()
    mark.learn(100, at=0.0)
    mark.close(started=10.0, bound_seconds=BOUND, full=True)
    mark.reopen(50, until=40.0, bound_seconds=BOUND)
    assert (mark.closed_ns, mark.peak_ns) == (49, 100)
    mark.reopen(60, until=40.0, bound_seconds=BOUND)
    assert mark.closed_ns == 49
    assert not mark.close(started=39.9, bound_seconds=BOUND, full=False)
    assert mark.close(started=40.0, bound_seconds=BOUND, full=False)
    assert (mark.closed_ns, mark.peak_ns) == (100, 100)


def test_the_ladder_finds_where_it_stood() -> None:
    mark = Watermark()
    assert mark.closed_before(0.0) is None
    mark.record(at=0.0, keep_seconds=100.0)
    for at in range(0, 200, 10):
        mark.closed_ns = at
        mark.record(at=float(at), keep_seconds=100.0)
    assert mark.closed_before(150.0) == 150
    assert mark.closed_before(155.0) == 150
    # 90 is the last that the longest rung can ask for.
    assert mark.closed_before(0.0) == mark.history[0][1] == 90


def test_the_ladder_notes_no_more_than_it_needs() -> None:
    mark = Watermark(closed_ns=1)
    for at in range(100):
        mark.record(at=at / 10, keep_seconds=100.0)
    assert len(mark.history) == 1


def test_the_ladder_never_asks_above_a_watermark_that_stepped_back() -> None:
    mark = Watermark(closed_ns=100)
    mark.record(at=0.0, keep_seconds=100.0)
    mark.rewind(60, bound_ns=10)
    assert mark.closed_before(20.0) == 50


@given(
    st.lists(st.tuples(st.floats(0, 30), st.integers(1, 100), st.booleans()), max_size=60),
)
def test_it_never_passes_the_open_mark_and_never_falls(
    steps: list[tuple[float, int, bool]],
) -> None:
    mark, now, closed = Watermark(), 0.0, [0]
    seen_at: dict[int, float] = {}
    for wait, stamp, full in steps:
        now += wait
        mark.close(started=now, bound_seconds=BOUND, full=full)
        if mark.closed_ns is not None:
            closed.append(mark.closed_ns)
            assert seen_at[mark.closed_ns] + BOUND <= now
        if mark.open_ns is None or stamp > mark.open_ns:
            seen_at[stamp] = now
        mark.learn(stamp, at=now)
        assert mark.closed_ns is None or mark.open_ns is None or mark.closed_ns <= mark.open_ns
    assert all(low <= high for low, high in pairwise(closed))
