"""What every call has in common: who may make it, one transaction, and its steps.

No wire, no clock of its own, no I/O but the store.
"""

from __future__ import annotations

import time
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from coreweave_inference.emulator import failures, lifecycle, rules
from coreweave_inference.emulator.catalog import DEFAULT_CATALOG, Catalog
from coreweave_inference.emulator.lifecycle import Pace
from coreweave_inference.emulator.records import GATEWAY, nanoseconds
from coreweave_inference.emulator.settings import Behaviour
from coreweave_inference.emulator.specs import endpoints_of

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from google.protobuf.message import Message

    from coreweave_inference.emulator.access import Access
    from coreweave_inference.emulator.failures import Violation
    from coreweave_inference.emulator.records import AnyKind, Kind, Record, ResourceT
    from coreweave_inference.emulator.rules import ContractValidator
    from coreweave_inference.emulator.store import Store, Transaction
    from coreweave_inference_gen.coreweave.inference.v1alpha1.capacity_claim_pb2 import (
        ListCapacityClaimsRequest,
    )
    from coreweave_inference_gen.coreweave.inference.v1alpha1.deployment_pb2 import (
        ListDeploymentsRequest,
    )
    from coreweave_inference_gen.coreweave.inference.v1alpha1.gateway_pb2 import (
        ListGatewaysRequest,
    )
    from triwire.server.service import ServerContext

__all__ = ["Call", "Emulator", "refuse"]


def _contract_validator() -> ContractValidator:
    # 70 ms to import: not before the first emulator is made.
    from coreweave_inference_gen import validator

    return validator()


@dataclass(frozen=True, slots=True)
class Emulator:
    """What the three services share.

    Attributes:
        store: Where resources are.
        access: Who may call.
        behaviour: How the service acts where it could act in more than one way.
        catalog: What the platform offers.
        clock_ns: Returns the time in nanoseconds since the epoch. It may stand still or step
            back: `updated_at` rises all the same.
        new_id: Returns the id of a resource whose creator chose none.
        validator: Evaluates the contract's rules.
    """

    store: Store
    access: Access
    behaviour: Behaviour = field(default_factory=Behaviour)
    catalog: Catalog = DEFAULT_CATALOG
    clock_ns: Callable[[], int] = time.time_ns
    new_id: Callable[[], str] = field(default=lambda: str(uuid.uuid4()))
    validator: ContractValidator = field(default_factory=_contract_validator)

    @property
    def pace(self) -> Pace:
        """How fast resources move."""
        behaviour = self.behaviour
        return Pace(behaviour.transition_ns, behaviour.disabled_stays_creating)

    @contextmanager
    def call(
        self, request: Message, context: ServerContext, *, write: bool = False
    ) -> Generator[Call]:
        """Run a block as one call: allowed, valid by the contract, and in one transaction.

        Steps that are due in the caller's organization happen first, each at the time it was
        due, so nobody ever sees a resource that should have moved on.

        Raises:
            RpcError: UNAUTHENTICATED, PERMISSION_DENIED or INVALID_ARGUMENT, in this order.
        """
        principal = self.access.authorize(context.headers, write=write)
        refuse(rules.contract_violations(self.validator, request))
        with self.store.transaction() as transaction:
            call = Call(self, transaction, principal.organization, self.clock_ns())
            call.settle()
            yield call


def refuse(violations: Sequence[Violation]) -> None:
    """Raise INVALID_ARGUMENT if anything is wrong."""
    if violations:
        raise failures.invalid(violations)


