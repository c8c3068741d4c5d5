from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest

from triwire.watch.events import Added, Deleted, Identity, Modified, Reason
from triwire.watch.stamps import NS_PER_SECOND

STATE = Identity("s", "k", 10 * NS_PER_SECOND + 1, 20 * NS_PER_SECOND + 1, b"f" * 16)


def test_events_are_made_for_match() -> None:
    match Modified("new", "old", frozenset({"spec.name"}), identity=STATE):
        case Modified(new, old, changed):
            assert (new, old, changed) == ("new", "old", frozenset({"spec.name"}))


def test_an_event_id_is_a_function_of_what_the_server_showed() -> None:
    assert Added("x", identity=STATE).id == Modified("y", identity=STATE, reason=Reason.TIE).id


@pytest.mark.parametrize(
    "field", ["scope", "key", "created_ns", "updated_ns", "fingerprint", "count", "epoch"]
)
def test_every_part_of_the_identity_counts(field: str) -> None:
    value = getattr(STATE, field)
    others: dict[type, Any] = {str: "other", int: 99, bytes: b"g" * 16}
    changed = dataclasses.replace(STATE, **{field: others[type(value)]})
    assert Added("x", identity=STATE).id != Added("x", identity=changed).id


def test_the_end_does_not_depend_on_the_last_state_seen() -> None:
    later = dataclasses.replace(STATE, updated_ns=30, fingerprint=b"g" * 16)
    assert Deleted("x", identity=STATE).id == Deleted("y", identity=later).id
    assert Deleted("x", identity=STATE).id != Added("x", identity=STATE).id


def test_leaving_the_filter_depends_on_the_state_that_left() -> None:
    later = dataclasses.replace(STATE, updated_ns=30)
    left = [Deleted("x", identity=one, reason=Reason.DESELECTED) for one in (STATE, later)]
    assert left[0].id != left[1].id
    assert left[0].version == (10, 0, 20)


def test_an_end_is_above_every_state_of_its_epoch_and_below_the_next() -> None:
    end = Deleted("x", identity=STATE).version
    assert end == (10, 0, math.inf)
    assert Added("x", identity=STATE).version < end
    assert end < Added("x", identity=dataclasses.replace(STATE, epoch=1)).version
    born = dataclasses.replace(STATE, created_ns=11 * NS_PER_SECOND)
    assert end < Added("x", identity=born).version


def test_a_wire_that_shows_whole_seconds_gives_the_same_version() -> None:
    cut = dataclasses.replace(STATE, created_ns=10 * NS_PER_SECOND, updated_ns=20 * NS_PER_SECOND)
    for event in (Added, Modified, Deleted):
        assert event("x", identity=cut).version == event("x", identity=STATE).version


def test_neighbouring_parts_cannot_be_confused() -> None:
    one, two = Identity("a", "bc", 1, 1, b""), Identity("ab", "c", 1, 1, b"")
    assert one.digest("U") != two.digest("U")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param("status.conditions", True, id="the path"),
        pytest.param("status", True, id="above"),
        pytest.param("status.conditions.reason", True, id="below"),
        pytest.param("status.cond", False, id="a prefix of the name"),
        pytest.param("spec", False, id="elsewhere"),
    ],
)
def test_touches_knows_what_contains_what(path: str, expected: bool) -> None:  # noqa: FBT001 - a table
    event = Modified("new", "old", frozenset({"status.conditions"}), identity=STATE)
    assert event.touches(path) is expected


def test_without_the_old_object_everything_may_have_changed() -> None:
    assert Modified("new", identity=STATE).touches("spec.name")
