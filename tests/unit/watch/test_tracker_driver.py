"""What a driver can rely on: pace, failures, overlap, modes, state."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.watch.driving import NS, START_NS, Drive, Seen, at_ns, brief, seen
from triwire.watch.actions import GetOne, ListAll, ListSince, Stop, WaitUntil, Why
from triwire.watch.events import Added, Bookmark, Failed, Modified, Reason, Synced
from triwire.watch.failures import PollFailure
from triwire.watch.mirror import Mirror
from triwire.watch.observation import ListAnswer, Phase
from triwire.watch.tokens import ResumeToken
from triwire.watch.tracker import Tracker

if TYPE_CHECKING:
    from collections.abc import Iterator

    from triwire.watch.checkpoint import Checkpoint
    from triwire.watch.events import Event
    from triwire.watch.rows import Row

X, Y = seen("x", 0), seen("y", 0)


def resumed(state: Checkpoint[str], now: float = 1000.0, **options: Any) -> Drive:
    return Drive(state, now=now, **options)


# -- pace --------------------------------------------------------------------------------------


def test_a_nudge_polls_at_once_and_fast_for_a_while() -> None:
    drive = Drive().boot([X])
    for at in (20.0, 30.0, 40.0):
        drive.poll([X], at)
    assert isinstance(drive.tracker.plan(41.0), WaitUntil)
    drive.tracker.nudge(41.0)
    assert isinstance(drive.tracker.plan(41.0), ListSince)
    drive.poll([X], 41.0)
    assert drive.tracker.plan(41.2) == WaitUntil(43.1)


def test_a_waiter_keeps_polls_fast() -> None:
    drive = Drive().boot([X])
    drive.tracker.add_waiter()
    for at in (20.0, 30.0):
        drive.poll([X], at)
    assert drive.tracker.plan(30.2) == WaitUntil(32.1)
    drive.tracker.remove_waiter()
    drive.poll([X], 32.1)
    due = drive.tracker.plan(32.3)
    assert isinstance(due, WaitUntil)
    assert due.at_seconds == pytest.approx(35.2)


def test_the_second_poll_comes_at_a_random_phase() -> None:
    drive = Drive()
    drive.full([X], 0.0, why=Why.SYNC)
    due = drive.tracker.plan(0.1)
    assert isinstance(due, WaitUntil)
    assert 0.1 < due.at_seconds < 2.1


def test_staleness_is_the_age_of_the_last_complete_poll_from_its_start() -> None:
    drive = Drive()
    assert drive.tracker.staleness_seconds(5.0) == math.inf
    drive.full([X], 5.0, why=Why.SYNC)
    assert drive.tracker.staleness_seconds(7.0) == 2.0


# -- overlap -----------------------------------------------------------------------------------


def test_one_list_and_any_number_of_gets_may_be_under_way() -> None:
    drive = Drive().boot([X, Y, seen("z", 0)])
    drive.full([X], 60.0)
    poll = ListSince(at_ns(-1))
    drive.tracker.begin(poll)
    asked = set[str]()
    while isinstance(action := drive.tracker.plan(63.0), GetOne):
        drive.tracker.begin(action)
        asked.add(action.key)
    assert asked == {"y", "z"}
    assert action == WaitUntil(math.inf)
    drive.tracker.abandon(poll)
    assert drive.tracker.plan(73.0) == poll
    drive.tracker.abandon(GetOne("y", Why.CONFIRM))
    assert drive.tracker.plan(63.0) == GetOne("y", Why.CONFIRM)


def test_an_older_answer_that_arrives_later_changes_nothing() -> None:
    drive = Drive().boot([X])
    drive.poll([seen("x", 50, "new")], 40.0)
    assert drive.get("x", X, 39.9) == []
    assert drive.tracker.objects == {"x": "new"}


# -- failures ----------------------------------------------------------------------------------


def fail(drive: Drive, code: int, at: float, **settings: Any) -> list[tuple[str, ...]]:
    failure = replace(PollFailure(code=code), **settings)
    return brief(drive.tracker.on_failure(ListAll(Why.POLL), failure, started=at, ended=at))


def test_after_a_failure_nothing_is_sent_before_its_time() -> None:
    drive = Drive()
    fail(drive, 14, 0.0, retry_delay_seconds=7.0)
    assert drive.tracker.plan(1.0) == WaitUntil(7.0)
    assert drive.tracker.plan(7.0) == ListAll(Why.SYNC)


def test_a_fatal_failure_ends_the_watch() -> None:
    drive = Drive()
    assert fail(drive, 3, 0.0) == [("failed", "fatal")]
    assert drive.tracker.plan(1000.0) == Stop()


def test_an_outage_is_told_but_ends_nothing() -> None:
    drive = Drive()
    assert fail(drive, 14, 0.0) == []
    assert fail(drive, 14, 31.0) == [("failed", "outage")]
    assert isinstance(drive.tracker.plan(1000.0), ListAll)


def test_after_authentication_came_back_everything_is_listed() -> None:
    drive = Drive().boot([X])
    fail(drive, 16, 20.0)
    assert drive.tracker.renew_credential
    drive.poll([X], 90.0)
    assert not drive.tracker.renew_credential
    assert drive.tracker.plan(90.2) == ListAll(Why.RELIST)


def test_objects_of_another_tenant_end_the_watch() -> None:
    drive = Drive()
    drive.full([X], 0.0, why=Why.SYNC, owner="ours")
    drive.full([X], 5.0, owner=None)
    (told,) = drive.full([Y], 10.0, owner="theirs")
    assert isinstance(told, Failed)
    assert told.is_fatal
    assert "another tenant" in told.message
    assert drive.tracker.plan(20.0) == Stop()
    assert drive.tracker.objects == {"x": "a"}


# -- wires -------------------------------------------------------------------------------------


def test_another_wire_that_cuts_stamps_changes_nothing() -> None:
    fine = replace(seen("x", 10), created_ns=at_ns(0) + 123, updated_ns=at_ns(10) + 456)
    drive = Drive().boot([fine])
    drive.tracker.on_wire_change(20.0)
    assert drive.tracker.plan(20.0) == ListAll(Why.RELIST)
    cut = seen("x", 10)
    assert drive.full([cut], 20.0) == []
    assert drive.full([cut], 40.0) == []
    # Known on this wire now: a difference is another incarnation again.
    again = replace(seen("x", 50, "b"), created_ns=at_ns(0) + 500)
    assert brief(drive.full([again], 60.0)) == [("deleted", "x", "a"), ("added", "x", "b")]


def test_an_answer_under_way_during_the_change_may_be_of_either_wire() -> None:
    fine = replace(seen("x", 10), created_ns=at_ns(0) + 123)
    drive = Drive().boot([fine])
    drive.tracker.on_wire_change(20.0)
    drive.full([fine], 19.9)
    cut = seen("x", 50, "b")
    assert brief(drive.full([cut], 30.0)) == [("modified", "x", "a->b")]


# -- resume ------------------------------------------------------------------------------------


def test_a_restored_tracker_waits_for_the_bound_and_then_lists() -> None:
    state = Drive().boot([X]).tracker.checkpoint()
    drive = resumed(state)
    assert drive.tracker.plan(1000.0) == WaitUntil(1010.0)
    assert drive.tracker.plan(1010.0) == ListAll(Why.SYNC)
    assert drive.tracker.closed_ns == at_ns(0)


def test_the_same_changes_have_the_same_ids_after_a_restart() -> None:
    drive = Drive().boot([X])
    state = drive.tracker.checkpoint()
    items = [seen("x", 50, "new"), seen("z", 51)]
    before = [one.id for one in drive.poll(items, 40.0) if isinstance(one, Added | Modified)]
    after = [
        one.id
        for one in resumed(state).full(items, 1010.0, why=Why.SYNC)
        if isinstance(one, Added | Modified)
    ]
    assert before == after


def test_resumed_is_told_when_every_suspicion_is_settled() -> None:
    drive = resumed(Drive().boot([X, Y]).tracker.checkpoint())
    assert drive.full([X], 1010.0, why=Why.SYNC) == []
    events = drive.get("y", None, 1011.0)
    assert brief(events) == [("deleted", "y", "a"), ("synced", "resumed")]
    assert events[1] == Synced(Reason.RESUMED, frozenset({"x"}))


def test_an_empty_first_list_after_a_restart_is_doubted() -> None:
    items = [seen(f"i{number}", 0) for number in range(40)]
    drive = resumed(Drive().boot(items).tracker.checkpoint())
    assert brief(drive.full([], 1010.0, why=Why.SYNC)) == [("failed", "outage")]
    assert brief(drive.full(items, 1021.0)) == [("synced", "resumed")]


def test_without_stored_objects_ends_are_silent_and_synced_tells() -> None:
    state = Drive().boot([X, Y]).tracker.checkpoint()
    bare = replace(state, rows=tuple(replace(row, object=None) for row in state.rows))
    drive = resumed(bare)
    drive.full([seen("x", 50, "new")], 1010.0, why=Why.SYNC)
    assert drive.tracker.objects == {"x": "new"}
    events = drive.get("y", None, 1011.0)
    assert events == [Synced(Reason.RESUMED, frozenset({"x"}))]
    assert drive.tracker.counts["silent_end"] == 1


def test_a_restored_object_is_filled_in_without_an_event() -> None:
    deleting = seen("x", 0, phase=Phase.DELETING)
    state = Drive().boot([deleting]).tracker.checkpoint()
    drive = resumed(replace(state, rows=(replace(state.rows[0], object=None),)))
    assert drive.tracker.objects == {}
    assert brief(drive.full([deleting], 1010.0, why=Why.SYNC)) == [("synced", "resumed")]
    assert drive.tracker.objects == {"x": "a"}


def test_ends_survive_a_restart() -> None:
    drive = Drive().boot([X, Y])
    drive.full([X], 60.0)
    drive.get("y", None, 61.0)
    state = drive.tracker.checkpoint()
    assert [end.key for end in state.ends] == ["y"]
    again = resumed(state)
    assert brief(again.full([X, Y], 1009.9, why=Why.SYNC)) == [("synced", "resumed")]
    assert again.tracker.counts["stale_return"] == 1


def test_a_checkpoint_of_some_keys_holds_only_those() -> None:
    drive = Drive().boot([X, Y, seen("z", 0)])
    drive.full([Y, seen("z", 0)], 60.0)
    drive.get("x", None, 61.0)
    state = drive.tracker.checkpoint(["y", "x", "unknown"])
    assert [row.key for row in state.rows] == ["y"]
    assert [end.key for end in state.ends] == ["x"]


def token_of(drive: Drive) -> Checkpoint[str]:
    text = drive.tracker.token()
    assert text is not None
    return ResumeToken.parse(text).resume("scope", now_ns=START_NS)


def test_there_is_no_token_before_the_watermark_has_a_value() -> None:
    drive = Drive()
    drive.full([X], 0.0, why=Why.SYNC, wall_clock_ns=START_NS)
    assert drive.tracker.token() is None


def test_a_token_resumes_with_what_changed_since() -> None:
    drive = Drive()
    items = [seen("old", -50), seen("gone", -50), seen("same", 0), seen("changes", 0)]
    for at, why in ((0.0, Why.SYNC), (11.0, Why.CLOSE)):
        drive.full(items, at, why=why, wall_clock_ns=START_NS)
    state = token_of(drive)
    assert {row.key for row in state.rows} == {"same", "changes"}
    again = resumed(state)
    events = again.full(
        [
            seen("old", -50),
            seen("same", 0),
            seen("changes", 5, "b"),
            seen("moved", 5, "b", created=-60),
            seen("born", 5, "c", created=5),
        ],
        1010.0,
        why=Why.SYNC,
    )
    assert brief(events) == [
        ("added", "born", "c"),
        ("modified", "changes", "None->b"),
        ("modified", "moved", "None->b"),
        ("synced", "resumed"),
    ]
    last = events[-1]
    assert isinstance(last, Synced)
    assert last.keys == {"old", "same", "changes", "moved", "born"}
    assert brief(again.poll([seen("later", 3, "late")], 1020.0)) == [("added", "later", "late")]


@pytest.mark.parametrize(
    "items",
    [
        pytest.param((), id="nothing"),
        pytest.param((replace(X, updated_ns=0), replace(Y, updated_ns=0)), id="no stamps"),
    ],
)
def test_a_token_of_what_has_no_stamps_resumes_with_all_that_is_there(items: tuple[Seen]) -> None:
    drive = Drive()
    assert drive.tracker.token() is None
    drive.full(items, 0.0, why=Why.SYNC, wall_clock_ns=START_NS)
    state = token_of(drive)
    assert (state.closed_ns, state.open_ns, state.rows) == (None, None, ())
    events = resumed(state).full([X, seen("z", 5)], 1010.0, why=Why.SYNC)
    assert brief(events) == [("added", "x", "a"), ("added", "z", "a"), ("synced", "resumed")]
    # Once there are stamps, a token waits for the watermark, as ever.
    drive.full([X], 20.0, why=Why.EMPTY, wall_clock_ns=START_NS)
    assert drive.tracker.token() is None


def test_a_token_holds_at_most_512_objects_and_the_newest() -> None:
    items = [seen(f"k{number:04d}", number / 1000) for number in range(600)]
    drive = Drive()
    for at, why in ((0.0, Why.SYNC), (11.0, Why.CLOSE)):
        drive.full(items, at, why=why, wall_clock_ns=START_NS)
    rows = token_of(drive).rows
    assert len(rows) == 512
    assert rows[-1].key == "k0599"


def test_versions_do_not_fall_after_a_token_that_is_much_newer_than_an_epoch() -> None:
    drive = Drive().boot([X])
    again = seen("x", 0.9, "b", created=0.9)
    _, born = drive.full([again], 20.0)
    assert isinstance(born, Added)
    assert born.identity.epoch == 1
    for at in (195.0, 210.0, 225.0, 240.0):
        drive.poll([again, seen("y", 190)], at, wall_clock_ns=at_ns(at))
    state = token_of(drive)
    assert state.closed_ns == at_ns(190)
    # "y" is recent; "x" is kept for its epoch, until it is gone.
    assert [row.key for row in state.rows] == ["x", "y"]
    changes = resumed(state).full([seen("x", 300, "c", created=0.9)], 1010.0, why=Why.SYNC)
    assert isinstance(changes[0], Modified)
    assert changes[0].version > born.version
    drive.get("x", None, 250.0)
    assert [row.key for row in token_of(drive).rows] == ["y"]


def test_bookmarks_come_at_most_as_often_as_wanted() -> None:
    drive = Drive(bookmark_interval_seconds=10.0).boot([X])
    drive.poll([X], 20.0)
    assert brief(drive.poll([X], 21.5)) == [("bookmark",)]
    assert brief(drive.poll([X], 25.0)) == []
    (mark,) = drive.poll([X], 32.0)
    assert isinstance(mark, Bookmark)
    assert mark.fresh_as_of_seconds == 32.0
    assert ResumeToken.parse(mark.token).checkpoint.closed_ns == at_ns(0)


def test_a_state_from_before_the_first_watermark_is_taken_up() -> None:
    drive = Drive()
    drive.full([X], 0.0, why=Why.SYNC)
    again = resumed(drive.tracker.checkpoint())
    assert brief(again.full([X], 1010.0, why=Why.SYNC)) == [("synced", "resumed")]
    assert again.tracker.closed_ns == again.tracker.open_ns == at_ns(0)


def test_a_state_with_an_open_window_closes_it_after_the_bound() -> None:
    drive = Drive().boot([X])
    drive.poll([X, seen("y", 50)], 40.0)
    again = resumed(drive.tracker.checkpoint())
    again.full([X, seen("y", 50)], 1010.0, why=Why.SYNC)
    assert again.tracker.closed_ns == at_ns(50)


def test_paths_are_compared_only_if_somebody_knows_how() -> None:
    tracker: Tracker[str] = Tracker("scope", random.Random(1))  # noqa: S311 - repeatable
    drive = Drive()
    drive.tracker = tracker
    drive.full([X], 0.0, why=Why.SYNC)
    (event,) = drive.full([seen("x", 5, "b")], 20.0)
    assert isinstance(event, Modified)
    assert event.changed == frozenset()


def test_an_expired_start_says_so() -> None:
    tracker: Tracker[str] = Tracker("scope", random.Random(1), start_reason=Reason.EXPIRED)  # noqa: S311 - repeatable
    drive = Drive()
    drive.tracker = tracker
    assert brief(drive.full([], 0.0, why=Why.SYNC)) == [("synced", "expired")]
    assert drive.tracker.open_ns is None


def test_a_poll_looks_only_at_what_is_stamped_since(monkeypatch: pytest.MonkeyPatch) -> None:
    items = [seen(f"k{number:05d}", number) for number in range(5000)]
    drive = Drive().boot(items)
    looked = list[str]()
    original = Mirror[str].stamped_since

    def counting(mirror: Mirror[str], stamp: int) -> Iterator[Row[str]]:
        for row in original(mirror, stamp):
            looked.append(row.key)
            yield row

    monkeypatch.setattr(Mirror, "stamped_since", counting)
    for at in range(20, 200, 10):
        drive.poll(items[-1:], float(at), cursor=items[-1].updated_ns - NS)
    assert set(looked) == {"k04999"}


def test_a_get_that_is_due_has_its_turn_after_each_list() -> None:
    drive = Drive().boot([X, seen("y", -50)])
    drive.full([X], 20.0)
    first, later = drive.tracker.plan(25.0), drive.tracker.plan(500.0)
    assert first == later == GetOne("y", Why.CONFIRM)
    # It failed; the next turn is the list's again, and so on.
    failure = PollFailure(code=14, from_server=False)
    drive.tracker.on_failure(GetOne("y", Why.CONFIRM), failure, started=500.0, ended=500.1)
    poll = drive.tracker.plan(600.0)
    assert isinstance(poll, ListAll | ListSince)
    drive.tracker.on_failure(poll, failure, started=600.0, ended=600.1)
    assert drive.tracker.plan(700.0) == GetOne("y", Why.CONFIRM)
    assert brief(drive.get("y", None, 700.0)) == [("deleted", "y", "a")]
    assert isinstance(drive.tracker.plan(800.0), ListAll | ListSince)


# -- long answers -------------------------------------------------------------------------------


def test_a_long_answer_is_applied_in_parts_which_together_tell_the_same() -> None:
    items = [seen(f"n{at:04}", at) for at in range(1001)]
    whole, drive = Drive(), Drive()
    parts: list[int] = []
    events: list[Event[str]] = []
    answer = ListAnswer(tuple(items))
    for part in drive.tracker.on_list_in_parts(ListAll(Why.SYNC), answer, started=0, ended=0.1):
        parts.append(len(part))
        events += part
        # Who joins now knows what has been told, and nothing of what is to come.
        told = [event.key for event in events if isinstance(event, Added)]
        assert [event.key for event in drive.tracker.snapshot()] == told
    assert parts == [500, 500, 2]
    assert events == whole.full(items, 0.0, why=Why.SYNC)
