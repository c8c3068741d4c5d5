"""From requests to specs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from coreweave_inference.emulator.specs import endpoints_of, fill_spec
from coreweave_inference.v1alpha1 import (
    CapacityClaimSpec,
    CoreWeaveAuth,
    CreateCapacityClaimRequest,
    CreateDeploymentRequest,
    CreateGatewayRequest,
    DeploymentSpec,
    EndpointConfiguration,
    GatewaySpec,
    PathBasedRouting,
    UpdateCapacityClaimRequest,
    UpdateDeploymentRequest,
    UpdateGatewayRequest,
)

if TYPE_CHECKING:
    from google.protobuf.message import Message


@pytest.mark.parametrize(
    ("request_type", "spec_type", "only_in_spec"),
    [
        (CreateGatewayRequest, GatewaySpec, {"organization_id"}),
        (UpdateGatewayRequest, GatewaySpec, {"organization_id"}),
        (CreateDeploymentRequest, DeploymentSpec, {"organization_id"}),
        (UpdateDeploymentRequest, DeploymentSpec, {"organization_id"}),
        (CreateCapacityClaimRequest, CapacityClaimSpec, {"organization_id"}),
        (UpdateCapacityClaimRequest, CapacityClaimSpec, {"organization_id", "name"}),
    ],
)
def test_every_field_of_a_request_has_a_field_of_its_name_and_type(
    request_type: type[Message], spec_type: type[Message], only_in_spec: set[str]
) -> None:
    request_fields = request_type.DESCRIPTOR.fields_by_name
    spec_fields = spec_type.DESCRIPTOR.fields_by_name
    assert set(spec_fields) - set(request_fields) == only_in_spec
    for name, field in request_fields.items():
        assert spec_fields[name].type == field.type
        assert spec_fields[name].message_type == field.message_type


def test_an_empty_message_is_a_choice() -> None:
    request = CreateGatewayRequest(
        core_weave_auth=CoreWeaveAuth(), path_based_routing=PathBasedRouting()
    )
    spec = fill_spec(request, GatewaySpec())
    assert spec.WhichOneof("auth") == "core_weave_auth"
    assert spec.WhichOneof("routing") == "path_based_routing"


def test_endpoints_are_unique_urls_in_lower_case() -> None:
    spec = GatewaySpec(
        id="ABCDEF01-2345-4678-89AB-CDEF01234567",
        endpoint_configuration=EndpointConfiguration(
            additional_dns=["Chat.example.org", "chat.example.ORG"]
        ),
    )
    assert endpoints_of(spec) == [
        "https://gw-abcdef01-2345-4678-89ab-cdef01234567.inference.coreweave.example",
        "https://chat.example.org",
    ]
