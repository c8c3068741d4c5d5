"""A function that remembers its last result."""

from __future__ import annotations

import pytest

from triwire.transports.remembered import Remembered


def noted() -> tuple[Remembered[..., str], list[tuple[int, int]]]:
    asked: list[tuple[int, int]] = []

    def divided(value: int, *, by: int = 1) -> str:
        asked.append((value, by))
        return str(value // by)

    return Remembered(divided), asked


def test_equal_arguments_in_a_row_are_asked_once() -> None:
    remembered, asked = noted()
    assert [remembered(1), remembered(1), remembered(4, by=2), remembered(4, by=2)] == list("1122")
    assert asked == [(1, 1), (4, 2)]


def test_only_the_last_is_kept() -> None:
    remembered, asked = noted()
    assert [remembered(value, by=by) for value, by in ((1, 1), (2, 1), (2, 2), (1, 1))] == [
        "1",
        "2",
        "1",
        "1",
    ]
    assert len(asked) == 4


def test_a_failure_is_not_remembered() -> None:
    remembered, asked = noted()
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            remembered(1, by=0)
    assert asked == [(1, 0), (1, 0)]
