"""Our OpenAPI document beside the published one, of which the page of GetDeployment shows a part.

`DOCUMENTED` holds what that page says (docs.coreweave.com, Inference API, "Get deployment", read in
2026), each schema in the notation of `notation`. Where we differ `DIFFERENCES` says how and why; an
entry that is no difference any more fails.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

PATH = "/v1alpha1/inference/deployments/{id}"

OPERATION = {
    "tags": ["DeploymentService"],
    "summary": "Get deployment",
    "operationId": "DeploymentService_GetDeployment",
    "parameters": ["path id required: string"],
    "200": "-> GetDeploymentResponse",
    "default": "-> Status",
    "security": ["bearerAuth"],
    "scheme": "http bearer",
    "server": "https://api.coreweave.com",
}

# schema -> property -> notation
DOCUMENTED: dict[str, dict[str, str]] = {
    "GetDeploymentResponse": {"deployment": "-> Deployment, read only"},
    "Status": {"code": "integer int32", "message": "string", "details": "[-> GoogleProtobufAny]"},
    "Deployment": {
        "spec": "-> DeploymentSpec, read only",
        "status": "-> DeploymentStatus, read only",
    },
    "GoogleProtobufAny": {"@type": "string"},
    "DeploymentSpec": {
        "id": "string, read only",
        "name": "string, read only",
        "gatewayIds": "[string], read only",
        "runtime": "-> DeploymentRuntime, read only",
        "resources": "-> DeploymentResources, read only",
        "model": "-> DeploymentModel, read only",
        "autoscaling": "-> DeploymentAutoscaling, read only",
        "traffic": "-> DeploymentTraffic, read only",
        "organizationId": "string, read only",
        "disabled": "boolean, read only",
    },
    "DeploymentStatus": {
        "createdAt": "string date-time, read only",
        "updatedAt": "string date-time, read only",
        "conditions": "[-> Condition], read only",
        "status": (
            "string of STATUS_CREATING STATUS_DELETING STATUS_ERROR STATUS_FAILED STATUS_READY "
            "STATUS_UPDATING, read only"
        ),
    },
    "DeploymentRuntime": {
        "engine": "string, required",
        "version": "string",
        "engineConfig": "{string}",
    },
    "DeploymentResources": {
        "instanceType": "string, required",
        "gpuCount": "integer uint32, required",
    },
    "DeploymentModel": {
        "name": "string, required",
        "bucket": "string, required",
        "path": "string, required",
    },
    "DeploymentAutoscaling": {
        "min": "integer uint32, required",
        "max": "integer uint32, required",
        "priority": "integer uint32",
        "concurrency": "integer uint32",
        "capacityClasses": "[string of CAPACITY_CLASS_ON_DEMAND CAPACITY_CLASS_RESERVED]",
    },
    "DeploymentTraffic": {"weight": "integer uint32"},
    "Condition": {
        "type": "string, read only",
        "lastUpdateTime": "string date-time, read only",
        "reason": "string, read only",
        "message": "string, read only",
        "zone": "string, read only",
        "status": "string of False True Unknown, read only",
    },
}

NAME = "a package may have a Status of its own, and names must not depend on that"
RULES = "the contract's rules: a message that lacks it breaks them"
CONTRACT = "the contract's rule, which the page leaves out"
ZERO = "servers may write the zero value of an enum, and some do"

# (schema, property) -> (what ours says, why)
DIFFERENCES: dict[tuple[str, str], tuple[str, str]] = {
    ("GetDeploymentResponse", "deployment"): ("-> Deployment, required, read only", RULES),
    ("Deployment", "spec"): ("-> DeploymentSpec, required, read only", RULES),
    ("Deployment", "status"): ("-> DeploymentStatus, required, read only", RULES),
    ("DeploymentSpec", "id"): ("string uuid, required, read only", f"{RULES}; {CONTRACT}"),
    ("DeploymentSpec", "name"): ("string, required, read only", RULES),
    ("DeploymentSpec", "gatewayIds"): (
        "[string uuid], required, read only",
        f"{RULES}; {CONTRACT}",
    ),
    ("DeploymentSpec", "runtime"): ("-> DeploymentRuntime, required, read only", RULES),
    ("DeploymentSpec", "resources"): ("-> DeploymentResources, required, read only", RULES),
    ("DeploymentSpec", "model"): ("-> DeploymentModel, required, read only", RULES),
    ("DeploymentSpec", "autoscaling"): ("-> DeploymentAutoscaling, required, read only", RULES),
    ("DeploymentSpec", "traffic"): ("-> DeploymentTraffic, required, read only", RULES),
    ("DeploymentSpec", "organizationId"): ("string, required, read only", RULES),
    ("DeploymentStatus", "createdAt"): ("string date-time, required, read only", RULES),
    ("DeploymentStatus", "updatedAt"): ("string date-time, required, read only", RULES),
    ("DeploymentStatus", "status"): (
        (
            "string of STATUS_CREATING STATUS_DELETING STATUS_ERROR STATUS_FAILED STATUS_READY "
            "STATUS_UNSPECIFIED STATUS_UPDATING, read only"
        ),
        ZERO,
    ),
    ("DeploymentRuntime", "engine"): ("string of dynamo-vllm vllm, required", CONTRACT),
    ("DeploymentRuntime", "version"): (
        "string, required",
        "the contract wants a version; the page's `latest` is refused",
    ),
    ("DeploymentRuntime", "engineEnv"): ("{string}", "in the contract, newer than the page"),
    ("DeploymentResources", "gpuCount"): ("integer uint32 of 1 16 2 4 8, required", CONTRACT),
    ("Condition", "type"): ("string, required, read only", RULES),
    ("Condition", "lastUpdateTime"): ("string date-time, required, read only", RULES),
    ("Condition", "reason"): ("string, required, read only", RULES),
    ("Condition", "message"): ("string, required, read only", RULES),
    ("Condition", "zone"): ("string, required, read only", RULES),
    ("Condition", "status"): (
        "string of STATUS_FALSE STATUS_TRUE STATUS_UNSPECIFIED, read only",
        "the contract's names; the emulator with --documented-style serves the page's",
    ),
}

RENAMED = {"Status": ("GoogleRpcStatus", NAME)}

# Keywords of ours that the page has nowhere, beside those that the notation holds.
ADDED = {
    "$ref": "3.1 lets $ref stand beside other keywords; the page, 3.0.3, wraps it in allOf",
    "maxLength": CONTRACT,
    "maxProperties": CONTRACT,
    "maximum": f"{CONTRACT}; and what fits into the type, as tools pass over its format",
    "minItems": CONTRACT,
    "minLength": CONTRACT,
    "minimum": f"{CONTRACT}; and what fits into the type",
    "not": CONTRACT,
    "pattern": CONTRACT,
    "propertyNames": CONTRACT,
    "title": "names the enum, which has no schema of its own",
    "uniqueItems": CONTRACT,
    "x-field-behavior": "IMMUTABLE, which OpenAPI has no word for",
    "x-validation": "the contract's rules that JSON Schema cannot say",
}


@pytest.fixture(scope="module")
def document(repository: Path) -> dict[str, Any]:
    path = repository / "gen/openapi/coreweave/inference/v1alpha1/openapi.json"
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def of(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return f"-> {schema['$ref'].rpartition('/')[2]}"
    match schema["type"]:
        case "array":
            return f"[{of(schema['items'])}]"
        case "object":
            return f"{{{of(schema['additionalProperties'])}}}"
        case kind:
            text = " ".join(filter(None, [kind, schema.get("format")]))
            values = sorted(map(str, schema.get("enum", ())))
            return " of ".join(filter(None, [text, " ".join(values)]))


def notation(schema: dict[str, Any], *, required: bool) -> str:
    """Return `type format of values`, `[items]`, `{values}` or `-> name`, and its behaviours."""
    marks = [
        *(["required"] if required else []),
        *(["read only"] if schema.get("readOnly") else []),
    ]
    return ", ".join([of(schema), *marks])


def ours(document: dict[str, Any], name: str) -> dict[str, str]:
    schema = document["components"]["schemas"][RENAMED.get(name, (name, ""))[0]]
    required = schema.get("required", [])
    return {
        key: notation(value, required=key in required)
        for key, value in schema["properties"].items()
    }


def test_the_operation_is_the_published_one(document: dict[str, Any]) -> None:
    operation = document["paths"][PATH]["get"]
    default = document["components"]["responses"]["Error"]
    assert operation["responses"]["default"] == {"$ref": "#/components/responses/Error"}
    scheme = document["components"]["securitySchemes"]["bearerAuth"]

    def body(response: dict[str, Any]) -> str:
        return of(response["content"]["application/json"]["schema"])

    found = {
        **{key: operation[key] for key in ("tags", "summary", "operationId")},
        "parameters": [
            f"{p['in']} {p['name']} required: {p['schema']['type']}"
            for p in operation["parameters"]
            if p["required"]
        ],
        "200": body(operation["responses"]["200"]),
        "default": body(default),
        "security": [name for each in document["security"] for name in each],
        "scheme": f"{scheme['type']} {scheme['scheme']}",
        "server": document["servers"][0]["url"],
    }
    assert found == {**OPERATION, "default": "-> GoogleRpcStatus"}


@pytest.mark.parametrize("name", DOCUMENTED)
def test_each_field_is_as_published_or_differs_for_a_reason(
    document: dict[str, Any], name: str
) -> None:
    differences = {
        key: found
        for key, found in ours(document, name).items()
        if DOCUMENTED[name].get(key) != found
    }
    assert differences == {
        key: text for (schema, key), (text, _) in DIFFERENCES.items() if schema == name
    }
    assert not DOCUMENTED[name].keys() - ours(document, name).keys()


def test_keywords_that_are_not_published_have_a_reason(document: dict[str, Any]) -> None:
    known = {
        *("additionalProperties", "description", "enum", "format", "items", "properties"),
        *("readOnly", "required", "type"),
    }
    found: set[str] = set()

    def collect(schema: dict[str, Any]) -> None:
        found.update(schema)
        for value in schema.get("properties", {}).values():
            collect(value)
        for key in ("items", "additionalProperties"):
            if isinstance(schema.get(key), dict):
                collect(schema[key])

    for name in DOCUMENTED:
        collect(document["components"]["schemas"][RENAMED.get(name, (name, ""))[0]])
    assert found - known == set(ADDED)
