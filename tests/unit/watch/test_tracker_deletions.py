"""What is gone, and what only seems to be."""

from __future__ import annotations

import pytest

from tests.unit.watch.driving import Drive, Seen, at_ns, brief, seen
from triwire.watch.actions import GetOne, ListAll, Why
from triwire.watch.events import Added, Deleted, Failed, Reason
from triwire.watch.failures import NOT_FOUND, PERMISSION_DENIED, UNIMPLEMENTED, PollFailure
from triwire.watch.observation import Phase

X, Y = seen("x", 0), seen("y", 0)
MANY = [seen(f"i{number:03d}", number / 100) for number in range(40)]
CROWD = [seen(f"i{number:03d}", number / 100) for number in range(200)]


def test_an_absence_is_confirmed_by_get() -> None:
    drive = Drive().boot([X, Y])
    assert drive.full([X], 60.0) == []
    assert drive.tracker.plan(60.2) == GetOne("y", Why.CONFIRM)
    assert brief(drive.get("y", None, 61.0)) == [("deleted", "y", "a")]


def test_an_object_that_a_list_left_out_stays() -> None:
    drive = Drive().boot([X, Y])
    drive.full([X], 60.0)
    assert drive.get("y", Y, 61.0) == []
    # The Get may have asked a replica that lags: once more after the bound.
    assert drive.gets(69.9) == []
    assert drive.gets(70.0) == ["y"]
    assert drive.get("y", Y, 70.0) == []
    assert drive.gets(300.0) == []


def test_a_later_list_that_holds_it_ends_the_suspicion() -> None:
    drive = Drive().boot([X, Y])
    drive.full([X], 60.0)
    drive.full([X, Y], 62.0)
    assert drive.get("y", Y, 63.0) == []
    assert drive.gets(300.0) == []


def test_not_found_right_after_the_first_sight_is_a_replica_that_lags() -> None:
    drive = Drive().boot([X])
    drive.poll([X, seen("n", 99)], 40.0)
    assert drive.get("n", None, 42.0) == []
    assert drive.gets(50.0) == []
    assert drive.gets(50.1) == ["n"]
    assert brief(drive.get("n", None, 50.1)) == [("deleted", "n", "a")]


def test_an_absence_right_after_the_first_sight_means_nothing() -> None:
    drive = Drive().boot([X])
    drive.poll([X, seen("n", 99)], 40.0)
    drive.full([X], 45.0)
    assert drive.gets(46.0) == []


def test_not_found_of_an_unknown_object_is_nothing() -> None:
    assert Drive().boot([X]).get("other", None, 50.0) == []


def test_a_recently_changed_object_that_vanishes_is_noticed_by_the_next_poll() -> None:
    drive = Drive().boot([X])
    drive.poll([X, seen("y", 100)], 40.0)
    drive.poll([X], 52.0)
    assert drive.tracker.plan(52.2) == GetOne("y", Why.CONFIRM)
    assert brief(drive.get("y", None, 53.0)) == [("deleted", "y", "a")]


def test_an_empty_answer_does_not_wipe_the_mirror() -> None:
    drive = Drive().boot(MANY)
    (told,) = drive.full([], 60.0)
    assert isinstance(told, Failed)
    assert not told.is_fatal
    probes = drive.gets(60.2)
    assert len(probes) == 8
    for key in probes:
        drive.get(key, next(one for one in MANY if one.key == key), 61.0)
    assert brief(drive.full([], 72.0)) == [("failed", "outage")]
    assert drive.full(MANY, 90.0) == []
    assert len(drive.tracker.objects) == 40


def test_a_doubtful_list_closes_nothing_and_comes_again_soon() -> None:
    drive = Drive().boot(MANY)
    drive.poll([*MANY, seen("new", 500)], 40.0)
    drive.full([seen("new", 500)], 60.0)
    assert drive.tracker.closed_ns == at_ns(0.39)
    assert drive.tracker.staleness_seconds(60.2) == pytest.approx(20.2)
    for key in drive.gets(60.2):
        drive.get(key, next(one for one in MANY if one.key == key), 61.0)
    assert drive.tracker.plan(70.1) == ListAll(Why.RELIST)


def test_good_news_in_a_doubtful_list_is_delivered() -> None:
    drive = Drive().boot(MANY)
    assert brief(drive.full([seen("new", 500)], 60.0)) == [
        ("failed", "outage"),
        ("added", "new", "a"),
    ]


def test_a_real_mass_deletion_is_believed_after_probes_and_a_second_list() -> None:
    drive = Drive().boot(CROWD)
    drive.full([], 60.0)
    for key in drive.gets(60.2):
        drive.get(key, None, 61.0)
    assert len(drive.tracker.objects) == 192
    assert drive.full([], 72.0) == []
    events = drive.full([], 83.0)
    assert len(events) == 192
    assert {event.reason for event in events if isinstance(event, Deleted)} == {Reason.ABSENT_TWICE}
    assert drive.tracker.objects == {}


