"""Many waits of one client at once, as tasks, in virtual time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.resource.things import LAMP, lamp
from tests.unit.resource.waiting.lamps import Change, Lamps
from tests.unit.resource.waiting.virtual import AsyncVirtualClock
from triwire.call.aio import AsyncCaller
from triwire.errors import Code, RpcError, WaitError
from triwire.resource.waiting.aio import (
    async_wait_all,
    async_wait_for,
    async_wait_until_deleted,
    async_wait_until_ready,
)
from triwire.spec import CallOptions, Metadata
from triwire.testing import AsyncMemoryTransport

if TYPE_CHECKING:
    from collections.abc import Callable


class Room:
    """A server of lamps, a client and virtual time."""

    def __init__(self, histories: dict[str, list[Change]]) -> None:
        self.clock = AsyncVirtualClock()
        self.lamps = Lamps(self.clock.monotonic_seconds, histories)
        self.caller = AsyncCaller(
            AsyncMemoryTransport([self.lamps.service()]), clock=self.clock, draw=lambda: 0.5
        )

    async def ready(self, name: str, *, caller: AsyncCaller | None = None, **options: Any) -> Any:
        given: Any = {"timeout_seconds": 3600, "poll_seconds": 2, "error_grace_seconds": 300}
        given |= {"on_progress": None} | options
        target = lamp(name=name, at=100, born=50)
        return await async_wait_until_ready(caller or self.caller, LAMP, target, **given)

    async def deleted(self, name: str) -> None:
        target = lamp("STATE_DELETING", name=name, at=100, born=50)
        times: Any = {"timeout_seconds": 3600, "poll_seconds": 2, "on_progress": None}
        await async_wait_until_deleted(self.caller, LAMP, target, **times)

    async def matching(self, name: str, predicate: Callable[[Any], object]) -> Any:
        times: Any = {"timeout_seconds": 3600, "poll_seconds": 2, "on_progress": None}
        return await async_wait_for(self.caller, LAMP, name, predicate, **times)


def becoming(state: str, *, count: int, over: float) -> dict[str, list[Change]]:
    """Return so many lamps that reach a state one after the other."""
    return {
        f"{number:04}": [
            Change(0, "STATE_CREATING"),
            Change(1 + over * number / count, state),
        ]
        for number in range(count)
    }


async def test_a_thousand_waits_make_about_one_list_per_interval() -> None:
    room = Room(becoming("STATE_READY", count=1000, over=60))
    before = len(asyncio.all_tasks())
    found = await room.clock.run(*(room.ready(name) for name in room.lamps.histories))
    assert {each.status.state for each in found} == {lamp("STATE_READY").status.state}
    assert [each.id for each in found] == list(room.lamps.histories)
    took = room.clock.monotonic_seconds()
    assert took < 61 + 3
    # The first four read alone before the fifth came, and the last four do again, a few times.
    assert len(room.lamps.lists) <= took / 2 + 2
    assert len(room.lamps.gets) <= 16
    assert room.caller.shared.held == {}
    assert len(asyncio.all_tasks()) == before


async def test_lists_ask_for_what_has_changed_only() -> None:
    room = Room(becoming("STATE_READY", count=10, over=20))
    room.lamps.histories |= {"old": [Change(-90, "STATE_READY")]}
    await room.clock.run(*(room.ready(f"{number:04}") for number in range(10)))
    assert set(room.lamps.lists) == {99.0}


async def test_a_wait_reads_once_for_each_of_four_and_their_pauses_grow() -> None:
    room = Room(becoming("STATE_READY", count=4, over=0) | {"0003": [Change(0, "STATE_CREATING")]})
    names = list(room.lamps.histories)
    found = await room.clock.run(*(room.ready(name, timeout_seconds=30) for name in names))
    assert isinstance(found[3], WaitError)
    assert room.lamps.lists == []
    assert [room.lamps.gets.count(name) for name in names] == [2, 2, 2, 6]


async def test_a_thousand_deletions_are_each_confirmed_by_one_get() -> None:
    room = Room(becoming("", count=1000, over=60))
    for history in room.lamps.histories.values():
        history[0] = Change(0, "STATE_DELETING")
    await room.clock.run(*(room.deleted(name) for name in room.lamps.histories))
    took = room.clock.monotonic_seconds()
    assert took < 61 + 4
    assert len(room.lamps.gets) <= 1000 + 16
    assert len(room.lamps.lists) <= took / 2 + 2


async def test_each_gets_its_own_end() -> None:
    room = Room(becoming("STATE_READY", count=6, over=10))
    room.lamps.histories |= {
        "failing": [Change(0, "STATE_CREATING"), Change(7, "STATE_FAILED")],
        "going": [Change(0, "STATE_CREATING"), Change(13, "STATE_DELETING")],
        "lost": [Change(0, "STATE_CREATING"), Change(20, "")],
        "stuck": [Change(0, "STATE_CREATING")],
    }
    told: list[int] = []

    def tell(shown: Any) -> None:
        told.append(shown.status.state)

    found = await room.clock.run(
        room.ready("failing"),
        room.ready("going"),
        room.ready("lost"),
        room.ready("stuck", timeout_seconds=25),
        room.matching("0001", lambda shown: shown.status.state == 2),
        room.matching("0002", lambda shown: shown.no_such_field),
        room.ready("0003", on_progress=tell),
        *(room.ready(f"{number:04}") for number in range(6)),
    )
    codes = [error.code for error in found[:4]]
    assert codes == [
        Code.FAILED_PRECONDITION,
        Code.NOT_FOUND,
        Code.NOT_FOUND,
        Code.DEADLINE_EXCEEDED,
    ]
    assert found[4].id == "0001"
    assert isinstance(found[5], AttributeError)
    assert told == [1, 2]
    assert [each.id for each in found[6:]] == ["0003", *(f"{number:04}" for number in range(6))]
    assert room.caller.shared.held == {}


async def test_failed_is_told_within_an_interval() -> None:
    room = Room(becoming("STATE_READY", count=40, over=200))
    room.lamps.histories["failing"] = [Change(0, "STATE_CREATING"), Change(31, "STATE_FAILED")]
    ended: list[float] = []

    async def failing() -> None:
        with pytest.raises(WaitError, match="STATE_FAILED"):
            await room.ready("failing")
        ended.append(room.clock.monotonic_seconds())

    await room.clock.run(failing(), *(room.ready(f"{number:04}") for number in range(40)))
    # Something else becomes ready every 5 s, which keeps the pauses short.
    assert 31 < ended[0] <= 31 + 4.5


@pytest.mark.parametrize("at", range(0, 40, 3))
async def test_any_wait_may_be_cancelled_at_any_time(at: float) -> None:
    room = Room(becoming("STATE_READY", count=12, over=40))
    names = list(room.lamps.histories)
    tasks = [asyncio.ensure_future(room.ready(name)) for name in names]

    async def cancelling() -> None:
        await room.clock.sleep(at)
        for task in tasks[::3]:
            task.cancel()

    async def result(task: asyncio.Future[Any]) -> Any:
        return await task

    found = await room.clock.run(cancelling(), *map(result, tasks))
    for number, outcome in enumerate(found[1:]):
        if number % 3 or not isinstance(outcome, asyncio.CancelledError):
            assert outcome.id == names[number]
    assert room.caller.shared.held == {}
    # Nobody had to wait longer for it.
    assert room.clock.monotonic_seconds() < 41 + 4


@pytest.mark.parametrize("step", range(1, 30))
async def test_whoever_is_cancelled_in_the_middle_of_a_read_is_replaced(step: int) -> None:
    room = Room(becoming("STATE_READY", count=6, over=0))
    calls = 0
    tasks: list[asyncio.Future[Any]] = []

    def cancel(_: str) -> None:
        nonlocal calls
        calls += 1
        if calls == step:
            current = asyncio.current_task()
            assert current is not None
            current.cancel()

    room.lamps.fail = cancel
    tasks = [asyncio.ensure_future(room.ready(name)) for name in room.lamps.histories]

    async def result(task: asyncio.Future[Any]) -> Any:
        return await task

    found = await room.clock.run(*map(result, tasks))
    cancelled = [each for each in found if isinstance(each, asyncio.CancelledError)]
    assert len(cancelled) <= 1
    assert sum(not isinstance(each, BaseException) for each in found) == 6 - len(cancelled)


async def test_an_outage_is_waited_out_together() -> None:
    room = Room(becoming("STATE_READY", count=50, over=10))

    def fail(_: str) -> None:
        if 5 < room.clock.monotonic_seconds() < 100:
            raise RpcError(Code.UNAVAILABLE, "down")

    room.lamps.fail = fail
    found = await room.clock.run(*(room.ready(name) for name in room.lamps.histories))
    assert [each.id for each in found] == list(room.lamps.histories)
    assert len(room.lamps.lists) < 20


async def test_where_listing_is_not_allowed_everybody_reads_alone() -> None:
    room = Room(becoming("STATE_READY", count=20, over=10))

    def fail(what: str) -> None:
        if what == "list":
            raise RpcError(Code.PERMISSION_DENIED, "no")

    room.lamps.fail = fail
    found = await room.clock.run(*(room.ready(name) for name in room.lamps.histories))
    assert [each.id for each in found] == list(room.lamps.histories)
    assert len(room.lamps.lists) == 1


@pytest.mark.parametrize(
    ("options", "lists"),
    [
        pytest.param(CallOptions(timeout_seconds=5), True, id="another timeout"),
        pytest.param(CallOptions(headers=Metadata([("x-tenant", "2")])), False, id="headers"),
    ],
)
async def test_views_share_reads_only_if_their_headers_are_equal(
    options: CallOptions, *, lists: bool
) -> None:
    room = Room(becoming("STATE_READY", count=6, over=0))
    view = room.caller.with_options(options)
    names = list(room.lamps.histories)
    await room.clock.run(
        *(room.ready(name) for name in names[:3]),
        *(room.ready(name, caller=view) for name in names[3:]),
    )
    assert bool(room.lamps.lists) is lists


async def test_closing_the_client_ends_every_wait_at_once() -> None:
    room = Room({f"{number}": [Change(0, "STATE_CREATING")] for number in range(9)})

    async def closing() -> None:
        await room.clock.sleep(20.5)
        await room.caller.aclose()

    found = await room.clock.run(closing(), *(room.ready(name) for name in room.lamps.histories))
    assert {error.code for error in found[1:]} == {Code.CANCELLED}
    assert {error.last.id for error in found[1:]} == set(room.lamps.histories)
    assert room.clock.monotonic_seconds() == pytest.approx(20.5)


async def test_nobody_gets_an_object_that_somebody_else_has() -> None:
    room = Room(becoming("STATE_READY", count=6, over=0))
    names = ["0001", "0001", *room.lamps.histories]
    found = await room.clock.run(*map(room.ready, names))
    found[0].id = "changed"
    assert [each.id for each in found[1:]] == names[1:]


async def test_one_task_waits_for_a_thousand_with_the_same_lists() -> None:
    room = Room(becoming("STATE_READY", count=1000, over=60))
    targets = [lamp(name=name, at=100, born=50) for name in room.lamps.histories]
    (found,) = await room.clock.run(
        async_wait_all(
            room.caller,
            LAMP,
            targets,
            until="ready",
            timeout_seconds=3600,
            poll_seconds=2,
            error_grace_seconds=None,
            on_progress=None,
        )
    )
    assert [each.id for each in found] == list(room.lamps.histories)
    assert len(room.lamps.lists) <= room.clock.monotonic_seconds() / 2 + 2
    assert len(room.lamps.gets) <= 4


async def test_a_naive_loop_makes_a_thousand_gets_per_interval() -> None:
    """What the sharing saves: the same server, read by everybody alone."""
    room = Room(becoming("STATE_READY", count=1000, over=60))

    def fail(what: str) -> None:
        if what == "list":
            raise RpcError(Code.UNIMPLEMENTED, "no")

    room.lamps.fail = fail
    await room.clock.run(*map(room.ready, room.lamps.histories))
    assert len(room.lamps.gets) > 5000
