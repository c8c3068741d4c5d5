"""How the objects of one kind show their key, stamps, phase and filter: data from the product."""

from __future__ import annotations

from dataclasses import dataclass, field
from operator import attrgetter
from typing import TYPE_CHECKING, Generic, TypeVar

from google.protobuf.message import Message

from triwire.watch.canonical import Canonicalizer, CanonicalRules
from triwire.watch.observation import Observation, Phase
from triwire.watch.stamps import to_ns

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.protobuf.timestamp_pb2 import Timestamp

M = TypeVar("M", bound=Message)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceShape(Generic[M]):
    """Where a kind of resource keeps what the tracker needs. Paths are dotted proto field names.

    Attributes:
        message_type: The generated class.
        key: Path of the unique key, a string.
        created: Path of the creation Timestamp.
        updated: Path of the update Timestamp; never counts as content.
        owner: Path of the tenant's name, if there is one.
        rules: See CanonicalRules; `updated` need not be among the ignored paths.
        phase: Tells where an object stands.
    """

    message_type: type[M]
    key: str
    created: str
    updated: str
    owner: str | None = None
    rules: CanonicalRules = field(default_factory=CanonicalRules)
    phase: Callable[[M], Phase] = lambda _: Phase.SETTLED


class Observer(Generic[M]):
    """Turns messages into observations.

    Args:
        shape: See ResourceShape.
        selects: The filter that the server applies, so that an object seen by Get can be told to
            have left it; None if there is no filter.
    """

    def __init__(
        self, shape: ResourceShape[M], *, selects: Callable[[M], bool] | None = None
    ) -> None:
        rules = shape.rules
        self.canonicalizer = Canonicalizer(
            shape.message_type,
            CanonicalRules(
                ignored=rules.ignored | {shape.updated},
                sets=rules.sets,
                keyed=rules.keyed,
                precision_ns=rules.precision_ns,
                enum_aliases=rules.enum_aliases,
            ),
        )
        self._key: Callable[[M], str] = attrgetter(shape.key)
        self._created: Callable[[M], Timestamp] = attrgetter(shape.created)
        self._updated: Callable[[M], Timestamp] = attrgetter(shape.updated)
        self._owner: Callable[[M], str] | None = (
            attrgetter(shape.owner) if shape.owner is not None else None
        )
        self._phase = shape.phase
        self._selects = selects

    def key(self, message: M) -> str:
        """Name an object."""
        return self._key(message)

    def observe(self, message: M) -> Observation[M]:
        """Look at one object; an absent stamp is 0."""
        return Observation(
            key=self._key(message),
            created_ns=to_ns(self._created(message)),
            updated_ns=to_ns(self._updated(message)),
            fingerprint=self.canonicalizer.fingerprint(message),
            object=message,
            phase=self._phase(message),
            selected=self._selects is None or self._selects(message),
        )

    def owner(self, message: M) -> str | None:
        """Name the tenant of an object, or None if objects do not say."""
        return None if self._owner is None else self._owner(message) or None

    def changed_paths(self, old: M, new: M) -> frozenset[str]:
        """Name what differs; for `Tracker(changed_paths=...)`."""
        return self.canonicalizer.changed_paths(old, new)
