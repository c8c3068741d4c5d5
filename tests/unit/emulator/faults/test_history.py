"""What lagging replicas and late commits still show."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from coreweave_inference.emulator.faults.history import History
from coreweave_inference.emulator.records import GATEWAY, AnyRecord, Record, Stage
from coreweave_inference_gen.coreweave.inference.v1alpha1.gateway_pb2 import Gateway

SECOND = 1_000_000_000
KEY = (GATEWAY, "cw0001", "A")


def state(name: str) -> AnyRecord:
    gateway = Gateway()
    gateway.spec.name = name
    return Record(GATEWAY, gateway, Stage.SETTLED, None)


ONE, TWO, THREE = state("one"), state("two"), state("three")


def history(seconds: float = 10) -> History:
    made = History()
    made.reach(seconds, recording=True)
    return made


def seen(of: History, at: int, *, now: int | None = None) -> dict[str, AnyRecord | None]:
    return of.at(GATEWAY, "cw0001", seen_ns=at, now_ns=at if now is None else now)


def test_a_lagging_read_sees_what_was() -> None:
    made = history()
    made.note(KEY, ONE, TWO, visible_ns=100 * SECOND)
    assert seen(made, 100 * SECOND - 1, now=101 * SECOND) == {"a": ONE}
    assert seen(made, 100 * SECOND) == {}


def test_a_late_write_is_not_seen_before_its_commit() -> None:
    made = history(0)
    made.note(KEY, None, ONE, visible_ns=105 * SECOND)
    assert seen(made, 104 * SECOND) == {"a": None}
    assert seen(made, 105 * SECOND) == {}


def test_a_deleted_resource_is_seen_until_the_replica_knows() -> None:
    made = history()
    made.note(KEY, ONE, None, visible_ns=100 * SECOND)
    assert seen(made, 99 * SECOND, now=101 * SECOND) == {"a": ONE}


def test_a_write_never_overtakes_an_earlier_one_of_its_resource() -> None:
    made = history()
    made.note(KEY, ONE, TWO, visible_ns=105 * SECOND)
    made.note(KEY, TWO, THREE, visible_ns=101 * SECOND)
    assert seen(made, 104 * SECOND) == {"a": ONE}
    assert seen(made, 105 * SECOND) == {}


def test_what_no_read_can_see_is_forgotten() -> None:
    made = history(10)
    made.note(KEY, ONE, TWO, visible_ns=100 * SECOND)
    assert made.former(*KEY) is ONE
    seen(made, 111 * SECOND)
    assert made.former(*KEY) is None


def test_other_kinds_and_organizations_are_not_concerned() -> None:
    made = history()
    made.note(KEY, ONE, TWO, visible_ns=100 * SECOND)
    assert made.at(GATEWAY, "cw0002", seen_ns=0, now_ns=100 * SECOND) == {}


def test_nothing_is_noted_unless_it_is_needed() -> None:
    made = history()
    made.note(KEY, ONE, TWO, visible_ns=100 * SECOND)
    made.reach(0, recording=False)
    made.note(KEY, TWO, THREE, visible_ns=101 * SECOND)
    assert seen(made, 0) == {}


def test_a_longer_reach_keeps_more() -> None:
    made = history(1)
    made.note(KEY, ONE, TWO, visible_ns=100 * SECOND)
    made.reach(50, recording=True)
    assert seen(made, 99 * SECOND, now=120 * SECOND) == {"a": ONE}


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 20), st.integers(0, 8)), min_size=1, max_size=20
    ),
    st.integers(0, 8),
)
def test_a_read_sees_the_latest_state_that_is_visible(
    writes: list[tuple[int, int, int]], lag: int
) -> None:
    """Against a plain replay of all writes, after each of them and at the end."""
    made = history(8)
    now = 1000
    truth: dict[str, list[tuple[int, AnyRecord | None]]] = {}
    for number, (resource, pause, delay) in enumerate(writes):
        now += pause
        key = (GATEWAY, "cw0001", str(resource))
        states = truth.setdefault(str(resource), [(0, None)])
        after = None if number % 5 == 4 else state(str(number))
        visible = max(now + delay, states[-1][0])
        made.note(key, states[-1][1], after, visible_ns=(now + delay) * SECOND)
        states.append((visible, after))
        changed = seen(made, (now - lag) * SECOND, now=now * SECOND)
        for name, known in truth.items():
            wanted = [one for since, one in known if since <= now - lag][-1]
            assert changed.get(name, known[-1][1]) is wanted
