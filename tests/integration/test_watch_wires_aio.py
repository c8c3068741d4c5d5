"""All drivers, one truth: the same history gives the same events on every wire.

The fleet and its stamps are scripted, the client's clock goes from poll to poll, and the mode is
incremental, so that what is compared includes each `updated_after` as the server got it.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest

from coreweave_inference_gen.coreweave.inference.v1alpha1.deployment_triwire import (
    AsyncDeployments,
)
from tests.watching import script
from tests.watching.clock import AsyncSteppedClock
from tests.watching.fleet import Fleet
from triwire.call.aio import AsyncCaller
from triwire.config import Endpoint
from triwire.dial.aio import dial
from triwire.dial.wires import WIRES
from triwire.spec import CallOptions
from triwire.testing import AsyncMemoryTransport
from triwire.tls import TlsOptions
from triwire.watch import AsyncWatchHub, Failed, Synced

if TYPE_CHECKING:
    from tests.watching.server import RemoteFleet
    from triwire.transports.base import AsyncTransport


class LocalFleet:
    """A fleet of this process, in the shape of a remote one."""

    def __init__(self) -> None:
        self.fleet = Fleet()

    def step(self, number: int) -> None:
        script.STEPS[number][1](self.fleet)

    def asked(self) -> list[Any]:
        return self.fleet.asked


async def history(
    transport: AsyncTransport, fleet: LocalFleet | RemoteFleet
) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]], list[str]]:
    """Run the script; return what was told, what was asked, and the ids of the events."""
    clock = AsyncSteppedClock()
    caller = AsyncCaller(
        transport, options=CallOptions(timeout_seconds=20), clock=clock, server="scripted"
    )
    AsyncWatchHub.of(
        caller,
        rng=random.Random(script.SEED),  # noqa: S311 - jitter is no secret
        wall_clock_ns=lambda: script.WALL_CLOCK_NS,
    )
    events: list[Any] = []
    try:
        watch = AsyncDeployments(caller).watch(options=script.OPTIONS, include=(Synced, Failed))
        times = [at for at, _ in script.STEPS[1:]] + [script.END]
        for number, until in enumerate(times):
            fleet.step(number)
            events += await watch.drain()
            await clock.settle()
            events += await watch.drain()
            while await clock.step(until=until):
                events += await watch.drain()
        await watch.aclose()
    finally:
        await caller.aclose()
    ids = [event.id for event in events if hasattr(event, "id")]
    return script.told(events), script.names(fleet.asked()), ids


@pytest.mark.parametrize("wire", WIRES)
async def test_every_wire_tells_the_same_history(wire: str, scripted_fleet: RemoteFleet) -> None:
    transport = dial(
        wire,
        Endpoint.parse(f"http://127.0.0.1:{scripted_fleet.port}"),
        tls=TlsOptions(),
        user_agent="test/1",
    )
    told, asked, ids = await history(transport, scripted_fleet)
    assert told == script.TOLD
    assert asked == script.ASKED
    local = LocalFleet()
    assert ids == (await history(AsyncMemoryTransport([local.fleet.service()]), local))[2]


async def test_the_memory_wire_tells_the_same_history() -> None:
    local = LocalFleet()
    told, asked, ids = await history(AsyncMemoryTransport([local.fleet.service()]), local)
    assert told == script.TOLD
    assert asked == script.ASKED
    assert len(set(ids)) == len(ids)
