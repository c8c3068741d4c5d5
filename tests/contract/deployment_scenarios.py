"""DeploymentService: its six methods."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from google.protobuf.timestamp_pb2 import Timestamp

from coreweave_inference.v1alpha1 import (
    CreateDeploymentRequest,
    DeploymentTraffic,
    GetDeploymentRequest,
    ListDeploymentsRequest,
    UpdateDeploymentRequest,
)
from tests.contract.outcome import nanoseconds
from tests.contract.scenario import Scenario, failed
from tests.contract.wanted import (
    DEPLOYMENT,
    DEPLOYMENT_ID,
    GATEWAY,
    GATEWAY_ID,
    MISSING_ID,
    but,
    deployment,
    invalid,
    not_found,
)

if TYPE_CHECKING:
    from tests.contract.scenario import Cast

__all__ = ["SCENARIOS", "prepare"]

OTHER_GATEWAY_ID: Final = "c0ffee00-0000-4000-8000-0000000000f0"
NOTHING: Final[list[Any]] = [[], {}]
READY: Final = deployment("READY", "<t1>", "<t3>", "<t2>", "<t3>")


async def prepare(cast: Cast) -> None:
    """Create the gateway that the deployment names, and let it become READY."""
    await cast.admin.gateways.create(**GATEWAY)
    await cast.admin.gateways.get(GATEWAY_ID)


async def create(cast: Cast) -> object:
    await prepare(cast)
    return await cast.admin.deployments.create(**DEPLOYMENT)


async def get(cast: Cast) -> object:
    await create(cast)
    return await cast.admin.deployments.get(DEPLOYMENT_ID)


MINIMAL: Final[dict[str, Any]] = {
    "name": "L",
    "gateway_ids": [GATEWAY_ID],
    "runtime": {"engine": "vllm", "version": "0.8.5"},
    "resources": {"instance_type": "gd-8xh100ib-i128", "gpu_count": 8},
    "model": {"name": "llama", "bucket": "b", "path": "p"},
    "autoscaling": {"min": 2, "max": 2},
    "traffic": {},
}


async def create_minimal(cast: Cast) -> object:
    """Nothing that is left out comes back as a default."""
    await prepare(cast)
    made = await cast.admin.deployments.create(**MINIMAL)
    return (await cast.admin.deployments.get(made.spec.id)).spec


async def update(cast: Cast) -> object:
    """An update resets what it leaves out."""
    await create(cast)
    updated = await cast.admin.deployments.update(id=DEPLOYMENT_ID, **MINIMAL)
    return [updated, (await cast.admin.deployments.get(DEPLOYMENT_ID)).status.status]


async def edit(cast: Cast) -> object:
    await create(cast)

    def shift(request: UpdateDeploymentRequest) -> None:
        request.traffic.weight = 1
        request.runtime.engine_config["dtype"] = "auto"
        del request.gateway_ids[:]
        request.gateway_ids.append(GATEWAY_ID)

    return (await cast.admin.deployments.edit(DEPLOYMENT_ID, shift)).spec


async def edit_with_a_new_request(cast: Cast) -> object:
    """The change may return another request."""
    await create(cast)

    def replace(request: UpdateDeploymentRequest) -> UpdateDeploymentRequest:
        fresh = UpdateDeploymentRequest()
        fresh.CopyFrom(request)
        fresh.disabled = False
        return fresh

    return (await cast.admin.deployments.edit(DEPLOYMENT_ID, replace)).spec


async def delete(cast: Cast) -> object:
    await create(cast)
    deleted = await cast.admin.deployments.delete(DEPLOYMENT_ID)
    return [deleted, await failed(cast.admin.deployments.get(DEPLOYMENT_ID))]


async def list_of_a_gateway(cast: Cast) -> object:
    """One deployment on two gateways, one on the second only."""
    await prepare(cast)
    await cast.admin.gateways.create(**but(GATEWAY, id=OTHER_GATEWAY_ID, name="other"))
    both = but(MINIMAL, name="both", gateway_ids=[GATEWAY_ID, OTHER_GATEWAY_ID])
    second = but(MINIMAL, name="second", gateway_ids=[OTHER_GATEWAY_ID])
    await cast.admin.deployments.create(**both)
    await cast.admin.deployments.create(**second)
    everything = await cast.admin.deployments.list()
    bound = Timestamp()
    bound.FromNanoseconds(nanoseconds(everything[0].status.updated_at))
    found = [
        everything,
        await cast.admin.deployments.list(parent_gateway_id=GATEWAY_ID),
        await cast.admin.deployments.list(parent_gateway_id=OTHER_GATEWAY_ID),
        await cast.admin.deployments.list(parent_gateway_id=OTHER_GATEWAY_ID, updated_after=bound),
        await cast.admin.deployments.list(parent_gateway_id=GATEWAY_ID, updated_after=bound),
        await cast.admin.deployments.list(parent_gateway_id=MISSING_ID),
    ]
    return [[item.spec.name for item in listed] for listed in found]


async def list_empty(cast: Cast) -> object:
    return [
        await cast.admin.deployments.list(),
        (await cast.admin.deployments.rpc.list_deployments(ListDeploymentsRequest())).message,
    ]


async def parameters(cast: Cast) -> object:
    """Before there is a gateway, for all gateways, and for two that share little."""
    before = await cast.admin.deployments.parameters()
    await prepare(cast)
    other = but(GATEWAY, id=OTHER_GATEWAY_ID, name="other", zones=["US-EAST-01A"])
    await cast.admin.gateways.create(**other)
    union = await cast.admin.deployments.parameters()
    shared = await cast.admin.deployments.parameters(gateway_ids=[OTHER_GATEWAY_ID, GATEWAY_ID])
    assert shared.runtime_parameters == union.runtime_parameters == before.runtime_parameters
    return [
        before.resource_parameters,
        [union.gateway_ids, union.resource_parameters],
        [shared.gateway_ids, shared.resource_parameters],
        shared.runtime_parameters,
    ]


_VLLM_CONFIG: Final = [
    "block-size",
    "dtype",
    "enable-auto-tool-choice",
    "enable-chunked-prefill",
    "enable-expert-parallel",
    "enable-prefix-caching",
    "gpu-memory-utilization",
    "kv-cache-dtype",
    "limit-mm-per-prompt",
    "max-model-len",
    "max-num-batched-tokens",
    "max-num-seqs",
    "pipeline-parallel-size",
    "quantization",
    "reasoning-parser",
    "seed",
    "speculative-config",
    "tensor-parallel-size",
    "tool-call-parser",
    "trust-remote-code",
]
_VLLM_ENV: Final = [
    "VLLM_ALLOW_LONG_MAX_MODEL_LEN",
    "VLLM_ATTENTION_BACKEND",
    "VLLM_LOGGING_LEVEL",
    "VLLM_USE_DEEP_GEMM",
    "VLLM_USE_FLASHINFER_MOE_FP4",
    "VLLM_USE_FLASHINFER_MOE_FP8",
    "VLLM_USE_V1",
]

PARAMETERS: Final[list[Any]] = [
    {},
    [
        [GATEWAY_ID, OTHER_GATEWAY_ID],
        {
            "instance_types": [
                "b200-8x",
                "gb200-4x",
                "gd-1xgh200",
                "gd-8xh100ib-i128",
                "gd-8xh200ib-i128",
                "gd-8xl40s-i128",
            ]
        },
    ],
    [[OTHER_GATEWAY_ID, GATEWAY_ID], {"instance_types": ["gd-8xh100ib-i128"]}],
    {
        "runtime_versions": {
            "dynamo-vllm": {"versions": ["1.0.0-rc.1+crwv.2", "0.9.1+crwv.1", "0.9.0"]},
            "vllm": {"versions": ["0.22.0+crwv.2", "0.22.0", "0.21.1", "0.8.5"]},
        },
        "runtime_config_options": {
            "dynamo-vllm": {"allowed_keys": sorted([*_VLLM_CONFIG, "router-mode"])},
            "vllm": {"allowed_keys": _VLLM_CONFIG},
        },
        "engine_env_options": {
            "dynamo-vllm": {"allowed_names": ["DYN_LOG", "DYN_ROUTER_MODE", *_VLLM_ENV]},
            "vllm": {"allowed_names": _VLLM_ENV},
        },
    },
]


async def wait(cast: Cast) -> object:
    """A disabled deployment becomes READY, too."""
    await create(cast)
    ready = await cast.patient.deployments.wait_until_ready(DEPLOYMENT_ID, timeout_seconds=30)
    await cast.admin.deployments.delete(id=DEPLOYMENT_ID)
    await cast.patient.deployments.wait_until_deleted(ready, timeout_seconds=30)
    return [ready, await failed(cast.admin.deployments.get(DEPLOYMENT_ID))]


async def messages(cast: Cast) -> object:
    """Keywords take nested messages as well as mappings, and the whole request as well."""
    await prepare(cast)
    first = await cast.admin.deployments.create(CreateDeploymentRequest(**DEPLOYMENT))
    fields = but(
        DEPLOYMENT,
        id="",
        traffic=DeploymentTraffic(weight=1000),
        autoscaling=but(DEPLOYMENT["autoscaling"], capacity_classes=[1, 2]),
    )
    second = await cast.admin.deployments.create(**fields)
    second.spec.id = DEPLOYMENT_ID
    request = GetDeploymentRequest(id=DEPLOYMENT_ID)
    response = await cast.admin.deployments.rpc.get_deployment(request)
    return [first.spec == second.spec, response.message.deployment.spec == first.spec]


async def not_offered(cast: Cast) -> object:
    """What the parameters do not list is refused, after the contract's own rules."""
    await prepare(cast)
    errors: list[object] = []
    changes: tuple[dict[str, Any], ...] = (
        {"gateway_ids": [GATEWAY_ID, MISSING_ID]},
        {"runtime": {"engine": "vllm", "version": "9.9.9"}},
        {
            "runtime": {
                "engine": "vllm",
                "version": "0.8.5",
                "engine_config": {"max-model-length": "1"},
                "engine_env": {"HOME": "x"},
            }
        },
        {"resources": {"instance_type": "rtxp6000-8x", "gpu_count": 1}},
    )
    for change in changes:
        refused = cast.admin.deployments.create(**but(DEPLOYMENT, **change))
        errors.append(await failed(refused))
    return errors


