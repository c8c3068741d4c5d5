# Generated from tests/integration/test_watch_wires_aio.py by scripts/unasync.py. DO NOT EDIT.
"""All drivers, one truth: the same history gives the same events on every wire.

The fleet and its stamps are scripted, the client's clock goes from poll to poll, and the mode is
incremental, so that what is compared includes each `updated_after` as the server got it.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest

from coreweave_inference_gen.coreweave.inference.v1alpha1.deployment_triwire import (
    Deployments,
)
from tests.watching import script
from tests.watching.clock import SteppedClock
from tests.watching.fleet import Fleet
from triwire.call.sync import Caller
from triwire.config import Endpoint
from triwire.dial.sync import dial
from triwire.dial.wires import WIRES
from triwire.spec import CallOptions
from triwire.testing import MemoryTransport
from triwire.tls import TlsOptions
from triwire.watch import Failed, Synced, WatchHub

if TYPE_CHECKING:
    from tests.watching.server import RemoteFleet
    from triwire.transports.base import Transport


class LocalFleet:
    """A fleet of this process, in the shape of a remote one."""

    def __init__(self) -> None:
        self.fleet = Fleet()

    def step(self, number: int) -> None:
        script.STEPS[number][1](self.fleet)

    def asked(self) -> list[Any]:
        return self.fleet.asked


def history(
    transport: Transport, fleet: LocalFleet | RemoteFleet
) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]], list[str]]:
    """Run the script; return what was told, what was asked, and the ids of the events."""
    clock = SteppedClock()
    caller = Caller(
        transport, options=CallOptions(timeout_seconds=20), clock=clock, server="scripted"
    )
    WatchHub.of(
        caller,
        rng=random.Random(script.SEED),  # noqa: S311 - jitter is no secret
        wall_clock_ns=lambda: script.WALL_CLOCK_NS,
    )
    events: list[Any] = []
    try:
        watch = Deployments(caller).watch(options=script.OPTIONS, include=(Synced, Failed))
        times = [at for at, _ in script.STEPS[1:]] + [script.END]
        for number, until in enumerate(times):
            fleet.step(number)
            events += watch.drain()
            clock.settle()
            events += watch.drain()
            while clock.step(until=until):
                events += watch.drain()
        watch.close()
    finally:
        caller.close()
    ids = [event.id for event in events if hasattr(event, "id")]
    return script.told(events), script.names(fleet.asked()), ids


@pytest.mark.parametrize("wire", WIRES)
def test_every_wire_tells_the_same_history(wire: str, scripted_fleet: RemoteFleet) -> None:
    transport = dial(
        wire,
        Endpoint.parse(f"http://127.0.0.1:{scripted_fleet.port}"),
        tls=TlsOptions(),
        user_agent="test/1",
    )
    told, asked, ids = history(transport, scripted_fleet)
    assert told == script.TOLD
    assert asked == script.ASKED
    local = LocalFleet()
    assert ids == (history(MemoryTransport([local.fleet.service()]), local))[2]


def test_the_memory_wire_tells_the_same_history() -> None:
    local = LocalFleet()
    told, asked, ids = history(MemoryTransport([local.fleet.service()]), local)
    assert told == script.TOLD
    assert asked == script.ASKED
    assert len(set(ids)) == len(ids)
