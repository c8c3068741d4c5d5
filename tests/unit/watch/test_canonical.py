"""Equal content is equal on every wire, and nothing else is."""

from __future__ import annotations

import base64
import random
from datetime import UTC, datetime
from typing import Any

import pytest
from google.protobuf import json_format
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.watch.fleet import Newer, Ship
from triwire.watch.canonical import Canonicalizer, CanonicalRules
from triwire.watch.observation import Phase
from triwire.watch.shape import Observer, ResourceShape

STATE = "triwire.test.fleet.State"
RULES = CanonicalRules(
    ignored=frozenset({"updated_at", "checks.seen_at"}),
    sets=frozenset({"crew_names", "ports"}),
    keyed={"checks": ("type",)},
    enum_aliases={STATE: {"True": 2, "False": 1, "Unknown": 0}},
)
SHIP = Canonicalizer(Ship, RULES)
PLAIN = Canonicalizer(None, RULES)

STAMPS = st.integers(0, 4_000_000_000 * 10**9)
TEXT = st.text(st.characters(codec="utf-8"), max_size=8)
CHECKS = st.lists(
    st.tuples(TEXT, st.integers(0, 2), STAMPS), max_size=4, unique_by=lambda one: one[0]
)


def check(target: Any, kind: str, state: int, stamp: int) -> None:
    target.type, target.state = kind, state
    target.seen_at.seconds, target.seen_at.nanos = divmod(stamp, 10**9)


@st.composite
def ships(draw: st.DrawFn) -> Any:
    ship = Ship(
        id=draw(TEXT),
        crew_names=draw(st.lists(TEXT, max_size=4, unique=True)),
        labels=draw(st.dictionaries(TEXT, TEXT, max_size=4)),
        tonnage=draw(st.integers(-(2**63), 2**63 - 1)),
        speed=draw(st.floats(allow_nan=False, allow_infinity=False)),
        armed=draw(st.booleans()),
        seal=draw(st.binary(max_size=8)),
        owner=draw(TEXT),
        state=draw(st.integers(0, 2)),
    )
    for one in draw(CHECKS):
        check(ship.checks.add(), *one)
    for one in draw(CHECKS):
        check(ship.ports.add(), *one)
    for deck, one in enumerate(draw(CHECKS)):
        check(ship.checks_by_deck[deck], *one)
    if draw(st.booleans()):
        ship.updated_at.seconds = draw(st.integers(0, 2**31))
    if draw(st.booleans()):
        ship.created_at.seconds, ship.created_at.nanos = divmod(draw(STAMPS), 10**9)
    if draw(st.booleans()):
        ship.voyage.seconds = draw(st.integers(0, 10**6))
    if draw(st.booleans()):
        ship.free_berth.SetInParent()
    node = ship.root
    for _ in range(draw(st.integers(0, 3))):
        node.made_at.seconds, node.made_at.nanos = divmod(draw(STAMPS), 10**9)
        node = node.child
        node.label = draw(TEXT)
    return ship


def shuffled(ship: Any, seed: int) -> Any:
    """Show the same ship as another server would: other orders, an unknown field, fewer digits."""
    rng = random.Random(seed)  # noqa: S311 - repeatable, no secret
    other = Ship()
    other.CopyFrom(ship)
    for name in ("crew_names", "checks", "ports"):
        values = list(getattr(other, name))
        rng.shuffle(values)
        other.ClearField(name)
        getattr(other, name).extend(values)
    labels = list(ship.labels.items())
    rng.shuffle(labels)
    other.labels.clear()
    for key, value in labels:
        other.labels[key] = value
    other.updated_at.seconds = rng.randrange(2**31)
    if other.HasField("created_at"):
        other.created_at.nanos -= other.created_at.nanos % 1000
    # Field 999 of a newer server: 0xf8 0x3e is its tag, a varint follows.
    other.MergeFromString(b"\xf8\x3e\x07")
    return other


@settings(max_examples=40)
@given(ships(), st.integers())
def test_another_order_precision_and_newer_fields_are_no_change(ship: Any, seed: int) -> None:
    other = shuffled(ship, seed)
    assert SHIP.fingerprint(ship) == SHIP.fingerprint(other)
    assert SHIP.changed_paths(ship, other) == frozenset()


