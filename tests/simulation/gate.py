"""The mutation gate: `python -m tests.simulation.gate`.

Takes out each safety measure in turn and runs the simulation, seed after seed, and the unit tests,
until something notices. Writes a table; the exit status is 1 if a measure can go unnoticed.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tests.simulation import mutants
from tests.simulation.report import commit

_PYTEST = ("-m", "pytest", "-q", "-x", "--no-header", "-p", "no:cacheprovider")
_ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Finding:
    """What noticed a mutant."""

    mutant: mutants.Mutant
    simulation: str
    test: str

    @property
    def caught(self) -> bool:
        """Whether anything did."""
        return self.simulation[:1].isdigit() or bool(self.test)


def simulate(name: str, seeds: int) -> str:
    """Run the simulation with a mutant in this process; say how many seeds it took, and where."""
    mutant = mutants.install(name)
    from tests.simulation.faults import PROFILES
    from tests.simulation.limits import Limits
    from tests.simulation.runner import simulate as play

    limits = {profile: Limits(PROFILES[profile]) for profile in mutant.profiles}
    for seed in range(seeds):
        for profile, limit in limits.items():
            try:
                broken = limit.add(play(profile, seed))
            except Exception as error:  # noqa: BLE001 - any error is a detection
                broken = {type(error).__name__: 1}
            if broken:
                return f"{seed + 1} ({profile}: {', '.join(sorted(broken))})"
    return "-"


def _run(arguments: list[str], mutant: mutants.Mutant) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=_ROOT,
        env={**os.environ, "TRIWIRE_MUTANT": mutant.name, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


def find(mutant: mutants.Mutant, seeds: int) -> Finding:
    """Let the simulation and the unit tests look for one mutant."""
    noticed = "-"
    if mutant.profiles:
        words = ["-m", "tests.simulation.gate", "--one", mutant.name, "--seeds", str(seeds)]
        output = _run(words, mutant).strip()
        noticed = output.splitlines()[-1] if output else "-"
    tests = Path("tests/unit/watch")
    # Those of its own module first: they know soonest.
    own = sorted(str(one.relative_to(_ROOT)) for one in (_ROOT / tests).glob(f"*{mutant.module}*"))
    words = [*_PYTEST, "-p", "tests.simulation.mutation_plugin", *own, str(tests)]
    output = _run(words, mutant)
    failed = re.search(r"^(?:FAILED|ERROR) \S*?(\w+)\.py(?:::(\w+))?", output, re.MULTILINE)
    return Finding(mutant, noticed, "" if failed is None else failed[2] or failed[1])


def table(findings: list[Finding]) -> str:
    """Write the findings as Markdown."""
    lines = ["| taken out | seeds until the simulation noticed | first unit test that fails |"]
    lines.append("|---|---|---|")
    for one in findings:
        test = f"`{one.test}`" if one.test else "-"
        lines.append(f"| {one.mutant.name} | {one.simulation} | {test} |")
    return "\n".join(lines)


def main() -> int:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.gate", description=__doc__)
    parser.add_argument("--seeds", type=int, default=60, help="seeds per profile at most")
    parser.add_argument("--only", action="append", help="mutants whose name contains this")
    parser.add_argument("--one", help="simulate one mutant in this process")
    parser.add_argument("--output", help="write the table to this Markdown file")
    args = parser.parse_args()
    if args.one:
        sys.stdout.write(simulate(args.one, args.seeds) + "\n")
        return 0
    chosen = [
        one
        for one in mutants.MUTANTS
        if not args.only or any(part in one.name for part in args.only)
    ]
    began, findings = time.monotonic(), list[Finding]()
    for mutant in chosen:
        findings.append(find(mutant, args.seeds))
        sys.stderr.write(f"{findings[-1]}\n")
    minutes = (time.monotonic() - began) / 60
    text = table(findings)
    sys.stdout.write(f"{text}\n")
    missed = [one.mutant.name for one in findings if not one.caught]
    if args.output:
        Path(args.output).write_text(
            "# Mutation gate of the watch\n\n"
            "Each safety measure taken out in turn. Simulation: seeds until a rule was broken, at\n"
            f"most {args.seeds} (`-`: not simulated or not noticed). Tests: the first unit test\n"
            "that fails (`-`: none). One of the two must notice.\n\n"
            f"Command `python -m tests.simulation.gate`, commit {commit()}, {minutes:.0f} minutes\n"
            f"on a two-core virtual machine; {len(findings)} mutants, {len(missed)} unnoticed.\n\n"
            f"{text}\n",
            encoding="utf-8",
        )
    if missed:
        sys.stderr.write(f"unnoticed: {', '.join(missed)}\n")
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())
