"""Cancelled at every await: a poll loop ends there and then, a subscriber loses nothing."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import random
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from coreweave_inference_gen.coreweave.inference.v1alpha1 import deployment_pb2 as pb
from coreweave_inference_gen.coreweave.inference.v1alpha1.deployment_triwire import (
    AsyncDeployments,
)
from tests.watching.fleet import KIND, Fleet, at_ns, brief, deployment
from triwire._typing import override
from triwire.call.aio import AsyncCaller
from triwire.errors import Code, RpcError
from triwire.testing import AsyncManualClock, AsyncMemoryTransport
from triwire.watch import AsyncWatchHub, Synced, WatchOptions
from triwire.watch.budget import RequestBudget
from triwire.watch.engine import Engine
from triwire.watch.feed.aio import AsyncFeed, AsyncMailbox, AsyncTurns

if TYPE_CHECKING:
    from collections.abc import Coroutine, Generator

    from triwire._io import AsyncSignal
    from triwire.spec import RawResponse

T = TypeVar("T")

# Enough for a slice of its own: the loop lets others run between slices.
MANY = 501
INCREMENTAL = WatchOptions(mode="incremental", jitter=0.0)


class HastyClock(AsyncManualClock):
    """A clock that runs as fast as the loop wants."""

    @override
    async def rest(self, signal: AsyncSignal, seconds: float | None) -> None:
        del signal
        await asyncio.sleep(0)
        if seconds is not None:
            self.advance(seconds)


class SlowTransport(AsyncMemoryTransport):
    """Suspends before and after each call."""

    @override
    async def unary(self, *arguments: Any, **options: Any) -> RawResponse:
        await asyncio.sleep(0)
        found = await super().unary(*arguments, **options)
        await asyncio.sleep(0)
        return found


class Injected:
    """Runs a coroutine up to its n-th suspension, and cancels it there."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any], at: int) -> None:
        self._coroutine = coroutine
        self._at = at
        self.suspensions = 0

    def __await__(self) -> Generator[Any, None, Any]:
        try:
            while True:
                waited_for = self._coroutine.send(None)
                if self.suspensions == self._at:
                    # What it waits for goes on without it, as when a task is cancelled.
                    self._coroutine.throw(asyncio.CancelledError())
                    raise AssertionError("it went on waiting after it was cancelled")
                self.suspensions += 1
                yield waited_for
        except StopIteration as end:
            return end.value


class Bench:
    def __init__(self) -> None:
        self.fleet = Fleet(*(deployment(f"n{at}", 1) for at in range(MANY)))
        # Something to read by id: it is about to vanish.
        self.fleet.put(deployment("a", 2, content="1", state="STATUS_DELETING"))
        self.caller = AsyncCaller(SlowTransport([self.fleet.service()]), clock=HastyClock())
        self.hub = AsyncWatchHub.of(
            self.caller,
            rng=random.Random(1),  # noqa: S311 - jitter is no secret
            wall_clock_ns=lambda: at_ns(1e6),
        )
        self.deployments = AsyncDeployments(self.caller)


async def run_until_cancelled(at: int) -> tuple[Bench, AsyncFeed[Any], AsyncMailbox[Any]]:
    """Run a poll loop, and cancel it at its n-th await."""
    bench = Bench()
    engine = Engine(
        KIND,
        pb.ListDeploymentsRequest(),
        server="fleet",
        rng=random.Random(1),  # noqa: S311 - jitter is no secret
        now=0.0,
        wall_clock_ns=at_ns(1e6),
        options=INCREMENTAL,
    )
    feed = AsyncFeed(
        KIND,
        engine,
        bench.caller,
        turns=AsyncTurns(RequestBudget()),
        wall_clock_ns=lambda: at_ns(1e6),
        on_end=lambda _: None,
    )
    mailbox: AsyncMailbox[Any] = AsyncMailbox(is_urgent=False)
    assert feed.join(mailbox)
    with pytest.raises(asyncio.CancelledError):
        await Injected(feed.run(), at)
    return bench, feed, mailbox


