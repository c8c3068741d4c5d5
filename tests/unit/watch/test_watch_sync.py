# Generated from tests/unit/watch/test_watch_aio.py by scripts/unasync.py. DO NOT EDIT.
"""A watch from end to end over the memory wire, poll by poll."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import RetryInfo

from coreweave_inference_gen.coreweave.inference.v1alpha1.deployment_triwire import (
    Deployments,
)
from coreweave_inference_gen.coreweave.inference.v1alpha1.gateway_triwire import Gateways
from tests.watching.clock import SteppedClock
from tests.watching.fleet import GATEWAY, Fleet, at_ns, brief, deployment, key
from triwire.call.sync import Caller
from triwire.errors import Code, RpcError
from triwire.testing import MemoryTransport
from triwire.watch import (
    Added,
    Bookmark,
    Failed,
    InvalidTokenError,
    Synced,
    TokenExpiredError,
    TokenScopeError,
    Watch,
    WatchHub,
    WatchOptions,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

INCREMENTAL = WatchOptions(mode="incremental", jitter=0.0)


class Bench:
    """A fleet, and a client of it whose time stands still."""

    def __init__(
        self, *objects: Any, server: str = "fleet", wall_clock_ns: int = at_ns(1e6)
    ) -> None:
        self.fleet = Fleet(*objects)
        self.clock = SteppedClock()
        self.caller = Caller(
            MemoryTransport([self.fleet.service()]), clock=self.clock, server=server
        )
        self.hub = WatchHub.of(
            self.caller,
            rng=random.Random(7),  # noqa: S311 - jitter is no secret
            wall_clock_ns=lambda: wall_clock_ns,
        )
        self.deployments = Deployments(self.caller)

    def events(self, watch: Watch[Any], *, until: float) -> list[tuple[str, ...]]:
        """Let the poll loop live up to a time, and return in short what it told."""
        found = watch.drain()
        self.clock.settle()
        found += watch.drain()
        while self.clock.step(until=until):
            found += watch.drain()
        return [brief(event) for event in found]


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench(deployment("a", 1, content="1"), deployment("b", 2, content="1"))
    yield bench
    bench.caller.close()


def test_a_watch_tells_what_is_there_and_then_what_changes(bench: Bench) -> None:
    with bench.deployments.watch(options=INCREMENTAL, include=(Synced,)) as watch:
        assert bench.events(watch, until=0.0) == [
            ("added", "a", "1"),
            ("added", "b", "1"),
            ("synced", "snapshot", "2"),
        ]
        bench.fleet.put(deployment("a", 20, content="2"), deployment("c", 21, content="1"))
        assert bench.events(watch, until=20.0) == [
            ("modified", "a", "1", "2"),
            ("added", "c", "1"),
        ]
        bench.fleet.drop("c")
        assert bench.events(watch, until=60.0) == [("deleted", "c", "not-found")]


def test_lists_ask_from_below_the_watermark_in_incremental_mode(bench: Bench) -> None:
    with bench.deployments.watch(options=INCREMENTAL) as watch:
        bench.events(watch, until=40.0)
    first, second, *rest = bench.fleet.lists
    assert first is None
    assert second is not None
    assert at_ns(1) in rest


def test_small_answers_are_listed_in_full(bench: Bench) -> None:
    with bench.deployments.watch() as watch:
        bench.events(watch, until=40.0)
    assert set(bench.fleet.lists) == {None}


# -- filters ------------------------------------------------------------------------------------


def test_the_servers_filter_goes_along_and_leaving_it_is_told(bench: Bench) -> None:
    other = key("other gateway")
    bench.fleet.put(deployment("c", 3, gateways=[other]))
    with bench.deployments.watch(parent_gateway_id=GATEWAY, options=INCREMENTAL) as watch:
        assert bench.events(watch, until=0.0) == [("added", "a", "1"), ("added", "b", "1")]
        bench.fleet.put(deployment("a", 20, gateways=[other], content="2"))
        assert bench.events(watch, until=40.0) == [("deleted", "a", "deselected")]
    assert {entry[2] for entry in bench.fleet.asked if entry[0] == "list"} == {GATEWAY}


def test_a_predicate_selects_on_this_side(bench: Bench) -> None:
    with bench.deployments.watch(
        where=lambda found: found.spec.runtime.version == "1", include=(Synced,)
    ) as watch:
        bench.fleet.put(deployment("c", 3, content="2"))
        assert bench.events(watch, until=0.0) == [
            ("added", "a", "1"),
            ("added", "b", "1"),
            ("synced", "snapshot", "2"),
        ]
        bench.fleet.put(deployment("a", 20, content="2"), deployment("c", 21, content="1"))
        assert bench.events(watch, until=20.0) == [
            ("deleted", "a", "deselected"),
            ("added", "c", "1"),
        ]


def test_a_predicate_that_raises_ends_its_own_watch_with_the_cause(bench: Bench) -> None:
    def broken(_: object) -> bool:
        raise LookupError("no such field")

    with (
        bench.deployments.watch(where=broken) as bad,
        bench.deployments.watch() as good,
    ):
        assert bench.events(good, until=0.0) == [("added", "a", "1"), ("added", "b", "1")]
        with pytest.raises(LookupError, match="no such field"):
            next(bad)
        with pytest.raises(StopIteration):
            next(bad)
        bench.fleet.put(deployment("c", 20, content="1"))
        assert bench.events(good, until=20.0) == [("added", "c", "1")]


# -- sharing ------------------------------------------------------------------------------------


def test_watches_that_ask_for_the_same_share_their_requests(bench: Bench) -> None:
    with bench.deployments.watch() as first:
        bench.events(first, until=20.0)
        asked = len(bench.fleet.asked)
        with bench.deployments.watch(include=(Synced,)) as second:
            found = [brief(event) for event in second.drain()]
            assert sorted(found) == [
                ("added", "a", "1"),
                ("added", "b", "1"),
                ("synced", "snapshot", "2"),
            ]
            assert len(bench.fleet.asked) == asked
            bench.fleet.put(deployment("a", 30, content="2"))
            change = [("modified", "a", "1", "2")]
            assert bench.events(first, until=40.0) == change
            assert [brief(event) for event in second.drain()] == change


def history(*, beside_others: bool) -> list[tuple[str, ...]]:
    """Return what a watch is told, perhaps beside one each that sleeps, raises and leaves."""
    bench = Bench(deployment("a", 1, content="1"), deployment("b", 2, content="1"))

    def broken(found: Any) -> bool:
        if found.spec.runtime.version != "1":
            raise LookupError("no such field")
        return True

    told: list[tuple[str, ...]] = []
    with (
        bench.deployments.watch(include=(Synced,)) as good,
        bench.deployments.watch() as slow,
        bench.deployments.watch(where=broken) as raising,
        bench.deployments.watch() as leaving,
    ):
        told += bench.events(good, until=0.0)
        if beside_others:
            for other in (slow, raising, leaving):
                assert isinstance(next(other), Added)
        for at in range(2, 8):
            bench.fleet.put(deployment("a", 10 * at, content=str(at)))
            bench.fleet.put(deployment("c", 10 * at + 1, created=10 * at + 1, content=str(at)))
            told += bench.events(good, until=20.0 * at)
            if at == 3 and beside_others:
                assert brief(next(raising)) == ("added", "b", "1")
                with pytest.raises(LookupError):
                    next(raising)
                leaving.close()
        if beside_others:
            # All that it slept through, in two events for each at most.
            late = slow.drain()
            assert {event.key: event.object.spec.runtime.version for event in late} == {
                key("a"): "7",
                key("b"): "1",
                key("c"): "7",
            }
            assert len(late) <= 6
    bench.caller.close()
    return told


def test_one_that_is_slow_raises_or_leaves_changes_nothing_for_another() -> None:
    alone = history(beside_others=False)
    assert len(alone) > 12
    assert history(beside_others=True) == alone


def test_the_last_watch_ends_the_poll_loop(bench: Bench) -> None:
    first, second = bench.deployments.watch(), bench.deployments.watch()
    bench.events(first, until=0.0)
    second.drain()
    first.close()
    bench.fleet.put(deployment("a", 20, content="2"))
    assert bench.events(second, until=30.0) == [("modified", "a", "1", "2")]
    second.close()
    asked = len(bench.fleet.asked)
    bench.clock.advance(1000.0)
    assert len(bench.fleet.asked) == asked


def test_closing_the_client_ends_watches_with_an_error(bench: Bench) -> None:
    watch = bench.deployments.watch()
    bench.events(watch, until=0.0)
    bench.caller.close()
    with pytest.raises(ValueError, match="closed"):
        next(watch)


# -- ends and failures --------------------------------------------------------------------------


def test_an_outage_is_told_on_request_and_raises_nothing(bench: Bench) -> None:
    with bench.deployments.watch(include=(Failed,)) as watch:
        bench.events(watch, until=0.0)
        bench.fleet.answers.extend([RpcError(Code.UNAVAILABLE, "down")] * 30)
        assert bench.events(watch, until=120.0) == [("failed", "down")]
        bench.fleet.answers.clear()
        bench.fleet.put(deployment("c", 20, content="1"))
        assert bench.events(watch, until=300.0) == [("added", "c", "1")]


def test_what_is_fatal_is_raised_after_what_came_before(bench: Bench) -> None:
    watch = bench.deployments.watch()
    bench.fleet.answers.extend([None, RpcError(Code.INVALID_ARGUMENT, "not so")])
    first = [brief(next(watch)), brief(next(watch))]
    assert first == [("added", "a", "1"), ("added", "b", "1")]
    bench.clock.settle()
    bench.clock.advance(20.0)
    with pytest.raises(RpcError, match="not so") as raised:
        next(watch)
    assert raised.value.code is Code.INVALID_ARGUMENT
    with pytest.raises(StopIteration):
        next(watch)
    again = bench.deployments.watch()
    assert brief(next(again)) == ("added", "a", "1")
    again.close()


# -- resuming -----------------------------------------------------------------------------------


def bookmark(bench: Bench) -> str:
    """Return the token of a watch that has seen the fleet as it is."""
    with bench.deployments.watch(options=INCREMENTAL, include=(Bookmark,)) as watch:
        bench.events(watch, until=30.0)
        bench.clock.advance(15.0)
        for event in watch:
            if isinstance(event, Bookmark):
                return event.token
    raise AssertionError("no bookmark came")


def test_a_token_goes_on_where_it_was_made(bench: Bench) -> None:
    token = bookmark(bench)
    bench.fleet.put(deployment("a", 60, content="2"), deployment("c", 61, created=61, content="1"))
    bench.fleet.drop("b")
    later = Bench(*bench.fleet.objects.values())
    with later.deployments.watch(resume=token, options=INCREMENTAL, include=(Synced,)) as watch:
        assert later.events(watch, until=30.0) == [
            ("modified", "a", "?", "2"),
            ("added", "c", "1"),
            ("synced", "resumed", "2"),
        ]
    later.caller.close()


def test_a_watch_of_nothing_gives_a_token_too() -> None:
    bench = Bench()
    token = bookmark(bench)
    later = Bench(deployment("a", 60, content="1"))
    with later.deployments.watch(resume=token, include=(Synced,)) as watch:
        assert later.events(watch, until=10.0) == [
            ("added", "a", "1"),
            ("synced", "resumed", "1"),
        ]
    bench.caller.close()
    later.caller.close()


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
def test_a_token_that_cannot_be_used_is_refused_or_a_fresh_start(
    bench: Bench, damage: Callable[[str], str], where: dict[str, Any], wanted: type[ValueError]
) -> None:
    token = damage(bookmark(bench))
    later = Bench(
        deployment("a", 1, content="1"),
        server=where.get("server", "fleet"),
        wall_clock_ns=at_ns(1e6 + 86_400 * where.get("days", 0)),
    )
    filters: Any = {"parent_gateway_id": where["gateway"]} if "gateway" in where else {}
    if where.get("kind") == "gateways":
        with pytest.raises(wanted):
            Gateways(later.caller).watch(resume=token)
        return
    with pytest.raises(wanted):
        later.deployments.watch(resume=token, **filters)
    assert not later.fleet.asked
    with later.deployments.watch(
        resume=token, on_expired="snapshot", include=(Synced,), **filters
    ) as watch:
        assert later.events(watch, until=0.0) == [
            ("added", "a", "1"),
            ("synced", "expired", "1"),
        ]
    later.caller.close()


def test_a_token_of_another_organization_is_refused_by_the_first_list(bench: Bench) -> None:
    token = bookmark(bench)
    later = Bench(deployment("x", 50, content="1", owner="org-b"))
    watch = later.deployments.watch(resume=token)
    watch.drain()
    later.clock.settle()
    later.clock.advance(20.0)
    with pytest.raises(TokenScopeError, match="another tenant"):
        next(watch)
    with later.deployments.watch(resume=token, on_expired="snapshot", include=(Synced,)) as fresh:
        assert later.events(fresh, until=60.0) == [
            ("added", "x", "1"),
            ("synced", "expired", "1"),
        ]
    later.caller.close()


def test_another_organization_than_before_ends_the_watch(bench: Bench) -> None:
    watch = bench.deployments.watch()
    bench.events(watch, until=0.0)
    bench.fleet.objects.clear()
    bench.fleet.put(deployment("x", 50, content="1", owner="org-b"))
    bench.clock.advance(20.0)
    with pytest.raises(RpcError, match="another tenant") as raised:
        next(watch)
    assert raised.value.code is Code.FAILED_PRECONDITION


# -- answers that are not as they should be -----------------------------------------------------


def test_objects_without_an_update_time_are_listed_in_full(bench: Bench) -> None:
    for each in bench.fleet.objects.values():
        each.status.ClearField("updated_at")
    with bench.deployments.watch(options=INCREMENTAL) as watch:
        bench.events(watch, until=0.0)
        changed = deployment("a", 1, content="2")
        changed.status.ClearField("updated_at")
        bench.fleet.put(changed)
        # Held until no replica can show an older one, since nothing says which is newer.
        assert bench.events(watch, until=60.0) == [("modified", "a", "1", "2")]
    assert set(bench.fleet.lists) == {None}


def test_of_an_id_that_repeats_the_newest_counts(bench: Bench) -> None:
    old, new = deployment("a", 1, content="1"), deployment("a", 5, content="2")
    bench.fleet.put(new)
    bench.fleet.answers.append([new, old, deployment("b", 2, content="1"), old])
    with bench.deployments.watch() as watch:
        assert bench.events(watch, until=30.0) == [("added", "b", "1"), ("added", "a", "2")]


def test_an_empty_answer_after_a_full_one_deletes_nothing(bench: Bench) -> None:
    bench.fleet.put(*(deployment(f"n{at}", 3) for at in range(40)))
    with bench.deployments.watch(include=(Failed,)) as watch:
        bench.events(watch, until=30.0)
        bench.fleet.answers.append([])
        (doubt,) = bench.events(watch, until=120.0)
        assert doubt[0] == "failed"
        assert "42 of 42" in doubt[1]


def test_a_relist_tells_deletions(bench: Bench) -> None:
    with bench.deployments.watch(options=INCREMENTAL) as watch:
        bench.events(watch, until=100.0)
        bench.fleet.drop("a")
        assert bench.events(watch, until=500.0) == [("deleted", "a", "not-found")]


def test_failed_polls_back_off(bench: Bench) -> None:
    with bench.deployments.watch() as watch:
        bench.events(watch, until=0.0)
        asked = len(bench.fleet.asked)
        bench.fleet.answers.extend([RpcError(Code.UNAVAILABLE, "down")] * 1000)
        bench.events(watch, until=3600.0)
        # An hour at the fast interval would be 1800 requests.
        assert 60 < len(bench.fleet.asked) - asked < 200
        # The client's own retries would sleep between attempts.
        assert bench.clock.slept == []


def test_a_servers_pushback_is_kept(bench: Bench) -> None:
    with bench.deployments.watch() as watch:
        bench.events(watch, until=0.0)
        wait = bench.clock.settle()
        bench.fleet.answers.append(
            RpcError(Code.RESOURCE_EXHAUSTED, "slower", details=[retry_info(100)])
        )
        bench.clock.step()
        assert bench.clock.settle() >= wait + 100


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
def test_misuse_is_refused_before_any_request(
    bench: Bench, arguments: dict[str, Any], wanted: type[Exception]
) -> None:
    with pytest.raises(wanted):
        bench.deployments.watch(**arguments)
    assert not bench.fleet.asked
