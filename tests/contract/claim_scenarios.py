"""CapacityClaimService: its six methods."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from google.protobuf.timestamp_pb2 import Timestamp

from coreweave_inference.v1alpha1 import (
    CAPACITY_TYPE_CUSTOMER,
    CapacityClaimResources,
    CreateCapacityClaimRequest,
    ListCapacityClaimsRequest,
    UpdateCapacityClaimRequest,
)
from tests.contract.outcome import nanoseconds
from tests.contract.scenario import Scenario, failed
from tests.contract.wanted import CLAIM, CLAIM_ID, but, claim, invalid, not_found

if TYPE_CHECKING:
    from tests.contract.scenario import Cast

__all__ = ["SCENARIOS"]

NOTHING: Final[list[Any]] = [[], {}]
READY: Final = claim("READY", "<t1>", "<t3>", "<t2>", "<t3>", allocated_instances=3)


def sized(count: int) -> Any:
    return but(CLAIM["resources"], instance_count=count)


async def create(cast: Cast) -> object:
    return await cast.admin.capacity_claims.create(**CLAIM)


async def get(cast: Cast) -> object:
    await create(cast)
    return await cast.admin.capacity_claims.get(CLAIM_ID)


async def update(cast: Cast) -> object:
    """Larger, then smaller: what is held stays held while the rest is awaited."""
    await create(cast)
    found: list[object] = []
    for count in (5, 1):
        found.append(await cast.admin.capacity_claims.update(id=CLAIM_ID, resources=sized(count)))
        found.append((await cast.admin.capacity_claims.get(CLAIM_ID)).status.allocated_instances)
    return found


async def edit(cast: Cast) -> object:
    await create(cast)

    def enlarge(request: UpdateCapacityClaimRequest) -> None:
        request.resources.instance_count += 4

    return await cast.admin.capacity_claims.edit(CLAIM_ID, enlarge)


async def delete(cast: Cast) -> object:
    await create(cast)
    deleted = await cast.admin.capacity_claims.delete(CLAIM_ID)
    return [deleted, await failed(cast.admin.capacity_claims.get(CLAIM_ID))]


async def listed(cast: Cast) -> object:
    await create(cast)
    found = await cast.admin.capacity_claims.list()
    bound = Timestamp()
    bound.FromNanoseconds(nanoseconds(found[0].status.updated_at))
    return [found, await cast.admin.capacity_claims.list(updated_after=bound)]


async def list_empty(cast: Cast) -> object:
    rpc = cast.admin.capacity_claims.rpc
    return [
        await cast.admin.capacity_claims.list(),
        (await rpc.list_capacity_claims(ListCapacityClaimsRequest())).message,
    ]


async def parameters(cast: Cast) -> object:
    return await cast.admin.capacity_claims.parameters()


async def wait(cast: Cast) -> object:
    made = await cast.admin.capacity_claims.create(CreateCapacityClaimRequest(**CLAIM))
    ready = await cast.patient.capacity_claims.wait_until_ready(made, timeout_seconds=30)
    await cast.admin.capacity_claims.delete(CLAIM_ID)
    await cast.patient.capacity_claims.wait_until_deleted(ready, timeout_seconds=30)
    return [ready, await failed(cast.admin.capacity_claims.get(CLAIM_ID))]


async def echo(cast: Cast) -> object:
    """Instance ids have no case, and come back as they were sent; a count may be 0."""
    made = await cast.admin.capacity_claims.create(
        name="a-1",
        resources=CapacityClaimResources(
            instance_id="GB200-4X",
            capacity_type=CAPACITY_TYPE_CUSTOMER,
            zones=["US-WEST-04A"],
        ),
    )
    return [made.spec, (await cast.admin.capacity_claims.get(made.spec.id)).status.status]


async def not_offered(cast: Cast) -> object:
    errors: list[object] = []
    changes: tuple[dict[str, Any], ...] = ({"zones": ["DE-MOON-01A"]}, {"instance_id": "b300-8x"})
    for change in changes:
        fields = but(CLAIM, resources=but(CLAIM["resources"], **change))
        errors.append(await failed(cast.admin.capacity_claims.create(**fields)))
    return errors


async def long_transition(cast: Cast) -> object:
    """While nothing is allocated yet, everything is pending."""
    await create(cast)
    updated = await cast.admin.capacity_claims.update(id=CLAIM_ID, resources=sized(7))
    return [await cast.admin.capacity_claims.get(CLAIM_ID) == updated, updated]


SCENARIOS: Final = (
    Scenario(
        "a claim is CREATING when it is made",
        create,
        claim("CREATING", "<t1>", "<t1>", "<t1>", pending_instances=3),
    ),
    Scenario("a claim is READY at the first look", get, READY),
    Scenario(
        "updates of a claim, larger and smaller",
        update,
        [
            claim(
                "UPDATING",
                "<t1>",
                "<t2>",
                "<t2>",
                resources=sized(5),
                allocated_instances=3,
                pending_instances=2,
            ),
            5,
            claim(
                "UPDATING",
                "<t1>",
                "<t3>",
                "<t3>",
                resources=sized(1),
                allocated_instances=1,
            ),
            1,
        ],
    ),
    Scenario(
        "an edit changes what it names and keeps the rest of a claim",
        edit,
        claim(
            "UPDATING",
            "<t1>",
            "<t2>",
            "<t2>",
            resources=sized(7),
            allocated_instances=3,
            pending_instances=4,
        ),
    ),
    Scenario(
        "a deleted claim is shown once more and then gone",
        delete,
        [
            claim("DELETING", "<t1>", "<t3>", "<t2>", "<t3>", allocated_instances=3),
            not_found("CapacityClaim", CLAIM_ID),
        ],
    ),
    Scenario("claims are listed as they are got", listed, [[READY], []]),
    Scenario("an organization without claims", list_empty, NOTHING),
    Scenario(
        "claim parameters",
        parameters,
        {
            "zone_instance_types": {
                "RNO2A": {"instance_ids": ["gd-8xa100-i128", "gd-8xh100ib-i128"]},
                "US-EAST-01A": {
                    "instance_ids": ["gd-1xgh200", "gd-8xh100ib-i128", "gd-8xl40s-i128"]
                },
                "US-EAST-04A": {
                    "instance_ids": ["b200-8x", "gb200-4x", "gd-8xh100ib-i128", "gd-8xh200ib-i128"]
                },
                "US-WEST-04A": {
                    "instance_ids": [
                        "b300-8x",
                        "gb200-4x",
                        "gb300-4x",
                        "gd-8xh100ib-i128",
                        "rtxp6000-8x",
                    ]
                },
            }
        },
    ),
    Scenario(
        "waiting for a claim and for its end", wait, [READY, not_found("CapacityClaim", CLAIM_ID)]
    ),
    Scenario(
        "a claim is echoed as it was sent",
        echo,
        [
            {
                "id": "<id 1>",
                "name": "a-1",
                "resources": {
                    "instance_id": "GB200-4X",
                    "capacity_type": "CAPACITY_TYPE_CUSTOMER",
                    "zones": ["US-WEST-04A"],
                },
                "organization_id": "<organization>",
            },
            6,
        ],
    ),
    Scenario(
        "claims of what is not offered",
        not_offered,
        [
            invalid(
                (
                    "resources.zones[0]",
                    (
                        "'DE-MOON-01A' is no zone: expected one of RNO2A, US-EAST-01A, "
                        "US-EAST-04A, US-WEST-04A"
                    ),
                )
            ),
            invalid(
                (
                    "resources.instance_id",
                    (
                        "'b300-8x' is no instance type in these zones: expected one of b200-8x, "
                        "gb200-4x, gd-8xh100ib-i128, gd-8xh200ib-i128"
                    ),
                )
            ),
        ],
    ),
    Scenario(
        "a claim in its first state",
        long_transition,
        [
            True,
            claim(
                "CREATING",
                "<t1>",
                "<t2>",
                "<t2>",
                resources=sized(7),
                pending_instances=7,
            ),
        ],
        "slow",
    ),
)
