"""What a watch tells its consumer: a union of frozen classes made for `match`.

Per object the events form `(Added Modified* Deleted)*`. Added, Modified and Deleted carry the
object first, so `case Modified(new, old):` reads as it should; all three know the object's `key`,
an `id` for deduplication and a `version` for ordering.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import blake2b
from typing import TYPE_CHECKING, Generic, TypeAlias, TypeVar

from triwire._typing import override
from triwire.watch.stamps import NS_PER_SECOND

if TYPE_CHECKING:
    from triwire.errors import Code

T = TypeVar("T")

Version: TypeAlias = tuple[int, int, float]


class Reason(StrEnum):
    """Why an event, an absence or a marker came; for logs and for the curious."""

    LISTED = "listed"
    """Seen in an answer, and newer than what was known."""
    TIE = "tie"
    """Other content under the same stamp, accepted once every replica must show the known state."""
    REGRESSED = "regressed"
    """An older stamp that stayed: a restored backup or a server clock that stepped back."""
    RECREATED = "recreated"
    """A new incarnation under a known key."""
    REPLACED = "replaced"
    """The old incarnation of a key that was created anew."""
    RESURRECTED = "resurrected"
    """Came back after its deletion had been confirmed: the confirmation was wrong."""
    RESELECTED = "reselected"
    """Matches the filter again."""
    DESELECTED = "deselected"
    """Alive, but no longer matching the filter; the event carries the live object."""
    NOT_FOUND = "not-found"
    """A Get, started late enough, answered NOT_FOUND."""
    ABSENT_TWICE = "absent-twice"
    """Absent from two full lists, far enough apart, and every probe was NOT_FOUND."""
    SNAPSHOT = "snapshot"
    """The first full list has been delivered."""
    RESUMED = "resumed"
    """The state known from a token or checkpoint is level with the server again."""
    EXPIRED = "expired"
    """The token or checkpoint was too old; what follows began from nothing."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What makes a state of an object this state, whoever saw it, whenever, on whichever wire.

    Attributes:
        scope: Endpoint, tenant, kind and filter, as one opaque text.
        key: The object's key.
        created_ns: Stamp of the incarnation; never falls while a key is known.
        updated_ns: Stamp of the state.
        fingerprint: Of the content without its update time.
        count: How often this content came back under this very stamp.
        epoch: Regressions, resurrections and re-selections of this incarnation.
    """

    scope: str
    key: str
    created_ns: int
    updated_ns: int
    fingerprint: bytes
    count: int = 0
    epoch: int = 0

    @property
    def version(self) -> Version:
        """See `Added.version`."""
        return (
            self.created_ns // NS_PER_SECOND,
            self.epoch,
            self.updated_ns // NS_PER_SECOND,
        )

    def digest(self, kind: str, *, with_state: bool = True) -> str:
        """Hash it: equal after a restart, in another process and on another wire.

        Args:
            kind: Keeps the ids of different kinds of event apart.
            with_state: False for the end of an incarnation: its last stamp and content do not
                count then, since two observers may have seen different last states.
        """
        parts: tuple[object, ...] = (kind, self.scope, self.key, self.created_ns, self.epoch)
        if with_state:
            parts += (self.updated_ns, self.fingerprint.hex(), self.count)
        # ASCII unit separators keep ("ab", "c") apart from ("a", "bc").
        text = "\x1f".join(str(part) for part in parts)
        return blake2b(text.encode(), digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class _ObjectEvent(Generic[T]):
    object: T
    identity: Identity = field(kw_only=True)
    reason: Reason = field(default=Reason.LISTED, kw_only=True)
    observed_at_seconds: float = field(default=0.0, kw_only=True, compare=False)
    """Local monotonic time at which the answer that showed it had arrived."""

    @property
    def key(self) -> str:
        """The object's key."""
        return self.identity.key

    @property
    def id(self) -> str:
        """A name of this event that is the same for every observer of the same states."""
        return self.identity.digest("U")

    @property
    def version(self) -> Version:
        """Never falls from one event of a key to the next; a sink applies what is not lower.

        Of stamps it has the whole seconds: another wire may show no more of the same state.
        """
        return self.identity.version


@dataclass(frozen=True, slots=True)
class Added(_ObjectEvent[T]):
    """An object is new to this watch."""


@dataclass(frozen=True, slots=True)
class Modified(_ObjectEvent[T]):
    """The content of an object changed.

    Attributes:
        old: The state reported before; None only when the watch resumed from a token, which does
            not hold objects.
        changed: Dotted paths that differ, such as `status.conditions.reason`; empty when `old` is
            None or when only the stamp moved (reported with `emit_touches`).
    """

    old: T | None = None
    changed: frozenset[str] = frozenset()

    def touches(self, path: str) -> bool:
        """Tell whether something at, below or above a dotted path may have changed."""
        if self.old is None:
            return True
        return any(
            one == path or one.startswith(f"{path}.") or path.startswith(f"{one}.")
            for one in self.changed
        )


@dataclass(frozen=True, slots=True)
class Deleted(_ObjectEvent[T]):
    """An object is gone, or has left the filter (`reason` deselected).

    `object` is the last state reported; for a deselected object it is the live one.
    """

    @property
    @override
    def id(self) -> str:
        """A name of this event that is the same for every observer of the same states."""
        if self.reason is Reason.DESELECTED:
            return self.identity.digest("L")
        return self.identity.digest("D", with_state=False)

    @property
    @override
    def version(self) -> Version:
        """Above every version of the epoch that ended; a deselected object's is its own."""
        created, epoch, updated = self.identity.version
        return (created, epoch, updated if self.reason is Reason.DESELECTED else math.inf)


@dataclass(frozen=True, slots=True)
class Synced:
    """Everything that the server had has been delivered.

    For `reason` resumed it means *replace*: drop what is not in `keys`, since a token cannot know
    what was deleted while nobody watched.
    """

    reason: Reason
    keys: frozenset[str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Bookmark:
    """A place to resume from.

    Attributes:
        token: Text for `resume=`.
        fresh_as_of_seconds: Local monotonic time at which the last complete poll began; nothing
            older than that is missing (up to the visibility bound).
    """

    token: str
    fresh_as_of_seconds: float


@dataclass(frozen=True, slots=True)
class Failed:
    """Polling meets trouble. The watch goes on: what ends one is raised, and not among its events.

    Attributes:
        message: What went wrong, in the server's words if it had some.
        code: The code of the call that failed; None if calls succeed and what they say is not
            believed.
        is_fatal: Whether it ends the watch: False in every event that a watch hands out.
    """

    message: str
    code: Code | None
    is_fatal: bool = False


Marker: TypeAlias = Synced | Bookmark | Failed
Event: TypeAlias = Added[T] | Modified[T] | Deleted[T] | Synced | Bookmark | Failed
ObjectEvent: TypeAlias = Added[T] | Modified[T] | Deleted[T]
