"""An ASGI application of the tests as a child process: every wire on one port.

`python -m tests.child_server module:app` serves it on pyvoy, prints the port and ends with its
standard input.
"""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["serving_child"]

_STOP_SECONDS = 20


@contextlib.contextmanager
def serving_child(application: str, *, stderr: int | None = None) -> Generator[int]:
    """Serve an application for the length of the block; yield its port on 127.0.0.1.

    Args:
        application: "module:name".
        stderr: Where what the child says goes, as for Popen.
    """
    command = [sys.executable, "-m", "tests.child_server", application]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.stdin.close()
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                # Leaving the block would wait for ever, for a call that a failed test left open.
                process.kill()
                raise


async def _serve(application: str) -> None:
    from pyvoy import PyvoyServer

    server = PyvoyServer(
        application,
        lifespan=False,
        loop="asyncio",
        worker_threads=1,
        additional_envoy_args=["--concurrency", "1"],
    )
    async with server:
        print(server.listener_port, flush=True)  # noqa: T201 - told to the parent
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1]))
