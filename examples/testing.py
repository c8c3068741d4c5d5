"""Test your own code against the emulator in memory: no sockets, and the time in your hands.

python examples/testing.py
"""

from __future__ import annotations

from coreweave_inference import InferenceClient
from coreweave_inference.emulator import (
    Access,
    Behaviour,
    Emulator,
    FaultPlan,
    FaultScript,
    Store,
    emulator_services,
)
from coreweave_inference.v1alpha1 import Status
from triwire.testing import ManualClock, MemoryTransport


class Clock:
    """The server's time; stands still until it is moved."""

    def __init__(self) -> None:
        self.nanoseconds = 1_800_000_000_000_000_000

    def __call__(self) -> int:
        """Return the time, in nanoseconds since 1970."""
        return self.nanoseconds


def main() -> None:
    """Bring a gateway up in ten minutes that nobody waits for, over a server that fails once."""
    server_clock = Clock()
    script = '{"faults": [{"kind": "error", "code": "UNAVAILABLE", "when": {"count": 1}}]}'
    emulator = Emulator(
        Store(),
        Access.parse("a-token cw0001 admin"),
        Behaviour(transition_seconds=600),
        clock_ns=server_clock,
        faults=FaultPlan(FaultScript.parse(script)),
    )
    client = InferenceClient(
        token="a-token",  # noqa: S106 - no secret
        transport=MemoryTransport(emulator_services(emulator)),
        clock=ManualClock(),  # the waits between attempts take no time either
    )
    with client:
        gateway = client.gateways.create(name="tested", core_weave_auth={}, path_based_routing={})
        print("created, after a retry:", Status.Name(gateway.status.status))
        server_clock.nanoseconds += 600 * 10**9
        gateway = client.gateways.get(gateway.spec.id)
        print("ten minutes later:", Status.Name(gateway.status.status))


if __name__ == "__main__":
    main()
