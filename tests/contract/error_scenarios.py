"""Who may do what, and every error that the service itself makes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from google.protobuf.timestamp_pb2 import Timestamp

from coreweave_inference.v1alpha1 import (
    GetGatewayRequest,
    GetGatewayResponse,
    ListGatewaysRequest,
)
from tests.contract.calls import call
from tests.contract.deployment_scenarios import prepare
from tests.contract.outcome import Failure
from tests.contract.scenario import Scenario, failed
from tests.contract.wanted import (
    CLAIM,
    CLAIM_ID,
    DEPLOYMENT,
    DEPLOYMENT_ID,
    GATEWAY,
    GATEWAY_ID,
    MISSING_ID,
    already_exists,
    being_deleted,
    but,
    invalid,
    name_taken,
    not_found,
    over_quota,
    precondition,
)
from triwire.spec import HttpRule, MethodSpec

if TYPE_CHECKING:
    from coreweave_inference import AsyncInferenceClient
    from tests.contract.scenario import Cast

__all__ = ["SCENARIOS"]

_CLAIM_UPDATE: Final = {name: CLAIM[name] for name in ("id", "resources")}

# A valid call of each method: (resource, method, fields).
READS: Final[tuple[tuple[str, str, dict[str, Any]], ...]] = (
    ("gateways", "list", {}),
    ("gateways", "get", {"id": GATEWAY_ID}),
    ("gateways", "parameters", {}),
    ("deployments", "list", {"parent_gateway_id": GATEWAY_ID}),
    ("deployments", "get", {"id": DEPLOYMENT_ID}),
    ("deployments", "parameters", {"gateway_ids": [GATEWAY_ID]}),
    ("capacity_claims", "list", {}),
    ("capacity_claims", "get", {"id": CLAIM_ID}),
    ("capacity_claims", "parameters", {}),
)
WRITES: Final[tuple[tuple[str, str, dict[str, Any]], ...]] = (
    ("gateways", "create", GATEWAY),
    ("gateways", "update", GATEWAY),
    ("gateways", "delete", {"id": GATEWAY_ID}),
    ("deployments", "create", DEPLOYMENT),
    ("deployments", "update", DEPLOYMENT),
    ("deployments", "delete", {"id": DEPLOYMENT_ID}),
    ("capacity_claims", "create", CLAIM),
    ("capacity_claims", "update", _CLAIM_UPDATE),
    ("capacity_claims", "delete", {"id": CLAIM_ID}),
)
ALL: Final = (*READS, *WRITES)


def everywhere(
    outcome: object, methods: tuple[tuple[str, str, dict[str, Any]], ...] = ALL
) -> dict[str, object]:
    """Return one outcome for each of some methods."""
    return {f"{resource}.{method}": outcome for resource, method, _ in methods}


async def refusals(
    client: AsyncInferenceClient, methods: tuple[tuple[str, str, dict[str, Any]], ...] = ALL
) -> dict[str, object]:
    """Return the error of each of some methods."""
    return {
        f"{resource}.{method}": await failed(call(client, resource, method, fields))
        for resource, method, fields in methods
    }


async def everything(cast: Cast) -> None:
    """Create one resource of each kind."""
    await prepare(cast)
    await cast.admin.deployments.create(**DEPLOYMENT)
    await cast.admin.capacity_claims.create(**CLAIM)


async def without_a_token(cast: Cast) -> object:
    await everything(cast)
    return await refusals(cast.nobody)


async def with_a_wrong_token(cast: Cast) -> object:
    await everything(cast)
    return await refusals(cast.impostor)


async def with_another_scheme(cast: Cast) -> object:
    basic = cast.nobody.with_options(headers={"authorization": "Basic dXNlcjpwYXNz"})
    lower = cast.nobody.with_options(headers={"authorization": "bearer wrong"})
    return [await failed(basic.gateways.list()), await failed(lower.gateways.list())]


async def viewer_writes(cast: Cast) -> object:
    await everything(cast)
    return await refusals(cast.viewer, WRITES)


async def viewer_reads(cast: Cast) -> object:
    """A viewer sees what the admin sees."""
    await everything(cast)
    return [await call(cast.viewer, *read) == await call(cast.admin, *read) for read in READS]


async def powerless(cast: Cast) -> object:
    await everything(cast)
    return await refusals(cast.powerless)


async def strangers(cast: Cast) -> object:
    """Another organization sees nothing, changes nothing, and may use the same ids."""
    await everything(cast)
    seen: dict[str, object] = {
        "lists": [
            await cast.stranger.gateways.list(),
            await cast.stranger.deployments.list(),
            await cast.stranger.deployments.list(parent_gateway_id=GATEWAY_ID),
            await cast.stranger.capacity_claims.list(),
            (await cast.stranger.deployments.parameters()).gateway_ids,
        ],
        "parameters": await failed(cast.stranger.deployments.parameters(gateway_ids=[GATEWAY_ID])),
        "deployment": await failed(cast.stranger.deployments.create(**DEPLOYMENT)),
        **{
            f"{resource}.{method}": await failed(call(cast.stranger, resource, method, fields))
            for resource, method, fields in ALL
            if method in {"get", "delete"} or (resource, method) == ("gateways", "update")
        },
    }
    await cast.stranger.gateways.create(**but(GATEWAY, name="own"))
    seen["own"] = [item.spec.name for item in await cast.stranger.gateways.list()]
    seen["theirs"] = (await cast.admin.gateways.get(GATEWAY_ID)).spec.name
    return seen


_NO_GATEWAY: Final = invalid(("gateway_ids[0]", f"gateway {GATEWAY_ID!r} does not exist"))
STRANGERS: Final[dict[str, Any]] = {
    "lists": [[], [], [], [], []],
    "parameters": _NO_GATEWAY,
    "deployment": _NO_GATEWAY,
    "gateways.get": not_found("Gateway", GATEWAY_ID),
    "deployments.get": not_found("Deployment", DEPLOYMENT_ID),
    "capacity_claims.get": not_found("CapacityClaim", CLAIM_ID),
    "gateways.update": not_found("Gateway", GATEWAY_ID),
    "gateways.delete": not_found("Gateway", GATEWAY_ID),
    "deployments.delete": not_found("Deployment", DEPLOYMENT_ID),
    "capacity_claims.delete": not_found("CapacityClaim", CLAIM_ID),
    "own": ["own"],
    "theirs": "edge",
}


async def missing(cast: Cast) -> object:
    """Methods that name a resource which does not exist."""
    await prepare(cast)
    return {
        f"{resource}.{method}": await failed(
            call(cast.admin, resource, method, but(fields, id=MISSING_ID))
        )
        for resource, method, fields in ALL
        if method in {"get", "update", "delete"}
    }


MISSING: Final = {
    f"{resource}.{method}": not_found(kind, MISSING_ID)
    for method in ("get", "update", "delete")
    for resource, kind in (
        ("gateways", "Gateway"),
        ("deployments", "Deployment"),
        ("capacity_claims", "CapacityClaim"),
    )
}


async def twice(cast: Cast) -> object:
    """Create with an id that is in use, in any case of letters."""
    await everything(cast)
    upper = but(GATEWAY, id=GATEWAY_ID.upper())
    return [
        await failed(cast.admin.gateways.create(**GATEWAY)),
        await failed(cast.admin.deployments.create(**DEPLOYMENT)),
        await failed(cast.admin.capacity_claims.create(**CLAIM)),
        (await failed(cast.admin.gateways.create(**upper))).code.name,
    ]


async def gateway_in_use(cast: Cast) -> object:
    """A gateway goes only after its deployments."""
    await everything(cast)
    refused = await failed(cast.admin.gateways.delete(GATEWAY_ID))
    await cast.admin.deployments.delete(DEPLOYMENT_ID)
    await cast.admin.gateways.delete(GATEWAY_ID)
    return [refused, len(await cast.admin.gateways.list())]


IN_USE: Final = Failure(
    "FAILED_PRECONDITION",
    f"gateway {GATEWAY_ID!r} cannot be deleted: 1 deployment uses it",
    (
        precondition(
            "GATEWAY_IN_USE",
            DEPLOYMENT_ID,
            f"deployment {DEPLOYMENT_ID!r} uses the gateway: delete it first",
        ),
    ),
)


async def going(cast: Cast) -> object:
    """What is being deleted takes no changes."""
    await everything(cast)
    await cast.admin.deployments.delete(DEPLOYMENT_ID)
    await cast.admin.capacity_claims.delete(CLAIM_ID)
    found = [
        await failed(cast.admin.deployments.update(**DEPLOYMENT)),
        await failed(cast.admin.capacity_claims.update(**_CLAIM_UPDATE)),
        await failed(cast.admin.gateways.delete(GATEWAY_ID)),
        await failed(cast.admin.deployments.create(**DEPLOYMENT)),
    ]
    spare = but(GATEWAY, id=MISSING_ID)
    await cast.admin.gateways.create(**spare)
    await cast.admin.gateways.delete(MISSING_ID)
    elsewhere = but(DEPLOYMENT, id="", gateway_ids=[MISSING_ID])
    return [
        *found,
        await failed(cast.admin.gateways.update(**spare)),
        await failed(cast.admin.deployments.create(**elsewhere)),
    ]


GOING: Final = [
    being_deleted("Deployment", DEPLOYMENT_ID),
    being_deleted("CapacityClaim", CLAIM_ID),
    IN_USE,
    already_exists("Deployment", DEPLOYMENT_ID),
    being_deleted("Gateway", MISSING_ID),
    being_deleted("Gateway", MISSING_ID),
]


async def names_are_unique(cast: Cast) -> object:
    """Refuse a name that another resource has, in any case, on create and on update."""
    await everything(cast)
    other = but(GATEWAY, id="", name="other")
    await cast.admin.gateways.create(**other)
    return [
        await failed(cast.admin.gateways.create(**but(other, name="EDGE"))),
        await failed(cast.admin.deployments.create(**but(DEPLOYMENT, id=""))),
        await failed(cast.admin.capacity_claims.create(**but(CLAIM, id=""))),
        await failed(cast.admin.gateways.update(**but(GATEWAY, name="other"))),
        (await cast.admin.gateways.update(**GATEWAY)).spec.name,
    ]


async def quota(cast: Cast) -> object:
    """Refuse a fourth resource of a kind, until one of them is gone."""
    found: list[object] = []
    for name in ("one", "two", "three"):
        await cast.admin.gateways.create(**but(GATEWAY, id="", name=name))
    found.append(await failed(cast.admin.gateways.create(**GATEWAY)))
    await cast.admin.gateways.delete((await cast.admin.gateways.list())[0].spec.id)
    found.append((await cast.admin.gateways.create(**GATEWAY)).spec.name)
    await cast.stranger.gateways.create(**GATEWAY)
    return found


async def too_large(cast: Cast) -> object:
    """A message above the server's limit, and headers above it; both name the limit."""
    message = but(GATEWAY, name="x" * 5_000_000)
    wide = cast.admin.with_options(headers={"x-large": "x" * 40_000})
    of_message = await failed(cast.admin.gateways.create(**message))
    of_headers = await failed(wide.gateways.list())
    # How large headers are depends on what the protocol adds.
    text = re.sub(r"headers of \d+ bytes", "headers of N bytes", of_headers.message)
    again = (await cast.admin.gateways.list()) == []
    return [of_message, of_headers.code.name, of_headers.from_server, text, again]


