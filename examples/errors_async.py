"""What can go wrong, asynchronously: one error type, typed details, cancellation that is asyncio's.

python examples/errors_async.py
"""

from __future__ import annotations

import asyncio

from google.rpc.error_details_pb2 import BadRequest, ResourceInfo

from coreweave_inference import AsyncInferenceClient, Code, RpcError
from coreweave_inference.v1alpha1 import ListGatewaysRequest


async def main() -> None:
    """Provoke three errors and read them."""
    async with AsyncInferenceClient() as client:
        try:
            await client.gateways.get("00000000-0000-4000-8000-000000000000")
        except RpcError as error:
            if error.code is not Code.NOT_FOUND:
                raise
            missing = [d.resource_type for d in error.details if isinstance(d, ResourceInfo)]
            print("not found:", missing)

        try:
            await client.gateways.create(
                name="not a host label",
                core_weave_auth={},
                path_based_routing={},
            )
        except RpcError as error:
            for detail in error.details:
                if isinstance(detail, BadRequest):
                    print("refused:", [violation.field for violation in detail.field_violations])

        try:
            await client.gateways.create(nam="typo")  # type: ignore[call-overload]  # the mistake shown
        except TypeError as error:
            print("before any request:", error)

        # Settings of a call are never mixed with the fields of its request.
        quick = client.with_options(timeout_seconds=5, headers={"x-request-id": "example"})
        async with asyncio.timeout(10), asyncio.TaskGroup() as group:
            lists = [group.create_task(quick.gateways.list()) for _ in range(3)]
        print("lists of equal length:", len({len(task.result()) for task in lists}) == 1)

        # The RPC-shaped client, with the response's metadata, is one attribute away.
        response = await client.gateways.rpc.list_gateways(ListGatewaysRequest())
        print("items:", len(response.message.items), "headers:", sorted(response.headers))


if __name__ == "__main__":
    asyncio.run(main())
