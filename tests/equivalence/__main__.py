"""Play random scripts on every wire: `python -m tests.equivalence --scripts 1000`.

Prints what was played. A script that does not come to the same everywhere prints its seed, what
differs and the command that repeats it: `python -m tests.equivalence --seed N` plays it again and
shrinks it. The exit status is 1 if one did not, or if an allowed difference was never needed.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
import time
from pprint import pformat
from typing import TYPE_CHECKING, Final

from tests.equivalence.compare import columns
from tests.equivalence.differences import DIFFERENCES, NOT_PLAYED
from tests.equivalence.generate import generated
from tests.equivalence.runner import check, checked, run, shrunk
from tests.equivalence.service import serving
from tests.equivalence.stage import Stage

if TYPE_CHECKING:
    from tests.equivalence.runner import Found
    from tests.equivalence.script import Script

# With fewer scripts it is chance whether each allowed difference occurs.
_ENOUGH: Final = 1000


def _tell(script: Script, differs: list[str]) -> None:
    print(f"seed {script.seed}, {script.path}: {len(differs)} differences")
    print("\n".join(f"  {text}" for text in differs[:6]))
    print(f"  again: python -m tests.equivalence --seed {script.seed}", flush=True)


def _unused(found: Found) -> list[str]:
    known = [entry.name for entry in DIFFERENCES if not entry.by_chance]
    known += [entry.reason for entry in NOT_PLAYED]
    return [name for name in known if not found.used[name]]


async def _many(first: int, count: int) -> int:
    began = time.monotonic()
    with serving() as port:
        stage = Stage(port)
        found = await run(stage, range(first, first + count), told=_tell)
        await stage.aclose()
    kinds = ", ".join(f"{number} {kind}" for kind, number in sorted(found.kinds.items()))
    print(
        f"{found.scripts} scripts (seeds {first} to {first + count - 1}: {kinds}), {found.replays} "
        f"replays, {len(found.failed)} failed, {found.slowed} in slow motion, "
        f"{time.monotonic() - began:.0f} s"
    )
    for entry in DIFFERENCES:
        print(f"  {found.used[entry.name]:6} x {entry.name}")
    unused = _unused(found) if count >= _ENOUGH else []
    for name in unused:
        print(f"never needed, to be deleted: {name}")
    return 1 if found.failed or unused else 0


async def _one(seed: int) -> int:
    script = generated(seed)
    with serving() as port:
        stage = Stage(port)
        script, differs = await checked(stage, script)
        print(f"seed {seed} on {', '.join('/'.join(column) for column in columns(script))}")
        if differs:
            script = await shrunk(stage, script)
            differs = await check(stage, script) or differs
        print(pformat(script, width=110))
        print("\n".join(differs) or "the same everywhere")
        await stage.aclose()
    return 1 if differs else 0


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.equivalence", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--scripts", type=int, default=_ENOUGH, help="how many to play")
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--seed", type=int, help="play this one and shrink it if it fails")
    arguments = parser.parse_args()
    # Handlers fail on purpose, and say so.
    logging.getLogger("triwire.server").setLevel(logging.CRITICAL + 1)
    if arguments.seed is not None:
        return asyncio.run(_one(arguments.seed))
    return asyncio.run(_many(arguments.first_seed, arguments.scripts))


if __name__ == "__main__":
    sys.exit(main())