def test_more_absences_than_gets_need_probes_and_two_lists_apart() -> None:
    drive = Drive().boot(CROWD)
    left = CROWD[:110]
    assert drive.full(left, 60.0) == []
    probes = drive.gets(60.2)
    assert len(probes) == 8
    assert drive.full(left, 65.0) == []
    assert drive.full(left, 71.0) == []
    # The first probes are unanswered, so new ones are asked for; all are gone now.
    fresh = set(drive.gets(71.2))
    for key in fresh:
        drive.get(key, None, 72.0)
    assert len(drive.full(left, 85.0)) == 90 - len(fresh)
    assert len(drive.tracker.objects) == 110


def test_a_cut_list_shown_twice_deletes_nothing_while_probes_live() -> None:
    drive = Drive().boot(CROWD)
    left = CROWD[:110]
    for at in (60.0, 75.0, 90.0, 105.0):
        drive.full(left, at)
        for key in drive.gets(at + 0.2):
            drive.get(key, next(one for one in CROWD if one.key == key), at + 1)
    assert len(drive.tracker.objects) == 200


def test_objects_in_deletion_are_watched_by_get_and_not_counted_as_missing() -> None:
    leaving = [seen(f"d{number}", 1, phase=Phase.DELETING) for number in range(12)]
    drive = Drive().boot([X, *leaving])
    assert len(drive.gets(13.2)) == 12
    assert drive.full([X], 60.0) == []
    drive.get("d0", leaving[0], 61.0, why=Why.HOT)
    assert brief(drive.get("d0", None, 71.0, why=Why.HOT)) == [("deleted", "d0", "a")]


def test_many_objects_in_deletion_bring_early_full_lists() -> None:
    leaving = [seen(f"d{number}", 1, phase=Phase.DELETING) for number in range(33)]
    drive = Drive().boot([X, *leaving])
    for at in (13.2, 20.0):
        drive.poll([X, *leaving], at)
    assert drive.tracker.plan(26.1) == ListAll(Why.RELIST)


def test_a_stale_replica_does_not_bring_the_dead_back() -> None:
    drive = Drive().boot([X, Y])
    drive.full([X], 60.0)
    drive.get("y", None, 61.0)
    assert drive.full([X, Y], 65.0) == []
    assert drive.tracker.counts["stale_return"] == 1
    (back,) = drive.full([X, Y], 80.0)
    assert isinstance(back, Added)
    assert (back.reason, back.identity.epoch) == (Reason.RESURRECTED, 1)
    assert drive.tracker.visibility_bound_seconds == 20.0


def test_a_new_incarnation_comes_at_once() -> None:
    drive = Drive().boot([X, Y])
    drive.full([X], 60.0)
    drive.get("y", None, 61.0)
    assert brief(drive.full([X, seen("y", 62, "b", created=62)], 63.0)) == [("added", "y", "b")]


def test_ends_are_forgotten_in_time() -> None:
    drive = Drive().boot([X, Y])
    drive.full([X], 60.0)
    drive.get("y", None, 61.0)
    drive.full([X], 662.0)
    (back,) = drive.full([X, Y], 663.0)
    assert isinstance(back, Added)
    assert back.reason is Reason.LISTED


@pytest.mark.parametrize(
    "failure",
    [
        pytest.param(PollFailure(code=NOT_FOUND, from_server=False), id="a bare 404"),
        pytest.param(PollFailure(code=PERMISSION_DENIED), id="permission denied"),
        pytest.param(PollFailure(code=14), id="unavailable"),
        pytest.param(PollFailure(code=16), id="unauthenticated"),
    ],
)
def test_only_a_genuine_not_found_deletes(failure: PollFailure) -> None:
    drive = Drive().boot([X, Y])
    drive.full([X], 60.0)
    get = GetOne("y", Why.CONFIRM)
    assert drive.tracker.on_failure(get, failure, started=61.0, ended=61.1) == []
    assert drive.tracker.objects.keys() == {"x", "y"}
    assert drive.tracker.plan(125.0) != drive.tracker.plan(61.2)


def test_a_genuine_not_found_deletes() -> None:
    drive = Drive().boot([X, Y])
    drive.full([X], 60.0)
    failure = PollFailure(code=NOT_FOUND)
    events = drive.tracker.on_failure(GetOne("y", Why.CONFIRM), failure, started=61.0, ended=61.1)
    assert brief(events) == [("deleted", "y", "a")]


def test_a_list_that_is_not_found_is_an_empty_list() -> None:
    drive = Drive().boot(MANY)
    failure = PollFailure(code=NOT_FOUND)
    events = drive.tracker.on_failure(ListAll(Why.RELIST), failure, started=60.0, ended=60.1)
    assert brief(events) == [("failed", "outage")]
    fresh = Drive()
    events = fresh.tracker.on_failure(ListAll(Why.SYNC), failure, started=0.0, ended=0.1)
    assert brief(events) == [("synced", "snapshot")]


