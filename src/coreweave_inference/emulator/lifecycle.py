"""How a resource lives: CREATING -> READY, UPDATING -> READY, DELETING -> gone. Pure.

Each function takes the stored record and a stamp and returns the next record; none knows a
clock. A stamp is the `updated_at` of the change: the store hands them out strictly increasing
per organization, and every change takes one of its own.

A change to READY has two steps of equal length: first the condition ResourcesApplied becomes
true (the status stays), then Ready and the status. The provider's source shows this order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from coreweave_inference.emulator.records import (
    AnyRecord,
    Kind,
    Record,
    ResourceT,
    Stage,
    set_timestamp,
)
from coreweave_inference_gen.coreweave.inference.v1alpha1.capacity_claim_pb2 import CapacityClaim
from coreweave_inference_gen.coreweave.inference.v1alpha1.condition_pb2 import Condition
from coreweave_inference_gen.coreweave.inference.v1alpha1.deployment_pb2 import Deployment
from coreweave_inference_gen.coreweave.inference.v1alpha1.gateway_pb2 import Gateway
from coreweave_inference_gen.coreweave.inference.v1alpha1.status_pb2 import (
    STATUS_CREATING,
    STATUS_DELETING,
    STATUS_READY,
    STATUS_UPDATING,
    Status,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Pace", "advance", "created", "deleted", "is_being_deleted", "updated"]

RESOURCES_APPLIED: Final = "ResourcesApplied"
READY: Final = "Ready"


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast resources move.

    Attributes:
        transition_ns: From a change to its end.
        disabled_stays_creating: Whether disabled deployments never take the step to READY.
    """

    transition_ns: int
    disabled_stays_creating: bool = False

    @property
    def first_ns(self) -> int:
        """Length of the step to ResourcesApplied."""
        return self.transition_ns // 2

    @property
    def second_ns(self) -> int:
        """Length of the step to READY."""
        return self.transition_ns - self.first_ns


def created(
    kind: Kind[ResourceT],
    resource: ResourceT,
    *,
    now_ns: int,
    stamp_ns: int,
    zone: str,
    pace: Pace,
) -> Record[ResourceT]:
    """Return the record of a new resource.

    Args:
        kind: Its kind.
        resource: Its spec; a status is written over.
        now_ns: What time it is: the next step is reckoned from here.
        stamp_ns: What its stamps say. Later than now if the clock stands still or steps back.
        zone: The zone that its conditions name.
        pace: How fast it moves.
    """
    fresh = _copy(resource)
    fresh.status.Clear()
    set_timestamp(fresh.status.created_at, stamp_ns)
    _start_applying(fresh, STATUS_CREATING, stamp_ns, zone)
    return Record(kind, fresh, Stage.APPLYING, now_ns + pace.first_ns)


def updated(
    record: Record[ResourceT],
    resource: ResourceT,
    *,
    now_ns: int,
    stamp_ns: int,
    zone: str,
    pace: Pace,
) -> Record[ResourceT]:
    """Return the record after an update was accepted.

    One that was never READY stays CREATING, any other becomes UPDATING; both start over.

    Args:
        record: The record as it was.
        resource: The new spec; its status is not read.
        now_ns: What time it is.
        stamp_ns: What its stamps say.
        zone: The zone that its conditions name.
        pace: How fast it moves.
    """
    fresh = _copy(resource)
    # ResourceT is one type here, but checkers lose that at its attributes.
    fresh.status.CopyFrom(cast("Any", record.resource).status)
    creating = fresh.status.status == STATUS_CREATING
    _start_applying(fresh, STATUS_CREATING if creating else STATUS_UPDATING, stamp_ns, zone)
    return Record(record.kind, fresh, Stage.APPLYING, now_ns + pace.first_ns)


