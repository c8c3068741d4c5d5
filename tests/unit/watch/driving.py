"""Drives a tracker by hand: objects are texts, stamps are seconds after an arbitrary start."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from triwire.watch.actions import GetOne, ListAll, ListSince, Why
from triwire.watch.events import Added, Bookmark, Deleted, Event, Failed, Modified, Synced
from triwire.watch.observation import ListAnswer, Observation, Phase
from triwire.watch.options import WatchOptions
from triwire.watch.tracker import Tracker

if TYPE_CHECKING:
    from collections.abc import Iterable

    from triwire.watch.checkpoint import Checkpoint

NS = 1_000_000_000
START_NS = 1_700_000_000 * NS

Seen = Observation[str]


def at_ns(seconds: float) -> int:
    """Give the stamp at a number of seconds."""
    return START_NS + round(seconds * NS)


def seen(
    key: str,
    updated: float,
    content: str = "a",
    *,
    created: float = 0.0,
    phase: Phase = Phase.SETTLED,
    selected: bool = True,
) -> Seen:
    """Make an observation."""
    return Observation(
        key=key,
        created_ns=at_ns(created),
        updated_ns=at_ns(updated),
        fingerprint=content.encode().ljust(16, b"\0"),
        object=content,
        phase=phase,
        selected=selected,
    )


def brief(events: Iterable[Event[str]]) -> list[tuple[str, ...]]:
    """Give what matters of events: the class, the key, and old and new content."""
    out: list[tuple[str, ...]] = []
    for event in events:
        match event:
            case Added(content):
                out.append(("added", event.key, content))
            case Modified(content, old):
                out.append(("modified", event.key, f"{old}->{content}"))
            case Deleted(content):
                out.append(("deleted", event.key, content))
            case Synced(reason):
                out.append(("synced", reason.value))
            case Bookmark():
                out.append(("bookmark",))
            case Failed():
                out.append(("failed", "fatal" if event.is_fatal else "outage"))
    return out


class Drive:
    """A tracker without jitter, and the time."""

    def __init__(
        self, checkpoint: Checkpoint[str] | None = None, *, now: float = 0.0, **options: Any
    ) -> None:
        settings: dict[str, Any] = {"mode": "incremental", "jitter": 0.0, "ladder": (), **options}
        self.tracker: Tracker[str] = Tracker(
            "scope",
            random.Random(1),  # noqa: S311 - repeatable, no secret
            options=WatchOptions(**settings),
            changed_paths=lambda _old, new: frozenset({f"to.{new}"}),
            checkpoint=checkpoint,
            now=now,
        )

    def full(
        self, items: Iterable[Seen], at: float, *, why: Why = Why.RELIST, **answer: Any
    ) -> list[Event[str]]:
        """Answer a full list that takes a tenth of a second."""
        return self.tracker.on_list(
            ListAll(why), ListAnswer(tuple(items), **answer), started=at, ended=at + 0.1
        )

    def cursor(self, at: float) -> int:
        """Give what a poll at a time would ask from."""
        action = self.tracker.plan(at)
        assert isinstance(action, ListSince), action
        return action.cursor_ns

    def poll(
        self,
        items: Iterable[Seen],
        at: float,
        *,
        cursor: int | None = None,
        why: Why = Why.POLL,
        **answer: Any,
    ) -> list[Event[str]]:
        """Answer a poll with those of the items that an exclusive server would give."""
        closed = self.tracker.closed_ns
        since = (closed or 0) - NS if cursor is None else cursor
        found = tuple(one for one in items if one.updated_ns > since)
        return self.tracker.on_list(
            ListSince(since, why), ListAnswer(found, **answer), started=at, ended=at + 0.1
        )

    def get(
        self, key: str, found: Seen | None, at: float, *, why: Why = Why.CONFIRM
    ) -> list[Event[str]]:
        """Answer a Get."""
        return self.tracker.on_get(GetOne(key, why), found, started=at, ended=at + 0.1)

    def boot(self, items: Iterable[Seen]) -> Drive:
        """List twice, so that the watermark has a value."""
        items = tuple(items)
        self.full(items, 0.0, why=Why.SYNC)
        self.full(items, 11.0, why=Why.CLOSE)
        return self

    def gets(self, at: float) -> list[str]:
        """Give the keys that may be asked for by Get at a time, all of them at once."""
        listing = ListAll(Why.POLL)
        self.tracker.begin(listing)
        asked = list[GetOne]()
        while isinstance(action := self.tracker.plan(at), GetOne):
            self.tracker.begin(action)
            asked.append(action)
        self.tracker.abandon(listing)
        for request in asked:
            self.tracker.abandon(request)
        return [request.key for request in asked]
