"""The figures of a run, for people."""

from __future__ import annotations

import os
import platform
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.soak.__main__ import Run
    from tests.soak.ledger import Verdict

__all__ = ["Figures", "figures", "markdown", "text"]

_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Figures:
    """What is reported.

    Attributes:
        head: About the run.
        columns: One per watch: its figures by name.
        findings: What was wrong, in full for the first few.
    """

    head: dict[str, str]
    columns: dict[str, dict[str, str]]
    findings: tuple[str, ...]

    @property
    def is_broken(self) -> bool:
        """Whether a guarantee was."""
        return bool(self.findings)


def figures(run: Run, verdicts: Sequence[Verdict], *, seconds: float) -> Figures:
    """Gather the figures of a run."""
    scale = run.scale
    head = {
        "seed": str(scale.seed),
        "minutes with writes and faults": f"{scale.minutes:g}",
        "duration in all": f"{seconds / 60:.1f} minutes",
        "objects": str(scale.objects),
        "writes": f"{run.ledger.writes - scale.objects}, in {run.calls} calls",
        "failed calls of the writers": ", ".join(
            f"{count} {name}" for name, count in sorted(run.failures.items())
        )
        or "none",
        "kills of the emulator": str(run.kills),
        "level at the end after": "never"
        if run.converged_seconds is None
        else f"{run.converged_seconds:.1f} s",
    }
    columns: dict[str, dict[str, str]] = {}
    findings: list[str] = []
    for account, verdict in zip(run.accounts, verdicts, strict=True):
        broken = {
            "events lost": verdict.lost,
            "events late": verdict.late,
            "false deletes": account.false_deletes,
            "back in time": account.back,
            "not legal": account.illegal,
            "wrong at the end": run.wrong.get(account.name, []),
        }
        columns[account.name] = {
            "wires": " > ".join(account.wires),
            "sessions": str(account.sessions),
            "complete polls": str(len(account.polls)),
            "events": str(account.events),
            "versions owed": str(verdict.owed),
            **{name: str(len(found)) for name, found in broken.items()},
            "versions without a higher stamp": str(verdict.unbumped),
            "outages told of": str(account.notices),
            "write to event p50 / p99 / max": _delays(verdict.delays),
        }
        for name, found in broken.items():
            findings += [f"{account.name}: {name}: {one}" for one in found[:_SHOWN]]
        if not verdict.owed:
            findings.append(f"{account.name}: nothing was owed: the run proves nothing")
    return Figures(head, columns, tuple(findings))


def _delays(delays: list[float]) -> str:
    if not delays:
        return "-"
    found = sorted(delays)
    at = [found[min(len(found) - 1, int(len(found) * share))] for share in (0.5, 0.99)]
    return f"{at[0]:.1f} / {at[1]:.1f} / {found[-1]:.1f} s"


def text(of: Figures) -> str:
    """Return the figures for a terminal."""
    lines = [f"{name}: {value}" for name, value in of.head.items()]
    for name in next(iter(of.columns.values())):
        values = ", ".join(f"{watch} {column[name]}" for watch, column in of.columns.items())
        lines.append(f"{name}: {values}")
    lines += [f"BROKEN {finding}" for finding in of.findings] or ["nothing was broken"]
    return "\n".join(lines)


def markdown(of: Figures) -> str:
    """Return the figures as a document."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short=12", "HEAD"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    watches = list(of.columns)
    rows = [f"| {name} | {value} |" for name, value in of.head.items()]
    table = [
        f"| {name} | {' | '.join(of.columns[watch][name] for watch in watches)} |"
        for name in of.columns[watches[0]]
    ]
    broken = [f"- {finding}" for finding in of.findings] or ["Nothing was broken."]
    machine = f"{platform.machine()}, {os.cpu_count()} CPUs, Python {platform.python_version()}"
    lines = [
        "# Soak of the watch",
        "",
        f"Written by `make soak`, commit {commit}, {machine}.",
        "What the figures mean stands in tests/soak: the ledger says what a watch owed, the scale",
        "which faults there were.",
        "",
        "| | |",
        "|---|---|",
        *rows,
        "",
        f"| | {' | '.join(f'{watch} watch' for watch in watches)} |",
        f"|---|{'---|' * len(watches)}",
        *table,
        "",
        *broken,
    ]
    return "\n".join(lines) + "\n"
