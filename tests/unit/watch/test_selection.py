"""What a predicate makes of a stream of all objects."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triwire.watch.events import (
    Added,
    Bookmark,
    Deleted,
    Event,
    Identity,
    Modified,
    Reason,
    Synced,
)
from triwire.watch.selection import Selection


def identity(key: str, state: int) -> Identity:
    return Identity("scope", key, 1, state, bytes(16))


def is_even(state: int) -> bool:
    return state % 2 == 0


def selected(*events: Event[int], resumed: bool = False) -> list[tuple[object, ...]]:
    selection = Selection(is_even, is_resumed=resumed)
    found = [selection.of(event) for event in events]
    return [
        (type(event).__name__, event.object, event.reason.value)
        if isinstance(event, Added | Modified | Deleted)
        else (type(event).__name__,)
        for event in found
        if event is not None
    ]


def added(state: int, key: str = "a") -> Added[int]:
    return Added(state, identity=identity(key, state))


def modified(old: int | None, state: int, key: str = "a") -> Modified[int]:
    return Modified(state, old, identity=identity(key, state))


def deleted(state: int, key: str = "a") -> Deleted[int]:
    return Deleted(state, identity=identity(key, state), reason=Reason.NOT_FOUND)


def test_objects_come_in_and_go_out_as_they_match() -> None:
    assert selected(added(1), modified(1, 2), modified(2, 4), modified(4, 5), deleted(5)) == [
        ("Added", 2, "reselected"),
        ("Modified", 4, "listed"),
        ("Deleted", 5, "deselected"),
    ]


def test_the_end_of_a_selected_object_is_told() -> None:
    assert selected(added(2), deleted(2), added(1), deleted(1)) == [
        ("Added", 2, "listed"),
        ("Deleted", 2, "not-found"),
    ]


def test_synced_names_the_selected_only() -> None:
    selection = Selection(is_even, is_resumed=False)
    for event in (added(1, "a"), added(2, "b")):
        selection.of(event)
    synced = selection.of(Synced(Reason.SNAPSHOT, frozenset({"a", "b"})))
    assert synced == Synced(Reason.SNAPSHOT, frozenset({"b"}))


def test_bookmarks_pass() -> None:
    assert selected(Bookmark("token", 0.0)) == [("Bookmark",)]


def test_after_a_resume_what_ceased_to_match_meanwhile_is_reported_once() -> None:
    assert selected(modified(None, 3), modified(3, 5), resumed=True) == [
        ("Deleted", 3, "deselected")
    ]


def test_after_a_resume_an_object_that_was_selected_all_along_is_modified() -> None:
    assert selected(modified(2, 4), deleted(4), resumed=True) == [
        ("Modified", 4, "listed"),
        ("Deleted", 4, "not-found"),
    ]


def test_after_a_resume_the_end_of_an_object_that_never_matched_is_not_told() -> None:
    assert selected(deleted(3), added(5, "b"), deleted(5, "b"), resumed=True) == []


def test_after_a_resume_the_keys_of_synced_are_those_of_all_objects() -> None:
    selection = Selection(is_even, is_resumed=True)
    synced: Synced = Synced(Reason.RESUMED, frozenset({"a"}))
    assert selection.of(synced) is synced


def test_what_the_predicate_raises_comes_out() -> None:
    def broken(_: int) -> bool:
        raise LookupError("no such field")

    with pytest.raises(LookupError, match="no such field"):
        Selection(broken, is_resumed=False).of(added(1))


@given(states=st.lists(st.integers(0, 9) | st.none(), max_size=30))
def test_any_history_stays_legal_and_ends_with_what_matches(states: list[int | None]) -> None:
    selection = Selection(is_even, is_resumed=False)
    last: int | None = None
    known: int | None = None
    for state in states:
        event: Event[int]
        if state is None:
            if last is None:
                continue
            event = deleted(last)
        else:
            event = added(state) if last is None else modified(last, state)
        last = state
        match selection.of(event):
            case Added(new):
                assert known is None
                known = new
            case Modified(new):
                assert known is not None
                known = new
            case Deleted():
                assert known is not None
                known = None
            case _:
                pass
    assert known == (last if last is not None and is_even(last) else None)
