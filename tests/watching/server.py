"""The scripted fleet in a process of its own, on all wires of one port.

A plain HTTP request to /step/N applies a step of the script, one to /asked gives what the fleet
was asked.
"""

from __future__ import annotations

import contextlib
import http.client
import json
from typing import TYPE_CHECKING, Any

from tests.child_server import serving_child
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
    """Serve in a child process for the length of the block."""
    with serving_child("tests.watching.server:app") as port:
        yield RemoteFleet(port)
