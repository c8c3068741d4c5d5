"""A short share of the simulation: `make simulate` runs the long one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import triwire.watch
from tests.simulation import __main__ as command
from tests.simulation.controls import CONTROLS
from tests.simulation.faults import NS, PROFILES, Faults
from tests.simulation.limits import Limits
from tests.simulation.mutants import MUTANTS, Mutant
from tests.simulation.runner import Run, simulate

if TYPE_CHECKING:
    from tests.simulation.controls import Control


@pytest.mark.slow
@pytest.mark.parametrize("profile", PROFILES)
def test_every_profile_keeps_its_rules(profile: str) -> None:
    seed = 1_000_003
    assert Limits(PROFILES[profile]).add(simulate(profile, seed)) == {}, (
        f"repeat: python -m tests.simulation --profile {profile} --seed {seed}"
    )


@pytest.mark.parametrize("seed", range(3))
def test_stamps_that_another_precision_makes_of_one_wire_are_overcome(seed: int) -> None:
    # Everything seems to be deleted and made anew, and late, so that the bound grows.
    faults = Faults(precision=1, display=1, other_display=NS, wire_switches=3, announced=False)
    world = {"horizon": 400.0, "quiet": 700.0}
    metrics = Run("wires", seed, faults=faults, world=world).play()
    assert metrics.false_deletes > 0
    assert metrics.bound_max > 10.0
    assert metrics.broken(exact=False) == {}


def small(seed: int, control: Control | None = None) -> Run:
    return Run("inside", seed, control=control, world={"horizon": 400.0, "quiet": 700.0})


def test_one_seed_is_one_run() -> None:
    assert small(5).play() == small(5).play()
    assert small(5).play() != small(6).play()


@pytest.mark.parametrize(
    ("control", "fault"),
    [
        pytest.param("max", "lost", id="greatest stamp"),
        pytest.param("max", "final_wrong", id="greatest stamp sees no deletion"),
        pytest.param("max-relist", "lost", id="greatest stamp with full lists"),
        pytest.param("clock", "lost", id="local clock"),
    ],
)
def test_the_obvious_cursors_fail_where_the_tracker_does_not(control: Control, fault: str) -> None:
    seeds = range(4)
    assert sum(getattr(small(seed, control).play(), fault) for seed in seeds) > 0
    assert [small(seed).play().broken(exact=True) for seed in seeds] == [{}] * 4


def test_every_control_runs() -> None:
    for control in CONTROLS:
        assert small(1, control).play().events > 0


def test_a_profile_that_is_not_exact_is_held_to_its_shares() -> None:
    limits = Limits(PROFILES["skew-30"])
    metrics = small(1).play()
    metrics.obligated, metrics.lost = 100, 1
    assert [limits.add(metrics) for _ in range(10)] == [{}] * 9 + [{"lost": 10}]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda one: one.name)
def test_the_mutation_gate_knows_the_source(mutant: Mutant) -> None:
    path = Path(triwire.watch.__file__).with_name(f"{mutant.module}.py")
    source = path.read_text(encoding="utf-8")
    compile(mutant.mutate(source), path.name, "exec")
    assert set(mutant.profiles) <= PROFILES.keys()


def test_the_command_writes_one_json_line_per_profile_and_algorithm(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    output = tmp_path / "lines.jsonl"
    words = ["--profile", "idle-bulk", "--seed", "3", "--controls", "1", "--output", str(output)]
    assert command.main(words) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["algorithm"] for line in lines] == ["tracker", *CONTROLS]
    assert lines[0]["lost"] == 0
    assert [json.loads(line) for line in output.read_text().splitlines()] == lines
