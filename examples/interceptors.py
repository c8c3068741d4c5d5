"""Functions around calls: the same one for both clients, all wires and all stream kinds.

python examples/interceptors.py
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from coreweave_inference import AsyncInferenceClient, InferenceClient, RpcError
from triwire.interceptors import each_attempt
from triwire.retry import RetryPolicy

if TYPE_CHECKING:
    from triwire.interceptors import Call, Interception


def log(call: Call) -> Interception:
    """Say how each call ended."""
    try:
        reply = yield call.with_headers({"x-request-id": "7"})
    except RpcError as error:
        print(call.method.name, error.code.name, "attempts:", error.attempts)
        raise
    print(call.method.name, "ok, attempts:", reply.attempts)
    return reply


def number(call: Call) -> Interception:
    """Say how each attempt begins."""
    print("attempt", call.attempt, "over", call.wire)
    return (yield call)


async def main() -> None:
    """Log the calls of a sync and of an async client."""
    with InferenceClient(interceptors=[log], transport="rest") as client:
        client.gateways.list()
    async with AsyncInferenceClient(interceptors=[log], transport="grpc") as client:
        await client.gateways.list()
        try:
            await client.gateways.get("00000000-0000-4000-8000-000000000000")
        except RpcError as error:
            print("raised:", error.code.name)
    # Nothing listens here.
    quick = RetryPolicy(max_attempts=2, initial_backoff_seconds=0.01, max_backoff_seconds=0.01)
    async with AsyncInferenceClient(
        "http://127.0.0.1:9",
        token="unused",  # noqa: S106 - no secret
        interceptors=[log, each_attempt(number)],
        retry=quick,
    ) as nowhere:
        try:
            await nowhere.gateways.list()
        except RpcError as error:
            print("raised:", error.code.name)


if __name__ == "__main__":
    asyncio.run(main())