NOT_OFFERED: Final = [
    invalid(("gateway_ids[1]", f"gateway {MISSING_ID!r} does not exist")),
    invalid(
        (
            "runtime.version",
            "'9.9.9' is no version of vllm: expected one of 0.22.0+crwv.2, 0.22.0, 0.21.1, 0.8.5",
        )
    ),
    invalid(
        (
            'runtime.engine_config["max-model-length"]',
            (
                "'max-model-length' is no config key: expected one of block-size, dtype, "
                "enable-auto-tool-choice, enable-chunked-prefill, enable-expert-parallel, "
                "enable-prefix-caching, gpu-memory-utilization, kv-cache-dtype and 12 more"
            ),
        ),
        (
            'runtime.engine_env["HOME"]',
            (
                "'HOME' is no env name: expected one of VLLM_ALLOW_LONG_MAX_MODEL_LEN, "
                "VLLM_ATTENTION_BACKEND, VLLM_LOGGING_LEVEL, VLLM_USE_DEEP_GEMM, "
                "VLLM_USE_FLASHINFER_MOE_FP4, VLLM_USE_FLASHINFER_MOE_FP8, VLLM_USE_V1"
            ),
        ),
    ),
    invalid(
        (
            "resources.instance_type",
            (
                "'rtxp6000-8x' is no instance type on these gateways: expected one of b200-8x, "
                "gb200-4x, gd-8xh100ib-i128, gd-8xh200ib-i128"
            ),
        )
    ),
]

