"""What a profile may break, over one run and over many."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.simulation.faults import Profile
    from tests.simulation.ledger import Metrics

_ENOUGH_RUNS = 10


class Limits:
    """Holds runs of one profile against its rules.

    Exact profiles break with one event out of place. The others hold what must hold always, and
    the shares of obligated versions that the profile names, over at least ten runs.
    """

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._runs = 0
        self._obligated = 0
        self._sums = dict.fromkeys(profile.shares, 0)

    def add(self, metrics: Metrics) -> dict[str, int]:
        """Add a run; give what is broken now."""
        broken = metrics.broken(exact=self._profile.exact)
        self._runs += 1
        self._obligated += metrics.obligated
        for name, share in self._profile.shares.items():
            self._sums[name] += getattr(metrics, name)
            if self._runs >= _ENOUGH_RUNS and self._sums[name] > share * self._obligated:
                broken[name] = self._sums[name]
        return broken
