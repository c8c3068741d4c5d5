"""Servers for tests over sockets that need other flags than the shared emulator's."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import pytest
import trustme

from tests import stream_service
from tests.contract.stub_process import running_stub
from tests.emulator_process import RunningEmulator, running_emulator
from tests.watching import server as watching_server

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from tests.watching.server import RemoteFleet

__all__ = ["Bystander", "LoadFaults", "TlsEmulator"]


@dataclass(frozen=True, slots=True)
class TlsEmulator:
    """An emulator whose certificate a private authority has issued.

    Attributes:
        emulator: The process; its certificate names localhost and both loopback addresses.
        authority: The authority, PEM.
        authority_file: The same in a file.
    """

    emulator: RunningEmulator
    authority: bytes
    authority_file: Path


@pytest.fixture(scope="session")
def tls_emulator(tmp_path_factory: pytest.TempPathFactory) -> Generator[TlsEmulator]:
    """An emulator behind TLS."""
    folder = tmp_path_factory.mktemp("tls")
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost", "127.0.0.1", "::1")
    chain, key, root = folder / "chain.pem", folder / "key.pem", folder / "root.pem"
    for blob in certificate.cert_chain_pems:
        blob.write_to_path(chain, append=True)
    certificate.private_key_pem.write_to_path(key)
    authority.cert_pem.write_to_path(root)
    flags = ("--transition-seconds", "0", "--tls-cert", str(chain), "--tls-key", str(key))
    with running_emulator(*flags) as emulator:
        yield TlsEmulator(emulator, authority.cert_pem.bytes(), root)


@pytest.fixture(scope="session")
def ipv6_emulator() -> Generator[RunningEmulator]:
    """An emulator on IPv6's loopback address."""
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError as error:
        pytest.skip(f"needs IPv6 on the loopback interface: {error}")
    with running_emulator("--transition-seconds", "0", "--host", "::1") as emulator:
        yield emulator


@pytest.fixture(scope="session")
def stub_url() -> Generator[str]:
    """The stub of the contract suite, which tells what it saw of a request."""
    with running_stub() as url:
        yield url


@pytest.fixture(scope="session")
def stream_port() -> Generator[int]:
    """Port of a server of all stream kinds, on every RPC wire."""
    with stream_service.serving() as port:
        yield port


@pytest.fixture(scope="session")
def scripted_fleet() -> Generator[RemoteFleet]:
    """A server of deployments whose history is a script."""
    with watching_server.serving() as fleet:
        yield fleet


@pytest.fixture(scope="session")
def faulty_emulator() -> Generator[RunningEmulator]:
    """An emulator with an admin interface, and transitions of no time."""
    with running_emulator("--transition-seconds", "0", "--admin-port", "0") as running:
        yield running
        running.stop()
        assert not running.stderr, "".join(running.stderr)


@pytest.fixture(scope="module")
def unhurried() -> Generator[RunningEmulator]:
    """An emulator whose resources change their state after half a second."""
    with running_emulator("--transition-seconds", "0.5") as emulator:
        yield emulator


@pytest.fixture(scope="session")
def lingering() -> Generator[RunningEmulator]:
    """An emulator whose resources stay in the state that they are in."""
    with running_emulator("--transition-seconds", "3600") as emulator:
        yield emulator


class LoadFaults(Protocol):
    """Replaces the faults of `faulty_emulator`."""

    def __call__(self, *faults: dict[str, Any], seed: int = 0) -> None:
        """Load these."""
        ...


@pytest.fixture
def load_faults(faulty_emulator: RunningEmulator) -> Generator[LoadFaults]:
    """A function that loads faults; all of them, and all objects, are gone after the test."""

    def load(*faults: dict[str, Any], seed: int = 0) -> None:
        script = {"seed": seed, "faults": list(faults)}
        answer = faulty_emulator.admin("PUT", "/faults", script)
        assert "error" not in answer, answer

    yield load
    faulty_emulator.admin("POST", "/reset", {"objects": True})


class Bystander:
    """Listens, and is not to be connected to.

    Attributes:
        url: Where it listens.
    """

    def __init__(self, server: socket.socket) -> None:
        self._server = server
        self.url = f"http://127.0.0.1:{server.getsockname()[1]}"

    def was_called(self) -> bool:
        """Return whether somebody has connected."""
        try:
            self._server.accept()[0].close()
        except BlockingIOError:
            return False
        return True


@pytest.fixture
def bystander() -> Generator[Bystander]:
    """A listener; the test fails if somebody connects to it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)  # noqa: FBT003 - the socket module's own signature
        found = Bystander(server)
        yield found
        assert not found.was_called(), "something was sent although the call was misuse"
