"""The ledger finds what a watch that loses, delays or invents would show."""

from __future__ import annotations

import pytest

from coreweave_inference_gen.coreweave.inference.v1alpha1.deployment_pb2 import Deployment
from coreweave_inference_gen.coreweave.inference.v1alpha1.status_pb2 import (
    STATUS_CREATING,
    STATUS_READY,
)
from tests.soak.ledger import Account, Ledger, Verdict, judge, name_of

KEY = "a"


def state(version: int, *, is_ready: bool = False) -> Deployment:
    found = Deployment()
    found.spec.name = name_of(0, version)
    found.status.status = STATUS_READY if is_ready else STATUS_CREATING
    return found


@pytest.fixture
def ledger() -> Ledger:
    """Two versions of one resource: the first until 100, the second after."""
    made = Ledger()
    for began in (0.0, 100.0):
        made.begin(KEY, began).answered = began + 1
    return made


@pytest.fixture
def account() -> Account:
    return Account("test", sessions=1)


def judged(ledger: Ledger, account: Account) -> Verdict:
    return judge(ledger, account, bound=10, commit=3, transition=5)


def test_a_version_is_owed_by_the_first_poll_after_the_bound(
    ledger: Ledger, account: Account
) -> None:
    account.polled(13.9, 15.0)  # answered at 1, seen at 4, owed from 14 on
    assert judged(ledger, account).owed == 0
    account.polled(14.0, 15.0)
    verdict = judged(ledger, account)
    assert (verdict.owed, verdict.lost) == (1, ["a v0"])


def test_what_was_told_in_time_is_neither_lost_nor_late(ledger: Ledger, account: Account) -> None:
    account.told(KEY, state(0), 14.5, is_added=True)
    account.polled(14.0, 15.0)
    verdict = judged(ledger, account)
    assert (verdict.owed, verdict.lost, verdict.late) == (1, [], [])


def test_what_is_told_after_the_poll_that_owed_it_is_late(ledger: Ledger, account: Account) -> None:
    account.polled(14.0, 15.0)
    account.told(KEY, state(0), 15.5, is_added=True)
    assert judged(ledger, account).late == ["a v0: 0.500 s"]


def test_ready_is_owed_apart_and_after_the_transition(ledger: Ledger, account: Account) -> None:
    account.told(KEY, state(0), 2.0, is_added=True)
    account.polled(22.0, 23.0)  # 1 + 3 + 5 + 3 + 10
    verdict = judged(ledger, account)
    assert (verdict.owed, verdict.lost) == (2, ["a v0 READY"])
    account.told(KEY, state(0, is_ready=True), 22.5, is_added=False)
    assert judged(ledger, account).lost == []


def test_what_is_written_over_meanwhile_is_not_owed(ledger: Ledger, account: Account) -> None:
    account.polled(99.0, 100.5)
    assert judged(ledger, account).owed == 0


def test_a_version_without_a_higher_stamp_is_not_owed_but_its_ready_is(
    ledger: Ledger, account: Account
) -> None:
    ledger.lives[KEY].versions[0].is_bumped = False
    account.polled(14.0, 15.0)
    assert judged(ledger, account).owed == 0
    account.polled(22.0, 23.0)
    assert judged(ledger, account).lost == ["a v0 READY"]


def test_a_deletion_that_nobody_began_is_false(ledger: Ledger, account: Account) -> None:
    account.told(KEY, state(0), 2.0, is_added=True)
    account.deleted(KEY, "not-found", ledger, 50.0)
    assert account.false_deletes == ["a v0: not-found"]


def test_a_deletion_of_an_earlier_life_does_not_excuse_one_of_a_later(
    ledger: Ledger, account: Account
) -> None:
    ledger.begin_deletion(KEY, 150.0)
    ledger.begin(KEY, 200.0).answered = 201.0
    account.told(KEY, state(2), 205.0, is_added=True)
    account.deleted(KEY, "not-found", ledger, 210.0)
    assert len(account.false_deletes) == 1


def test_a_true_deletion_is_none(ledger: Ledger, account: Account) -> None:
    account.told(KEY, state(1), 110.0, is_added=True)
    ledger.begin_deletion(KEY, 150.0)
    account.deleted(KEY, "not-found", ledger, 160.0)
    assert account.false_deletes == []


def test_older_after_newer_is_back_in_time(account: Account) -> None:
    account.told(KEY, state(1), 1.0, is_added=True)
    account.told(KEY, state(0), 2.0, is_added=False)
    assert account.back == ["a: v0 after v1"]


def test_events_that_the_view_does_not_allow_are_not_legal(
    ledger: Ledger, account: Account
) -> None:
    account.told(KEY, state(0), 1.0, is_added=False)
    account.told(KEY, state(1), 2.0, is_added=True)
    account.deleted("b", "not-found", ledger, 3.0)
    assert account.illegal == ["Modified a v0", "Added a v1", "Deleted b"]


def test_a_resumption_may_add_what_is_known_and_drops_what_it_does_not_keep(
    account: Account,
) -> None:
    account.told(KEY, state(0), 1.0, is_added=True)
    account.told("b", state(0), 1.0, is_added=True)
    account.sessions = 2
    account.told(KEY, state(0), 2.0, is_added=True)
    account.kept(frozenset({KEY}))
    assert account.illegal == []
    assert set(account.known) == {KEY}
