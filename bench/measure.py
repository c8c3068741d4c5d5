"""Interleaved pairs, medians and spreads."""

from __future__ import annotations

import json
import platform
import statistics
import subprocess
import sys
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Pair", "compare", "machine", "print_pairs", "write_json"]

PACKAGES = ("connectrpc", "grpcio", "httpx", "protobuf", "protobuf-py", "pyqwest", "pyvoy")


@dataclass(frozen=True, slots=True)
class Pair:
    """Ours beside a peer's, from interleaved rounds.

    Attributes:
        name: What was measured.
        peer: What it was measured against.
        unit: Unit of `ours` and `theirs`.
        ours: Median of ours.
        theirs: Median of the peer's.
        ratio: Median of the rounds' ratios, ours / theirs.
        low: Smallest ratio of a round.
        high: Largest ratio of a round.
        rounds: Number of interleaved rounds.
    """

    name: str
    peer: str
    unit: str
    ours: float
    theirs: float
    ratio: float
    low: float
    high: float
    rounds: int


def compare(
    name: str,
    peer: str,
    unit: str,
    ours: Sequence[float],
    theirs: Sequence[float],
) -> Pair:
    """Summarise measurements taken in turn; element i of both came from round i."""
    ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
    return Pair(
        name=name,
        peer=peer,
        unit=unit,
        ours=round(statistics.median(ours), 3),
        theirs=round(statistics.median(theirs), 3),
        ratio=round(statistics.median(ratios), 3),
        low=round(min(ratios), 3),
        high=round(max(ratios), 3),
        rounds=len(ratios),
    )


def print_pairs(title: str, pairs: Sequence[Pair]) -> None:
    """Print a table of pairs."""
    print(f"\n{title}")
    print(f"{'':44} {'ours':>10} {'peer':>10}  {'ratio':>6}  {'low..high':>14}  peer, rounds")
    for pair in pairs:
        print(
            f"{pair.name:44} {pair.ours:10.1f} {pair.theirs:10.1f}  {pair.ratio:6.2f}  "
            f"{pair.low:6.2f}..{pair.high:<6.2f}  {pair.peer} [{pair.unit}], {pair.rounds}"
        )


def machine() -> dict[str, object]:
    """Describe what the figures were made on and with."""
    root = Path(__file__).resolve().parent.parent
    commit = subprocess.run(
        ["git", "rev-parse", "--short=12", "HEAD"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.strip()
    return {
        "commit": commit or "unknown",
        "date": datetime.now(tz=UTC).date().isoformat(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "packages": {name: version(name) for name in PACKAGES},
        "command": " ".join(["python -m", *sys.orig_argv[2:]]),
    }


def write_json(path: Path, pairs: Sequence[Pair], **more: object) -> None:
    """Write the pairs with the machine's description."""
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {**machine(), **more, "pairs": [asdict(pair) for pair in pairs]}
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    print(f"\nwritten to {path}")
