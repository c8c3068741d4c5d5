"""Calls through chaos: `python -m tests.chaos --calls 10000`.

Each wire makes this many calls through a proxy that delays, resets, cuts off and refuses. Prints a
table; the exit status is 1 if an outcome was wrong or something leaked.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from dataclasses import astuple
from typing import TYPE_CHECKING, Final

from tests.chaos.run import run
from tests.emulator_process import running_emulator
from triwire.dial.wires import WIRES

if TYPE_CHECKING:
    from tests.chaos.run import Result

# Between the end of the warm-up and the last call.
MOST_GROWTH_BYTES: Final = 24 * 1024 * 1024
MOST_NEW_DESCRIPTORS: Final = 40
MOST_NEW_THREADS: Final = 24


def leaked(result: Result) -> list[str]:
    """Say what a run holds that it should not."""
    before, warm, end, closed = result.before, result.warm, result.end, result.closed
    found: list[str] = []
    if end.tasks > warm.tasks or closed.tasks > before.tasks:
        found.append(f"tasks: {before.tasks}, {warm.tasks}, {end.tasks}, {closed.tasks}")
    if closed.threads > before.threads:
        found.append(f"threads: {before.threads} before, {closed.threads} after closing")
    if end.native_threads > warm.native_threads + MOST_NEW_THREADS:
        found.append(f"native threads: {warm.native_threads} to {end.native_threads}")
    if end.descriptors > warm.descriptors + MOST_NEW_DESCRIPTORS:
        found.append(f"descriptors: {warm.descriptors} to {end.descriptors}")
    if end.bytes > warm.bytes + MOST_GROWTH_BYTES:
        found.append(f"memory: {warm.bytes >> 20} to {end.bytes >> 20} MiB")
    return [f"leaked {text}" for text in found]


def report(wire: str, result: Result) -> list[str]:
    """Print what came of one wire and return what is wrong with it."""
    outcomes = result.ledger.outcomes
    calls = outcomes.total()
    failed = sum(count for name, count in outcomes.items() if not name.endswith(" OK"))
    hasty = sum(count for name, count in outcomes.items() if name.startswith("hasty"))
    faults = {name: count for name, count in result.faults.items() if name != "pass"}
    ledger = result.ledger
    wrong = [*result.wrong, *leaked(result)]
    print(
        f"{wire:9} {calls} calls in {result.seconds:.0f} s, {sum(faults.values())} faults:"
        f" {calls - failed} as if there were none, {failed} errors ({hasty} calls had no time);"
        f" slowest {ledger.slowest_seconds:.1f} s"
    )
    print(f"          faults   {', '.join(f'{n} {name}' for name, n in sorted(faults.items()))}")
    print(f"          outcomes {', '.join(f'{n} {name}' for name, n in sorted(outcomes.items()))}")
    print(
        f"          created and there {len(ledger.alive)}, deleted and gone {len(ledger.gone)},"
        f" unknown to the caller {len(ledger.unknown)}"
    )
    print("          tasks, threads, native threads, descriptors, bytes:")
    for name in ("before", "warm", "end", "closed"):
        print(f"            {name:7} {astuple(getattr(result, name))}")
    for text in wrong[:20]:
        print(f"          WRONG: {text}")
    sys.stdout.flush()
    return wrong


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.chaos", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--calls", type=int, default=10_000, help="calls on each wire")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--wires", nargs="+", default=WIRES, choices=WIRES)
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}")
    wrong: list[str] = []
    with running_emulator("--transition-seconds", "0") as emulator:
        for wire in arguments.wires:
            result = asyncio.run(run(emulator, wire, calls=arguments.calls, seed=arguments.seed))
            wrong += report(wire, result)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
