"""A channel closes once: when it is no longer wanted and nothing runs on it."""

from __future__ import annotations

from triwire.transports.grpc.channel import CountedChannel


class FakeChannel:
    def __init__(self) -> None:
        self.made: list[str] = []

    def unary_unary(self, path: str) -> str:
        self.made.append(path)
        return f"unary {path}"


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
    assert channel.method("unary_unary", "/s/M") == "unary /p/s/M"
    assert channel.method("unary_unary", "/s/M") == "unary /p/s/M"
    assert channel.channel.made == ["/p/s/M"]