async def order_of_checks(cast: Cast) -> object:
    """Who calls comes before what is asked; the contract's rules come before what exists."""
    return [
        (await failed(cast.nobody.gateways.get("no uuid"))).code.name,
        (await failed(cast.viewer.gateways.delete("no uuid"))).code.name,
        (await failed(cast.admin.gateways.delete("no uuid"))).code.name,
        (await failed(cast.admin.gateways.delete(MISSING_ID))).code.name,
    ]


async def no_time_at_all(cast: Cast) -> object:
    """A Timestamp that is no time, which binary carries and JSON cannot."""
    try:
        return await failed(cast.admin.gateways.list(updated_after=Timestamp(nanos=-1)))
    except ValueError as error:
        # protobuf's own words follow, which differ between its releases.
        return str(error).partition(": ")[0]


ODD_IDS: Final = ("", "..", "parameters", "a/b", "a b?#", "%2e%2e", "\u00e9")


async def odd_ids(cast: Cast) -> object:
    """Ids that a URL has to escape, or that mean something else in one."""

    async def outcome(resource_id: str) -> object:
        try:
            return await failed(cast.admin.gateways.get(resource_id))
        except ValueError:
            return "ValueError"
        except AssertionError as error:
            return str(error)

    return {resource_id: await outcome(resource_id) for resource_id in ODD_IDS}


