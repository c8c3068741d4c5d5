"""Waiting for a resource, against a scripted server and a clock that the test moves."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.resource.script import Script
from tests.unit.resource.things import GET_LAMP, LAMP, Condition, GetLampResponse, Thing, lamp
from triwire.call.aio import AsyncCaller
from triwire.errors import Code, RpcError, WaitError
from triwire.resource.waiting.aio import (
    async_wait_all,
    async_wait_for,
    async_wait_until_deleted,
    async_wait_until_ready,
)
from triwire.spec import CallOptions
from triwire.testing import AsyncManualClock, AsyncMemoryTransport

if TYPE_CHECKING:
    from collections.abc import Callable

    from triwire.resource.lifecycle import Lifecycle

NOT_FOUND = RpcError(Code.NOT_FOUND, "no lamp a", from_server=True)


def shows(state: str, *, at: int = 0, name: str = "a") -> object:
    """Return the response that shows a lamp in a state."""
    return GetLampResponse(lamp=lamp(state, at=at, name=name))


class Room:
    """A caller, its clock and what the server will answer."""

    def __init__(self, *answers: object, timeout_seconds: float | None = None) -> None:
        self.clock = AsyncManualClock()
        self.script = Script(GET_LAMP, *answers)
        self.caller = AsyncCaller(
            AsyncMemoryTransport([self.script.service()]),
            options=CallOptions(timeout_seconds=timeout_seconds),
            clock=self.clock,
            draw=lambda: 0.5,
        )

    async def ready(self, target: object = "a", **options: Any) -> Any:
        given: Any = {"timeout_seconds": 10, "poll_seconds": 2, "error_grace_seconds": 300}
        given |= {"lifecycle": LAMP, "on_progress": None} | options
        lifecycle: Lifecycle[Any] = given.pop("lifecycle")
        return await async_wait_until_ready(self.caller, lifecycle, target, **given)

    async def deleted(self, target: object = "a", **options: Any) -> None:
        given: Any = {"timeout_seconds": 10, "poll_seconds": 2, "on_progress": None} | options
        await async_wait_until_deleted(self.caller, LAMP, target, **given)

    async def matching(
        self, predicate: Callable[[Any], object], target: object = "a", **options: Any
    ) -> Any:
        given: Any = {"timeout_seconds": 10, "poll_seconds": 2, "on_progress": None} | options
        return await async_wait_for(self.caller, LAMP, target, predicate, **given)

    async def everyone(
        self, targets: Any, *, until: str | Callable[[Any], object] = "ready", **options: Any
    ) -> Any:
        given: Any = {"timeout_seconds": 10, "poll_seconds": 2, "error_grace_seconds": 300}
        given |= {"on_progress": None} | options
        return await async_wait_all(self.caller, LAMP, targets, until=until, **given)


async def test_returns_the_resource_once_it_is_ready() -> None:
    room = Room(shows("STATE_CREATING"), shows("STATE_CREATING"), shows("STATE_READY", at=5))
    assert await room.ready() == lamp("STATE_READY", at=5)
    assert room.clock.slept == [2, 3]
    assert [request.id for request in room.script.requests] == ["a", "a", "a"]


async def test_does_not_sleep_if_it_is_ready_already() -> None:
    room = Room(shows("STATE_READY", at=1))
    await room.ready(lamp())
    assert room.clock.slept == []


async def test_a_failure_ends_the_wait_with_the_conditions() -> None:
    failed = lamp("STATE_FAILED", at=1)
    conditions = [Condition(type="Ready", message="no bulb"), Condition(type="Plugged")]
    failed.status.conditions.extend(conditions)
    room = Room(shows("STATE_CREATING"), GetLampResponse(lamp=failed))
    with pytest.raises(RpcError) as caught:
        await room.ready()
    assert caught.value.code is Code.FAILED_PRECONDITION
    assert caught.value.message == "lamp a is STATE_FAILED: Ready no bulb; Plugged"
    assert caught.value.details == tuple(conditions)
    assert not caught.value.from_server


async def test_a_failure_without_conditions_is_told_as_well() -> None:
    room = Room(shows("STATE_FAILED"))
    with pytest.raises(RpcError, match=r"lamp a is STATE_FAILED$") as caught:
        await room.ready(lifecycle=replace(LAMP, conditions=""))
    assert caught.value.details == ()


async def test_gives_up_at_the_deadline_and_says_what_it_saw_last() -> None:
    room = Room(*[shows("STATE_CREATING")] * 9)
    with pytest.raises(RpcError) as caught:
        await room.ready(timeout_seconds=5)
    assert caught.value.code is Code.DEADLINE_EXCEEDED
    assert caught.value.message == ("lamp a was not ready within 5 s; last seen as STATE_CREATING")
    assert room.clock.slept == [2, 3]
    assert len(room.script.requests) == 2
    assert isinstance(caught.value, WaitError)
    assert caught.value.last == lamp()


async def test_without_any_time_nothing_is_read() -> None:
    room = Room()
    with pytest.raises(RpcError) as caught:
        await room.ready(timeout_seconds=0)
    assert caught.value.code is Code.DEADLINE_EXCEEDED
    assert room.script.requests == []


async def test_a_read_gets_the_time_that_is_left() -> None:
    room = Room(shows("STATE_CREATING"), shows("STATE_CREATING"), shows("STATE_READY"))
    await room.ready(timeout_seconds=6)
    assert room.script.timeouts == [6, 4, 1]


async def test_a_shorter_timeout_of_the_client_stays() -> None:
    room = Room(shows("STATE_CREATING"), shows("STATE_CREATING"), shows("STATE_READY"),
                timeout_seconds=2)  # fmt: skip
    await room.ready(timeout_seconds=6)
    assert room.script.timeouts == [2, 2, 1]


async def test_a_read_that_runs_into_the_deadline_is_the_end_of_the_wait() -> None:
    def late() -> RpcError:
        room.clock.advance(5)
        return RpcError(Code.DEADLINE_EXCEEDED, "no answer")

    room = Room(late)
    with pytest.raises(RpcError, match="lamp a was not ready within 5 s; the last") as caught:
        await room.ready(timeout_seconds=5)
    assert isinstance(caught.value.__cause__, RpcError)


async def test_other_errors_of_a_read_are_raised_as_they_are() -> None:
    room = Room(shows("STATE_CREATING"), RpcError(Code.UNIMPLEMENTED, "no"))
    with pytest.raises(RpcError, match="no") as caught:
        await room.ready()
    assert caught.value.code is Code.UNIMPLEMENTED
    assert caught.value.from_server


@pytest.mark.parametrize(
    ("target", "error", "text"),
    [
        pytest.param(3, TypeError, "expected a things.v1.Lamp message or an id, got int", id="int"),
        pytest.param(Thing(), TypeError, "got Thing", id="another message"),
        pytest.param("", ValueError, "got one that is empty", id="no id"),
        pytest.param(lamp(name=""), ValueError, "got one that is empty", id="no id in a resource"),
    ],
)
async def test_refuses_what_is_no_resource(
    target: object, error: type[Exception], text: str
) -> None:
    room = Room()
    with pytest.raises(error, match=text):
        await room.ready(target)
    with pytest.raises(error, match=text):
        await room.deleted(target)
    assert room.script.requests == []


async def test_a_resource_without_its_id_is_refused() -> None:
    room = Room()
    with pytest.raises(TypeError, match="got Lamp"):
        await room.ready(lamp(), lifecycle=replace(LAMP, resource_id=""))


@pytest.mark.parametrize(
    ("timeout_seconds", "poll_seconds", "text"),
    [
        pytest.param(
            -1, 2, "timeout_seconds of at least 0, and finite, got -1", id="negative timeout"
        ),
        pytest.param(float("nan"), 2, "at least 0, and finite, got nan", id="no number"),
        pytest.param(float("inf"), 2, "at least 0, and finite, got inf", id="no end"),
        pytest.param(1, 0, "poll_seconds above 0, and finite, got 0", id="no pause"),
        pytest.param(
            1, float("nan"), "poll_seconds above 0, and finite, got nan", id="no number for a pause"
        ),
    ],
)
async def test_refuses_durations_that_are_none(
    timeout_seconds: float, poll_seconds: float, text: str
) -> None:
    room = Room()
    with pytest.raises(ValueError, match=text):
        await room.ready(timeout_seconds=timeout_seconds, poll_seconds=poll_seconds)


async def test_waits_until_the_resource_is_gone() -> None:
    room = Room(shows("STATE_READY"), shows("STATE_CREATING"), NOT_FOUND)
    await room.deleted(lamp())
    assert room.clock.slept == [2, 2]  # the state has changed in between


async def test_a_resource_that_stays_is_told_at_the_deadline() -> None:
    room = Room(*[shows("STATE_READY")] * 3)
    with pytest.raises(RpcError, match="lamp a was not deleted within 3 s; last seen as STATE_RE"):
        await room.deleted(timeout_seconds=3)


async def test_other_errors_do_not_mean_deleted() -> None:
    room = Room(*[RpcError(Code.UNAVAILABLE, "down")] * 3)
    with pytest.raises(WaitError, match="failed with UNAVAILABLE"):
        await room.deleted(timeout_seconds=6)


async def test_progress_is_told_of_each_new_state_the_last_one_included() -> None:
    states = ["STATE_CREATING", "STATE_CREATING", "STATE_UPDATING", "STATE_READY"]
    room = Room(*[shows(state) for state in states])
    seen: list[object] = []
    await room.ready(on_progress=seen.append)
    assert seen == [lamp("STATE_CREATING"), lamp("STATE_UPDATING"), lamp("STATE_READY")]


async def test_progress_that_raises_ends_the_wait_and_leaves_nothing_behind() -> None:
    def broken(_: object) -> None:
        raise KeyError("a bug of the caller")

    room = Room(shows("STATE_CREATING"))
    with pytest.raises(KeyError, match="a bug of the caller"):
        await room.ready(on_progress=broken)
    assert room.caller.shared.held == {}


async def test_waits_for_what_a_predicate_says() -> None:
    room = Room(shows("STATE_READY"), shows("STATE_FAILED", at=1), shows("STATE_READY", at=2))
    found = await room.matching(lambda shown: shown.status.updated_at.seconds == 2)
    assert found == lamp("STATE_READY", at=2)


async def test_a_predicate_that_raises_ends_the_wait() -> None:
    room = Room(shows("STATE_READY"))
    with pytest.raises(AttributeError):
        await room.matching(lambda shown: shown.no_such_field)
    assert room.caller.shared.held == {}


async def test_a_predicate_that_never_holds_is_told_at_the_deadline() -> None:
    room = Room(*[shows("STATE_READY")] * 3)
    with pytest.raises(WaitError, match="lamp a was not as wanted within 6 s; last seen as STATE_"):
        await room.matching(lambda _: False, timeout_seconds=6)


async def test_refuses_a_predicate_that_is_no_function() -> None:
    wrong: Any = "READY"
    with pytest.raises(TypeError, match="expected a function of the resource, got 'READY'"):
        await Room().matching(wrong)


async def test_waits_for_several_and_returns_them_in_order() -> None:
    room = Room(
        shows("STATE_CREATING", name="b"),
        shows("STATE_READY", name="a"),
        shows("STATE_READY", name="b"),
    )
    found = await room.everyone(["b", "a"])
    assert [each.id for each in found] == ["b", "a"]
    assert [request.id for request in room.script.requests] == ["b", "a", "b"]


async def test_the_first_of_several_that_fails_ends_the_wait_and_tells_of_all() -> None:
    room = Room(shows("STATE_CREATING", name="a"), shows("STATE_FAILED", name="b"))
    with pytest.raises(WaitError, match="lamp b is STATE_FAILED") as caught:
        await room.everyone(["a", "b", lamp(name="c", at=7)])
    assert caught.value.last == lamp("STATE_FAILED", name="b")
    assert caught.value.others == (
        lamp(name="a"),
        lamp("STATE_FAILED", name="b"),
        lamp(name="c", at=7),
    )


async def test_waits_until_several_are_gone() -> None:
    room = Room(NOT_FOUND, NOT_FOUND)
    assert await room.everyone(["a", "b"], until="deleted") == []


async def test_waits_until_a_predicate_holds_for_each_of_several() -> None:
    room = Room(shows("STATE_READY", at=3, name="a"), shows("STATE_FAILED", at=4, name="b"))
    found = await room.everyone(["a", "b"], until=lambda shown: shown.status.updated_at.seconds > 2)
    assert [each.id for each in found] == ["a", "b"]


async def test_nobody_is_waited_for_without_a_read() -> None:
    assert await Room().everyone([]) == []


@pytest.mark.parametrize(
    ("targets", "options", "error", "text"),
    [
        pytest.param("abc", {}, TypeError, "several resources or ids, got one str", id="one id"),
        pytest.param(lamp(), {}, TypeError, "ids, got one Lamp", id="one resource"),
        pytest.param(["a", ""], {}, ValueError, "got one that is empty", id="an empty id"),
        pytest.param(["a"], {"until": "redy"}, TypeError, "a function, got 'redy'", id="until"),
        pytest.param(
            ["a"], {"error_grace_seconds": -1}, ValueError, "at least 0 or None, got -1", id="grace"
        ),
        pytest.param(
            ["a"], {"timeout_seconds": -1}, ValueError, "at least 0, and finite, got -1", id="time"
        ),
    ],
)
async def test_refuses_what_cannot_be_waited_for(
    targets: object, options: dict[str, Any], error: type[Exception], text: str
) -> None:
    room = Room()
    with pytest.raises(error, match=text):
        await room.everyone(targets, **options)
    assert room.script.requests == []
