"""CapacityClaimService."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coreweave_inference.emulator import rules
from coreweave_inference.emulator.calls import refuse
from coreweave_inference.emulator.records import CAPACITY_CLAIM
from coreweave_inference.emulator.specs import fill_spec
from coreweave_inference_gen.coreweave.inference.v1alpha1 import capacity_claim_pb2 as pb

if TYPE_CHECKING:
    from coreweave_inference.emulator.calls import Emulator
    from triwire.server.service import ServerContext

__all__ = ["CapacityClaims"]


class CapacityClaims:
    """Answers the methods of coreweave.inference.v1alpha1.CapacityClaimService."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator

    def list_capacity_claims(
        self, request: pb.ListCapacityClaimsRequest, context: ServerContext
    ) -> pb.ListCapacityClaimsResponse:
        """List the caller's claims."""
        with self._emulator.call(request, context) as call:
            claims = call.listed(CAPACITY_CLAIM, request)
        return pb.ListCapacityClaimsResponse(capacity_claims=claims)

    def get_capacity_claim(
        self, request: pb.GetCapacityClaimRequest, context: ServerContext
    ) -> pb.GetCapacityClaimResponse:
        """Return one claim."""
        with self._emulator.call(request, context) as call:
            claim = call.read(CAPACITY_CLAIM, request.id)
        return pb.GetCapacityClaimResponse(capacity_claim=claim)

    def create_capacity_claim(
        self, request: pb.CreateCapacityClaimRequest, context: ServerContext
    ) -> pb.CreateCapacityClaimResponse:
        """Create a claim."""
        with self._emulator.call(request, context, write=True) as call:
            claim = pb.CapacityClaim()
            spec = fill_spec(request, claim.spec)
            refuse(rules.claim_violations(self._emulator.catalog, spec.resources))
            spec.id = call.id_of_new(CAPACITY_CLAIM, request.id)
            spec.organization_id = call.organization
            created = call.create(CAPACITY_CLAIM, claim, zone=spec.resources.zones[0])
        return pb.CreateCapacityClaimResponse(capacity_claim=created)

    def update_capacity_claim(
        self, request: pb.UpdateCapacityClaimRequest, context: ServerContext
    ) -> pb.UpdateCapacityClaimResponse:
        """Replace a claim's resources; its name never changes."""
        with self._emulator.call(request, context, write=True) as call:
            record = call.get_to_change(CAPACITY_CLAIM, request.id)
            claim = pb.CapacityClaim()
            spec = fill_spec(request, claim.spec)
            refuse(rules.claim_violations(self._emulator.catalog, spec.resources))
            spec.id = record.id
            spec.name = record.resource.spec.name
            spec.organization_id = call.organization
            updated = call.update(record, claim, zone=spec.resources.zones[0])
        return pb.UpdateCapacityClaimResponse(capacity_claim=updated)

    def delete_capacity_claim(
        self, request: pb.DeleteCapacityClaimRequest, context: ServerContext
    ) -> pb.DeleteCapacityClaimResponse:
        """Start to delete a claim."""
        with self._emulator.call(request, context, write=True) as call:
            claim = call.delete(call.get(CAPACITY_CLAIM, request.id))
        return pb.DeleteCapacityClaimResponse(capacity_claim=claim)

    def get_capacity_claim_parameters(
        self, request: pb.GetCapacityClaimParametersRequest, context: ServerContext
    ) -> pb.GetCapacityClaimParametersResponse:
        """Return what CreateCapacityClaim accepts."""
        answer = pb.GetCapacityClaimParametersResponse()
        with self._emulator.call(request, context):
            for zone, types in self._emulator.catalog.zone_instance_types.items():
                answer.zone_instance_types[zone].instance_ids.extend(types)
        return answer
