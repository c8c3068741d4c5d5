"""What polls and lists make known, and what they must not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.watch.driving import NS, Drive, Seen, at_ns, brief, seen
from triwire.watch.actions import ListAll, ListSince, WaitUntil, Why
from triwire.watch.events import Added, Deleted, Modified, Reason
from triwire.watch.observation import ListAnswer, Phase

X = seen("x", 0)


def test_the_first_list_is_a_snapshot_and_then_synced() -> None:
    drive = Drive()
    assert drive.tracker.plan(0.0) == ListAll(Why.SYNC)
    events = drive.full([seen("b", 2), seen("a", 2), seen("c", 1)], 0.0, why=Why.SYNC)
    assert brief(events) == [
        ("added", "c", "a"),
        ("added", "a", "a"),
        ("added", "b", "a"),
        ("synced", "snapshot"),
    ]
    assert drive.tracker.objects == {"a": "a", "b": "a", "c": "a"}


def test_a_second_full_list_gives_the_watermark_its_first_value() -> None:
    drive = Drive()
    drive.full([X], 0.0, why=Why.SYNC)
    assert drive.tracker.closed_ns is None
    assert drive.cursor(9.0) == at_ns(0) - 70 * NS
    assert drive.tracker.plan(10.1) == ListAll(Why.CLOSE)
    drive.full([X], 10.1, why=Why.CLOSE)
    assert drive.tracker.closed_ns == at_ns(0)
    assert drive.cursor(30.0) == at_ns(-1)


def test_polls_before_that_close_nothing() -> None:
    drive = Drive()
    drive.full([X], 0.0, why=Why.SYNC)
    drive.poll([X], 20.0, cursor=at_ns(-70))
    assert drive.tracker.closed_ns is None


def test_an_empty_answer_keeps_full_listing() -> None:
    drive = Drive()
    drive.full([], 0.0, why=Why.SYNC)
    assert drive.tracker.plan(5.0) == ListAll(Why.EMPTY)
    assert brief(drive.full([X], 5.0, why=Why.EMPTY)) == [("added", "x", "a")]
    assert drive.tracker.plan(15.1) == ListAll(Why.CLOSE)


def test_a_commit_that_becomes_visible_late_is_delivered() -> None:
    drive = Drive().boot([X])
    newer, late = seen("b", 100), seen("a", 97)
    assert brief(drive.poll([X, newer], 40.0)) == [("added", "b", "a")]
    assert brief(drive.poll([X, newer, late], 44.0)) == [("added", "a", "a")]


def test_a_tie_that_becomes_visible_late_is_delivered() -> None:
    drive = Drive().boot([X])
    drive.poll([X, seen("b", 100)], 40.0)
    events = drive.poll([X, seen("b", 100), seen("a", 100)], 49.9)
    assert brief(events) == [("added", "a", "a")]


def test_the_window_closes_by_itself_when_nothing_happens() -> None:
    drive, items = Drive().boot([X]), [X, seen("b", 100)]
    drive.poll(items, 40.0)
    drive.poll(items, 50.0)
    assert drive.tracker.closed_ns == at_ns(0)
    drive.poll(items, 50.1)
    assert drive.tracker.closed_ns == drive.tracker.open_ns == at_ns(100)


def test_a_get_never_moves_the_watermark() -> None:
    drive = Drive().boot([X])
    marks = drive.tracker.closed_ns, drive.tracker.open_ns
    assert brief(drive.get("x", seen("x", 500, "z"), 40.0)) == [("modified", "x", "a->z")]
    assert (drive.tracker.closed_ns, drive.tracker.open_ns) == marks


def test_an_answer_without_its_sentinel_closes_nothing_and_asks_for_it() -> None:
    drive = Drive().boot([X])
    drive.poll([X, seen("b", 100)], 40.0)
    drive.poll([seen("b", 100)], 55.0)
    assert drive.tracker.closed_ns == at_ns(0)
    assert drive.tracker.counts["sentinel_miss"] == 1
    assert str(drive.tracker.plan(55.2)) == str(drive.tracker.plan(55.1))
    drive.poll([seen("b", 100)], 55.5)
    assert drive.tracker.counts["sentinel_miss"] == 1


def test_a_recent_object_is_no_sentinel_yet() -> None:
    drive = Drive().boot([X])
    drive.poll([X, seen("b", 100)], 40.0)
    drive.poll([X], 45.0)
    assert "sentinel_miss" not in drive.tracker.counts


def test_a_lagging_replica_is_not_time_travel() -> None:
    drive = Drive().boot([X])
    drive.poll([seen("x", 50, "new")], 40.0)
    assert drive.full([X], 42.0) == []
    assert drive.get("x", seen("x", 50, "new"), 53.0) == []
    assert drive.tracker.objects == {"x": "new"}
    assert drive.tracker.counts["hold_dropped"] == 1
    assert "stale_read" not in drive.tracker.counts


def test_an_old_state_shown_too_long_widens_the_bound() -> None:
    drive = Drive().boot([X])
    drive.poll([seen("x", 50, "new")], 40.0)
    drive.full([X], 51.0)
    drive.full([seen("x", 50, "new")], 53.0)
    assert drive.tracker.counts["stale_read"] == 1
    assert drive.tracker.visibility_bound_seconds == 20.0


def test_a_stamp_that_stays_lower_is_accepted_after_the_bound() -> None:
    drive = Drive().boot([X])
    drive.poll([seen("x", 50, "new")], 40.0)
    restored = seen("x", 20, "restored")
    assert drive.full([restored], 42.0) == []
    assert drive.get("x", restored, 51.0) == []
    (event,) = drive.get("x", restored, 52.0)
    assert isinstance(event, Modified)
    assert (event.reason, event.old, event.identity.epoch) == (Reason.REGRESSED, "new", 1)
    assert event.version > (at_ns(0) // NS, 0, at_ns(50) // NS)


def test_other_content_under_the_same_stamp_waits_for_the_bound() -> None:
    drive = Drive().boot([X])
    drive.poll([seen("x", 50, "b")], 40.0)
    tie = seen("x", 50, "c")
    assert drive.poll([tie], 45.0) == []
    assert drive.poll([tie], 46.0) == []
    (event,) = drive.get("x", tie, 50.1)
    assert isinstance(event, Modified)
    assert (event.reason, event.changed) == (Reason.TIE, frozenset({"to.c"}))


def test_content_that_comes_back_under_one_stamp_has_an_id_of_its_own() -> None:
    drive = Drive().boot([seen("x", 0, "a")])
    ids = {
        event.id
        for at, content in ((40.0, "b"), (60.0, "a"), (80.0, "b"), (100.0, "a"))
        for event in drive.full([seen("x", 0, content)], at)
        if isinstance(event, Modified)
    }
    assert len(ids) == 4


def test_equal_content_under_a_newer_stamp_is_no_event_unless_asked_for() -> None:
    assert Drive().boot([X]).poll([seen("x", 50)], 40.0) == []
    touching = Drive(emit_touches=True).boot([X])
    assert brief(touching.poll([seen("x", 50)], 40.0)) == [("modified", "x", "a->a")]


def test_an_older_stamp_with_the_known_content_proves_only_that_it_lives() -> None:
    drive = Drive().boot([X])
    drive.poll([seen("x", 50)], 40.0)
    assert drive.full([X], 60.0) == []
    assert drive.gets(100.0) == []


def test_of_two_states_in_one_answer_the_newer_counts_whatever_the_order() -> None:
    old, new = seen("x", 49, "old"), seen("x", 50, "new")
    for items in ([old, new], [new, old]):
        assert brief(Drive().boot([X]).poll(items, 40.0)) == [("modified", "x", "a->new")]


def test_a_recreated_object_is_deleted_and_added() -> None:
    drive = Drive().boot([X])
    again = seen("x", 60, "b", created=60)
    gone, born = drive.poll([again], 40.0)
    assert isinstance(gone, Deleted)
    assert isinstance(born, Added)
    assert (gone.reason, born.reason) == (Reason.REPLACED, Reason.RECREATED)
    assert born.version > gone.version


@pytest.mark.parametrize("sees_the_end", [True, False])
def test_an_incarnation_of_the_same_second_gets_the_higher_version(sees_the_end: bool) -> None:  # noqa: FBT001 - a table
    drive = Drive().boot([X])
    again = seen("x", 0.9, "b", created=0.9)
    events = drive.get("x", None, 40.0) if sees_the_end else []
    events += drive.full([again], 60.0)
    assert brief(events) == [("deleted", "x", "a"), ("added", "x", "b")]
    gone, born = events
    assert isinstance(gone, Deleted)
    assert isinstance(born, Added)
    assert born.version > gone.version


def test_an_incarnation_that_is_stamped_lower_still_gets_the_higher_version() -> None:
    drive = Drive().boot([X])
    older = seen("x", -5, "b", created=-5)
    assert drive.full([older], 40.0) == []
    gone, born = drive.full([older], 51.0)
    assert isinstance(gone, Deleted)
    assert isinstance(born, Added)
    assert born.reason is Reason.REGRESSED
    assert born.version > gone.version
    # The newer incarnation comes back: a third epoch of one birth.
    again = drive.full([X], 60.0)
    assert brief(again) == [("deleted", "x", "b"), ("added", "x", "a")]
    assert isinstance(again[1], Added)
    assert again[1].identity.epoch == 2


def test_an_object_without_stamps_is_followed_by_its_content() -> None:
    bare = replace(X, created_ns=0, updated_ns=0)
    drive = Drive()
    drive.full([bare], 0.0, why=Why.SYNC)
    assert drive.tracker.plan(5.0) == ListAll(Why.EMPTY)
    other = replace(bare, fingerprint=b"b" * 16, object="b")
    assert brief(drive.full([other], 20.0, why=Why.EMPTY)) == [("modified", "x", "a->b")]


def test_a_stamp_in_the_future_is_applied_and_does_not_poison_the_cursor() -> None:
    drive = Drive().boot([X])
    ahead = seen("f", 3600)
    events = drive.poll([ahead], 40.0, server_date_ns=at_ns(40))
    assert brief(events) == [("added", "f", "a")]
    assert drive.tracker.open_ns == at_ns(0)
    assert drive.tracker.counts["future"] == 1


def test_a_clock_that_stepped_back_lowers_the_cursor() -> None:
    drive = Drive().boot([seen("x", 600)])
    drive.poll([seen("x", 600)], 40.0, server_date_ns=at_ns(540))
    assert drive.tracker.closed_ns == at_ns(530)
    assert drive.tracker.counts["clock_stepped_back"] == 1


def test_late_changes_widen_the_bound_and_bring_full_lists_closer() -> None:
    drive = Drive().boot([seen("x", 1000)])
    items = [seen("x", 1000)]
    for number in range(3):
        items.append(seen(f"late{number}", 500 + number))
        drive.full(items, 40.0 + 20 * number)
    assert drive.tracker.counts["late"] == 3
    assert drive.tracker.counts["widened"] == 1
    assert drive.tracker.visibility_bound_seconds == 20.0
    drive.full(items, 100.0)
    due = drive.tracker.plan(100.2)
    assert isinstance(due, WaitUntil)
    assert isinstance(drive.tracker.plan(160.2), ListAll)


def test_an_old_object_that_is_shown_only_now_is_no_evidence() -> None:
    drive = Drive().boot([seen("x", 1000)])
    old = [seen(f"old{number}", number) for number in range(5)]
    drive.full([seen("x", 1000), *old], 40.0)
    assert drive.tracker.counts == {"late_deep": 5}
    assert drive.tracker.closed_ns == at_ns(1000)
    assert drive.tracker.visibility_bound_seconds == 10.0


def test_an_object_without_an_update_stamp_is_not_late() -> None:
    drive = Drive().boot([seen("x", 1000)])
    bare = replace(seen("bare", 0), updated_ns=0)
    assert brief(drive.full([seen("x", 1000), bare], 40.0)) == [("added", "bare", "a")]
    assert drive.tracker.counts == {}
    assert drive.tracker.closed_ns == at_ns(1000)


def test_lists_that_find_only_what_polls_would_have_found_grow_rarer() -> None:
    drive, at = Drive().boot([X]), 20.0
    for number in range(6):
        newest = seen("x", 10 + number, f"v{number}")
        drive.full([newest], at)
        at += 300.0
    assert not isinstance(drive.tracker.plan(1520.0 + 320.0), ListAll)


def test_silent_changes_are_counted() -> None:
    drive = Drive().boot([seen("x", 1000), seen("y", 10)])
    drive.full([seen("x", 1000), seen("y", 10, "b")], 40.0)
    assert drive.tracker.counts["silent"] == 1


def test_a_server_that_ignores_the_filter_is_noticed() -> None:
    drive = Drive().boot([seen("x", 1000), seen("y", 10)])
    drive.poll([seen("x", 1000), seen("y", 10)], 40.0, cursor=at_ns(-1000))
    assert "filter_ignored" not in drive.tracker.counts
    drive.tracker.on_list(
        ListSince(at_ns(999)),
        ListAnswer((seen("x", 1000), seen("y", 10))),
        started=50.0,
        ended=50.1,
    )
    assert drive.tracker.counts["filter_ignored"] == 1


def test_the_ladder_asks_from_where_the_watermark_was() -> None:
    drive = Drive(ladder=((60.0, 100.0),), relist_interval_seconds=1800.0).boot([X])
    newest = X
    for at in range(20, 320, 10):
        newest = seen("x", at, f"v{at}")
        drive.poll([newest], float(at))
    closed = drive.tracker.closed_ns
    action = drive.tracker.plan(330.0)
    assert isinstance(action, ListSince)
    assert closed is not None
    assert action.why is Why.LADDER
    assert closed - 110 * NS <= action.cursor_ns <= closed - 80 * NS
    # The ladder's own answer closes the watermark too, and puts the rung off.
    drive.poll([newest], 330.0, cursor=action.cursor_ns, why=Why.LADDER)
    assert drive.tracker.closed_ns == at_ns(310)
    assert drive.cursor(335.0) == at_ns(309)


def test_a_rung_that_leads_nowhere_else_is_left_out() -> None:
    drive = Drive(ladder=((10.0, 20.0),), relist_interval_seconds=1800.0).boot([X])
    for at in (30.0, 60.0, 90.0):
        assert drive.cursor(at + 20.0) == at_ns(-1)
        drive.poll([X], at)


def test_a_late_change_reopens_the_watermark_for_a_while() -> None:
    newest = seen("x", 1000)
    drive = Drive().boot([newest])
    late = seen("late", 500)
    assert brief(drive.full([newest, late], 40.0)) == [("added", "late", "a")]
    assert drive.tracker.closed_ns == at_ns(500) - 1
    drive.poll([newest, late], 60.0)
    assert drive.tracker.closed_ns == at_ns(500) - 1
    drive.poll([newest, late], 70.2)
    assert drive.tracker.closed_ns == at_ns(1000)


def test_a_crowded_stamp_is_left_out_of_polls_and_closes_nothing_meanwhile() -> None:
    crowd = [seen(f"k{number}", 0) for number in range(5)]
    drive = Drive(tail_limit=3).boot(crowd)
    drive.poll(crowd, 30.0)
    assert drive.cursor(40.0) == at_ns(0) - 1
    drive.poll(crowd, 40.0, cursor=at_ns(0) - 1)
    assert drive.cursor(60.0) == at_ns(0)
    fresh = seen("new", 5)
    drive.poll([*crowd, fresh], 60.0, cursor=at_ns(0))
    assert drive.cursor(69.0) == at_ns(0)
    drive.poll([*crowd, fresh], 71.0, cursor=at_ns(0))
    assert drive.tracker.closed_ns == at_ns(0)
    # There is something to close, so the guard is back.
    assert drive.cursor(90.0) == at_ns(-1)
    drive.poll([*crowd, fresh], 90.0)
    assert drive.tracker.closed_ns == at_ns(5)


VERSIONS = [seen("x", stamp, content) for stamp, content in ((10, "b"), (20, "c"), (30, "d"))]


@given(st.permutations(VERSIONS), st.integers(0, 10**6))
def test_answers_further_apart_than_the_bound_end_in_the_last_one(
    order: list[Seen], shift: int
) -> None:
    drive = Drive().boot([X])
    at = 40.0 + shift % 7
    for one in order:
        # Each state is shown for good: by a poll, by the confirming Get, and by a list.
        for _ in range(3):
            drive.full([one], at)
            at += 11.0
    assert drive.tracker.objects["x"] == order[-1].object


@given(st.lists(st.sampled_from([X, *VERSIONS]), max_size=20))
def test_seeing_a_state_twice_changes_nothing(shown: list[Seen]) -> None:
    drive, at = Drive().boot([X]), 40.0
    for one in shown:
        drive.full([one], at)
        before = drive.tracker.objects
        assert [event for event in drive.full([one], at) if isinstance(event, Added)] == []
        assert drive.tracker.objects == before
        at += 1.0


def test_a_phase_that_moves_keeps_polls_fast() -> None:
    drive = Drive().boot([seen("x", 0, phase=Phase.MOVING)])
    for at in (20.0, 30.0, 40.0):
        drive.poll([seen("x", 0, phase=Phase.MOVING)], at)
    assert drive.tracker.plan(40.2) == WaitUntil(42.1)


@pytest.mark.parametrize("mode", ["auto", "full"])
def test_small_lists_are_always_full(mode: str) -> None:
    drive = Drive(mode=mode)
    drive.full([X], 0.0, why=Why.SYNC)
    assert drive.tracker.plan(50.0) == ListAll(Why.POLL)


def test_auto_polls_incrementally_while_lists_are_large() -> None:
    drive = Drive(mode="auto")
    drive.full([X], 0.0, why=Why.SYNC, size_bytes=65_537)
    drive.full([X], 11.0, why=Why.CLOSE, size_bytes=65_537)
    assert isinstance(drive.tracker.plan(30.0), ListSince)
    drive.full([X], 320.0, size_bytes=50_000)
    assert isinstance(drive.tracker.plan(330.0), ListSince)
    drive.full([X], 650.0, size_bytes=49_000)
    assert drive.tracker.plan(660.0) == ListAll(Why.POLL)
    # An unknown size is guessed from the number of objects.
    drive.full([X, *(seen(f"k{number}", 0) for number in range(64))], 670.0, why=Why.POLL)
    assert isinstance(drive.tracker.plan(680.0), ListSince)
