"""Which states end a wait, and when, without any calls."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.resource.things import Condition, Lamp, lamp
from tests.unit.resource.waiting.history import NOT_FOUND, Play, wait_for
from triwire.errors import WaitError
from triwire.resource.waiting.goals import Deleted, Matching, Ready


def error_of(play: Play) -> WaitError:
    """Return the error that a wait has ended with."""
    assert isinstance(play.wait.error, WaitError)
    return play.wait.error


def after_update(state: str = "STATE_READY", *, at: float = 100.5) -> Play:
    """Return a wait for what an update answered with."""
    return Play(wait_for(lamp(state, at=at)))


# -- ready ------------------------------------------------------------------------------------


def test_ready_counts_at_once_for_an_id() -> None:
    play = Play(wait_for("a")).show(lamp("STATE_READY", at=4))
    assert play.end == "ok"
    assert play.wait.result == lamp("STATE_READY", at=4)


def test_ready_that_is_newer_than_the_baseline_counts_at_once() -> None:
    assert after_update().show(lamp("STATE_READY", at=100.6)).end == "ok"


def test_a_ready_from_before_the_update_never_counts() -> None:
    play = after_update()
    for second in range(0, 600, 10):
        assert play.show(lamp("STATE_READY", at=100.4), at=second).end == ""


def test_a_wait_that_was_shown_older_states_only_says_so() -> None:
    play = after_update("STATE_UPDATING").show(lamp("STATE_READY", at=100.4), at=1)
    play.wait.expire(3600)
    assert error_of(play).message == (
        "lamp a was not ready within 3600 s; last seen as STATE_UPDATING, and since then in older "
        "states only"
    )


def test_a_ready_that_the_update_itself_answered_with_counts_only_once_it_has_settled() -> None:
    play = after_update().show(lamp("STATE_READY", at=100.5), at=1)
    assert play.show(lamp("STATE_READY", at=100.5), at=10.9).end == ""
    assert play.show(lamp("STATE_READY", at=100.5), at=11).end == "ok"


def test_a_settling_ready_starts_over_with_each_change() -> None:
    play = after_update()
    play.show(lamp("STATE_READY", at=100.5), at=1)
    other = lamp("STATE_READY", at=100.5)
    other.status.conditions.add(type="Plugged")
    play.show(other, at=8)
    assert play.show(other, at=12).end == ""
    assert play.show(other, at=18).end == "ok"


def test_a_settling_ready_that_turns_out_to_be_stale_does_not_count() -> None:
    play = after_update()
    play.show(lamp("STATE_READY", at=100.5), at=1)
    play.show(lamp("STATE_UPDATING", at=101.5), at=3)
    assert play.show(lamp("STATE_READY", at=100.5), at=12).end == ""
    assert play.show(lamp("STATE_READY", at=102.5), at=14).end == "ok"


def test_ready_counts_at_once_after_another_state_was_seen() -> None:
    play = after_update().show(lamp("STATE_UPDATING", at=100.5), at=1)
    assert play.show(lamp("STATE_READY", at=100.5), at=2).end == "ok"


def test_ready_counts_at_once_if_one_of_its_conditions_is_newer() -> None:
    play = after_update()
    shown = lamp("STATE_READY", at=100.5)
    shown.status.conditions.add(type="Ready", updated_at={"seconds": 100})
    assert play.show(shown, at=1).end == ""
    shown = Lamp.FromString(shown.SerializeToString())
    shown.status.conditions.add(type="Lit", updated_at={"seconds": 102})
    assert play.show(shown, at=2).end == "ok"


def test_a_baseline_that_lost_digits_is_not_older_than_itself() -> None:
    """What went through a datetime ends at microseconds."""
    play = Play(wait_for(lamp("STATE_READY", at=100.123456)))
    full = lamp("STATE_READY")
    full.status.updated_at.FromNanoseconds(100_123_456_789)
    assert play.show(full, at=1).end == ""
    assert play.show(full, at=11).end == "ok"


def test_a_state_of_the_same_second_that_may_be_older_proves_nothing() -> None:
    """A stamp that ends in zeros may have lost its digits, or may have none."""
    play = Play(wait_for(lamp("STATE_READY", at=100.25)))
    play.show(lamp("STATE_CREATING", at=100), at=1)
    assert play.show(lamp("STATE_READY", at=100.25), at=2).end == ""
    assert play.show(lamp("STATE_READY", at=100.25), at=12).end == "ok"


def test_a_failure_of_the_same_second_that_may_be_older_is_given_time() -> None:
    play = Play(wait_for(lamp("STATE_UPDATING", at=100.25)))
    assert play.show(lamp("STATE_FAILED", at=100), at=1).end == ""
    assert play.show(lamp("STATE_FAILED", at=100), at=11).end == "FAILED_PRECONDITION"


def test_two_reads_are_compared_to_the_last_digit() -> None:
    play = Play(wait_for("a", Matching())).show(lamp("STATE_UPDATING", at=100.25))
    play.wait.take_news()
    play.show(lamp("STATE_READY", at=100))
    assert not play.wait.has_news


@pytest.mark.parametrize("at", [100.5, 101.5], ids=["as the create answered", "later"])
def test_failed_ends_the_wait_at_once_with_its_conditions(at: float) -> None:
    failed = lamp("STATE_FAILED", at=at)
    conditions = [Condition(type="Ready", message="no bulb"), Condition(type="Plugged")]
    failed.status.conditions.extend(conditions)
    play = after_update("STATE_CREATING").show(failed)
    assert play.end == "FAILED_PRECONDITION"
    assert error_of(play).message == "lamp a is STATE_FAILED: Ready no bulb; Plugged"
    assert error_of(play).details == tuple(conditions)
    assert error_of(play).last == failed
    assert not error_of(play).from_server


def test_a_failure_from_before_the_update_does_not_count() -> None:
    play = after_update("STATE_UPDATING")
    assert play.show(lamp("STATE_FAILED", at=100.4), at=600).end == ""


def test_a_failure_that_the_update_answered_with_is_given_time_to_go_away() -> None:
    play = after_update("STATE_FAILED").show(lamp("STATE_FAILED", at=100.5), at=1)
    assert play.end == ""
    assert play.show(lamp("STATE_FAILED", at=100.5), at=11).end == "FAILED_PRECONDITION"


def test_a_failure_that_comes_back_ends_the_wait_at_once() -> None:
    play = after_update("STATE_FAILED").show(lamp("STATE_UPDATING", at=101), at=1)
    assert play.show(lamp("STATE_FAILED", at=101), at=2).end == "FAILED_PRECONDITION"


def test_error_is_borne_for_the_grace_period_without_a_break() -> None:
    play = Play(wait_for("a", Ready(300))).show(lamp("STATE_ERROR", at=1), at=0)
    play.show(lamp("STATE_CREATING", at=2), at=200)
    play.show(lamp("STATE_ERROR", at=3), at=210)
    assert play.show(lamp("STATE_ERROR", at=3), at=509).end == ""
    assert play.show(lamp("STATE_ERROR", at=4), at=510).end == "FAILED_PRECONDITION"
    assert error_of(play).message == "lamp a is STATE_ERROR"


def test_error_that_heals_is_no_error() -> None:
    play = Play(wait_for("a", Ready(300))).show(lamp("STATE_ERROR", at=1), at=0)
    assert play.show(lamp("STATE_READY", at=2), at=299).end == "ok"


def test_error_ends_the_wait_at_once_without_grace() -> None:
    assert Play(wait_for("a", Ready(0))).show(lamp("STATE_ERROR")).end == "FAILED_PRECONDITION"


def test_error_never_ends_the_wait_with_endless_grace() -> None:
    play = Play(wait_for("a", Ready(None))).show(lamp("STATE_ERROR"), at=0)
    assert play.show(lamp("STATE_ERROR"), at=3599).end == ""


@pytest.mark.parametrize("target", ["a", lamp("STATE_DELETING", at=5)], ids=["id", "baseline"])
def test_what_is_being_deleted_does_not_get_ready(target: Any) -> None:
    play = Play(wait_for(target)).show(lamp("STATE_DELETING", at=5))
    assert play.end == "NOT_FOUND"
    assert error_of(play).message == "lamp a is being deleted"


def test_what_is_gone_does_not_get_ready() -> None:
    play = after_update("STATE_CREATING").show(lamp("STATE_CREATING", at=100.5), at=2)
    assert play.show(NOT_FOUND, at=10).end == "NOT_FOUND"
    assert error_of(play).message == "lamp a is gone"
    assert error_of(play).__cause__ is NOT_FOUND
    assert error_of(play).last == lamp("STATE_CREATING", at=100.5)


def test_what_was_just_created_may_not_be_found_for_a_while() -> None:
    play = after_update("STATE_CREATING").show(NOT_FOUND, at=9.9)
    assert play.end == ""
    assert play.wait.due_seconds == 10
    assert play.show(lamp("STATE_READY", at=101), at=10).end == "ok"


def test_what_a_replica_has_just_shown_may_not_be_found_on_another() -> None:
    play = Play(wait_for("a")).show(lamp(at=1), at=50)
    assert play.show(NOT_FOUND, at=59.9).end == ""
    assert play.show(NOT_FOUND, at=60).end == "NOT_FOUND"


def test_an_id_that_was_never_seen_is_not_waited_for() -> None:
    play = Play(wait_for("a")).show(NOT_FOUND)
    assert play.end == "NOT_FOUND"
    assert error_of(play).message == "lamp a does not exist"
    assert error_of(play).last is None


@pytest.mark.parametrize("state", ["STATE_READY", "STATE_CREATING"])
def test_another_one_with_the_id_is_not_the_one_that_was_waited_for(state: str) -> None:
    play = Play(wait_for(lamp(at=100.5, born=90))).show(lamp(state, at=120, born=119))
    assert play.end == "NOT_FOUND"
    assert error_of(play).message == "lamp a was deleted, and another one has its id now"


def test_the_former_owner_of_the_id_on_a_lagging_replica_is_not_looked_at() -> None:
    play = Play(wait_for(lamp(at=100.5, born=100)))
    for second in range(0, 60, 5):
        # Its last change may have been stamped later, by a clock that is fast.
        assert play.show(lamp("STATE_FAILED", at=102, born=40), at=second).end == ""


def test_what_is_disabled_and_not_ready_has_an_end() -> None:
    disabled = lamp("STATE_CREATING", at=101)
    disabled.disabled = True
    play = after_update("STATE_UPDATING").show(disabled, at=1)
    assert play.show(disabled, at=300).end == ""
    assert play.show(disabled, at=301).end == "FAILED_PRECONDITION"
    text = "lamp a is STATE_CREATING and disabled, and what is disabled need not get ready"
    assert error_of(play).message == text


def test_what_is_disabled_and_gets_ready_all_the_same_is_ready() -> None:
    disabled = lamp("STATE_READY", at=101)
    disabled.disabled = True
    assert after_update("STATE_UPDATING").show(disabled).end == "ok"


def test_a_state_of_the_future_is_waited_out() -> None:
    strange = lamp(at=101)
    strange.status.state = 99
    play = after_update("STATE_CREATING").show(strange)
    assert play.end == ""
    play.wait.expire(3600)
    assert error_of(play).message == "lamp a was not ready within 3600 s; last seen as 99"


def test_what_is_kept_is_a_copy() -> None:
    """A part of a response keeps all of the response in memory."""
    shown = lamp("STATE_READY", at=4)
    play = Play(wait_for("a")).show(shown)
    assert play.wait.result == shown
    assert play.wait.result is not shown


# -- deleted ----------------------------------------------------------------------------------


def deletion_of(state: str = "STATE_DELETING") -> Play:
    """Return a wait for the end of what a delete answered with."""
    return Play(wait_for(lamp(state, at=100.5, born=90), Deleted()))


def test_what_is_not_found_is_deleted() -> None:
    play = deletion_of().show(lamp("STATE_DELETING", at=100.5, born=90))
    assert play.show(NOT_FOUND).end == "ok"


def test_what_another_one_has_the_id_of_is_deleted() -> None:
    assert deletion_of().show(lamp("STATE_READY", at=200, born=199)).end == "ok"


@pytest.mark.parametrize("state", ["STATE_READY", "STATE_UPDATING", "STATE_ERROR", "STATE_FAILED"])
def test_any_state_may_be_seen_until_the_deletion_begins(state: str) -> None:
    play = deletion_of("STATE_READY").show(lamp(state, at=101, born=90), at=1)
    assert play.show(lamp(state, at=101, born=90), at=600).end == ""


def test_a_deletion_that_fails_ends_the_wait() -> None:
    play = deletion_of("STATE_READY").show(lamp("STATE_DELETING", at=101, born=90))
    assert play.show(lamp("STATE_FAILED", at=102, born=90)).end == "FAILED_PRECONDITION"
    assert error_of(play).message == "lamp a is STATE_FAILED"


def test_a_deletion_that_the_baseline_showed_and_that_fails_ends_the_wait() -> None:
    assert deletion_of().show(lamp("STATE_FAILED", at=102, born=90)).end == "FAILED_PRECONDITION"


# -- a predicate ------------------------------------------------------------------------------


def test_no_state_ends_a_wait_for_a_predicate_by_itself() -> None:
    play = Play(wait_for(lamp(at=1), Matching()))
    for second, state in enumerate(("FAILED", "ERROR", "READY", "DELETING"), start=2):
        assert play.show(lamp(f"STATE_{state}", at=second), at=second).end == ""
        assert play.wait.take_news() == lamp(f"STATE_{state}", at=second)


def test_a_predicate_is_not_shown_what_is_older_or_the_same() -> None:
    play = Play(wait_for(lamp(at=5), Matching())).show(lamp("STATE_READY", at=3))
    assert not play.wait.has_news
    play.show(lamp(at=5))
    play.wait.take_news()
    play.show(lamp(at=5))
    assert not play.wait.has_news


def test_what_is_gone_ends_a_wait_for_a_predicate() -> None:
    play = Play(wait_for("a", Matching())).show(lamp(at=1), at=1)
    assert play.show(NOT_FOUND, at=12).end == "NOT_FOUND"
