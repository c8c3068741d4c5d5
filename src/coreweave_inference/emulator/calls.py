"""What every call has in common: who may make it, one transaction, and its steps.

No wire, no clock of its own, no I/O but the store.
"""

from __future__ import annotations

import time
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from coreweave_inference.emulator import failures, lifecycle, rules
from coreweave_inference.emulator.catalog import DEFAULT_CATALOG, Catalog
from coreweave_inference.emulator.faults import effects
from coreweave_inference.emulator.faults.kinds import LateWrite, StaleRead
from coreweave_inference.emulator.faults.plan import NOTHING, Happening
from coreweave_inference.emulator.lifecycle import Pace
from coreweave_inference.emulator.records import GATEWAY, nanoseconds
from coreweave_inference.emulator.settings import Behaviour
from coreweave_inference.emulator.specs import endpoints_of

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from google.protobuf.message import Message

    from coreweave_inference.emulator.access import Access
    from coreweave_inference.emulator.failures import Violation
    from coreweave_inference.emulator.faults.plan import FaultPlan
    from coreweave_inference.emulator.records import AnyKind, AnyRecord, Kind, Record, ResourceT
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

_NS: Final = 1_000_000_000


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
        faults: What goes wrong, or None. Those of the connection need one: they happen to calls
            over HTTP only.
    """

    store: Store
    access: Access
    behaviour: Behaviour = field(default_factory=Behaviour)
    catalog: Catalog = DEFAULT_CATALOG
    clock_ns: Callable[[], int] = time.time_ns
    new_id: Callable[[], str] = field(default=lambda: str(uuid.uuid4()))
    validator: ContractValidator = field(default_factory=_contract_validator)
    faults: FaultPlan | None = None

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
            RpcError: UNAUTHENTICATED, PERMISSION_DENIED or INVALID_ARGUMENT, in this order; a
                fault before all of them, or after the transaction.
        """
        happening = NOTHING
        if self.faults is not None:
            happening = self.faults.happening(context.method.name, context.wire)
            effects.fail(happening, context, at="request")
        principal = self.access.authorize(context.headers, write=write)
        refuse(rules.contract_violations(self.validator, request))
        now_ns = self.clock_ns()
        if self.faults is not None:
            # Of its own, as the history of faults knows of no transaction that is rolled back.
            with self.store.transaction() as transaction:
                Call(self, transaction, principal.organization, now_ns).settle()
        with self.store.transaction() as transaction:
            call = Call(self, transaction, principal.organization, now_ns, happening)
            call.settle()
            yield call
        effects.fail(happening, context, at="answer")