TEXT: Final = 'caf\u00e9 \u4e2d\u6587 \U0001f680 "\\\\ \x01 \u2028'


async def unicode(cast: Cast) -> object:
    """Text in every place where the contract leaves it free."""
    await prepare(cast)
    header = {"header_name": TEXT}
    gateway = but(
        GATEWAY, id=OTHER_GATEWAY_ID, body_based_routing=None, header_based_routing=header
    )
    await cast.admin.gateways.create(**gateway)
    runtime = but(
        MINIMAL["runtime"],
        engine_config={"seed": TEXT},
        engine_env={"VLLM_LOGGING_LEVEL": TEXT},
    )
    model = but(MINIMAL["model"], path=TEXT)
    await cast.admin.deployments.create(
        **but(MINIMAL, id=DEPLOYMENT_ID, runtime=runtime, model=model)
    )
    spec = (await cast.admin.deployments.get(DEPLOYMENT_ID)).spec
    return [
        (await cast.admin.gateways.get(OTHER_GATEWAY_ID)).spec.header_based_routing,
        spec.runtime.engine_config,
        spec.runtime.engine_env,
        spec.model.path,
    ]


_ECHOED_MINIMAL: Final = {**MINIMAL, "id": "<id 1>", "organization_id": "<organization>"}
_RESET: Final[dict[str, Any]] = {**MINIMAL, "disabled": None}
_EDITED: Final[dict[str, Any]] = {
    "traffic": {"weight": 1},
    "runtime": {
        **DEPLOYMENT["runtime"],
        "engine_config": {**DEPLOYMENT["runtime"]["engine_config"], "dtype": "auto"},
    },
}

