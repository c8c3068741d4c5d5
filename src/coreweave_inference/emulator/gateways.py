"""GatewayService."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coreweave_inference.emulator import failures, rules
from coreweave_inference.emulator.calls import refuse
from coreweave_inference.emulator.records import DEPLOYMENT, GATEWAY
from coreweave_inference.emulator.specs import fill_spec, keep_dns
from coreweave_inference_gen.coreweave.inference.v1alpha1 import gateway_pb2 as pb

if TYPE_CHECKING:
    from coreweave_inference.emulator.calls import Emulator
    from triwire.server.service import ServerContext

__all__ = ["Gateways"]


class Gateways:
    """Answers the methods of coreweave.inference.v1alpha1.GatewayService."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator

    def list_gateways(
        self, request: pb.ListGatewaysRequest, context: ServerContext
    ) -> pb.ListGatewaysResponse:
        """List the caller's gateways."""
        with self._emulator.call(request, context) as call:
            return pb.ListGatewaysResponse(items=call.listed(GATEWAY, request))

    def get_gateway(
        self, request: pb.GetGatewayRequest, context: ServerContext
    ) -> pb.GetGatewayResponse:
        """Return one gateway."""
        with self._emulator.call(request, context) as call:
            return pb.GetGatewayResponse(gateway=call.read(GATEWAY, request.id))

    def create_gateway(
        self, request: pb.CreateGatewayRequest, context: ServerContext
    ) -> pb.CreateGatewayResponse:
        """Create a gateway."""
        with self._emulator.call(request, context, write=True) as call:
            gateway = pb.Gateway()
            spec = fill_spec(request, gateway.spec)
            refuse(rules.gateway_violations(self._emulator.catalog, spec.zones))
            spec.id = call.id_of_new(GATEWAY, request.id)
            spec.organization_id = call.organization
            created = call.create(GATEWAY, gateway, zone=self._zone(spec))
        return pb.CreateGatewayResponse(gateway=created)

    def update_gateway(
        self, request: pb.UpdateGatewayRequest, context: ServerContext
    ) -> pb.UpdateGatewayResponse:
        """Replace a gateway's spec."""
        with self._emulator.call(request, context, write=True) as call:
            record = call.get_to_change(GATEWAY, request.id)
            gateway = pb.Gateway()
            spec = fill_spec(request, gateway.spec)
            refuse(rules.gateway_violations(self._emulator.catalog, spec.zones))
            spec.id = record.id
            spec.organization_id = call.organization
            merge = self._emulator.behaviour.merge_dns
            keep_dns(spec, record.resource.spec, merge=merge)
            updated = call.update(record, gateway, zone=self._zone(spec))
        return pb.UpdateGatewayResponse(gateway=updated)

    def delete_gateway(
        self, request: pb.DeleteGatewayRequest, context: ServerContext
    ) -> pb.DeleteGatewayResponse:
        """Start to delete a gateway that no deployment uses."""
        with self._emulator.call(request, context, write=True) as call:
            record = call.get(GATEWAY, request.id)
            users = call.transaction.find(DEPLOYMENT, call.organization, gateway_id=request.id)
            if users:
                raise failures.in_use(record.id, [user.id for user in users])
            return pb.DeleteGatewayResponse(gateway=call.delete(record))

    def get_gateway_parameters(
        self, request: pb.GetGatewayParametersRequest, context: ServerContext
    ) -> pb.GetGatewayParametersResponse:
        """Return what CreateGateway accepts."""
        with self._emulator.call(request, context):
            return pb.GetGatewayParametersResponse(zones=self._emulator.catalog.zones)

    def _zone(self, spec: pb.GatewaySpec) -> str:
        return self._emulator.catalog.effective_zones(spec.zones)[0]
