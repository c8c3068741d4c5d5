"""CREATING -> READY, UPDATING -> READY, DELETING -> gone, in virtual time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from coreweave_inference.emulator import lifecycle
from coreweave_inference.emulator.lifecycle import Pace
from coreweave_inference.emulator.records import GATEWAY, Record, Stage
from coreweave_inference.emulator.settings import Behaviour
from coreweave_inference.v1alpha1 import (
    STATUS_CREATING,
    STATUS_DELETING,
    STATUS_READY,
    STATUS_UPDATING,
    Condition,
    Gateway,
)
from tests.unit.emulator.rig import START_NS, Rig, assert_keeps_the_contract, failure, nanos
from triwire.errors import Code

if TYPE_CHECKING:
    from coreweave_inference.v1alpha1 import CapacityClaim, Deployment

TRUE, FALSE = Condition.STATUS_TRUE, Condition.STATUS_FALSE


def conditions(resource: Gateway | Deployment | CapacityClaim) -> dict[str, int]:
    return {condition.type: condition.status for condition in resource.status.conditions}


def test_create_answers_creating_with_both_conditions_false(rig: Rig) -> None:
    gateway = rig.gateway()
    assert gateway.status.status == STATUS_CREATING
    assert list(conditions(gateway).items()) == [("ResourcesApplied", FALSE), ("Ready", FALSE)]
    assert nanos(gateway.status.created_at) == nanos(gateway.status.updated_at) == START_NS
    assert not gateway.status.endpoints
    assert_keeps_the_contract(gateway)


def test_resources_are_applied_halfway_and_ready_at_the_end(rig: Rig) -> None:
    client = rig.client()
    gateway = rig.gateway(client)
    seen: list[tuple[float, int, dict[str, int], int]] = []
    for _ in range(11):
        rig.clock.advance(1)
        found = client.gateways.get(id=gateway.spec.id)
        assert_keeps_the_contract(found)
        seen.append(
            (
                (rig.clock.ns - START_NS) / 1e9,
                found.status.status,
                conditions(found),
                nanos(found.status.updated_at) - START_NS,
            )
        )
    applying = (STATUS_CREATING, {"ResourcesApplied": FALSE, "Ready": FALSE}, 0)
    starting = (STATUS_CREATING, {"ResourcesApplied": TRUE, "Ready": FALSE}, 5_000_000_000)
    ready = (STATUS_READY, {"ResourcesApplied": TRUE, "Ready": TRUE}, 10_000_000_000)
    expected = [applying] * 4 + [starting] * 5 + [ready] * 2
    assert [tuple(row[1:]) for row in seen] == expected


def test_endpoints_appear_with_ready_and_stay(rig: Rig) -> None:
    client = rig.client()
    gateway = rig.gateway(
        client, endpoint_configuration={"additional_dns": ["chat.example.org", "a.example.org"]}
    )
    rig.clock.advance(10)
    endpoints = [
        f"https://gw-{gateway.spec.id}.inference.coreweave.example",
        "https://chat.example.org",
        "https://a.example.org",
    ]
    assert client.gateways.get(id=gateway.spec.id).status.endpoints == endpoints
    updated = client.gateways.update(
        id=gateway.spec.id, name="edge", core_weave_auth={}, path_based_routing={}
    )
    assert updated.status.endpoints == endpoints
    assert client.gateways.delete(id=gateway.spec.id).status.endpoints == endpoints


def test_update_goes_through_updating_back_to_ready(rig: Rig) -> None:
    client = rig.client()
    gateway = rig.gateway(client)
    rig.clock.advance(10)
    rig.clock.advance(60)
    updated = client.gateways.update(
        id=gateway.spec.id, name="other", core_weave_auth={}, path_based_routing={}
    )
    assert updated.status.status == STATUS_UPDATING
    assert conditions(updated) == {"ResourcesApplied": FALSE, "Ready": FALSE}
    assert nanos(updated.status.updated_at) == rig.clock.ns
    assert updated.status.created_at == gateway.status.created_at
    assert_keeps_the_contract(updated)
    rig.clock.advance(9.999999999)
    assert client.gateways.get(id=gateway.spec.id).status.status == STATUS_UPDATING
    rig.clock.advance(0.000000001)
    ready = client.gateways.get(id=gateway.spec.id)
    assert ready.status.status == STATUS_READY
    assert nanos(ready.status.updated_at) == rig.clock.ns


def test_update_before_ready_stays_creating_and_starts_over(rig: Rig) -> None:
    client = rig.client()
    gateway = rig.gateway(client)
    rig.clock.advance(9)
    updated = client.gateways.update(
        id=gateway.spec.id, name="edge", core_weave_auth={}, path_based_routing={}
    )
    assert updated.status.status == STATUS_CREATING
    rig.clock.advance(9)
    assert client.gateways.get(id=gateway.spec.id).status.status == STATUS_CREATING
    rig.clock.advance(1)
    assert client.gateways.get(id=gateway.spec.id).status.status == STATUS_READY


def test_delete_answers_deleting_until_it_is_gone(rig: Rig) -> None:
    client = rig.client()
    gateway = rig.gateway(client)
    rig.clock.advance(10)
    deleted = client.gateways.delete(id=gateway.spec.id)
    assert deleted.status.status == STATUS_DELETING
    assert conditions(deleted) == {"ResourcesApplied": TRUE, "Ready": FALSE}
    assert_keeps_the_contract(deleted)
    rig.clock.advance(9.9)
    assert client.gateways.get(id=gateway.spec.id) == deleted
    rig.clock.advance(0.1)
    failure(lambda: client.gateways.get(id=gateway.spec.id), Code.NOT_FOUND)
    assert client.gateways.list() == []


def test_without_pace_the_first_read_sees_the_end() -> None:
    rig = Rig(Behaviour(transition_seconds=0))
    client = rig.client()
    gateway = rig.gateway(client)
    assert gateway.status.status == STATUS_CREATING
    ready = client.gateways.get(id=gateway.spec.id)
    assert ready.status.status == STATUS_READY
    assert ready.status.endpoints
    deployment = rig.deployment(gateway.spec.id)
    assert client.deployments.get(id=deployment.spec.id).status.status == STATUS_READY
    assert client.deployments.delete(id=deployment.spec.id).status.status == STATUS_DELETING
    failure(lambda: client.deployments.get(id=deployment.spec.id), Code.NOT_FOUND)
    claim = rig.claim()
    assert client.capacity_claims.list()[0].status.status == STATUS_READY
    assert claim.status.status == STATUS_CREATING


def test_claim_counts_follow_the_lifecycle(rig: Rig) -> None:
    client = rig.client()
    claim = rig.claim()
    assert (claim.status.allocated_instances, claim.status.pending_instances) == (0, 2)
    rig.clock.advance(10)
    claim = client.capacity_claims.get(id=claim.spec.id)
    assert (claim.status.allocated_instances, claim.status.pending_instances) == (2, 0)
    ready = claim.status.conditions[1]
    assert (ready.reason, ready.message) == ("AllAllocated", "All instances allocated.")
    claim.spec.resources.instance_count = 5
    claim = client.capacity_claims.update(id=claim.spec.id, resources=claim.spec.resources)
    assert (claim.status.allocated_instances, claim.status.pending_instances) == (2, 3)
    claim.spec.resources.instance_count = 1
    claim = client.capacity_claims.update(id=claim.spec.id, resources=claim.spec.resources)
    assert (claim.status.allocated_instances, claim.status.pending_instances) == (1, 0)
    rig.clock.advance(10)
    claim = client.capacity_claims.get(id=claim.spec.id)
    assert (claim.status.allocated_instances, claim.status.pending_instances) == (1, 0)
    assert_keeps_the_contract(claim)


def test_disabled_deployment_becomes_ready(rig: Rig) -> None:
    gateway = rig.gateway()
    deployment = rig.deployment(gateway.spec.id, disabled=True)
    rig.clock.advance(10)
    found = rig.client().deployments.get(id=deployment.spec.id)
    assert found.status.status == STATUS_READY
    assert found.spec.disabled
    assert_keeps_the_contract(found)


def test_disabled_deployment_stays_creating_if_asked() -> None:
    rig = Rig(Behaviour(transition_seconds=0, disabled_stays_creating=True))
    client = rig.client()
    gateway = rig.gateway()
    deployment = rig.deployment(gateway.spec.id, disabled=True)
    found = client.deployments.get(id=deployment.spec.id)
    assert found.status.status == STATUS_CREATING
    assert conditions(found) == {"ResourcesApplied": TRUE, "Ready": FALSE}
    enabled = rig.deployment(gateway.spec.id)
    assert client.deployments.get(id=enabled.spec.id).status.status == STATUS_READY


def test_every_status_change_moves_updated_at_and_no_two_are_equal(rig: Rig) -> None:
    client = rig.client()
    # The clock stands still: five creates in one nanosecond.
    stamps = [
        nanos(rig.gateway(client, name=f"g{number}").status.updated_at) for number in range(5)
    ]
    rig.clock.advance(5)
    stamps.extend(nanos(found.status.updated_at) for found in client.gateways.list())
    rig.clock.advance(5)
    stamps.extend(nanos(found.status.updated_at) for found in client.gateways.list())
    assert stamps == sorted(set(stamps))
    assert len(stamps) == 15


def test_updated_at_rises_although_the_clock_steps_back(rig: Rig) -> None:
    client = rig.client()
    first = nanos(rig.gateway(client).status.updated_at)
    rig.clock.advance(-3600)
    second = nanos(rig.gateway(client).status.updated_at)
    assert second == first + 1


def test_steps_that_were_missed_happen_in_the_order_in_which_they_were_due(rig: Rig) -> None:
    client = rig.client()
    first = rig.gateway(client, name="first")
    rig.clock.advance(1)
    second = rig.gateway(client, name="second")
    rig.clock.advance(3600)
    by_name = {found.spec.name: found for found in client.gateways.list()}
    assert nanos(by_name["first"].status.updated_at) == nanos(first.status.created_at) + 10**10
    assert nanos(by_name["second"].status.updated_at) == nanos(second.status.created_at) + 10**10


def test_gone_resource_frees_its_id(rig: Rig) -> None:
    client = rig.client()
    gateway = rig.gateway(client)
    client.gateways.delete(id=gateway.spec.id)
    failure(lambda: rig.gateway(client, id=gateway.spec.id), Code.ALREADY_EXISTS)
    rig.clock.advance(10)
    again = rig.gateway(client, id=gateway.spec.id)
    assert nanos(again.status.created_at) > nanos(gateway.status.created_at)


def test_advancing_what_is_settled_is_a_mistake() -> None:
    record = Record(GATEWAY, Gateway(), Stage.SETTLED, None)
    with pytest.raises(ValueError, match="nothing is due"):
        lifecycle.advance(record, stamp_ns=1, endpoints=(), pace=Pace(0))


@pytest.mark.parametrize("transition_ns", [0, 1, 3, 10**10])
def test_two_steps_take_exactly_the_transition(transition_ns: int) -> None:
    pace = Pace(transition_ns)
    assert pace.first_ns + pace.second_ns == transition_ns
    assert pace.first_ns <= pace.second_ns <= pace.first_ns + 1