SCENARIOS: Final = (
    Scenario(
        "a deployment is CREATING when it is made",
        create,
        deployment("CREATING", "<t1>", "<t1>", "<t1>"),
    ),
    Scenario("a deployment is READY at the first look", get, READY),
    Scenario("a deployment of required fields only", create_minimal, _ECHOED_MINIMAL),
    Scenario(
        "an update resets what it leaves out of a deployment",
        update,
        [deployment("UPDATING", "<t1>", "<t2>", "<t2>", **_RESET), 6],
    ),
    Scenario(
        "an edit changes what it names and keeps the rest of a deployment",
        edit,
        deployment("UPDATING", "", "", "", **_EDITED)["spec"],
    ),
    Scenario(
        "an edit may return another request",
        edit_with_a_new_request,
        deployment("UPDATING", "", "", "", disabled=None)["spec"],
    ),
    Scenario(
        "a deleted deployment is shown once more and then gone",
        delete,
        [
            deployment("DELETING", "<t1>", "<t3>", "<t2>", "<t3>"),
            not_found("Deployment", DEPLOYMENT_ID),
        ],
    ),
    Scenario(
        "deployments of one gateway",
        list_of_a_gateway,
        [["both", "second"], ["both"], ["both", "second"], ["second"], [], []],
    ),
    Scenario("an organization without deployments", list_empty, NOTHING),
    Scenario("deployment parameters", parameters, PARAMETERS),
    Scenario(
        "waiting for a deployment and for its end",
        wait,
        [READY, not_found("Deployment", DEPLOYMENT_ID)],
    ),
    Scenario("nested fields as messages, mappings and numbers", messages, [True, True]),
    Scenario(
        "text of every script",
        unicode,
        [{"header_name": TEXT}, {"seed": TEXT}, {"VLLM_LOGGING_LEVEL": TEXT}, TEXT],
    ),
    Scenario("deployments of what is not offered", not_offered, NOT_OFFERED),
)
