"""What faults do to stamps, bounds and answers."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coreweave_inference.emulator.faults import effects
from coreweave_inference.emulator.faults.kinds import UNITS_NS, rounded
from coreweave_inference.emulator.faults.plan import NOTHING, Happening
from coreweave_inference.emulator.faults.script import FaultScript
from coreweave_inference.emulator.records import GATEWAY, Record, Stage, set_timestamp
from coreweave_inference_gen.coreweave.inference.v1alpha1.gateway_pb2 import Gateway

if TYPE_CHECKING:
    from coreweave_inference.emulator.records import AnyRecord

NOW = 1_790_000_000_123_456_789
RIGHT_CLOCK = (0.0, False)


def happening(*faults: dict[str, Any], seed: int = 0) -> Happening:
    script = FaultScript.from_plain({"faults": list(faults)})
    return Happening(
        tuple((one.fault, random.Random(seed)) for one in script.faults)  # noqa: S311 - repeatable
    )


def record(name: str, *, stamp_ns: int = NOW) -> AnyRecord:
    gateway = Gateway()
    gateway.spec.id = name
    set_timestamp(gateway.status.updated_at, stamp_ns)
    return Record(GATEWAY, gateway, Stage.SETTLED, None)


def stamp(
    *faults: dict[str, Any],
    own_ns: int | None = None,
    last_ns: int | None = None,
    clock: tuple[float, bool] = RIGHT_CLOCK,
) -> int:
    return effects.stamp(
        happening(*faults), right_ns=NOW, own_ns=own_ns, last_ns=last_ns, clock=clock
    )


@pytest.mark.parametrize(
    ("rounding", "found"),
    [("floor", 1_000), ("round", 1_000), ("ceil", 2_000)],
)
def test_rounding_goes_where_it_says(rounding: str, found: int) -> None:
    assert rounded(1_400, "us", rounding) == found
    assert rounded(1_000, "us", rounding) == 1_000


@given(
    st.integers(-(2**62), 2**62),
    st.sampled_from(sorted(UNITS_NS)),
    st.sampled_from(["floor", "round", "ceil"]),
)
def test_rounding_moves_a_stamp_by_less_than_the_unit(ns: int, unit: str, rounding: str) -> None:
    found = rounded(ns, unit, rounding)
    assert found % UNITS_NS[unit] == 0
    assert abs(found - ns) < UNITS_NS[unit]
    assert rounded(found, unit, rounding) == found


def test_a_write_without_faults_has_the_right_stamp() -> None:
    assert stamp() == NOW
    assert stamp(own_ns=NOW - 5) == NOW


def test_a_stored_precision_cuts_the_stamp() -> None:
    fault = {"kind": "stored-precision", "unit": "s"}
    assert stamp(fault) == 1_790_000_000_000_000_000
    # Two changes of one resource within a unit are a tie.
    own = 1_790_000_000_000_000_000
    assert stamp(fault, own_ns=own) == own


def test_an_equal_stamp_is_that_of_the_write_before() -> None:
    assert stamp({"kind": "equal-stamp"}, last_ns=NOW - 7) == NOW - 7
    assert stamp({"kind": "equal-stamp"}) == NOW
    assert stamp({"kind": "equal-stamp"}, last_ns=NOW - 7, own_ns=NOW - 7) == NOW - 7


def test_a_skewed_stamp_is_off_by_the_writers_clock() -> None:
    assert stamp({"kind": "skewed-stamp", "seconds": -3}) == NOW - 3_000_000_000
    drawn = stamp({"kind": "skewed-stamp", "seconds": [1, 2]})
    assert NOW + 1_000_000_000 <= drawn <= NOW + 2_000_000_000


def test_the_stamp_of_one_resource_falls_only_if_it_may() -> None:
    behind = {"kind": "skewed-stamp", "seconds": -3}
    assert stamp(behind, own_ns=NOW - 1) == NOW
    assert stamp({**behind, "may_fall": True}, own_ns=NOW - 1) == NOW - 3_000_000_000
    assert stamp(own_ns=NOW - 1, clock=(-3.0, True)) == NOW - 3_000_000_000
    assert stamp(own_ns=NOW - 1, clock=(-3.0, False)) == NOW


def test_an_unbumped_change_keeps_the_stamp() -> None:
    assert stamp({"kind": "unbumped-change"}, own_ns=NOW - 9) == NOW - 9


@pytest.mark.parametrize(
    ("faults", "found"),
    [
        pytest.param([], NOW, id="none"),
        pytest.param([{"kind": "inclusive-filter"}], NOW - 1, id="inclusive"),
        pytest.param([{"kind": "ignored-filter"}], None, id="ignored"),
        pytest.param(
            [{"kind": "request-rounding", "unit": "ms", "rounding": "ceil"}],
            1_790_000_000_124_000_000,
            id="rounded up",
        ),
        pytest.param(
            [{"kind": "inclusive-filter"}, {"kind": "request-rounding", "unit": "ms"}],
            1_790_000_000_122_999_999,
            id="rounded, then inclusive",
        ),
    ],
)
def test_the_bound_of_a_list(faults: list[dict[str, Any]], found: int | None) -> None:
    assert effects.bound(happening(*faults), NOW) == found
    assert effects.bound(happening(*faults), None) is None


ITEMS = [record(str(number)) for number in range(10)]


def listed(*faults: dict[str, Any], seed: int = 0) -> list[AnyRecord]:
    former = record("old")
    return effects.listed(
        happening(*faults, seed=seed), ITEMS, lambda one: former if one.id == "3" else None
    )


def test_answers_are_truncated() -> None:
    assert listed({"kind": "truncated-list", "keep": 0.5}) == ITEMS[:5]
    assert listed({"kind": "truncated-list", "keep": 1}) == ITEMS
    lengths = {len(listed({"kind": "truncated-list"}, seed=seed)) for seed in range(40)}
    assert len(lengths) > 3
    assert max(lengths) < 10


def test_answers_are_empty() -> None:
    assert listed({"kind": "empty-list"}) == []


def test_answers_are_shuffled_and_whole() -> None:
    found = listed({"kind": "shuffled-list"})
    assert found != ITEMS
    assert sorted(found, key=lambda one: one.id) == ITEMS


def test_items_are_repeated_in_their_former_state_if_it_is_known() -> None:
    found = [one.id for one in listed({"kind": "repeated-items", "share": 1})]
    assert found[:10] == ["0", "0", "1", "1", "2", "2", "old", "3", "4", "4"]
    assert len(listed({"kind": "repeated-items", "share": 0})) == 10


def test_shown_stamps_are_rounded_and_the_stored_ones_left() -> None:
    gateway = Gateway()
    set_timestamp(gateway.status.created_at, NOW)
    set_timestamp(gateway.status.updated_at, NOW)
    set_timestamp(gateway.status.conditions.add().last_update_time, NOW)
    shown = effects.shown(happening({"kind": "shown-precision", "unit": "ms"}), gateway)
    for one in (
        shown.status.created_at,
        shown.status.updated_at,
        shown.status.conditions[0].last_update_time,
    ):
        assert one.nanos == 123_000_000
    assert gateway.status.updated_at.nanos == 123_456_789
    assert effects.shown(NOTHING, gateway) is gateway
