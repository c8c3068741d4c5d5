from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.watch.driving import NS, at_ns, seen
from triwire.watch.merge import Return, Verdict, judge, judge_return
from triwire.watch.observation import Observation, Phase
from triwire.watch.rows import Hold, Row, Tombstone

BOUND = 10.0
ACCEPTED = 100.0


def row_of(one: Observation[str], *, hold: Hold | None = None) -> Row[str]:
    return Row(
        key=one.key,
        created_ns=one.created_ns,
        shown_created_ns=one.created_ns,
        updated_ns=one.updated_ns,
        fingerprint=one.fingerprint,
        object=one.object,
        phase=Phase.SETTLED,
        first_seen=ACCEPTED,
        accepted=ACCEPTED,
        hold=hold,
    )


def verdict(
    one: Observation[str], *, started: float, hold: Hold | None = None, tolerance: int = 0
) -> Verdict:
    return judge(
        row_of(seen("k", 50, "known"), hold=hold),
        one,
        started=started,
        bound_seconds=BOUND,
        created_tolerance_ns=tolerance,
    )


EARLY, LATE = ACCEPTED + BOUND - 0.001, ACCEPTED + BOUND


@pytest.mark.parametrize(
    ("one", "started", "expected"),
    [
        pytest.param(seen("k", 50, "known"), EARLY, Verdict.CONFIRMED, id="the known state"),
        pytest.param(seen("k", 60, "known"), EARLY, Verdict.TOUCHED, id="a newer stamp only"),
        pytest.param(seen("k", 40, "known"), LATE, Verdict.ECHO, id="an older stamp only"),
        pytest.param(seen("k", 60, "b"), EARLY, Verdict.NEWER, id="newer"),
        pytest.param(seen("k", 50, "b"), LATE, Verdict.TIE, id="a tie, late enough"),
        pytest.param(seen("k", 50, "b"), EARLY, Verdict.HOLD, id="a tie, too early"),
        pytest.param(seen("k", 40, "b"), LATE, Verdict.HOLD, id="older, first sighting"),
        pytest.param(seen("k", 1, "b", created=1), EARLY, Verdict.RECREATED, id="born later"),
        pytest.param(seen("k", 60, "b", created=-1), LATE, Verdict.HOLD, id="born earlier"),
    ],
)
def test_what_an_observation_means(
    one: Observation[str], started: float, expected: Verdict
) -> None:
    assert verdict(one, started=started) is expected


@pytest.mark.parametrize(
    ("one", "first_started", "started", "expected"),
    [
        pytest.param(seen("k", 40, "b"), 105.0, 114.9, Verdict.WAIT, id="seen again too early"),
        pytest.param(seen("k", 40, "b"), 105.0, 115.0, Verdict.REGRESSED, id="still there"),
        pytest.param(seen("k", 40, "b"), 95.0, 109.9, Verdict.WAIT, id="accepted too lately"),
        pytest.param(seen("k", 40, "c"), 105.0, 120.0, Verdict.HOLD, id="yet another state"),
        pytest.param(seen("k", 41, "b"), 105.0, 120.0, Verdict.HOLD, id="yet another stamp"),
        pytest.param(
            seen("k", 40, "b", created=-1), 105.0, 120.0, Verdict.HOLD, id="yet another birth"
        ),
    ],
)
def test_a_held_state_is_accepted_when_it_stays(
    one: Observation[str], first_started: float, started: float, expected: Verdict
) -> None:
    held = seen("k", 40, "b")
    hold = Hold(held.created_ns, held.updated_ns, held.fingerprint, first_started)
    assert verdict(one, started=started, hold=hold) is expected


def test_a_held_tie_waits_for_its_time() -> None:
    one = seen("k", 50, "b")
    hold = Hold(one.created_ns, one.updated_ns, one.fingerprint, 101.0)
    assert verdict(one, started=EARLY, hold=hold) is Verdict.WAIT
    assert verdict(one, started=LATE, hold=hold) is Verdict.TIE


