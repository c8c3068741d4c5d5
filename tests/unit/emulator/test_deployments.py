"""DeploymentService: specs, rules and errors."""

from __future__ import annotations

from typing import Any

import pytest
from google.rpc.error_details_pb2 import PreconditionFailure

from coreweave_inference.v1alpha1 import DeploymentAutoscaling
from tests.unit.emulator.rig import (
    Rig,
    assert_keeps_the_contract,
    deployment_fields,
    failure,
    fields_of,
)
from triwire.errors import Code

MISSING = "11111111-1111-4111-8111-111111111111"


def test_spec_is_echoed_exactly_as_sent(rig: Rig) -> None:
    gateways = [rig.gateway(), rig.gateway(zones=["US-WEST-04A"])]
    identity = "abcdef01-2345-4678-89ab-cdef01234567"
    fields = deployment_fields(
        *(gateway.spec.id for gateway in reversed(gateways)),
        id=identity,
        runtime={
            "engine": "dynamo-vllm",
            "version": "1.0.0-rc.1+crwv.2",
            "engine_config": {"max-model-len": "8192"},
            "engine_env": {"VLLM_USE_FLASHINFER_MOE_FP4": "0"},
        },
        autoscaling={
            "min": 1,
            "max": 3,
            "priority": 7,
            "capacity_classes": ["CAPACITY_CLASS_ON_DEMAND", "CAPACITY_CLASS_RESERVED"],
            "concurrency": 16,
        },
        traffic={"weight": 50},
        disabled=True,
    )
    deployment = rig.client().deployments.create(**fields)
    spec = deployment.spec
    assert spec.id == identity
    assert list(spec.gateway_ids) == fields["gateway_ids"]
    assert dict(spec.runtime.engine_config) == {"max-model-len": "8192"}
    assert dict(spec.runtime.engine_env) == {"VLLM_USE_FLASHINFER_MOE_FP4": "0"}
    assert (spec.autoscaling.priority, spec.autoscaling.concurrency) == (7, 16)
    assert list(spec.autoscaling.capacity_classes) == [
        DeploymentAutoscaling.CAPACITY_CLASS_ON_DEMAND,
        DeploymentAutoscaling.CAPACITY_CLASS_RESERVED,
    ]
    assert spec.traffic.weight == 50
    assert spec.disabled
    # gb200-4x is in both gateways' zones; conditions name the first gateway's.
    assert {condition.zone for condition in deployment.status.conditions} == {"US-WEST-04A"}
    assert_keeps_the_contract(deployment)


def test_nothing_is_filled_in(rig: Rig) -> None:
    gateway = rig.gateway()
    spec = rig.deployment(gateway.spec.id).spec
    assert spec.HasField("traffic")
    assert spec.traffic.weight == 0
    assert spec.autoscaling.concurrency == 0
    assert list(spec.autoscaling.capacity_classes) == []
    assert not spec.runtime.engine_config


@pytest.mark.parametrize(
    ("fields", "field", "text"),
    [
        pytest.param(
            {"runtime": {"engine": "sglang", "version": "1.0.0"}},
            "runtime.engine",
            "must be in list [vllm, dynamo-vllm]",
            id="engine",
        ),
        pytest.param(
            {"runtime": {"engine": "vllm", "version": "latest"}},
            "runtime.version",
            "valid semantic version",
            id="latest",
        ),
        pytest.param(
            {"runtime": {"engine": "vllm", "version": "9.9.9"}},
            "runtime.version",
            "'9.9.9' is no version of vllm: expected one of 0.22.0+crwv.2, 0.22.0",
            id="version",
        ),
        pytest.param(
            {
                "runtime": {
                    "engine": "vllm",
                    "version": "0.8.5",
                    "engine_config": {"max-model-len": "1", "host": "0.0.0.0"},  # noqa: S104 - data
                }
            },
            'runtime.engine_config["host"]',
            "'host' is no config key",
            id="config-key",
        ),
        pytest.param(
            {
                "runtime": {
                    "engine": "vllm",
                    "version": "0.8.5",
                    "engine_env": {"LD_PRELOAD": "x"},
                }
            },
            'runtime.engine_env["LD_PRELOAD"]',
            "'LD_PRELOAD' is no env name",
            id="env-name",
        ),
        pytest.param(
            {"resources": {"instance_type": "GB200-4x", "gpu_count": 4}},
            "resources.instance_type",
            "'GB200-4x' is no instance type on these gateways: expected one of b200-8x, gb200-4x",
            id="instance-type",
        ),
        pytest.param(
            {"autoscaling": {"min": 3, "max": 2}},
            "autoscaling",
            "max must be greater than or equal to min",
            id="scaling",
        ),
        pytest.param(
            {"model": {"name": "llama", "bucket": "models", "path": "a/../b"}},
            "model.path",
            "must not contain path traversal",
            id="path",
        ),
    ],
)
def test_a_broken_rule_names_its_field(
    rig: Rig, fields: dict[str, Any], field: str, text: str
) -> None:
    gateway = rig.gateway()
    error = failure(lambda: rig.deployment(gateway.spec.id, **fields), Code.INVALID_ARGUMENT)
    assert fields_of(error) == [field]
    assert text in error.message


