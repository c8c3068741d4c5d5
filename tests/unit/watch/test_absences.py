from __future__ import annotations

import pytest

from triwire.watch.absences import Absences, Plan
from triwire.watch.options import WatchOptions

BOUND = 10.0
KEYS = [f"k{number:03d}" for number in range(200)]


def weigh(absences: Absences, missing: int, started: float, *, live: set[str]) -> Plan:
    return absences.weigh(
        KEYS[:missing], known=len(KEYS), live=live, started=started, bound_seconds=BOUND
    )


@pytest.mark.parametrize(
    ("missing", "known", "doubted", "probe"),
    [
        pytest.param(10, 12, False, False, id="up to ten are always possible"),
        pytest.param(11, 12, True, True, id="most of a few"),
        pytest.param(64, 200, False, False, id="as many as can be confirmed"),
        pytest.param(65, 200, False, True, id="too many to confirm each"),
        pytest.param(100, 200, False, True, id="just half"),
        pytest.param(101, 200, True, True, id="more than half"),
    ],
)
def test_how_much_absence_is_believed(
    missing: int,
    known: int,
    doubted: bool,  # noqa: FBT001 - a table
    probe: bool,  # noqa: FBT001 - a table
) -> None:
    plan = Absences(WatchOptions()).weigh(
        KEYS[:missing], known=known, live=set(KEYS), started=0.0, bound_seconds=BOUND
    )
    assert plan == Plan(doubted=doubted, probe=probe)


def test_a_second_list_is_believed_if_every_probe_is_gone() -> None:
    absences, live = Absences(WatchOptions()), set(KEYS)
    weigh(absences, 150, 0.0, live=live)
    absences.doubt(KEYS[:8], started=0.0)
    live -= set(KEYS[:8])
    assert weigh(absences, 150, 9.9, live=live) == Plan(doubted=True, probe=False)
    assert weigh(absences, 150, 10.0, live=live) == Plan(doubted=False, probe=False)


def test_one_probe_alive_means_new_probes() -> None:
    absences, live = Absences(WatchOptions()), set(KEYS)
    weigh(absences, 150, 0.0, live=live)
    absences.doubt(KEYS[:8], started=0.0)
    live -= set(KEYS[:7])
    assert weigh(absences, 150, 10.0, live=live) == Plan(doubted=True, probe=True)
    assert not absences.probes_are_gone(live=live)


def test_a_list_that_holds_most_ends_the_doubt() -> None:
    absences = Absences(WatchOptions())
    absences.doubt([], started=0.0)
    assert absences.probes_are_gone(live=set[str]())
    weigh(absences, 3, 50.0, live=set(KEYS))
    assert not absences.probes_are_gone(live=set[str]())


def test_a_suspicion_counts_lists_until_the_key_is_seen() -> None:
    absences = Absences(WatchOptions())
    assert absences.suspect("a", started=1.0).lists == 1
    again = absences.suspect("a", started=9.0)
    assert (again.lists, again.started) == (2, 1.0)
    absences.suspect("b", started=9.0)
    absences.clear_seen({"a"})
    assert list(absences.suspects) == ["b"]
