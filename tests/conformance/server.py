"""The suite's server program: our ASGI application on pyvoy, all protocols on one port.

Usage: python -m tests.conformance.server. Reads one ServerCompatRequest from standard input,
writes one ServerCompatResponse to standard output, each with its length before it, and serves
until SIGTERM.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from typing import Any

from pyvoy import PyvoyServer

from tests.child_server import running
from tests.conformance.application import LIMIT_VARIABLE
from tests.conformance.convert import read_message, write_message
from tests.conformance.stubs import load


async def serve(request: Any) -> None:
    """Serve what the runner asks for, until it says stop."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    creds = request.server_creds if request.use_tls else None
    server = PyvoyServer(
        "tests.conformance.application:app",
        address="127.0.0.1",
        tls_key=creds.key if creds else None,
        tls_cert=creds.cert if creds else None,
        tls_ca_cert=request.client_tls_cert or None,
        tls_enable_http3=False,
        lifespan=False,
        loop="asyncio",
        worker_threads=1,
        additional_envoy_args=["--concurrency", "1"],
        env={LIMIT_VARIABLE: str(request.message_receive_limit)},
        # Nothing but the response may reach standard output.
        stdout=sys.stderr.fileno(),
        stderr=sys.stderr.fileno(),
    )
    async with running(server):
        kind = load("server_compat_pb2").ServerCompatResponse
        response = kind(
            host="127.0.0.1",
            port=server.listener_port,
            pem_cert=creds.cert if creds else b"",
        )
        write_message(sys.stdout.buffer, response.SerializeToString())
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(
        serve(
            load("server_compat_pb2").ServerCompatRequest.FromString(
                read_message(sys.stdin.buffer) or b""
            )
        )
    )
