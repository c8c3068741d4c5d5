"""Writes what simulations showed as Markdown."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parents[2]
_COLUMNS = (
    ("lost", "lost"),
    ("late", "late"),
    ("unbumped_lost", "unbumped lost"),
    ("duplicates", "dup"),
    ("back", "back"),
    ("false_deletes", "false deletes"),
    ("final_wrong", "wrong at the end"),
    ("items_per_minute", "objects/min"),
    ("requests_per_minute", "requests/min"),
)


def commit() -> str:
    """Name the commit that is checked out."""
    done = subprocess.run(
        ["git", "rev-parse", "--short=12", "HEAD"],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def markdown(lines: list[dict[str, Any]], *, command: str, minutes: float) -> str:
    """Write the records of a run (see `Summary.line`) as a page."""
    runs = sum(line["runs"] for line in lines if line["algorithm"] == "tracker")
    names = [title for _, title in _COLUMNS]
    head = ["profile", "algorithm", "runs", "obligated", *names, "change p50/p99", "delete p50/p99"]
    rows = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for line in lines:
        cells = [line["profile"], line["algorithm"], line["runs"], line["obligated"]]
        cells += [line[name] for name, _ in _COLUMNS]
        cells += [
            " / ".join("-" if one is None else str(one) for one in line[name][:2])
            for name in ("change_seconds", "delete_seconds")
        ]
        rows.append(f"| {' | '.join(map(str, cells))} |")
    broken = [line["profile"] for line in lines if line["broken_seeds"]]
    return (
        "# Simulation of the watch\n\n"
        f"Command `{command}`, commit {commit()}, {minutes:.0f} minutes on a two-core virtual\n"
        f"machine; {runs} runs of the tracker, profiles with a broken rule:"
        f" {', '.join(broken) or 'none'}.\n\n"
        "`obligated` are the object versions that had to be delivered "
        "(tests/simulation/ledger.py).\n"
        "Delays are seconds from the moment the primary shows a change; outages are part of "
        "them.\n"
        "Algorithms other than `tracker` are the obvious cursors over the same histories.\n\n"
        + "\n".join(rows)
        + "\n"
    )
