"""The tracker's state as a value: what a store keeps and what a resume token is cut from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from triwire.watch.observation import Phase
from triwire.watch.rows import UNKNOWN_WIRE, Row, Tombstone

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class StoredRow(Generic[T]):
    """One live object; field by field as in Row.

    `object` may be None: the store need not keep objects. Then Modified has no `old` and deletions
    go without an event, until the next Synced(resumed) says what is left.
    """

    key: str
    created_ns: int
    shown_created_ns: int
    updated_ns: int
    fingerprint: bytes
    phase: Phase = Phase.SETTLED
    count: int = 0
    epoch: int = 0
    object: T | None = None

    def row(self, *, now: float) -> Row[T]:
        """Take it up again; it counts as first seen now, perhaps on another wire than before."""
        return Row(
            key=self.key,
            created_ns=self.created_ns,
            shown_created_ns=self.shown_created_ns,
            updated_ns=self.updated_ns,
            fingerprint=self.fingerprint,
            object=self.object,
            phase=self.phase,
            first_seen=now,
            accepted=now,
            count=self.count,
            epoch=self.epoch,
            wire=UNKNOWN_WIRE,
        )


@dataclass(frozen=True, slots=True)
class StoredEnd:
    """One remembered end; see Tombstone."""

    key: str
    created_ns: int
    updated_ns: int
    epoch: int
    deselected: bool = False

    def tombstone(self, *, now: float) -> Tombstone:
        """Take it up again, as if it had happened now."""
        return Tombstone(
            self.key, self.created_ns, self.updated_ns, self.epoch, now, self.deselected
        )


@dataclass(frozen=True, slots=True)
class Checkpoint(Generic[T]):
    """Everything that a tracker needs to go on in another process.

    It holds no local time: the monotonic clock of another process is another clock. Written in
    one transaction with the events that led to it, *before* they are delivered, it gives
    at-least-once delivery of every event under the same ids.

    Attributes:
        scope: Endpoint, tenant, kind and filter, as one opaque text.
        closed_ns: See Watermark.
        open_ns: See Watermark.
        bound_seconds: The visibility bound, adapted.
        taken_at_ns: Wall clock of the last answer, for the age of a token; 0 if never told.
        complete: True if `rows` are all objects; False if only the recent ones, as in a token.
        owner: Tenant of the objects, if they said so; None in a token, which has its digest.
        rows: Live objects.
        ends: Remembered ends.
    """

    scope: str
    closed_ns: int | None
    open_ns: int | None
    bound_seconds: float
    taken_at_ns: int = 0
    complete: bool = True
    owner: str | None = None
    rows: tuple[StoredRow[T], ...] = ()
    ends: tuple[StoredEnd, ...] = ()


def stored_row(row: Row[T]) -> StoredRow[T]:
    """Write a row down."""
    return StoredRow(
        row.key,
        row.created_ns,
        row.shown_created_ns,
        row.updated_ns,
        row.fingerprint,
        row.phase,
        row.count,
        row.epoch,
        row.object,
    )


def stored_end(end: Tombstone) -> StoredEnd:
    """Write an end down."""
    return StoredEnd(end.key, end.created_ns, end.updated_ns, end.epoch, end.deselected)
