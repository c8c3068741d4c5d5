"""A page of 1,000 deployments over REST, end to end, beside httpx and requests with json_format.

    python -m bench.listing [--rounds 15] [--calls 4] [--json FILE]

The server is another process that answers a prepared body (about 1.1 MB) over a kept HTTP/1.1
connection, so that only the client's work is measured: request, response, 1,000 messages. Each
round measures every client in turn; process CPU of all threads, garbage collection off.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import subprocess
import sys
import threading
import time
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import TYPE_CHECKING

import httpx
import requests
from google.protobuf import json_format

from bench.codec import deployment
from bench.measure import Pair, compare, print_pairs, write_json
from coreweave_inference import InferenceClient
from coreweave_inference.v1alpha1 import ListDeploymentsResponse
from triwire._typing import override
from triwire.codec.protojson import ProtoJsonCodec

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

DEPLOYMENTS = 1000
PATH = "/v1alpha1/inference/deployments"
UNIT = "CPU ms/call"


def page() -> ListDeploymentsResponse:
    """Return what the server answers."""
    return ListDeploymentsResponse(items=[deployment(number) for number in range(DEPLOYMENTS)])


class Handler(StreamRequestHandler):
    """Answers every request of a connection with the prepared body."""

    answer = b""

    @override
    def handle(self) -> None:
        """Read request heads, which have no bodies, until the client leaves."""
        while line := self.rfile.readline():
            if line == b"\r\n":
                self.wfile.write(self.answer)


def serve() -> None:
    """Serve until standard input ends; print the port."""
    body = ProtoJsonCodec().encode(page())
    head = (
        f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    Handler.answer = head.encode() + body
    ThreadingTCPServer.daemon_threads = True
    with ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print(server.server_address[1], flush=True)
        sys.stdin.read()
        server.shutdown()


@contextlib.contextmanager
def serving() -> Generator[str]:
    """Run `serve` in a child process for the length of the block."""
    command = [sys.executable, "-m", "bench.listing", "--serve"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("the server has no pipes")
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.stdin.close()
            process.wait(10)


def measure(url: str, *, rounds: int, calls: int) -> list[Pair]:
    """Measure the three clients."""
    headers = {"authorization": "Bearer none", "accept-encoding": "identity"}
    plain_httpx = httpx.Client(headers=headers, timeout=30)
    plain_requests = requests.Session()
    plain_requests.headers.update(headers)

    def by_httpx() -> int:
        response = plain_httpx.get(url + PATH)
        return len(json_format.Parse(response.content, ListDeploymentsResponse()).items)

    def by_requests() -> int:
        response = plain_requests.get(url + PATH, timeout=30)
        return len(json_format.Parse(response.content, ListDeploymentsResponse()).items)

    with InferenceClient(url, token="any", transport="rest") as client, plain_httpx:  # noqa: S106 - checked by nobody

        def by_triwire() -> int:
            return len(client.deployments.list())

        clients: dict[str, Callable[[], int]] = {
            "triwire": by_triwire,
            "httpx + json_format": by_httpx,
            "requests + json_format": by_requests,
        }
        for name, call in clients.items():
            if call() != DEPLOYMENTS:
                raise SystemExit(f"{name} does not read the page: there is nothing to measure")
        found: dict[str, list[float]] = {name: [] for name in clients}
        order = list(clients)
        for _ in range(rounds):
            for name in order:
                found[name].append(_milliseconds(clients[name], calls))
            order.reverse()
    plain_requests.close()
    return [
        compare(f"list {DEPLOYMENTS} deployments", peer, UNIT, found["triwire"], found[peer])
        for peer in clients
        if peer != "triwire"
    ]


def _milliseconds(call: Callable[[], int], calls: int) -> float:
    started = time.process_time()
    for _ in range(calls):
        call()
    return (time.process_time() - started) / calls * 1e3


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--calls", type=int, default=4)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve()
        return
    gc.disable()
    with serving() as url:
        pairs = measure(url, rounds=options.rounds, calls=options.calls)
    print_pairs("A page over REST, process CPU milliseconds per call", pairs)
    if options.json is not None:
        write_json(options.json, pairs)


if __name__ == "__main__":
    main()
