# Generated from tests/integration/test_connections_aio.py by scripts/unasync.py. DO NOT EDIT.
"""How long connections live, and what calls see of it: nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from coreweave_inference import Code, ConnectionOptions, InferenceClient, RpcError
from tests.raw_peers import unused_port
from tests.relay import Relay
from tests.stream_service import EXPAND
from triwire._io import SystemClock
from triwire._typing import override
from triwire.call.sync import Caller
from triwire.config import Endpoint
from triwire.dial.sync import dial
from triwire.dial.wires import WIRES
from triwire.spec import CallOptions
from triwire.testing import ManualClock
from triwire.tls import TlsOptions

if TYPE_CHECKING:
    from tests.emulator_process import RunningEmulator

# A call that follows at once may find the one connection not yet back in pyqwest's pool.
SPARE = 3

every_wire = pytest.mark.parametrize("wire", WIRES)


def client_at(port: int, emulator: RunningEmulator, wire: str, **arguments: Any) -> InferenceClient:
    return InferenceClient(
        f"http://127.0.0.1:{port}", token=emulator.admin_token, transport=wire, **arguments
    )


@every_wire
def test_calls_share_a_connection_until_it_is_too_old(wire: str, emulator: RunningEmulator) -> None:
    clock = ManualClock()
    connections = ConnectionOptions(max_age_seconds=100)
    with Relay(emulator.port) as between:
        client = client_at(
            between.port, emulator, wire, connections=connections, clock=clock, retry=None
        )
        with client:
            for _ in range(9):
                clock.advance(9.9)
                client.gateways.list()
            young = between.accepted
            assert young <= SPARE
            clock.advance(40)
            client.gateways.list()
            assert between.accepted > young


@every_wire
def test_connections_may_be_kept(wire: str, emulator: RunningEmulator) -> None:
    clock = ManualClock()
    connections = ConnectionOptions(max_age_seconds=None)
    with Relay(emulator.port) as between:
        client = client_at(between.port, emulator, wire, connections=connections, clock=clock)
        with client:
            for _ in range(9):
                clock.advance(10_000)
                client.gateways.list()
            assert between.accepted <= SPARE


@every_wire
def test_a_balancer_that_closes_idle_connections_fails_no_call(
    wire: str, emulator: RunningEmulator
) -> None:
    with Relay(emulator.port) as between:
        with client_at(between.port, emulator, wire) as client:
            for _ in range(5):
                client.gateways.list()
                between.cut()
        assert between.accepted >= 5


@every_wire
def test_a_name_that_has_moved_to_another_address_is_followed(
    wire: str, emulator: RunningEmulator
) -> None:
    first = Relay(emulator.port)
    port = first.port
    client = InferenceClient(f"http://localhost:{port}", token=emulator.admin_token, transport=wire)
    try:
        with client:
            client.gateways.list()
            try:
                second = Relay(emulator.port, host="::1", port=port)
            except OSError as error:
                pytest.skip(f"needs IPv6 on the loopback interface: {error}")
            first.close()
            with second:
                client.gateways.list()
                assert second.accepted == 1
    finally:
        first.close()


class Opening(ManualClock):
    """A clock during whose third sleep the server comes up; from then on its time is real.

    grpcio takes its own time before it connects anew. With a manual clock calls fail hundreds of
    times a second meanwhile, and ten minutes are over before that on a busy machine.
    """

    def __init__(self, port: int, target_port: int) -> None:
        super().__init__()
        self._ports = (port, target_port)
        self.relay: Relay | None = None

    @override
    def sleep(self, seconds: float) -> None:
        if self.relay is not None:
            SystemClock().sleep(seconds)
        super().sleep(seconds)
        if len(self.slept) == 3:
            port, target_port = self._ports
            self.relay = Relay(target_port, port=port)


@every_wire
def test_a_call_waits_for_the_server(wire: str, emulator: RunningEmulator) -> None:
    port = unused_port()
    clock = Opening(port, emulator.port)
    client = client_at(port, emulator, wire, clock=clock, retry=None, timeout_seconds=600)
    try:
        with client.with_options(wait_for_ready=True) as waiting:
            waiting.gateways.list()
    finally:
        assert clock.relay is not None
        clock.relay.close()
    assert clock.relay.accepted >= 1
    assert clock.slept[0] <= 0.1


@every_wire
def test_a_wait_for_the_server_ends_with_the_timeout(wire: str, emulator: RunningEmulator) -> None:
    clock = ManualClock()
    client = client_at(
        unused_port(), emulator, wire, clock=clock, timeout_seconds=5, wait_for_ready=True
    )
    with client:
        with pytest.raises(RpcError, match="no connection within 5 s") as caught:
            client.gateways.list()
    assert (caught.value.code, caught.value.from_server) == (Code.DEADLINE_EXCEEDED, False)
    assert 4 <= sum(clock.slept) <= 5


@every_wire
def test_without_waiting_no_server_is_unavailable(wire: str, emulator: RunningEmulator) -> None:
    clock = ManualClock()
    client = client_at(
        unused_port(), emulator, wire, clock=clock, retry=None, wait_for_ready=True
    ).with_options(wait_for_ready=False)
    with client:
        with pytest.raises(RpcError) as caught:
            client.gateways.list()
    assert caught.value.code is Code.UNAVAILABLE
    assert clock.slept == []


@every_wire
def test_a_server_stream_waits_for_the_server(wire: str, stream_port: int) -> None:
    port = unused_port()
    clock = Opening(port, stream_port)
    transport = dial(
        wire, Endpoint.parse(f"http://127.0.0.1:{port}"), tls=TlsOptions(), user_agent="test/1"
    )
    options = CallOptions(timeout_seconds=600, wait_for_ready=True)
    caller = Caller(transport, options=options, clock=clock)
    stream = caller.server_stream(EXPAND, EXPAND.request_type(value="ab"))
    try:
        assert [message.value for message in stream] == ["a", "b"]
        assert len(clock.slept) >= 3
        caller.close()
    finally:
        assert clock.relay is not None
        clock.relay.close()


@pytest.mark.parametrize("value", ["yes", 1, None])
def test_waiting_is_yes_or_no(value: Any, emulator: RunningEmulator) -> None:
    with pytest.raises(TypeError, match="wait_for_ready must be a bool"):
        client_at(1, emulator, "connect", wait_for_ready=value)


def test_ages_of_another_type_are_refused(emulator: RunningEmulator) -> None:
    ages: Any = 60
    with pytest.raises(TypeError, match="connections must be a ConnectionOptions, got int"):
        client_at(1, emulator, "connect", connections=ages)