UNKNOWN_METHOD: Final = MethodSpec(
    "coreweave.inference.v1alpha1.GatewayService",
    "PaintGateway",
    GetGatewayRequest,
    GetGatewayResponse,
    http=HttpRule("POST", "/v1alpha1/inference/gateways/{id}/paint", body="*"),
)
UNKNOWN_SERVICE: Final = MethodSpec(
    "acme.v1.PaintService",
    "Paint",
    ListGatewaysRequest,
    GetGatewayResponse,
    http=HttpRule("GET", "/v1/paint"),
)


async def unknown_methods(cast: Cast) -> object:
    return [
        await failed(cast.call(UNKNOWN_METHOD, GetGatewayRequest(id=GATEWAY_ID))),
        await failed(cast.call(UNKNOWN_SERVICE, ListGatewaysRequest())),
    ]


_NO_TOKEN: Final = Failure(
    "UNAUTHENTICATED", "no access token: send 'authorization: Bearer <token>'"
)
_WRONG_TOKEN: Final = Failure("UNAUTHENTICATED", "unknown access token")
_OTHER_SCHEME: Final = Failure(
    "UNAUTHENTICATED", "expected 'authorization: Bearer <token>', got another scheme"
)
_NO_ADMIN: Final = Failure("PERMISSION_DENIED", "the token's user lacks the role Inference Admin")
_NO_ROLE: Final = Failure(
    "PERMISSION_DENIED", "the token's user lacks the role Inference Viewer or Inference Admin"
)

