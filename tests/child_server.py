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
    from collections.abc import AsyncGenerator, Generator

    from pyvoy import PyvoyServer

__all__ = ["running", "serving_child"]

_STOP_SECONDS = 60
_STARTS = 3


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


@contextlib.asynccontextmanager
async def running(server: PyvoyServer) -> AsyncGenerator[None]:
    """Run a server for the length of the block.

    pyvoy gives it ten seconds to start, which are not enough where many processes wait for a CPU:
    it is started again then.
    """
    from pyvoy import StartupError

    for left in reversed(range(_STARTS)):
        try:
            await server.start()
        except StartupError:
            if not left:
                raise
        else:
            break
    try:
        yield
    finally:
        await server.stop()


async def _serve(application: str) -> None:
    from pyvoy import PyvoyServer

    server = PyvoyServer(
        application,
        lifespan=False,
        loop="asyncio",
        worker_threads=1,
        additional_envoy_args=["--concurrency", "1"],
    )
    async with running(server):
        print(server.listener_port, flush=True)  # noqa: T201 - told to the parent
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1]))
