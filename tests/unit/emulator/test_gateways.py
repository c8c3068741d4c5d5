"""GatewayService: specs, rules and errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from google.rpc.error_details_pb2 import PreconditionFailure, ResourceInfo

from coreweave_inference.emulator.settings import Behaviour
from coreweave_inference.v1alpha1 import BodyBasedRouting
from tests.unit.emulator.rig import Rig, assert_keeps_the_contract, failure, fields_of
from triwire.errors import Code

if TYPE_CHECKING:
    from coreweave_inference.v1alpha1 import Gateway

MISSING = "11111111-1111-4111-8111-111111111111"


def test_spec_is_echoed_exactly_as_sent(rig: Rig) -> None:
    identity = "ABCDEF01-2345-4678-89ab-CDEF01234567"
    sent: dict[str, Any] = {
        "id": identity,
        "name": "Edge-1",
        "zones": ["US-WEST-04A", "RNO2A"],
        "weights_and_biases_auth": {"enable_usage_reports": True},
        "endpoint_configuration": {"additional_dns": ["b.example.org", "a.example.org"]},
        "header_based_routing": {"header_name": "X-Model"},
    }
    spec = rig.client().gateways.create(**sent).spec
    assert (spec.id, spec.name, list(spec.zones)) == (identity, "Edge-1", sent["zones"])
    assert spec.WhichOneof("auth") == "weights_and_biases_auth"
    assert spec.weights_and_biases_auth.enable_usage_reports
    assert not spec.weights_and_biases_auth.enable_rate_limiting
    assert list(spec.endpoint_configuration.additional_dns) == ["b.example.org", "a.example.org"]
    assert spec.header_based_routing.header_name == "X-Model"
    assert spec.organization_id == "cw0001"
    # An id is found in any case, and told as it was sent.
    assert rig.client().gateways.get(id=identity.lower()).spec == spec


def test_what_was_not_sent_is_not_there(rig: Rig) -> None:
    gateway = rig.client().gateways.create(
        name="edge", core_weave_auth={}, body_based_routing={"api_type": "API_TYPE_OPENAI"}
    )
    assert list(gateway.spec.zones) == []
    assert not gateway.spec.HasField("endpoint_configuration")
    assert gateway.spec.WhichOneof("auth") == "core_weave_auth"
    assert gateway.spec.body_based_routing.api_type == BodyBasedRouting.API_TYPE_OPENAI
    # A condition needs a zone by the contract: the first of all, as the gateway spans them all.
    assert {condition.zone for condition in gateway.status.conditions} == {"RNO2A"}
    assert_keeps_the_contract(gateway)


def test_an_empty_endpoint_configuration_is_echoed(rig: Rig) -> None:
    assert rig.gateway(endpoint_configuration={}).spec.HasField("endpoint_configuration")


def test_a_contract_rule_is_reported_with_its_field_and_words(rig: Rig) -> None:
    error = failure(
        lambda: rig.client().gateways.create(
            name="-", zones=["us-east-04a", "RNO2A"], core_weave_auth={}, path_based_routing={}
        ),
        Code.INVALID_ARGUMENT,
    )
    assert fields_of(error) == ["name", "zones[0]"]
    assert error.message == (
        "name: must be a valid hostname label; zones[0]: must be a valid zone: "
        "https://docs.coreweave.com/platform/regions/about-regions-and-azs"
    )


def test_auth_and_routing_are_required(rig: Rig) -> None:
    error = failure(lambda: rig.client().gateways.create(name="edge"), Code.INVALID_ARGUMENT)
    assert sorted(fields_of(error)) == ["auth", "routing"]


def test_custom_weights_and_biases_are_refused_as_the_contract_says(rig: Rig) -> None:
    error = failure(
        lambda: rig.client().gateways.create(
            name="edge",
            weights_and_biases_auth={"api_key": "k", "server_url": "https://wandb.example.org"},
            path_based_routing={},
        ),
        Code.INVALID_ARGUMENT,
    )
    assert fields_of(error) == ["weights_and_biases_auth"]
    assert "not available yet" in error.message


def test_a_zone_that_is_not_offered_is_refused(rig: Rig) -> None:
    error = failure(lambda: rig.gateway(zones=["RNO2A", "US-LAB-01A"]), Code.INVALID_ARGUMENT)
    assert fields_of(error) == ["zones[1]"]
    assert "'US-LAB-01A' is no zone: expected one of RNO2A, US-EAST-01A" in error.message


def test_an_id_that_exists_is_refused_with_its_resource(rig: Rig) -> None:
    gateway = rig.gateway()
    error = failure(lambda: rig.gateway(id=gateway.spec.id.upper()), Code.ALREADY_EXISTS)
    info = error.details[0]
    assert isinstance(info, ResourceInfo)
    assert info.resource_type == "coreweave.inference.v1alpha1.Gateway"
    assert info.resource_name == gateway.spec.id.upper()
    assert info.description == error.message


@pytest.mark.parametrize("verb", ["get", "delete", "update"])
def test_a_missing_gateway_is_not_found_with_its_resource(rig: Rig, verb: str) -> None:
    gateways = rig.client().gateways
    calls: dict[str, Any] = {
        "get": lambda: gateways.get(id=MISSING),
        "delete": lambda: gateways.delete(id=MISSING),
        "update": lambda: gateways.update(
            id=MISSING, name="x", core_weave_auth={}, path_based_routing={}
        ),
    }
    error = failure(calls[verb], Code.NOT_FOUND)
    info = error.details[0]
    assert isinstance(info, ResourceInfo)
    assert info.resource_name == MISSING


def test_a_gateway_in_use_cannot_be_deleted(rig: Rig) -> None:
    client = rig.client()
    gateway, other = rig.gateway(), rig.gateway()
    deployment = rig.deployment(gateway.spec.id, other.spec.id)
    error = failure(lambda: client.gateways.delete(id=gateway.spec.id), Code.FAILED_PRECONDITION)
    details = error.details[0]
    assert isinstance(details, PreconditionFailure)
    assert [(v.type, v.subject) for v in details.violations] == [
        ("GATEWAY_IN_USE", deployment.spec.id)
    ]
    client.deployments.delete(id=deployment.spec.id)
    # Until the deployment is gone, it uses the gateway.
    failure(lambda: client.gateways.delete(id=gateway.spec.id), Code.FAILED_PRECONDITION)
    rig.clock.advance(10)
    client.gateways.delete(id=gateway.spec.id)
    client.gateways.delete(id=other.spec.id)


def update(rig: Rig, gateway: Gateway, *names: str) -> list[str]:
    """Update a gateway's extra host names and return what became of them."""
    updated = rig.client().gateways.update(
        id=gateway.spec.id,
        name="edge",
        core_weave_auth={},
        path_based_routing={},
        endpoint_configuration={"additional_dns": list(names)},
    )
    return list(updated.spec.endpoint_configuration.additional_dns)


