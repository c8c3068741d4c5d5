"""Client certificates and authorities, and what happens when their files change."""

from __future__ import annotations

import contextlib
import logging
import ssl
from typing import TYPE_CHECKING, Any

import pytest

from coreweave_inference import AsyncInferenceClient, Code, RpcError
from tests.authority import Authority
from tests.raw_peers import serving
from tests.relay import Relay
from tests.stream_service import CHAT, RPC_WIRES
from triwire.call.aio import AsyncCaller
from triwire.config import Endpoint
from triwire.dial.aio import dial
from triwire.dial.wires import WIRES
from triwire.spec import CallOptions
from triwire.testing import AsyncManualClock
from triwire.tls import TlsOptions

if TYPE_CHECKING:
    import socket
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.emulator_process import RunningEmulator

TOKEN = "CW-SECRET-for-tests"  # noqa: S105 - no secret

every_wire = pytest.mark.parametrize("wire", WIRES)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    made = Authority(tmp_path)
    made.issue("first")
    return made


@every_wire
async def test_a_certificate_that_is_replaced_is_used_without_a_restart(
    wire: str, authority: Authority, emulator: RunningEmulator
) -> None:
    clock = AsyncManualClock()
    with Relay(emulator.port, tls=authority.server) as server:
        client = AsyncInferenceClient(
            f"https://127.0.0.1:{server.port}",
            token=emulator.admin_token,
            transport=wire,
            clock=clock,
            **authority.arguments(),
        )
        async with client:
            await client.gateways.list()
            authority.issue("second")
            await client.gateways.list()
            assert server.names == ["first"], "looked at the files at each call"
            clock.advance(1)
            await client.gateways.list()
            assert server.names == ["first", "second"]
            clock.advance(1)
            await client.gateways.list()
            assert server.names == ["first", "second"]


@every_wire
async def test_an_authority_that_is_replaced_is_trusted_without_a_restart(
    wire: str, authority: Authority, emulator: RunningEmulator
) -> None:
    clock = AsyncManualClock()
    with Relay(emulator.port, tls=authority.server) as server:
        client = AsyncInferenceClient(
            f"https://127.0.0.1:{server.port}",
            token=emulator.admin_token,
            transport=wire,
            clock=clock,
            **authority.arguments(),
        )
        async with client:
            await client.gateways.list()
            authority.replace()
            authority.issue("renewed")
            clock.advance(1)
            await client.gateways.list()
        assert server.names == ["first", "renewed"]


@every_wire
async def test_files_that_do_not_fit_each_other_yet_change_nothing(
    wire: str, authority: Authority, emulator: RunningEmulator, caplog: pytest.LogCaptureFixture
) -> None:
    clock = AsyncManualClock()
    with Relay(emulator.port, tls=authority.server) as server:
        client = AsyncInferenceClient(
            f"https://127.0.0.1:{server.port}",
            token=emulator.admin_token,
            transport=wire,
            clock=clock,
            **authority.arguments(),
        )
        async with client:
            await client.gateways.list()
            kept = authority.key.read_bytes()
            authority.issue("second")
            fitting = authority.key.read_bytes()
            authority.key.write_bytes(kept)
            for _ in range(3):
                clock.advance(1)
                with caplog.at_level(logging.INFO, "triwire.connections"):
                    await client.gateways.list()
            assert server.names == ["first"]
            warnings = [r.getMessage() for r in caplog.records if r.name == "triwire.connections"]
            assert len(warnings) == 1
            assert "keeping the certificates that are in use" in warnings[0]
            authority.key.unlink()
            clock.advance(1)
            await client.gateways.list()
            authority.key.write_bytes(fitting)
            clock.advance(1)
            await client.gateways.list()
            assert server.names == ["first", "second"]


@every_wire
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_server_that_wants_a_certificate_and_gets_none_is_no_outage(
    wire: str, version: ssl.TLSVersion, authority: Authority
) -> None:
    context = authority.server
    context.minimum_version = context.maximum_version = version

    def shake_hands(connection: socket.socket, _: object) -> None:
        # Refused with an alert, which asyncio's servers do not send.
        with (
            contextlib.suppress(ssl.SSLError),
            context.wrap_socket(connection, server_side=True) as shaken,
        ):
            shaken.recv(1)

    with serving(shake_hands) as port:
        client = AsyncInferenceClient(
            f"https://127.0.0.1:{port}",
            token=TOKEN,
            transport=wire,
            ca_certificates=authority.roots,
            retry=None,
        )
        async with client:
            with pytest.raises(RpcError) as caught:
                await client.gateways.list()
    # With TLS 1.3 the refusal comes after the client's part of the handshake, and pyqwest 0.12
    # says of HTTP/2 only that the connection was closed.
    is_told = wire == "grpc" or version is ssl.TLSVersion.TLSv1_2
    assert caught.value.code is (Code.FAILED_PRECONDITION if is_told else Code.UNAVAILABLE)
    assert not caught.value.from_server


@pytest.mark.parametrize("wire", RPC_WIRES)
async def test_a_stream_that_runs_stays_on_its_connection(
    wire: str, authority: Authority, stream_port: int
) -> None:
    clock = AsyncManualClock()
    with Relay(stream_port, tls=authority.server) as server:
        transport = dial(
            wire,
            Endpoint.parse(f"https://127.0.0.1:{server.port}"),
            tls=TlsOptions.load(**authority.arguments()),
            user_agent="test/1",
            now=clock.monotonic_seconds,
        )
        caller = AsyncCaller(transport, options=CallOptions(timeout_seconds=20))
        heard: list[str] = []

        async def requests() -> AsyncIterator[Any]:
            for turn in ("a", "b"):
                yield CHAT.request_type(value=f"{turn}{''.join(heard)}")

        stream = caller.bidi_stream(CHAT, requests())
        heard.append((await anext(stream)).value)
        authority.issue("second")
        clock.advance(1)
        late = caller.bidi_stream(CHAT, requests())
        assert (await anext(late)).value.startswith("a")
        assert server.names == ["first", "second"]
        assert (await anext(stream)).value.startswith("b")
        with pytest.raises(StopAsyncIteration):
            await anext(stream)
        await late.aclose()
        await caller.aclose()
