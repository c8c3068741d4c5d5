from __future__ import annotations

from triwire.watch.tail import Tail

GUARD = 1_000
CLOSED = 50_000


def crowded() -> Tail:
    tail = Tail(limit=2)
    tail.after_poll(CLOSED, cursor_ns=CLOSED - GUARD, unchanged=3, at_closed=3)
    return tail


def ask(tail: Tail, closed: int = CLOSED) -> int:
    return tail.cursor_ns(closed, guard_ns=GUARD) - closed


def test_a_few_objects_under_the_stamp_do_not_matter() -> None:
    tail = Tail(limit=2)
    tail.after_poll(CLOSED, cursor_ns=CLOSED - GUARD, unchanged=2, at_closed=2)
    assert ask(tail) == -GUARD


def test_a_server_that_does_not_round_up_is_asked_from_the_stamp_itself() -> None:
    tail = crowded()
    assert ask(tail) == -1
    tail.after_poll(CLOSED, cursor_ns=CLOSED - 1, unchanged=3, at_closed=3)
    assert ask(tail) == 0
    tail.after_poll(CLOSED, cursor_ns=CLOSED, unchanged=0, at_closed=0)
    assert ask(tail) == 0


def test_a_server_that_rounds_up_keeps_its_guard() -> None:
    tail = crowded()
    tail.after_poll(CLOSED, cursor_ns=CLOSED - 1, unchanged=0, at_closed=0)
    assert ask(tail) == -GUARD
    tail.after_poll(CLOSED, cursor_ns=CLOSED - GUARD, unchanged=3, at_closed=3)
    assert ask(tail) == -GUARD


def test_an_inclusive_server_is_asked_one_nanosecond_later() -> None:
    tail = crowded()
    tail.after_poll(CLOSED, cursor_ns=CLOSED - 1, unchanged=3, at_closed=3)
    tail.after_poll(CLOSED, cursor_ns=CLOSED, unchanged=3, at_closed=3)
    assert ask(tail) == 1
    tail.after_poll(CLOSED, cursor_ns=CLOSED + 1, unchanged=0, at_closed=0)
    assert ask(tail) == 1


def test_every_sixteenth_poll_has_the_guard() -> None:
    tail = crowded()
    tail.after_poll(CLOSED, cursor_ns=CLOSED - 1, unchanged=3, at_closed=3)
    asked = list[int]()
    for _ in range(32):
        asked.append(ask(tail))
        tail.after_poll(CLOSED, cursor_ns=CLOSED + asked[-1], unchanged=0, at_closed=0)
    assert [at for at, one in enumerate(asked) if one == -GUARD] == [14, 30]


def test_a_poll_that_was_asked_with_the_guard_proves_nothing() -> None:
    tail = crowded()
    tail.after_poll(CLOSED, cursor_ns=CLOSED - GUARD, unchanged=3, at_closed=3)
    assert ask(tail) == -1


def test_once_the_watermark_moves_the_guard_is_back() -> None:
    tail = crowded()
    tail.after_poll(CLOSED, cursor_ns=CLOSED - 1, unchanged=3, at_closed=3)
    assert ask(tail, CLOSED + 5) == -GUARD
