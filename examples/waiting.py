"""Wait for resources: ready, gone, anything else; several at once.

python examples/waiting.py [connect|grpc|grpc-web|rest]
"""

from __future__ import annotations

import asyncio
import sys

from coreweave_inference import AsyncInferenceClient, InferenceClient, WaitError
from coreweave_inference.v1alpha1 import Gateway, Status


def show(gateway: Gateway) -> None:
    """Tell of a state that was seen for the first time."""
    print("  ", gateway.spec.name, Status.Name(gateway.status.status))


def one(client: InferenceClient) -> None:
    """Wait for a gateway, for a change of it, and for its end."""
    gateway = client.gateways.create(name="one", core_weave_auth={}, path_based_routing={})
    # What create and update return is what a wait compares with: the READY from before the
    # update cannot end the second one.
    gateway = client.gateways.wait_until_ready(gateway, timeout_seconds=2700, on_progress=show)
    gateway = client.gateways.update(
        id=gateway.spec.id, name="renamed", core_weave_auth={}, path_based_routing={}
    )
    gateway = client.gateways.wait_until_ready(gateway, timeout_seconds=1200)
    print("ready as", gateway.spec.name)

    gateway = client.gateways.wait_for(
        gateway, lambda shown: len(shown.status.endpoints) > 0, timeout_seconds=60
    )
    print("has an endpoint:", bool(gateway.status.endpoints))

    try:
        client.gateways.wait_for(gateway, lambda _: False, timeout_seconds=0.1)
    except WaitError as error:
        print(error.code.name, "but it was last seen:", error.last is not None)

    client.gateways.delete(gateway.spec.id)
    client.gateways.wait_until_deleted(gateway, timeout_seconds=1200)
    print("deleted")


async def many(transport: str) -> None:
    """Wait for many gateways: above four, one List serves all the waits of a client."""
    async with AsyncInferenceClient(transport=transport) as client:
        made = [
            await client.gateways.create(
                name=f"many-{number}", core_weave_auth={}, path_based_routing={}
            )
            for number in range(8)
        ]
        # In one task...
        ready = await client.gateways.wait_all(made, timeout_seconds=2700)
        print("ready:", [gateway.spec.name for gateway in ready])
        for gateway in ready:
            await client.gateways.delete(gateway.spec.id)
        # ...or each in its own.
        await asyncio.gather(
            *(client.gateways.wait_until_deleted(gateway, timeout_seconds=1200) for gateway in made)
        )
        print("all deleted")


def main(transport: str) -> None:
    """Run both parts over one wire."""
    with InferenceClient(transport=transport) as client:
        one(client)
    asyncio.run(many(transport))


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "connect")
