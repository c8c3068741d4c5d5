"""The harness: a share of the scripts, and bugs on purpose that it has to notice.

`make equivalence` plays the full number.
"""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.equivalence.compare import columns, disagreements
from tests.equivalence.generate import generated
from tests.equivalence.mutants import MUTANTS, Mutant
from tests.equivalence.runner import check, run, shrunk
from tests.equivalence.script import Attempt, Script, Variant
from tests.equivalence.service import serving
from tests.equivalence.stage import Stage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.equivalence.play import Outcome
    from tests.equivalence.stage import Column
    from triwire.transports.base import AsyncTransport

SCRIPTS = 60
# A bug may hide from some scripts: this many have a chance to show it.
MOST_SCRIPTS = 300
BROKEN_WIRE = "connect"


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with serving() as found:
        yield found


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    # Handlers fail on purpose, and say so.
    caplog.set_level(logging.CRITICAL, "triwire.server")


async def test_scripts_come_to_the_same_on_every_wire(port: int) -> None:
    stage = Stage(port)
    found = await run(stage, range(SCRIPTS))
    await stage.aclose()
    assert found.scripts == SCRIPTS
    assert not found.failed, "\n".join(
        f"python -m tests.equivalence --seed {script.seed}: {differs[0]}"
        for script, differs in found.failed
    )


@pytest.mark.parametrize("name", MUTANTS)
async def test_a_bug_on_one_wire_is_noticed(port: int, name: str) -> None:
    def tampered(wire: str, transport: AsyncTransport) -> AsyncTransport:
        return MUTANTS[name](transport) if wire == BROKEN_WIRE else transport

    stage = Stage(port, tampered=tampered)
    noticed: list[str] = []
    for seed in range(MOST_SCRIPTS):
        script = generated(seed)
        if script.hangs or script.is_lossy:
            continue
        noticed = await check(stage, script)
        if noticed:
            break
    await stage.aclose()
    assert noticed, f"{MOST_SCRIPTS} scripts did not show that {name}"
    assert [text for text in noticed if not text.startswith(f"{BROKEN_WIRE}/async")] == []


async def test_a_wire_without_a_bug_stays_unnoticed(port: int) -> None:
    stage = Stage(port, tampered=lambda _, transport: Mutant(transport))
    found = await run(stage, range(20))
    await stage.aclose()
    assert not found.failed


async def test_what_fails_is_shrunk_to_what_matters(port: int) -> None:
    def tampered(wire: str, transport: AsyncTransport) -> AsyncTransport:
        lossy = MUTANTS["details are dropped"]
        return lossy(transport) if wire == BROKEN_WIRE else transport

    stage = Stage(port, tampered=tampered)
    script = next(
        found
        for found in map(generated, range(MOST_SCRIPTS))
        if found.headers
        and not found.hangs
        and not found.is_lossy
        and found.max_attempts == 1
        and found.attempts[0].failure is not None
        and len(found.attempts[0].failure.details) > 1
    )
    small = await shrunk(stage, script)
    await stage.aclose()
    (attempt,) = small.attempts
    assert attempt.failure is not None
    assert len(attempt.failure.details) == 1
    assert (small.headers, attempt.headers, attempt.trailers) == ((), (), ())
    assert (attempt.failure.message, small.variant) == ("", Variant())


def test_a_seed_gives_the_same_script_each_time() -> None:
    assert [generated(seed) for seed in range(200)] == [generated(seed) for seed in range(200)]


def test_a_script_survives_its_way_to_the_server() -> None:
    for seed in range(50):
        assert Script.loaded(generated(seed).dumped()) == generated(seed)


def test_what_all_wires_agree_on_must_be_what_the_script_says() -> None:
    script = replace(generated(0), attempts=(Attempt(),), max_attempts=1, requests_fail=False)
    wrong: Outcome = {"messages": [], "error": {"code": "ABORTED", "message": "no"}}
    outcomes: dict[Column, Outcome] = {("memory", "async"): wrong, ("grpc", "async"): wrong}
    assert disagreements(script, outcomes) == ["expected the error None, got ('ABORTED', 'no')"]


def test_every_reason_not_to_play_occurs() -> None:
    used: Counter[str] = Counter()
    for seed in range(1000):
        assert len(columns(generated(seed), used)) > 1
    assert min(used.values()) >= 5
