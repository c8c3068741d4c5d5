"""Run simulations: `python -m tests.simulation --seeds 100`.

One JSON line per profile and algorithm; a run that breaks a rule prints the command that repeats
it. The exit status is 1 if any did.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import fields
from pathlib import Path
from typing import Any

from tests.simulation.controls import CONTROLS, Control
from tests.simulation.faults import PROFILES
from tests.simulation.ledger import Metrics
from tests.simulation.limits import Limits
from tests.simulation.report import markdown
from tests.simulation.runner import simulate

_SUMMED = [one.name for one in fields(Metrics) if one.type == "int"]


def _quantile(values: list[float], share: float) -> float | None:
    if not values:
        return None
    return round(values[min(len(values) - 1, int(share * len(values)))], 1)


class Summary:
    """Adds up the runs of one profile."""

    def __init__(self, profile: str, algorithm: str) -> None:
        self.profile, self.algorithm = profile, algorithm
        self.broken: list[tuple[int, dict[str, int]]] = []
        self._limits = Limits(PROFILES[profile])
        self._runs = 0
        self._sums = dict.fromkeys(_SUMMED, 0)
        self._counts: dict[str, int] = {}
        self._minutes = 0.0
        self._bound = 0.0
        self._change: list[float] = []
        self._delete: list[float] = []

    def add(self, seed: int, metrics: Metrics) -> None:
        """Add one run."""
        self._runs += 1
        self._minutes += metrics.minutes
        self._bound = max(self._bound, metrics.bound_max)
        for name in _SUMMED:
            self._sums[name] += getattr(metrics, name)
        for name, value in metrics.counts.items():
            self._counts[name] = self._counts.get(name, 0) + value
        self._change += metrics.change_delays
        self._delete += metrics.delete_delays
        broken = self._limits.add(metrics)
        if broken and self.algorithm == "tracker":
            self.broken.append((seed, broken))

    def line(self, seconds: float) -> dict[str, Any]:
        """Give the sums as one flat record."""
        self._change.sort()
        self._delete.sort()
        minutes = self._minutes or 1.0
        return {
            "profile": self.profile,
            "algorithm": self.algorithm,
            "runs": self._runs,
            **self._sums,
            "items_per_minute": round(self._sums["items"] / minutes, 1),
            "requests_per_minute": round(self._sums["requests"] / minutes, 1),
            "change_seconds": [_quantile(self._change, share) for share in (0.5, 0.99, 1)],
            "delete_seconds": [_quantile(self._delete, share) for share in (0.5, 0.99, 1)],
            "bound_max_seconds": self._bound,
            "counts": dict(sorted(self._counts.items())),
            "broken_seeds": [seed for seed, _ in self.broken],
            "cpu_seconds": round(seconds, 1),
        }


def run_profile(
    profile: str, seeds: range, *, control: Control | None = None
) -> tuple[Summary, float]:
    """Run one profile over some seeds."""
    summary = Summary(profile, control or "tracker")
    before = time.process_time()
    for seed in seeds:
        metrics = simulate(profile, seed, control=control)
        summary.add(seed, metrics)
        if summary.broken and summary.broken[-1][0] == seed:
            sys.stderr.write(
                f"# {summary.broken[-1][1]} repeat: python -m tests.simulation"
                f" --profile {profile} --seed {seed}\n"
            )
    return summary, time.process_time() - before


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument(
        "--seeds", type=int, default=290, help="runs, divided evenly among the profiles"
    )
    parser.add_argument("--profile", action="append", choices=sorted(PROFILES))
    parser.add_argument("--seed", type=int, help="one seed only")
    parser.add_argument("--first", type=int, default=0, help="first seed")
    parser.add_argument(
        "--controls",
        type=int,
        metavar="N",
        default=0,
        help="also run the naive cursors over N seeds each",
    )
    parser.add_argument("--summary", help="write a Markdown table to this file")
    parser.add_argument("--output", help="append the JSON lines to this file")
    args = parser.parse_args(arguments)
    profiles = args.profile or list(PROFILES)
    if args.seed is not None:
        seeds = range(args.seed, args.seed + 1)
    else:
        each = -(-args.seeds // len(profiles))
        seeds = range(args.first, args.first + each)
    failed, lines, began = False, list[dict[str, Any]](), time.monotonic()
    for profile in profiles:
        algorithms: tuple[Control | None, ...] = (None, *(CONTROLS if args.controls else ()))
        for control in algorithms:
            chosen = seeds if control is None else range(args.controls)
            summary, seconds = run_profile(profile, chosen, control=control)
            lines.append(summary.line(seconds))
            text = json.dumps(lines[-1])
            sys.stdout.write(f"{text}\n")
            sys.stdout.flush()
            if args.output:
                with Path(args.output).open("a", encoding="ascii") as file:
                    file.write(f"{text}\n")
            failed = failed or bool(summary.broken)
    if args.summary:
        words = sys.argv[1:] if arguments is None else arguments
        command = " ".join(("python -m tests.simulation", *words))
        minutes = (time.monotonic() - began) / 60
        page = markdown(lines, command=command, minutes=minutes)
        Path(args.summary).write_text(page, encoding="utf-8")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
