"""A script at work: counts, chance, time."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coreweave_inference.emulator.faults.kinds import Error, Latency
from coreweave_inference.emulator.faults.plan import NOTHING, FaultPlan
from coreweave_inference.emulator.faults.script import FaultScript


class Seconds:
    """A monotonic clock, moved by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def plan_of(*faults: dict[str, Any], seed: int = 0, clock: Seconds | None = None) -> FaultPlan:
    script = FaultScript.from_plain({"seed": seed, "faults": list(faults)})
    return FaultPlan(script, monotonic=clock or Seconds())


CHANCE = {"name": "chance", "kind": "error", "code": "ABORTED", "when": {"probability": 0.5}}


def course(plan: FaultPlan, calls: int = 50, method: str = "ListGateways") -> list[bool]:
    return [bool(plan.happening(method, "rest")) for _ in range(calls)]


def test_without_faults_nothing_happens() -> None:
    assert FaultPlan().happening("ListGateways", "rest") is NOTHING


def test_equal_scripts_and_calls_meet_equal_faults() -> None:
    assert course(plan_of(CHANCE, seed=3)) == course(plan_of(CHANCE, seed=3))
    assert course(plan_of(CHANCE, seed=3)) != course(plan_of(CHANCE, seed=4))


@given(
    st.lists(st.sampled_from(["GetGateway", "CreateGateway", "ListGateways"]), max_size=30),
    st.integers(0, 5),
)
def test_faults_do_not_disturb_each_other(methods: list[str], seed: int) -> None:
    lists = {**CHANCE, "where": {"methods": ["List*"]}}
    others = {**CHANCE, "name": "others"}
    alone, together = plan_of(lists, seed=seed), plan_of(others, lists, seed=seed)

    def of_lists(plan: FaultPlan) -> list[tuple[int, int]]:
        for method in methods:
            plan.happening(method, "rest")
        return [
            (one["matched"], one["happened"])
            for one in plan.describe()["faults"]
            if one["name"] == "chance"
        ]

    assert of_lists(alone) == of_lists(together)


def test_draws_of_a_call_are_its_own() -> None:
    slow = {"kind": "latency", "seconds": [0, 1]}

    def drawn(plan: FaultPlan) -> list[float]:
        found = [plan.happening("GetGateway", "rest", connection=True) for _ in range(5)]
        return [fault.seconds.draw(rng) for one in found for fault, rng in one.of(Latency)]

    assert drawn(plan_of(slow)) == drawn(plan_of(slow))
    assert len(set(drawn(plan_of(slow)))) == 5


def test_faults_of_the_connection_are_met_apart_from_all_others() -> None:
    plan = plan_of({"kind": "drop"}, {"kind": "error", "code": "ABORTED"})
    assert [type(fault).KIND for fault, _ in plan.happening("GetGateway", "rest").faults] == [
        "error"
    ]
    connection = plan.happening("GetGateway", "rest", connection=True)
    assert [type(fault).KIND for fault, _ in connection.faults] == ["drop"]


def test_counts_tell_what_was_possible_and_what_happened() -> None:
    plan = plan_of({"kind": "error", "code": "ABORTED", "when": {"every": 2}})
    course(plan, 5)
    (told,) = plan.describe()["faults"]
    assert (told["matched"], told["happened"]) == (5, 2)


def test_loading_begins_anew() -> None:
    clock = Seconds()
    plan = plan_of({"kind": "error", "code": "ABORTED", "when": {"count": 1}}, clock=clock)
    assert course(plan, 2) == [True, False]
    clock.now += 5
    plan.load(plan.script)
    assert plan.elapsed_seconds == 0
    assert course(plan, 2) == [True, False]


def test_an_added_fault_leaves_the_others_where_they_are() -> None:
    plan = plan_of({"kind": "error", "code": "ABORTED", "when": {"count": 1}})
    course(plan, 2)
    added = plan.add({"kind": "error", "code": "UNAVAILABLE", "when": {"count": 1}})
    assert added.name == "fault-2"
    found = plan.happening("GetGateway", "rest").of(Error)
    assert [fault.code.name for fault, _ in found] == ["UNAVAILABLE"]


def test_a_fault_that_cannot_be_used_changes_nothing() -> None:
    plan = plan_of(CHANCE)
    before = plan.script
    for bad in ({"kind": "none"}, CHANCE, 3, {"kind": "latency", "seconds": -1}):
        with pytest.raises(ValueError, match="expected"):
            plan.add(bad)
        assert plan.script is before


def test_a_fault_is_removed_by_its_name() -> None:
    plan = plan_of(CHANCE, {"kind": "page"})
    assert plan.remove("chance")
    assert not plan.remove("chance")
    assert [fault.name for fault in plan.script.faults] == ["fault-2"]
    assert not any(course(plan))
    # Its number is free again, and its count begins anew.
    assert plan.add({"kind": "page"}).name == "fault-1"


def test_the_clock_is_wrong_while_a_step_lasts() -> None:
    clock = Seconds()
    step = {"kind": "clock-step", "seconds": -60, "when": {"from_seconds": 5, "until_seconds": 9}}
    plan = plan_of(step, clock=clock)
    offsets: list[tuple[float, bool]] = []
    for elapsed in (0, 5, 8, 9):
        clock.now = 100.0 + elapsed
        offsets.append(plan.clock_offset())
    assert offsets == [(0, False), (-60, True), (-60, True), (0, False)]


def test_steps_of_the_clock_add_up_until_it_is_reset() -> None:
    plan = plan_of({"kind": "clock-step", "seconds": 10, "may_fall": False})
    assert plan.clock_offset() == (10, False)
    assert plan.step_clock(-30) == -30
    assert plan.step_clock(5) == -25
    assert plan.clock_offset() == (-15, True)
    plan.reset_clock()
    assert plan.clock_offset() == (10, False)
