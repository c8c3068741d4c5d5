# Generated from tests/integration/test_watch_network_aio.py by scripts/unasync.py. DO NOT EDIT.
"""Watches over sockets: other wires, answers that are too large, and pages that are no answers."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest

from coreweave_inference_gen.coreweave.inference.v1alpha1.deployment_triwire import (
    Deployments,
)
from tests import raw_peers
from tests.watching import script
from tests.watching.clock import SteppedClock
from tests.watching.fleet import brief
from triwire.call.sync import Caller
from triwire.config import Endpoint
from triwire.dial.sync import dial
from triwire.dial.wires import WIRES
from triwire.errors import Code, RpcError
from triwire.spec import CallOptions
from triwire.tls import TlsOptions
from triwire.transports.options import WireOptions
from triwire.watch import Bookmark, Failed, Synced, Watch, WatchHub

if TYPE_CHECKING:
    from tests.watching.server import RemoteFleet
    from triwire.spec import MethodSpec, RawResponse
    from triwire.transports.base import RequestT, ResponseT, Transport

SNAPSHOT = [("added", "a", "1"), ("added", "b", "1")]


def dialed(wire: str, port: int, options: WireOptions | None = None) -> Transport:
    endpoint = Endpoint.parse(f"http://127.0.0.1:{port}")
    return dial(wire, endpoint, tls=TlsOptions(), user_agent="test/1", options=options)


class Switching:
    """A transport that can be exchanged while it is used, as one that picks its wire does."""

    def __init__(self, inner: Transport) -> None:
        self._all = [inner]

    @property
    def wire(self) -> str:
        return self._all[-1].wire

    def switch(self, inner: Transport) -> None:
        self._all.append(inner)

    def unary(self, *arguments: Any, **options: Any) -> RawResponse:
        return self._all[-1].unary(*arguments, **options)

    def stream(self, *arguments: Any, **options: Any) -> Any:
        return self._all[-1].stream(*arguments, **options)

    def decode(self, method: MethodSpec[RequestT, ResponseT], body: bytes) -> ResponseT:
        return self._all[-1].decode(method, body)

    def close(self) -> None:
        for each in self._all:
            each.close()


class Bench:
    """A client whose time stands still."""

    def __init__(self, transport: Transport) -> None:
        self.clock = SteppedClock()
        options = CallOptions(timeout_seconds=20)
        self.caller = Caller(transport, options=options, clock=self.clock, server="scripted")
        WatchHub.of(
            self.caller,
            rng=random.Random(script.SEED),  # noqa: S311 - jitter is no secret
            wall_clock_ns=lambda: script.WALL_CLOCK_NS,
        )
        self.deployments = Deployments(self.caller)

    def events(self, watch: Watch[Any], *, until: float) -> list[Any]:
        found = watch.drain()
        self.clock.settle()
        found += watch.drain()
        while self.clock.step(until=until):
            found += watch.drain()
        return found


def briefly(events: list[Any]) -> list[tuple[str, ...]]:
    return [brief(event) for event in events]


@pytest.mark.parametrize(
    ("before", "after"), [("connect", "rest"), ("rest", "grpc"), ("grpc", "grpc-web")]
)
def test_a_token_goes_on_over_another_wire(
    before: str, after: str, scripted_fleet: RemoteFleet
) -> None:
    scripted_fleet.step(0)
    bench = Bench(dialed(before, scripted_fleet.port))
    with bench.deployments.watch(options=script.OPTIONS, include=(Bookmark,)) as watch:
        found = bench.events(watch, until=40.0)
    bench.caller.close()
    token = next(event.token for event in reversed(found) if isinstance(event, Bookmark))
    scripted_fleet.step(1)
    bench = Bench(dialed(after, scripted_fleet.port))
    with bench.deployments.watch(options=script.OPTIONS, include=(Synced,), resume=token) as watch:
        assert briefly(bench.events(watch, until=40.0)) == [
            ("added", "c", "1"),
            ("modified", "a", "?", "2"),
            ("synced", "resumed", "3"),
        ]
    bench.caller.close()


def test_another_wire_in_the_middle_changes_nothing(scripted_fleet: RemoteFleet) -> None:
    scripted_fleet.step(0)
    first, *others = WIRES
    transport = Switching(dialed(first, scripted_fleet.port))
    bench = Bench(transport)
    with bench.deployments.watch(options=script.OPTIONS) as watch:
        assert briefly(bench.events(watch, until=40.0)) == SNAPSHOT
        for at, wire in enumerate(others, 1):
            asked = len(scripted_fleet.asked())
            transport.switch(dialed(wire, scripted_fleet.port))
            assert bench.events(watch, until=40.0 + 60.0 * at) == []
            # Stamps may be cut differently there, so all is compared anew.
            assert scripted_fleet.asked()[asked][:2] == ["list", None]
    bench.caller.close()


@pytest.mark.parametrize("wire", WIRES[1:])
def test_a_page_that_says_404_deletes_nothing_and_ends_nothing(
    wire: str, scripted_fleet: RemoteFleet
) -> None:
    scripted_fleet.step(0)
    page = b"<html><body>404 Not Found</body></html>"
    head = b"HTTP/1.1 404 Not Found\r\ncontent-type: text/html\r\nconnection: close\r\n"
    answer = head + f"content-length: {len(page)}\r\n\r\n".encode() + page
    transport = Switching(dialed(wire, scripted_fleet.port))
    bench = Bench(transport)
    with bench.deployments.watch(include=(Failed,)) as watch:
        assert briefly(bench.events(watch, until=20.0)) == SNAPSHOT
        with raw_peers.serving(raw_peers.answering(answer)) as port:
            transport.switch(dialed(wire, port))
            (told,) = bench.events(watch, until=120.0)
            assert isinstance(told, Failed)
            assert not told.is_fatal
        transport.switch(dialed(wire, scripted_fleet.port))
        assert bench.events(watch, until=300.0) == []
    bench.caller.close()


@pytest.mark.parametrize("wire", WIRES)
def test_a_list_above_the_receive_limit_ends_the_watch(
    wire: str, scripted_fleet: RemoteFleet
) -> None:
    scripted_fleet.step(0)
    options = WireOptions(max_response_bytes=200)
    bench = Bench(dialed(wire, scripted_fleet.port, options))
    watch = bench.deployments.watch()
    with pytest.raises(RpcError, match="larger than max") as raised:
        next(watch)
    assert raised.value.code is Code.RESOURCE_EXHAUSTED
    bench.caller.close()
