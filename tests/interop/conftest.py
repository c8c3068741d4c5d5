"""Programs in Go, each in a folder with its own go.mod, and emulators for them to talk to."""

from __future__ import annotations

import subprocess
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
import trustme

from tests.emulator_process import RunningEmulator, running_emulator
from tests.interop.modules import download

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

HERE = Path(__file__).resolve().parent


@pytest.fixture(scope="session")
def go_program(
    program: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Path]:
    """A function that builds the program of a folder beside this file and returns its path.

    Skips, or fails where CI=true, if Go or the modules that the program needs cannot be had. A
    program that does not compile fails everywhere.
    """
    go = program("go")
    target = tmp_path_factory.mktemp("go")

    def run(folder: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [go, *arguments], cwd=HERE / folder, capture_output=True, text=True, check=False
        )

    def build(folder: str) -> Path:
        download(partial(run, folder), folder=folder)
        binary = target / folder
        built = run(folder, "build", "-o", str(binary), ".")
        assert built.returncode == 0, built.stderr
        return binary

    return build


class Reached(NamedTuple):
    """An emulator and how a client reaches it.

    Attributes:
        emulator: The running emulator.
        ca_file: PEM file of the authority behind its certificate, if it speaks TLS.
    """

    emulator: RunningEmulator
    ca_file: Path | None


@pytest.fixture(scope="session", params=["plaintext", "TLS"])
def reached(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Generator[Reached]:
    """An emulator whose resources take a moment to be READY, with and without TLS."""
    arguments = ["--transition-seconds", "0.05"]
    ca_file = None
    if request.param == "TLS":
        folder = tmp_path_factory.mktemp("certificates")
        authority = trustme.CA()
        certificate = authority.issue_cert("127.0.0.1")
        ca_file = folder / "ca.pem"
        authority.cert_pem.write_to_path(ca_file)
        certificate.private_key_pem.write_to_path(folder / "key.pem")
        for blob in certificate.cert_chain_pems:
            blob.write_to_path(folder / "certificate.pem", append=True)
        arguments += ["--tls-cert", str(folder / "certificate.pem")]
        arguments += ["--tls-key", str(folder / "key.pem")]
    with running_emulator(*arguments) as emulator:
        yield Reached(emulator, ca_file)
        assert emulator.stop() == 0
