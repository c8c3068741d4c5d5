"""Waits over sockets, against an emulator whose resources take their time."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

from coreweave_inference import AsyncInferenceClient, Code, RpcError, WaitError
from tests.integration.noted import NotedCalls
from triwire.dial.wires import WIRES

if TYPE_CHECKING:
    from coreweave_inference.v1alpha1 import Gateway
    from tests.emulator_process import RunningEmulator

pytestmark = pytest.mark.parametrize("wire", WIRES)

COUNT = 40


def client_of(emulator: RunningEmulator, wire: str, calls: NotedCalls) -> AsyncInferenceClient:
    return AsyncInferenceClient(
        emulator.url, token=emulator.admin_token, transport=wire, interceptors=[calls.note]
    )


async def created(client: AsyncInferenceClient, count: int) -> list[Gateway]:
    return [
        await client.gateways.create(
            id=str(uuid.uuid4()), name=f"g{number}", core_weave_auth={}, path_based_routing={}
        )
        for number in range(count)
    ]


async def test_many_are_waited_for_with_few_lists(wire: str, unhurried: RunningEmulator) -> None:
    calls = NotedCalls()
    async with client_of(unhurried, wire, calls) as client:
        made = await created(client, COUNT)
        ready = await client.gateways.wait_all(made, timeout_seconds=60, poll_seconds=0.1)
        assert [each.spec.id for each in ready] == [each.spec.id for each in made]
        assert all(len(each.status.endpoints) == 1 for each in ready)
        # A machine under load is slow to ask, never quick.
        assert calls.count("ListGateways") < COUNT
        assert calls.count("GetGateway") <= COUNT / 2
        for gateway in ready:
            await client.gateways.delete(gateway.spec.id)
        listed = calls.count("ListGateways")
        await client.gateways.wait_all(ready, until="deleted", timeout_seconds=60, poll_seconds=0.1)
        assert calls.count("ListGateways") - listed < COUNT
        assert calls.count("GetGateway") <= 2 * COUNT
        assert await client.gateways.list() == []


async def test_an_update_is_waited_for_as_such(wire: str, unhurried: RunningEmulator) -> None:
    async with client_of(unhurried, wire, NotedCalls()) as client:
        (gateway,) = await created(client, 1)
        first = await client.gateways.wait_until_ready(
            gateway, timeout_seconds=60, poll_seconds=0.1
        )
        states: list[int] = []
        is_seen_going_on = False
        tries = 0
        # On a busy machine an update may be done before the first look at it.
        while not is_seen_going_on and tries < 20:
            tries += 1
            name = f"renamed-{tries}"
            updated = await client.gateways.update(
                id=gateway.spec.id, name=name, core_weave_auth={}, path_based_routing={}
            )
            states.clear()
            ready = await client.gateways.wait_until_ready(
                updated,
                timeout_seconds=60,
                poll_seconds=0.1,
                on_progress=lambda shown: states.append(shown.status.status),
            )
            assert ready.spec.name == name
            assert states[-1] == first.status.status
            is_seen_going_on = states[0] == updated.status.status
        assert is_seen_going_on
        await client.gateways.delete(gateway.spec.id)
        await client.gateways.wait_until_deleted(gateway, timeout_seconds=60, poll_seconds=0.1)


async def test_what_is_being_deleted_does_not_become_ready(
    wire: str, lingering: RunningEmulator
) -> None:
    async with client_of(lingering, wire, NotedCalls()) as client:
        (gateway,) = await created(client, 1)
        await client.gateways.delete(gateway.spec.id)
        with pytest.raises(WaitError, match="is being deleted") as caught:
            await client.gateways.wait_until_ready(gateway, timeout_seconds=60)
        assert caught.value.code is Code.NOT_FOUND


async def test_an_unknown_or_malformed_id_is_told_at_once(
    wire: str, unhurried: RunningEmulator
) -> None:
    async with client_of(unhurried, wire, NotedCalls()) as client:
        with pytest.raises(WaitError, match="does not exist"):
            await client.gateways.wait_until_ready(str(uuid.uuid4()), timeout_seconds=60)
        with pytest.raises(RpcError) as caught:
            await client.gateways.wait_until_ready("no-uuid", timeout_seconds=60)
        assert caught.value.code is Code.INVALID_ARGUMENT
