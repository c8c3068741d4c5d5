"""Settings of an emulator: how it behaves, and how it is served. Pure data."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Any, Final

__all__ = ["DEFAULT_MAX_BODY_BYTES", "Behaviour", "ServerSettings"]

DEFAULT_MAX_BODY_BYTES: Final = 4 * 1024 * 1024
"""Largest request message: what gRPC servers take by default (grpc.io, "Maximum message size")."""


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How the service acts where it could act in more than one way; see docs/emulator.md.

    Attributes:
        transition_seconds: Time from a create, update or delete until the resource is READY or
            gone. At 0 the first call after it already sees the end.
        merge_dns: Whether additional_dns of an update is added to what is there, instead of
            replacing it.
        unique_names: Whether a second resource of the same kind and name is refused.
        disabled_stays_creating: Whether a disabled deployment stops before READY.
        max_resources: Largest number of resources of one kind per organization, or None.
    """

    transition_seconds: float = 0.0
    merge_dns: bool = False
    unique_names: bool = False
    disabled_stays_creating: bool = False
    max_resources: int | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.transition_seconds <= _YEAR_SECONDS:
            message = (
                f"transition_seconds must be 0 to {_YEAR_SECONDS}, got {self.transition_seconds!r}"
            )
            raise ValueError(message)
        if self.max_resources is not None and self.max_resources < 0:
            raise ValueError(f"max_resources must be 0 or more, got {self.max_resources!r}")

    @property
    def transition_ns(self) -> int:
        """`transition_seconds` in whole nanoseconds."""
        return round(self.transition_seconds * 1e9)


_YEAR_SECONDS: Final = 365 * 24 * 3600


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """What the process that serves the emulator is told by the one that supervises it.

    Attributes:
        behaviour: How the service acts.
        tokens: Lines of a tokens file (`coreweave_inference.emulator.access`). Secret.
        database: Path of the SQLite file, or None for a database in memory.
        documented_style: Whether REST answers in the spelling of the reference pages.
        reject_unknown_fields: Whether JSON with fields that the contract lacks is refused.
        max_body_bytes: Largest request message.
        faults: A fault script (`coreweave_inference.emulator.faults.script`), or None.
        admin_descriptor: A listening socket for the admin interface, or None for no interface.
    """

    behaviour: Behaviour
    tokens: str = dataclasses.field(repr=False)
    database: str | None = None
    documented_style: bool = False
    reject_unknown_fields: bool = False
    max_body_bytes: int = DEFAULT_MAX_BODY_BYTES
    faults: str | None = None
    admin_descriptor: int | None = None

    def to_json(self) -> str:
        """Return the settings as one line of JSON."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text: str) -> ServerSettings:
        """Read what `to_json` wrote."""
        values: dict[str, Any] = json.loads(text)
        behaviour = Behaviour(**values.pop("behaviour"))
        return cls(behaviour=behaviour, **values)