def test_an_older_incarnation_that_stays_is_another_incarnation() -> None:
    one = seen("k", 40, "b", created=-5)
    hold = Hold(one.created_ns, one.updated_ns, one.fingerprint, 105.0)
    assert verdict(one, started=115.0, hold=hold) is Verdict.RECREATED


def test_another_wire_may_cut_the_creation_stamp() -> None:
    cut = replace(seen("k", 60, "b"), created_ns=at_ns(0) - NS + 1)
    assert verdict(cut, started=EARLY) is Verdict.HOLD
    assert verdict(cut, started=EARLY, tolerance=NS) is Verdict.NEWER
    other = replace(cut, created_ns=at_ns(0) + NS)
    assert verdict(other, started=EARLY, tolerance=NS) is Verdict.RECREATED


def test_a_cut_fingerprint_matches_by_its_prefix() -> None:
    row = row_of(seen("k", 50, "known"))
    row.fingerprint = row.fingerprint[:8]
    assert row.has_content(seen("k", 50, "known").fingerprint)
    assert not row.has_content(seen("k", 50, "other").fingerprint)


@pytest.mark.parametrize(
    ("one", "deselected", "started", "expected"),
    [
        pytest.param(seen("k", 60, created=1), False, 0.0, Return.NEW, id="born later"),
        pytest.param(seen("k", 60), False, 109.9, Return.STALE, id="too early to tell"),
        pytest.param(seen("k", 60), False, 110.0, Return.RESURRECTED, id="back from the dead"),
        pytest.param(seen("k", 60), True, 100.0, Return.RESELECTED, id="matches again"),
        pytest.param(seen("k", 50), True, 109.9, Return.STALE, id="may be from before"),
        pytest.param(seen("k", 50), True, 110.0, Return.RESELECTED, id="matches with old stamp"),
    ],
)
def test_what_the_return_of_a_key_means(
    one: Observation[str],
    deselected: bool,  # noqa: FBT001 - a table
    started: float,
    expected: Return,
) -> None:
    end = Tombstone("k", at_ns(0), at_ns(50), 0, 100.0, deselected=deselected)
    assert judge_return(end, one, started=started, bound_seconds=BOUND) is expected


STATES = st.builds(
    seen,
    st.just("k"),
    st.integers(45, 55),
    st.sampled_from(["known", "b", "c"]),
    created=st.integers(-1, 1),
)


@given(STATES, st.floats(0, 300), st.sampled_from([0, NS]))
def test_the_known_state_is_never_replaced_by_an_older_one_at_first_sight(
    one: Observation[str], started: float, tolerance: int
) -> None:
    found = verdict(one, started=started, tolerance=tolerance)
    known = seen("k", 50, "known")
    older = (one.created_ns, one.updated_ns) < (known.created_ns, known.updated_ns)
    if older and tolerance == 0:
        assert found in (Verdict.HOLD, Verdict.ECHO)


@given(STATES, st.floats(0, 300))
def test_waiting_longer_never_makes_the_answer_less_certain(
    one: Observation[str], started: float
) -> None:
    certain = {Verdict.TIE, Verdict.NEWER, Verdict.RECREATED, Verdict.TOUCHED, Verdict.CONFIRMED}
    before, after = (verdict(one, started=when) for when in (started, started + BOUND))
    if before in certain:
        assert after is before


def test_states_under_one_stamp_get_a_count_of_their_own_each_time() -> None:
    row = row_of(seen("k", 50, "known"))
    counts: dict[str, list[int]] = {}
    for content in itertools.islice(itertools.cycle(["b", "known", "c"]), 9):
        row.take(seen("k", 50, content), at=ACCEPTED)
        counts.setdefault(content, []).append(row.count)
    assert counts == {"b": [0, 1, 2], "known": [1, 2, 3], "c": [0, 1, 2]}
    row.take(seen("k", 51, "b"), at=ACCEPTED)
    assert (row.count, row.ring) == (0, ())
