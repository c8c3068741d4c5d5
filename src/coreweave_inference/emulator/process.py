"""The emulator's processes: the command supervises, Envoy with Python inside serves.

                       settings, then silence (pipe)
    cw-inference ------------------------------------> envoy: listener, admin on loopback
       |   starts, asks the admin interface, drains        `- one Python worker thread: ASGI
       `-- SIGTERM, SIGINT

Envoy runs in a session of its own, so that Ctrl-C in a terminal reaches the command alone and
calls in flight can end. If the command is killed the pipe closes, and Envoy ends by itself.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import queue
import select
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from coreweave_inference.emulator import envoy
from coreweave_inference.emulator.child import LIFELINE_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import FrameType, TracebackType
    from typing import Self

    from coreweave_inference.emulator.settings import ServerSettings

__all__ = ["EmulatorProcess", "Listen", "StartError", "run"]

_APPLICATION: Final = "coreweave_inference.emulator.child:app"
_START_SECONDS: Final = 30.0
_STOP_SECONDS: Final = 5.0
_POLL_SECONDS: Final = 0.02
_IN_FLIGHT: Final = "http.ingress_http.downstream_rq_active"


class StartError(Exception):
    """The emulator cannot start; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Listen:
    """Where to listen.

    Attributes:
        host: Host name or IP address.
        port: TCP port, or 0 for any free one.
        tls: Certificate chain and private key, both PEM files, or None for plaintext.
    """

    host: str = "127.0.0.1"
    port: int = 0
    tls: tuple[Path, Path] | None = None

    def listener(self) -> socket.socket:
        """Return a socket that listens there, for the admin interface.

        Raises:
            StartError: unknown host, taken port.
        """
        try:
            return socket.create_server((self.host, self.port), family=_family(self.host))
        except OSError as error:
            raise StartError(
                f"cannot listen on port {self.port} of {self.host}: {error.strerror}; choose "
                "another with --admin-port (0 takes any free one)"
            ) from error

    def check(self) -> str:
        """Return the IP address to bind, after a look at everything that can be wrong.

        Raises:
            StartError: unknown host, taken port, unusable certificate.
        """
        if self.tls is not None:
            _check_certificate(*self.tls)
        try:
            family, _, _, _, where = socket.getaddrinfo(
                self.host, self.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )[0]
        except OSError as error:
            raise StartError(f"unknown host {self.host!r}: {error.strerror}") from error
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            # As Envoy does: without it, connections that linger after a stop block the port.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(where)
                probe.listen(1)
            except OSError as error:
                raise StartError(
                    f"cannot listen on port {self.port} of {self.host}: {error.strerror}; choose "
                    "another with --port (0 takes any free one)"
                ) from error
        return str(where[0])

    def url(self, port: int) -> str:
        """Return the address for clients once the port is known."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104 - compared, not bound
        host = f"[{host}]" if ":" in host else host
        return f"{'https' if self.tls else 'http'}://{host}:{port}"


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _check_certificate(certificate: Path, key: Path) -> None:
    for path in (certificate, key):
        try:
            path.read_bytes()
        except OSError as error:
            raise StartError(f"cannot read {str(path)!r}: {error.strerror}") from error
    try:
        # A key with a passphrase would make OpenSSL ask at the terminal.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password="")
    except (ssl.SSLError, ValueError) as error:
        raise StartError(
            f"{str(certificate)!r} and {str(key)!r} are no PEM certificate with its private "
            f"key (without a passphrase): {error}"
        ) from error


class EmulatorProcess:
    """A running Envoy with the emulator inside. A context manager: leaving it stops Envoy.

    Args:
        listen: Where to listen.
        settings: What the child is told.
        admin: Where its admin interface listens, or None for no interface.

    Attributes:
        url: The address for clients, once started.
        admin_url: The address of the admin interface, or "".
    """

    def __init__(
        self, listen: Listen, settings: ServerSettings, *, admin: Listen | None = None
    ) -> None:
        self._listen = listen
        self._settings = settings
        self._admin_listen = admin
        self.admin_url = ""
        self._process: subprocess.Popen[str] | None = None
        self._lifeline: int | None = None
        self._envoy_admin: tuple[str, int] | None = None
        self._messages: list[str] = []
        self._reader: threading.Thread | None = None
        self.url = ""

    def __enter__(self) -> Self:
        """Start Envoy and wait until it serves.

        Raises:
            StartError: it does not start.
        """
        address = self._listen.check()
        if self._admin_listen is not None:
            with self._admin_listen.listener() as listener:
                self.admin_url = self._admin_listen.url(listener.getsockname()[1])
                return self._start(address, listener)
        return self._start(address, None)

    def _start(self, address: str, admin_listener: socket.socket | None) -> Self:
        try:
            environment = envoy.environment()
        except envoy.EnvoyMissingError as error:
            raise StartError(str(error)) from error
        # Pipes and not files: nothing is left behind whenever the command is killed.
        admin_read, admin_write = os.pipe()
        try:
            arguments = envoy.command(
                _APPLICATION,
                address=address,
                port=self._listen.port,
                tls=self._listen.tls,
                admin_address_file=f"/dev/fd/{admin_write}",
                documented_style=self._settings.documented_style,
            )
            try:
                self._spawn(arguments, environment, admin_write, admin_listener)
            finally:
                os.close(admin_write)
            self._wait_until_serving(admin_read)
        except BaseException:
            self.stop()
            raise
        finally:
            os.close(admin_read)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def _spawn(
        self,
        arguments: list[str],
        environment: dict[str, str],
        envoy_admin: int,
        admin_listener: socket.socket | None,
    ) -> None:
        descriptors = [envoy_admin]
        settings = self._settings
        if admin_listener is not None:
            descriptors.append(admin_listener.fileno())
            settings = replace(settings, admin_descriptor=admin_listener.fileno())
        read_end, write_end = os.pipe()
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own arguments
                arguments,
                env={**os.environ, **environment, LIFELINE_VARIABLE: str(read_end)},
                pass_fds=(read_end, *descriptors),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                start_new_session=True,
            )
        finally:
            os.close(read_end)
        self._lifeline = write_end
        self._reader = threading.Thread(
            target=self._read_messages, args=(self._process,), name="envoy-stderr", daemon=True
        )
        self._reader.start()
        os.write(write_end, settings.to_json().encode() + b"\n")

    def _read_messages(self, process: subprocess.Popen[str]) -> None:
        """Keep what Envoy says until it serves; pass on what it says later.

        What it says while it stops is dropped: on a busy machine pyvoy 1.3.0 may report that it
        cannot join a thread of its own, long after the last call has ended.
        """
        for line in process.stderr or ():
            if not self.url:
                self._messages.append(line)
            elif self._process is not None:
                sys.stderr.write(line)

    def _wait_until_serving(self, admin_read: int) -> None:
        end = time.monotonic() + _START_SECONDS
        while time.monotonic() < end:
            if self._process is None or self._process.poll() is not None:
                if self._reader is not None:
                    self._reader.join(_STOP_SECONDS)
                raise StartError(f"the server did not start: {_reason(self._messages)}")
            if self._envoy_admin is None:
                ready, _, _ = select.select([admin_read], [], [], _POLL_SECONDS)
                if ready:
                    host, _, port = os.read(admin_read, 200).decode().rpartition(":")
                    self._envoy_admin = (host.strip("[]"), int(port))
                continue
            port_found = self._serving_port()
            if port_found is not None:
                self.url = self._listen.url(port_found)
                return
            time.sleep(_POLL_SECONDS)
        raise StartError(f"the server did not start within {_START_SECONDS:g} s")

    def _serving_port(self) -> int | None:
        """Return the listener's port once Envoy is initialized."""
        with contextlib.suppress(OSError, http.client.HTTPException, KeyError, ValueError):
            if self._ask("GET", "/ready").strip() != b"LIVE":
                return None
            statuses: list[Any] = json.loads(self._ask("GET", "/listeners?format=json"))[
                "listener_statuses"
            ]
            return int(statuses[0]["local_address"]["socket_address"]["port_value"])
        return None

    def _ask(self, verb: str, path: str) -> bytes:
        if self._envoy_admin is None:
            raise OSError("the admin interface is not up")
        connection = http.client.HTTPConnection(*self._envoy_admin, timeout=2)
        try:
            connection.request(verb, path)
            return connection.getresponse().read()
        finally:
            connection.close()

    def wait(self) -> int:
        """Wait until Envoy ends, whatever the reason, and return its exit status."""
        process = self._process  # `stop`, in another thread, takes it away
        return process.wait() if process is not None else 0

    def drain(self, *, seconds: float, hurry: Callable[[], bool]) -> None:
        """Take no new connections and wait for the calls in flight.

        Args:
            seconds: How long to wait at most.
            hurry: Asked again and again; True ends the wait.
        """
        end = time.monotonic() + seconds
        is_told = False
        while time.monotonic() < end and not hurry():
            # On a busy machine an answer may be late; that is no reason to cut calls off.
            with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
                if not is_told:
                    self._ask("POST", "/drain_listeners")
                    is_told = True
                answer = self._ask("GET", f"/stats?filter=^{_IN_FLIGHT}$").decode()
                if int(answer.rpartition(":")[2]) == 0:
                    return
            time.sleep(_POLL_SECONDS)

    def stop(self) -> None:
        """Stop Envoy, closing the database; by force if it takes too long. Idempotent."""
        process, self._process = self._process, None
        if process is not None:
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(_STOP_SECONDS)
                except subprocess.TimeoutExpired:
                    process.kill()
            process.wait()
            if self._reader is not None:
                self._reader.join(_STOP_SECONDS)
            if process.stderr is not None:
                process.stderr.close()
        if self._lifeline is not None:
            os.close(self._lifeline)
            self._lifeline = None


