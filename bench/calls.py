"""Process CPU per call and throughput of the facade beside the bare clients.

    python -m bench.calls [--rounds 9] [--calls 320] [--json FILE]

Each round measures every client in turn against one emulator on loopback: GetGateway by id,
request built and response decoded, bearer token and a timeout on both sides, nothing compressed.
CPU is that of this process, all threads (`time.process_time`); the server is another process.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio
import httpx
import pyqwest
from connectrpc.protocol import ProtocolType
from google.protobuf import json_format

from bench.measure import Pair, compare, print_pairs, write_json
from bench.server import Server, emulator
from coreweave_inference import AsyncInferenceClient, InferenceClient
from coreweave_inference.v1alpha1 import GetGatewayRequest, GetGatewayResponse
from coreweave_inference_gen.coreweave.inference.v1alpha1.gateway_connect import (
    GatewayServiceClient,
    GatewayServiceClientSync,
)
from coreweave_inference_gen.coreweave.inference.v1alpha1.gateway_pb2_grpc import (
    GatewayServiceStub,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

TIMEOUT_SECONDS = 30.0
PEERS = {
    "connect": "connectrpc",
    "grpc": "grpcio stub",
    "grpc-web": "connectrpc",
    "rest": "httpx + json_format",
}
# pyqwest's own compression off, as in the facade.
PLAIN: dict[str, Any] = {
    "enable_gzip": False,
    "enable_brotli": False,
    "enable_zstd": False,
    "enable_otel": False,
    "pool_max_idle_per_host": 128,
}


def rest_url(server: Server, gateway_id: str) -> str:
    """URL of one gateway for a plain HTTP client."""
    return f"{server.endpoint}/v1alpha1/inference/gateways/{gateway_id}"


async def measure_async(
    server: Server, gateway_id: str, *, concurrency: int, rounds: int, calls: int
) -> list[Pair]:
    """Measure every wire at one level of concurrency."""
    headers = {"authorization": f"Bearer {server.token}"}
    metadata = tuple(headers.items())
    milliseconds = int(TIMEOUT_SECONDS * 1000)
    http = pyqwest.Client(pyqwest.HTTPTransport(**PLAIN))
    connect, web = (
        GatewayServiceClient(
            server.endpoint,
            protocol=protocol,
            accept_compression=(),
            send_compression=None,
            http_client=http,
        )
        for protocol in (ProtocolType.CONNECT, ProtocolType.GRPC_WEB)
    )
    channel = grpc.aio.insecure_channel(server.endpoint.removeprefix("http://"))
    stub: Any = GatewayServiceStub(channel)
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    rest = httpx.AsyncClient(
        headers={**headers, "accept-encoding": "identity"}, timeout=TIMEOUT_SECONDS, limits=limits
    )
    url = rest_url(server, gateway_id)

    async def bare_connect(client: GatewayServiceClient) -> None:
        request = GetGatewayRequest(id=gateway_id)
        await client.get_gateway(request, headers=headers, timeout_ms=milliseconds)

    async def bare_grpc() -> None:
        request = GetGatewayRequest(id=gateway_id)
        await stub.GetGateway(request, metadata=metadata, timeout=TIMEOUT_SECONDS)

    async def bare_rest() -> None:
        response = await rest.get(url)
        json_format.Parse(response.content, GetGatewayResponse())

    theirs: dict[str, Callable[[], Awaitable[object]]] = {
        "connect": lambda: bare_connect(connect),
        "grpc": bare_grpc,
        "grpc-web": lambda: bare_connect(web),
        "rest": bare_rest,
    }
    clients = {
        wire: AsyncInferenceClient(
            server.endpoint, token=server.token, transport=wire, timeout_seconds=TIMEOUT_SECONDS
        )
        for wire in PEERS
    }

    async def run(call: Callable[[], Awaitable[object]]) -> tuple[float, float]:
        async def worker() -> None:
            for _ in range(calls // concurrency):
                await call()

        cpu, wall = time.process_time(), time.perf_counter()
        await asyncio.gather(*(worker() for _ in range(concurrency)))
        done = calls // concurrency * concurrency
        return (
            (time.process_time() - cpu) / done * 1e6,
            done / (time.perf_counter() - wall),
        )

    def facade(wire: str) -> Callable[[], Awaitable[object]]:
        return partial(clients[wire].gateways.get, gateway_id)

    pairs: list[Pair] = []
    for wire, peer in PEERS.items():
        both = [facade(wire), theirs[wire]]
        for call in both:
            await run(call)
        found: list[list[tuple[float, float]]] = [[], []]
        order = [0, 1]
        for _ in range(rounds):
            for index in order:
                found[index].append(await run(both[index]))
            order.reverse()
        label = f"async x{concurrency} {wire}"
        for position, unit in enumerate(("CPU us/call", "calls/s")):
            ours, peers = ([entry[position] for entry in side] for side in found)
            pairs.append(compare(f"{label} {unit}", peer, unit, ours, peers))
    for client in clients.values():
        await client.aclose()
    await rest.aclose()
    await channel.close(None)
    return pairs


def measure_sync(
    server: Server, gateway_id: str, *, threads: int, rounds: int, calls: int
) -> list[Pair]:
    """Measure every wire from some threads, which share a client."""
    headers = {"authorization": f"Bearer {server.token}"}
    metadata = tuple(headers.items())
    milliseconds = int(TIMEOUT_SECONDS * 1000)
    http = pyqwest.SyncClient(pyqwest.SyncHTTPTransport(**PLAIN))
    connect, web = (
        GatewayServiceClientSync(
            server.endpoint,
            protocol=protocol,
            accept_compression=(),
            send_compression=None,
            http_client=http,
        )
        for protocol in (ProtocolType.CONNECT, ProtocolType.GRPC_WEB)
    )
    channel = grpc.insecure_channel(server.endpoint.removeprefix("http://"))
    stub: Any = GatewayServiceStub(channel)
    rest = httpx.Client(headers={**headers, "accept-encoding": "identity"}, timeout=TIMEOUT_SECONDS)
    url = rest_url(server, gateway_id)
    theirs: dict[str, Callable[[], object]] = {
        "connect": lambda: connect.get_gateway(
            GetGatewayRequest(id=gateway_id), headers=headers, timeout_ms=milliseconds
        ),
        "grpc": lambda: stub.GetGateway(
            GetGatewayRequest(id=gateway_id), metadata=metadata, timeout=TIMEOUT_SECONDS
        ),
        "grpc-web": lambda: web.get_gateway(
            GetGatewayRequest(id=gateway_id), headers=headers, timeout_ms=milliseconds
        ),
        "rest": lambda: json_format.Parse(rest.get(url).content, GetGatewayResponse()),
    }

    pool = ThreadPoolExecutor(threads)

    def repeat(call: Callable[[], object], count: int) -> None:
        for _ in range(count):
            call()

    def run(call: Callable[[], object]) -> tuple[float, float]:
        each = calls // threads
        cpu, wall = time.process_time(), time.perf_counter()
        if threads == 1:
            repeat(call, each)
        else:
            for future in [pool.submit(repeat, call, each) for _ in range(threads)]:
                future.result()
        done = each * threads
        return (
            (time.process_time() - cpu) / done * 1e6,
            done / (time.perf_counter() - wall),
        )

    pairs: list[Pair] = []
    for wire, peer in PEERS.items():
        with InferenceClient(
            server.endpoint, token=server.token, transport=wire, timeout_seconds=TIMEOUT_SECONDS
        ) as client:
            ours_get = partial(client.gateways.get, gateway_id)
            both: list[Callable[[], object]] = [ours_get, theirs[wire]]
            for call in both:
                run(call)
            found: list[list[tuple[float, float]]] = [[], []]
            order = [0, 1]
            for _ in range(rounds):
                for index in order:
                    found[index].append(run(both[index]))
                order.reverse()
        for position, unit in enumerate(("CPU us/call", "calls/s")):
            ours, peers = ([entry[position] for entry in side] for side in found)
            label = f"sync x{threads} {wire}"
            pairs.append(compare(f"{label} {unit}", peer, unit, ours, peers))
    pool.shutdown()
    rest.close()
    channel.close()
    return pairs


def scaled(sizes: dict[str, int], at_once: int) -> dict[str, int]:
    """Return rounds and calls for a level: two calls for each at once, in fewer rounds if many."""
    calls = max(sizes["calls"], 2 * at_once)
    return {"rounds": max(3, sizes["rounds"] * sizes["calls"] // calls), "calls": calls}


def main() -> None:
    """Measure, print, and write JSON if asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--calls", type=int, default=320)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    sizes = {"rounds": arguments.rounds, "calls": arguments.calls}
    with emulator() as server:
        with InferenceClient(server.endpoint, token=server.token) as client:
            gateway = client.gateways.create(
                name="bench",
                zones=client.gateways.parameters().zones[:1],
                core_weave_auth={},
                body_based_routing={"api_type": "API_TYPE_OPENAI"},
            )
        pairs: list[Pair] = []
        for concurrency in (1, 64, 512):
            found = asyncio.run(
                measure_async(
                    server, gateway.spec.id, concurrency=concurrency, **scaled(sizes, concurrency)
                )
            )
            print_pairs(f"async, {concurrency} at once", found)
            pairs += found
        for threads in (1, 16):
            found = measure_sync(server, gateway.spec.id, threads=threads, **scaled(sizes, threads))
            print_pairs(f"sync, {threads} threads", found)
            pairs += found
    if arguments.json:
        write_json(arguments.json, pairs)


if __name__ == "__main__":
    main()
