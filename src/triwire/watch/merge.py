"""Is this observation newer than what is known? The one place that decides.

Answers can come from replicas that lag, and stamps can tie or step back, so "newer" cannot be read
off the stamps alone. The rules rest on one assumption, A2: a request that starts at least the
visibility bound after a state was returned shows that state or a newer one. What cannot be proven
newer is held, asked for again after the bound, and accepted only if it is still there.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from triwire.watch.observation import Observation
    from triwire.watch.rows import Row, Tombstone

T = TypeVar("T")


class Verdict(Enum):
    """What to do with an observation."""

    CONFIRMED = auto()
    """The known state again."""
    ECHO = auto()
    """The known content under an older stamp: proves that the object lives, nothing else."""
    TOUCHED = auto()
    """The known content under a newer stamp."""
    NEWER = auto()
    """A newer stamp."""
    TIE = auto()
    """Other content under the known stamp, from a request that cannot show older states."""
    REGRESSED = auto()
    """An older stamp that stayed."""
    RECREATED = auto()
    """Another incarnation, newer, or older and still there after the bound."""
    HOLD = auto()
    """Perhaps older: remember it, ask again after the bound."""
    WAIT = auto()
    """The held state again, too early to tell."""


def judge(
    row: Row[T],
    seen: Observation[T],
    *,
    started: float,
    bound_seconds: float,
    created_tolerance_ns: int,
) -> Verdict:
    """Compare an observation with the known state of the same key.

    Args:
        row: What is known.
        seen: What an answer showed.
        started: Local monotonic time just before the request was sent.
        bound_seconds: The visibility bound.
        created_tolerance_ns: Creation stamps closer than this are one incarnation; 0 unless the
            wire changed since the row was seen, since wires may cut stamps differently.
    """
    gap = seen.created_ns - row.shown_created_ns
    same_incarnation = gap == 0 or abs(gap) < created_tolerance_ns
    if gap > 0 and not same_incarnation:
        return Verdict.RECREATED
    if same_incarnation:
        if row.has_content(seen.fingerprint):
            if seen.updated_ns > row.updated_ns:
                return Verdict.TOUCHED
            return Verdict.CONFIRMED if seen.updated_ns == row.updated_ns else Verdict.ECHO
        if seen.updated_ns > row.updated_ns:
            return Verdict.NEWER
        if seen.updated_ns == row.updated_ns:
            if started >= row.accepted + bound_seconds:
                return Verdict.TIE
            return Verdict.WAIT if row.hold and row.hold.matches(seen) else Verdict.HOLD
    hold = row.hold
    if hold is None or not hold.matches(seen):
        return Verdict.HOLD
    if started < max(hold.first_started, row.accepted) + bound_seconds:
        return Verdict.WAIT
    return Verdict.REGRESSED if same_incarnation else Verdict.RECREATED


class Return(Enum):
    """What to make of an object whose end is remembered."""

    STALE = auto()
    """A replica that has not seen the end yet."""
    NEW = auto()
    """A new incarnation: nothing to do with the old end."""
    RESELECTED = auto()
    """It matches the filter again."""
    RESURRECTED = auto()
    """It never was gone: the visibility bound is too small."""


def judge_return(
    end: Tombstone, seen: Observation[T], *, started: float, bound_seconds: float
) -> Return:
    """Compare an observation with the remembered end of its key; arguments as in `judge`."""
    if seen.created_ns > end.created_ns:
        return Return.NEW
    if end.deselected and seen.updated_ns > end.updated_ns:
        return Return.RESELECTED
    if started < end.at + bound_seconds:
        return Return.STALE
    return Return.RESELECTED if end.deselected else Return.RESURRECTED
