"""What holds for every history of states, however replicas lag and reads are lost."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.resource.things import lamp
from tests.unit.resource.waiting.history import Play, wait_for
from triwire.errors import Code, RpcError
from triwire.resource.waiting.goals import SETTLE_SECONDS, Ready

STATES = ("STATE_CREATING", "STATE_UPDATING", "STATE_ERROR", "STATE_READY", "STATE_FAILED")
DOWN = RpcError(Code.UNAVAILABLE, "down")


@dataclass(frozen=True)
class Version:
    """A state of the resource: what it is, when it began, and its stamp."""

    state: str
    at: float
    stamp: float


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[Version], int]:
    """Return versions whose stamps rise, and the number of the one that an update made.

    The update happens at time 0. The one before it is often READY: the stale one.
    """
    gaps = draw(st.lists(st.sampled_from([0.001, 0.5, 3.0, 9.0, 20.0, 60.0]), min_size=2))
    states = draw(st.lists(st.sampled_from(STATES), min_size=len(gaps), max_size=len(gaps)))
    made = draw(st.integers(min_value=1, max_value=len(gaps) - 1))
    ends = [sum(gaps[: number + 1]) for number in range(len(gaps))]
    start = ends[made]
    return [
        Version(state, end - start, 1000 + end) for state, end in zip(states, ends, strict=True)
    ], made


def play(
    versions: list[Version], made: int, reads: list[tuple[float, float, bool]]
) -> tuple[Play, Version | None]:
    """Play reads to a wait for what an update answered with; return it with what ended it.

    Args:
        versions: The history.
        made: Which of them the update answered with, at time 0.
        reads: The gap before each read, how far its replica lags, and whether it is lost.
    """
    base = versions[made]
    found = Play(wait_for(lamp(base.state, at=base.stamp), Ready(300)))
    now = 0.0
    for gap, lag, is_lost in reads:
        now += gap
        shown = [version for version in versions if version.at <= now - lag] or versions[:1]
        version = shown[-1]
        answer = DOWN if is_lost else lamp(version.state, at=version.stamp)
        found.show(answer, at=now)
        if found.wait.is_over:
            return found, version
    return found, None


READS = st.lists(
    st.tuples(
        st.sampled_from([0.1, 2.0, 5.0, 15.0]),
        # No replica lags longer than the bound that the rules rest on.
        st.sampled_from([0.0, 0.0, 1.0, SETTLE_SECONDS - 0.2]),
        st.booleans(),
    ),
    max_size=40,
)


@given(histories(), READS)
def test_no_ready_from_before_the_update_is_taken_for_the_one_after_it(
    history: tuple[list[Version], int], reads: list[tuple[float, float, bool]]
) -> None:
    versions, made = history
    found, last = play(versions, made, reads)
    if found.end == "ok":
        assert last is not None
        assert last.state == "STATE_READY"
        assert last.stamp >= versions[made].stamp
        if last == versions[made]:
            # What the update itself showed has to have stayed.
            assert found.now >= SETTLE_SECONDS


@given(histories(), READS)
def test_no_failed_that_a_read_shows_is_missed(
    history: tuple[list[Version], int], reads: list[tuple[float, float, bool]]
) -> None:
    versions, made = history
    found, last = play(versions, made, reads)
    failures = [
        version
        for version in versions[made + 1 :]
        if version.state == "STATE_FAILED" and version.at <= found.now
    ]
    if last is not None and last in failures:
        assert found.end == "FAILED_PRECONDITION"
    # The wait went on, so no read has shown one.
    if last is None:
        read = found.wait.history.read
        assert (
            read is None
            or read.state != "STATE_FAILED"
            or (read.updated_ns <= round(versions[made].stamp * 1e9))
        )


@given(histories(), st.sampled_from([0.5, 2.0, 7.0]))
def test_a_wait_ends_soon_after_the_resource_has_come_to_rest(
    history: tuple[list[Version], int], gap: float
) -> None:
    versions, made = history
    rest = max(versions[-1].at, 0) + 300 + 3 * SETTLE_SECONDS
    reads = [(gap, 0.0, False)] * int(rest / gap + 2)
    found, _ = play(versions, made, reads)
    if versions[-1].state in ("STATE_READY", "STATE_FAILED", "STATE_ERROR"):
        assert found.wait.is_over
