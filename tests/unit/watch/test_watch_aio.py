"""A watch from end to end over the memory wire, poll by poll."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import RetryInfo

from coreweave_inference_gen.coreweave.inference.v1alpha1.deployment_triwire import (
    AsyncDeployments,
)
from coreweave_inference_gen.coreweave.inference.v1alpha1.gateway_triwire import AsyncGateways
from tests.watching.clock import AsyncSteppedClock
from tests.watching.fleet import GATEWAY, Fleet, at_ns, brief, deployment, key
from triwire.call.aio import AsyncCaller
from triwire.errors import Code, RpcError
from triwire.testing import AsyncMemoryTransport
from triwire.watch import (
    Added,
    AsyncWatch,
    AsyncWatchHub,
    Bookmark,
    Failed,
    InvalidTokenError,
    Synced,
    TokenExpiredError,
    TokenScopeError,
    WatchOptions,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

INCREMENTAL = WatchOptions(mode="incremental", jitter=0.0)


class Bench:
    """A fleet, and a client of it whose time stands still."""

    def __init__(
        self, *objects: Any, server: str = "fleet", wall_clock_ns: int = at_ns(1e6)
    ) -> None:
        self.fleet = Fleet(*objects)
        self.clock = AsyncSteppedClock()
        self.caller = AsyncCaller(
            AsyncMemoryTransport([self.fleet.service()]), clock=self.clock, server=server
        )
        self.hub = AsyncWatchHub.of(
            self.caller,
            rng=random.Random(7),  # noqa: S311 - jitter is no secret
            wall_clock_ns=lambda: wall_clock_ns,
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


async def history(*, beside_others: bool) -> list[tuple[str, ...]]:
    """Return what a watch is told, perhaps beside one each that sleeps, raises and leaves."""
    bench = Bench(deployment("a", 1, content="1"), deployment("b", 2, content="1"))

    def broken(found: Any) -> bool:
        if found.spec.runtime.version != "1":
            raise LookupError("no such field")
        return True

    told: list[tuple[str, ...]] = []
    async with (
        bench.deployments.watch(include=(Synced,)) as good,
        bench.deployments.watch() as slow,
        bench.deployments.watch(where=broken) as raising,
        bench.deployments.watch() as leaving,
    ):
        told += await bench.events(good, until=0.0)
        if beside_others:
            for other in (slow, raising, leaving):
                assert isinstance(await anext(other), Added)
        for at in range(2, 8):
            bench.fleet.put(deployment("a", 10 * at, content=str(at)))
            bench.fleet.put(deployment("c", 10 * at + 1, created=10 * at + 1, content=str(at)))
            told += await bench.events(good, until=20.0 * at)
            if at == 3 and beside_others:
                assert brief(await anext(raising)) == ("added", "b", "1")
                with pytest.raises(LookupError):
                    await anext(raising)
                await leaving.aclose()
        if beside_others:
            # All that it slept through, in two events for each at most.
            late = await slow.drain()
            assert {event.key: event.object.spec.runtime.version for event in late} == {
                key("a"): "7",
                key("b"): "1",
                key("c"): "7",
            }
            assert len(late) <= 6
    await bench.caller.aclose()
    return told


async def test_one_that_is_slow_raises_or_leaves_changes_nothing_for_another() -> None:
    alone = await history(beside_others=False)
    assert len(alone) > 12
    assert await history(beside_others=True) == alone


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


# -- resuming -----------------------------------------------------------------------------------


async def bookmark(bench: Bench) -> str:
    """Return the token of a watch that has seen the fleet as it is."""
    async with bench.deployments.watch(options=INCREMENTAL, include=(Bookmark,)) as watch:
        await bench.events(watch, until=30.0)
        bench.clock.advance(15.0)
        async for event in watch:
            if isinstance(event, Bookmark):
                return event.token
    raise AssertionError("no bookmark came")


async def test_a_token_goes_on_where_it_was_made(bench: Bench) -> None:
    token = await bookmark(bench)
    bench.fleet.put(deployment("a", 60, content="2"), deployment("c", 61, created=61, content="1"))
    bench.fleet.drop("b")
    later = Bench(*bench.fleet.objects.values())
    async with later.deployments.watch(
        resume=token, options=INCREMENTAL, include=(Synced,)
    ) as watch:
        assert await later.events(watch, until=30.0) == [
            ("modified", "a", "?", "2"),
            ("added", "c", "1"),
            ("synced", "resumed", "2"),
        ]
    await later.caller.aclose()


async def test_a_watch_of_nothing_gives_a_token_too() -> None:
    bench = Bench()
    token = await bookmark(bench)
    later = Bench(deployment("a", 60, content="1"))
    async with later.deployments.watch(resume=token, include=(Synced,)) as watch:
        assert await later.events(watch, until=10.0) == [
            ("added", "a", "1"),
            ("synced", "resumed", "1"),
        ]
    await bench.caller.aclose()
    await later.caller.aclose()


def damaged(token: str) -> str:
    return token[:-4]


def reworded(token: str) -> str:
    return f"not a token: {token}"


@pytest.mark.parametrize(
    ("damage", "where", "wanted"),
    [
        pytest.param(damaged, {}, InvalidTokenError, id="cut"),
        pytest.param(reworded, {}, InvalidTokenError, id="no token"),
        pytest.param(str, {"server": "other"}, TokenScopeError, id="of another server"),
        pytest.param(str, {"kind": "gateways"}, TokenScopeError, id="of another resource"),
        pytest.param(str, {"gateway": GATEWAY}, TokenScopeError, id="of another filter"),
        pytest.param(str, {"days": 2}, TokenExpiredError, id="too old"),
    ],
)
async def test_a_token_that_cannot_be_used_is_refused_or_a_fresh_start(
    bench: Bench, damage: Callable[[str], str], where: dict[str, Any], wanted: type[ValueError]
) -> None:
    token = damage(await bookmark(bench))
    later = Bench(
        deployment("a", 1, content="1"),
        server=where.get("server", "fleet"),
        wall_clock_ns=at_ns(1e6 + 86_400 * where.get("days", 0)),
    )
    filters: Any = {"parent_gateway_id": where["gateway"]} if "gateway" in where else {}
    if where.get("kind") == "gateways":
        with pytest.raises(wanted):
            AsyncGateways(later.caller).watch(resume=token)
        return
    with pytest.raises(wanted):
        later.deployments.watch(resume=token, **filters)
    assert not later.fleet.asked
    async with later.deployments.watch(
        resume=token, on_expired="snapshot", include=(Synced,), **filters
    ) as watch:
        assert await later.events(watch, until=0.0) == [
            ("added", "a", "1"),
            ("synced", "expired", "1"),
        ]
    await later.caller.aclose()


async def test_a_token_of_another_organization_is_refused_by_the_first_list(bench: Bench) -> None:
    token = await bookmark(bench)
    later = Bench(deployment("x", 50, content="1", owner="org-b"))
    watch = later.deployments.watch(resume=token)
    await watch.drain()
    await later.clock.settle()
    later.clock.advance(20.0)
    with pytest.raises(TokenScopeError, match="another tenant"):
        await anext(watch)
    async with later.deployments.watch(
        resume=token, on_expired="snapshot", include=(Synced,)
    ) as fresh:
        assert await later.events(fresh, until=60.0) == [
            ("added", "x", "1"),
            ("synced", "expired", "1"),
        ]
    await later.caller.aclose()


async def test_another_organization_than_before_ends_the_watch(bench: Bench) -> None:
    watch = bench.deployments.watch()
    await bench.events(watch, until=0.0)
    bench.fleet.objects.clear()
    bench.fleet.put(deployment("x", 50, content="1", owner="org-b"))
    bench.clock.advance(20.0)
    with pytest.raises(RpcError, match="another tenant") as raised:
        await anext(watch)
    assert raised.value.code is Code.FAILED_PRECONDITION


# -- answers that are not as they should be -----------------------------------------------------


async def test_objects_without_an_update_time_are_listed_in_full(bench: Bench) -> None:
    for each in bench.fleet.objects.values():
        each.status.ClearField("updated_at")
    async with bench.deployments.watch(options=INCREMENTAL) as watch:
        await bench.events(watch, until=0.0)
        changed = deployment("a", 1, content="2")
        changed.status.ClearField("updated_at")
        bench.fleet.put(changed)
        # Held until no replica can show an older one, since nothing says which is newer.
        assert await bench.events(watch, until=60.0) == [("modified", "a", "1", "2")]
    assert set(bench.fleet.lists) == {None}


async def test_of_an_id_that_repeats_the_newest_counts(bench: Bench) -> None:
    old, new = deployment("a", 1, content="1"), deployment("a", 5, content="2")
    bench.fleet.put(new)
    bench.fleet.answers.append([new, old, deployment("b", 2, content="1"), old])
    async with bench.deployments.watch() as watch:
        assert await bench.events(watch, until=30.0) == [("added", "b", "1"), ("added", "a", "2")]


async def test_an_empty_answer_after_a_full_one_deletes_nothing(bench: Bench) -> None:
    bench.fleet.put(*(deployment(f"n{at}", 3) for at in range(40)))
    async with bench.deployments.watch(include=(Failed,)) as watch:
        await bench.events(watch, until=30.0)
        bench.fleet.answers.append([])
        (doubt,) = await bench.events(watch, until=120.0)
        assert doubt[0] == "failed"
        assert "42 of 42" in doubt[1]


async def test_a_relist_tells_deletions(bench: Bench) -> None:
    async with bench.deployments.watch(options=INCREMENTAL) as watch:
        await bench.events(watch, until=100.0)
        bench.fleet.drop("a")
        assert await bench.events(watch, until=500.0) == [("deleted", "a", "not-found")]


async def test_failed_polls_back_off(bench: Bench) -> None:
    async with bench.deployments.watch() as watch:
        await bench.events(watch, until=0.0)
        asked = len(bench.fleet.asked)
        bench.fleet.answers.extend([RpcError(Code.UNAVAILABLE, "down")] * 1000)
        await bench.events(watch, until=3600.0)
        # An hour at the fast interval would be 1800 requests.
        assert 60 < len(bench.fleet.asked) - asked < 200
        # The client's own retries would sleep between attempts.
        assert bench.clock.slept == []


async def test_a_servers_pushback_is_kept(bench: Bench) -> None:
    async with bench.deployments.watch() as watch:
        await bench.events(watch, until=0.0)
        wait = await bench.clock.settle()
        bench.fleet.answers.append(
            RpcError(Code.RESOURCE_EXHAUSTED, "slower", details=[retry_info(100)])
        )
        await bench.clock.step()
        assert await bench.clock.settle() >= wait + 100


def retry_info(seconds: int) -> RetryInfo:
    return RetryInfo(retry_delay=Duration(seconds=seconds))


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        pytest.param({"include": (Added,)}, TypeError, id="include what is always told"),
        pytest.param({"include": ("synced",)}, TypeError, id="include by name"),
        pytest.param({"resume": b"token"}, TypeError, id="a token of bytes"),
        pytest.param({"parent_gateway": GATEWAY}, TypeError, id="an unknown filter"),
        pytest.param({"updated_after": datetime.now(UTC)}, ValueError, id="the cursor itself"),
    ],
)
async def test_misuse_is_refused_before_any_request(
    bench: Bench, arguments: dict[str, Any], wanted: type[Exception]
) -> None:
    with pytest.raises(wanted):
        bench.deployments.watch(**arguments)
    assert not bench.fleet.asked
