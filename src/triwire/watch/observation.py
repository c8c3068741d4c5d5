"""What the tracker is told: one object in one answer, and one answer."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")


class Phase(IntEnum):
    """Where an object stands in its life; decides the pace, never the truth."""

    SETTLED = 0
    """Nothing is expected to happen by itself."""
    MOVING = 1
    """The server is working on it: poll fast."""
    DELETING = 2
    """About to vanish: watch it by Get, and do not wonder when it is missing."""


@dataclass(frozen=True, slots=True)
class Observation(Generic[T]):
    """One object as one answer showed it.

    Attributes:
        key: Unique among the live objects of the scope.
        created_ns: Stamp of the incarnation as displayed; 0 if the server shows none.
        updated_ns: Update stamp as displayed; 0 if the server shows none.
        fingerprint: Of the canonical content without the update time; 16 bytes.
        object: The object itself; shared with every consumer, so nobody may change it.
        phase: See Phase.
        selected: False if the object does not match the filter of the scope. Only a Get, or a
            server that ignores its filter, can show such an object.
    """

    key: str
    created_ns: int
    updated_ns: int
    fingerprint: bytes
    object: T
    phase: Phase = Phase.SETTLED
    selected: bool = True


@dataclass(frozen=True, slots=True)
class ListAnswer(Generic[T]):
    """A complete List answer.

    Attributes:
        items: In any order; a key may repeat, the greatest (created, updated) counts.
        server_date_ns: The server's own clock, from a Date header, if it sent one.
        wall_clock_ns: The local wall clock; stands in for the server's until enough changes have
            been seen, and is the age of tokens. It may be wrong: it can only lower a cursor.
        size_bytes: Size of the answer on the wire, decompressed; decides between the modes.
        owner: Tenant that the answer belongs to, if the objects say so. A watch stays with the
            first that it saw.
    """

    items: Sequence[Observation[T]]
    server_date_ns: int | None = None
    wall_clock_ns: int | None = None
    size_bytes: int = 0
    owner: str | None = None
