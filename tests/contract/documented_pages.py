"""What five public reference pages document, as data of our own.

Each page is cited by its title and its path below https://docs.coreweave.com/products/inference/.
A field is written by its path in the JSON, "[]" for the items of a list, with the kind of its
value. Where the pages differ from the contract, or from each other, `REFUSED` and `DIFFERENT` say
in what, why, and what is answered instead.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from tests.contract.bad_requests import CUSTOM_INSTANCE, HOST_LABEL, REQUIRED, SEMVER, ZONE

__all__ = [
    "DIFFERENT",
    "NUMBERED",
    "PAGES",
    "REFUSED",
    "STATUSES",
    "UNDOCUMENTED",
    "Page",
    "Refusal",
]

# Status values of all resources: overview page, "Status values", and each page's enum.
STATUSES: Final = (
    "STATUS_CREATING",
    "STATUS_READY",
    "STATUS_UPDATING",
    "STATUS_DELETING",
    "STATUS_ERROR",
    "STATUS_FAILED",
)


@dataclass(frozen=True, slots=True)
class Page:
    """One page of one operation.

    Attributes:
        title: Its heading.
        path: Where it is.
        verb: The HTTP method of its requests.
        route: Their path; "{id}" stands for a UUID.
        headers: The headers of each request that it shows, but for the authorization.
        answer: The fields of its response, path -> kind.
        authorized: Whether its requests show an authorization.
    """

    title: str
    path: str
    verb: str
    route: str
    headers: tuple[dict[str, str], ...]
    answer: dict[str, str]
    authorized: bool = True


@dataclass(frozen=True, slots=True)
class Refusal:
    """Something that a page shows and the contract refuses.

    Attributes:
        page: Title of the page.
        what: The field or combination.
        reason: Why it is refused.
        resource: "gateways" or "deployments": where the request is sent.
        changes: Fields of a valid request that are replaced, by their path; None: left out.
        message: What the answer says.
        code: The google.rpc code of the answer.
        status: Its HTTP status.
        authorized: Whether the request carries a token.
    """

    page: str
    what: str
    reason: str
    resource: str
    changes: dict[str, Any] = field(default_factory=dict[str, Any])
    message: str = ""
    code: int = 3
    status: int = 400
    authorized: bool = True


_JSON: Final = {"content-type": "application/json"}

_CONDITIONS: Final = {
    "status.conditions[].type": "text",
    "status.conditions[].lastUpdateTime": "instant",
    "status.conditions[].reason": "text",
    "status.conditions[].message": "text",
    "status.conditions[].zone": "text",
    "status.conditions[].status": "condition",
}

_GATEWAY: Final = {
    "spec.id": "uuid",
    "spec.name": "text",
    "spec.zones[]": "text",
    "spec.coreWeaveAuth": "object",
    "spec.weightsAndBiasesAuth": "object",
    "spec.weightsAndBiasesAuth.apiKey": "text",
    "spec.weightsAndBiasesAuth.serverUrl": "text",
    "spec.weightsAndBiasesAuth.enableUsageReports": "bool",
    "spec.weightsAndBiasesAuth.enableRateLimiting": "bool",
    "spec.organizationId": "text",
    "spec.endpointConfiguration.additionalDns[]": "text",
    "spec.bodyBasedRouting.apiType": "API_TYPE_OPENAI",
    "spec.headerBasedRouting.headerName": "text",
    "spec.pathBasedRouting": "object",
    "status.createdAt": "instant",
    "status.updatedAt": "instant",
    **_CONDITIONS,
    "status.endpoints[]": "text",
    "status.status": "status",
}

_DEPLOYMENT: Final = {
    "spec.id": "uuid",
    "spec.name": "text",
    "spec.gatewayIds[]": "uuid",
    "spec.runtime.engine": "text",
    "spec.runtime.version": "text",
    "spec.runtime.engineConfig": "texts by name",
    "spec.resources.instanceType": "text",
    "spec.resources.gpuCount": "uint32",
    "spec.model.name": "text",
    "spec.model.bucket": "text",
    "spec.model.path": "text",
    "spec.autoscaling.min": "uint32",
    "spec.autoscaling.max": "uint32",
    "spec.autoscaling.priority": "uint32",
    "spec.autoscaling.concurrency": "uint32",
    "spec.autoscaling.capacityClasses[]": "capacity class",
    "spec.traffic.weight": "uint32",
    "spec.organizationId": "text",
    "spec.disabled": "bool",
    "status.createdAt": "instant",
    "status.updatedAt": "instant",
    **_CONDITIONS,
    "status.status": "status",
}


def _below(name: str, fields: dict[str, str]) -> dict[str, str]:
    return {f"{name}.{path}": kind for path, kind in fields.items()}


_GATEWAYS: Final = "/v1alpha1/inference/gateways"

PAGES: Final = (
    Page(
        "Get gateway",
        "reference/gatewayservice/get-gateway",
        "GET",
        f"{_GATEWAYS}/{{id}}",
        ({}, _JSON),
        _below("gateway", _GATEWAY),
    ),
    Page(
        "Create a gateway",
        "reference/gatewayservice/create-a-gateway",
        "POST",
        _GATEWAYS,
        (_JSON,),
        _below("gateway", _GATEWAY),
        authorized=False,
    ),
    Page(
        "Delete gateway",
        "reference/gatewayservice/delete-gateway",
        "DELETE",
        f"{_GATEWAYS}/{{id}}",
        ({}, _JSON),
        _below("gateway", _GATEWAY),
    ),
    Page(
        "Get deployment",
        "reference/deploymentservice/get-deployment",
        "GET",
        "/v1alpha1/inference/deployments/{id}",
        (_JSON,),
        _below("deployment", _DEPLOYMENT),
    ),
)

# Fields that the answers of a page never have. Path -> reason.
DIFFERENT: Final = {
    "gateway.spec.weightsAndBiasesAuth.apiKey": "the contract refuses it, see `REFUSED`",
    "gateway.spec.weightsAndBiasesAuth.serverUrl": "the contract refuses it, see `REFUSED`",
}

# Fields that the page "Create a gateway", the oldest of the five, shows as numbers, and what is
# answered: JSON of protobuf names enum values, as the younger pages show it. Requests may use both.
NUMBERED: Final = {
    "gateway.spec.bodyBasedRouting.apiType": "API_TYPE_OPENAI",
    "gateway.status.status": "STATUS_CREATING",
}

# Fields that answers have and the page does not name. Path -> reason.
UNDOCUMENTED: Final = {
    "deployment.spec.runtime.engineEnv": "in the contract since before the page, which lacks it"
}

_ONE_AUTH: Final = "the contract has auth in a oneof: exactly one kind"
_ONE_ROUTING: Final = "the contract has routing in a oneof: exactly one kind"

REFUSED: Final = (
    Refusal(
        "Create a gateway",
        "coreWeaveAuth and weightsAndBiasesAuth",
        _ONE_AUTH,
        "gateways",
        {"weightsAndBiasesAuth": {"enableUsageReports": True}},
        "weightsAndBiasesAuth: 'coreWeaveAuth' is given too, and at most one may be",
    ),
    Refusal(
        "Create a gateway",
        "no kind of auth, each of which is optional on the page",
        _ONE_AUTH,
        "gateways",
        {"coreWeaveAuth": None},
        "auth: exactly one field is required in oneof",
    ),
    Refusal(
        "Get gateway",
        "several kinds of routing",
        _ONE_ROUTING,
        "gateways",
        {"headerBasedRouting": {"headerName": "x-model"}},
        "headerBasedRouting: 'bodyBasedRouting' is given too, and at most one may be",
    ),
    Refusal(
        "Create a gateway",
        "no kind of routing, each of which is optional on the page",
        _ONE_ROUTING,
        "gateways",
        {"bodyBasedRouting": None},
        "routing: exactly one field is required in oneof",
    ),
    Refusal(
        "Create a gateway",
        "weightsAndBiasesAuth.apiKey",
        "the contract's rule api_key_not_supported_yet",
        "gateways",
        {
            "coreWeaveAuth": None,
            "weightsAndBiasesAuth": {"apiKey": "k", "serverUrl": "https://wandb.example"},
        },
        f"weights_and_biases_auth: {CUSTOM_INSTANCE}",
    ),
    Refusal(
        "Create a gateway",
        "weightsAndBiasesAuth.serverUrl",
        "the contract's rule api_key_not_supported_yet",
        "gateways",
        {
            "coreWeaveAuth": None,
            "weightsAndBiasesAuth": {"serverUrl": "https://wandb.example"},
        },
        f"weights_and_biases_auth: {CUSTOM_INSTANCE}",
    ),
    Refusal(
        "Create a gateway",
        "zones in lower case, where the page says that case does not matter",
        "the contract's rule valid_zone knows upper case only",
        "gateways",
        {"zones": ["us-east-04a"]},
        f"zones[0]: {ZONE}",
    ),
    Refusal(
        "Create a gateway",
        "a request without authorization, as the page's example shows it",
        "the overview page: all requests need a token",
        "gateways",
        message="no access token: send 'authorization: Bearer <token>'",
        code=16,
        status=401,
        authorized=False,
    ),
    Refusal(
        "Inference API overview",
        "'name is required' as the text of an error",
        "an example of the page; the words are those of the contract's rule",
        "gateways",
        {"name": None},
        f"name: {HOST_LABEL}",
    ),
    Refusal(
        "Get deployment",
        "runtime.version left out, where the page says that it means `latest`",
        "the contract requires a version",
        "deployments",
        {"runtime": {"engine": "vllm"}},
        f"runtime.version: {REQUIRED}",
    ),
    Refusal(
        "Get deployment",
        "`latest` as the version",
        "the contract's rule valid_semver_version",
        "deployments",
        {"runtime": {"engine": "vllm", "version": "latest"}},
        f"runtime.version: {SEMVER}",
    ),
)
