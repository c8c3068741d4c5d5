# Generated from tests/unit/resource/test_once_aio.py by scripts/unasync.py. DO NOT EDIT.
"""Creates that happen once and deletes that may find nothing, over a transport that plays back."""

from __future__ import annotations

from typing import Any, NoReturn

import pytest

from coreweave_inference_gen.coreweave.inference.v1alpha1 import gateway_pb2 as pb
from coreweave_inference_gen.coreweave.inference.v1alpha1.gateway_triwire import Gateways
from triwire.call.sync import Caller
from triwire.errors import Code, RpcError
from triwire.spec import CallOptions, Metadata, RawResponse
from triwire.testing import ManualClock

ID = "11111111-1111-4111-8111-111111111111"
OTHER = "22222222-2222-4222-8222-222222222222"


class Scripted:
    """Plays back one outcome per attempt, each taking a second; remembers what was asked."""

    wire = "scripted"

    def __init__(self, clock: ManualClock, *outcomes: Any) -> None:
        self.clock = clock
        self.outcomes = list(outcomes)
        self.seen: list[tuple[str, str]] = []
        self.timeouts: list[float | None] = []

    def unary(
        self, method: Any, request: Any, *, headers: Any, timeout_seconds: float | None
    ) -> RawResponse:
        del headers
        self.seen.append((method.name.removesuffix("Gateway"), request.id))
        self.timeouts.append(timeout_seconds)
        self.clock.advance(1.0)
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, RpcError):
            raise outcome
        return RawResponse(outcome.SerializeToString(), Metadata(), Metadata())

    def decode(self, method: Any, body: bytes) -> Any:
        return method.response_type.FromString(body)

    def stream(self, *_: Any, **__: Any) -> NoReturn:
        pytest.fail("nothing here streams")

    def close(self) -> None:
        """Nothing to close."""


def gateways(*outcomes: Any, **options: Any) -> tuple[Gateways, Scripted]:
    clock = ManualClock()
    transport = Scripted(clock, *outcomes)
    ids = iter([ID, OTHER])
    caller = Caller(
        transport,
        options=CallOptions(**options),
        clock=clock,
        draw=lambda: 0.5,
        new_id=lambda: next(ids),
    )
    return Gateways(caller), transport


def lost() -> RpcError:
    return RpcError(Code.UNAVAILABLE, "lost")


def refused(code: Code) -> RpcError:
    return RpcError(code, "refused", from_server=True)


def gateway(gateway_id: str, name: str = "edge") -> pb.Gateway:
    spec = pb.GatewaySpec(id=gateway_id, name=name, organization_id="acme")
    spec.core_weave_auth.SetInParent()
    return pb.Gateway(spec=spec)


def created(gateway_id: str) -> pb.CreateGatewayResponse:
    return pb.CreateGatewayResponse(gateway=gateway(gateway_id))


def read(gateway_id: str, name: str = "edge") -> pb.GetGatewayResponse:
    return pb.GetGatewayResponse(gateway=gateway(gateway_id, name))


def test_every_create_sends_an_id_of_its_own() -> None:
    client, transport = gateways(created(ID), created(OTHER))
    first = client.create(name="edge", core_weave_auth={})
    second = client.create(name="edge", core_weave_auth={})
    assert (first.spec.id, second.spec.id) == (ID, OTHER)
    assert transport.seen == [("Create", ID), ("Create", OTHER)]


def test_the_request_of_the_caller_is_not_changed() -> None:
    client, transport = gateways(created(ID))
    request = pb.CreateGatewayRequest(name="edge")
    client.create(request)
    assert not request.id
    assert transport.seen == [("Create", ID)]


def test_an_id_of_the_caller_is_kept() -> None:
    client, transport = gateways(created(OTHER))
    client.create(name="edge", id=OTHER)
    assert transport.seen == [("Create", OTHER)]


def test_every_attempt_of_a_create_has_the_same_id() -> None:
    client, transport = gateways(lost(), lost(), created(ID))
    client.create(name="edge")
    assert transport.seen == [("Create", ID)] * 3


def test_what_the_lost_attempt_created_is_returned() -> None:
    client, transport = gateways(lost(), refused(Code.ALREADY_EXISTS), read(ID))
    found = client.create(name="edge")
    assert found == gateway(ID)
    assert transport.seen == [("Create", ID), ("Create", ID), ("Get", ID)]


def test_a_conflict_of_names_after_a_lost_attempt_is_raised() -> None:
    conflict = refused(Code.ALREADY_EXISTS)
    client, transport = gateways(lost(), conflict, refused(Code.NOT_FOUND))
    with pytest.raises(RpcError) as caught:
        client.create(name="edge")
    assert caught.value is conflict
    assert transport.seen[-1] == ("Get", ID)


