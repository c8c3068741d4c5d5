"""What the tracker remembers of one object, alive (Row) or gone (Tombstone)."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator

    from triwire.watch.observation import Observation, Phase

T = TypeVar("T")

TOKEN_FINGERPRINT_BYTES = 8
"""Fingerprints are cut to this in resume tokens; a row restored from one compares by prefix."""

UNKNOWN_WIRE = -1
"""A row that was last seen on some other wire, or perhaps was."""

_RING_SIZE = 4


@dataclass(frozen=True, slots=True)
class Hold:
    """A state that may be older than the known one: not accepted, not forgotten."""

    created_ns: int
    updated_ns: int
    fingerprint: bytes
    first_started: float

    def matches(self, seen: Observation[T]) -> bool:
        """Tell whether the same state was seen again."""
        return (
            self.created_ns == seen.created_ns
            and self.updated_ns == seen.updated_ns
            and self.fingerprint == seen.fingerprint
        )


@dataclass(slots=True)
class Row(Generic[T]):
    """One live object. Times are local monotonic seconds, stamps server nanoseconds.

    Attributes:
        key: The object's key.
        created_ns: Incarnation in events and versions; never falls.
        shown_created_ns: The same as the server displays it now, which differs after a change of
            wire (other precision) or a regression.
        updated_ns: Greatest stamp of the known state.
        fingerprint: Of the known state; shorter if it came from a token.
        object: The known state; None only after a resume from a token, until it is seen.
        phase: See Phase.
        first_seen: When this incarnation was first seen.
        accepted: When the known state was accepted.
        count: See Identity.
        epoch: See Identity.
        wire: Number of the wire (see Tracker.on_wire_change) that showed it last.
        ring: Fingerprints that this same stamp had before, each with its count.
        hold: See Hold.
    """

    key: str
    created_ns: int
    shown_created_ns: int
    updated_ns: int
    fingerprint: bytes
    object: T | None
    phase: Phase
    first_seen: float
    accepted: float
    count: int = 0
    epoch: int = 0
    wire: int = 0
    ring: tuple[tuple[bytes, int], ...] = ()
    hold: Hold | None = None

    def has_content(self, fingerprint: bytes) -> bool:
        """Compare contents, also with a fingerprint that was cut for a token."""
        mine = self.fingerprint
        if mine == fingerprint:
            return True
        return len(mine) == TOKEN_FINGERPRINT_BYTES and fingerprint.startswith(mine)

    def take(self, seen: Observation[T], *, at: float) -> None:
        """Make what was seen, which differs in stamp or content, the known state."""
        if seen.updated_ns == self.updated_ns:
            # Content that changes under one stamp can come back (A, B, A): each return gets its
            # own count, so that the event ids differ.
            counts = dict(self.ring)
            counts[self.fingerprint] = self.count
            self.count = counts.get(seen.fingerprint, -1) + 1
            self.ring = tuple(counts.items())[-_RING_SIZE:]
        else:
            self.ring, self.count = (), 0
        self.shown_created_ns = seen.created_ns
        self.updated_ns = seen.updated_ns
        self.fingerprint = seen.fingerprint
        self.object = seen.object
        self.phase = seen.phase
        self.accepted = at
        self.hold = None


@dataclass(frozen=True, slots=True)
class Tombstone:
    """The end of an object: what keeps a lagging replica from bringing it back."""

    key: str
    created_ns: int
    updated_ns: int
    epoch: int
    at: float
    deselected: bool = False


class Tombstones:
    """The ends that are still remembered, oldest first."""

    def __init__(self, *, limit: int) -> None:
        self._limit = limit
        self._by_key: OrderedDict[str, Tombstone] = OrderedDict()

    def get(self, key: str) -> Tombstone | None:
        """Find the end of the last incarnation of a key."""
        return self._by_key.get(key)

    def put(self, tombstone: Tombstone) -> None:
        """Remember an end; the oldest is forgotten above the limit."""
        self._by_key[tombstone.key] = tombstone
        self._by_key.move_to_end(tombstone.key)
        if len(self._by_key) > self._limit:
            self._by_key.popitem(last=False)

    def discard(self, key: str) -> None:
        """Forget one end: the key lives again."""
        self._by_key.pop(key, None)

    def expire(self, *, before: float) -> None:
        """Forget the ends from before a local time; costs what it forgets."""
        while self._by_key:
            oldest = next(iter(self._by_key.values()))
            if oldest.at >= before:
                return
            del self._by_key[oldest.key]

    def __iter__(self) -> Iterator[Tombstone]:
        return iter(self._by_key.values())

    def __len__(self) -> int:
        return len(self._by_key)
