"""What this process holds: tasks, threads, file descriptors, memory."""

from __future__ import annotations

import asyncio
import gc
import threading
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Holdings", "holdings"]

_PAGE_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Holdings:
    """What a process holds at one moment.

    Attributes:
        tasks: asyncio tasks of the running loop, this one left out.
        threads: Python's threads.
        native_threads: All threads (Linux; else 0).
        descriptors: Open files and sockets (Linux; else 0).
        bytes: Resident memory (Linux; else 0).
    """

    tasks: int
    threads: int
    native_threads: int
    descriptors: int
    bytes: int


def holdings() -> Holdings:
    """Measure, after a garbage collection."""
    gc.collect()
    own = Path("/proc/self")
    if not own.exists():
        return Holdings(len(asyncio.all_tasks()) - 1, threading.active_count(), 0, 0, 0)
    return Holdings(
        len(asyncio.all_tasks()) - 1,
        threading.active_count(),
        len(list((own / "task").iterdir())),
        len(list((own / "fd").iterdir())),
        int((own / "statm").read_text().split()[1]) * _PAGE_BYTES,
    )
