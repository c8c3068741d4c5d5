"""transport="auto": a row of the table in docs/client.md is a test here."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest

from coreweave_inference import AsyncInferenceClient, Code, RpcError
from tests.protocol_filter import ProtocolFilter
from tests.raw_peers import answering, closing, plaintext, resetting, serving, unused_port
from tests.relay import Relay
from triwire.testing import AsyncManualClock

if TYPE_CHECKING:
    from tests.emulator_process import RunningEmulator
    from tests.raw_peers import Behaviour

TOKEN = "CW-SECRET-for-tests"  # noqa: S105 - no secret

PAGE = b"<html>blocked</html>"


def page(status: str, kind: str = "text/html") -> bytes:
    return b"HTTP/1.1 %b\r\ncontent-type: %b\r\ncontent-length: %d\r\n\r\n%b" % (
        status.encode(),
        kind.encode(),
        len(PAGE),
        PAGE,
    )


def client_at(port: int, token: str = TOKEN, **arguments: Any) -> AsyncInferenceClient:
    return AsyncInferenceClient(
        f"http://127.0.0.1:{port}", token=token, transport="auto", **arguments
    )


async def test_connect_is_chosen_where_everything_gets_through(
    emulator: RunningEmulator, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "triwire.connections"):
        async with client_at(emulator.port, emulator.admin_token) as client:
            assert client.transport == "auto"
            assert "transport='auto'" in repr(client)
            await client.gateways.list()
            assert client.transport == "connect"
            assert "transport='connect'" in repr(client)
            await client.gateways.list()
    assert [r.getMessage() for r in caplog.records if r.name == "triwire.connections"] == [
        "auto: using connect"
    ]


@pytest.mark.parametrize(
    "status",
    ["200 OK", "400 Bad Request", "401 Unauthorized", "403 Forbidden", "404 Not Found",
     "405 Method Not Allowed", "415 Unsupported Media Type"],
)  # fmt: skip
async def test_a_page_in_place_of_connect_makes_it_grpc(
    status: str, emulator: RunningEmulator
) -> None:
    with ProtocolFilter(emulator.port, {"connect": page(status)}) as network:
        async with client_at(network.port, emulator.admin_token) as client:
            await client.gateways.list()
            assert client.transport == "grpc"


@pytest.mark.parametrize("status", ["403 Forbidden", "404 Not Found", "405 Method Not Allowed"])
@pytest.mark.parametrize("grpc", ["closed", "page"])
async def test_without_http2_it_is_rest(status: str, grpc: str, emulator: RunningEmulator) -> None:
    answers = {"connect": page(status), "grpc": b"" if grpc == "closed" else page(status)}
    with ProtocolFilter(emulator.port, answers) as network:
        async with client_at(network.port, emulator.admin_token) as client:
            await client.gateways.list()
            assert client.transport == "rest"
            created = await client.gateways.create(
                name="auto", zones=["US-EAST-04A"], core_weave_auth={}, path_based_routing={}
            )
            await client.gateways.delete(created.spec.id)


async def test_an_error_of_the_server_is_an_answer(emulator: RunningEmulator) -> None:
    async with client_at(emulator.port, "CW-SECRET-of-nobody") as client:
        with pytest.raises(RpcError) as caught:
            await client.gateways.list()
        assert (caught.value.code, caught.value.from_server) == (Code.UNAUTHENTICATED, True)
        assert client.transport == "connect"


@pytest.mark.parametrize(
    "behave",
    [
        pytest.param(answering(page("502 Bad Gateway")), id="502"),
        pytest.param(answering(page("503 Service Unavailable")), id="503"),
        pytest.param(answering(page("504 Gateway Timeout")), id="504"),
        pytest.param(answering(page("429 Too Many Requests")), id="429"),
        pytest.param(closing, id="closed"),
        pytest.param(resetting, id="reset"),
    ],
)
async def test_an_outage_chooses_nothing(behave: Behaviour) -> None:
    with serving(behave) as port:
        async with client_at(port, retry=None) as client:
            with pytest.raises(RpcError) as caught:
                await client.gateways.list()
            assert caught.value.code is Code.UNAVAILABLE
            assert client.transport == "auto"


async def test_no_server_chooses_nothing_and_the_next_call_probes_again(
    emulator: RunningEmulator,
) -> None:
    port = unused_port()
    async with client_at(port, emulator.admin_token, retry=None) as client:
        with pytest.raises(RpcError) as caught:
            await client.gateways.list()
        assert caught.value.code is Code.UNAVAILABLE
        assert client.transport == "auto"
        with Relay(emulator.port, port=port):
            await client.gateways.list()
            assert client.transport == "connect"


async def test_a_wire_is_not_passed_over_for_a_handshake_that_failed() -> None:
    with serving(plaintext) as port:
        client = AsyncInferenceClient(
            f"https://127.0.0.1:{port}", token=TOKEN, transport="auto", retry=None
        )
        async with client:
            with pytest.raises(RpcError) as caught:
                await client.gateways.list()
            assert caught.value.code is Code.FAILED_PRECONDITION
            assert client.transport == "auto"


@pytest.mark.parametrize("answer", [page("403 Forbidden"), b"SSH-2.0-OpenSSH_9.6\r\n\r\n"])
async def test_a_network_that_lets_nothing_through_says_so_for_each_wire(answer: bytes) -> None:
    with serving(answering(answer)) as port:
        async with client_at(port) as client:
            with pytest.raises(RpcError, match="no wire gets through") as caught:
                await client.gateways.list()
            for wire in ("connect: ", "grpc: ", "rest: "):
                assert wire in caught.value.message
            assert caught.value.code is Code.UNIMPLEMENTED
            assert client.transport == "auto"


async def test_a_probe_has_no_side_effects_and_comes_once(emulator: RunningEmulator) -> None:
    clock = AsyncManualClock()
    with ProtocolFilter(emulator.port, {"connect": page("404 Not Found")}) as network:
        async with client_at(network.port, emulator.admin_token, clock=clock) as client:
            made = await client.gateways.create(
                name="once", zones=["US-EAST-04A"], core_weave_auth={}, path_based_routing={}
            )
            await client.gateways.delete(made.spec.id)
    assert len(network.heads) == 1
    assert b"/GetGatewayParameters HTTP/1.1" in network.heads[0]


def test_auto_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIWIRE_TRANSPORT", "auto")
    client = AsyncInferenceClient("http://127.0.0.1:1", token=TOKEN)
    assert client.transport == "auto"
