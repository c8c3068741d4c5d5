"""A watch from end to end over the memory wire, poll by poll."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest

from coreweave_inference_gen.coreweave.inference.v1alpha1.deployment_triwire import (
    AsyncDeployments,
)
from tests.watching.clock import AsyncSteppedClock
from tests.watching.fleet import GATEWAY, Fleet, at_ns, brief, deployment, key
from triwire.call.aio import AsyncCaller
from triwire.errors import Code, RpcError
from triwire.testing import AsyncMemoryTransport
from triwire.watch import AsyncWatch, AsyncWatchHub, Failed, Synced, WatchOptions

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

INCREMENTAL = WatchOptions(mode="incremental", jitter=0.0)


class Bench:
    """A fleet, and a client of it whose time stands still."""

    def __init__(self, *objects: Any) -> None:
        self.fleet = Fleet(*objects)
        self.clock = AsyncSteppedClock()
        self.caller = AsyncCaller(
            AsyncMemoryTransport([self.fleet.service()]), clock=self.clock, server="fleet"
        )
        self.hub = AsyncWatchHub.of(
            self.caller,
            rng=random.Random(7),  # noqa: S311 - jitter is no secret
            wall_clock_ns=lambda: at_ns(1e6),
        )
        self.deployments = AsyncDeployments(self.caller)

    async def events(self, watch: AsyncWatch[Any], *, until: float) -> list[tuple[str, ...]]:
        """Let the poll loop live up to a time, and return in short what it told."""
        found = await watch.drain()
        await self.clock.settle()
        found += await watch.drain()
        while await self.clock.step(until=until):
            found += await watch.drain()
        return [brief(event) for event in found]


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    bench = Bench(deployment("a", 1, content="1"), deployment("b", 2, content="1"))
    yield bench
    await bench.caller.aclose()


async def test_a_watch_tells_what_is_there_and_then_what_changes(bench: Bench) -> None:
    async with bench.deployments.watch(options=INCREMENTAL, include=(Synced,)) as watch:
        assert await bench.events(watch, until=0.0) == [
            ("added", "a", "1"),
            ("added", "b", "1"),
            ("synced", "snapshot", "2"),
        ]
        bench.fleet.put(deployment("a", 20, content="2"), deployment("c", 21, content="1"))
        assert await bench.events(watch, until=20.0) == [
            ("modified", "a", "1", "2"),
            ("added", "c", "1"),
        ]
        bench.fleet.drop("c")
        assert await bench.events(watch, until=60.0) == [("deleted", "c", "not-found")]


async def test_lists_ask_from_below_the_watermark_in_incremental_mode(bench: Bench) -> None:
    async with bench.deployments.watch(options=INCREMENTAL) as watch:
        await bench.events(watch, until=40.0)
    first, second, *rest = bench.fleet.lists
    assert first is None
    assert second is not None
    assert at_ns(1) in rest


async def test_small_answers_are_listed_in_full(bench: Bench) -> None:
    async with bench.deployments.watch() as watch:
        await bench.events(watch, until=40.0)
    assert set(bench.fleet.lists) == {None}


# -- filters ------------------------------------------------------------------------------------


async def test_the_servers_filter_goes_along_and_leaving_it_is_told(bench: Bench) -> None:
    other = key("other gateway")
    bench.fleet.put(deployment("c", 3, gateways=[other]))
    async with bench.deployments.watch(parent_gateway_id=GATEWAY, options=INCREMENTAL) as watch:
        assert await bench.events(watch, until=0.0) == [("added", "a", "1"), ("added", "b", "1")]
        bench.fleet.put(deployment("a", 20, gateways=[other], content="2"))
        assert await bench.events(watch, until=40.0) == [("deleted", "a", "deselected")]
    assert {entry[2] for entry in bench.fleet.asked if entry[0] == "list"} == {GATEWAY}


async def test_a_predicate_selects_on_this_side(bench: Bench) -> None:
    async with bench.deployments.watch(
        where=lambda found: found.spec.runtime.version == "1", include=(Synced,)
    ) as watch:
        bench.fleet.put(deployment("c", 3, content="2"))
        assert await bench.events(watch, until=0.0) == [
            ("added", "a", "1"),
            ("added", "b", "1"),
            ("synced", "snapshot", "2"),
        ]
        bench.fleet.put(deployment("a", 20, content="2"), deployment("c", 21, content="1"))
        assert await bench.events(watch, until=20.0) == [
            ("deleted", "a", "deselected"),
            ("added", "c", "1"),
        ]


async def test_a_predicate_that_raises_ends_its_own_watch_with_the_cause(bench: Bench) -> None:
    def broken(_: object) -> bool:
        raise LookupError("no such field")

    async with (
        bench.deployments.watch(where=broken) as bad,
        bench.deployments.watch() as good,
    ):
        assert await bench.events(good, until=0.0) == [("added", "a", "1"), ("added", "b", "1")]
        with pytest.raises(LookupError, match="no such field"):
            await anext(bad)
        with pytest.raises(StopAsyncIteration):
            await anext(bad)
        bench.fleet.put(deployment("c", 20, content="1"))
        assert await bench.events(good, until=20.0) == [("added", "c", "1")]


# -- sharing ------------------------------------------------------------------------------------


async def test_watches_that_ask_for_the_same_share_their_requests(bench: Bench) -> None:
    async with bench.deployments.watch() as first:
        await bench.events(first, until=20.0)
        asked = len(bench.fleet.asked)
        async with bench.deployments.watch(include=(Synced,)) as second:
            found = [brief(event) for event in await second.drain()]
            assert sorted(found) == [
                ("added", "a", "1"),
                ("added", "b", "1"),
                ("synced", "snapshot", "2"),
            ]
            assert len(bench.fleet.asked) == asked
            bench.fleet.put(deployment("a", 30, content="2"))
            change = [("modified", "a", "1", "2")]
            assert await bench.events(first, until=40.0) == change
            assert [brief(event) for event in await second.drain()] == change


async def test_the_last_watch_ends_the_poll_loop(bench: Bench) -> None:
    first, second = bench.deployments.watch(), bench.deployments.watch()
    await bench.events(first, until=0.0)
    await second.drain()
    await first.aclose()
    bench.fleet.put(deployment("a", 20, content="2"))
    assert await bench.events(second, until=30.0) == [("modified", "a", "1", "2")]
    await second.aclose()
    asked = len(bench.fleet.asked)
    bench.clock.advance(1000.0)
    assert len(bench.fleet.asked) == asked


async def test_closing_the_client_ends_watches_with_an_error(bench: Bench) -> None:
    watch = bench.deployments.watch()
    await bench.events(watch, until=0.0)
    await bench.caller.aclose()
    with pytest.raises(ValueError, match="closed"):
        await anext(watch)


# -- ends and failures --------------------------------------------------------------------------


async def test_an_outage_is_told_on_request_and_raises_nothing(bench: Bench) -> None:
    async with bench.deployments.watch(include=(Failed,)) as watch:
        await bench.events(watch, until=0.0)
        bench.fleet.answers.extend([RpcError(Code.UNAVAILABLE, "down")] * 30)
        assert await bench.events(watch, until=120.0) == [("failed", "down")]
        bench.fleet.answers.clear()
        bench.fleet.put(deployment("c", 20, content="1"))
        assert await bench.events(watch, until=300.0) == [("added", "c", "1")]


async def test_what_is_fatal_is_raised_after_what_came_before(bench: Bench) -> None:
    watch = bench.deployments.watch()
    bench.fleet.answers.extend([None, RpcError(Code.INVALID_ARGUMENT, "not so")])
    first = [brief(await anext(watch)), brief(await anext(watch))]
    assert first == [("added", "a", "1"), ("added", "b", "1")]
    await bench.clock.settle()
    bench.clock.advance(20.0)
    with pytest.raises(RpcError, match="not so") as raised:
        await anext(watch)
    assert raised.value.code is Code.INVALID_ARGUMENT
    with pytest.raises(StopAsyncIteration):
        await anext(watch)
    again = bench.deployments.watch()
    assert brief(await anext(again)) == ("added", "a", "1")
    await again.aclose()