def deleted(
    record: Record[ResourceT], *, now_ns: int, stamp_ns: int, pace: Pace
) -> Record[ResourceT]:
    """Return the record after a delete was accepted; it goes when it is due."""
    fresh = _copy(record.resource)
    _touch(fresh, STATUS_DELETING, stamp_ns)
    text = f"The {record.kind.name} is being deleted."
    _set_condition(fresh, READY, value=False, reason="Reconciling", message=text, ns=stamp_ns)
    return Record(record.kind, fresh, Stage.REMOVING, now_ns + pace.transition_ns)


def advance(
    record: Record[ResourceT], *, stamp_ns: int, endpoints: Sequence[str], pace: Pace
) -> Record[ResourceT] | None:
    """Return the record after the step that is due, or None if the resource is gone then.

    Args:
        record: A record that is not SETTLED.
        stamp_ns: When the step is seen to happen; not before it is due.
        endpoints: What a gateway's status lists from READY on.
        pace: How fast it moves from here.
    """
    if record.stage is Stage.REMOVING:
        return None
    if record.due_ns is None:
        raise ValueError(f"nothing is due for {record.kind.name} {record.id}: it is SETTLED")
    fresh = _copy(record.resource)
    if record.stage is Stage.APPLYING:
        _touch(fresh, fresh.status.status, stamp_ns)
        text = "All resources were applied."
        _set_condition(
            fresh, RESOURCES_APPLIED, value=True, reason="AsExpected", message=text, ns=stamp_ns
        )
        if _stays_creating(fresh, pace):
            return Record(record.kind, fresh, Stage.SETTLED, None)
        return Record(record.kind, fresh, Stage.STARTING, record.due_ns + pace.second_ns)
    _touch(fresh, STATUS_READY, stamp_ns)
    reason, text = "AsExpected", f"The {record.kind.name} is ready."
    if isinstance(fresh, Gateway):
        fresh.status.endpoints[:] = endpoints
    elif isinstance(fresh, CapacityClaim):
        reason, text = "AllAllocated", "All instances allocated."
        fresh.status.allocated_instances = fresh.spec.resources.instance_count
        fresh.status.pending_instances = 0
    _set_condition(fresh, READY, value=True, reason=reason, message=text, ns=stamp_ns)
    return Record(record.kind, fresh, Stage.SETTLED, None)


def is_being_deleted(record: AnyRecord) -> bool:
    """Return whether a delete was accepted."""
    return record.stage is Stage.REMOVING


def _stays_creating(resource: ResourceT, pace: Pace) -> bool:
    return (
        pace.disabled_stays_creating and isinstance(resource, Deployment) and resource.spec.disabled
    )


def _start_applying(
    resource: ResourceT, status: Status.ValueType, stamp_ns: int, zone: str
) -> None:
    _touch(resource, status, stamp_ns)
    word = "created" if status == STATUS_CREATING else "updated"
    for kind in (RESOURCES_APPLIED, READY):
        text = f"The resource is being {word}."
        _set_condition(
            resource, kind, value=False, reason="Reconciling", message=text, ns=stamp_ns, zone=zone
        )
    if isinstance(resource, CapacityClaim):
        # What is held stays held; a larger claim waits for the rest.
        wanted = resource.spec.resources.instance_count
        held = min(resource.status.allocated_instances, wanted)
        resource.status.allocated_instances = held
        resource.status.pending_instances = wanted - held


def _touch(resource: ResourceT, status: Status.ValueType, stamp_ns: int) -> None:
    resource.status.status = status
    set_timestamp(resource.status.updated_at, stamp_ns)


def _set_condition(
    resource: ResourceT,
    kind: str,
    *,
    value: bool,
    reason: str,
    message: str,
    ns: int,
    zone: str | None = None,
) -> None:
    conditions = resource.status.conditions
    found = next((condition for condition in conditions if condition.type == kind), None)
    if found is None:
        found = conditions.add(type=kind)
    found.status = Condition.STATUS_TRUE if value else Condition.STATUS_FALSE
    found.reason = reason
    found.message = message
    if zone is not None:
        found.zone = zone
    set_timestamp(found.last_update_time, ns)


def _copy(resource: ResourceT) -> ResourceT:
    fresh = type(resource)()
    fresh.CopyFrom(resource)
    return fresh
