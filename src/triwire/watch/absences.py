"""Objects that a full list did not hold: suspicions, never yet deletions.

An answer can be cut short, come from a replica that lags, or belong to somebody else, and a
consumer that is told of a thousand deletions acts on them. So an absence only raises a suspicion.
One Get each confirms a few. For many, a second list after the visibility bound does, provided that
a sample of probes by Get is gone as well. And when most of the known objects are absent, nothing of
the absence is believed before such probes, and the list closes no watermark.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Container

    from triwire.watch.options import WatchOptions


@dataclass(frozen=True, slots=True)
class Doubt:
    """A list that many objects were absent from, and the probes that test it."""

    started: float
    probes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Plan:
    """What the absences of one full list lead to.

    Attributes:
        doubted: The list as a whole is not believed.
        probe: Ask for a fresh sample of the absent keys by Get.
    """

    doubted: bool
    probe: bool


@dataclass(slots=True)
class Suspicion:
    """When a key was first absent, from a list that started at a local time."""

    started: float
    lists: int = 1


class Absences:
    """Which keys are suspected, and whether the last lists are doubted."""

    def __init__(self, options: WatchOptions) -> None:
        self._options = options
        self.suspects: dict[str, Suspicion] = {}
        self._doubt: Doubt | None = None

    def weigh(
        self,
        missing: Collection[str],
        *,
        known: int,
        live: Container[str],
        started: float,
        bound_seconds: float,
    ) -> Plan:
        """Decide how far a full list is believed.

        Args:
            missing: Known keys that it did not hold though it should have.
            known: Number of known keys.
            live: The known keys; a probe that is not among them any more was confirmed gone.
            started: When its request was sent.
            bound_seconds: The visibility bound.
        """
        options = self._options
        mass = len(missing) > max(options.mass_minimum, int(known * options.mass_share))
        if not mass and len(missing) <= options.confirm_limit:
            self._doubt = None
            return Plan(doubted=False, probe=False)
        doubt = self._doubt
        if doubt is None:
            return Plan(doubted=mass, probe=True)
        if started < doubt.started + bound_seconds:
            return Plan(doubted=mass, probe=False)
        if self.probes_are_gone(live=live):
            return Plan(doubted=False, probe=False)
        return Plan(doubted=mass, probe=True)

    def doubt(self, probes: Collection[str], *, started: float) -> None:
        """Remember which probes test a list."""
        self._doubt = Doubt(started, frozenset(probes))

    def probes_are_gone(self, *, live: Container[str]) -> bool:
        """Tell whether a list was doubted and every probe turned out to be gone."""
        doubt = self._doubt
        return doubt is not None and not any(key in live for key in doubt.probes)

    def suspect(self, key: str, *, started: float) -> Suspicion:
        """Note one more absence of a key."""
        suspicion = self.suspects.get(key)
        if suspicion is None:
            suspicion = self.suspects[key] = Suspicion(started)
        else:
            suspicion.lists += 1
        return suspicion

    def clear_seen(self, seen: Container[str]) -> None:
        """Drop the suspicions that a full list refuted."""
        for key in [key for key in self.suspects if key in seen]:
            del self.suspects[key]
