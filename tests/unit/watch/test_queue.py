"""Whatever the rhythm of taking: a legal history, bounded, that ends in the source's state."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triwire.errors import Code
from triwire.watch.events import (
    Added,
    Bookmark,
    Deleted,
    Failed,
    Identity,
    Modified,
    Reason,
    Synced,
)
from triwire.watch.queue import CoalescingQueue

if TYPE_CHECKING:
    from triwire.watch.events import Event


def identity(key: str, state: int) -> Identity:
    return Identity("scope", key, 1, state, state.to_bytes(16, "big"))


def added(key: str, state: int) -> Added[int]:
    return Added(state, identity=identity(key, state))


def modified(key: str, old: int, state: int, *paths: str) -> Modified[int]:
    return Modified(state, old, frozenset(paths), identity=identity(key, state))


def deleted(key: str, state: int) -> Deleted[int]:
    return Deleted(state, identity=identity(key, state), reason=Reason.NOT_FOUND)


def left(*events: Event[int]) -> list[Event[int]]:
    queue: CoalescingQueue[int] = CoalescingQueue()
    queue.extend(events)
    return drained(queue)


def drained(queue: CoalescingQueue[int]) -> list[Event[int]]:
    found: list[Event[int]] = []
    while (event := queue.take()) is not None:
        found.append(event)
    assert not queue
    return found


@pytest.mark.parametrize(
    ("put", "wanted"),
    [
        pytest.param(
            [added("a", 1), modified("a", 1, 2)], [added("a", 2)], id="added then modified"
        ),
        pytest.param(
            [modified("a", 1, 2, "x"), modified("a", 2, 3, "y")],
            [modified("a", 1, 3, "x", "y")],
            id="modified twice",
        ),
        pytest.param([added("a", 1), deleted("a", 1)], [], id="never known"),
        pytest.param(
            [modified("a", 1, 2), deleted("a", 2)], [deleted("a", 2)], id="modified then deleted"
        ),
        pytest.param(
            [deleted("a", 1), added("a", 2)], [deleted("a", 1), added("a", 2)], id="recreated"
        ),
        pytest.param(
            [deleted("a", 1), added("a", 2), deleted("a", 2)],
            [deleted("a", 1)],
            id="recreated and deleted",
        ),
    ],
)
def test_two_events_of_one_object_become_what_says_the_same(
    put: list[Event[int]], wanted: list[Event[int]]
) -> None:
    assert left(*put) == wanted


def test_what_is_joined_keeps_its_place_before_a_marker() -> None:
    mark = Bookmark("token", 1.0)
    assert left(modified("a", 1, 2), mark, modified("a", 2, 3)) == [modified("a", 1, 3), mark]


def test_of_bookmarks_and_of_failures_only_the_latest_waits() -> None:
    synced = Synced(Reason.SNAPSHOT, frozenset())
    early, late = Bookmark("1", 1.0), Bookmark("2", 2.0)
    first, second = Failed("one", Code.UNAVAILABLE), Failed("two", Code.UNAVAILABLE)
    assert left(early, first, synced, added("a", 1), late, second) == [
        synced,
        added("a", 1),
        late,
        second,
    ]


@given(
    steps=st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from(["change", "drop", "take", "mark"])),
        max_size=60,
    )
)
def test_any_rhythm_sees_a_legal_history_and_ends_in_the_state_of_the_source(
    steps: list[tuple[str, str]],
) -> None:
    queue: CoalescingQueue[int] = CoalescingQueue()
    source: dict[str, int] = {}
    seen: dict[str, int] = {}

    def see(event: Event[int] | None) -> None:
        match event:
            case Added(state):
                assert event.key not in seen
                seen[event.key] = state
            case Modified(state, old):
                assert seen[event.key] == old
                seen[event.key] = state
            case Deleted():
                del seen[event.key]
            case _:
                pass

    for number, (key, step) in enumerate(steps):
        if step == "take":
            see(queue.take())
        elif step == "mark":
            queue.put(Bookmark(str(number), 0.0))
        elif step == "drop":
            if key in source:
                queue.put(deleted(key, source.pop(key)))
        elif key in source:
            queue.put(modified(key, source[key], number))
            source[key] = number
        else:
            queue.put(added(key, number))
            source[key] = number
        assert len(queue) <= 2 * 3 + 1
    for event in drained(queue):
        see(event)
    assert seen == source
