"""DeploymentService."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coreweave_inference.emulator import failures, lifecycle, rules
from coreweave_inference.emulator.calls import refuse
from coreweave_inference.emulator.failures import Violation
from coreweave_inference.emulator.records import DEPLOYMENT, GATEWAY
from coreweave_inference.emulator.specs import fill_spec
from coreweave_inference_gen.coreweave.inference.v1alpha1 import deployment_pb2 as pb

if TYPE_CHECKING:
    from collections.abc import Sequence

    from coreweave_inference.emulator.calls import Call, Emulator
    from coreweave_inference.emulator.records import Record
    from coreweave_inference_gen.coreweave.inference.v1alpha1.gateway_pb2 import Gateway
    from triwire.server.service import ServerContext

__all__ = ["Deployments"]


class Deployments:
    """Answers the methods of coreweave.inference.v1alpha1.DeploymentService."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator

    def list_deployments(
        self, request: pb.ListDeploymentsRequest, context: ServerContext
    ) -> pb.ListDeploymentsResponse:
        """List the caller's deployments, or those of one gateway."""
        with self._emulator.call(request, context) as call:
            gateway_id = request.parent_gateway_id or None
            found = call.listed(DEPLOYMENT, request, gateway_id=gateway_id)
        return pb.ListDeploymentsResponse(items=found)

    def get_deployment(
        self, request: pb.GetDeploymentRequest, context: ServerContext
    ) -> pb.GetDeploymentResponse:
        """Return one deployment."""
        with self._emulator.call(request, context) as call:
            return pb.GetDeploymentResponse(deployment=call.read(DEPLOYMENT, request.id))

    def create_deployment(
        self, request: pb.CreateDeploymentRequest, context: ServerContext
    ) -> pb.CreateDeploymentResponse:
        """Create a deployment on gateways that exist."""
        with self._emulator.call(request, context, write=True) as call:
            deployment = pb.Deployment()
            spec = fill_spec(request, deployment.spec)
            zone = self._check(call, spec)
            spec.id = call.id_of_new(DEPLOYMENT, request.id)
            spec.organization_id = call.organization
            created = call.create(DEPLOYMENT, deployment, zone=zone)
        return pb.CreateDeploymentResponse(deployment=created)

    def update_deployment(
        self, request: pb.UpdateDeploymentRequest, context: ServerContext
    ) -> pb.UpdateDeploymentResponse:
        """Replace a deployment's spec."""
        with self._emulator.call(request, context, write=True) as call:
            record = call.get_to_change(DEPLOYMENT, request.id)
            deployment = pb.Deployment()
            spec = fill_spec(request, deployment.spec)
            zone = self._check(call, spec)
            spec.id = record.id
            spec.organization_id = call.organization
            updated = call.update(record, deployment, zone=zone)
        return pb.UpdateDeploymentResponse(deployment=updated)

    def delete_deployment(
        self, request: pb.DeleteDeploymentRequest, context: ServerContext
    ) -> pb.DeleteDeploymentResponse:
        """Start to delete a deployment."""
        with self._emulator.call(request, context, write=True) as call:
            deployment = call.delete(call.get(DEPLOYMENT, request.id))
        return pb.DeleteDeploymentResponse(deployment=deployment)

    def get_deployment_parameters(
        self, request: pb.GetDeploymentParametersRequest, context: ServerContext
    ) -> pb.GetDeploymentParametersResponse:
        """Return what CreateDeployment accepts on some gateways, or on any."""
        catalog = self._emulator.catalog
        with self._emulator.call(request, context) as call:
            if request.gateway_ids:
                gateways = _named_gateways(call, request.gateway_ids)
                zones = [gateway.resource.spec.zones for gateway in gateways]
                names, types = list(request.gateway_ids), catalog.shared_instance_types(zones)
            else:
                gateways = call.transaction.find(GATEWAY, call.organization)
                zones = [gateway.resource.spec.zones for gateway in gateways]
                names = [gateway.id for gateway in gateways]
                types = catalog.any_instance_types(zones)
        answer = pb.GetDeploymentParametersResponse(
            gateway_ids=names,
            resource_parameters=pb.DeploymentResourceParameters(instance_types=types),
        )
        runtime = answer.runtime_parameters
        for name, engine in catalog.engines.items():
            runtime.runtime_versions[name].versions.extend(engine.versions)
            runtime.runtime_config_options[name].allowed_keys.extend(engine.config_keys)
            runtime.engine_env_options[name].allowed_names.extend(engine.env_names)
        return answer

    def _check(self, call: Call, spec: pb.DeploymentSpec) -> str:
        """Check a spec against the parameters and return a zone that it can run in."""
        catalog = self._emulator.catalog
        gateways = _named_gateways(call, spec.gateway_ids)
        for gateway in gateways:
            if lifecycle.is_being_deleted(gateway):
                raise failures.being_deleted(GATEWAY, gateway.id)
        zones = [gateway.resource.spec.zones for gateway in gateways]
        wanted = spec.resources.instance_type
        refuse(
            rules.runtime_violations(catalog, spec.runtime)
            + rules.instance_type_violations(catalog.shared_instance_types(zones), wanted)
        )
        return next(
            zone
            for zone in catalog.effective_zones(zones[0])
            if wanted in catalog.zone_instance_types[zone]
        )


def _named_gateways(call: Call, ids: Sequence[str]) -> list[Record[Gateway]]:
    """Return the gateways that a request names, in its order.

    Raises:
        RpcError: INVALID_ARGUMENT: one does not exist.
    """
    found: list[Record[Gateway]] = []
    missing: list[Violation] = []
    for index, name in enumerate(ids):
        record = call.transaction.get(GATEWAY, call.organization, name)
        if record is None:
            missing.append(Violation(f"gateway_ids[{index}]", f"gateway {name!r} does not exist"))
        else:
            found.append(record)
    refuse(missing)
    return found
