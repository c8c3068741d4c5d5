# Generated from tests/integration/test_wire_options_aio.py by scripts/unasync.py. DO NOT EDIT.
"""Sizes and compression mean the same on every wire."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from coreweave_inference import Code, InferenceClient, RpcError, WireOptions
from tests import raw_peers
from tests.contract.stub import ONE_MIB
from tests.relay import Relay
from triwire.codec.protojson import ProtoJsonCodec
from triwire.dial.wires import WIRES

if TYPE_CHECKING:
    from tests.emulator_process import RunningEmulator
    from tests.integration.conftest import Bystander

TOKEN = "CW-SECRET-for-tests"  # noqa: S105 - no secret
LARGE = "a" * 200_000

every_wire = pytest.mark.parametrize("wire", WIRES)


def gateway(name: str) -> dict[str, Any]:
    return {"name": name, "zones": ["US-EAST-04A"], "core_weave_auth": {}, "path_based_routing": {}}


@every_wire
def test_a_request_above_the_limit_is_not_sent(wire: str, bystander: Bystander) -> None:
    options = WireOptions(max_request_bytes=1000)
    with InferenceClient(bystander.url, token=TOKEN, transport=wire, wire=options) as client:
        with pytest.raises(RpcError, match="more than max_request_bytes=1000") as caught:
            client.gateways.create(**gateway("a" * 1000))
    assert (caught.value.code, caught.value.from_server) == (Code.RESOURCE_EXHAUSTED, False)
    assert caught.value.attempts == 1


@every_wire
def test_a_response_above_the_limit_is_not_taken_nor_asked_for_again(
    wire: str, stub_url: str
) -> None:
    options = WireOptions(max_response_bytes=100_000)
    with InferenceClient(stub_url, token=TOKEN, transport=wire, wire=options) as client:
        assert (client.gateways.get("small")).spec.id == "small"
        with pytest.raises(RpcError, match=r"larger than ma.* ?100000") as caught:
            client.gateways.get("large")
    assert (caught.value.code, caught.value.from_server) == (Code.RESOURCE_EXHAUSTED, False)
    assert caught.value.attempts == 1


@pytest.mark.parametrize(
    ("wire", "content_type", "start"),
    [
        pytest.param("connect", "application/proto", b"", id="connect"),
        pytest.param(
            "grpc-web", "application/grpc-web+proto", b"\0\x7f\xff\xff\xff", id="grpc-web"
        ),
        pytest.param("rest", "application/json", b'{"spec":{"name":"', id="rest"),
    ],
)
def test_no_more_of_a_response_is_read_than_its_limit_allows(
    wire: str, content_type: str, start: bytes
) -> None:
    head = f"HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\nconnection: close\r\n\r\n"
    options = WireOptions(max_response_bytes=100_000)
    with raw_peers.serving(raw_peers.endless(head.encode() + start)) as port:
        with InferenceClient(
            f"http://127.0.0.1:{port}", token=TOKEN, transport=wire, wire=options
        ) as client:
            with pytest.raises(RpcError, match="larger than max_response_bytes=100000") as caught:
                client.gateways.get("endless")
    assert (caught.value.code, caught.value.from_server) == (Code.RESOURCE_EXHAUSTED, False)


@every_wire
def test_a_server_that_finds_a_request_too_large_is_told_apart(
    wire: str, emulator: RunningEmulator
) -> None:
    with InferenceClient(emulator.url, token=emulator.admin_token, transport=wire) as client:
        with pytest.raises(RpcError) as caught:
            client.gateways.create(**gateway("a" * 5_000_000))
    assert (caught.value.code, caught.value.from_server) == (Code.RESOURCE_EXHAUSTED, True)
    assert caught.value.attempts == 1


@every_wire
def test_large_requests_are_compressed_and_small_ones_are_not(
    wire: str, emulator: RunningEmulator
) -> None:
    sent: dict[int | None, int] = {}
    for least in (None, 1000, 10_000_000):
        with Relay(emulator.port) as between:
            client = InferenceClient(
                f"http://127.0.0.1:{between.port}",
                token=emulator.admin_token,
                transport=wire,
                wire=WireOptions(gzip_requests_from_bytes=least),
            )
            with client:
                # The server has read it: that is what it complains about.
                with pytest.raises(RpcError) as caught:
                    client.gateways.create(**gateway(LARGE))
            assert caught.value.code is Code.INVALID_ARGUMENT
            sent[least] = between.request_bytes
    assert sent[1000] < len(LARGE) / 10
    assert min(sent[None] or 0, sent[10_000_000]) > len(LARGE)


@every_wire
def test_responses_may_be_compressed(wire: str, stub_url: str) -> None:
    with Relay(int(stub_url.rpartition(":")[2])) as between:
        client = InferenceClient(
            f"http://127.0.0.1:{between.port}",
            token=TOKEN,
            transport=wire,
            wire=WireOptions(gzip_responses=True),
        )
        with client:
            size = (client.gateways.get("large")).ByteSize()
    assert size > ONE_MIB
    # The server side compresses nothing on gRPC and REST.
    assert wire in {"grpc", "rest"} or between.response_bytes < size / 4


def test_options_of_another_type_are_refused(bystander: Bystander) -> None:
    options: Any = {"gzip_responses": True}
    with pytest.raises(TypeError, match="wire must be a WireOptions, got dict"):
        InferenceClient(bystander.url, token=TOKEN, wire=options)


def test_options_that_a_wire_cannot_follow_are_refused(bystander: Bystander) -> None:
    options = WireOptions(codec=ProtoJsonCodec())
    with pytest.raises(ValueError, match="gRPC takes protobuf binary only"):
        InferenceClient(bystander.url, token=TOKEN, transport="grpc", wire=options)
