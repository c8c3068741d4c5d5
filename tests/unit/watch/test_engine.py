"""What stands between the tracker and the calls."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from google.rpc.error_details_pb2 import QuotaFailure

from coreweave_inference_gen.coreweave.inference.v1alpha1 import deployment_pb2 as pb
from tests.watching.fleet import GATEWAY, KIND, at_ns, deployment, key
from triwire.errors import Code, RpcError
from triwire.transports.options import too_large_error
from triwire.watch.actions import GetOne, ListAll, ListSince, Why
from triwire.watch.engine import Engine
from triwire.watch.events import Deleted
from triwire.watch.failures import poll_failure

if TYPE_CHECKING:
    from triwire.watch.kind import WatchKind


def engine(
    request: pb.ListDeploymentsRequest | None = None, kind: WatchKind[pb.Deployment] = KIND
) -> Engine[pb.Deployment]:
    return Engine(
        kind,
        request or pb.ListDeploymentsRequest(),
        server="fleet",
        rng=random.Random(1),  # noqa: S311 - jitter is no secret
        now=0.0,
        wall_clock_ns=at_ns(1e6),
    )


def listed(engine: Engine[pb.Deployment], *objects: pb.Deployment, at: float = 0.0) -> list[Any]:
    parts = engine.on_list_in_parts(
        ListAll(Why.SYNC),
        engine.observe(objects),
        server_date_ns=None,
        wall_clock_ns=at_ns(1e6),
        size_bytes=1000,
        started=at,
        ended=at,
    )
    return [event for part in parts for event in part]


def test_a_list_asks_with_the_filter_and_every_nanosecond_of_the_cursor() -> None:
    request = pb.ListDeploymentsRequest(parent_gateway_id=GATEWAY)
    made: Any = engine(request).list_request(ListSince(at_ns(1) + 123))
    assert made.parent_gateway_id == GATEWAY
    assert made.updated_after.ToNanoseconds() == at_ns(1) + 123
    assert not request.HasField("updated_after")


def test_an_object_that_is_byte_by_byte_as_before_is_not_looked_at_again() -> None:
    made = engine()
    (first,) = made.observe([deployment("a", 1)])
    (again,) = made.observe([deployment("a", 1)])
    (changed,) = made.observe([deployment("a", 2)])
    assert again is first
    assert changed is not first


def test_the_order_of_maps_and_sets_is_no_change() -> None:
    made = engine()
    one, other = deployment("a", 1), deployment("a", 1)
    conditions = list(other.status.conditions)[::-1]
    other.status.ClearField("conditions")
    other.status.conditions.extend(conditions)
    assert one.SerializeToString() != other.SerializeToString()
    (first,), (second,) = made.observe([one]), made.observe([other])
    assert first.fingerprint == second.fingerprint


def test_what_is_remembered_of_objects_goes_with_them() -> None:
    made = engine()
    (first, _) = made.observe([deployment("a", 1), deployment("b", 1)])
    listed(made, deployment("a", 1))
    (kept,) = made.observe([deployment("a", 1)])
    assert kept is first
    assert set(made._seen) == {key("a")}  # pyright: ignore[reportPrivateUsage]  # nothing else shows a leak


def test_what_changes_later_is_kept_without_the_answer_that_it_came_in() -> None:
    made = engine()
    answer = pb.ListDeploymentsResponse(items=[deployment("a", 1), deployment("b", 1)])
    listed(made, *answer.items)
    answer.items[0].CopyFrom(deployment("a", 9))
    (changed,) = made.observe(answer.items[:1])
    assert changed.object == answer.items[0]
    answer.items[0].spec.name = "a part of the answer would change with it"
    assert changed.object.spec.name == "a"


def test_a_read_that_answers_with_another_object_proves_nothing() -> None:
    made = engine()
    listed(made, deployment("a", 1), deployment("b", 1))
    action = GetOne(key("a"), Why.CONFIRM)
    assert made.on_get(action, deployment("b", 9), started=20.0, ended=20.0) == []
    assert made.on_get(action, pb.Deployment(), started=20.0, ended=20.0) == []


def test_where_nobody_knows_what_a_filter_means_lists_alone_decide() -> None:
    request = pb.ListDeploymentsRequest(parent_gateway_id=GATEWAY)
    made = engine(request, replace(KIND, filters=()))
    listed(made, deployment("a", 1), deployment("b", 1))
    for at in (30.0, 60.0):
        found = listed(made, deployment("a", 1), at=at)
        assert not isinstance(made.plan(at + 1.0), GetOne)
    assert [event.key for event in found if isinstance(event, Deleted)] == [key("b")]


def test_an_object_is_measured_by_the_servers_filter() -> None:
    request = pb.ListDeploymentsRequest(parent_gateway_id=GATEWAY)
    inside, outside = engine(request).observe([deployment("a", 1), deployment("b", 1, gateways=())])
    assert (inside.selected, outside.selected) == (True, False)


@pytest.mark.parametrize(
    ("error", "too_large", "quota"),
    [
        pytest.param(too_large_error(100), True, False, id="our own limit"),
        pytest.param(
            RpcError(Code.RESOURCE_EXHAUSTED, "Received message larger than max (200 vs. 100)"),
            True,
            False,
            id="grpcio's limit",
        ),
        pytest.param(
            RpcError(Code.RESOURCE_EXHAUSTED, "HTTP status 429"), False, False, id="a proxy's 429"
        ),
        pytest.param(
            RpcError(Code.RESOURCE_EXHAUSTED, "", details=[QuotaFailure()], from_server=True),
            False,
            True,
            id="a quota",
        ),
        pytest.param(
            RpcError(Code.RESOURCE_EXHAUSTED, "message larger than max", from_server=True),
            False,
            False,
            id="the server's words",
        ),
    ],
)
def test_exhausted_resources_are_told_apart(error: RpcError, too_large: bool, quota: bool) -> None:  # noqa: FBT001 - a row of the table
    failure = poll_failure(error)
    assert (failure.too_large, failure.quota) == (too_large, quota)
