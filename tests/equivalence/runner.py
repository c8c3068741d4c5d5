"""Plays scripts by their seeds and says which did not come to the same everywhere."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from tests.equivalence.compare import columns, disagreements
from tests.equivalence.generate import DEADLINE_SECONDS, generated
from tests.equivalence.shrink import smaller

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tests.equivalence.script import Script
    from tests.equivalence.stage import Stage

__all__ = ["Found", "check", "checked", "run", "shrunk"]

_AT_ONCE: Final = 4
_SLOW_MOTION: Final = 20
_MOST_TRIES: Final = 60


@dataclass
class Found:
    """What a run found.

    Attributes:
        failed: Scripts that did not come to the same, with what differed.
        scripts: How many were played.
        replays: In how many columns altogether.
        kinds: How many scripts of each stream kind.
        used: How often each allowed difference was needed.
        slowed: Scripts that came to the same only when played slowly.
    """

    failed: list[tuple[Script, list[str]]] = field(default_factory=list[tuple["Script", list[str]]])
    scripts: int = 0
    replays: int = 0
    kinds: Counter[str] = field(default_factory=Counter[str])
    used: Counter[str] = field(default_factory=Counter[str])
    slowed: int = 0


async def check(stage: Stage, script: Script, used: Counter[str] | None = None) -> list[str]:
    """Play a script everywhere and say what differs."""
    return disagreements(script, await stage.outcomes(script, columns(script, used)), used)


async def checked(
    stage: Stage, script: Script, used: Counter[str] | None = None
) -> tuple[Script, list[str]]:
    """Play a script, once more in slow motion if need be; return what was played last and differs.

    Where real time decides, a busy machine does: that is not a difference unless it stays.
    """
    differs = await check(stage, script, used)
    if differs and script.is_timed:
        script = slowed(script)
        differs = await check(stage, script, used)
    return script, differs


def slowed(script: Script) -> Script:
    """Return a script in slow motion: its deadlines are far enough for any machine."""
    limit = script.attempt_timeout_seconds
    return replace(
        script,
        timeout_seconds=_slower(script.timeout_seconds),
        attempt_timeout_seconds=None if limit is None else _slower(limit),
        backoff_seconds=script.backoff_seconds * _SLOW_MOTION,
    )


def _slower(seconds: float) -> float:
    return seconds * _SLOW_MOTION if seconds == DEADLINE_SECONDS else seconds


async def run(
    stage: Stage, seeds: Iterable[int], *, told: Callable[[Script, list[str]], None] | None = None
) -> Found:
    """Play the scripts of these seeds, a few at once.

    Args:
        stage: Where.
        seeds: Of the scripts.
        told: Called with each that fails, when it does.
    """
    found = Found()
    left = iter(seeds)

    async def worker() -> None:
        for seed in left:
            script, differs = await checked(stage, generated(seed), found.used)
            found.slowed += script != generated(seed)
            found.scripts += 1
            found.replays += len(columns(script))
            found.kinds[script.method.stream_kind.value] += 1
            if differs:
                found.failed.append((script, differs))
                if told is not None:
                    told(script, differs)

    await asyncio.gather(*(worker() for _ in range(_AT_ONCE)))
    return found


async def shrunk(stage: Stage, script: Script) -> Script:
    """Return a script with less in it that still does not come to the same everywhere."""
    tries = 0
    again = True
    while again and tries < _MOST_TRIES:
        again = False
        for less in smaller(script):
            tries += 1
            if await check(stage, less):
                script, again = less, True
                break
            if tries >= _MOST_TRIES:
                break
    return script
