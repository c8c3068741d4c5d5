"""Waiting for a resource, against a scripted server and a clock that the test moves."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.resource.script import Script
from tests.unit.resource.things import GET_LAMP, LAMP, Condition, GetLampResponse, Thing, lamp
from triwire.call.aio import AsyncCaller
from triwire.errors import Code, RpcError
from triwire.resource.aio import async_wait_until_deleted, async_wait_until_ready
from triwire.spec import CallOptions
from triwire.testing import AsyncManualClock, AsyncMemoryTransport

if TYPE_CHECKING:
    from triwire.resource.lifecycle import Lifecycle

NOT_FOUND = RpcError(Code.NOT_FOUND, "no lamp a")


def shows(state: str, *, at: int = 0) -> object:
    """Return the response that shows a lamp in a state."""
    return GetLampResponse(lamp=lamp(state, at=at))


class Room:
    """A caller, its clock and what the server will answer."""

    def __init__(self, *answers: object, timeout_seconds: float | None = None) -> None:
        self.clock = AsyncManualClock()
        self.script = Script(GET_LAMP, *answers)
        self.caller = AsyncCaller(
            AsyncMemoryTransport([self.script.service()]),
            options=CallOptions(timeout_seconds=timeout_seconds),
            clock=self.clock,
        )

    async def ready(
        self,
        target: object = "a",
        *,
        timeout_seconds: float = 10,
        poll_seconds: float = 2,
        lifecycle: Lifecycle[Any] = LAMP,
    ) -> Any:
        wanted: Any = target
        return await async_wait_until_ready(
            self.caller,
            lifecycle,
            wanted,
            timeout_seconds=timeout_seconds,
            poll_seconds=poll_seconds,
        )

    async def deleted(self, target: object = "a", *, timeout_seconds: float = 10) -> None:
        wanted: Any = target
        await async_wait_until_deleted(
            self.caller, LAMP, wanted, timeout_seconds=timeout_seconds, poll_seconds=2
        )


async def test_returns_the_resource_once_it_is_ready() -> None:
    room = Room(shows("STATE_CREATING"), shows("STATE_CREATING"), shows("STATE_READY", at=5))
    assert await room.ready() == lamp("STATE_READY", at=5)
    assert room.clock.slept == [2, 2]
    assert [request.id for request in room.script.requests] == ["a", "a", "a"]


async def test_does_not_sleep_if_it_is_ready_already() -> None:
    room = Room(shows("STATE_READY"))
    await room.ready(lamp())
    assert room.clock.slept == []


async def test_does_not_believe_a_state_older_than_the_resource_given() -> None:
    room = Room(
        shows("STATE_READY", at=4),
        shows("STATE_FAILED", at=4),
        shows("STATE_CREATING", at=5),
        shows("STATE_READY", at=6),
    )
    assert (await room.ready(lamp(at=5))).status.updated_at.seconds == 6
    assert len(room.script.requests) == 4


async def test_a_state_as_old_as_the_resource_given_counts() -> None:
    room = Room(shows("STATE_READY", at=5))
    await room.ready(lamp(at=5))
    assert len(room.script.requests) == 1


async def test_a_bare_id_has_no_baseline() -> None:
    room = Room(shows("STATE_READY", at=4))
    await room.ready("a")
    assert len(room.script.requests) == 1


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
    assert room.clock.slept == [2, 2, 1]
    assert len(room.script.requests) == 3


async def test_a_state_that_is_not_known_is_waited_out() -> None:
    strange = lamp()
    strange.status.state = 99
    room = Room(GetLampResponse(lamp=strange), GetLampResponse(lamp=strange))
    with pytest.raises(RpcError, match="last seen as 99"):
        await room.ready(timeout_seconds=2)


async def test_without_any_time_nothing_is_read() -> None:
    room = Room()
    with pytest.raises(RpcError) as caught:
        await room.ready(timeout_seconds=0)
    assert caught.value.code is Code.DEADLINE_EXCEEDED
    assert room.script.requests == []


async def test_a_read_gets_the_time_that_is_left() -> None:
    room = Room(shows("STATE_CREATING"), shows("STATE_CREATING"), shows("STATE_READY"))
    await room.ready(timeout_seconds=5)
    assert room.script.timeouts == [5, 3, 1]


async def test_a_shorter_timeout_of_the_client_stays() -> None:
    room = Room(shows("STATE_CREATING"), shows("STATE_CREATING"), shows("STATE_READY"),
                timeout_seconds=2)  # fmt: skip
    await room.ready(timeout_seconds=5)
    assert room.script.timeouts == [2, 2, 1]


async def test_a_read_that_runs_into_the_deadline_is_the_end_of_the_wait() -> None:
    def late() -> RpcError:
        room.clock.advance(5)
        return RpcError(Code.DEADLINE_EXCEEDED, "no answer")

    room = Room(late)
    with pytest.raises(RpcError, match=r"lamp a was not ready within 5 s$") as caught:
        await room.ready(timeout_seconds=5)
    assert isinstance(caught.value.__cause__, RpcError)


async def test_other_errors_of_a_read_are_raised_as_they_are() -> None:
    room = Room(shows("STATE_CREATING"), RpcError(Code.PERMISSION_DENIED, "no"))
    with pytest.raises(RpcError, match="no") as caught:
        await room.ready()
    assert caught.value.code is Code.PERMISSION_DENIED
    assert caught.value.from_server


async def test_a_timeout_of_one_read_is_not_the_deadline() -> None:
    room = Room(RpcError(Code.DEADLINE_EXCEEDED, "slow"))
    with pytest.raises(RpcError, match="slow"):
        await room.ready()


async def test_a_resource_that_is_gone_cannot_get_ready() -> None:
    room = Room(shows("STATE_CREATING"), NOT_FOUND)
    with pytest.raises(RpcError) as caught:
        await room.ready()
    assert caught.value.code is Code.NOT_FOUND


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
        pytest.param(-1, 2, "timeout_seconds of at least 0, got -1", id="negative timeout"),
        pytest.param(float("nan"), 2, "timeout_seconds of at least 0, got nan", id="no number"),
        pytest.param(1, 0, "poll_seconds above 0, got 0", id="no pause"),
        pytest.param(1, float("nan"), "poll_seconds above 0, got nan", id="no number for a pause"),
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
    assert room.clock.slept == [2, 2]


async def test_a_resource_that_stays_is_told_at_the_deadline() -> None:
    room = Room(*[shows("STATE_READY")] * 3)
    with pytest.raises(RpcError, match="lamp a was not deleted within 3 s; last seen as STATE_RE"):
        await room.deleted(timeout_seconds=3)


async def test_other_errors_do_not_mean_deleted() -> None:
    room = Room(RpcError(Code.UNAVAILABLE, "down"))
    with pytest.raises(RpcError, match="down"):
        await room.deleted()
