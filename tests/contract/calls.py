"""Methods of the API by name, for tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import coreweave_inference.v1alpha1 as contract
from coreweave_inference_gen.coreweave.inference.v1alpha1.capacity_claim_triwire import (
    CapacityClaimServiceMethods,
)
from coreweave_inference_gen.coreweave.inference.v1alpha1.deployment_triwire import (
    DeploymentServiceMethods,
)
from coreweave_inference_gen.coreweave.inference.v1alpha1.gateway_triwire import (
    GatewayServiceMethods,
)

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from coreweave_inference import AsyncInferenceClient
    from tests.contract.bad_requests import Method
    from triwire.spec import MethodSpec

__all__ = ["KINDS", "METHODS", "call", "request_of", "send"]

METHODS: Final[tuple[MethodSpec[Any, Any], ...]] = (
    *GatewayServiceMethods.ALL,
    *DeploymentServiceMethods.ALL,
    *CapacityClaimServiceMethods.ALL,
)

# Attribute of the client -> the resource's message.
KINDS: Final = {
    "gateways": "Gateway",
    "deployments": "Deployment",
    "capacity_claims": "CapacityClaim",
}


def request_of(method: Method, fields: dict[str, Any]) -> Message:
    """Return the request message of a method."""
    kind = KINDS[method.resource]
    name = {
        "list": f"List{kind}sRequest",
        "parameters": f"Get{kind}ParametersRequest",
    }.get(method.name, f"{method.name.title()}{kind}Request")
    message_type: type[Message] = getattr(contract, name)
    return message_type(**fields)


async def call(
    client: AsyncInferenceClient, resource: str, method: str, fields: dict[str, Any]
) -> object:
    """Call a method of a resource by name."""
    return await getattr(getattr(client, resource), method)(**fields)


async def send(client: AsyncInferenceClient, method: Method, request: Message) -> object:
    """Call a method of a resource with a request message, which may lack what is required."""
    return await getattr(getattr(client, method.resource), method.name)(request)
