"""The server that every client is measured against: the emulator, as a child process."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["Server", "emulator"]


class Server(NamedTuple):
    """Where the emulator listens, and the Admin token it printed."""

    endpoint: str
    token: str


@contextlib.contextmanager
def emulator(*flags: str) -> Generator[Server]:
    """Run the emulator on a free loopback port, with flags, for the length of the block."""
    command = [sys.executable, "-m", "coreweave_inference.cli", "emulator", "--port", "0", *flags]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        lines = process.stdout or ()
        try:
            printed = ""
            for line in lines:
                printed += line
                endpoint = re.search(r"https?://[0-9.:\[\]]+", printed)
                tokens = re.findall(r"CW-SECRET-[\w-]+", printed)
                if endpoint and len(tokens) > 1:
                    yield Server(endpoint.group(), tokens[0])
                    return
            message = f"the emulator did not start: {printed!r}"
            raise RuntimeError(message)
        finally:
            process.terminate()
            process.wait(10)