_ListRequest: TypeAlias = "ListGatewaysRequest | ListDeploymentsRequest | ListCapacityClaimsRequest"


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
    happening: Happening = NOTHING

    def settle(self) -> None:
        """Take every step that is due, the oldest first."""
        while (record := self.transaction.due(self.organization, now_ns=self.now_ns)) is not None:
            gateway = record.kind is GATEWAY
            due_ns = record.due_ns or 0
            happening = NOTHING
            if self.emulator.faults is not None:
                step = f"Step{record.kind.message.__name__}"
                happening = self.emulator.faults.happening(step, "")
            following = lifecycle.advance(
                record,
                stamp_ns=self._stamp(record, happening, at_least_ns=due_ns),
                endpoints=endpoints_of(record.resource.spec) if gateway else (),
                pace=self.emulator.pace,
            )
            self._replace(record.kind, record, following, happening, at_ns=due_ns)

    def read(self, kind: Kind[ResourceT], resource_id: str) -> ResourceT:
        """Return a resource as Get answers with it.

        Raises:
            RpcError: NOT_FOUND.
        """
        hidden: dict[str, Record[ResourceT] | None] = self._hidden(kind)
        place = resource_id.lower()
        record = hidden[place] if place in hidden else self.get(kind, resource_id)
        if record is None:
            raise failures.not_found(kind, resource_id)
        return effects.shown(self.happening, record.resource)

    def listed(
        self, kind: Kind[ResourceT], request: _ListRequest, *, gateway_id: str | None = None
    ) -> list[ResourceT]:
        """Return resources as List answers with them.

        Args:
            kind: Which kind.
            request: Its `updated_after` is read.
            gateway_id: Only deployments on this gateway.

        Raises:
            RpcError: INVALID_ARGUMENT: `updated_after` is no time.
        """
        after_ns = effects.bound(self.happening, self._updated_after(request))
        found = self.transaction.find(
            kind, self.organization, updated_after_ns=after_ns, gateway_id=gateway_id
        )
        faults = self.emulator.faults
        if faults is None:
            return [record.resource for record in found]
        seen = effects.listed(
            self.happening,
            self._with_hidden(kind, found, after_ns=after_ns, gateway_id=gateway_id),
            lambda record: faults.history.former(kind, self.organization, record.id),
        )
        # Any: a history holds records of all kinds.
        resources: list[Any] = [record.resource for record in seen]
        return [effects.shown(self.happening, resource) for resource in resources]

    def _hidden(self, kind: AnyKind) -> dict[str, AnyRecord | None]:
        """Return the resources that this call sees otherwise than the store has them."""
        faults = self.emulator.faults
        if faults is None:
            return {}
        lag = sum(fault.seconds.draw(rng) for fault, rng in self.happening.of(StaleRead))
        seen_ns = self.now_ns - round(lag * _NS)
        return faults.history.at(kind, self.organization, seen_ns=seen_ns, now_ns=self.now_ns)

    def _with_hidden(
        self,
        kind: AnyKind,
        records: Sequence[AnyRecord],
        *,
        after_ns: int | None,
        gateway_id: str | None,
    ) -> list[AnyRecord]:
        """Return what a query finds among the states that this call sees."""
        hidden = self._hidden(kind)
        if not hidden:
            return list(records)
        found = [record for record in records if record.id.lower() not in hidden]
        found += [
            record
            for record in hidden.values()
            if record is not None
            and (after_ns is None or record.updated_ns > after_ns)
            and (gateway_id is None or _is_on(record, gateway_id))
        ]
        return sorted(found, key=lambda record: record.created_ns)

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
            stamp_ns=self._stamp(None, self.happening, at_least_ns=self.now_ns),
            zone=zone,
            pace=self.emulator.pace,
        )
        return self._write(kind, None, record)

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
            stamp_ns=self._stamp(record, self.happening, at_least_ns=self.now_ns),
            zone=zone,
            pace=self.emulator.pace,
        )
        return self._write(record.kind, record, following)

    def delete(self, record: Record[ResourceT]) -> ResourceT:
        """Start to delete a resource and return it; what is being deleted is left as it is."""
        if lifecycle.is_being_deleted(record):
            return effects.shown(self.happening, record.resource)
        following = lifecycle.deleted(
            record,
            now_ns=self.now_ns,
            stamp_ns=self._stamp(record, self.happening, at_least_ns=self.now_ns),
            pace=self.emulator.pace,
        )
        return self._write(record.kind, record, following)

    def _updated_after(self, request: _ListRequest) -> int | None:
        """Return the bound of a List request in nanoseconds, or None if it has none.

        Raises:
            RpcError: INVALID_ARGUMENT: it is no time.
        """
        if not request.HasField("updated_after"):
            return None
        refuse(rules.timestamp_violations("updated_after", request.updated_after))
        return nanoseconds(request.updated_after)

    def _stamp(self, before: AnyRecord | None, happening: Happening, *, at_least_ns: int) -> int:
        right_ns = self.transaction.next_stamp(self.organization, at_least_ns=at_least_ns)
        faults = self.emulator.faults
        if faults is None:
            return right_ns
        found = effects.stamp(
            happening,
            right_ns=right_ns,
            own_ns=None if before is None else before.updated_ns,
            last_ns=faults.last_stamps.get(self.organization),
            clock=faults.clock_offset(),
        )
        faults.last_stamps[self.organization] = found
        return found

    def _write(
        self, kind: Kind[ResourceT], before: Record[ResourceT] | None, after: Record[ResourceT]
    ) -> ResourceT:
        self._replace(kind, before, after, self.happening, at_ns=self.now_ns)
        return effects.shown(self.happening, after.resource)

    def _replace(
        self,
        kind: AnyKind,
        before: AnyRecord | None,
        after: AnyRecord | None,
        happening: Happening,
        *,
        at_ns: int,
    ) -> None:
        if after is not None:
            self.transaction.put(after)
        elif before is not None:
            self.transaction.remove(before)
        faults, record = self.emulator.faults, after or before
        if faults is not None and record is not None:
            delay = sum(fault.seconds.draw(rng) for fault, rng in happening.of(LateWrite))
            key = (kind, self.organization, record.id)
            faults.history.note(key, before, after, visible_ns=at_ns + round(delay * _NS))

    def _check_name(self, kind: AnyKind, name: str, resource_id: str) -> None:
        if self.emulator.behaviour.unique_names and self.transaction.name_taken(
            kind, self.organization, name, but_id=resource_id
        ):
            raise failures.name_taken(kind, name)


def _is_on(record: AnyRecord, gateway_id: str) -> bool:
    ids: list[str] = record.resource.spec.gateway_ids
    return gateway_id.lower() in (one.lower() for one in ids)