def test_extra_names_replace_and_none_change_nothing(rig: Rig) -> None:
    gateway = rig.gateway(endpoint_configuration={"additional_dns": ["a.example.org"]})
    assert update(rig, gateway, "b.example.org", "c.example.org") == [
        "b.example.org",
        "c.example.org",
    ]
    assert update(rig, gateway) == ["b.example.org", "c.example.org"]
    without = rig.client().gateways.update(
        id=gateway.spec.id, name="edge", core_weave_auth={}, path_based_routing={}
    )
    assert list(without.spec.endpoint_configuration.additional_dns) == [
        "b.example.org",
        "c.example.org",
    ]


def test_extra_names_are_added_if_asked() -> None:
    rig = Rig(Behaviour(merge_dns=True))
    gateway = rig.gateway(endpoint_configuration={"additional_dns": ["a.example.org"]})
    assert update(rig, gateway, "b.example.org", "a.example.org") == [
        "a.example.org",
        "b.example.org",
    ]
    assert update(rig, gateway) == ["a.example.org", "b.example.org"]


def test_an_update_replaces_everything_else(rig: Rig) -> None:
    gateway = rig.gateway(zones=["RNO2A"])
    updated = rig.client().gateways.update(
        id=gateway.spec.id,
        name="other",
        weights_and_biases_auth={},
        header_based_routing={"header_name": "x"},
    )
    assert list(updated.spec.zones) == []
    assert updated.spec.name == "other"
    assert updated.spec.WhichOneof("auth") == "weights_and_biases_auth"
    assert updated.spec.WhichOneof("routing") == "header_based_routing"
    assert updated.spec.id == gateway.spec.id


def test_parameters_name_the_zones(rig: Rig) -> None:
    parameters = rig.client().gateways.parameters()
    assert list(parameters.zones) == ["RNO2A", "US-EAST-01A", "US-EAST-04A", "US-WEST-04A"]
    assert_keeps_the_contract(parameters)
