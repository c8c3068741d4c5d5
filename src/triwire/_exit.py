"""Leaving the interpreter when a library's native threads may still be inside Python.

pyqwest answers an asyncio call from one of its own threads, by `loop.call_soon_threadsafe`. That
writes one byte to wake the loop and lets go of the interpreter's lock while it does so. If the
loop was awake anyway, the program can be over before the thread has the lock again; the finalizing
interpreter then ends the thread where it stands, which aborts the process, because Rust's frames
must not be unwound (measured with pyqwest 0.12 on Python 3.11: 8 of 60 short programs ended with
SIGABRT, after having printed everything). So at exit we let such threads out first.
"""

from __future__ import annotations

import atexit
import functools
import sys
import threading
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["let_native_threads_out", "let_native_threads_out_at_exit"]

# Such a thread needs the lock once, for microseconds. The limit is for threads that never leave.
PATIENCE_SECONDS: Final = 0.5
STEP_SECONDS: Final = 0.0005


def let_native_threads_out(
    *,
    monotonic_seconds: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Give up the interpreter's lock until no thread but those of `threading` runs Python.

    Returns after half a second at the latest.

    Args:
        monotonic_seconds: The clock.
        sleep: Called while there is such a thread; must release the interpreter's lock.
    """
    deadline = monotonic_seconds() + PATIENCE_SECONDS
    while monotonic_seconds() < deadline:
        ours = {thread.ident for thread in threading.enumerate()}
        # Documented, in spite of its name.
        running = sys._current_frames()  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - see above
        if running.keys() <= ours:
            return
        sleep(STEP_SECONDS)


@functools.cache
def let_native_threads_out_at_exit() -> None:
    """Arrange for `let_native_threads_out` at the end of the process; once is enough."""
    atexit.register(let_native_threads_out)
