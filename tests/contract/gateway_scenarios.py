"""GatewayService: its six methods."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from google.protobuf.timestamp_pb2 import Timestamp

from coreweave_inference.v1alpha1 import (
    CreateGatewayRequest,
    GetGatewayRequest,
    ListGatewaysRequest,
    Status,
    UpdateGatewayRequest,
)
from tests.contract.outcome import Failure, nanoseconds
from tests.contract.scenario import Scenario, failed
from tests.contract.wanted import GATEWAY, GATEWAY_ID, but, gateway, not_found

if TYPE_CHECKING:
    from coreweave_inference.v1alpha1 import Gateway
    from tests.contract.scenario import Cast

__all__ = ["SCENARIOS"]

URL: Final = f"https://gw-{GATEWAY_ID}.inference.coreweave.example"
READY: Final = gateway("READY", "<t1>", "<t3>", "<t2>", "<t3>", endpoints=[URL])
NOTHING: Final[list[Any]] = [[], [], {}]
NAMES: Final = ("first", "second", "third")


async def create(cast: Cast) -> object:
    return await cast.admin.gateways.create(**GATEWAY)


async def create_without_an_id(cast: Cast) -> object:
    made = await cast.admin.gateways.create(**but(GATEWAY, id=""))
    return [made.spec.id, (await cast.admin.gateways.get(made.spec.id)).spec.id]


async def get(cast: Cast) -> object:
    await cast.admin.gateways.create(**GATEWAY)
    return await cast.admin.gateways.get(GATEWAY_ID)


async def update(cast: Cast) -> object:
    await cast.admin.gateways.create(**GATEWAY)
    updated = await cast.admin.gateways.update(
        id=GATEWAY_ID,
        name="core",
        weights_and_biases_auth={"enable_usage_reports": True},
        header_based_routing={"header_name": "x-model"},
    )
    return [updated, await cast.admin.gateways.get(GATEWAY_ID)]


UPDATED: Final[dict[str, Any]] = {
    "name": "core",
    "zones": None,
    "core_weave_auth": None,
    "body_based_routing": None,
    "weights_and_biases_auth": {"enable_usage_reports": True},
    "header_based_routing": {"header_name": "x-model"},
    "endpoints": [URL],
    # Without zones a gateway is everywhere; its conditions name the first zone.
    "zone": "RNO2A",
}


async def edit(cast: Cast) -> object:
    await cast.admin.gateways.create(**GATEWAY)

    def rename(request: UpdateGatewayRequest) -> None:
        request.name = "renamed"

    edited = await cast.admin.gateways.edit(GATEWAY_ID, rename)
    return [edited, await cast.admin.gateways.get(GATEWAY_ID)]


async def delete(cast: Cast) -> object:
    await cast.admin.gateways.create(**GATEWAY)
    deleted = await cast.admin.gateways.delete(GATEWAY_ID)
    return [deleted, await failed(cast.admin.gateways.get(GATEWAY_ID))]


async def parameters(cast: Cast) -> object:
    return await cast.admin.gateways.parameters()


async def every_field(cast: Cast) -> object:
    """Create gateways with each kind of auth and routing, and with more host names."""
    zones = ["US-EAST-04A", "RNO2A"]
    made = [
        await cast.admin.gateways.create(
            name="Edge-1",
            zones=zones,
            weights_and_biases_auth={"enable_usage_reports": True, "enable_rate_limiting": True},
            header_based_routing={"header_name": "X-Model Name"},
            endpoint_configuration={"additional_dns": ["models.example.com", "b.example"]},
        ),
        await cast.admin.gateways.create(
            name="Edge-1", zones=zones, weights_and_biases_auth={}, path_based_routing={}
        ),
        await cast.admin.gateways.create(
            name="a", core_weave_auth={}, endpoint_configuration={}, path_based_routing={}
        ),
    ]
    ready = [await cast.admin.gateways.get(item.spec.id) for item in made]
    return [
        [item.spec for item in made],
        [list(item.status.endpoints) for item in ready],
    ]


EVERY_FIELD: Final[list[Any]] = [
    [
        {
            "id": "<id 1>",
            "name": "Edge-1",
            "zones": ["US-EAST-04A", "RNO2A"],
            "weights_and_biases_auth": {
                "enable_usage_reports": True,
                "enable_rate_limiting": True,
            },
            "organization_id": "<organization>",
            "endpoint_configuration": {"additional_dns": ["models.example.com", "b.example"]},
            "header_based_routing": {"header_name": "X-Model Name"},
        },
        {
            "id": "<id 2>",
            "name": "Edge-1",
            "zones": ["US-EAST-04A", "RNO2A"],
            "weights_and_biases_auth": {},
            "organization_id": "<organization>",
            "path_based_routing": {},
        },
        {
            "id": "<id 3>",
            "name": "a",
            "core_weave_auth": {},
            "organization_id": "<organization>",
            "endpoint_configuration": {},
            "path_based_routing": {},
        },
    ],
    [
        [
            "https://gw-<id 1>.inference.coreweave.example",
            "https://models.example.com",
            "https://b.example",
        ],
        ["https://gw-<id 2>.inference.coreweave.example"],
        ["https://gw-<id 3>.inference.coreweave.example"],
    ],
]


async def dns(cast: Cast) -> object:
    """Update a gateway's host names with none, an empty message, and others."""
    configuration: dict[str, list[str]] | None = {"additional_dns": ["a.example"]}
    await cast.admin.gateways.create(**but(GATEWAY, endpoint_configuration=configuration))
    found: list[object] = []
    for configuration in (None, {}, {"additional_dns": ["b.example"]}):
        fields = but(GATEWAY, endpoint_configuration=configuration)
        updated = await cast.admin.gateways.update(**fields)
        found.append(list(updated.spec.endpoint_configuration.additional_dns))
    return found