@settings(max_examples=40)
@given(ships())
def test_json_and_the_message_are_equal(ship: Any) -> None:
    by_json = json_format.MessageToDict(ship)
    by_proto = json_format.MessageToDict(ship, preserving_proto_field_name=True)
    with_zeros = json_format.MessageToDict(ship, always_print_fields_with_no_presence=True)
    numbers = json_format.MessageToDict(ship, use_integers_for_enums=True)
    expected = SHIP.fingerprint(ship)
    for one in (by_json, by_proto, with_zeros, numbers):
        assert SHIP.fingerprint(one) == expected


@settings(max_examples=40)
@given(ships(), ships())
def test_fingerprints_are_equal_only_for_equal_forms(one: Any, other: Any) -> None:
    same = SHIP.form(one) == SHIP.form(other)
    assert (SHIP.fingerprint(one) == SHIP.fingerprint(other)) is same
    assert (SHIP.changed_paths(one, other) == frozenset()) is same


@settings(max_examples=40)
@given(ships())
def test_the_argument_stays_as_it_is(ship: Any) -> None:
    before = ship.SerializeToString(deterministic=True)
    SHIP.fingerprint(ship)
    SHIP.changed_paths(ship, Ship())
    assert ship.SerializeToString(deterministic=True) == before


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param("state", "STATE_TRUE", id="enum by name"),
        pytest.param("state", "True", id="enum by alias"),
        pytest.param("state", 2, id="enum by number"),
        pytest.param("state", "2", id="enum by number as text"),
        pytest.param("state", True, id="enum as YAML reads it"),
    ],
)
def test_every_spelling_of_an_enum_is_one_value(name: str, value: object) -> None:
    assert SHIP.fingerprint({name: value}) == SHIP.fingerprint(Ship(state=2))


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("2026-01-31T12:00:00.5Z", id="text"),
        pytest.param("2026-01-31T13:00:00.500000999+01:00", id="text with more digits"),
        pytest.param(datetime(2026, 1, 31, 12, 0, 0, 500_000, tzinfo=UTC), id="datetime"),
        pytest.param({"seconds": 1769860800, "nanos": 500_000_000}, id="mapping"),
        pytest.param(Timestamp(seconds=1769860800, nanos=500_000_007), id="message"),
    ],
)
def test_every_spelling_of_an_instant_is_one_value(value: object) -> None:
    ship = Ship()
    ship.created_at.seconds, ship.created_at.nanos = 1769860800, 500_000_000
    assert SHIP.fingerprint({"createdAt": value}) == SHIP.fingerprint(ship)


@pytest.mark.parametrize(
    ("plain", "ship"),
    [
        pytest.param({"tonnage": "12"}, Ship(tonnage=12), id="64-bit integer as text"),
        pytest.param({"tonnage": 12.0}, Ship(tonnage=12), id="integer as float"),
        pytest.param({"speed": "2.5"}, Ship(speed=2.5), id="float as text"),
        pytest.param({"armed": "true"}, Ship(armed=True), id="bool as text"),
        pytest.param({"seal": "-_8"}, Ship(seal=b"\xfb\xff"), id="url-safe base64"),
        pytest.param({"seal": b"\x01"}, Ship(seal=b"\x01"), id="raw bytes"),
        pytest.param({"voyage": "3s"}, {"voyage": "3.000s"}, id="duration"),
        pytest.param({"unknown": 1, "owner": None}, Ship(), id="unknown and null"),
        pytest.param({"\ud800": 1}, Ship(), id="unknown and no text"),
        pytest.param({"owner": "", "tonnage": 0}, Ship(), id="defaults"),
        pytest.param({"checksByDeck": {"1": {"type": "x"}}}, None, id="map by text key"),
    ],
)
def test_plain_data_is_read_as_the_message(plain: dict[str, Any], ship: Any) -> None:
    if ship is None:
        ship = Ship()
        ship.checks_by_deck[1].type = "x"
    assert SHIP.fingerprint(plain) == SHIP.fingerprint(ship)


def test_an_empty_message_is_not_an_absent_one() -> None:
    present = Ship()
    present.free_berth.SetInParent()
    assert SHIP.fingerprint(present) != SHIP.fingerprint(Ship())
    assert SHIP.fingerprint({"freeBerth": {}}) == SHIP.fingerprint(present)


