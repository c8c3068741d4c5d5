"""What was written, and what each watch had to tell of it.

The emulator's clock is unknown here: a write takes place somewhere between the start of its first
attempt and its answer, and reads see it within the commit delay after that. So a version is
surely there from its answer plus that delay until the first attempt of the next write. A watch
owes it if a complete poll began a visibility bound after the first and had been told by the
second. A version is told by its number, which its writer puts into the resource's name.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING

from coreweave_inference_gen.coreweave.inference.v1alpha1.status_pb2 import STATUS_READY

if TYPE_CHECKING:
    from coreweave_inference_gen.coreweave.inference.v1alpha1.deployment_pb2 import Deployment

__all__ = [
    "Account",
    "Known",
    "Ledger",
    "Life",
    "Verdict",
    "Version",
    "judge",
    "name_of",
    "version_of",
]


def name_of(number: int, version: int) -> str:
    """Return the name of a resource in one of its versions."""
    return f"soak-{number}-v{version}"


def version_of(resource: Deployment) -> int:
    """Return which version of its resource a message is."""
    return int(resource.spec.name.rpartition("-v")[2])


@dataclass(slots=True)
class Version:
    """One write of a resource's spec.

    Attributes:
        number: Rises with each write of an id, over all its incarnations.
        began: Start of its first attempt.
        answered: When its answer had come; `inf` before.
        wall_answered_ns: The same by the wall clock.
        is_bumped: Whether its stamp rose for sure: the answer does not tell the stamp before.
        ended: Start of the first attempt of the next write, of a deletion too.
    """

    number: int
    began: float
    answered: float = inf
    wall_answered_ns: int = 0
    is_bumped: bool = True
    ended: float = inf


@dataclass(slots=True)
class Life:
    """All writes of one id."""

    versions: list[Version] = field(default_factory=list[Version])
    is_there: bool = False
    """Whether its last write was no deletion."""
    deletions: list[float] = field(default_factory=list[float])
    """Starts of deletions."""


class Ledger:
    """All lives, by id. Written to by one thread."""

    def __init__(self) -> None:
        self.lives: dict[str, Life] = {}

    def begin(self, key: str, now: float) -> Version:
        """Note the first attempt of a create or update."""
        life = self.lives.setdefault(key, Life())
        if life.versions:
            life.versions[-1].ended = min(life.versions[-1].ended, now)
        life.versions.append(Version(len(life.versions), now))
        life.is_there = True
        return life.versions[-1]

    def begin_deletion(self, key: str, now: float) -> None:
        """Note the first attempt of a deletion."""
        life = self.lives[key]
        life.versions[-1].ended = min(life.versions[-1].ended, now)
        life.is_there = False
        life.deletions.append(now)

    @property
    def writes(self) -> int:
        """Number of writes, those of the start included."""
        return sum(len(life.versions) + len(life.deletions) for life in self.lives.values())


@dataclass(slots=True)
class Known:
    """What a watch has told of a resource last."""

    resource: Deployment
    version: int


@dataclass(slots=True)
class Account:
    """What one watch has told. Filled by its thread, read at the end.

    Attributes:
        name: Of the watch.
        known: Its view by id.
        polls: Start of each complete poll, rising, and when it had been told.
        first_told: When a version was first told, by id and number; READY apart.
        false_deletes: Deletions of what nobody had begun to delete.
        back: Older versions after newer ones.
        illegal: Added of the known, Modified or Deleted of the unknown.
        events: All events but markers.
        notices: Outages and failures that were told of.
        sessions: How often it began, with a token but for the first time.
        wires: On which wires.
    """

    name: str
    known: dict[str, Known] = field(default_factory=dict[str, Known])
    polls: list[tuple[float, float]] = field(default_factory=list[tuple[float, float]])
    first_told: dict[tuple[str, int, bool], float] = field(
        default_factory=dict["tuple[str, int, bool]", float]
    )
    false_deletes: list[str] = field(default_factory=list[str])
    back: list[str] = field(default_factory=list[str])
    illegal: list[str] = field(default_factory=list[str])
    events: int = 0
    notices: int = 0
    sessions: int = 0
    wires: list[str] = field(default_factory=list[str])
    lock: threading.Lock = field(default_factory=threading.Lock)

    def told(self, key: str, resource: Deployment, now: float, *, is_added: bool) -> None:
        """Book an Added or a Modified."""
        self.events += 1
        number = version_of(resource)
        before = self.known.get(key)
        if is_added != (before is None) and not self._is_resumed(is_added=is_added):
            self.illegal.append(f"{'Added' if is_added else 'Modified'} {key} v{number}")
        if before is not None and number < before.version:
            self.back.append(f"{key}: v{number} after v{before.version}")
        with self.lock:
            self.known[key] = Known(resource, number)
        self.first_told.setdefault((key, number, False), now)
        if resource.status.status == STATUS_READY:
            self.first_told.setdefault((key, number, True), now)

    def _is_resumed(self, *, is_added: bool) -> bool:
        """Return whether an Added may be of what is known: a token holds only what is recent."""
        return is_added and self.sessions > 1

    def deleted(self, key: str, reason: str, ledger: Ledger, now: float) -> None:
        """Book a Deleted."""
        self.events += 1
        with self.lock:
            before = self.known.pop(key, None)
        if before is None:
            self.illegal.append(f"Deleted {key}")
            return
        life = ledger.lives.get(key)
        # The deletion of the incarnation that was known: begun after its version's first attempt.
        since = life.versions[before.version].began if life is not None else inf
        if life is None or not any(since <= at <= now for at in life.deletions):
            self.false_deletes.append(f"{key} v{before.version}: {reason}")

    def kept(self, keys: frozenset[str]) -> None:
        """Book a Synced after a resumption: what is not in `keys` is gone."""
        with self.lock:
            self.known = {key: one for key, one in self.known.items() if key in keys}

    def polled(self, began: float, now: float) -> None:
        """Book a Bookmark."""
        if not self.polls or began > self.polls[-1][0]:
            self.polls.append((began, now))


@dataclass(slots=True)
class Verdict:
    """What an account owed.

    Attributes:
        owed: Versions, and READY states, that had to be told.
        lost: Those that were not, by the end.
        late: Those that were told, but after the poll that had to.
        delays: From the answer of a write until it was told.
    """

    owed: int = 0
    lost: list[str] = field(default_factory=list[str])
    late: list[str] = field(default_factory=list[str])
    delays: list[float] = field(default_factory=list[float])
    unbumped: int = 0


def judge(
    ledger: Ledger, account: Account, *, bound: float, commit: float, transition: float
) -> Verdict:
    """Hold an account against the ledger."""
    verdict = Verdict()
    starts = [began for began, _ in account.polls]
    for key, life in ledger.lives.items():
        for version in life.versions:
            if version.answered == inf:
                continue
            told = account.first_told.get((key, version.number, False))
            if told is not None and starts and version.began > starts[0]:
                verdict.delays.append(told - version.answered)
            verdict.unbumped += not version.is_bumped
            for is_ready in (False, True):
                if not is_ready and not version.is_bumped:
                    continue
                # A second step follows the first, and may be late as well.
                there = version.answered + commit + (transition + commit if is_ready else 0.0)
                what = (key, version.number, is_ready)
                _demand(verdict, account, starts, what, due=there + bound, until=version.ended)
    return verdict


def _demand(
    verdict: Verdict,
    account: Account,
    starts: list[float],
    what: tuple[str, int, bool],
    *,
    due: float,
    until: float,
) -> None:
    index = bisect_left(starts, due)
    if index == len(starts) or account.polls[index][1] >= until:
        return
    verdict.owed += 1
    told = account.first_told.get(what)
    label = f"{what[0]} v{what[1]}{' READY' if what[2] else ''}"
    if told is None:
        verdict.lost.append(label)
    elif told > account.polls[index][1]:
        verdict.late.append(f"{label}: {told - account.polls[index][1]:.3f} s")