async def list_empty(cast: Cast) -> object:
    return [
        await cast.admin.gateways.list(),
        await cast.admin.gateways.list(updated_after=Timestamp(seconds=1)),
        (await cast.admin.gateways.rpc.list_gateways(ListGatewaysRequest())).message,
    ]


async def list_all(cast: Cast) -> object:
    await cast.admin.gateways.create(**GATEWAY)
    return await cast.admin.gateways.list()


async def three(cast: Cast) -> list[Gateway]:
    """Create three gateways, let them become READY, and return them."""
    for name in NAMES:
        await cast.admin.gateways.create(**but(GATEWAY, name=name, id=""))
    return list(await cast.admin.gateways.list())


async def updated_after(cast: Cast) -> object:
    """List what is later than each gateway's stamp, and than the nanosecond before it."""
    found: list[object] = []
    for item in await three(cast):
        for earlier in (0, 1):
            bound = Timestamp()
            bound.FromNanoseconds(nanoseconds(item.status.updated_at) - earlier)
            listed = await cast.admin.gateways.list(updated_after=bound)
            found.append([later.spec.name for later in listed])
    return found


async def updated_after_datetime(cast: Cast) -> object:
    """A datetime means the same instant as a Timestamp, whatever its zone."""
    await three(cast)
    long_ago, far_ahead = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
    as_stamp = Timestamp(seconds=int(far_ahead.timestamp()))
    return [
        len(await cast.admin.gateways.list(updated_after=long_ago)),
        len(await cast.admin.gateways.list(updated_after=far_ahead)),
        len(await cast.admin.gateways.list(updated_after=as_stamp)),
    ]


async def updated_after_extremes(cast: Cast) -> object:
    await three(cast)
    first, last = Timestamp(seconds=-62135596800), Timestamp(seconds=253402300799, nanos=999999999)
    return [
        len(await cast.admin.gateways.list(updated_after=first)),
        len(await cast.admin.gateways.list(updated_after=last)),
    ]


async def wait(cast: Cast) -> object:
    made = await cast.admin.gateways.create(**GATEWAY)
    ready = await cast.patient.gateways.wait_until_ready(made, timeout_seconds=30)
    await cast.admin.gateways.delete(GATEWAY_ID)
    await cast.patient.gateways.wait_until_deleted(GATEWAY_ID, timeout_seconds=30)
    return [ready, await failed(cast.admin.gateways.get(GATEWAY_ID))]


async def messages(cast: Cast) -> object:
    """A request message does what its fields as keywords do."""
    by_message = await cast.admin.gateways.create(CreateGatewayRequest(**GATEWAY))
    by_keywords = await cast.stranger.gateways.create(**GATEWAY)
    got = [
        await cast.admin.gateways.get(GetGatewayRequest(id=GATEWAY_ID)),
        await cast.admin.gateways.get(id=GATEWAY_ID),
        await cast.admin.gateways.get(GATEWAY_ID),
    ]
    own = by_keywords.spec.organization_id
    by_keywords.spec.organization_id = by_message.spec.organization_id
    return [
        by_message.spec == by_keywords.spec,
        own != by_message.spec.organization_id,
        got[0] == got[1] == got[2],
    ]


async def rpc_shaped(cast: Cast) -> object:
    rpc = cast.admin.gateways.rpc
    return [
        await rpc.create_gateway(CreateGatewayRequest(**GATEWAY)),
        await rpc.get_gateway(GetGatewayRequest(id=GATEWAY_ID)),
        await rpc.list_gateways(ListGatewaysRequest()),
    ]


