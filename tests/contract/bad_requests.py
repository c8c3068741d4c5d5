"""Requests that break the contract's rules, at least one for each rule. Data.

Texts are protovalidate's, or the contract's own where a rule brings its words. Each case changes
a valid request (`wanted.py`) in one place; where that place breaks more than one rule, every rule
is listed. `test_rules.py` holds this table to the rules that the descriptors carry.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any, Final

from tests.contract.wanted import CLAIM, DEPLOYMENT, GATEWAY, GATEWAY_ID

__all__ = ["CASES", "UNSET", "BadRequest", "Method"]

UNSET: Final = object()
"""Takes a field out of the valid request."""

UUID: Final = "must be a valid UUID"
HOST_LABEL: Final = "must be a valid hostname label"
ZONE: Final = (
    "must be a valid zone: https://docs.coreweave.com/platform/regions/about-regions-and-azs"
)
SEMVER: Final = (
    "must be a valid semantic version (major.minor.patch with optional pre-release and build "
    "metadata)"
)
UNIQUE: Final = "repeated value must contain unique items"
REQUIRED: Final = "value is required"
ONE_OF: Final = "exactly one field is required in oneof"
DEFINED: Final = "value must be one of the defined enum values"
CUSTOM_INSTANCE: Final = (
    "Custom W&B Instance support is not available yet, contact support if you are interested in "
    "this feature"
)
NO_TRAVERSAL: Final = "must not contain path traversal (..) segments"
NO_SUBSTITUTION: Final = "contains substring `$(`"
OTHER_ID: Final = "c0ffee00-0000-4000-8000-000000000009"


@dataclass(frozen=True, slots=True)
class Method:
    """A method that takes the request.

    Attributes:
        resource: Attribute of the client: "gateways", "deployments" or "capacity_claims".
        name: Its method: "create", "update", "get", "delete", "list" or "parameters".
    """

    resource: str
    name: str


@dataclass(frozen=True, slots=True)
class BadRequest:
    """One case.

    Attributes:
        name: What is wrong.
        methods: Every method that refuses it alike.
        request: The fields of the request.
        violations: (field path, description), in the order of the answer.
    """

    name: str
    methods: tuple[Method, ...]
    request: dict[str, Any]
    violations: tuple[tuple[str, str], ...]


def changed(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Return a request with fields replaced by dotted path, or taken out."""
    request = copy.deepcopy(base)
    for path, value in changes.items():
        *parents, last = path.split(".")
        holder = request
        for parent in parents:
            holder = holder[parent]
        if value is UNSET:
            del holder[last]
        else:
            holder[last] = value
    return request


def writes(resource: str) -> tuple[Method, ...]:
    return Method(resource, "create"), Method(resource, "update")


def gateway(name: str, changes: dict[str, Any], *violations: tuple[str, str]) -> BadRequest:
    return BadRequest(f"gateway {name}", writes("gateways"), changed(GATEWAY, changes), violations)


def deployment(name: str, changes: dict[str, Any], *violations: tuple[str, str]) -> BadRequest:
    return BadRequest(
        f"deployment {name}", writes("deployments"), changed(DEPLOYMENT, changes), violations
    )


def claim(name: str, changes: dict[str, Any], *violations: tuple[str, str]) -> list[BadRequest]:
    """Return a case for create and one for update, which takes no name: it is immutable."""
    create, update = writes("capacity_claims")
    request = changed(CLAIM, changes)
    cases = [BadRequest(f"claim {name}", (create,), request, violations)]
    if "name" not in changes:
        nameless = changed(request, {"name": UNSET})
        cases.append(BadRequest(f"claim {name} in an update", (update,), nameless, violations))
    return cases


_WEIGHTS_AND_BIASES: Final = {"core_weave_auth": UNSET}
_HEADER: Final = {"body_based_routing": UNSET}

