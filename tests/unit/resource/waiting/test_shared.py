"""Who reads what for whom, without any calls."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import pytest

from tests.unit.resource.things import LAMP, LIST_LAMPS, lamp
from tests.unit.resource.waiting.history import NOT_FOUND, TIMES, wait_for
from triwire._io import Signal
from triwire.errors import Code, RpcError
from triwire.resource.lifecycle import Lifecycle, Listing
from triwire.resource.waiting.goals import Deleted, Goal, Matching
from triwire.resource.waiting.shared import Party, ReadAll, ReadOne, Rest, SharedReads, Tell
from triwire.resource.waiting.wait import WaitTimes
from triwire.spec import CallOptions

DOWN = RpcError(Code.UNAVAILABLE, "down")


class Room:
    """Parties of one wait each, for lamps called 0, 1, 2 and so on, last seen CREATING at 50."""

    def __init__(self, count: int, *, goal: Goal | None = None, **options: Any) -> None:
        self.now = 0.0
        self.lifecycle: Lifecycle[Any] = options.get("lifecycle", LAMP)
        self.reads: SharedReads[Any] = SharedReads(self.lifecycle, threading.Lock())
        self.parties: list[Party[Any]] = []
        for _ in range(count):
            self.come(goal, **options)

    def come(
        self,
        goal: Goal | None = None,
        *,
        times: WaitTimes = TIMES,
        target: Any = None,
        lifecycle: Lifecycle[Any] | None = None,
    ) -> Party[Any]:
        """Let another party join."""
        name = str(len(self.parties))
        given = lamp(name=name, at=50, born=50) if target is None else target
        wait = wait_for(given, goal, times=times, lifecycle=lifecycle or self.lifecycle)
        wait.began_seconds = wait.due_seconds = self.now
        wait.deadline_seconds += self.now
        party = Party([wait], Signal())
        self.parties.append(party)
        self.reads.join(party, now=self.now)
        return party

    def step(self, number: int) -> Any:
        """Ask what a party has to do, as it would when it wakes."""
        self._quieten(self.parties[number])
        return self.reads.step(self.parties[number], now=self.now)

    def steps(self) -> list[Any]:
        return [self.step(number) for number in range(len(self.parties))]

    def woken(self) -> list[int]:
        """Say who would run now, and clear that."""
        found = [number for number, party in enumerate(self.parties) if party.signal.is_set]
        for party in self.parties:
            self._quieten(party)
        return found

    @staticmethod
    def _quieten(party: Party[Any]) -> None:
        assert isinstance(party.signal, Signal)
        party.signal.wait(0)

    def list_shows(self, *lamps: Any, started: float | None = None) -> None:
        """Give the answer of a List."""
        at = self.now if started is None else started
        self.reads.finish_all(lamps, started=at, ended=self.now)

    def ends(self) -> list[str]:
        """Say how each wait has ended: "" not yet, "ok", or a code."""
        return [
            "" if not wait.is_over else wait.error.code.name if wait.error else "ok"
            for party in self.parties
            for wait in party.waits
        ]


def creating(*names: int, at: float = 50) -> list[Any]:
    return [lamp(name=str(name), at=at, born=50) for name in names]


def ready(*names: int) -> list[Any]:
    return [lamp("STATE_READY", name=str(name), at=60, born=50) for name in names]


def test_up_to_four_read_their_own() -> None:
    room = Room(4)
    assert room.steps() == [ReadOne(party.waits[0]) for party in room.parties]
    for party in room.parties:
        room.reads.finish_one(party.waits[0], lamp(at=50, born=50), started=0, ended=0)
    assert [type(step) for step in room.steps()] == [Tell] * 4
    assert room.steps() == [Rest(2)] * 4


def test_above_four_one_lists_for_all() -> None:
    room = Room(6)
    first, *others = room.steps()
    assert isinstance(first, ReadAll)
    # One of the others looks after the deadlines meanwhile.
    assert others == [Rest(3600), *[Rest(None)] * 4]
    room.list_shows(*creating(0, 1, 2, 3, 4, 5))
    assert [type(step) for step in room.steps()] == [Tell] * 6
    assert room.steps() == [Rest(2), *[Rest(None)] * 5]


def test_a_list_asks_from_just_below_the_oldest_known_state() -> None:
    room = Room(5)
    room.come(target=lamp(name="5", at=40.5, born=40))
    assert room.step(0) == ReadAll(LAMP.listing or _none(), 39_500_000_000, 3600)


def test_a_list_asks_for_all_if_a_state_is_unknown() -> None:
    room = Room(5)
    room.come(target="5")
    assert room.step(0).since_ns is None


def test_a_list_that_cannot_leave_anything_out_asks_for_all() -> None:
    listing = Listing(method=LIST_LAMPS, items="lamps")
    assert Room(5, lifecycle=replace(LAMP, listing=listing)).step(0).since_ns is None


def test_kinds_without_a_list_are_read_one_by_one() -> None:
    room = Room(9, lifecycle=replace(LAMP, listing=None))
    assert {type(step) for step in room.steps()} == {ReadOne}


def test_what_a_list_shows_ends_the_waits_that_it_concerns_and_wakes_them_alone() -> None:
    room = Room(6)
    room.steps()
    room.list_shows(*creating(0, 1, 2, 3, 4, 5))
    for party in room.parties:
        room.reads.step(party, now=0)
    room.woken()
    room.now = 2
    room.steps()
    room.list_shows(*creating(0, 1, 2, 4, 5), *ready(3))
    assert room.ends() == ["", "", "", "ok", "", ""]
    assert room.woken() == [0, 3]


def test_what_a_list_does_not_show_is_asked_for_by_get_before_it_is_believed() -> None:
    room = Room(6, goal=Deleted())
    room.steps()
    room.list_shows(*creating(0, 1, 2, 3, 4))
    assert room.ends() == [""] * 6
    lost = room.parties[5].waits[0]
    assert room.step(5) == ReadOne(lost)
    assert isinstance(room.step(0), Tell)
    assert room.step(0) == Rest(2)
    room.reads.finish_one(lost, NOT_FOUND, started=0, ended=0)
    assert room.ends()[5] == "ok"


def test_what_a_list_does_not_show_but_a_get_does_is_waited_for() -> None:
    room = Room(6)
    room.steps()
    room.list_shows(*creating(0, 1, 2, 3, 4))
    wait = room.step(5).wait
    room.reads.finish_one(wait, creating(5)[0], started=0, ended=0)
    assert room.ends() == [""] * 6


def test_an_empty_answer_ends_nothing_and_makes_few_gets_at_a_time() -> None:
    room = Room(40, goal=Deleted())
    room.steps()
    room.list_shows()
    assert room.ends() == [""] * 40
    asked = [number for number, step in enumerate(room.steps()) if isinstance(step, ReadOne)]
    assert asked == list(range(16))
    room.woken()
    # As one Get comes back, the next party is woken.
    room.reads.finish_one(room.parties[0].waits[0], NOT_FOUND, started=0, ended=0)
    assert room.woken() == [16]


def test_a_list_that_is_not_found_is_an_empty_one() -> None:
    room = Room(5)
    room.steps()
    room.reads.fail_all(NOT_FOUND, started=0, ended=0)
    assert room.ends() == [""] * 5
    assert isinstance(room.step(3), ReadOne)


def test_an_answer_from_before_a_wait_began_says_nothing_about_it() -> None:
    room = Room(5)
    room.steps()
    room.now = 1
    room.come(target="5")
    room.now = 2
    room.list_shows(*creating(0, 1, 2, 3, 4), *ready(5), started=0)
    assert room.ends() == [""] * 6
    assert isinstance(room.step(1), Tell)


def test_who_comes_between_two_lists_waits_for_the_next_one() -> None:
    room = Room(5)
    room.steps()
    room.list_shows(*creating(0, 1, 2, 3, 4))
    room.steps()
    room.now = 1
    for _ in range(50):
        room.come()
    steps = [*room.steps(), *room.steps()]
    assert not any(isinstance(step, (ReadOne, ReadAll)) for step in steps)
    room.now = 2
    assert sum(isinstance(step, ReadAll) for step in room.steps()) == 1


def test_who_comes_while_a_list_is_under_way_does_not_cause_another_at_once() -> None:
    room = Room(5)
    room.steps()
    room.now = 1
    room.come()
    room.now = 1.5
    room.list_shows(*creating(0, 1, 2, 3, 4), started=0)
    steps = [*room.steps(), *room.steps()]
    assert not any(isinstance(step, ReadAll) for step in steps)
    assert Rest(0.5) in steps


def test_another_takes_over_if_the_one_who_lists_leaves() -> None:
    room = Room(6)
    assert isinstance(room.step(2), ReadAll)
    room.woken()
    room.reads.leave(room.parties[2])
    (heir,) = room.woken()
    assert isinstance(room.step(heir), ReadAll)


def test_another_takes_over_if_the_one_who_keeps_the_time_leaves() -> None:
    room = Room(6)
    room.steps()
    room.list_shows(*creating(0, 1, 2, 3, 4, 5))
    room.steps()
    assert room.steps()[0] == Rest(2)
    room.reads.leave(room.parties[0])
    (heir,) = room.woken()
    assert room.step(heir) == Rest(2)


def test_a_caller_who_takes_long_to_be_told_stops_nobody() -> None:
    room = Room(6)
    room.steps()
    room.list_shows(*creating(0, 1, 2, 3, 4, 5))
    room.woken()
    assert isinstance(room.step(0), Tell)
    (heir,) = room.woken()
    assert isinstance(room.step(heir), Tell)
    assert room.step(heir) == Rest(2)
    room.now = 2
    assert isinstance(room.step(heir), ReadAll)


def test_the_keeper_ends_the_waits_of_those_who_sleep() -> None:
    room = Room(5)
    room.come(times=WaitTimes(timeout_seconds=1, poll_seconds=2))
    room.steps()
    room.list_shows(*creating(0, 1, 2, 3, 4, 5))
    room.steps()
    assert room.steps()[0] == Rest(1)
    room.woken()
    room.now = 1
    assert room.step(0) == Rest(1)
    assert room.ends() == [*[""] * 5, "DEADLINE_EXCEEDED"]
    assert room.woken() == [5]
    assert room.step(5) is None


def test_deadlines_are_kept_while_a_list_takes_long() -> None:
    room = Room(5)
    room.come(times=WaitTimes(timeout_seconds=1, poll_seconds=2))
    room.step(0)
    (keeper,) = (n for n, step in enumerate(room.steps()) if step == Rest(1))
    room.now = 1
    room.step(keeper)
    assert room.ends()[5] == "DEADLINE_EXCEEDED"


def test_who_sleeps_is_woken_to_keep_the_time_while_the_keeper_lists() -> None:
    room = Room(6)
    room.steps()
    room.list_shows(*creating(0, 1, 2, 3, 4, 5))
    room.steps()
    room.steps()
    room.woken()
    room.now = 2
    keeper = next(n for n in range(6) if isinstance(room.step(n), ReadAll))
    (heir,) = room.woken()
    assert heir != keeper
    assert room.step(heir) == Rest(3598)


def test_who_is_left_of_many_reads_alone_again() -> None:
    room = Room(5)
    room.steps()
    room.list_shows(*creating(1, 2, 3, 4), *ready(0))
    assert room.woken() == [0, 1, 2, 3, 4]
    room.steps()
    room.now = 2
    assert [type(step) for step in room.steps()[1:]] == [ReadOne] * 4


def test_a_list_that_fails_for_now_is_made_again() -> None:
    room = Room(5)
    room.steps()
    room.reads.fail_all(DOWN, started=0, ended=0)
    assert room.ends() == [""] * 5
    assert room.step(0) == Rest(3)
    room.now = 3
    assert isinstance(room.step(0), ReadAll)


@pytest.mark.parametrize(
    "error",
    [
        RpcError(Code.UNIMPLEMENTED, "no", from_server=True),
        RpcError(Code.PERMISSION_DENIED, "no", from_server=True),
        RpcError(Code.INVALID_ARGUMENT, "no", from_server=True),
        RpcError(Code.RESOURCE_EXHAUSTED, "message larger than max"),
    ],
    ids=lambda error: error.code.name,
)
def test_gets_do_where_a_list_does_not_work(error: RpcError) -> None:
    room = Room(5)
    room.steps()
    room.reads.fail_all(error, started=0, ended=0)
    assert room.ends() == [""] * 5
    assert room.woken() == [0, 1, 2, 3, 4]
    assert [type(step) for step in room.steps()] == [ReadOne] * 5


def test_a_rate_limit_does_not_make_many_gets_of_a_list() -> None:
    room = Room(5)
    room.steps()
    limit = RpcError(Code.RESOURCE_EXHAUSTED, "slow down", from_server=True)
    room.reads.fail_all(limit, started=0, ended=0)
    room.now = 3
    assert isinstance(room.step(0), ReadAll)


def test_gets_do_where_a_list_shows_too_much_that_nobody_waits_for() -> None:
    room = Room(5)
    room.steps()
    room.list_shows(*creating(*range(501)), started=0)
    room.steps()
    assert room.steps() == [Rest(2)] * 5
    room.come(target="5")
    room.now = 2
    assert isinstance(room.step(0), ReadAll)


def test_a_list_that_ran_out_of_its_makers_time_is_nobody_elses_failure() -> None:
    room = Room(5)
    hasty = room.come(times=WaitTimes(timeout_seconds=1, poll_seconds=2))
    step = room.step(5)
    assert step.options(CallOptions()).timeout_seconds == 1
    assert step.options(CallOptions(timeout_seconds=0.5)).timeout_seconds == 0.5
    room.now = 0.99
    room.reads.fail_all(RpcError(Code.DEADLINE_EXCEEDED, "no answer"), started=0, ended=0.99)
    assert room.ends() == [""] * 6
    room.woken()
    room.reads.leave(hasty)
    (heir,) = room.woken()
    room.now = 2
    assert isinstance(room.step(heir), ReadAll)


def test_a_party_of_many_waits_is_one_reader() -> None:
    room = Room(0)
    waits = [wait_for(lamp(name=str(name), at=50, born=50)) for name in range(9)]
    party = Party(waits, Signal())
    room.parties.append(party)
    room.reads.join(party, now=0)
    assert isinstance(room.step(0), ReadAll)
    room.list_shows(*ready(*range(9)))
    assert isinstance(room.step(0), Tell)
    assert room.step(0) is None


def test_a_party_is_over_with_the_first_of_its_waits_that_fails() -> None:
    room = Room(0)
    waits = [wait_for(lamp(name=str(name), at=50, born=50)) for name in range(9)]
    party = Party(waits, Signal())
    room.parties.append(party)
    room.reads.join(party, now=0)
    room.step(0)
    room.list_shows(*creating(*range(8)), lamp("STATE_FAILED", name="8", at=60, born=50))
    room.step(0)
    assert room.step(0) is None
    assert party.failed is waits[8]


def test_a_wait_that_its_predicate_has_ended_is_read_for_no_more() -> None:
    room = Room(5, goal=Matching())
    room.steps()
    room.list_shows(*creating(0, 1, 2, 3, 4))
    ((wait, shown),) = room.step(2).news
    room.reads.satisfy(wait, shown)
    assert room.ends() == ["", "", "ok", "", ""]
    assert room.step(2) is None
    assert not room.reads.lists


def test_closing_ends_and_wakes_all() -> None:
    room = Room(6)
    room.steps()
    room.woken()
    room.reads.close()
    assert room.ends() == ["CANCELLED"] * 6
    assert room.woken() == list(range(6))
    assert room.steps() == [None] * 6


def test_who_comes_after_closing_is_told_at_once() -> None:
    room = Room(1)
    room.reads.close()
    room.come()
    assert room.step(1) is None
    assert room.ends() == ["CANCELLED"] * 2


def _none() -> Listing:
    raise AssertionError("lamps can be listed")
