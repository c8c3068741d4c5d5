"""An emulator in memory whose time stands still until a test moves it."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from coreweave_inference import InferenceClient
from coreweave_inference.emulator.access import Access
from coreweave_inference.emulator.service import Emulator, emulator_services
from coreweave_inference.emulator.settings import Behaviour
from coreweave_inference.emulator.store import Store
from coreweave_inference_gen import validator
from triwire.errors import Code, RpcError
from triwire.testing import MemoryTransport

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.protobuf.message import Message

    from coreweave_inference.emulator.faults.plan import FaultPlan
    from coreweave_inference_gen.coreweave.inference.v1alpha1.capacity_claim_pb2 import (
        CapacityClaim,
    )
    from coreweave_inference_gen.coreweave.inference.v1alpha1.deployment_pb2 import Deployment
    from coreweave_inference_gen.coreweave.inference.v1alpha1.gateway_pb2 import Gateway

START_NS = 1_790_000_000_123_456_789
SECOND = 1_000_000_000

TOKENS = """\
admin  cw0001 admin
viewer cw0001 viewer
nobody cw0001 none
other  cw0002 admin
"""


@dataclass
class Clock:
    """Nanoseconds since the epoch, moved by hand."""

    ns: int = START_NS

    def __call__(self) -> int:
        return self.ns

    def advance(self, seconds: float) -> None:
        """Move time forward, or back."""
        self.ns += round(seconds * SECOND)


@dataclass
class Rig:
    """An emulator, its clock, and clients for it."""

    behaviour: Behaviour = field(default_factory=lambda: Behaviour(transition_seconds=10))
    clock: Clock = field(default_factory=Clock)
    store: Store = field(default_factory=Store)
    faults: FaultPlan | None = None

    def __post_init__(self) -> None:
        numbers = itertools.count(1)
        self.emulator = Emulator(
            self.store,
            Access.parse(TOKENS),
            self.behaviour,
            clock_ns=self.clock,
            new_id=lambda: f"00000000-0000-4000-8000-{next(numbers):012d}",
            faults=self.faults,
        )
        self.services = emulator_services(self.emulator)

    def client(self, token: str = "admin") -> InferenceClient:  # noqa: S107 - a token of the rig
        """Return a client for the memory wire."""
        return InferenceClient(token=token, transport=MemoryTransport(self.services))

    def gateway(self, client: InferenceClient | None = None, **fields: Any) -> Gateway:
        """Create a gateway, by default in one zone."""
        values: dict[str, Any] = {
            "name": "edge",
            "zones": ["US-EAST-04A"],
            "core_weave_auth": {},
            "path_based_routing": {},
            **fields,
        }
        return (client or self.client()).gateways.create(**values)

    def deployment(self, *gateway_ids: str, **fields: Any) -> Deployment:
        """Create a deployment."""
        return self.client().deployments.create(**deployment_fields(*gateway_ids, **fields))

    def claim(self, **fields: Any) -> CapacityClaim:
        """Create a capacity claim."""
        return self.client().capacity_claims.create(**claim_fields(**fields))


def deployment_fields(*gateway_ids: str, **fields: Any) -> Any:
    """Return the fields of a create request that is accepted for a gateway in US-EAST-04A."""
    return {
        "name": "llama",
        "gateway_ids": list(gateway_ids),
        "runtime": {"engine": "vllm", "version": "0.8.5"},
        "resources": {"instance_type": "gb200-4x", "gpu_count": 4},
        "model": {"name": "meta-llama/Llama-3.1-8B", "bucket": "models", "path": "llama"},
        "autoscaling": {"min": 1, "max": 2},
        "traffic": {},
        **fields,
    }


def claim_fields(**fields: Any) -> Any:
    """Return the fields of a create request that is accepted."""
    return {
        "name": "reserved",
        "resources": {
            "instance_id": "gb200-4x",
            "instance_count": 2,
            "capacity_type": "CAPACITY_TYPE_MANAGED",
            "zones": ["US-EAST-04A"],
        },
        **fields,
    }


def failure(call: Callable[[], object], code: Code) -> RpcError:
    """Return the error that a call must fail with."""
    with pytest.raises(RpcError) as caught:
        call()
    assert caught.value.code is code, caught.value
    assert caught.value.from_server
    return caught.value


def fields_of(error: RpcError) -> list[str]:
    """Return the fields that a BadRequest names."""
    detail: Any = error.details[0]
    assert detail.DESCRIPTOR.full_name == "google.rpc.BadRequest"
    return [violation.field for violation in detail.field_violations]


def assert_keeps_the_contract(message: Message) -> None:
    """Fail if a response breaks a rule of the contract."""
    found = validator().collect_violations(message)
    assert not found, [str(violation.proto) for violation in found]


def nanos(stamp: Any) -> int:
    """Return a Timestamp as nanoseconds since the epoch."""
    return int(stamp.seconds) * SECOND + int(stamp.nanos)
