"""CapacityClaimService: specs, rules and errors."""

from __future__ import annotations

from typing import Any

import pytest

from coreweave_inference.v1alpha1 import CAPACITY_TYPE_CUSTOMER
from tests.unit.emulator.rig import Rig, assert_keeps_the_contract, failure, fields_of
from triwire.errors import Code

MISSING = "11111111-1111-4111-8111-111111111111"
RESOURCES = {
    "instance_id": "gb200-4x",
    "instance_count": 2,
    "capacity_type": "CAPACITY_TYPE_MANAGED",
    "zones": ["US-EAST-04A"],
}


def test_spec_is_echoed_exactly_as_sent(rig: Rig) -> None:
    identity = "abcdef01-2345-4678-89ab-cdef01234567"
    resources = {
        **RESOURCES,
        "instance_id": "GB200-4X",
        "capacity_type": "CAPACITY_TYPE_CUSTOMER",
        "instance_count": 0,
    }
    claim = rig.claim(id=identity, resources=resources)
    assert (claim.spec.id, claim.spec.name) == (identity, "reserved")
    assert claim.spec.resources.instance_id == "GB200-4X"
    assert claim.spec.resources.instance_count == 0
    assert claim.spec.resources.capacity_type == CAPACITY_TYPE_CUSTOMER
    assert {condition.zone for condition in claim.status.conditions} == {"US-EAST-04A"}
    assert_keeps_the_contract(claim)


@pytest.mark.parametrize(
    ("change", "field", "text"),
    [
        pytest.param(
            {"zones": ["US-LAB-01A"]}, "resources.zones[0]", "'US-LAB-01A' is no zone", id="zone"
        ),
        pytest.param(
            {"instance_id": "gd-8xa100-i128"},
            "resources.instance_id",
            "'gd-8xa100-i128' is no instance type in these zones: expected one of b200-8x",
            id="instance",
        ),
        pytest.param(
            {"capacity_type": 1},
            "resources.capacity_type",
            "resources.capacity_type: ",
            id="serverless",
        ),
        pytest.param(
            {"zones": ["US-EAST-04A", "US-WEST-04A"]},
            "resources.zones",
            "resources.zones: ",
            id="two-zones",
        ),
    ],
)
def test_a_broken_rule_names_its_field(
    rig: Rig, change: dict[str, Any], field: str, text: str
) -> None:
    error = failure(lambda: rig.claim(resources={**RESOURCES, **change}), Code.INVALID_ARGUMENT)
    assert field in fields_of(error)
    assert text in error.message


def test_an_update_replaces_the_resources_and_keeps_the_name(rig: Rig) -> None:
    claim = rig.claim()
    resources: Any = {**RESOURCES, "zones": ["US-WEST-04A"], "instance_count": 9}
    updated = rig.client().capacity_claims.update(id=claim.spec.id, resources=resources)
    assert (updated.spec.id, updated.spec.name) == (claim.spec.id, "reserved")
    assert list(updated.spec.resources.zones) == ["US-WEST-04A"]
    assert updated.spec.resources.instance_count == 9
    assert {condition.zone for condition in updated.status.conditions} == {"US-WEST-04A"}


def test_errors_name_the_claim(rig: Rig) -> None:
    claims = rig.client().capacity_claims
    error = failure(lambda: claims.get(id=MISSING), Code.NOT_FOUND)
    detail: Any = error.details[0]
    assert detail.resource_type == "coreweave.inference.v1alpha1.CapacityClaim"
    claim = rig.claim()
    failure(lambda: rig.claim(id=claim.spec.id), Code.ALREADY_EXISTS)
    failure(lambda: claims.delete(id=MISSING), Code.NOT_FOUND)


def test_whatever_the_parameters_offer_is_accepted(rig: Rig) -> None:
    parameters = rig.client().capacity_claims.parameters()
    assert_keeps_the_contract(parameters)
    for zone, found in parameters.zone_instance_types.items():
        for instance_id in found.instance_ids:
            rig.claim(resources={**RESOURCES, "zones": [zone], "instance_id": instance_id})


def test_the_first_claim_zone_is_a_gateway_zone(rig: Rig) -> None:
    client = rig.client()
    first = min(client.capacity_claims.parameters().zone_instance_types)
    assert first in client.gateways.parameters().zones
    rig.gateway(zones=[first])
