"""The programs in examples/ run, and print what their readers are told."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.authority import Authority
from tests.relay import Relay
from triwire.dial.wires import WIRES

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.emulator_process import RunningEmulator
    from tests.integration.conftest import LoadFaults


@pytest.fixture
def run(repository: Path, emulator: RunningEmulator) -> Callable[..., list[str]]:
    def run_example(name: str, *arguments: object, **environment: str) -> list[str]:
        done = subprocess.run(
            [sys.executable, "-W", "error", repository / "examples" / name, *map(str, arguments)],
            env={
                "COREWEAVE_API_ENDPOINT": emulator.url,
                "COREWEAVE_API_TOKEN": emulator.admin_token,
                **environment,
            },
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        return done.stdout.splitlines()

    return run_example


@pytest.mark.parametrize("wire", WIRES)
def test_the_lifecycle_runs_on_every_wire(run: Callable[..., list[str]], wire: str) -> None:
    printed = run("lifecycle.py", wire)
    assert printed == [
        "claim example-claim allocated 2",
        "gateway example-gateway has endpoints: True",
        "deployment example-deployment is ready",
        "disabled: True model kept: meta-llama/Llama-3.1-8B-Instruct",
        "changed since the gateway was ready: ['example-deployment']",
        "all deleted",
    ]


@pytest.mark.parametrize("wire", WIRES)
def test_watching_goes_on_over_another_wire(run: Callable[..., list[str]], wire: str) -> None:
    assert run("watching.py", wire) == [
        "everything that was there has been told",
        "added watched-1",
        "now it is watched-2",
        "level again, and it is there: True",
        "deleted watched-2",
    ]


def test_the_errors_are_as_shown(run: Callable[..., list[str]]) -> None:
    printed = run("errors_async.py")
    assert printed[0] == "not found: ['coreweave.inference.v1alpha1.Gateway']"
    assert printed[1] == "refused: ['name']"
    assert printed[2].startswith("before any request: create(): missing name")
    assert printed[3] == "lists of equal length: True"
    assert printed[4].endswith("headers: []")


def test_the_retries_are_as_told(run: Callable[..., list[str]]) -> None:
    assert run("retries.py") == [
        "version of the id: 4",
        "again: ALREADY_EXISTS attempts: 1",
        "gone: NOT_FOUND attempts: 1",
        "nowhere: UNAVAILABLE attempts: 3",
        "nowhere: UNAVAILABLE attempts: 1",
    ]


def test_the_interceptors_are_as_told(run: Callable[..., list[str]]) -> None:
    assert run("interceptors.py") == [
        "ListGateways ok, attempts: 1",
        "ListGateways ok, attempts: 1",
        "GetGateway NOT_FOUND attempts: 1",
        "raised: NOT_FOUND",
        "attempt 1 over connect",
        "attempt 2 over connect",
        "ListGateways UNAVAILABLE attempts: 2",
        "raised: UNAVAILABLE",
    ]


def test_the_telemetry_is_as_told(run: Callable[..., list[str]]) -> None:
    method = "coreweave.inference.v1alpha1.GatewayService/ListGateways"
    assert run("telemetry.py") == [
        "raised: UNAVAILABLE",
        f"{method} connectrpc OK",
        f"{method} connectrpc UNAVAILABLE",
        "   triwire.attempt.failed 1",
        "   triwire.attempt.failed 2",
        "rpc.client.call.duration s series: 2",
    ]


@pytest.mark.parametrize("wire", WIRES)
def test_the_waits_are_as_told(run: Callable[..., list[str]], wire: str) -> None:
    printed = run("waiting.py", wire)
    assert printed[0].split() == ["one", "STATUS_READY"]
    assert printed[1:] == [
        "ready as renamed",
        "has an endpoint: True",
        "DEADLINE_EXCEEDED but it was last seen: True",
        "deleted",
        f"ready: {[f'many-{number}' for number in range(8)]}",
        "all deleted",
    ]


def test_the_connections_are_as_told(run: Callable[..., list[str]]) -> None:
    assert run("connections.py") == [
        "before the first call: auto",
        "after it: connect",
        "too large: RESOURCE_EXHAUSTED from the server: False",
        "given up: CANCELLED",
    ]


def test_the_credentials_are_as_told(run: Callable[..., list[str]]) -> None:
    assert run("credentials.py") == [
        "with the old file: UNAUTHENTICATED",
        "with the new file: ok",
        "two calls, tokens asked for: 2",
    ]


def test_a_slow_read_is_hedged_as_told(
    run: Callable[..., list[str]], faulty_emulator: RunningEmulator, load_faults: LoadFaults
) -> None:
    load_faults({"kind": "latency", "seconds": 30, "when": {"count": 1}})
    printed = run(
        "hedging.py",
        COREWEAVE_API_ENDPOINT=faulty_emulator.url,
        COREWEAVE_API_TOKEN=faulty_emulator.admin_token,
    )
    assert printed == ["ListGateways attempts: 2", "ListGateways attempts: 1"]


def test_the_certificates_are_as_told_through_a_proxy(
    run: Callable[..., list[str]], emulator: RunningEmulator, tmp_path: Path
) -> None:
    authority = Authority(tmp_path, "inference.test")
    authority.issue("someone")
    with (
        Relay(emulator.port, tls=authority.server) as server,
        Relay(server.port, is_proxy=True) as proxy,
    ):
        printed = run(
            "certificates.py",
            *(authority.roots, authority.certificate, authority.key),
            COREWEAVE_API_ENDPOINT="https://inference.test",
            HTTPS_PROXY=f"http://127.0.0.1:{proxy.port}",
        )
    assert printed == [
        "with the system's authorities: FAILED_PRECONDITION",
        "with the authority and a certificate: ok",
    ]
    assert {target for target, _ in proxy.asked} == {"inference.test:443"}


def test_code_is_tested_in_memory_as_told(run: Callable[..., list[str]]) -> None:
    assert run("testing.py") == [
        "created, after a retry: STATUS_CREATING",
        "ten minutes later: STATUS_READY",
    ]


def test_the_streams_are_as_told(run: Callable[..., list[str]]) -> None:
    assert run("streams.py") == [
        line for wire in WIRES for line in (f"{wire} [3, 2, 1, 0]", f"{wire} INVALID_ARGUMENT")
    ]


def test_every_example_is_run_here(repository: Path) -> None:
    programs = {path.name for path in (repository / "examples").glob("*.py")}
    assert set(re.findall(r'"(\w+\.py)"', Path(__file__).read_text())) == programs