@pytest.mark.parametrize(
    ("code", "times"),
    [pytest.param(UNIMPLEMENTED, 1, id="no get"), pytest.param(PERMISSION_DENIED, 3, id="denied")],
)
def test_without_get_two_lists_confirm(code: int, times: int) -> None:
    drive = Drive().boot([X, Y])
    drive.full([X], 60.0)
    for _ in range(times):
        drive.tracker.on_failure(
            GetOne("y", Why.CONFIRM), PollFailure(code=code), started=61.0, ended=61.1
        )
    action = drive.tracker.plan(125.0)
    assert action == ListAll(Why.CONFIRM)
    assert brief(drive.full([X], 125.0, why=Why.CONFIRM)) == [("deleted", "y", "a")]


def test_without_get_a_held_state_is_confirmed_by_a_list() -> None:
    drive = Drive(can_get=False).boot([X])
    drive.poll([seen("x", 50, "new")], 40.0)
    drive.full([seen("x", 20, "restored")], 42.0)
    assert drive.tracker.plan(52.1) == ListAll(Why.CONFIRM)
    events = drive.full([seen("x", 20, "restored")], 52.1, why=Why.CONFIRM)
    assert brief(events) == [("modified", "x", "new->restored")]
    assert not isinstance(drive.tracker.plan(53.0), ListAll)


def test_without_get_objects_in_deletion_are_watched_by_lists() -> None:
    leaving: Seen = seen("d", 1, phase=Phase.DELETING)
    drive = Drive(can_get=False).boot([X, leaving])
    drive.poll([X, leaving], 13.2)
    assert drive.tracker.plan(26.1) == ListAll(Why.RELIST)


def test_without_get_two_lists_must_be_the_bound_apart() -> None:
    drive = Drive(can_get=False).boot([X, Y])
    assert drive.full([X], 60.0) == []
    assert drive.full([X], 69.9) == []
    assert brief(drive.full([X], 70.0)) == [("deleted", "y", "a")]


def test_without_get_full_lists_wait_for_the_bound() -> None:
    drive = Drive(can_get=False).boot([X, Y])
    drive.full([X], 40.0)
    drive.poll([X, seen("n", 50)], 41.0)
    drive.poll([X], 52.0)
    drive.full([X], 52.5)
    assert drive.tracker.plan(60.0) != ListAll(Why.CONFIRM)
    assert drive.tracker.plan(62.6) == ListAll(Why.RELIST)


def test_a_server_that_rounds_up_raises_no_false_alarm() -> None:
    drive = Drive().boot([X, seen("z", 10.6)])
    drive.poll([seen("z", 10.6), seen("y", 9.8)], 40.0)
    # Asked from 9.6, it answers from 10: what lies inside the guard is missing.
    drive.poll([seen("z", 10.6)], 60.0)
    assert "sentinel_miss" not in drive.tracker.counts


def test_without_get_a_mass_deletion_takes_three_lists() -> None:
    drive = Drive(can_get=False).boot(CROWD)
    assert brief(drive.full([], 60.0)) == [("failed", "outage")]
    assert drive.full([], 72.0) == []
    assert len(drive.full([], 83.0)) == 200


def test_an_object_that_leaves_the_filter_is_deselected_with_its_live_state() -> None:
    drive = Drive().boot([X, Y])
    drive.full([X], 60.0)
    left = seen("y", 55, "moved", selected=False)
    (event,) = drive.get("y", left, 61.0)
    assert isinstance(event, Deleted)
    assert (event.reason, event.object) == (Reason.DESELECTED, "moved")
    back = seen("y", 70, "back")
    (again,) = drive.poll([back], 75.0)
    assert isinstance(again, Added)
    assert again.reason is Reason.RESELECTED
    assert again.version > event.version


def test_a_stale_list_does_not_select_again() -> None:
    drive = Drive().boot([X, Y])
    drive.full([X], 60.0)
    drive.get("y", seen("y", 55, "moved", selected=False), 61.0)
    assert drive.full([X, Y], 65.0) == []
    (again,) = drive.full([X, Y], 75.0)
    assert isinstance(again, Added)
    assert again.identity.epoch == 1


def test_an_old_state_outside_the_filter_deselects_nothing() -> None:
    drive = Drive().boot([X, seen("y", 50)])
    assert drive.get("y", seen("y", 40, "before", selected=False), 61.0) == []


def test_an_unknown_object_outside_the_filter_is_nothing() -> None:
    assert Drive().boot([X]).get("n", seen("n", 5, selected=False), 60.0) == []


def test_an_object_that_left_the_filter_is_no_suspect_any_more() -> None:
    state = Drive().boot([X, Y]).tracker.checkpoint()
    drive = Drive(state, now=1000.0)
    drive.full([X], 1010.0, why=Why.SYNC)
    # A server that ignores its own filter.
    events = drive.poll([X, seen("y", 55, "moved", selected=False)], 1012.0)
    assert brief(events) == [("deleted", "y", "moved"), ("synced", "resumed")]


def test_a_new_incarnation_outside_the_filter_only_ends_the_old_one() -> None:
    drive = Drive().boot([X, Y])
    born = seen("y", 70, "b", created=70, selected=False)
    assert brief(drive.get("y", born, 75.0)) == [("deleted", "y", "a")]
