"""Forks, event loops and threads: a client works there or refuses at once; it never hangs."""

from __future__ import annotations

import subprocess
import sys
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

from triwire.dial.wires import WIRES

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.emulator_process import RunningEmulator

pytestmark = pytest.mark.parametrize("wire", WIRES)

# A child that hangs fails the test by this limit; one that refuses takes milliseconds.
_LIMIT_SECONDS = 60

_CHILD = '''
import os, sys, traceback

def in_child(function):
    """Run a function in a forked child and return its exit status."""
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            function()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

def refusal(function):
    try:
        function()
    except RuntimeError as error:
        return str(error)
    raise AssertionError("not refused")
'''


@pytest.fixture
def run(emulator: RunningEmulator, wire: str) -> Callable[[str], list[str]]:
    def run_program(text: str) -> list[str]:
        done = subprocess.run(
            [sys.executable, "-c", _CHILD + dedent(text)],
            env={
                "COREWEAVE_API_ENDPOINT": emulator.url,
                "COREWEAVE_API_TOKEN": emulator.admin_token,
                "TRIWIRE_TRANSPORT": wire,
            },
            capture_output=True,
            text=True,
            timeout=_LIMIT_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    return run_program


def test_a_client_that_was_used_before_a_fork_refuses_in_the_child(
    run: Callable[[str], list[str]],
) -> None:
    printed = run(
        """
        from coreweave_inference import InferenceClient

        client = InferenceClient()
        client.gateways.list()

        def child():
            print(refusal(client.gateways.list))
            print(refusal(InferenceClient().gateways.list))
            client.close()

        assert in_child(child) == 0
        client.gateways.list()
        client.close()
        print("parent works")
        """
    )
    assert len(printed) == 3
    assert all("make the first call after the fork" in line for line in printed[:2])
    assert printed[2] == "parent works"


def test_a_client_that_was_not_used_before_a_fork_works_on_both_sides(
    run: Callable[[str], list[str]],
) -> None:
    printed = run(
        """
        from coreweave_inference import InferenceClient

        client = InferenceClient()

        def child():
            client.gateways.list()
            client.close()
            print("child works")

        assert in_child(child) == 0
        client.gateways.list()
        client.close()
        print("parent works")
        """
    )
    assert printed == ["child works", "parent works"]


def test_an_async_client_refuses_in_the_child(run: Callable[[str], list[str]]) -> None:
    printed = run(
        """
        import asyncio
        from coreweave_inference import AsyncInferenceClient

        async def main():
            async with AsyncInferenceClient() as client:
                await client.gateways.list()

                def child():
                    asyncio.events._set_running_loop(None)
                    print(refusal(lambda: asyncio.run(client.gateways.list())))

                assert in_child(child) == 0
                await client.gateways.list()

        asyncio.run(main())
        print("parent works")
        """
    )
    assert "make the first call after the fork" in printed[0]
    assert printed[1:] == ["parent works"]


def test_workers_of_multiprocessing_work_if_the_parent_made_no_call(
    run: Callable[[str], list[str]],
) -> None:
    printed = run(
        """
        import multiprocessing
        from coreweave_inference import InferenceClient

        client = InferenceClient()

        def work(number):
            return len(client.gateways.list()) >= 0

        with multiprocessing.get_context("fork").Pool(2) as pool:
            print(pool.map(work, range(4)))
        """
    )
    assert printed == ["[True, True, True, True]"]


def test_workers_of_multiprocessing_refuse_after_a_call_of_the_parent(
    run: Callable[[str], list[str]],
) -> None:
    printed = run(
        """
        import multiprocessing
        from coreweave_inference import InferenceClient

        client = InferenceClient()
        client.gateways.list()

        def work(number):
            return "forkserver" in refusal(client.gateways.list)

        with multiprocessing.get_context("fork").Pool(2) as pool:
            print(pool.map(work, range(4)))
        """
    )
    assert printed == ["[True, True, True, True]"]


def test_an_async_client_says_that_it_belongs_to_another_loop(
    run: Callable[[str], list[str]],
) -> None:
    printed = run(
        """
        import asyncio
        from coreweave_inference import AsyncInferenceClient

        async def main():
            client = AsyncInferenceClient()
            await client.gateways.list()
            loop = asyncio.new_event_loop()
            thread = asyncio.to_thread(
                lambda: print(refusal(lambda: loop.run_until_complete(client.gateways.list())))
            )
            await thread
            loop.close()
            await client.gateways.list()
            await client.aclose()

        asyncio.run(main())
        """
    )
    assert len(printed) == 1
    assert "belongs to the event loop of its first call" in printed[0]
    assert "the first is still open" in printed[0]


def test_a_sync_client_serves_many_threads(run: Callable[[str], list[str]]) -> None:
    printed = run(
        """
        from concurrent.futures import ThreadPoolExecutor
        from coreweave_inference import InferenceClient

        with InferenceClient() as client, ThreadPoolExecutor(8) as pool:
            # The first calls race for the connection that is made on first use.
            done = list(pool.map(lambda _: isinstance(client.gateways.list(), list), range(80)))
        print(len(done), all(done))
        """
    )
    assert printed == ["80 True"]