@pytest.mark.parametrize("at", range(40))
async def test_a_poll_loop_that_is_cancelled_ends_at_that_await(at: int) -> None:
    bench, feed, mailbox = await run_until_cancelled(at)
    asked = len(bench.fleet.asked)
    for _ in range(5):
        await asyncio.sleep(0)
    assert len(bench.fleet.asked) == asked
    assert not feed.join(mailbox)

    def take_all() -> None:
        while mailbox.take() is not None:
            pass

    # Its subscribers hear of it: a stream that just ends would look like success.
    with pytest.raises(RpcError) as raised:
        take_all()
    assert raised.value.code is Code.CANCELLED


async def test_the_injected_cancellations_meet_lists_gets_slices_and_rests() -> None:
    bench, _, _ = await run_until_cancelled(39)
    assert {entry[0] for entry in bench.fleet.asked} == {"get", "list"}


class GrowingFleet(Fleet):
    """Has another object each time it is listed, up to nine."""

    @override
    def list_deployments(self, request: Any, context: Any, /) -> Any:
        if len(self.objects) < 9:
            self.put(deployment(f"n{len(self.objects)}", len(self.objects), content="1"))
        return super().list_deployments(request, context)


@pytest.mark.parametrize("at", range(9))
async def test_a_step_that_is_cancelled_loses_nothing(at: int) -> None:
    caller = AsyncCaller(SlowTransport([GrowingFleet().service()]), clock=HastyClock())
    told: list[tuple[str, ...]] = []
    async with AsyncDeployments(caller).watch() as watch:

        async def consume() -> None:
            while len(told) < 9:
                told.append(brief(await anext(watch)))

        with pytest.raises(asyncio.CancelledError):
            await Injected(consume(), at)
        await consume()
    assert told == [("added", f"n{at}", "1") for at in range(9)]


@pytest.mark.parametrize("at", range(12))
async def test_closing_ends_the_loop_wherever_it_is(at: int) -> None:
    bench = Bench()
    before = asyncio.all_tasks()
    watch = bench.deployments.watch(options=INCREMENTAL)
    step = asyncio.ensure_future(anext(watch))
    for _ in range(at):
        await asyncio.sleep(0)
    await watch.aclose()
    asked = len(bench.fleet.asked)
    assert asyncio.all_tasks() - before <= {step}
    with contextlib.suppress(StopAsyncIteration):
        await step
    for _ in range(3):
        await asyncio.sleep(0)
    assert len(bench.fleet.asked) == asked


async def test_who_joins_while_a_long_list_is_applied_is_told_each_thing_once() -> None:
    bench = Bench()
    told: list[Any] = []
    async with (
        bench.deployments.watch(options=INCREMENTAL) as first,
        bench.deployments.watch(options=INCREMENTAL, include=(Synced,)) as second,
    ):
        while not told:
            told = await first.drain()
            await asyncio.sleep(0)
        assert len(told) < MANY
        found: list[Any] = []
        # Until the list has been applied, and the Get after it.
        while not any(entry[0] == "get" for entry in bench.fleet.asked):
            found += await second.drain()
            await asyncio.sleep(0)
    (synced,) = (event for event in found if isinstance(event, Synced))
    keys = [event.key for event in found if event is not synced]
    assert len(keys) == len(set(keys)) == MANY + 1
    assert synced.keys == set(keys)


async def test_a_watch_that_is_dropped_leaves_its_loop() -> None:
    bench = Bench()
    before = asyncio.all_tasks()
    watch = bench.deployments.watch()
    await anext(watch)
    assert asyncio.all_tasks() - before
    del watch
    gc.collect()
    for _ in range(10):
        await asyncio.sleep(0)
    assert not asyncio.all_tasks() - before


async def test_a_timeout_around_a_step_is_a_timeout() -> None:
    bench = Bench()
    bench.fleet.objects.clear()
    async with bench.deployments.watch() as watch:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await anext(watch)


async def test_one_task_iterates_at_a_time() -> None:
    bench = Bench()
    bench.fleet.objects.clear()
    async with bench.deployments.watch() as watch:
        first = asyncio.ensure_future(anext(watch))
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="one task"):
            await anext(watch)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first


def test_a_watch_belongs_to_the_loop_of_its_first_step() -> None:
    bench = Bench()
    watch = bench.deployments.watch()

    async def step() -> None:
        await anext(watch)

    asyncio.run(step())
    with pytest.raises(RuntimeError, match="another event loop"):
        asyncio.run(step())
