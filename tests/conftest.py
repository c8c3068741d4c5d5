"""Fixtures and settings for every test."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

from tests.emulator_process import emulator as emulator  # noqa: PLC0414 - a fixture, re-exported
from tests.emulator_process import start_emulator as start_emulator  # noqa: PLC0414 - likewise

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

# No deadline: a shared machine stalls single examples. The same examples every time: what fails
# must come from the change, not from chance. `--hypothesis-profile explore` takes new ones, and the
# blob brings a failure of theirs back anywhere.
hypothesis.settings.register_profile("triwire", deadline=None, derandomize=True)
hypothesis.settings.register_profile("explore", deadline=None, print_blob=True)
hypothesis.settings.load_profile("triwire")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add this project's options."""
    parser.addoption(
        "--update-public-api",
        action="store_true",
        help="write tests/unit/public_api.txt anew instead of comparing with it",
    )


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Run coroutine tests on asyncio, the only loop that the transports support."""
    return "asyncio"


@pytest.fixture(scope="session", autouse=True)
async def _one_event_loop(anyio_backend: str) -> AsyncIterator[None]:
    """Keep one event loop for all coroutine tests of the run.

    grpc.aio has one poller for the process. What it still hears for a call of an event loop that
    was closed in the meantime, it reports as an error on the loop that runs now (grpc/grpc#25364),
    that is, in a test that has nothing to do with it.
    """
    del anyio_backend
    yield  # noqa: PT022 - a fixture that returned would let the loop go


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the work tree."""
    return Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drop the variables that clients read, so that a developer's own never reach a test."""
    for name in list(os.environ):
        is_proxy = name.lower().endswith("_proxy")
        if is_proxy or name.startswith(("COREWEAVE_", "CW_", "TRIWIRE_")):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def program() -> Callable[[str], str]:
    """A function that returns the path of a program of another toolchain.

    Without it the test is skipped with the reason; where CI=true it fails, because there a missing
    program is a fault of the set-up and a skipped test would hide it.
    """

    def find(name: str) -> str:
        path = shutil.which(name)
        if path is not None:
            return path
        reason = f"needs {name}, which is not on PATH"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)

    return find
