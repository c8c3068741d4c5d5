"""Process CPU that interceptors, retries and telemetry add to a call in which nothing happens.

    python -m bench.idle [--rounds 15] [--calls 4000] [--json FILE]

GetGateway over the memory wire: no sockets, so what is left is the call itself. Each round
measures the same client with and without what is named, in turn; the difference is the result.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.measure import Pair, compare, print_pairs, write_json
from coreweave_inference import AsyncInferenceClient, InferenceClient
from coreweave_inference.v1alpha1 import GetGatewayRequest, GetGatewayResponse
from coreweave_inference_gen.coreweave.inference.v1alpha1.gateway_triwire import (
    GatewayServiceMethods,
)
from triwire.interceptors import each_attempt
from triwire.otel import OpenTelemetry
from triwire.retry import RetryPolicy
from triwire.server.service import MethodHandler, ServerContext, Service
from triwire.testing import AsyncMemoryTransport, MemoryTransport

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from triwire.interceptors import Call, Interception

PEER = "the same client without"
_ANSWER = GetGatewayResponse()


def get_gateway(request: GetGatewayRequest, context: ServerContext) -> GetGatewayResponse:
    """Answer at once."""
    del request, context
    return _ANSWER


def services() -> list[Service]:
    """Return the one method that is called."""
    method = GatewayServiceMethods.GET_GATEWAY
    return [Service(method.service, (MethodHandler(method, get_gateway),))]


def passing(call: Call) -> Interception:
    """Change nothing."""
    return (yield call)


def stamping(call: Call) -> Interception:
    """Add a header."""
    return (yield call.with_headers({"x-request-id": "7"}))


SUBJECTS: dict[str, dict[str, Any]] = {
    "retries": {"retry": RetryPolicy()},
    "an interceptor": {"interceptors": [passing]},
    "an interceptor that adds a header": {"interceptors": [stamping]},
    "an interceptor around each attempt": {"interceptors": [each_attempt(passing)]},
    "telemetry without an SDK": {"interceptors": [OpenTelemetry()]},
    "retries, an interceptor, telemetry": {
        "retry": RetryPolicy(),
        "interceptors": [OpenTelemetry(), passing],
    },
}


def run_sync(client: InferenceClient, calls: int) -> float:
    """Return microseconds of CPU per call."""
    get = client.gateways.rpc.get_gateway
    request = GetGatewayRequest(id="x")
    begin = time.process_time()
    for _ in range(calls):
        get(request)
    return (time.process_time() - begin) / calls * 1e6


async def run_async(client: AsyncInferenceClient, calls: int) -> float:
    """Return microseconds of CPU per call."""
    get = client.gateways.rpc.get_gateway
    request = GetGatewayRequest(id="x")
    begin = time.process_time()
    for _ in range(calls):
        await get(request)
    return (time.process_time() - begin) / calls * 1e6


def measured(name: str, runs: Sequence[Callable[[], float]], *, rounds: int) -> Pair:
    """Compare the client that has what is measured with the one that has not."""
    found: tuple[list[float], list[float]] = ([], [])
    for round_ in range(rounds + 1):
        for side in (0, 1) if round_ % 2 else (1, 0):
            value = runs[side]()
            # The first round fills caches.
            if round_:
                found[side].append(value)
    return compare(name, PEER, "CPU us/call", *found)


def measure(*, rounds: int, calls: int) -> list[Pair]:
    """Measure every subject in both colours."""
    pairs: list[Pair] = []
    for name, options in SUBJECTS.items():
        bare: dict[str, Any] = {"retry": None}
        both = (options, bare)
        sync = [
            partial(run_sync, InferenceClient(transport=MemoryTransport(services()), **one), calls)
            for one in both
        ]
        pairs.append(measured(f"sync {name}", sync, rounds=rounds))
        with asyncio.Runner() as runner:
            clients = [
                AsyncInferenceClient(transport=AsyncMemoryTransport(services()), **one)
                for one in both
            ]
            runs = [partial(run_on, runner, client, calls) for client in clients]
            pairs.append(measured(f"async {name}", runs, rounds=rounds))
    return pairs


def run_on(runner: asyncio.Runner, client: AsyncInferenceClient, calls: int) -> float:
    """Return microseconds of CPU per call of an async client."""
    return runner.run(run_async(client, calls))


def main() -> None:
    """Measure, print, and write JSON if asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--calls", type=int, default=4000)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    pairs = measure(rounds=arguments.rounds, calls=arguments.calls)
    print_pairs("memory wire, nothing to do", pairs)
    added = [pair.ours - pair.theirs for pair in pairs]
    print(
        "added, us per call: "
        + ", ".join(f"{p.name} {a:.1f}" for p, a in zip(pairs, added, strict=True))
    )
    if arguments.json:
        write_json(arguments.json, pairs)


if __name__ == "__main__":
    main()