async def options(cast: Cast) -> object:
    """A view with other settings is the same client otherwise."""
    view = cast.admin.with_options(timeout_seconds=20)
    await view.gateways.create(**GATEWAY)
    return [item.spec.name for item in await cast.admin.gateways.list()]


async def long_transition(cast: Cast) -> object:
    """What every state looks like while it lasts."""
    created = await cast.admin.gateways.create(**GATEWAY)
    got = await cast.admin.gateways.get(GATEWAY_ID)
    updated = await cast.admin.gateways.update(**but(GATEWAY, name="renamed"))
    deleted = await cast.admin.gateways.delete(GATEWAY_ID)
    again = await cast.admin.gateways.delete(GATEWAY_ID)
    last = deleted.status
    return [
        got == created,
        updated,
        [Status.Name(last.status), last.updated_at],
        again == deleted,
    ]


TOO_SLOW: Final = Failure(
    "DEADLINE_EXCEEDED",
    f"gateway {GATEWAY_ID} was not ready within 60 s; last seen as STATUS_CREATING",
    from_server=False,
)


async def too_slow(cast: Cast) -> object:
    """Wait for what does not come in time."""
    made = await cast.admin.gateways.create(**GATEWAY)
    return await failed(cast.patient.gateways.wait_until_ready(made, timeout_seconds=60))


SCENARIOS: Final = (
    Scenario(
        "a gateway is CREATING when it is made",
        create,
        gateway("CREATING", "<t1>", "<t1>", "<t1>"),
    ),
    Scenario("a gateway gets an id if it has none", create_without_an_id, ["<id 1>", "<id 1>"]),
    Scenario("a gateway is READY at the first look", get, READY),
    Scenario("gateways are listed as they are got", list_all, [READY]),
    Scenario(
        "an update replaces a gateway",
        update,
        [
            gateway("UPDATING", "<t1>", "<t2>", "<t2>", **UPDATED),
            gateway("READY", "<t1>", "<t4>", "<t3>", "<t4>", **UPDATED),
        ],
    ),
    Scenario(
        "an edit changes what it names and keeps the rest of a gateway",
        edit,
        [
            gateway("UPDATING", "<t1>", "<t2>", "<t2>", name="renamed", endpoints=[URL]),
            gateway("READY", "<t1>", "<t4>", "<t3>", "<t4>", name="renamed", endpoints=[URL]),
        ],
    ),
    Scenario(
        "a deleted gateway is shown once more and then gone",
        delete,
        [
            gateway("DELETING", "<t1>", "<t3>", "<t2>", "<t3>", endpoints=[URL]),
            not_found("Gateway", GATEWAY_ID),
        ],
    ),
    Scenario(
        "gateway parameters",
        parameters,
        {"zones": ["RNO2A", "US-EAST-01A", "US-EAST-04A", "US-WEST-04A"]},
    ),
    Scenario("gateways of each kind of auth and routing", every_field, EVERY_FIELD),
    Scenario(
        "host names of a gateway are replaced by others and kept where none are given",
        dns,
        [["a.example"], ["a.example"], ["b.example"]],
    ),
    Scenario("an organization without gateways", list_empty, NOTHING),
    Scenario(
        "updated_after is strict, to the nanosecond",
        updated_after,
        [
            ["second", "third"],
            ["first", "second", "third"],
            ["third"],
            ["second", "third"],
            [],
            ["third"],
        ],
    ),
    Scenario("updated_after as a datetime", updated_after_datetime, [3, 0, 0]),
    Scenario("updated_after at both ends of time", updated_after_extremes, [3, 0]),
    Scenario(
        "waiting for a gateway and for its end", wait, [READY, not_found("Gateway", GATEWAY_ID)]
    ),
    Scenario("a gateway that does not become ready in time", too_slow, TOO_SLOW, "slow"),
    Scenario("request messages do what keywords do", messages, [True, True, True]),
    Scenario(
        "calls in the shape of RPCs",
        rpc_shaped,
        [
            {
                "message": {"gateway": gateway("CREATING", "<t1>", "<t1>", "<t1>")},
                "headers": {},
                "trailers": {},
            },
            {
                "message": {
                    "gateway": gateway("READY", "<t1>", "<t3>", "<t2>", "<t3>", endpoints=[URL])
                },
                "headers": {},
                "trailers": {},
            },
            {"message": {"items": [READY]}, "headers": {}, "trailers": {}},
        ],
    ),
    Scenario("a view with other options", options, ["edge"]),
    Scenario(
        "a gateway in each of its states",
        long_transition,
        [
            True,
            gateway("CREATING", "<t1>", "<t2>", "<t2>", name="renamed"),
            ["STATUS_DELETING", "<t3>"],
            True,
        ],
        "slow",
    ),
)
