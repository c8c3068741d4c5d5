"""The main job: reserve capacity, make a gateway, deploy a model, wait, change it, clean up.

Endpoint and token come from the environment (COREWEAVE_API_ENDPOINT, COREWEAVE_API_TOKEN); against
the emulator, use what `cw-inference emulator` prints.

    python examples/lifecycle.py [connect|grpc|grpc-web|rest]
"""

from __future__ import annotations

import sys

from coreweave_inference import InferenceClient
from coreweave_inference.v1alpha1 import UpdateDeploymentRequest


def disable(request: UpdateDeploymentRequest) -> None:
    """Change one field; `edit` sends the rest as the server has it."""
    request.disabled = True


def main(transport: str) -> None:
    """Run the whole lifecycle over one wire."""
    with InferenceClient(transport=transport, timeout_seconds=30) as client:
        offered = client.capacity_claims.parameters().zone_instance_types
        zone = min(offered)
        instance = offered[zone].instance_ids[0]
        claim = client.capacity_claims.create(
            name="example-claim",
            resources={
                "instance_id": instance,
                "instance_count": 2,
                "capacity_type": "CAPACITY_TYPE_MANAGED",
                "zones": [zone],
            },
        )
        claim = client.capacity_claims.wait_until_ready(claim, timeout_seconds=2700)
        print("claim", claim.spec.name, "allocated", claim.status.allocated_instances)

        gateway = client.gateways.create(
            name="example-gateway",
            zones=[zone],
            core_weave_auth={},
            body_based_routing={"api_type": "API_TYPE_OPENAI"},
        )
        gateway = client.gateways.wait_until_ready(gateway, timeout_seconds=2700)
        print("gateway", gateway.spec.name, "has endpoints:", bool(gateway.status.endpoints))

        parameters = client.deployments.parameters(gateway_ids=[gateway.spec.id])
        deployment = client.deployments.create(
            name="example-deployment",
            gateway_ids=[gateway.spec.id],
            runtime={
                "engine": "vllm",
                "version": parameters.runtime_parameters.runtime_versions["vllm"].versions[0],
                "engine_config": {"max-model-len": "8192"},
            },
            resources={
                "instance_type": parameters.resource_parameters.instance_types[0],
                "gpu_count": 8,
            },
            model={
                "name": "meta-llama/Llama-3.1-8B-Instruct",
                "bucket": "example-bucket",
                "path": "models/llama-3.1-8b-instruct",
            },
            autoscaling={"min": 1, "max": 2, "capacity_classes": ["CAPACITY_CLASS_RESERVED"]},
            traffic={"weight": 100},
        )
        deployment = client.deployments.wait_until_ready(deployment, timeout_seconds=2700)
        print("deployment", deployment.spec.name, "is ready")

        # An update replaces the whole spec on the server; edit reads, changes and writes it back.
        deployment = client.deployments.edit(deployment.spec.id, disable)
        print("disabled:", deployment.spec.disabled, "model kept:", deployment.spec.model.name)

        changed = client.deployments.list(updated_after=gateway.status.updated_at)
        print("changed since the gateway was ready:", [item.spec.name for item in changed])

        client.deployments.delete(deployment.spec.id)
        client.deployments.wait_until_deleted(deployment, timeout_seconds=1200)
        client.gateways.delete(gateway.spec.id)
        client.capacity_claims.delete(claim.spec.id)
        print("all deleted")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "connect")
