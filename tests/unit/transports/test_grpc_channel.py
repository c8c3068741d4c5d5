"""A channel closes once: when it is no longer wanted and nothing runs on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from triwire._typing import override
from triwire.transports.grpc.channel import CountedChannel

if TYPE_CHECKING:
    from collections.abc import Callable


class FakeChannel:
    def __init__(self) -> None:
        self.made: list[str] = []

    def unary_unary(self, path: str) -> str:
        self.made.append(path)
        return f"unary {path}"

    def stream_stream(self, path: str) -> str:
        self.made.append(path)
        return f"stream {path}"


def counted() -> tuple[CountedChannel, list[object]]:
    closed: list[object] = []
    return CountedChannel(FakeChannel(), path_prefix="/p", close=closed.append), closed


def test_an_idle_channel_closes_when_it_is_retired() -> None:
    channel, closed = counted()
    channel.begin()
    channel.end()
    assert closed == []
    channel.retire()
    channel.retire()
    assert closed == [channel.channel]


def test_a_retired_channel_closes_after_its_last_call() -> None:
    channel, closed = counted()
    channel.begin()
    channel.begin()
    channel.retire()
    channel.end()
    assert closed == []
    channel.end()
    assert closed == [channel.channel]


def test_the_function_of_a_method_is_made_once_with_the_prefix() -> None:
    channel, _ = counted()
    for _ in range(2):
        assert channel.unary["/s/M"] == "unary /p/s/M"
        assert channel.stream["/s/N"] == "stream /p/s/N"
    assert channel.channel.made == ["/p/s/M", "/p/s/N"]


def test_a_call_that_comes_too_late_for_a_retired_channel_is_told_so() -> None:
    channel, closed = counted()
    assert channel.begin()
    channel.retire()
    assert not channel.begin()
    assert closed == []
    channel.end()
    assert not channel.begin()
    assert closed == [channel.channel]


class Interrupted(list[None]):
    """The calls that run, with another thread that acts while one is added."""

    def __init__(self, act: Callable[[], None], *, before: bool) -> None:
        self._act = act
        self._before = before

    @override
    def append(self, item: None) -> None:
        if self._before:
            self._act()
        super().append(item)
        if not self._before:
            self._act()


@pytest.mark.parametrize("before", [True, False])
def test_a_channel_that_is_retired_while_a_call_begins_closes_without_it(*, before: bool) -> None:
    channel, closed = counted()
    channel._running = Interrupted(channel.retire, before=before)  # pyright: ignore[reportPrivateUsage]  # no other way in between
    assert not channel.begin()
    assert closed == [channel.channel]