SCENARIOS: Final = (
    Scenario("no method without a token", without_a_token, everywhere(_NO_TOKEN)),
    Scenario("no method with a wrong token", with_a_wrong_token, everywhere(_WRONG_TOKEN)),
    Scenario("other authorization schemes", with_another_scheme, [_OTHER_SCHEME, _WRONG_TOKEN]),
    Scenario("a viewer writes nothing", viewer_writes, everywhere(_NO_ADMIN, WRITES)),
    Scenario("a viewer reads everything", viewer_reads, [True] * len(READS)),
    Scenario(
        "a user without a role may do nothing",
        powerless,
        {**everywhere(_NO_ROLE, READS), **everywhere(_NO_ADMIN, WRITES)},
    ),
    Scenario("organizations do not see each other", strangers, STRANGERS),
    Scenario("what does not exist", missing, MISSING),
    Scenario(
        "an id that is in use",
        twice,
        [
            already_exists("Gateway", GATEWAY_ID),
            already_exists("Deployment", DEPLOYMENT_ID),
            already_exists("CapacityClaim", CLAIM_ID),
            "ALREADY_EXISTS",
        ],
    ),
    Scenario("a gateway in use is not deleted", gateway_in_use, [IN_USE, 0]),
    Scenario("what is being deleted is not changed", going, GOING, "slow"),
    Scenario(
        "names, where they are unique",
        names_are_unique,
        [
            name_taken("Gateway", "EDGE"),
            name_taken("Deployment", "llama"),
            name_taken("CapacityClaim", "reserved"),
            name_taken("Gateway", "other"),
            "edge",
        ],
        "strict",
    ),
    Scenario("a quota", quota, [over_quota("Gateway", 3), "edge"], "strict"),
    Scenario(
        "what is too large",
        too_large,
        [
            Failure("RESOURCE_EXHAUSTED", "message is larger than configured max 4194304"),
            "RESOURCE_EXHAUSTED",
            True,
            "headers of N bytes are above the limit of 32768",
            True,
        ],
    ),
    Scenario(
        "ids that URLs do not carry as they are",
        odd_ids,
        {
            resource_id: invalid(
                (
                    "id",
                    "must be a valid UUID"
                    if resource_id
                    else "value is empty, which is not a valid UUID",
                )
            )
            for resource_id in ODD_IDS
        },
    ),
    Scenario(
        "the order of checks",
        order_of_checks,
        ["UNAUTHENTICATED", "PERMISSION_DENIED", "INVALID_ARGUMENT", "NOT_FOUND"],
    ),
    Scenario(
        "updated_after that is no time",
        no_time_at_all,
        invalid(("updated_after", "must be a timestamp between years 1 and 9999")),
    ),
    Scenario(
        "methods that the server does not have",
        unknown_methods,
        [
            Failure("UNIMPLEMENTED", f"unknown method {UNKNOWN_METHOD.path}"),
            Failure("UNIMPLEMENTED", f"unknown method {UNKNOWN_SERVICE.path}"),
        ],
    ),
)
