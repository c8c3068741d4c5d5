"""Watches of blocking code: what wakes them, what ends them, and what a fork does."""

from __future__ import annotations

import gc
import os
import random
import signal
import subprocess
import sys
import threading
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from coreweave_inference_gen.coreweave.inference.v1alpha1.deployment_triwire import Deployments
from tests.watching.fleet import Fleet, brief, deployment
from triwire._typing import override
from triwire.call.sync import Caller
from triwire.errors import Code, RpcError
from triwire.testing import MemoryTransport
from triwire.watch import WatchOptions

if TYPE_CHECKING:
    from collections.abc import Callable

    from coreweave_inference_gen.coreweave.inference.v1alpha1 import deployment_pb2 as pb
    from triwire.watch import Watch

PATIENCE_SECONDS = 20.0
# No poll follows the first while a test lasts.
RARE = WatchOptions(fast_interval_seconds=3600, idle_interval_seconds=3600, jitter=0.0)


class SlowFleet(Fleet):
    """Answers when it is let."""

    def __init__(self, *objects: pb.Deployment) -> None:
        super().__init__(*objects)
        self.is_asked = threading.Event()
        self.may_answer = threading.Event()

    @override
    def list_deployments(self, request: Any, context: Any, /) -> Any:
        self.is_asked.set()
        self.may_answer.wait(PATIENCE_SECONDS)
        return super().list_deployments(request, context)


def deployments(fleet: Fleet) -> tuple[Deployments, Caller]:
    caller = Caller(MemoryTransport([fleet.service()]))
    return Deployments(caller), caller


def pollers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("watch of")]


def in_thread(function: Callable[[], object]) -> tuple[threading.Thread, list[object]]:
    """Run a function beside the test; its result or error is appended to the list."""
    found: list[object] = []

    def run() -> None:
        try:
            found.append(function())
        except (Exception, StopIteration) as error:  # noqa: BLE001 - the test looks at it
            found.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread, found


def gone(threads: list[threading.Thread]) -> bool:
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
    return not any(thread.is_alive() for thread in threads)


def test_closing_from_another_thread_wakes_a_waiting_step_and_a_sleeping_loop() -> None:
    listed, _ = deployments(Fleet(deployment("a", 1)))
    watch = listed.watch(options=RARE)
    next(watch)
    mine = pollers()
    thread, found = in_thread(lambda: next(watch))
    watch.close()
    thread.join(PATIENCE_SECONDS)
    assert isinstance(found[0], StopIteration)
    assert gone(mine)


def test_closing_does_not_wait_for_an_answer() -> None:
    fleet = SlowFleet(deployment("a", 1))
    listed, _ = deployments(fleet)
    watch = listed.watch()
    thread, found = in_thread(lambda: next(watch))
    assert fleet.is_asked.wait(PATIENCE_SECONDS)
    mine = pollers()
    watch.close()
    thread.join(PATIENCE_SECONDS)
    assert isinstance(found[0], StopIteration)
    fleet.may_answer.set()
    assert gone(mine)
    assert len(fleet.asked) == 1


def test_closing_the_client_wakes_a_waiting_step_with_an_error() -> None:
    listed, caller = deployments(Fleet(deployment("a", 1)))
    watch = listed.watch(options=RARE)
    next(watch)
    mine = pollers()
    thread, found = in_thread(lambda: next(watch))
    caller.close()
    thread.join(PATIENCE_SECONDS)
    assert isinstance(found[0], ValueError)
    assert gone(mine)


def test_leaving_the_loop_by_break_ends_the_polling() -> None:
    listed, _ = deployments(Fleet(deployment("a", 1)))
    for event in listed.watch(options=RARE):
        assert brief(event) == ("added", "a", "")
        break
    gc.collect()
    assert gone(pollers())


def test_ctrl_c_ends_a_step_that_waits() -> None:
    program = (
        "from tests.unit.watch.test_watch_threads import *\n"
        # A shell starts what it runs in the background with this signal ignored.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "watch = deployments(Fleet(deployment('a', 1)))[0].watch(options=RARE)\n"
        "next(watch)\n"
        "try:\n"
        "    print('waits', flush=True)\n"
        "    next(watch)\n"
        "except KeyboardInterrupt:\n"
        "    print('interrupted')\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "waits\n"
        process.send_signal(signal.SIGINT)
        try:
            assert process.communicate(timeout=PATIENCE_SECONDS)[0] == "interrupted\n"
            assert process.returncode == 0
        finally:
            process.kill()


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_child_is_told_that_the_watch_is_its_parents_and_may_have_its_own() -> None:
    listed, _ = deployments(Fleet(deployment("a", 1)))
    watch = listed.watch(options=RARE)
    next(watch)
    child = os.fork()
    if not child:
        status = 1
        try:
            next(watch)
        except RuntimeError:
            own = listed.watch(options=RARE)
            status = 0 if brief(next(own)) == ("added", "a", "") else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    watch.close()


def test_many_threads_come_and_go_without_disturbing_one_another() -> None:
    fleet = Fleet(*(deployment(name, 1, content="1") for name in "abc"))
    listed, caller = deployments(fleet)
    steady: Watch[Any] = listed.watch(options=RARE)
    told = [brief(next(steady)) for _ in range(3)]

    def come_and_go(seed: int) -> list[tuple[str, ...]]:
        rng = random.Random(seed)  # noqa: S311 - a test's choice is no secret
        last: list[tuple[str, ...]] = []
        for _ in range(20):
            with listed.watch(options=RARE) as watch:
                last = [brief(next(watch)) for _ in range(rng.randint(1, 3))]
        return last

    workers = [in_thread(partial(come_and_go, seed)) for seed in range(8)]
    assert gone([thread for thread, _ in workers])
    assert all(isinstance(found[0], list) for _, found in workers)
    assert sorted(told) == [("added", name, "1") for name in "abc"]
    assert len(fleet.asked) == 1
    caller.close()
    with pytest.raises(ValueError, match="closed"):
        next(steady)


def test_the_error_that_ends_a_loop_reaches_every_watch_as_its_own() -> None:
    fleet = SlowFleet()
    fleet.answers.append(RpcError(Code.INVALID_ARGUMENT, "not so"))
    listed, _ = deployments(fleet)
    watches = [listed.watch() for _ in range(3)]
    for watch in watches:
        assert watch.drain() == []
    steps = [in_thread(partial(next, watch)) for watch in watches]
    assert fleet.is_asked.wait(PATIENCE_SECONDS)
    fleet.may_answer.set()
    assert gone([thread for thread, _ in steps])
    errors = [found[0] for _, found in steps]
    assert {type(error) for error in errors} == {RpcError}
    assert len({id(error) for error in errors}) == 3
