"""Worker processes: those of multiprocessing that are no forks, and gunicorn's.

What holds for forks is in test_processes.py.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import subprocess
import sys
import threading
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.emulator_process import RunningEmulator

# One wire for each library with threads of its own: pyqwest and grpcio.
pytestmark = pytest.mark.parametrize("wire", ["connect", "grpc"])

_LIMIT_SECONDS = 120


@pytest.fixture
def environment(emulator: RunningEmulator, wire: str) -> dict[str, str]:
    return {
        "COREWEAVE_API_ENDPOINT": emulator.url,
        "COREWEAVE_API_TOKEN": emulator.admin_token,
        "TRIWIRE_TRANSPORT": wire,
    }


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_workers_that_are_no_forks_work_whatever_the_parent_did(
    environment: dict[str, str], tmp_path: Path, method: str
) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        f"""
import multiprocessing
from coreweave_inference import InferenceClient

client = InferenceClient()

def work(number):
    return len(client.gateways.list()) >= 0

if __name__ == "__main__":
    client.gateways.list()
    with multiprocessing.get_context("{method}").Pool(2) as pool:
        print(pool.map(work, range(4)))
    client.close()
""",
        encoding="utf-8",
    )
    done = subprocess.run(
        [sys.executable, str(program)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=_LIMIT_SECONDS,
        check=False,
    )
    assert done.stdout == "[True, True, True, True]\n", done.stderr


_GUNICORN_APPLICATION = """
import os
from coreweave_inference import InferenceClient

client = InferenceClient()
if "CALL_BEFORE_FORK" in os.environ:
    client.gateways.list()

def application(environ, start_response):
    try:
        answer = f"{len(client.gateways.list()) >= 0} {os.getpid()}"
    except RuntimeError as error:
        answer = str(error)
    start_response("200 OK", [("content-type", "text/plain")])
    return [answer.encode()]
"""


@pytest.fixture
def gunicorn(
    environment: dict[str, str], tmp_path: Path
) -> Iterator[Callable[..., Callable[[], str]]]:
    """A function that starts gunicorn with flags and variables, and returns what asks it."""
    if importlib.util.find_spec("gunicorn") is None:
        if os.environ.get("CI") == "true":
            pytest.fail("gunicorn is not installed; it is in the dependency group 'test'")
        pytest.skip("gunicorn is not installed; it is in the dependency group 'test'")
    (tmp_path / "served.py").write_text(_GUNICORN_APPLICATION, encoding="utf-8")
    with contextlib.ExitStack() as stack:

        def start(*flags: str, **variables: str) -> Callable[[], str]:
            command = [sys.executable, "-m", "gunicorn", "--preload", "--bind", "127.0.0.1:0"]
            process = stack.enter_context(
                subprocess.Popen(
                    [*command, *flags, "served:application"],
                    cwd=tmp_path,
                    env={**environment, **variables},
                    stderr=subprocess.PIPE,
                    text=True,
                )
            )
            stack.callback(process.terminate)
            assert process.stderr is not None
            found = None
            for line in process.stderr:
                found = re.search(r"Listening at: (http://127\.0\.0\.1:\d+)", line)
                if found is not None:
                    break
            assert found is not None
            threading.Thread(target=process.stderr.read, daemon=True).start()
            url = found[1]

            def ask() -> str:
                with urllib.request.urlopen(url, timeout=_LIMIT_SECONDS) as answer:  # noqa: S310 - loopback
                    return str(answer.read().decode())

            return ask

        yield start


@pytest.mark.parametrize(
    "flags",
    [
        pytest.param(("--workers", "2"), id="workers"),
        pytest.param(("--workers", "2", "--threads", "4"), id="workers with threads"),
    ],
)
def test_gunicorn_may_make_the_client_before_it_forks(
    gunicorn: Callable[..., Callable[[], str]], flags: tuple[str, ...]
) -> None:
    ask = gunicorn(*flags)
    with ThreadPoolExecutor(4) as pool:
        answers = [one.result() for one in [pool.submit(ask) for _ in range(20)]]
    assert {answer.split()[0] for answer in answers} == {"True"}


def test_gunicorns_workers_refuse_if_a_call_was_made_before_the_fork(
    gunicorn: Callable[..., Callable[[], str]],
) -> None:
    ask = gunicorn("--workers", "2", CALL_BEFORE_FORK="1")
    assert all("make the first call after the fork" in ask() for _ in range(6))