def _reason(messages: list[str]) -> str:
    """Return what Envoy said, without its own last word, which repeats the configuration."""
    told = [line for line in messages if "static_resources" not in line]
    return "".join(told).strip() or "it ended without a message"


def run(
    listen: Listen,
    settings: ServerSettings,
    *,
    started: Callable[[EmulatorProcess], None],
    admin: Listen | None = None,
    drain_seconds: float = 5.0,
) -> None:
    """Serve until SIGTERM or SIGINT, then let calls in flight end.

    To be called in the main thread. A second signal ends the wait for calls in flight.

    Args:
        listen: Where to listen.
        settings: What the child is told.
        started: Called once the emulator serves.
        admin: Where its admin interface listens, or None for no interface.
        drain_seconds: How long calls in flight may take.

    Raises:
        StartError: it cannot start, or ended by itself.
    """
    events: queue.SimpleQueue[str] = queue.SimpleQueue()

    def signalled(number: int, frame: FrameType | None) -> None:
        del number, frame
        events.put("stop")

    before = {number: signal.signal(number, signalled) for number in _SIGNALS}
    try:
        with EmulatorProcess(listen, settings, admin=admin) as process:
            started(process)

            def watch() -> None:
                process.wait()
                events.put("ended")

            threading.Thread(target=watch, name="watch-envoy", daemon=True).start()
            if events.get() == "ended":
                raise StartError("the server ended by itself: this is a bug, or it was killed")
            process.drain(seconds=drain_seconds, hurry=lambda: not events.empty())
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)