def test_seconds_are_the_coarsest_precision() -> None:
    coarse = Canonicalizer(Ship, CanonicalRules(precision_ns=10**9))
    fine = Canonicalizer(Ship, CanonicalRules(precision_ns=1))
    one, other = Ship(), Ship()
    one.created_at.seconds = other.created_at.seconds = 5
    other.created_at.nanos = 999_999_999
    assert coarse.fingerprint(one) == coarse.fingerprint(other)
    assert fine.fingerprint(one) != fine.fingerprint(other)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        pytest.param({"owner": "a"}, {"owner": "b"}, {"owner"}, id="a scalar"),
        pytest.param({}, {"owner": "b"}, {"owner"}, id="set"),
        pytest.param({"freeBerth": {}}, {}, {"free_berth"}, id="cleared"),
        pytest.param({"labels": {"a": "1"}}, {"labels": {"a": "2"}}, {"labels"}, id="a map"),
        pytest.param(
            {"root": {"child": {"label": "a"}}},
            {"root": {"child": {"label": "b"}}},
            {"root.child.label"},
            id="deep down",
        ),
        pytest.param(
            {"checks": [{"type": "a", "state": 1}, {"type": "b"}]},
            {"checks": [{"type": "b"}, {"type": "a", "state": 2}]},
            {"checks.state"},
            id="inside a keyed list",
        ),
        pytest.param(
            {"checks": [{"type": "a"}]}, {"checks": [{"type": "b"}]}, {"checks"}, id="other keys"
        ),
        pytest.param(
            {"ports": [{"type": "a"}]}, {"ports": [{"type": "b"}]}, {"ports"}, id="no keys"
        ),
        pytest.param(
            {"createdAt": "2026-01-01T00:00:00Z"},
            {"createdAt": "2026-01-01T00:00:01Z"},
            {"created_at"},
            id="an instant",
        ),
        pytest.param(
            {"checks": [{"type": "a", "seenAt": "2026-01-01T00:00:00Z"}]},
            {"checks": [{"type": "a", "seenAt": "2026-01-01T00:00:01Z"}]},
            set[str](),
            id="an ignored heartbeat",
        ),
    ],
)
def test_changed_paths_name_what_differs(
    old: dict[str, Any], new: dict[str, Any], expected: set[str]
) -> None:
    assert SHIP.changed_paths(old, new) == expected


