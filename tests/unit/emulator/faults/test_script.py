"""Fault scripts: what is read, what is refused, and when a fault happens."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coreweave_inference.emulator.faults.fields import ScriptError, Span
from coreweave_inference.emulator.faults.kinds import KINDS, UNITS_NS, Error, Latency
from coreweave_inference.emulator.faults.script import FaultScript, PlannedFault, When, Where
from triwire.errors import Code


def script_of(*faults: dict[str, Any]) -> FaultScript:
    return FaultScript.from_plain({"faults": list(faults)})


def test_a_script_is_read_in_full() -> None:
    script = FaultScript.parse(
        '{"seed": 7, "faults": [{"name": "slow", "kind": "latency", "seconds": [0.1, 0.5],'
        ' "where": {"methods": ["List*"], "wires": ["rest"]},'
        ' "when": {"probability": 0.2, "count": 5}}, {"kind": "error", "code": "UNAVAILABLE"}]}'
    )
    slow = PlannedFault(
        "slow",
        Latency(seconds=Span(0.1, 0.5)),
        Where(methods=("List*",), wires=("rest",)),
        When(probability=0.2, count=5),
    )
    unavailable = PlannedFault("fault-2", Error(code=Code.UNAVAILABLE))
    assert script == FaultScript((slow, unavailable), seed=7)


@pytest.mark.parametrize(
    ("document", "text"),
    [
        pytest.param("{", "expected JSON", id="no JSON"),
        pytest.param("[]", r"script: expected an object, got \[\]", id="a list"),
        pytest.param('{"fault": []}', "script: unknown 'fault'", id="unknown key"),
        pytest.param('{"faults": {}}', "script.faults: expected a list of faults", id="no list"),
        pytest.param('{"seed": 1.5}', "script.seed: expected an integer", id="seed"),
        pytest.param('{"faults": [1]}', r"faults\[0\]: expected an object, got 1", id="number"),
        pytest.param('{"faults": [{}]}', r"faults\[0\].kind: expected one of latency", id="kind"),
        pytest.param(
            '{"faults": [{"kind": "page", "name": 3}]}',
            r"faults\[0\].name: expected a text, got 3",
            id="name",
        ),
        pytest.param(
            '{"faults": [{"kind": "latency"}]}',
            r"faults\[0\]: 'seconds' is missing",
            id="missing",
        ),
        pytest.param(
            '{"faults": [{"kind": "latency", "seconds": [2, 1]}]}',
            r"faults\[0\].seconds: expected the lower end first",
            id="ends",
        ),
        pytest.param(
            '{"faults": [{"kind": "latency", "seconds": [1]}]}',
            r"faults\[0\].seconds: expected a number or \[low, high\]",
            id="one end",
        ),
        pytest.param(
            '{"faults": [{"kind": "latency", "seconds": NaN}]}',
            r"faults\[0\].seconds: expected a number 0 to 600, got nan",
            id="not a number",
        ),
        pytest.param(
            '{"faults": [{"kind": "latency", "seconds": true}]}',
            r"faults\[0\].seconds: expected a number",
            id="bool",
        ),
        pytest.param(
            '{"faults": [{"kind": "error", "code": "OK"}]}',
            r"faults\[0\].code: expected one of CANCELLED, .*, got 'OK'",
            id="code",
        ),
        pytest.param(
            '{"faults": [{"kind": "error", "code": "ABORTED", "quota": 1}]}',
            r"faults\[0\].quota: expected true or false, got 1",
            id="flag",
        ),
        pytest.param(
            '{"faults": [{"kind": "error", "code": "ABORTED", "retry_after": "1\\r\\nx: y"}]}',
            r"faults\[0\]: retry_after: expected printable text",
            id="split header",
        ),
        pytest.param(
            '{"faults": [{"kind": "error", "code": "ABORTED", "retry_after": "1",'
            ' "retry_delay_seconds": 2}]}',
            "expected retry_after or retry_delay_seconds, got both",
            id="two waits",
        ),
        pytest.param(
            '{"faults": [{"kind": "empty-list", "where": {"methods": ["Lits*"]}}]}',
            r"faults\[0\]: where.methods: 'Lits\*' matches nothing .*: expected some of List",
            id="pattern",
        ),
        pytest.param(
            '{"faults": [{"kind": "empty-list", "where": {"methods": ["Get*"]}}]}',
            "kind 'empty-list' can happen to",
            id="pattern of another kind",
        ),
        pytest.param(
            '{"faults": [{"kind": "page", "where": {"methods": "List*"}}]}',
            r"faults\[0\].where.methods: expected a list of texts, got 'List\*'",
            id="no list of patterns",
        ),
        pytest.param(
            '{"faults": [{"kind": "page", "where": {"wires": ["http"]}}]}',
            r"faults\[0\].where.wires: expected one of connect, grpc",
            id="wire",
        ),
        pytest.param(
            '{"faults": [{"kind": "page", "when": {"probability": 2}}]}',
            r"faults\[0\].when.probability: expected a number 0 to 1, got 2",
            id="probability",
        ),
        pytest.param(
            '{"faults": [{"kind": "page", "when": {"every": 0}}]}',
            r"faults\[0\].when.every: expected an integer 1 to",
            id="every",
        ),
        pytest.param(
            '{"faults": [{"kind": "page", "when": {"from_call": 5, "until_call": 4}}]}',
            r"faults\[0\].when: until_call: expected 5 or later, got 4",
            id="no call",
        ),
        pytest.param(
            '{"faults": [{"kind": "page", "when": {"from_seconds": 5, "until_seconds": 5}}]}',
            r"faults\[0\].when: until_seconds: expected later than 5, got 5",
            id="no time",
        ),
        pytest.param(
            '{"faults": [{"kind": "page", "name": "a"}, {"kind": "page", "name": "a"}]}',
            "two faults are named 'a'",
            id="names",
        ),
        pytest.param(
            '{"faults": [{"kind": "clock-step", "seconds": 1, "when": {"count": 1}}]}',
            "a clock-step is everywhere",
            id="clock by calls",
        ),
    ],
)
def test_a_script_that_cannot_be_used_is_refused_with_the_place(document: str, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        FaultScript.parse(document)


def test_each_kind_is_read_by_its_name() -> None:
    needed = {
        "seconds": 1,
        "unit": "ms",
        "code": "ABORTED",
    }
    for name, kind in KINDS.items():
        entry = {key: value for key, value in needed.items() if key in kind.__annotations__}
        assert isinstance(script_of({"kind": name, **entry}).faults[0].fault, kind)


_seconds = st.floats(0, 600, allow_nan=False)
_spans = st.tuples(_seconds, _seconds).map(sorted).map(list[float]) | _seconds


def _fields(kind: str | list[str], **values: st.SearchStrategy[Any]) -> Any:
    kinds = [kind] if isinstance(kind, str) else kind
    return st.fixed_dictionaries({"kind": st.sampled_from(kinds), **values})


_parts = st.one_of(
    _fields(["latency", "stale-read", "late-write", "skewed-stamp"], seconds=_spans),
    _fields(
        ["shown-precision", "request-rounding", "stored-precision"],
        unit=st.sampled_from(sorted(UNITS_NS)),
        rounding=st.sampled_from(["floor", "round", "ceil"]),
    ),
    _fields(
        "error",
        code=st.sampled_from([one.name for one in Code]),
        message=st.text(),
        at=st.sampled_from(["request", "answer"]),
        pushback_ms=st.integers(-1, 1000),
        retry_delay_seconds=_seconds,
        quota=st.booleans(),
    ),
    _fields(["page", "drop", "unbumped-change"]),
)
_whens = st.fixed_dictionaries(
    {},
    optional={
        "probability": st.floats(0, 1),
        "every": st.integers(1, 100),
        "count": st.integers(1, 100),
        "from_call": st.integers(1, 10),
        "until_call": st.integers(10, 100),
        "from_seconds": st.floats(0, 10),
        "until_seconds": st.floats(11, 20),
    },
)
_wheres = st.fixed_dictionaries(
    {},
    optional={
        "methods": st.lists(st.sampled_from(["*", "?*"]), min_size=1),
        "wires": st.lists(st.sampled_from(["rest", "grpc"]), min_size=1),
    },
)


def _entry(part: dict[str, Any], when: dict[str, Any], where: dict[str, Any]) -> dict[str, Any]:
    return {**part, "when": when, "where": where}


_entries = st.builds(_entry, _parts, _whens, _wheres)


@given(st.lists(_entries), st.integers(-(2**63), 2**63 - 1))
def test_what_is_written_is_read_back(entries: list[dict[str, Any]], seed: int) -> None:
    script = FaultScript.from_plain({"seed": seed, "faults": entries})
    assert FaultScript.parse(script.to_json()) == script


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["faults", "kind", "seconds", "where", "when", "methods", "code", "seed"]
            ),
            inner | st.sampled_from(["latency", "error", "List*"]),
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(_json)
def test_any_json_is_read_or_refused(value: object) -> None:
    try:
        script = FaultScript.from_plain(value)
    except ScriptError:
        return
    assert isinstance(script, FaultScript)


def fired(when: When, calls: int, *, elapsed_seconds: float = 0.0) -> list[int]:
    found: list[int] = []
    for call in range(1, calls + 1):
        if when.happens(call, len(found), elapsed_seconds, random.Random(call)):  # noqa: S311 - repeatable
            found.append(call)
    return found


@pytest.mark.parametrize(
    ("when", "calls"),
    [
        pytest.param(When(), [1, 2, 3, 4, 5, 6, 7, 8], id="always"),
        pytest.param(When(probability=0), [], id="never"),
        pytest.param(When(every=3), [3, 6], id="every third"),
        pytest.param(When(every=3, from_call=2), [4, 7], id="every third from the second"),
        pytest.param(When(count=2), [1, 2], id="twice"),
        pytest.param(When(from_call=3, until_call=5), [3, 4, 5], id="a window of calls"),
        pytest.param(When(every=2, count=2, from_call=2), [3, 5], id="together"),
    ],
)
def test_a_fault_happens_to_the_calls_it_names(when: When, calls: list[int]) -> None:
    assert fired(when, 8) == calls


def test_a_probability_is_a_share_of_the_calls() -> None:
    assert 200 < len(fired(When(probability=0.25), 1000)) < 300


def test_a_fault_happens_in_its_window_of_time_alone() -> None:
    when = When(from_seconds=10, until_seconds=20)
    assert [fired(when, 1, elapsed_seconds=at) for at in (9.9, 10, 19.9, 20)] == [[], [1], [1], []]


def test_a_pattern_matches_the_methods_and_wires_it_names() -> None:
    planned = script_of(
        {"kind": "error", "code": "ABORTED", "where": {"methods": ["List*"], "wires": ["grpc"]}}
    ).faults[0]
    assert planned.matches("ListGateways", "grpc")
    assert not planned.matches("ListGateways", "rest")
    assert not planned.matches("GetGateway", "grpc")


def test_a_fault_never_matches_a_method_that_its_kind_cannot_happen_to() -> None:
    late = script_of({"kind": "late-write", "seconds": 1}).faults[0]
    assert late.matches("CreateGateway", "rest")
    assert late.matches("StepGateway", "")
    assert not late.matches("GetGateway", "rest")


def test_steps_of_the_lifecycle_have_no_wire() -> None:
    late = script_of({"kind": "late-write", "seconds": 1, "where": {"wires": ["rest"]}}).faults[0]
    assert not late.matches("StepGateway", "")