_GATEWAYS: Final = (
    gateway("id", {"id": "edge"}, ("id", UUID)),
    gateway("without a name", {"name": UNSET}, ("name", HOST_LABEL)),
    gateway("name with a dot", {"name": "a.b"}, ("name", HOST_LABEL)),
    gateway("zone", {"zones": ["us-east-04a"]}, ("zones[0]", ZONE)),
    gateway("zone twice", {"zones": ["RNO2A", "RNO2A"]}, ("zones", UNIQUE)),
    gateway("without auth", {"core_weave_auth": UNSET}, ("auth", ONE_OF)),
    gateway("without routing", {"body_based_routing": UNSET}, ("routing", ONE_OF)),
    gateway(
        "own W&B key",
        {**_WEIGHTS_AND_BIASES, "weights_and_biases_auth": {"api_key": "k"}},
        ("weights_and_biases_auth", "server_url requires api_key to be set"),
        ("weights_and_biases_auth", CUSTOM_INSTANCE),
    ),
    gateway(
        "own W&B server",
        {**_WEIGHTS_AND_BIASES, "weights_and_biases_auth": {"server_url": "not a uri"}},
        ("weights_and_biases_auth", CUSTOM_INSTANCE),
        ("weights_and_biases_auth.server_url", "must be a valid URI"),
    ),
    gateway(
        "host name",
        {"endpoint_configuration": {"additional_dns": ["ok.example", "not_one"]}},
        ("endpoint_configuration.additional_dns[1]", "must be a valid hostname"),
    ),
    gateway(
        "host name twice",
        {"endpoint_configuration": {"additional_dns": ["a.example", "a.example"]}},
        ("endpoint_configuration.additional_dns", UNIQUE),
    ),
    gateway(
        "without an API type",
        {"body_based_routing": {}},
        ("body_based_routing.api_type", "must not be in list [0]"),
    ),
    gateway(
        "API type",
        {"body_based_routing": {"api_type": 2}},
        ("body_based_routing.api_type", DEFINED),
    ),
    gateway(
        "without a header name",
        {**_HEADER, "header_based_routing": {}},
        ("header_based_routing.header_name", "must be at least 1 characters"),
    ),
    gateway(
        "header name too long",
        {**_HEADER, "header_based_routing": {"header_name": "x" * 101}},
        ("header_based_routing.header_name", "must be at most 100 characters"),
    ),
)

_ENGINE_ENV: Final = "runtime.engine_env"
_ENGINE_CONFIG: Final = "runtime.engine_config"
_MODEL_NAME: Final = r"does not match regex pattern `^[a-zA-Z0-9._:/_-]+$`"