@pytest.mark.parametrize(
    ("value", "message"),
    [
        pytest.param({"state": "STATE_MAYBE"}, "known are STATE_UNSPECIFIED", id="enum name"),
        pytest.param({"state": "\ud800"}, "known are STATE_UNSPECIFIED", id="no text"),
        pytest.param({"state": None, "armed": "yes"}, "yes", id="bool text"),
        pytest.param({"createdAt": "soon"}, "RFC 3339", id="instant"),
        pytest.param({"tonnage": [1]}, "expected a value for", id="list for integer"),
        pytest.param({"seal": "***"}, "expected a value for", id="base64"),
        pytest.param({"owner": 5}, "expected a value for", id="number for text"),
        pytest.param({"voyage": "soon"}, "expected a value for", id="duration"),
        pytest.param({"root": 5}, "expected a value for", id="number for message"),
    ],
)
def test_a_value_that_fits_no_field_is_refused(value: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SHIP.fingerprint(value)


def test_another_message_type_is_refused() -> None:
    with pytest.raises(TypeError, match=r"expected a triwire\.test\.fleet\.Ship"):
        SHIP.fingerprint(Newer())
    with pytest.raises(TypeError, match="with its message type"):
        PLAIN.fingerprint(Ship())


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        pytest.param({"ignored": frozenset({"nope"})}, "expected a field", id="no field"),
        pytest.param({"sets": frozenset({"owner"})}, "repeated", id="no list"),
        pytest.param({"sets": frozenset({"owner.x"})}, "message field", id="below a scalar"),
        pytest.param({"sets": frozenset({"labels.x"})}, "message field", id="below a map"),
        pytest.param({"keyed": {"nope": ()}}, "expected a field", id="no keyed field"),
        pytest.param({"precision_ns": 0}, "precision_ns", id="no precision"),
    ],
)
def test_rules_that_name_nothing_are_refused(rules: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Canonicalizer(Ship, CanonicalRules(**rules))


# -- without a schema --------------------------------------------------------------------------

JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(TEXT, JSON, max_size=5), st.randoms(use_true_random=False))
def test_plain_data_without_a_schema_knows_no_order_of_keys(
    value: dict[str, Any], rng: random.Random
) -> None:
    pairs = list(value.items())
    rng.shuffle(pairs)
    assert PLAIN.fingerprint(value) == PLAIN.fingerprint(dict(pairs))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        pytest.param({"a": None, "b": "", "c": 0, "d": False, "e": []}, {}, True, id="empty"),
        pytest.param({"a": {}}, {}, False, id="an empty mapping is present"),
        pytest.param({"a": 1.0}, {"a": 1}, True, id="integral float"),
        pytest.param({"a": 1.5}, {"a": 1}, False, id="other float"),
        pytest.param({"a": b"x"}, {"a": "x"}, False, id="bytes are no text"),
        pytest.param({"crew_names": ["b", "a"]}, {"crew_names": ("a", "b")}, True, id="a set"),
        pytest.param({"other": ["b", "a"]}, {"other": ["a", "b"]}, False, id="a list"),
        pytest.param(
            {"checks": [{"type": "b"}, {"type": "a"}]},
            {"checks": [{"type": "a"}, {"type": "b"}]},
            True,
            id="a keyed list",
        ),
        pytest.param({"updated_at": 1}, {"updated_at": 2}, True, id="ignored"),
        pytest.param({"a": {"b": 1}}, {"a": {"b": 2}}, False, id="deep down"),
    ],
)
def test_what_counts_without_a_schema(
    one: dict[str, Any],
    other: dict[str, Any],
    same: bool,  # noqa: FBT001 - a table
) -> None:
    assert (PLAIN.fingerprint(one) == PLAIN.fingerprint(other)) is same
    assert (PLAIN.changed_paths(one, other) == frozenset()) is same


def test_changed_paths_without_a_schema_go_into_mappings() -> None:
    old, new = {"a": {"b": 1, "c": 1}, "d": [1]}, {"a": {"b": 2, "c": 1}, "d": [2]}
    assert PLAIN.changed_paths(old, new) == {"a.b", "d"}


# -- shape -------------------------------------------------------------------------------------


def ship_shape(**more: Any) -> ResourceShape[Any]:
    return ResourceShape(
        message_type=Ship, key="id", created="created_at", updated="updated_at", **more
    )


def phase_of(ship: Any) -> Phase:
    return Phase(ship.state)


def test_a_message_is_observed_by_its_shape() -> None:
    ship = Ship(id="s1", owner="us", state=2)
    ship.created_at.nanos, ship.updated_at.nanos = 5, 7
    observer: Observer[Any] = Observer(
        ship_shape(owner="owner", phase=phase_of),
        selects=lambda one: one.owner != "us",
    )
    found = observer.observe(ship)
    assert (found.key, found.created_ns, found.updated_ns) == ("s1", 5, 7)
    assert (found.phase, found.selected, found.object) == (Phase.DELETING, False, ship)
    assert observer.owner(ship) == "us"
    assert observer.owner(Ship()) is None
    ship.updated_at.seconds = 99
    assert observer.observe(ship).fingerprint == found.fingerprint


def test_a_shape_has_defaults_for_what_a_product_does_not_say() -> None:
    observer: Observer[Any] = Observer(ship_shape())
    found = observer.observe(Ship(id="s1"))
    assert (found.created_ns, found.updated_ns) == (0, 0)
    assert (found.phase, found.selected) == (Phase.SETTLED, True)
    assert observer.owner(Ship(owner="us")) is None
    assert observer.changed_paths(Ship(owner="a"), Ship(owner="b")) == {"owner"}


def test_base64_of_any_padding_is_read() -> None:
    for size in range(4):
        raw = bytes(range(size))
        text = base64.urlsafe_b64encode(raw).decode().rstrip("=")
        assert SHIP.fingerprint({"seal": text}) == SHIP.fingerprint(Ship(seal=raw))
