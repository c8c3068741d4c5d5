"""Where a client may be used: in the process and on the event loop of its first call.

pyqwest and grpcio work with native threads. A child made by fork has none of them, and the first
call there waits for ever (measured with pyqwest 0.12 and grpcio 1.85). So a child in which such
a library cannot work is refused before any I/O. It costs calls nothing: at a fork the clients
themselves forget their connections, and then open anew, which is where they ask here.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Final, Protocol
from weakref import WeakSet

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

__all__ = ["Opener", "enter_process", "other_loop_error"]


class Opener(Protocol):
    """Something that holds a native library's connections."""

    def forget(self) -> object:
        """Return what is open, and act from now on as if nothing were.

        Called in the child of a fork, where what is open must neither be used nor closed.
        """
        ...


_started: Final[set[str]] = set()
_lost: Final[set[str]] = set()
_openers: WeakSet[Opener] = WeakSet()
# Dropping the last reference would close connections, which also waits for native threads.
_kept: Final[list[object]] = []
_lock = threading.Lock()


def enter_process(library: str, opener: Opener) -> None:
    """Note that a native library is about to work in this process, for this opener.

    Raises:
        RuntimeError: it has worked in the process that this one was forked from.
    """
    if library in _lost:
        message = (
            f"this process was forked from one that had made calls with {library}, whose threads "
            "do not survive a fork: make the first call after the fork, or start workers by "
            'multiprocessing\'s "spawn" or "forkserver"'
        )
        raise RuntimeError(message)
    with _lock:
        if not _started:
            os.register_at_fork(after_in_child=_in_child)
        _started.add(library)
        _openers.add(opener)


def _in_child() -> None:
    global _lock  # noqa: PLW0603 - another thread may have held it at the fork
    _lock = threading.Lock()
    _lost.update(_started)
    _kept.extend(opener.forget() for opener in list(_openers))


def other_loop_error(home: AbstractEventLoop) -> RuntimeError:
    """Return the error for a call on another event loop than that of the first call."""
    state = "closed" if home.is_closed() else "still open"
    return RuntimeError(
        "an async client belongs to the event loop of its first call, and this is another one "
        f"(the first is {state}): make a client for each loop, or use the sync client"
    )
