"""A fault script at work: counts calls and decides which faults happen. No I/O; time comes in."""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from coreweave_inference.emulator.faults.history import History
from coreweave_inference.emulator.faults.kinds import (
    ClockStep,
    Drop,
    FaultT,
    Latency,
    LateWrite,
    Page,
    RepeatedItems,
    StaleRead,
)
from coreweave_inference.emulator.faults.script import FaultScript, PlannedFault

if TYPE_CHECKING:
    from collections.abc import Callable

    from coreweave_inference.emulator.faults.kinds import Fault

__all__ = ["NOTHING", "FaultPlan", "Happening"]

_CONNECTION: Final = (Latency, Drop, Page)
_SCAN_SECONDS: Final = 1.0
"""How long a scan lasts that sees a resource in two states."""


@dataclass(frozen=True, slots=True)
class Happening:
    """The faults that happen to one call, each with its own source of chance."""

    faults: tuple[tuple[Fault, random.Random], ...] = ()

    def __bool__(self) -> bool:
        """Return whether anything happens."""
        return bool(self.faults)

    def of(self, kind: type[FaultT]) -> list[tuple[FaultT, random.Random]]:
        """Return the faults of a kind, in the order of the script."""
        return [(fault, rng) for fault, rng in self.faults if isinstance(fault, kind)]


NOTHING: Final = Happening()


class FaultPlan:
    """A script, how often each of its faults was possible and happened, and what they need.

    Chance is a function of the script's seed, the fault's name and the number of the matching
    call: faults do not disturb each other, and equal calls meet equal faults. Safe to use from
    several threads.

    Args:
        script: What to do; it can be replaced later.
        monotonic: Returns seconds; the times of a script count from the call that loaded it.

    Attributes:
        history: What lagging replicas still show.
        last_stamps: The stamp of the last write by organization.
    """

    def __init__(
        self,
        script: FaultScript | None = None,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.history = History()
        self.last_stamps: dict[str, int] = {}
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._script = FaultScript()
        self._matched: dict[str, int] = {}
        self._fired: dict[str, int] = {}
        self._loaded = 0.0
        self._offset_seconds = 0.0
        self.load(script or FaultScript())

    @property
    def script(self) -> FaultScript:
        """What is loaded."""
        return self._script

    @property
    def elapsed_seconds(self) -> float:
        """How long ago the script was loaded."""
        return self._monotonic() - self._loaded

    def load(self, script: FaultScript) -> None:
        """Replace the script: all counts and times begin anew."""
        with self._lock:
            self._loaded = self._monotonic()
            self._matched = {}
            self._fired = {}
            self._take(script)

    def add(self, value: object) -> PlannedFault:
        """Add one fault, from its JSON value; all others go on.

        Raises:
            ValueError: it cannot be used, or its name is taken.
        """
        with self._lock:
            taken = {fault.name for fault in self._script.faults}
            numbers = (f"fault-{number}" for number in range(1, len(taken) + 2))
            free = next(name for name in numbers if name not in taken)
            fault = PlannedFault.from_plain(value, name=free, label="fault")
            self._take(replace(self._script, faults=(*self._script.faults, fault)))
        return fault

    def remove(self, name: str) -> bool:
        """Remove a fault by its name; return whether there was one."""
        with self._lock:
            left = tuple(fault for fault in self._script.faults if fault.name != name)
            found = len(left) < len(self._script.faults)
            self._take(replace(self._script, faults=left))
            self._matched.pop(name, None)
            self._fired.pop(name, None)
        return found

    def _take(self, script: FaultScript) -> None:
        self._script = script
        faults = [planned.fault for planned in script.faults]
        reaches = [
            fault.seconds.high if isinstance(fault, StaleRead) else _SCAN_SECONDS
            for fault in faults
            if isinstance(fault, StaleRead | RepeatedItems | LateWrite)
        ]
        self.history.reach(max(reaches, default=0.0), recording=bool(reaches))

    def step_clock(self, seconds: float) -> float:
        """Move the server's clock, and return how far it is ahead now."""
        with self._lock:
            self._offset_seconds += seconds
            return self._offset_seconds

    def reset_clock(self) -> None:
        """Set the server's clock right."""
        with self._lock:
            self._offset_seconds = 0.0

    def clock_offset(self) -> tuple[float, bool]:
        """Return how far the server's clock is ahead, in seconds, and whether stamps may fall."""
        offset, may_fall = self._offset_seconds, self._offset_seconds != 0
        elapsed = self.elapsed_seconds
        for planned in self._script.faults:
            if isinstance(planned.fault, ClockStep) and planned.when.lasts(elapsed):
                offset += planned.fault.seconds
                may_fall = may_fall or planned.fault.may_fall
        return offset, may_fall

    def happening(self, method: str, wire: str, *, connection: bool = False) -> Happening:
        """Count a call and return what happens to it.

        Args:
            method: Its name, such as "ListGateways" or "StepGateway".
            wire: Its wire, or "" for a step of the lifecycle.
            connection: Whether faults of the connection are asked for, or all others: the two
                are met in different places.
        """
        if not self._script.faults:
            return NOTHING
        met: list[tuple[Fault, random.Random]] = []
        with self._lock:
            elapsed = self.elapsed_seconds
            for planned in self._script.faults:
                fault = planned.fault
                if (
                    isinstance(fault, _CONNECTION) != connection
                    or isinstance(fault, ClockStep)
                    or not planned.matches(method, wire)
                ):
                    continue
                rng = self._meet(planned, elapsed)
                if rng is not None:
                    met.append((fault, rng))
        return Happening(tuple(met)) if met else NOTHING

    def _meet(self, planned: PlannedFault, elapsed_seconds: float) -> random.Random | None:
        name = planned.name
        number = self._matched[name] = self._matched.get(name, 0) + 1
        rng = random.Random(f"{self._script.seed}/{name}/{number}")  # noqa: S311 - repeatable, no secret
        fired = self._fired.get(name, 0)
        if not planned.when.happens(number, fired, elapsed_seconds, rng):
            return None
        self._fired[name] = fired + 1
        return rng

    def describe(self) -> dict[str, Any]:
        """Return the script with its counts as JSON."""
        with self._lock:
            return {
                "seed": self._script.seed,
                "faults": [
                    fault.to_plain()
                    | {
                        "matched": self._matched.get(fault.name, 0),
                        "happened": self._fired.get(fault.name, 0),
                    }
                    for fault in self._script.faults
                ],
            }
