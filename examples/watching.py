"""Follow gateways as they change; go on over another wire, where the first watch stopped.

python examples/watching.py [connect|grpc|grpc-web|rest]
"""

from __future__ import annotations

import sys

from coreweave_inference import InferenceClient
from coreweave_inference.v1alpha1 import Gateway
from triwire.watch import Added, Bookmark, Deleted, Modified, Synced, WatchOptions

# An emulator without faults shows each write at once, so a small bound will do. Leave it out for
# the real thing: the default of ten seconds is what the guarantees stand on.
OPTIONS = WatchOptions(
    visibility_bound_seconds=0.3, fast_interval_seconds=0.2, bookmark_interval_seconds=0.1
)


def is_ours(gateway: Gateway) -> bool:
    """Leave out what others make."""
    return gateway.spec.name.startswith("watched-")


def follow(transport: str) -> tuple[str, str]:
    """Create a gateway while watching; return its id and a place to resume from."""
    gateway_id = ""
    with (
        InferenceClient(transport=transport) as client,
        client.gateways.watch(where=is_ours, include=(Synced, Bookmark), options=OPTIONS) as watch,
    ):
        for event in watch:
            match event:
                case Synced():
                    print("everything that was there has been told")
                    client.gateways.create(
                        name="watched-1", core_weave_auth={}, path_based_routing={}
                    )
                    watch.nudge()  # poll now: something has just been written
                case Added(gateway):
                    print("added", gateway.spec.name)
                    gateway_id = gateway.spec.id
                case Bookmark(token) if gateway_id:
                    return gateway_id, token
                case _:
                    pass
    raise AssertionError("a watch ends when it is closed, or with an error")


def resume(transport: str, gateway_id: str, token: str) -> None:
    """Go on from a token, after a change that nobody watched."""
    with InferenceClient(transport=transport) as client:
        client.gateways.update(
            id=gateway_id, name="watched-2", core_weave_auth={}, path_based_routing={}
        )
        with client.gateways.watch(
            where=is_ours, include=(Synced,), resume=token, options=OPTIONS
        ) as watch:
            for event in watch:
                match event:
                    case Added(gateway) | Modified(gateway):
                        print("now it is", gateway.spec.name)
                    case Synced():
                        # What is not in event.keys was deleted while nobody watched.
                        print("level again, and it is there:", gateway_id in event.keys)
                        client.gateways.delete(gateway_id)
                        watch.nudge()
                    case Deleted(gateway):
                        print("deleted", gateway.spec.name)
                        return
                    case _:
                        pass


if __name__ == "__main__":
    first = sys.argv[1] if len(sys.argv) > 1 else "connect"
    second = "rest" if first != "rest" else "connect"
    resume(second, *follow(first))
