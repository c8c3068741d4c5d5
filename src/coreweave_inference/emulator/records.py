"""What the emulator stores: one record per resource. Pure data."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Final, Generic, TypeAlias, TypeVar

from coreweave_inference_gen.coreweave.inference.v1alpha1.capacity_claim_pb2 import CapacityClaim
from coreweave_inference_gen.coreweave.inference.v1alpha1.deployment_pb2 import Deployment
from coreweave_inference_gen.coreweave.inference.v1alpha1.gateway_pb2 import Gateway

if TYPE_CHECKING:
    from google.protobuf.timestamp_pb2 import Timestamp

__all__ = [
    "CAPACITY_CLAIM",
    "DEPLOYMENT",
    "GATEWAY",
    "KINDS",
    "AnyKind",
    "AnyRecord",
    "Kind",
    "Record",
    "ResourceT",
    "Stage",
    "nanoseconds",
    "set_timestamp",
]

ResourceT = TypeVar("ResourceT", Gateway, Deployment, CapacityClaim)

_NS: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Kind(Generic[ResourceT]):
    """One of the three kinds of resources.

    Attributes:
        name: As people read it; also what the database stores.
        message: The resource's message class.
    """

    name: str
    message: type[ResourceT]


GATEWAY: Final = Kind("gateway", Gateway)
DEPLOYMENT: Final = Kind("deployment", Deployment)
CAPACITY_CLAIM: Final = Kind("capacity claim", CapacityClaim)

# A kind that only the data tells, as with a row of the database.
AnyKind: TypeAlias = Kind[Any]

KINDS: Final[dict[str, AnyKind]] = {
    kind.name: kind for kind in (GATEWAY, DEPLOYMENT, CAPACITY_CLAIM)
}


class Stage(IntEnum):
    """What happens to a resource next. The numbers are stored."""

    SETTLED = 0
    """Nothing, until somebody changes it."""
    APPLYING = 1
    """ResourcesApplied becomes true."""
    STARTING = 2
    """It becomes READY."""
    REMOVING = 3
    """It is gone."""


@dataclass(frozen=True, slots=True)
class Record(Generic[ResourceT]):
    """One resource as stored.

    Attributes:
        kind: The resource's kind.
        resource: The message that Get answers with. Never changed in place.
        stage: What happens next.
        due_ns: When it happens, in nanoseconds since the epoch, or None if SETTLED.
    """

    kind: Kind[ResourceT]
    resource: ResourceT
    stage: Stage
    due_ns: int | None

    @property
    def organization(self) -> str:
        """Owner of the resource."""
        return self.resource.spec.organization_id

    @property
    def id(self) -> str:
        """The resource's id as its creator wrote it."""
        return self.resource.spec.id

    @property
    def created_ns(self) -> int:
        """When it was created, as its status says."""
        return nanoseconds(self.resource.status.created_at)

    @property
    def updated_ns(self) -> int:
        """When it was changed last, as its status says."""
        return nanoseconds(self.resource.status.updated_at)


AnyRecord: TypeAlias = Record[Any]


def nanoseconds(stamp: Timestamp) -> int:
    """Return a timestamp as nanoseconds since the epoch; may be any integer."""
    return stamp.seconds * _NS + stamp.nanos


def set_timestamp(stamp: Timestamp, ns: int) -> None:
    """Write nanoseconds since the epoch into a timestamp, all nine digits."""
    stamp.seconds, stamp.nanos = divmod(ns, _NS)
