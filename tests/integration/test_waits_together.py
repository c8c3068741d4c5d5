"""Waits over sockets in many tasks and in many threads of one client."""

from __future__ import annotations

import asyncio
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from coreweave_inference import AsyncInferenceClient, Code, InferenceClient, WaitError
from tests.integration.noted import NotedCalls
from triwire.dial.wires import WIRES

if TYPE_CHECKING:
    from coreweave_inference.v1alpha1 import Gateway
    from tests.emulator_process import RunningEmulator

pytestmark = pytest.mark.parametrize("wire", WIRES)

COUNT = 60


def create(emulator: RunningEmulator, count: int) -> list[Gateway]:
    with InferenceClient(emulator.url, token=emulator.admin_token) as client:
        return [
            client.gateways.create(
                id=str(uuid.uuid4()), name=f"g{number}", core_weave_auth={}, path_based_routing={}
            )
            for number in range(count)
        ]


def delete(emulator: RunningEmulator, gateways: list[Gateway]) -> None:
    with InferenceClient(emulator.url, token=emulator.admin_token) as client:
        for gateway in gateways:
            client.gateways.delete(gateway.spec.id)


async def test_tasks_share_their_reads_and_leave_nothing(
    wire: str, unhurried: RunningEmulator
) -> None:
    made = create(unhurried, COUNT)
    before = asyncio.all_tasks()
    calls = NotedCalls()
    async with AsyncInferenceClient(
        unhurried.url, token=unhurried.admin_token, transport=wire, interceptors=[calls.note]
    ) as client:
        wait = client.gateways.wait_until_ready
        ready = await asyncio.gather(
            *(wait(gateway, timeout_seconds=60, poll_seconds=0.1) for gateway in made)
        )
        assert [each.spec.id for each in ready] == [each.spec.id for each in made]
        assert len(calls.names) < COUNT
        assert asyncio.all_tasks() == before
        # One that is cancelled is nobody's concern.
        tasks = [
            asyncio.ensure_future(
                client.gateways.wait_until_deleted(gateway, timeout_seconds=60, poll_seconds=0.1)
            )
            for gateway in ready
        ]
        await asyncio.sleep(0)
        for task in tasks[::5]:
            task.cancel()
        delete(unhurried, ready)
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        for number, outcome in enumerate(ended):
            expected = asyncio.CancelledError if number % 5 == 0 else type(None)
            assert isinstance(outcome, expected)


def test_threads_share_their_reads_and_leave_nothing(wire: str, unhurried: RunningEmulator) -> None:
    made = create(unhurried, COUNT)
    calls = NotedCalls()
    with InferenceClient(
        unhurried.url, token=unhurried.admin_token, transport=wire, interceptors=[calls.note]
    ) as client:

        def wait(gateway: Gateway) -> Gateway:
            return client.gateways.wait_until_ready(gateway, timeout_seconds=60, poll_seconds=0.1)

        with ThreadPoolExecutor(COUNT) as pool:
            ready = list(pool.map(wait, made))
        assert [each.spec.id for each in ready] == [each.spec.id for each in made]
        assert len(calls.names) < 2 * COUNT
    delete(unhurried, ready)


def test_closing_the_client_gives_a_thread_up(wire: str, unhurried: RunningEmulator) -> None:
    made = create(unhurried, 6)
    client = InferenceClient(unhurried.url, token=unhurried.admin_token, transport=wire)
    outcomes: list[object] = []
    read = threading.Semaphore(0)

    def wait(gateway: Gateway) -> None:
        try:
            client.gateways.wait_for(
                gateway, lambda _: False, timeout_seconds=600, on_progress=lambda _: read.release()
            )
        except WaitError as error:
            outcomes.append(error.code)

    threads = [threading.Thread(target=wait, args=(gateway,)) for gateway in made]
    for thread in threads:
        thread.start()
    for _ in made:
        assert read.acquire(timeout=30)
    client.close()
    for thread in threads:
        thread.join(30)
    assert outcomes == [Code.CANCELLED] * len(made)
    delete(unhurried, made)
