"""The admin interface: HTTP and JSON on a port of its own, for tests that steer the emulator.

It has no access control, so it listens on loopback unless told otherwise, and takes bodies as
application/json only: no web page can make a browser send one without asking first.
"""

from __future__ import annotations

import json
import sys
import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final
from urllib.parse import unquote

from coreweave_inference.emulator.faults.fields import MAX_SECONDS, flag, number, read
from coreweave_inference.emulator.faults.script import FaultScript
from triwire._typing import override

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from coreweave_inference.emulator.faults.plan import FaultPlan
    from coreweave_inference.emulator.store import Store

__all__ = ["Admin", "AdminServer", "Refusal"]

_MAX_BODY_BYTES: Final = 1024 * 1024
_SOCKET_SECONDS: Final = 10.0


class Refusal(Exception):  # noqa: N818 - an answer, not a bug
    """A request that changes nothing; the text says why.

    Attributes:
        status: Of HTTP.
        headers: Further response headers.
    """

    def __init__(self, status: int, message: str, **headers: str) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    """What POST /clock takes."""

    step_seconds: Annotated[float, number(-MAX_SECONDS, MAX_SECONDS)]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reset:
    """What POST /reset takes."""

    objects: Annotated[bool, flag] = False


class Admin:
    """What the interface can do, without HTTP.

    Args:
        plan: The faults.
        store: The resources.
    """

    def __init__(self, plan: FaultPlan, store: Store) -> None:
        self._plan = plan
        self._store = store

    def answer(self, verb: str, path: str, body: bytes) -> tuple[int, Any]:
        """Return the status and the JSON value of an answer.

        Raises:
            Refusal: the request cannot be done; nothing has changed.
        """
        place, _, name = path.partition("?")[0].strip("/").partition("/")
        if place == "faults" and name:
            return self._by_name(verb, unquote(name))
        actions = self._actions().get(place) if not name else None
        if actions is None:
            raise Refusal(404, f"unknown path {path[:200]!r}: expected {', '.join(_PATHS)}")
        action = actions.get(verb)
        if action is None:
            raise _wrong_verb(verb, actions)
        try:
            return action(_parsed(body))
        except ValueError as error:
            raise Refusal(400, str(error)) from error

    def _actions(self) -> dict[str, dict[str, Callable[[Any], tuple[int, Any]]]]:
        return {
            "state": {"GET": lambda _: (200, self._state())},
            "faults": {
                "GET": lambda _: (200, self._plan.describe()),
                "PUT": self._load,
                "POST": lambda value: (201, self._plan.add(value).to_plain()),
                "DELETE": lambda _: self._load({}),
            },
            "clock": {"POST": self._step},
            "reset": {"POST": self._reset},
        }

    def _by_name(self, verb: str, name: str) -> tuple[int, Any]:
        if verb != "DELETE":
            raise _wrong_verb(verb, ("DELETE",))
        if not self._plan.remove(name):
            raise Refusal(404, f"no fault is named {name!r}")
        return 200, self._plan.describe()

    def _state(self) -> dict[str, Any]:
        return {
            "faults": self._plan.describe(),
            "clock": self._clock(),
            "objects": self._store.counts(),
        }

    def _clock(self) -> dict[str, Any]:
        offset_seconds, _ = self._plan.clock_offset()
        now = datetime.now(UTC) + timedelta(seconds=offset_seconds)
        return {
            "offset_seconds": offset_seconds,
            "now": f"{now.replace(tzinfo=None).isoformat()}Z",
            "elapsed_seconds": self._plan.elapsed_seconds,
        }

    def _load(self, value: Any) -> tuple[int, Any]:  # noqa: ANN401 - JSON
        self._plan.load(FaultScript.from_plain({} if value is None else value))
        return 200, self._plan.describe()

    def _step(self, value: Any) -> tuple[int, Any]:  # noqa: ANN401 - JSON
        self._plan.step_clock(read(_Step, value, where="body").step_seconds)
        return 200, self._clock()

    def _reset(self, value: Any) -> tuple[int, Any]:  # noqa: ANN401 - JSON
        wanted = read(_Reset, {} if value is None else value, where="body")
        self._plan.load(FaultScript())
        self._plan.reset_clock()
        if wanted.objects:
            self._store.clear()
        return 200, self._state()


_PATHS: Final = ("/state", "/faults", "/faults/NAME", "/clock", "/reset")


def _wrong_verb(verb: str, allowed: Any) -> Refusal:  # noqa: ANN401 - any names
    names = ", ".join(allowed)
    return Refusal(405, f"{verb} is not served here: expected {names}", allow=names)


def _parsed(body: bytes) -> Any:  # noqa: ANN401 - JSON
    if not body.strip():
        return None
    try:
        return json.loads(body)
    except ValueError as error:
        raise Refusal(400, f"expected JSON: {error}") from error


class _ThreadedServer(ThreadingHTTPServer):
    daemon_threads = True

    @override
    def handle_error(
        self,
        request: socket.socket | tuple[bytes, socket.socket],
        client_address: Any,  # noqa: ANN401 - an address of any family
    ) -> None:
        """Report what is wrong here; a caller that goes away is no fault of the server."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class AdminServer:
    """Serves an `Admin` in threads of its own until it is closed.

    Args:
        listener: A listening TCP socket; it is taken over.
        admin: What answers.
    """

    def __init__(self, listener: socket.socket, admin: Admin) -> None:
        self._server = _ThreadedServer(
            listener.getsockname()[:2], _handler(admin), bind_and_activate=False
        )
        self._server.socket.close()
        self._server.socket = listener
        self._thread = threading.Thread(
            target=self._server.serve_forever, name="admin", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stop serving; idempotent."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _handler(admin: Admin) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout: ClassVar[float | None] = _SOCKET_SECONDS

        def _answer(self) -> None:
            headers: dict[str, str] = {}
            try:
                status, value = admin.answer(self.command, self.path, self._body())
            except Refusal as refusal:
                status, value, headers = refusal.status, {"error": str(refusal)}, refusal.headers
            document = json.dumps(value, indent=2).encode() + b"\n"
            self.send_response(status)
            for name, text in headers.items():
                self.send_header(name, text)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(document)))
            self.end_headers()
            self.wfile.write(document)

        do_GET = do_PUT = do_POST = do_DELETE = do_PATCH = _answer  # noqa: N815 - http.server's names

        def _body(self) -> bytes:
            length = self.headers.get("content-length", "0")
            if self.headers.get("transfer-encoding") or not (length.isascii() and length.isdigit()):
                self.close_connection = True
                raise Refusal(411, "expected a content-length")
            if int(length) > _MAX_BODY_BYTES:
                self.close_connection = True
                raise Refusal(413, f"expected at most {_MAX_BODY_BYTES} bytes, got {length}")
            body = self.rfile.read(int(length))
            kind = self.headers.get("content-type", "").partition(";")[0].strip().lower()
            if body and kind != "application/json":
                raise Refusal(415, f"expected content-type application/json, got {kind!r:.80}")
            return body

        @override
        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
            """Say nothing: requests are the business of who makes them."""

    return Handler