_DEPLOYMENTS: Final = (
    deployment("id", {"id": "llama"}, ("id", UUID)),
    deployment("name", {"name": "-llama"}, ("name", HOST_LABEL)),
    deployment(
        "without gateways",
        {"gateway_ids": []},
        ("gateway_ids", "must contain at least 1 item(s)"),
    ),
    deployment("gateway twice", {"gateway_ids": [GATEWAY_ID] * 2}, ("gateway_ids", UNIQUE)),
    deployment("gateway id", {"gateway_ids": [GATEWAY_ID, "edge"]}, ("gateway_ids[1]", UUID)),
    deployment("without a runtime", {"runtime": UNSET}, ("runtime", REQUIRED)),
    deployment("without resources", {"resources": UNSET}, ("resources", REQUIRED)),
    deployment("without a model", {"model": UNSET}, ("model", REQUIRED)),
    deployment("without autoscaling", {"autoscaling": UNSET}, ("autoscaling", REQUIRED)),
    deployment("without traffic", {"traffic": UNSET}, ("traffic", REQUIRED)),
    deployment(
        "engine",
        {"runtime.engine": "sglang"},
        ("runtime.engine", "must be in list [vllm, dynamo-vllm]"),
    ),
    deployment("without a version", {"runtime.version": UNSET}, ("runtime.version", REQUIRED)),
    deployment("version", {"runtime.version": "v1.2.3"}, ("runtime.version", SEMVER)),
    deployment(
        "config key",
        {_ENGINE_CONFIG: {"a b": "1"}},
        (
            f'{_ENGINE_CONFIG}["a b"]',
            "does not match regex pattern `^[A-Za-z0-9_.-]+$`",
        ),
    ),
    deployment(
        "config key too long",
        {_ENGINE_CONFIG: {"k" * 254: "1"}},
        (f'{_ENGINE_CONFIG}["{"k" * 254}"]', "must be at most 253 characters"),
    ),
    deployment(
        "config value too long",
        {_ENGINE_CONFIG: {"seed": "1" * 1025}},
        (f'{_ENGINE_CONFIG}["seed"]', "must be at most 1024 characters"),
    ),
    deployment(
        "config value with a substitution",
        {_ENGINE_CONFIG: {"seed": "$(HOME)"}},
        (f'{_ENGINE_CONFIG}["seed"]', NO_SUBSTITUTION),
    ),
    deployment(
        "too many env names",
        {_ENGINE_ENV: {f"N{number}": "1" for number in range(101)}},
        (_ENGINE_ENV, "map must be at most 100 entries"),
    ),
    deployment(
        "env name",
        {_ENGINE_ENV: {"1A": "1"}},
        (
            f'{_ENGINE_ENV}["1A"]',
            "does not match regex pattern `^[A-Za-z_][A-Za-z0-9_]*$`",
        ),
    ),
    deployment(
        "empty env name",
        {_ENGINE_ENV: {"": "1"}},
        (f'{_ENGINE_ENV}[""]', "must be at least 1 characters"),
        (
            f'{_ENGINE_ENV}[""]',
            "does not match regex pattern `^[A-Za-z_][A-Za-z0-9_]*$`",
        ),
    ),
    deployment(
        "env name too long",
        {_ENGINE_ENV: {"N" * 254: "1"}},
        (f'{_ENGINE_ENV}["{"N" * 254}"]', "must be at most 253 characters"),
    ),
    deployment(
        "env value too long",
        {_ENGINE_ENV: {"VLLM_USE_V1": "1" * 1025}},
        (f'{_ENGINE_ENV}["VLLM_USE_V1"]', "must be at most 1024 characters"),
    ),
    deployment(
        "env value with a substitution",
        {_ENGINE_ENV: {"VLLM_USE_V1": "$(HOME)"}},
        (f'{_ENGINE_ENV}["VLLM_USE_V1"]', NO_SUBSTITUTION),
    ),
    deployment(
        "without an instance type",
        {"resources.instance_type": UNSET},
        ("resources.instance_type", REQUIRED),
    ),
    deployment(
        "GPU count",
        {"resources.gpu_count": 3},
        ("resources.gpu_count", "must be in list [1, 2, 4, 8, 16]"),
    ),
    deployment(
        "model name too short",
        {"model.name": "abc"},
        ("model.name", "must be at least 4 characters"),
    ),
    deployment(
        "model name too long",
        {"model.name": "m" * 64},
        ("model.name", "must be at most 63 characters"),
    ),
    deployment("model name", {"model.name": "a model"}, ("model.name", _MODEL_NAME)),
    deployment("bucket", {"model.bucket": "a.b"}, ("model.bucket", HOST_LABEL)),
    deployment("without a path", {"model.path": UNSET}, ("model.path", REQUIRED)),
    deployment("path to a parent", {"model.path": "a/../b"}, ("model.path", NO_TRAVERSAL)),
    deployment(
        "no replicas",
        {"autoscaling.min": 0, "autoscaling.max": 0},
        ("autoscaling.min", "must be greater than or equal to 1"),
        ("autoscaling.max", "must be greater than or equal to 1"),
    ),
    deployment(
        "fewer at most than at least",
        {"autoscaling.min": 5},
        ("autoscaling", "max must be greater than or equal to min"),
    ),
    deployment(
        "priority",
        {"autoscaling.priority": 1001},
        (
            "autoscaling.priority",
            "must be greater than or equal to 0 and less than or equal to 1000",
        ),
    ),
    deployment(
        "capacity class twice",
        {"autoscaling.capacity_classes": ["CAPACITY_CLASS_RESERVED"] * 2},
        ("autoscaling.capacity_classes", UNIQUE),
    ),
    deployment(
        "capacity class zero",
        {"autoscaling.capacity_classes": ["CAPACITY_CLASS_UNSPECIFIED"]},
        ("autoscaling.capacity_classes[0]", "must not be in list [0]"),
    ),
    deployment(
        "capacity class",
        {"autoscaling.capacity_classes": [3]},
        ("autoscaling.capacity_classes[0]", DEFINED),
    ),
    deployment(
        "weight",
        {"traffic.weight": 1001},
        (
            "traffic.weight",
            "must be greater than or equal to 0 and less than or equal to 1000",
        ),
    ),
    deployment(
        "two things at once",
        {"name": "", "model.bucket": ""},
        ("name", HOST_LABEL),
        ("model.bucket", HOST_LABEL),
    ),
)

