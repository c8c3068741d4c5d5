"""Waits: what ends them, against a server that plays scripts and against the emulator."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, Final

from coreweave_inference.v1alpha1 import Condition, Deployment, Gateway
from tests.contract.scenario import Scenario, failed
from tests.contract.wanted import DEPLOYMENT, DEPLOYMENT_ID, GATEWAY, GATEWAY_ID, but
from triwire.errors import WaitError

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from tests.contract.scenario import Cast

__all__ = ["SCENARIOS"]

_MANY: Final = 12
_DISABLED: Final = (
    f"deployment {DEPLOYMENT_ID} is STATUS_CREATING and disabled, and what is disabled need not "
    "get ready"
)


async def begun(cast: Cast, script: str) -> Gateway:
    """Return the first stage of a script of the stub's, as an update would answer with it."""
    return await cast.admin.gateways.get(f"play:{script} {uuid.uuid4()}")


async def ready_at(wait: Awaitable[Gateway]) -> int:
    """Return in which second of its script a gateway was found to be ready."""
    return (await wait).status.updated_at.seconds - 1000


async def end(wait: Awaitable[object]) -> list[Any]:
    """Return how a wait ended in vain: code, text without the id, state last seen."""
    error = await failed(wait)
    assert isinstance(error, WaitError)
    last = error.last
    assert last is None or isinstance(last, Gateway)
    text = error.message.split(" is ", 1)[-1]
    return [error.code.name, text, last and last.status.status]


async def stale_ready(cast: Cast) -> object:
    """What kubectl wait and the Terraform provider fall for: READY from before the update."""
    wait = cast.patient.gateways.wait_until_ready
    updated = await begun(cast, "READY-1 READY-1 READY-1 UPDATING-2 READY-3")
    other = await begun(cast, "READY-1 READY-1 READY-1 UPDATING-2 READY-3")
    return [
        await ready_at(wait(updated, timeout_seconds=60)),
        # With an id alone there is nothing to tell the old READY by.
        await ready_at(wait(other.spec.id, timeout_seconds=60)),
    ]


async def nothing_changed(cast: Cast) -> object:
    """An update that changes nothing stays READY all along."""
    updated = await begun(cast, "READY-1")
    return await ready_at(cast.patient.gateways.wait_until_ready(updated, timeout_seconds=60))


async def failing(cast: Cast) -> object:
    updated = await begun(cast, "UPDATING-1 UPDATING-1 FAILED-2 READY-3")
    return await end(cast.patient.gateways.wait_until_ready(updated, timeout_seconds=60))


async def in_error(cast: Cast) -> object:
    """ERROR heals, or it does not; without grace it is the end."""
    wait = cast.patient.gateways.wait_until_ready
    healing = await begun(cast, "UPDATING-1 ERROR-2 ERROR-2 READY-3")
    lasting = await begun(cast, "UPDATING-1 ERROR-2")
    at_once = await begun(cast, "UPDATING-1 ERROR-2 READY-3")
    return [
        await ready_at(wait(healing, timeout_seconds=60)),
        await end(wait(lasting, timeout_seconds=3600)),
        await end(wait(at_once, timeout_seconds=60, error_grace_seconds=0)),
    ]


async def deleting(cast: Cast) -> object:
    wait = cast.patient.gateways.wait_until_ready
    going = await begun(cast, "CREATING-1 DELETING-2")
    return [await end(wait(going, timeout_seconds=60))]


async def deletion_that_fails(cast: Cast) -> object:
    going = await begun(cast, "READY-1 READY-1 DELETING-2 FAILED-3")
    return await end(cast.patient.gateways.wait_until_deleted(going, timeout_seconds=60))


async def gone(cast: Cast) -> object:
    """NOT_FOUND may be a lagging replica's at first."""
    wait = cast.patient.gateways.wait_until_ready
    lagging = await begun(cast, "CREATING-1 GONE-1 GONE-1 CREATING-1 READY-2")
    lost = await begun(cast, "CREATING-1 CREATING-1 GONE-1")
    code, text, _ = await end(wait(lost, timeout_seconds=60))
    return [await ready_at(wait(lagging, timeout_seconds=60)), [code, text.partition(" ")[0]]]


async def outage(cast: Cast) -> object:
    script = "CREATING-1 UNAVAILABLE-1 INTERNAL-1 UNKNOWN-1 ABORTED-1 RESOURCE_EXHAUSTED-1 READY-2"
    made = await begun(cast, script)
    return await ready_at(cast.patient.gateways.wait_until_ready(made, timeout_seconds=120))


async def refused(cast: Cast) -> object:
    """One refusal after a read that succeeded may pass, three may not."""
    wait = cast.patient.gateways.wait_until_ready
    passing = await begun(cast, "CREATING-1 CREATING-1 PERMISSION_DENIED-1 READY-2")
    lasting = await begun(cast, "CREATING-1 CREATING-1 UNAUTHENTICATED-1")
    error = await failed(wait(lasting, timeout_seconds=60))
    return [await ready_at(wait(passing, timeout_seconds=60)), error.code.name]


