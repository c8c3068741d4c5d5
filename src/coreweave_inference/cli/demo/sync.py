# Generated from src/coreweave_inference/cli/demo/aio.py by scripts/unasync.py. DO NOT EDIT.
"""The demo's steps: the life of a gateway, a capacity claim and a deployment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from coreweave_inference import Deleted, InferenceClient, WatchOptions
from coreweave_inference.cli.demo.report import expect
from coreweave_inference_gen.coreweave.inference.v1alpha1.status_pb2 import STATUS_READY

if TYPE_CHECKING:
    from coreweave_inference.cli.demo.report import Report
    from coreweave_inference_gen.coreweave.inference.v1alpha1.deployment_pb2 import Deployment
    from triwire.watch import ObjectEvent, Watch

__all__ = ["run"]

_WAIT_SECONDS: Final = 30.0
_POLL_SECONDS: Final = 0.01
_AWAITING: Final = "(wait until READY)"
_DELETING: Final = "(wait until deleted)"
_WATCH: Final = "(watch)"
# Everything at the pace of the demo's emulator, which answers at once what it has written.
_WATCHING: Final = WatchOptions(
    visibility_bound_seconds=0.1, fast_interval_seconds=0.05, idle_interval_seconds=0.1
)


def run(url: str, *, token: str, wire: str, report: Report) -> None:
    """Call all 18 methods over one wire.

    Args:
        url: Address of the emulator.
        token: An admin's token.
        wire: "grpc", "connect", "grpc-web" or "rest".
        report: Where each call is timed and printed.

    Raises:
        StepFailedError: a step failed; the steps after it are left out.
    """
    with InferenceClient(url, token=token, transport=wire) as client:
        claim_id = _claim_capacity(client, report)
        gateway_id = _create_gateway(client, report)
        with client.deployments.watch(options=_WATCHING) as watch:
            _deploy(client, report, gateway_id, watch)
        _delete_gateway(client, report, gateway_id)
        _release_capacity(client, report, claim_id)


def _claim_capacity(client: InferenceClient, report: Report) -> str:
    claims = client.capacity_claims
    with report.step("GetCapacityClaimParameters"):
        parameters = claims.parameters()
        zone, offered = min(parameters.zone_instance_types.items())
    with report.step("CreateCapacityClaim"):
        claim = claims.create(
            name="demo",
            resources={
                "instance_id": offered.instance_ids[0],
                "instance_count": 1,
                "capacity_type": "CAPACITY_TYPE_MANAGED",
                "zones": [zone],
            },
        )
    with report.quietly(_AWAITING):
        claim = claims.wait_until_ready(
            claim, timeout_seconds=_WAIT_SECONDS, poll_seconds=_POLL_SECONDS
        )
    claim.spec.resources.instance_count = 2
    with report.step("UpdateCapacityClaim"):
        claim = claims.update(id=claim.spec.id, resources=claim.spec.resources)
    with report.quietly(_AWAITING):
        claims.wait_until_ready(claim, timeout_seconds=_WAIT_SECONDS, poll_seconds=_POLL_SECONDS)
    with report.step("GetCapacityClaim"):
        claim = claims.get(id=claim.spec.id)
        expect(claim.status.allocated_instances == 2, "2 allocated instances")  # noqa: PLR2004 - set above
    with report.step("ListCapacityClaims"):
        listed = claims.list()
        expect(any(found.spec.id == claim.spec.id for found in listed), "the claim in the list")
    return claim.spec.id


def _create_gateway(client: InferenceClient, report: Report) -> str:
    gateways = client.gateways
    with report.step("GetGatewayParameters"):
        parameters = gateways.parameters()
    with report.step("CreateGateway"):
        gateway = gateways.create(
            name="demo",
            zones=parameters.zones[:1],
            core_weave_auth={},
            body_based_routing={"api_type": "API_TYPE_OPENAI"},
        )
    with report.quietly(_AWAITING):
        gateways.wait_until_ready(
            gateway, timeout_seconds=_WAIT_SECONDS, poll_seconds=_POLL_SECONDS
        )
    with report.step("UpdateGateway"):
        gateway = gateways.update(
            id=gateway.spec.id,
            name="demo",
            zones=gateway.spec.zones,
            core_weave_auth={},
            path_based_routing={},
        )
    with report.quietly(_AWAITING):
        gateways.wait_until_ready(
            gateway, timeout_seconds=_WAIT_SECONDS, poll_seconds=_POLL_SECONDS
        )
    with report.step("GetGateway"):
        gateway = gateways.get(id=gateway.spec.id)
        expect(gateway.spec.HasField("path_based_routing"), "routing by path")
        expect(len(gateway.status.endpoints) == 1, "one endpoint")
    with report.step("ListGateways"):
        listed = gateways.list()
        expect(any(found.spec.id == gateway.spec.id for found in listed), "the gateway in the list")
    return gateway.spec.id


def _deploy(
    client: InferenceClient,
    report: Report,
    gateway_id: str,
    watch: Watch[ObjectEvent[Deployment]],
) -> None:
    deployments = client.deployments
    with report.quietly(_WATCH):
        report.told(watch.drain())
    with report.step("GetDeploymentParameters"):
        parameters = deployments.parameters(gateway_ids=[gateway_id])
        version = parameters.runtime_parameters.runtime_versions["vllm"].versions[0]
    with report.step("CreateDeployment"):
        deployment = deployments.create(
            name="demo",
            gateway_ids=[gateway_id],
            runtime={
                "engine": "vllm",
                "version": version,
                "engine_config": {"max-model-len": "8192"},
            },
            resources={
                "instance_type": parameters.resource_parameters.instance_types[0],
                "gpu_count": 8,
            },
            model={
                "name": "meta-llama/Llama-3.1-8B-Instruct",
                "bucket": "models",
                "path": "Llama-3.1-8B-Instruct",
            },
            autoscaling={"min": 1, "max": 2},
            traffic={},
        )
    with report.quietly(_AWAITING):
        deployment = deployments.wait_until_ready(
            deployment, timeout_seconds=_WAIT_SECONDS, poll_seconds=_POLL_SECONDS
        )
    with report.quietly(_WATCH):
        # It may tell of CREATING first; the last event before an update is READY.
        for event in watch:
            report.told([event])
            if event.object.status.status == STATUS_READY:
                break
    spec = deployment.spec
    with report.step("UpdateDeployment"):
        deployment = deployments.update(
            id=spec.id,
            name=spec.name,
            gateway_ids=spec.gateway_ids,
            runtime=spec.runtime,
            resources=spec.resources,
            model=spec.model,
            autoscaling={"min": 1, "max": 4},
            traffic={"weight": 100},
        )
    with report.quietly(_AWAITING):
        deployments.wait_until_ready(
            deployment, timeout_seconds=_WAIT_SECONDS, poll_seconds=_POLL_SECONDS
        )
    with report.step("GetDeployment"):
        deployment = deployments.get(id=spec.id)
        expect(deployment.status.status == STATUS_READY, "STATUS_READY")
        expect(deployment.spec.autoscaling.max == 4, "4 replicas at most")  # noqa: PLR2004 - set above
    with report.step("ListDeployments"):
        listed = deployments.list(parent_gateway_id=gateway_id)
        expect([found.spec.id for found in listed] == [spec.id], "the deployment in the list")
    with report.step("DeleteDeployment"):
        deployment = deployments.delete(id=spec.id)
    with report.quietly(_DELETING):
        deployments.wait_until_deleted(
            deployment, timeout_seconds=_WAIT_SECONDS, poll_seconds=_POLL_SECONDS
        )
    with report.quietly(_WATCH):
        for event in watch:
            report.told([event])
            if isinstance(event, Deleted):
                break


def _delete_gateway(client: InferenceClient, report: Report, gateway_id: str) -> None:
    with report.step("DeleteGateway"):
        gateway = client.gateways.delete(id=gateway_id)
    with report.quietly(_DELETING):
        client.gateways.wait_until_deleted(
            gateway, timeout_seconds=_WAIT_SECONDS, poll_seconds=_POLL_SECONDS
        )


def _release_capacity(client: InferenceClient, report: Report, claim_id: str) -> None:
    with report.step("DeleteCapacityClaim"):
        claim = client.capacity_claims.delete(id=claim_id)
    with report.quietly(_DELETING):
        client.capacity_claims.wait_until_deleted(
            claim, timeout_seconds=_WAIT_SECONDS, poll_seconds=_POLL_SECONDS
        )
