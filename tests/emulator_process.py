"""The real emulator as a child process, for tests over sockets.

`emulator` is shared by the whole run: no tokens of other organizations, transitions of 0
seconds, state that other tests also write to (use names and ids of your own). `start_emulator`
starts one with flags of its own.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

__all__ = ["RunningEmulator", "emulator", "running_emulator", "start_emulator"]

# Far above what either takes on a busy machine: whoever waits goes on at once.
_START_SECONDS = 120
_STOP_SECONDS = 60


@dataclass
class RunningEmulator:
    """One `cw-inference emulator`.

    Attributes:
        process: The command.
        children: The processes that it had started when it began to serve (Linux; else empty).
        url: The address that it printed.
        admin_token: The first token that it printed, or "" with --tokens.
        viewer_token: The second one.
        stderr: What it wrote to stderr; complete after `stop`.
        stderr_reader: The thread that fills `stderr`.
        admin_url: Address of its admin interface, or "".
    """

    process: subprocess.Popen[str]
    children: set[int]
    url: str
    admin_token: str
    viewer_token: str
    stderr: list[str]
    stderr_reader: threading.Thread
    admin_url: str = ""

    @property
    def host(self) -> str:
        """The host, without brackets."""
        return urlsplit(self.url).hostname or ""

    @property
    def port(self) -> int:
        """The port."""
        return urlsplit(self.url).port or 0

    def admin(self, verb: str, path: str, value: object = None) -> Any:
        """Ask the admin interface; returns the JSON value of its answer, an error's as well."""
        host, _, port = self.admin_url.removeprefix("http://").rpartition(":")
        connection = http.client.HTTPConnection(host.strip("[]"), int(port), timeout=60)
        body = None if value is None else json.dumps(value)
        try:
            connection.request(verb, path, body, {"content-type": "application/json"})
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()

    def stop(self, *, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal to the command and return its exit status; idempotent."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        status = self.process.wait(_STOP_SECONDS)
        self.stderr_reader.join(_STOP_SECONDS)
        return status


def processes_of(pid: int) -> set[int]:
    """Return the processes whose parent is `pid` and their descendants (Linux; else empty)."""
    found: set[int] = set()
    try:
        entries = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
    except FileNotFoundError:
        return found
    parents: dict[int, int] = {}
    for entry in entries:
        try:
            stat = Path(f"/proc/{entry}/stat").read_text(encoding="utf-8")
            parents[entry] = int(stat.rpartition(")")[2].split()[1])
        except (OSError, ValueError):
            continue
    frontier = {pid}
    while frontier:
        frontier = {child for child, parent in parents.items() if parent in frontier} - found
        found |= frontier
    return found


def is_alive(pid: int) -> bool:
    """Return whether a process runs or still holds its sockets; a mere zombie does neither."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
        threads = list(Path(f"/proc/{pid}/task").iterdir())
    except OSError:
        return False
    # The first thread can be a zombie while others still end: they hold what the process has.
    return stat.rpartition(")")[2].split()[0] not in {"Z", "X"} or len(threads) > 1


def wait_until_gone(pids: set[int], *, timeout_seconds: float = _STOP_SECONDS) -> set[int]:
    """Wait until processes are gone and return those that are not."""
    end = time.monotonic() + timeout_seconds
    while (left := {pid for pid in pids if is_alive(pid)}) and time.monotonic() < end:
        time.sleep(0.01)
    return left


@contextmanager
def running_emulator(
    *flags: str, program: Sequence[str] = ("-m", "coreweave_inference.cli")
) -> Generator[RunningEmulator]:
    """Start `cw-inference emulator --port 0` with flags, and stop it, leaving nothing behind.

    Args:
        *flags: Further flags.
        program: What Python runs as `cw-inference`.
    """
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("COREWEAVE_", "CW_", "TRIWIRE_"))
    }
    command = [sys.executable, *program, "emulator", "--port", "0", *flags]
    with subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        stderr: list[str] = []
        reader = threading.Thread(
            target=lambda: stderr.extend(process.stderr or ()), name="stderr", daemon=True
        )
        reader.start()
        running: RunningEmulator | None = None
        try:
            running = _wait_until_started(process, stderr, reader)
            yield running
        finally:
            children = processes_of(process.pid)
            if running is not None:
                # Those of a command that was killed are nobody's children by now.
                children |= running.children
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(_STOP_SECONDS)
                except subprocess.TimeoutExpired:
                    process.kill()
            process.wait()
            reader.join(_STOP_SECONDS)
            left = wait_until_gone(children)
            assert not left, f"the emulator left processes behind: {left}"


def _wait_until_started(
    process: subprocess.Popen[str], stderr: list[str], stderr_reader: threading.Thread
) -> RunningEmulator:
    assert process.stdout is not None
    lines: list[str] = []
    reader = threading.Thread(
        target=lambda: lines.extend(process.stdout or ()), name="stdout", daemon=True
    )
    reader.start()
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end:
        text = "".join(lines)
        url = re.search(r"https?://\S+", text)
        tokens = re.findall(r"CW-SECRET-\S+", text)
        if url is not None and (len(tokens) == 2 or "tokens:" in text):
            admin, viewer = tokens or ("", "")
            found = re.search(r"admin interface on (\S+)", text)
            admin_url = found.group(1) if found else ""
            return RunningEmulator(
                process,
                processes_of(process.pid),
                url.group(),
                admin,
                viewer,
                stderr,
                stderr_reader,
                admin_url,
            )
        if process.poll() is not None:
            break
        time.sleep(0.01)
    pytest.fail(f"the emulator did not start: {''.join(lines)}{''.join(stderr)}")


@pytest.fixture(scope="session")
def emulator() -> Iterator[RunningEmulator]:
    """An emulator for the whole test run, with transitions of 0 seconds."""
    with running_emulator("--transition-seconds", "0") as running:
        yield running
        assert running.process.poll() is None, "the emulator ended by itself"
        running.stop()
        assert not running.stderr, "".join(running.stderr)


@pytest.fixture
def start_emulator() -> Iterator[Callable[..., RunningEmulator]]:
    """A function that starts an emulator with flags of its own, stopped after the test."""
    from contextlib import ExitStack

    with ExitStack() as stack:
        yield lambda *flags: stack.enter_context(running_emulator(*flags))