async def predicate(cast: Cast) -> object:
    made = await begun(cast, "CREATING-1 UPDATING-2 FAILED-3 READY-4")
    seen: list[int] = []
    found = await cast.patient.gateways.wait_for(
        made,
        lambda shown: shown.status.updated_at.seconds >= 1003,
        timeout_seconds=60,
        on_progress=lambda shown: seen.append(shown.status.updated_at.seconds - 1000),
    )
    return [found.status.status, seen]


async def recreated(cast: Cast) -> object:
    """A gateway with the id of one that was deleted is another one."""
    gateways = cast.patient.gateways
    await cast.admin.gateways.create(**GATEWAY)
    first = await gateways.wait_until_ready(GATEWAY_ID, timeout_seconds=30)
    await cast.admin.gateways.delete(GATEWAY_ID)
    await gateways.wait_until_deleted(first, timeout_seconds=30)
    second = await cast.admin.gateways.create(**GATEWAY)
    error = await failed(gateways.wait_until_ready(first, timeout_seconds=30))
    await gateways.wait_until_deleted(first, timeout_seconds=30)
    ready = await gateways.wait_until_ready(second, timeout_seconds=30)
    return [error.code.name, error.message, ready.status.created_at == second.status.created_at]


async def many(cast: Cast) -> object:
    """More than a few are listed."""
    gateways = cast.patient.gateways
    made = [
        await cast.admin.gateways.create(**but(GATEWAY, id="", name=f"edge-{number}"))
        for number in range(_MANY)
    ]
    ready = await gateways.wait_all(made, timeout_seconds=60)
    named = await gateways.wait_all(
        ready, until=lambda shown: shown.spec.name.startswith("edge-"), timeout_seconds=60
    )
    for gateway in made:
        await cast.admin.gateways.delete(gateway.spec.id)
    await gateways.wait_all(ready, until="deleted", timeout_seconds=60)
    return [[each.spec.name for each in ready], named == ready, await gateways.list()]


async def many_but_one(cast: Cast) -> object:
    """One that fails ends the wait for all, and tells of all."""
    made = [await begun(cast, "CREATING-1 CREATING-1 CREATING-1 READY-2") for _ in range(2)]
    failing = await begun(cast, "CREATING-1 CREATING-1 FAILED-2")
    wait = cast.patient.gateways.wait_all([*made, failing], timeout_seconds=60)
    error = await failed(wait)
    assert isinstance(error, WaitError)
    states = [each.status.status for each in error.others if isinstance(each, Gateway)]
    return [error.code.name, error.last == error.others[2], states]


async def disabled(cast: Cast) -> object:
    """A disabled deployment may never be READY; a predicate can say what is waited for instead."""
    await cast.admin.gateways.create(**GATEWAY)
    made = await cast.admin.deployments.create(**DEPLOYMENT)
    deployments = cast.patient.deployments
    error = await failed(deployments.wait_until_ready(made, timeout_seconds=3600))
    applied = await deployments.wait_for(made, _is_applied, timeout_seconds=60)
    return [error.code.name, error.message.partition(":")[0], applied.status.status]


def _is_applied(deployment: Deployment) -> bool:
    return any(
        condition.type == "ResourcesApplied" and condition.status == Condition.STATUS_TRUE
        for condition in deployment.status.conditions
    )


SCENARIOS: Final = (
    Scenario(
        "waiting for a disabled deployment",
        disabled,
        [
            "FAILED_PRECONDITION",
            _DISABLED,
            1,
        ],
        "strict",
    ),
    Scenario("a READY that an update has not touched yet", stale_ready, [3, 1], "stub"),
    Scenario("waiting for an update that changes nothing", nothing_changed, 1, "stub"),
    Scenario(
        "waiting for what fails",
        failing,
        ["FAILED_PRECONDITION", "STATUS_FAILED: Ready Played Step 2.", 5],
        "stub",
    ),
    Scenario(
        "waiting for what is in ERROR",
        in_error,
        [
            3,
            ["FAILED_PRECONDITION", "STATUS_ERROR: Ready Played Step 2.", 4],
            ["FAILED_PRECONDITION", "STATUS_ERROR: Ready Played Step 2.", 4],
        ],
        "stub",
    ),
    Scenario(
        "waiting until what is being deleted is ready",
        deleting,
        [["NOT_FOUND", "being deleted: Ready Played Step 2.", 3]],
        "stub",
    ),
    Scenario(
        "waiting for a deletion that fails",
        deletion_that_fails,
        ["FAILED_PRECONDITION", "STATUS_FAILED: Ready Played Step 3.", 5],
        "stub",
    ),
    Scenario("waiting for what cannot be found", gone, [2, ["NOT_FOUND", "gone"]], "stub"),
    Scenario("waiting through an outage", outage, 2, "stub"),
    Scenario("waiting through refusals", refused, [2, "UNAUTHENTICATED"], "stub"),
    Scenario("waiting for a predicate", predicate, [5, [2, 3]], "stub"),
    Scenario(
        "waiting for one of two gateways that have had the same id",
        recreated,
        [
            "NOT_FOUND",
            f"gateway {GATEWAY_ID} was deleted, and another one has its id now",
            True,
        ],
    ),
    Scenario(
        "waiting for many gateways at once",
        many,
        [[f"edge-{number}" for number in range(_MANY)], True, []],
    ),
    Scenario(
        "waiting for many of which one fails",
        many_but_one,
        ["FAILED_PRECONDITION", True, [1, 1, 5]],
        "stub",
    ),
)
