# Generated from tests/integration/test_retries_aio.py by scripts/unasync.py. DO NOT EDIT.
"""Calls that are lost on the way to the emulator or back: every effect happens once."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

from coreweave_inference import Code, HedgingPolicy, InferenceClient, RpcError
from coreweave_inference_gen.coreweave.inference.v1alpha1 import gateway_pb2 as pb
from tests.flaky_proxy import flaky_proxy
from triwire import RetryPolicy
from triwire.dial.wires import WIRES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.emulator_process import RunningEmulator
    from tests.flaky_proxy import FlakyProxy

# More attempts than any script has steps, and waits in which a client hears of a connection's end:
# one that goes out just as it closes is lost before the proxy sees it, and costs a token as well.
QUICK = RetryPolicy(
    max_attempts=20,
    initial_backoff_seconds=0.02,
    max_backoff_seconds=0.1,
    retryable_codes=frozenset({Code.UNAVAILABLE, Code.RESOURCE_EXHAUSTED}),
)
SCRIPTS = [
    pytest.param((), id="nothing"),
    pytest.param(("before",), id="before"),
    pytest.param(("after",), id="after"),
    pytest.param(("busy",), id="busy"),
    pytest.param(("limited",), id="limited"),
    pytest.param(("after", "after"), id="after twice"),
    pytest.param(("before", "busy", "after", "limited"), id="everything"),
]


@pytest.fixture
def proxy(emulator: RunningEmulator) -> Iterator[FlakyProxy]:
    with flaky_proxy(emulator.host, emulator.port) as running:
        yield running


@pytest.fixture(params=WIRES)
def wire(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def through(proxy: FlakyProxy, emulator: RunningEmulator, wire: str) -> InferenceClient:
    return InferenceClient(
        f"http://127.0.0.1:{proxy.port}",
        token=emulator.admin_token,
        transport=wire,
        retry=QUICK,
        timeout_seconds=30,
    )


def named(client: InferenceClient, name: str) -> list[pb.Gateway]:
    return [found for found in client.gateways.list() if found.spec.name == name]


def fresh_name() -> str:
    return f"retry-{uuid.uuid4().hex[:12]}"


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_create_leaves_one_resource_and_a_delete_none(
    proxy: FlakyProxy, emulator: RunningEmulator, wire: str, script: tuple[str, ...]
) -> None:
    name = fresh_name()
    with through(proxy, emulator, wire) as client:
        proxy.script(script)
        created = client.gateways.create(name=name, core_weave_auth={}, path_based_routing={})
        # What follows the script is the last attempt and, after a lost answer, the look.
        assert proxy.seen[: len(script)] == list(script)
        assert set(proxy.seen[len(script) :]) == {"pass"}
        assert [found.spec.id for found in named(client, name)] == [created.spec.id]
    # With a budget of its own.
    with through(proxy, emulator, wire) as client:
        proxy.script(script)
        deleted = client.gateways.delete(created.spec.id)
        assert proxy.seen == [*script, "pass"]
        assert deleted.spec.id == created.spec.id
        assert named(client, name) == []


def test_an_id_of_the_caller_is_created_once(
    proxy: FlakyProxy, emulator: RunningEmulator, wire: str
) -> None:
    name, own = fresh_name(), str(uuid.uuid4())
    with through(proxy, emulator, wire) as client:
        proxy.script(["after"])
        created = client.gateways.create(
            id=own, name=name, core_weave_auth={}, path_based_routing={}
        )
        assert created.spec.id == own
        assert proxy.seen == ["after", "pass", "pass"]
        client.gateways.delete(own)


def test_an_id_that_somebody_else_took_is_a_conflict(
    proxy: FlakyProxy, emulator: RunningEmulator, wire: str
) -> None:
    own = str(uuid.uuid4())
    with through(proxy, emulator, wire) as client:
        client.gateways.create(id=own, name=fresh_name(), core_weave_auth={}, path_based_routing={})
        proxy.script(["before"])
        with pytest.raises(RpcError) as caught:
            client.gateways.create(
                id=own, name=fresh_name(), core_weave_auth={}, path_based_routing={}
            )
        assert (caught.value.code, caught.value.attempts) == (Code.ALREADY_EXISTS, 2)
        assert "other values of name" in caught.value.__notes__[-1]
        client.gateways.delete(own)


def test_without_retries_a_lost_answer_is_the_callers_to_deal_with(
    proxy: FlakyProxy, emulator: RunningEmulator, wire: str
) -> None:
    name = fresh_name()
    with through(proxy, emulator, wire) as client:
        proxy.script(["after"])
        with pytest.raises(RpcError) as caught:
            client.with_options(retry=None).gateways.create(
                name=name, core_weave_auth={}, path_based_routing={}
            )
        assert (caught.value.code, caught.value.attempts) == (Code.UNAVAILABLE, 1)
        (created,) = named(client, name)
        assert created.spec.id in caught.value.__notes__[-1]
        client.gateways.delete(created.spec.id)


def test_a_bare_create_is_not_sent_twice(
    proxy: FlakyProxy, emulator: RunningEmulator, wire: str
) -> None:
    with through(proxy, emulator, wire) as client:
        proxy.script(["before"])
        request = pb.CreateGatewayRequest(name=fresh_name())
        request.core_weave_auth.SetInParent()
        request.path_based_routing.SetInParent()
        with pytest.raises(RpcError):
            client.gateways.rpc.create_gateway(request)
        assert proxy.seen == ["before"]


@pytest.mark.parametrize("script", [("busy",), ("before",), ("after", "busy")])
def test_a_hedged_read_is_answered_by_the_attempt_that_gets_through(
    proxy: FlakyProxy, emulator: RunningEmulator, wire: str, script: tuple[str, ...]
) -> None:
    hedging = HedgingPolicy(max_attempts=5, delay_seconds=5.0)
    zones: list[str] = []
    # Attempts follow one another at once. Those that go out on a connection that closes are lost
    # before the proxy sees them, on a busy machine all that are left: none has got through then.
    for _ in range(20):
        proxy.script(script)
        with InferenceClient(
            f"http://127.0.0.1:{proxy.port}",
            token=emulator.admin_token,
            transport=wire,
            hedging=hedging,
            timeout_seconds=30,
        ) as client:
            try:
                zones = list((client.gateways.parameters()).zones)
            except RpcError:
                assert "pass" not in proxy.seen
            else:
                break
    assert zones
    assert proxy.seen[: len(script)] == list(script)


def test_attempts_that_lost_leave_the_connection_usable(
    proxy: FlakyProxy, emulator: RunningEmulator, wire: str
) -> None:
    with InferenceClient(
        f"http://127.0.0.1:{proxy.port}",
        token=emulator.admin_token,
        transport=wire,
        hedging=HedgingPolicy(max_attempts=3, delay_seconds=0.0),
        timeout_seconds=30,
    ) as client:
        for _ in range(5):
            assert (client.gateways.parameters()).zones
        # What was cancelled leaves the connection usable.
        assert (client.with_options(hedging=None).gateways.parameters()).zones
