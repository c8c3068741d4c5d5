"""Fault scripts: which fault, where, when; read from JSON and written as JSON. Pure.

{"seed": 7, "faults": [
    {"kind": "latency", "seconds": [0.1, 0.5],
     "where": {"methods": ["List*"], "wires": ["rest"]},
     "when": {"probability": 0.2, "count": 5}}]}
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Annotated, Any, Final, cast

from coreweave_inference.emulator.faults.fields import (
    ScriptError,
    as_object,
    integer,
    named,
    number,
    one_of,
    read,
    seconds,
    text,
    texts,
    to_plain,
)
from coreweave_inference.emulator.faults.kinds import KINDS, ClockStep, Fault, kind_of_method
from coreweave_inference_gen.coreweave.inference.v1alpha1.capacity_claim_triwire import (
    CapacityClaimServiceMethods,
)
from coreweave_inference_gen.coreweave.inference.v1alpha1.deployment_triwire import (
    DeploymentServiceMethods,
)
from coreweave_inference_gen.coreweave.inference.v1alpha1.gateway_triwire import (
    GatewayServiceMethods,
)
from triwire.dial.wires import WIRES

if TYPE_CHECKING:
    import random
    from collections.abc import Iterable

__all__ = ["METHODS", "FaultScript", "PlannedFault", "When", "Where"]

_SERVED: Final = (
    *GatewayServiceMethods.ALL,
    *DeploymentServiceMethods.ALL,
    *CapacityClaimServiceMethods.ALL,
)
_STEPS: Final = ("StepGateway", "StepDeployment", "StepCapacityClaim")

METHODS: Final = (*(method.name for method in _SERVED), *_STEPS)
"""What a pattern can match: the methods of the API, and the steps of the lifecycle."""

_MAX_CALLS: Final = 2**53


def _wires(value: Any) -> tuple[str, ...]:  # noqa: ANN401 - JSON
    return tuple(one_of((*WIRES, "memory"))(one) for one in texts(value))


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """Which calls a fault can happen to, of those that its kind can.

    Attributes:
        methods: Patterns of method names with "*" and "?", such as "List*".
        wires: Names of wires; empty for all. Steps of the lifecycle have none.
    """

    methods: Annotated[tuple[str, ...], texts] = ("*",)
    wires: Annotated[tuple[str, ...], _wires] = ()

    def matches(self, method: str, wire: str) -> bool:
        """Return whether a call is meant."""
        if self.wires and wire not in self.wires:
            return False
        return any(fnmatchcase(method, pattern) for pattern in self.methods)


@dataclass(frozen=True, slots=True, kw_only=True)
class When:
    """Which of the matching calls a fault happens to: those for which all of this holds.

    Attributes:
        probability: Drawn for each call.
        every: Each n-th call.
        count: How often at most.
        from_call: Not before this call; the first is 1.
        until_call: Not after it.
        from_seconds: Not before this time since the script was loaded.
        until_seconds: Not from this time on.
    """

    probability: Annotated[float, number(0, 1)] = 1.0
    every: Annotated[int, integer(1, _MAX_CALLS)] = 1
    count: Annotated[int | None, integer(1, _MAX_CALLS)] = None
    from_call: Annotated[int, integer(1, _MAX_CALLS)] = 1
    until_call: Annotated[int | None, integer(1, _MAX_CALLS)] = None
    from_seconds: Annotated[float, seconds] = 0.0
    until_seconds: Annotated[float | None, seconds] = None

    def __post_init__(self) -> None:
        """Refuse windows that are empty."""
        if self.until_call is not None and self.until_call < self.from_call:
            raise ScriptError(
                f"until_call: expected {self.from_call} or later, got {self.until_call}"
            )
        if self.until_seconds is not None and self.until_seconds <= self.from_seconds:
            raise ScriptError(
                f"until_seconds: expected later than {self.from_seconds:g}, "
                f"got {self.until_seconds:g}"
            )

    def lasts(self, elapsed_seconds: float) -> bool:
        """Return whether a time is inside."""
        until = self.until_seconds
        return self.from_seconds <= elapsed_seconds and (until is None or elapsed_seconds < until)

    def happens(self, call: int, fired: int, elapsed_seconds: float, rng: random.Random) -> bool:
        """Return whether the fault happens to a call.

        Args:
            call: Its number among the matching calls; the first is 1.
            fired: How often the fault has happened.
            elapsed_seconds: Since the script was loaded.
            rng: The call's own source of chance.
        """
        # Drawn in any case, so that what the fault draws next does not hang on the clock.
        drawn = rng.random()
        return (
            self.lasts(elapsed_seconds)
            and (self.count is None or fired < self.count)
            and call >= self.from_call
            and (self.until_call is None or call <= self.until_call)
            and (call - self.from_call + 1) % self.every == 0
            and drawn < self.probability
        )

    @property
    def is_by_time_alone(self) -> bool:
        """Whether calls do not matter."""
        return When(from_seconds=self.from_seconds, until_seconds=self.until_seconds) == self


@dataclass(frozen=True, slots=True)
class PlannedFault:
    """One entry of a script.

    Attributes:
        name: Unique in its script.
        fault: What goes wrong.
        where: Which calls can be meant.
        when: Which of those are.
    """

    name: str
    fault: Fault
    where: Where = field(default_factory=Where)
    when: When = field(default_factory=When)

    def __post_init__(self) -> None:
        """Refuse what could never happen."""
        if isinstance(self.fault, ClockStep):
            if self.where != Where() or not self.when.is_by_time_alone:
                raise ScriptError(
                    "a clock-step is everywhere: expected nothing but from_seconds and "
                    "until_seconds"
                )
            return
        possible = [name for name in METHODS if kind_of_method(name) in self.fault.METHODS]
        for pattern in self.where.methods:
            if not any(fnmatchcase(name, pattern) for name in possible):
                raise ScriptError(
                    f"where.methods: {pattern!r} matches nothing that a fault of kind "
                    f"{self.fault.KIND!r} can happen to: expected some of {', '.join(possible)}"
                )

    def matches(self, method: str, wire: str) -> bool:
        """Return whether the fault can happen to a call."""
        return kind_of_method(method) in self.fault.METHODS and self.where.matches(method, wire)

    @classmethod
    def from_plain(cls, value: object, *, name: str, label: str) -> PlannedFault:
        """Read an entry from JSON.

        Args:
            value: The JSON value.
            name: The entry's name if it has none of its own.
            label: What the value is, for the text of errors.

        Raises:
            ScriptError: it cannot be used.
        """
        entry = as_object(value, where=label)
        try:
            kind = KINDS[one_of(tuple(KINDS))(entry.pop("kind", None))]
        except ValueError as error:
            raise ScriptError(f"{label}.kind: {error}") from None
        try:
            own = text(entry.pop("name", name))
        except ValueError as error:
            raise ScriptError(f"{label}.name: {error}") from None
        where = read(Where, entry.pop("where", {}), where=f"{label}.where")
        when = read(When, entry.pop("when", {}), where=f"{label}.when")
        fault = read(kind, entry, where=label)
        try:
            return cls(own, fault, where, when)
        except ValueError as error:
            raise ScriptError(f"{label}: {error}") from None

    def to_plain(self) -> dict[str, Any]:
        """Return the entry as JSON."""
        plain: dict[str, Any] = {"name": self.name, "kind": self.fault.KIND}
        plain |= to_plain(self.fault)
        for name, part in (("where", self.where), ("when", self.when)):
            if told := to_plain(part):
                plain[name] = told
        return plain


@dataclass(frozen=True, slots=True)
class FaultScript:
    """Faults and the seed of their chance. With equal calls, equal scripts do equal things.

    Attributes:
        faults: In the order in which they are applied.
        seed: Of all that is drawn.
    """

    faults: tuple[PlannedFault, ...] = ()
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse names that are not unique."""
        names = [fault.name for fault in self.faults]
        for name in names:
            if names.count(name) > 1:
                raise ScriptError(f"two faults are named {name!r}: expected unique names")

    @classmethod
    def parse(cls, document: str) -> FaultScript:
        """Read a script.

        Raises:
            ScriptError: it is no JSON, or cannot be used; the text says which part.
        """
        try:
            value = json.loads(document)
        except ValueError as error:
            raise ScriptError(f"expected JSON: {error}") from None
        return cls.from_plain(value)

    @classmethod
    def from_plain(cls, value: object) -> FaultScript:
        """Read a script from a JSON value; see `parse`."""
        outline = read(_Outline, value, where="script")
        faults = tuple(
            PlannedFault.from_plain(entry, name=f"fault-{number}", label=f"faults[{number - 1}]")
            for number, entry in enumerate(outline.faults, start=1)
        )
        return cls(faults, outline.seed)

    def to_plain(self) -> dict[str, Any]:
        """Return the script as JSON."""
        return {"seed": self.seed, "faults": [fault.to_plain() for fault in self.faults]}

    def to_json(self) -> str:
        """Return the script as a JSON document."""
        return json.dumps(self.to_plain())


def _entries(value: Any) -> tuple[Any, ...]:  # noqa: ANN401 - JSON
    if not isinstance(value, list):
        raise ScriptError(f"expected a list of faults, got {named(value)}")
    return tuple(cast("Iterable[Any]", value))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outline:
    """A script whose entries have not been read."""

    faults: Annotated[tuple[Any, ...], _entries] = ()
    seed: Annotated[int, integer(-(2**63), 2**63 - 1)] = 0
