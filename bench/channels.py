"""Whether several gRPC channels carry more than one: bare grpcio, one channel beside four.

    python -m bench.channels [--rounds 9] [--calls 2048] [--json FILE]

What a channel pool of ours could win at best. CPU is that of this process; the server is another
process, and may be what limits the throughput.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc.aio

from bench.measure import Pair, compare, print_pairs, write_json
from bench.server import Server, emulator
from coreweave_inference import InferenceClient
from coreweave_inference.v1alpha1 import GetGatewayRequest
from coreweave_inference_gen.coreweave.inference.v1alpha1.gateway_pb2_grpc import (
    GatewayServiceStub,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

POOL = 4
CONCURRENCIES = (64, 512)


async def measure(server: Server, gateway_id: str, *, rounds: int, calls: int) -> list[Pair]:
    """Measure both at each level of concurrency, in turn."""
    metadata = (("authorization", f"Bearer {server.token}"),)
    # Channels of one process share connections unless they are told not to.
    own = [("grpc.use_local_subchannel_pool", 1)]
    target = server.endpoint.removeprefix("http://")
    channels = [grpc.aio.insecure_channel(target, options=own) for _ in range(POOL + 1)]
    stubs: list[Any] = [GatewayServiceStub(channel) for channel in channels]
    pools: tuple[Iterator[Any], Iterator[Any]] = (
        itertools.cycle(stubs[:POOL]),
        itertools.cycle(stubs[POOL:]),
    )

    async def run(pool: Iterator[Any], concurrency: int) -> tuple[float, float]:
        async def worker() -> None:
            for _ in range(calls // concurrency):
                request = GetGatewayRequest(id=gateway_id)
                await next(pool).GetGateway(request, metadata=metadata, timeout=30)

        cpu, wall = time.process_time(), time.perf_counter()
        await asyncio.gather(*(worker() for _ in range(concurrency)))
        return (
            (time.process_time() - cpu) / calls * 1e6,
            calls / (time.perf_counter() - wall),
        )

    pairs: list[Pair] = []
    for concurrency in CONCURRENCIES:
        for pool in pools:
            await run(pool, concurrency)
        found: list[list[tuple[float, float]]] = [[], []]
        order = [0, 1]
        for _ in range(rounds):
            for index in order:
                found[index].append(await run(pools[index], concurrency))
            order.reverse()
        for position, unit in enumerate(("CPU us/call", "calls/s")):
            four, one = ([entry[position] for entry in side] for side in found)
            name = f"{POOL} channels x{concurrency} {unit}"
            pairs.append(compare(name, "one channel", unit, four, one))
    for channel in channels:
        await channel.close(None)
    return pairs


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--calls", type=int, default=2048)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with emulator() as server:
        with InferenceClient(server.endpoint, token=server.token) as client:
            made = client.gateways.create(
                name="bench", zones=["US-EAST-04A"], core_weave_auth={}, path_based_routing={}
            )
        pairs = asyncio.run(
            measure(server, made.spec.id, rounds=options.rounds, calls=options.calls)
        )
    print_pairs("several gRPC channels beside one", pairs)
    if options.json:
        write_json(options.json, pairs)


if __name__ == "__main__":
    main()
