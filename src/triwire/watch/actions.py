"""What a tracker asks its driver to do next."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias


class Why(StrEnum):
    """What a request is for; only logs and the tracker itself care."""

    SYNC = "sync"
    """The first full list."""
    CLOSE = "close"
    """The second full list, which gives the closed watermark its first value."""
    POLL = "poll"
    """The regular poll."""
    LADDER = "ladder"
    """A poll from further back."""
    RELIST = "relist"
    """The regular full list of the incremental mode."""
    EMPTY = "empty"
    """A full list, since no stamp is known."""
    CONFIRM = "confirm"
    """A suspicion or a doubtful state is checked."""
    HOT = "hot"
    """An object in deletion."""


@dataclass(frozen=True, slots=True)
class ListAll:
    """List without `updated_after`."""

    why: Why


@dataclass(frozen=True, slots=True)
class ListSince:
    """List with `updated_after`.

    Attributes:
        cursor_ns: What to ask from, in nanoseconds, to be sent with nothing cut off.
        why: POLL or LADDER.
        rung: Index of the ladder's rung.
    """

    cursor_ns: int
    why: Why = Why.POLL
    rung: int = 0


@dataclass(frozen=True, slots=True)
class GetOne:
    """Get one object."""

    key: str
    why: Why


@dataclass(frozen=True, slots=True)
class WaitUntil:
    """Do nothing before a local monotonic time; infinity means until an answer comes in."""

    at_seconds: float


@dataclass(frozen=True, slots=True)
class Stop:
    """The watch has ended with a fatal failure."""


ListAction: TypeAlias = ListAll | ListSince
Request: TypeAlias = ListAll | ListSince | GetOne
Action: TypeAlias = Request | WaitUntil | Stop