@dataclass(slots=True)
class Call:
    """One call inside its transaction."""

    emulator: Emulator
    transaction: Transaction
    organization: str
    now_ns: int

    def settle(self) -> None:
        """Take every step that is due, the oldest first."""
        while (record := self.transaction.due(self.organization, now_ns=self.now_ns)) is not None:
            gateway = record.kind is GATEWAY
            following = lifecycle.advance(
                record,
                stamp_ns=self.transaction.next_stamp(
                    self.organization, at_least_ns=record.due_ns or 0
                ),
                endpoints=endpoints_of(record.resource.spec) if gateway else (),
                pace=self.emulator.pace,
            )
            if following is None:
                self.transaction.remove(record)
            else:
                self.transaction.put(following)

    def get(self, kind: Kind[ResourceT], resource_id: str) -> Record[ResourceT]:
        """Return a record.

        Raises:
            RpcError: NOT_FOUND.
        """
        record = self.transaction.get(kind, self.organization, resource_id)
        if record is None:
            raise failures.not_found(kind, resource_id)
        return record

    def get_to_change(self, kind: Kind[ResourceT], resource_id: str) -> Record[ResourceT]:
        """Return a record that an update may change.

        Raises:
            RpcError: NOT_FOUND, or FAILED_PRECONDITION while it is being deleted.
        """
        record = self.get(kind, resource_id)
        if lifecycle.is_being_deleted(record):
            raise failures.being_deleted(kind, resource_id)
        return record

    def id_of_new(self, kind: AnyKind, resource_id: str) -> str:
        """Return the id of a resource that is to be created: the caller's, or a fresh one.

        Raises:
            RpcError: ALREADY_EXISTS, or RESOURCE_EXHAUSTED where the number is limited.
        """
        if resource_id and self.transaction.get(kind, self.organization, resource_id):
            raise failures.already_exists(kind, resource_id)
        limit = self.emulator.behaviour.max_resources
        if limit is not None and self.transaction.count(kind, self.organization) >= limit:
            raise failures.over_quota(kind, self.organization, limit)
        return resource_id or self.emulator.new_id()

    def create(self, kind: Kind[ResourceT], resource: ResourceT, *, zone: str) -> ResourceT:
        """Store a new resource and return it as created.

        Raises:
            RpcError: ALREADY_EXISTS for its name, where names are unique.
        """
        self._check_name(kind, resource.spec.name, resource.spec.id)
        record = lifecycle.created(
            kind,
            resource,
            now_ns=self.now_ns,
            stamp_ns=self._stamp(),
            zone=zone,
            pace=self.emulator.pace,
        )
        self.transaction.put(record)
        return record.resource

    def update(self, record: Record[ResourceT], resource: ResourceT, *, zone: str) -> ResourceT:
        """Store a resource's new spec and return it as updated.

        Raises:
            RpcError: ALREADY_EXISTS for its name, where names are unique.
        """
        self._check_name(record.kind, resource.spec.name, record.id)
        following = lifecycle.updated(
            record,
            resource,
            now_ns=self.now_ns,
            stamp_ns=self._stamp(),
            zone=zone,
            pace=self.emulator.pace,
        )
        self.transaction.put(following)
        return following.resource

    def delete(self, record: Record[ResourceT]) -> ResourceT:
        """Start to delete a resource and return it; what is being deleted is left as it is."""
        if lifecycle.is_being_deleted(record):
            return record.resource
        following = lifecycle.deleted(
            record, now_ns=self.now_ns, stamp_ns=self._stamp(), pace=self.emulator.pace
        )
        self.transaction.put(following)
        return following.resource

    def updated_after(
        self, request: ListGatewaysRequest | ListDeploymentsRequest | ListCapacityClaimsRequest
    ) -> int | None:
        """Return the bound of a List request in nanoseconds, or None if it has none.

        Raises:
            RpcError: INVALID_ARGUMENT: it is no time.
        """
        if not request.HasField("updated_after"):
            return None
        refuse(rules.timestamp_violations("updated_after", request.updated_after))
        return nanoseconds(request.updated_after)

    def _stamp(self) -> int:
        return self.transaction.next_stamp(self.organization, at_least_ns=self.now_ns)

    def _check_name(self, kind: AnyKind, name: str, resource_id: str) -> None:
        if self.emulator.behaviour.unique_names and self.transaction.name_taken(
            kind, self.organization, name, but_id=resource_id
        ):
            raise failures.name_taken(kind, name)
