"""A thousand waits at once beside a thousand loops that Get and sleep.

    python -m bench.waits [--rounds 3] [--waits 1000] [--window 8] [--wires connect grpc rest]

Each round runs both for the same time, in turn, against one emulator on loopback whose gateways
stay CREATING, and with the same pauses: 2 s that grow by half. CPU is that of this process, all
threads (`time.process_time`), and of the whole window, pauses included; the server is another
process. The stall is the longest time for which the event loop did not run a task that sleeps 20 ms
at a time.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import time
import tracemalloc
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.measure import Pair, compare, print_pairs, write_json
from bench.server import Server, emulator
from coreweave_inference import AsyncInferenceClient, InferenceClient
from coreweave_inference.v1alpha1 import STATUS_READY

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator, Sequence

    from coreweave_inference.v1alpha1 import Gateway
    from triwire.interceptors import Call, Interception

TICK_SECONDS = 0.02


class Calls:
    """Counts what a client calls."""

    def __init__(self) -> None:
        self.count = 0

    def note(self, call: Call) -> Interception:
        """Count a call; an interceptor."""
        self.count += 1
        return (yield call)


@dataclass(frozen=True, slots=True)
class Cost:
    """What a window cost."""

    cpu_ms: float
    requests: int
    stall_ms: float


def pauses() -> Iterator[float]:
    """Yield what a wait pauses, without its jitter."""
    pause = 2.0
    while True:
        yield pause
        pause = min(15.0, pause * 1.5)


async def naive(client: AsyncInferenceClient, gateway: Gateway) -> None:
    """Wait as one writes it by hand."""
    for pause in pauses():
        shown = await client.gateways.get(gateway.spec.id)
        if shown.status.status == STATUS_READY:
            return
        await asyncio.sleep(pause)


async def ours(client: AsyncInferenceClient, gateway: Gateway) -> None:
    """Wait with the facade."""
    await client.gateways.wait_until_ready(gateway, timeout_seconds=3600)


async def stall_seconds() -> float:
    """Return the longest stall until it is cancelled."""
    longest = 0.0
    try:
        while True:
            before = time.perf_counter()
            await asyncio.sleep(TICK_SECONDS)
            longest = max(longest, time.perf_counter() - before - TICK_SECONDS)
    except asyncio.CancelledError:
        return longest


async def window(
    server: Server,
    wire: str,
    body: Callable[[AsyncInferenceClient, Gateway], Coroutine[object, object, None]],
    gateways: Sequence[Gateway],
    *,
    seconds: float,
) -> Cost:
    """Let every gateway be waited for, for some seconds."""
    calls = Calls()
    async with AsyncInferenceClient(
        server.endpoint,
        token=server.token,
        transport=wire,
        timeout_seconds=30.0,
        interceptors=[calls.note],
    ) as client:
        await client.gateways.parameters()
        calls.count = 0
        ticking = asyncio.ensure_future(stall_seconds())
        await asyncio.sleep(0)
        cpu = time.process_time()
        tasks = [asyncio.ensure_future(body(client, gateway)) for gateway in gateways]
        await asyncio.sleep(seconds)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        spent = (time.process_time() - cpu) * 1000
        ticking.cancel()
        return Cost(spent, calls.count, await ticking * 1000)


async def bytes_per_wait(
    server: Server,
    body: Callable[[AsyncInferenceClient, Gateway], Coroutine[object, object, None]],
    gateways: Sequence[Gateway],
) -> float:
    """Return what Python has allocated for each wait after its first read."""
    async with AsyncInferenceClient(server.endpoint, token=server.token) as client:
        await client.gateways.list()
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        tasks = [asyncio.ensure_future(body(client, gateway)) for gateway in gateways]
        await asyncio.sleep(1.8)
        after = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return (after - before) / len(gateways)


async def measure(
    server: Server, gateways: Sequence[Gateway], *, wires: list[str], rounds: int, seconds: float
) -> list[Pair]:
    """Measure both on each wire, and their memory once."""
    pairs: list[Pair] = []
    for wire in wires:
        found: list[list[Cost]] = [[], []]
        order = [0, 1]
        for _ in range(rounds):
            for index in order:
                body = (ours, naive)[index]
                found[index].append(await window(server, wire, body, gateways, seconds=seconds))
            order.reverse()
        reads: dict[str, Callable[[Cost], float]] = {
            "CPU ms": lambda cost: cost.cpu_ms,
            "requests": lambda cost: float(cost.requests),
            "longest stall ms": lambda cost: cost.stall_ms,
        }
        for unit, read in reads.items():
            mine, theirs = ([read(cost) for cost in side] for side in found)
            name = f"{len(gateways)} waits, {seconds:g} s, {wire}: {unit}"
            pairs.append(compare(name, "Get loops", unit, mine, theirs))
    mine, theirs = [
        [await bytes_per_wait(server, body, gateways) for _ in range(rounds)]
        for body in (ours, naive)
    ]
    pairs.append(compare("memory of a wait", "Get loops", "bytes", mine, theirs))
    return pairs


def main() -> None:
    """Measure, print, and write JSON if asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--waits", type=int, default=1000)
    parser.add_argument("--window", type=float, default=8.0, help="seconds")
    parser.add_argument("--wires", nargs="+", default=["connect", "grpc", "rest"])
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    with emulator("--transition-seconds", "36000") as server:
        with InferenceClient(server.endpoint, token=server.token) as client:
            gateways = [
                client.gateways.create(
                    name=f"bench-{number}", core_weave_auth={}, path_based_routing={}
                )
                for number in range(arguments.waits)
            ]
        with contextlib.suppress(KeyboardInterrupt):
            pairs = asyncio.run(
                measure(
                    server,
                    gateways,
                    wires=arguments.wires,
                    rounds=arguments.rounds,
                    seconds=arguments.window,
                )
            )
            print_pairs("many waits at once", pairs)
            if arguments.json:
                write_json(arguments.json, pairs)


if __name__ == "__main__":
    main()