def test_all_that_is_wrong_is_told_at_once(rig: Rig) -> None:
    gateway = rig.gateway()
    error = failure(
        lambda: rig.deployment(
            gateway.spec.id,
            runtime={"engine": "vllm", "version": "9.9.9", "engine_env": {"A": "", "B": ""}},
            resources={"instance_type": "none", "gpu_count": 1},
        ),
        Code.INVALID_ARGUMENT,
    )
    assert fields_of(error) == [
        "runtime.version",
        'runtime.engine_env["A"]',
        'runtime.engine_env["B"]',
        "resources.instance_type",
    ]


def test_gateways_must_exist(rig: Rig) -> None:
    gateway = rig.gateway()
    error = failure(lambda: rig.deployment(gateway.spec.id, MISSING), Code.INVALID_ARGUMENT)
    assert fields_of(error) == ["gateway_ids[1]"]
    error = failure(
        lambda: rig.client().deployments.parameters(gateway_ids=[MISSING]), Code.INVALID_ARGUMENT
    )
    assert fields_of(error) == ["gateway_ids[0]"]


def test_a_gateway_that_is_being_deleted_takes_no_deployment(rig: Rig) -> None:
    gateway = rig.gateway()
    rig.client().gateways.delete(id=gateway.spec.id)
    error = failure(lambda: rig.deployment(gateway.spec.id), Code.FAILED_PRECONDITION)
    assert isinstance(error.details[0], PreconditionFailure)


def test_an_instance_type_must_be_valid_on_every_gateway(rig: Rig) -> None:
    east, west = rig.gateway(zones=["US-EAST-04A"]), rig.gateway(zones=["US-WEST-04A"])
    both = {"instance_type": "gb200-4x", "gpu_count": 4}
    only_east = {"instance_type": "b200-8x", "gpu_count": 8}
    rig.deployment(east.spec.id, west.spec.id, resources=both)
    rig.deployment(east.spec.id, resources=only_east)
    failure(
        lambda: rig.deployment(east.spec.id, west.spec.id, resources=only_east),
        Code.INVALID_ARGUMENT,
    )


def test_whatever_the_parameters_offer_is_accepted(rig: Rig) -> None:
    client = rig.client()
    ids = [rig.gateway(zones=zones).spec.id for zones in (["RNO2A"], [], ["US-EAST-04A"])]
    parameters = client.deployments.parameters(gateway_ids=ids)
    assert_keeps_the_contract(parameters)
    assert list(parameters.gateway_ids) == ids
    runtime = parameters.runtime_parameters
    assert parameters.resource_parameters.instance_types
    for instance_type in parameters.resource_parameters.instance_types:
        for engine, found in runtime.runtime_versions.items():
            for version in found.versions:
                deployment = rig.deployment(
                    *ids,
                    runtime={
                        "engine": engine,
                        "version": version,
                        "engine_config": dict.fromkeys(
                            runtime.runtime_config_options[engine].allowed_keys, "1"
                        ),
                        "engine_env": dict.fromkeys(
                            runtime.engine_env_options[engine].allowed_names, "1"
                        ),
                    },
                    resources={"instance_type": instance_type, "gpu_count": 8},
                )
                assert_keeps_the_contract(deployment)


def test_parameters_without_gateways_offer_no_instance_types(rig: Rig) -> None:
    parameters = rig.client().deployments.parameters()
    assert list(parameters.resource_parameters.instance_types) == []
    assert parameters.HasField("resource_parameters")
    assert_keeps_the_contract(parameters)


def test_parameters_of_no_gateways_are_the_union_over_all(rig: Rig) -> None:
    client = rig.client()
    east, west = rig.gateway(zones=["US-EAST-04A"]), rig.gateway(zones=["US-WEST-04A"])

    def types(*ids: str) -> set[str]:
        found = client.deployments.parameters(gateway_ids=list(ids))
        return set(found.resource_parameters.instance_types)

    assert types() == types(east.spec.id) | types(west.spec.id)
    assert types(east.spec.id, west.spec.id) == types(east.spec.id) & types(west.spec.id)
    assert list(client.deployments.parameters().gateway_ids) == [east.spec.id, west.spec.id]


def test_list_of_one_gateway_has_only_its_deployments(rig: Rig) -> None:
    client = rig.client()
    first, second = rig.gateway(), rig.gateway()
    both = rig.deployment(first.spec.id, second.spec.id, name="both")
    one = rig.deployment(first.spec.id, name="one")

    def names(gateway_id: str) -> list[str]:
        found = client.deployments.list(parent_gateway_id=gateway_id)
        return [deployment.spec.name for deployment in found]

    assert names(first.spec.id.upper()) == ["both", "one"]
    assert names(second.spec.id) == ["both"]
    assert names(MISSING) == []
    client.deployments.update(**deployment_fields(second.spec.id, name="one", id=one.spec.id))
    assert names(first.spec.id) == ["both"]
    assert names(second.spec.id) == ["both", "one"]
    client.deployments.delete(id=both.spec.id)
    rig.clock.advance(10)
    assert names(second.spec.id) == ["one"]


def test_a_missing_deployment_is_not_found(rig: Rig) -> None:
    client = rig.client()
    failure(lambda: client.deployments.get(id=MISSING), Code.NOT_FOUND)
    failure(lambda: client.deployments.delete(id=MISSING), Code.NOT_FOUND)
    failure(
        lambda: client.deployments.update(**deployment_fields(MISSING, id=MISSING)),
        Code.NOT_FOUND,
    )
