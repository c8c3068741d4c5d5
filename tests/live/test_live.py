"""`make live`, pointed at the emulator; and that it cannot write."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from coreweave_inference import AsyncInferenceClient, InferenceClient
from tests.contract.calls import METHODS
from tests.live.checks import CHECKS
from tests.live.guard import READS, WritingCallError, reads_only
from triwire.dial.wires import WIRES
from triwire.server.service import MethodHandler, ServerContext, Service
from triwire.testing import AsyncMemoryTransport, MemoryTransport

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from tests.emulator_process import RunningEmulator
    from triwire.spec import MethodSpec


def snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


class Recorder:
    """Services that answer every method with nothing and remember which were called."""

    def __init__(self) -> None:
        self.called: list[str] = []

    def services(self) -> list[Service]:
        handlers = tuple(MethodHandler(method, self._answer) for method in METHODS)
        return [Service("recorded", handlers)]

    def _answer(self, request: Message, context: ServerContext) -> Message:
        del request
        self.called.append(context.method.path)
        answer: Message = context.method.response_type()
        return answer


def program(*, endpoint: str, token: str) -> subprocess.CompletedProcess[str]:
    own = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("COREWEAVE_", "CW_", "TRIWIRE_"))
    }
    return subprocess.run(
        [sys.executable, "-m", "tests.live"],
        env={**own, "COREWEAVE_API_ENDPOINT": endpoint, "COREWEAVE_API_TOKEN": token},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_without_a_token_it_says_what_it_would_do() -> None:
    done = program(endpoint="http://127.0.0.1:9", token="")
    assert done.returncode == 0, done.stderr
    assert "no token in COREWEAVE_API_TOKEN" in done.stdout
    assert all(check.text in done.stdout for check in CHECKS)
    assert all(path in done.stdout for path in READS)


def test_a_server_that_keeps_the_contract_passes(emulator: RunningEmulator) -> None:
    with InferenceClient(emulator.url, token=emulator.admin_token) as client:
        made = client.gateways.create(
            name="live",
            zones=["RNO2A"],
            core_weave_auth={},
            body_based_routing={"api_type": "API_TYPE_OPENAI"},
        )
        done = program(endpoint=emulator.url, token=emulator.viewer_token)
        client.gateways.delete(made.spec.id)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count(" ok\n") == len(WIRES) * 2 * len(CHECKS)


def test_a_token_that_is_refused_is_no_success(emulator: RunningEmulator) -> None:
    done = program(endpoint=emulator.url, token="CW-SECRET-of-nobody")  # noqa: S106 - no secret
    assert done.returncode != 0
    assert "CW-SECRET" not in done.stdout + done.stderr


def test_where_nothing_listens_no_wire_is_served() -> None:
    done = program(endpoint="http://127.0.0.1:9", token="t")  # noqa: S106 - no secret
    assert (done.returncode, "no wire is served here" in done.stdout) == (1, True)


async def test_the_checks_call_reading_methods_only() -> None:
    recorder = Recorder()
    transport = AsyncMemoryTransport(recorder.services())
    async with AsyncInferenceClient(transport=transport) as client:
        for check in CHECKS:
            # The recorder knows nothing: what a check makes of that is no matter.
            try:
                await check.body(client)
            except Exception:  # noqa: BLE001, S112 - as said
                continue
    assert recorder.called
    assert set(recorder.called) <= READS


@pytest.mark.parametrize("method", METHODS, ids=lambda method: str(method.name))
def test_what_could_write_is_refused_before_it_is_sent(method: MethodSpec[Any, Any]) -> None:
    recorder = Recorder()
    with InferenceClient(
        transport=MemoryTransport(recorder.services()), interceptors=[reads_only]
    ) as client:
        rpc = next(
            one.rpc
            for one in (client.gateways, client.deployments, client.capacity_claims)
            if hasattr(one.rpc, snake(method.name))
        )
        call = getattr(rpc, snake(method.name))
        if method.name.startswith(("List", "Get")):
            call(method.request_type())
            assert recorder.called == [method.path]
        else:
            with pytest.raises(WritingCallError, match=method.name):
                call(method.request_type())
            assert recorder.called == []


def test_every_known_method_is_judged() -> None:
    known = {method.path for method in METHODS}
    assert known >= READS
    assert {path.rpartition("/")[2][:6] for path in known - READS} == {"Create", "Update", "Delete"}