_CLAIM_NAME: Final = "does not match regex pattern `^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`"

_CLAIMS: Final = (
    *claim("id", {"id": "reserved"}, ("id", UUID)),
    *claim("name", {"name": "Reserved"}, ("name", _CLAIM_NAME)),
    *claim(
        "without a name",
        {"name": ""},
        ("name", "must be at least 1 characters"),
        ("name", _CLAIM_NAME),
    ),
    *claim("name too long", {"name": "n" * 101}, ("name", "must be at most 100 characters")),
    *claim("without resources", {"resources": UNSET}, ("resources", REQUIRED)),
    *claim(
        "without an instance",
        {"resources.instance_id": UNSET},
        ("resources.instance_id", REQUIRED),
    ),
    *claim(
        "without a capacity type",
        {"resources.capacity_type": UNSET},
        ("resources.capacity_type", "must not be in list [0, 1]"),
    ),
    *claim(
        "serverless, which is no more",
        {"resources.capacity_type": 1},
        ("resources.capacity_type", DEFINED),
        ("resources.capacity_type", "must not be in list [0, 1]"),
    ),
    *claim(
        "without a zone",
        {"resources.zones": []},
        ("resources.zones", "must contain at least 1 item(s)"),
    ),
    *claim(
        "two zones",
        {"resources.zones": ["RNO2A", "RNO2A"]},
        ("resources.zones", "must contain no more than 1 item(s)"),
        ("resources.zones", UNIQUE),
    ),
    *claim("zone", {"resources.zones": ["here"]}, ("resources.zones[0]", ZONE)),
)

_READS: Final = (
    *(
        BadRequest(
            f"{resource} by a name",
            (Method(resource, "get"), Method(resource, "delete")),
            {"id": "edge"},
            (("id", UUID),),
        )
        for resource in ("gateways", "deployments", "capacity_claims")
    ),
    BadRequest(
        "deployments of a gateway by its name",
        (Method("deployments", "list"),),
        {"parent_gateway_id": "edge"},
        (("parent_gateway_id", UUID),),
    ),
    BadRequest(
        "parameters for a gateway by its name",
        (Method("deployments", "parameters"),),
        {"gateway_ids": [OTHER_ID, "edge"]},
        (("gateway_ids[1]", UUID),),
    ),
    BadRequest(
        "parameters for a gateway twice",
        (Method("deployments", "parameters"),),
        {"gateway_ids": [OTHER_ID, OTHER_ID]},
        (("gateway_ids", UNIQUE),),
    ),
)

CASES: Final = (*_GATEWAYS, *_DEPLOYMENTS, *_CLAIMS, *_READS)
