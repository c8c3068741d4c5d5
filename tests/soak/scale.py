"""How large a run is, and what goes wrong in it: inside the assumptions of docs/watch.md."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from triwire.watch import WatchOptions

__all__ = ["Scale"]

_COARSE_REST = {"kind": "shown-precision", "unit": "ms", "where": {"wires": ["rest"]}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """One run. Times in seconds.

    Attributes:
        minutes: How long there are writes and faults; the end follows.
        objects: How many there are at the start, and about how many all the time.
        seed: Of all chance but the machine's.
        bound_seconds: The visibility bound of the watches.
        writes_per_second: By all writers together.
        relist_seconds: Between full lists, at most.
    """

    minutes: float
    objects: int
    seed: int
    bound_seconds: float = 10.0
    writes_per_second: float = 5.0
    relist_seconds: float = 180.0

    @property
    def seconds(self) -> float:
        """Length of the part with writes."""
        return self.minutes * 60

    @property
    def lag_seconds(self) -> float:
        """Longest lag of a replica."""
        return 0.2 * self.bound_seconds

    @property
    def commit_seconds(self) -> float:
        """Longest time from a write's answer until reads see it."""
        return 0.3 * self.bound_seconds

    @property
    def skew_seconds(self) -> float:
        """How far a writer's clock is off, at most, either way."""
        return 0.1 * self.bound_seconds

    @property
    def transition_seconds(self) -> float:
        """From a change until READY."""
        return 0.3 * self.bound_seconds

    @property
    def settling_seconds(self) -> float:
        """How long the end may take: guarantee I6 of docs/watch.md, and time for a busy machine."""
        return 1.1 * self.relist_seconds + 4 * self.bound_seconds + 60

    def watch_options(self) -> WatchOptions:
        """Return the settings of the watches: a bookmark after each complete poll."""
        return WatchOptions(
            mode="incremental",
            visibility_bound_seconds=self.bound_seconds,
            fast_interval_seconds=min(2.0, self.bound_seconds / 4),
            idle_interval_seconds=min(15.0, self.bound_seconds),
            min_relist_interval_seconds=self.relist_seconds / 3,
            relist_interval_seconds=2 * self.relist_seconds / 3,
            max_relist_interval_seconds=self.relist_seconds,
            bookmark_interval_seconds=0.01,
        )

    def calm(self) -> dict[str, Any]:
        """Return the script of the end: nothing goes wrong, and a wire's precision is its own."""
        return {"faults": [_COARSE_REST]}

    def faults(self, start: int) -> dict[str, Any]:
        """Return the fault script for one start of the emulator.

        Commit delay, skew between writers, lag and display add up to less than the visibility
        bound: 3 + 2 + 2 + 1 of 10 seconds.
        """
        rng = random.Random(f"{self.seed}/faults")  # noqa: S311 - repeatable
        lists = {"methods": ["List*"]}
        reads = {"methods": ["List*", "GetDeployment", "GetGateway"]}
        unit = rng.choice(("us", "ms", "s"))
        rounding = rng.choice(("floor", "round"))
        inclusive = [{"kind": "inclusive-filter"}] if rng.random() < 0.5 else []
        return {
            "seed": self.seed * 1000 + start,
            "faults": [
                {"kind": "latency", "seconds": [0, 0.3], "when": {"probability": 0.2}},
                {"kind": "error", "code": "UNAVAILABLE", "when": {"probability": 0.03}},
                {
                    "kind": "error",
                    "code": "RESOURCE_EXHAUSTED",
                    "retry_delay_seconds": 1,
                    "when": {"probability": 0.005},
                },
                {
                    "kind": "error",
                    "code": "INTERNAL",
                    "at": "answer",
                    "when": {"probability": 0.005},
                },
                {
                    "kind": "error",
                    "code": "UNAUTHENTICATED",
                    "where": reads,
                    "when": {"probability": 0.002},
                },
                {"kind": "drop", "at": "request", "when": {"probability": 0.004}},
                {"kind": "drop", "at": "answer", "when": {"probability": 0.004}},
                {"kind": "drop", "at": "middle", "where": reads, "when": {"probability": 0.004}},
                {"kind": "page", "where": reads, "when": {"probability": 0.004}},
                {
                    "kind": "stale-read",
                    "seconds": [0, self.lag_seconds],
                    "where": reads,
                    "when": {"probability": 0.5},
                },
                {
                    "kind": "late-write",
                    "seconds": [0, self.commit_seconds],
                    "when": {"probability": 0.5},
                },
                {
                    "kind": "skewed-stamp",
                    "seconds": [-self.skew_seconds, self.skew_seconds],
                    "when": {"probability": 0.5},
                },
                {"kind": "stored-precision", "unit": unit},
                _COARSE_REST,
                {"kind": "request-rounding", "unit": "ms", "rounding": rounding},
                *inclusive,
                {
                    "kind": "unbumped-change",
                    "where": {"methods": ["Update*"]},
                    "when": {"probability": 0.05},
                },
                {"kind": "shuffled-list", "where": lists, "when": {"probability": 0.5}},
                {
                    "kind": "repeated-items",
                    "share": 0.1,
                    "where": lists,
                    "when": {"probability": 0.05},
                },
            ],
        }
