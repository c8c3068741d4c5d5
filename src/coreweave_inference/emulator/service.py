"""The emulator as service objects, for any wire."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coreweave_inference.emulator.calls import Emulator
from coreweave_inference.emulator.claims import CapacityClaims
from coreweave_inference.emulator.deployments import Deployments
from coreweave_inference.emulator.gateways import Gateways
from coreweave_inference_gen.coreweave.inference.v1alpha1.capacity_claim_triwire import (
    CapacityClaimServiceServer,
    capacity_claim_service,
)
from coreweave_inference_gen.coreweave.inference.v1alpha1.deployment_triwire import (
    DeploymentServiceServer,
    deployment_service,
)
from coreweave_inference_gen.coreweave.inference.v1alpha1.gateway_triwire import (
    GatewayServiceServer,
    gateway_service,
)

if TYPE_CHECKING:
    from triwire.server.service import Service

__all__ = ["Emulator", "emulator_services"]


def emulator_services(emulator: Emulator) -> list[Service]:
    """Return the three services of an emulator.

    Their functions are synchronous, so that both colours of the memory wire can call them.
    """
    return [
        gateway_service(Gateways(emulator)),
        deployment_service(Deployments(emulator)),
        capacity_claim_service(CapacityClaims(emulator)),
    ]


if TYPE_CHECKING:
    _gateways: type[GatewayServiceServer] = Gateways
    _deployments: type[DeploymentServiceServer] = Deployments
    _claims: type[CapacityClaimServiceServer] = CapacityClaims
