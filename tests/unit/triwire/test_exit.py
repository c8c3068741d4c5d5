"""Native threads inside Python are let out before the interpreter ends."""

from __future__ import annotations

import _thread
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from triwire._exit import PATIENCE_SECONDS, let_native_threads_out

if TYPE_CHECKING:
    from collections.abc import Generator


@contextmanager
def native_thread(gate: threading.Event) -> Generator[int]:
    """A thread that `threading` knows nothing of, inside Python until the gate opens."""
    inside = threading.Event()

    def body() -> None:
        inside.set()
        gate.wait()

    ident = _thread.start_new_thread(body, ())
    assert inside.wait(10)
    try:
        yield ident
    finally:
        gate.set()


def running(ident: int) -> bool:
    frames = sys._current_frames()  # pyright: ignore[reportPrivateUsage] - documented all the same
    return ident in frames


def test_returns_only_when_the_thread_has_left_python() -> None:
    gate = threading.Event()
    with native_thread(gate) as ident:

        def sleep(seconds: float) -> None:
            del seconds
            gate.set()

        let_native_threads_out(monotonic_seconds=lambda: 0.0, sleep=sleep)
        assert not running(ident)


def test_a_thread_that_never_leaves_is_not_waited_for_longer_than_the_limit() -> None:
    gate = threading.Event()
    now = 0.0
    with native_thread(gate) as ident:

        def sleep(seconds: float) -> None:
            nonlocal now
            now += seconds

        let_native_threads_out(monotonic_seconds=lambda: now, sleep=sleep)
        assert running(ident)
    assert now >= PATIENCE_SECONDS


def test_threads_of_the_program_s_own_are_not_waited_for() -> None:
    gate = threading.Event()
    thread = threading.Thread(target=gate.wait)
    thread.start()
    slept = 0.0

    def sleep(seconds: float) -> None:
        nonlocal slept
        slept += seconds
        time.sleep(seconds)

    try:
        # Threads that earlier tests let go may take a moment to leave; this one would never.
        let_native_threads_out(monotonic_seconds=lambda: slept, sleep=sleep)
        assert thread.is_alive()
    finally:
        gate.set()
        thread.join()
    assert slept < PATIENCE_SECONDS
