"""A small share of the chaos, and a judge that has to see what is wrong.

`make chaos` makes the full number of calls.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.chaos.__main__ import leaked
from tests.chaos.leaks import Holdings
from tests.chaos.ledger import Ledger
from tests.chaos.run import Result, run
from tests.emulator_process import running_emulator
from triwire.dial.wires import WIRES
from triwire.errors import Code, RpcError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.emulator_process import RunningEmulator

CALLS = 160


@pytest.fixture(scope="module")
def own_emulator() -> Iterator[RunningEmulator]:
    # Not the session's, which must stay silent: where a caller resets its connection while it is
    # answered, pyvoy reports the answer's future as "invalid state".
    with running_emulator("--transition-seconds", "0") as running:
        yield running


LOST = RpcError(Code.UNAVAILABLE, "connection broke")


@pytest.mark.parametrize("wire", WIRES)
async def test_calls_through_chaos_end_as_they_should(
    own_emulator: RunningEmulator, wire: str
) -> None:
    result = await run(own_emulator, wire, calls=CALLS, seed=7)
    assert result.wrong == []
    assert sum(result.faults.values()) > CALLS / 2
    assert result.closed.tasks <= result.before.tasks


def ledger() -> Ledger:
    found = Ledger()
    found.created("kept", None)
    found.created("doubtful", LOST)
    found.created("dropped", None)
    found.deleted("dropped", None)
    return found


@pytest.mark.parametrize(
    ("names", "wrong"),
    [
        pytest.param(["kept"], [], id="all is well"),
        pytest.param(["kept", "doubtful"], [], id="what is unknown may be there"),
        pytest.param(["kept", "kept"], ["kept is there 2 times"], id="created twice"),
        pytest.param(
            ["kept", "doubtful", "doubtful"],
            ["doubtful is there 2 times"],
            id="created twice and unknown",
        ),
        pytest.param([], ["kept was created and is not there"], id="lost"),
        pytest.param(["kept", "dropped"], ["dropped was deleted and is there"], id="not deleted"),
        pytest.param(["kept", "else"], ["else is there and nobody created it"], id="from nowhere"),
    ],
)
def test_the_judge_sees_what_is_wrong(names: list[str], wrong: list[str]) -> None:
    assert ledger().judge(names) == wrong


def test_a_call_may_end_in_time_and_honestly_only() -> None:
    found = ledger()
    found.ended("get", LOST, seconds=1.0, limit_seconds=2.0)
    assert found.judge(["kept"]) == []
    found.ended("get", None, seconds=2.5, limit_seconds=2.0)
    found.ended("get", RpcError(Code.NOT_FOUND, "no"), seconds=0.1, limit_seconds=2.0)
    assert found.judge(["kept"]) == [
        "get took 2.5 s, its limit is 2.0 s",
        "get ended with RpcError(NOT_FOUND, 'no', details=[], from=client)",
    ]


HELD = Holdings(tasks=0, threads=3, native_threads=10, descriptors=20, bytes=50 << 20)


@pytest.mark.parametrize(
    ("more", "word"),
    [
        pytest.param({"tasks": 1}, "tasks", id="tasks"),
        pytest.param({"native_threads": 100}, "native threads", id="threads"),
        pytest.param({"descriptors": 100}, "descriptors", id="descriptors"),
        pytest.param({"bytes": 100 << 20}, "memory", id="memory"),
    ],
)
def test_a_leak_is_seen(more: dict[str, int], word: str) -> None:
    result = Result(Ledger(), [], {}, 1.0, HELD, HELD, HELD, HELD)
    assert leaked(result) == []
    (found,) = leaked(replace(result, end=replace(HELD, **more)))
    assert found.startswith(f"leaked {word}")
    assert leaked(replace(result, closed=replace(HELD, threads=4)))