def test_a_conflict_at_the_first_attempt_is_raised_without_a_look() -> None:
    client, transport = gateways(refused(Code.ALREADY_EXISTS))
    with pytest.raises(RpcError, match="refused"):
        client.create(name="edge", id=ID)
    assert transport.seen == [("Create", ID)]


def test_under_an_id_of_the_caller_the_same_spec_is_ours() -> None:
    client, _ = gateways(lost(), refused(Code.ALREADY_EXISTS), read(OTHER))
    found = client.create(name="edge", id=OTHER, core_weave_auth={})
    assert found == gateway(OTHER)


def test_under_an_id_of_the_caller_another_spec_is_a_conflict() -> None:
    client, _ = gateways(lost(), refused(Code.ALREADY_EXISTS), read(OTHER, "else"))
    with pytest.raises(RpcError) as caught:
        client.create(name="edge", id=OTHER, core_weave_auth={}, zones=["US-EAST-04A"])
    assert caught.value.code is Code.ALREADY_EXISTS
    assert "other values of name, zones" in caught.value.__notes__[-1]


def test_under_an_id_of_the_caller_a_field_more_is_a_conflict() -> None:
    client, _ = gateways(lost(), refused(Code.ALREADY_EXISTS), read(OTHER))
    with pytest.raises(RpcError) as caught:
        client.create(name="edge", id=OTHER)
    assert "other values of core_weave_auth" in caught.value.__notes__[-1]


def test_a_look_that_fails_is_raised_and_says_where_to_look() -> None:
    client, _ = gateways(lost(), refused(Code.ALREADY_EXISTS), *[lost() for _ in range(5)])
    with pytest.raises(RpcError) as caught:
        client.create(name="edge")
    assert caught.value.code is Code.UNAVAILABLE
    assert f"with the id {ID}" in caught.value.__notes__[-1]


def test_the_look_has_the_time_that_the_create_has_left() -> None:
    client, transport = gateways(
        lost(), refused(Code.ALREADY_EXISTS), read(ID), timeout_seconds=10.0
    )
    client.create(name="edge")
    # Two attempts of a second each, and the half of 0.2 s between them.
    assert transport.timeouts[-1] == pytest.approx(7.9)


def test_without_time_for_a_look_the_outcome_is_not_guessed() -> None:
    client, transport = gateways(lost(), refused(Code.ALREADY_EXISTS), timeout_seconds=2.1)
    with pytest.raises(RpcError) as caught:
        client.create(name="edge")
    assert caught.value.code is Code.DEADLINE_EXCEEDED
    assert len(transport.seen) == 2


def test_a_create_that_stays_lost_says_where_to_look() -> None:
    client, _ = gateways(*[lost() for _ in range(5)])
    with pytest.raises(RpcError) as caught:
        client.create(name="edge")
    assert caught.value.attempts == 5
    assert f"with the id {ID}" in caught.value.__notes__[-1]


def test_a_bare_create_without_an_id_is_tried_once() -> None:
    client, transport = gateways(lost(), created(ID))
    with pytest.raises(RpcError):
        client.rpc.create_gateway(pb.CreateGatewayRequest(name="edge"))
    assert transport.seen == [("Create", "")]


def test_a_bare_create_with_an_id_is_tried_again_and_reports_the_conflict() -> None:
    client, transport = gateways(lost(), refused(Code.ALREADY_EXISTS))
    with pytest.raises(RpcError) as caught:
        client.rpc.create_gateway(pb.CreateGatewayRequest(name="edge", id=ID))
    assert (caught.value.code, caught.value.attempts) == (Code.ALREADY_EXISTS, 2)
    assert transport.seen == [("Create", ID)] * 2


def test_a_delete_that_finds_nothing_after_a_lost_attempt_has_succeeded() -> None:
    client, _ = gateways(lost(), refused(Code.NOT_FOUND))
    assert client.delete(ID) == pb.Gateway(spec=pb.GatewaySpec(id=ID))


def test_a_delete_that_finds_nothing_at_once_fails() -> None:
    client, _ = gateways(refused(Code.NOT_FOUND))
    with pytest.raises(RpcError, match="NOT_FOUND"):
        client.delete(ID)


def test_a_delete_returns_what_the_server_answers() -> None:
    client, _ = gateways(pb.DeleteGatewayResponse(gateway=gateway(ID)))
    assert client.delete(ID) == gateway(ID)
