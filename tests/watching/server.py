"""The scripted fleet in a process of its own, on all wires of one port.

`python -m tests.watching.server` prints the port and ends with its standard input. A plain HTTP
request to /step/N applies a step of the script, one to /asked gives what the fleet was asked.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from tests.watching.fleet import Fleet
from tests.watching.script import STEPS
from triwire.codec.protojson import ProtoJsonCodec
from triwire.server.asgi import asgi_app

if TYPE_CHECKING:
    from collections.abc import Generator

fleet = Fleet()
_api: Any = asgi_app([fleet.service()], codec=ProtoJsonCodec())


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Serve the script's own paths, and the API below all others."""
    path = scope.get("path", "")
    if not path.startswith(("/step/", "/asked")):
        await _api(scope, receive, send)
        return
    if path.startswith("/step/"):
        STEPS[int(path.removeprefix("/step/"))][1](fleet)
    body = json.dumps(fleet.asked).encode()
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class RemoteFleet:
    """The fleet of another process.

    Args:
        port: Where it is served.
    """

    def __init__(self, port: int) -> None:
        self.port = port

    def _ask(self, path: str) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        with contextlib.closing(connection):
            connection.request("GET", path)
            return json.loads(connection.getresponse().read())

    def step(self, number: int) -> None:
        """Apply a step of the script."""
        self._ask(f"/step/{number}")

    def asked(self) -> list[Any]:
        """Return the requests so far."""
        found: list[Any] = self._ask("/asked")
        return found


@contextlib.contextmanager
def serving() -> Generator[RemoteFleet]:
    """Serve in a child process."""
    command = [sys.executable, "-m", "tests.watching.server"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield RemoteFleet(int(process.stdout.readline()))
        finally:
            process.stdin.close()
            process.wait(20)


async def _serve() -> None:
    from pyvoy import PyvoyServer

    server = PyvoyServer(
        "tests.watching.server:app",
        lifespan=False,
        loop="asyncio",
        worker_threads=1,
        additional_envoy_args=["--concurrency", "1"],
    )
    async with server:
        print(server.listener_port, flush=True)  # noqa: T201 - told to the parent
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve())
