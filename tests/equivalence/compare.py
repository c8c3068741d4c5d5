"""Whether the outcomes of one script are one outcome. Pure."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, cast

from tests.equivalence.differences import DIFFERENCES, NOT_PLAYED
from tests.equivalence.stage import COLOURS, WIRES
from triwire.errors import Code

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Mapping

    from tests.equivalence.play import Outcome, Plain
    from tests.equivalence.script import Script
    from tests.equivalence.stage import Column

__all__ = ["columns", "disagreements", "implausible"]


def columns(script: Script, used: Counter[str] | None = None) -> list[Column]:
    """Return where a script is played, the reference first.

    Args:
        script: The script.
        used: Counts the reasons of what is left out.
    """
    found: list[Column] = []
    for wire in WIRES:
        for colour in COLOURS:
            reasons = [
                entry.reason
                for entry in NOT_PLAYED
                if wire in entry.wires and colour in entry.colours and entry.applies(script)
            ]
            if not reasons:
                found.append((wire, colour))
            elif used is not None:
                used.update(reasons)
    return found


def disagreements(
    script: Script, outcomes: Mapping[Column, Outcome], used: Counter[str] | None = None
) -> list[str]:
    """Say where outcomes differ from that of the first column, beyond what is allowed.

    Args:
        script: What was played.
        outcomes: What came of it in each column.
        used: Counts the differences that were needed.
    """
    reference, *others = outcomes
    found = implausible(script, outcomes[reference])
    for column in others:
        came = outcomes[column]
        expected = copy.deepcopy(outcomes[reference])
        for entry in DIFFERENCES:
            if expected != came and entry.is_of(column):
                before = copy.deepcopy(expected)
                entry.mend(script, expected, came)
                if used is not None and before != expected:
                    used[entry.name] += 1
        for place, one, other in _places(expected, came):
            found.append(
                f"{'/'.join(column)} differs from {'/'.join(reference)} at {place}:\n"
                f"    {one!r}\n    {other!r}"
            )
    return found


def implausible(script: Script, outcome: Outcome) -> list[str]:
    """Say what a script did not ask for: the one outcome that all have must also be right.

    Not a second model of calls: it looks at scripts of one attempt that nobody disturbs.
    """
    attempt = script.attempts[0]
    if script.max_attempts > 1 or script.is_lossy or script.hangs or script.requests_fail:
        return []
    error = cast("dict[str, Any] | None", outcome.get("error"))
    wanted = None
    if attempt.failure is not None:
        wanted = Code(attempt.failure.code).name, attempt.failure.message
    elif attempt.is_bug:
        wanted = "INTERNAL", "internal error"
    came = (error.get("code"), error.get("message")) if error is not None else None
    found = [] if came == wanted else [f"expected the error {wanted}, got {came}"]
    if error is None and outcome["trailers"].keys() != {  # type: ignore[union-attr]  # a dict
        "x-seen",
        *(key for key, _ in attempt.trailers),
    }:
        found.append(f"expected the trailers of the script, got {outcome['trailers']}")
    sent = [data for kind, data in attempt.steps if kind == "send"]
    messages: Any = outcome["messages"]
    if wanted is None and [text.rpartition(" ")[2] for text in messages] != [
        data.hex() for data in sent
    ]:
        found.append(f"expected {len(sent)} messages of the script, got {messages}")
    return found


def _places(one: Plain, other: Plain, place: str = "") -> list[tuple[str, Plain, Plain]]:
    """Return the smallest places at which two outcomes differ."""
    if one == other:
        return []
    if isinstance(one, dict) and isinstance(other, dict):
        return [
            difference
            for key in sorted({*one, *other})
            for difference in _places(one.get(key), other.get(key), f"{place}/{key}")
        ]
    return [(place, one, other)]
