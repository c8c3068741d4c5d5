"""The official Go client against the emulator: every method, on the three protocols it speaks."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.interop.conftest import Reached

pytestmark = pytest.mark.interop

METHODS = [
    verb + resource
    for resource in ("Gateway", "Deployment", "CapacityClaim")
    for verb in ("Get", "Create", "Update", "Delete")
] + [
    name
    for resource in ("Gateway", "Deployment", "CapacityClaim")
    for name in (f"List{resource}s", f"Get{resource}Parameters")
]
ERRORS = [
    ("ListGateways", "unauthenticated"),
    ("CreateGateway", "invalid_argument"),
    ("CreateGateway", "already_exists"),
    ("GetGateway", "not_found"),
    ("DeleteGateway", "failed_precondition"),
    ("CreateDeployment", "invalid_argument"),
    ("CreateDeployment", "already_exists"),
    ("GetDeployment", "not_found"),
    ("CreateCapacityClaim", "invalid_argument"),
    ("CreateCapacityClaim", "already_exists"),
    ("GetCapacityClaim", "not_found"),
]


def run(program: Path, reached: Reached, *arguments: str) -> tuple[int, str]:
    """Run the program, and return exit code and output."""
    command = [str(program), "-endpoint", reached.emulator.url, *arguments]
    if reached.ca_file is not None:
        command += ["-ca", str(reached.ca_file)]
    done = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout


@pytest.mark.parametrize("protocol", ["connect", "grpc", "grpc-web"])
def test_the_official_client_runs_the_whole_lifecycle(
    protocol: str, reached: Reached, go_program: Callable[[str], Path]
) -> None:
    program = go_program("lifecycle_go")
    code, output = run(
        program, reached, "-token", reached.emulator.admin_token, "-protocol", protocol
    )

    assert code == 0, output
    # A line is protocol, method, outcome, milliseconds.
    lines = [line.split() for line in output.splitlines()]
    assert {line[0] for line in lines} == {protocol}
    outcomes = {(line[1], line[2]) for line in lines}
    assert outcomes == {(method, "ok") for method in METHODS} | set(ERRORS)


def test_the_program_fails_if_something_is_not_as_expected(
    reached: Reached, go_program: Callable[[str], Path]
) -> None:
    program = go_program("lifecycle_go")
    code, output = run(program, reached, "-token", reached.emulator.viewer_token)

    assert code == 1
    for protocol in ("connect", "grpc", "grpc-web"):
        assert f"{protocol} CreateCapacityClaim permission_denied" in output
        assert f"{protocol} FAILED: expected invalid_argument" in output
