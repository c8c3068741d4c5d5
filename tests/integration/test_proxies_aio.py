"""Proxies from the environment mean the same on every wire."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from coreweave_inference import AsyncInferenceClient, Code, RpcError
from tests.authority import Authority
from tests.raw_peers import answering, serving
from tests.relay import Relay
from triwire.dial.wires import WIRES

if TYPE_CHECKING:
    from pathlib import Path

    from tests.emulator_process import RunningEmulator

every_wire = pytest.mark.parametrize("wire", WIRES)

TOKEN = "CW-SECRET-for-tests"  # noqa: S105 - no secret
# Nobody resolves it: who gets through has asked the proxy.
HOST = "inference.test"


@every_wire
@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
async def test_https_goes_through_a_tunnel(
    wire: str,
    variable: str,
    emulator: RunningEmulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    authority = Authority(tmp_path, HOST)
    authority.issue("someone")
    with (
        Relay(emulator.port, tls=authority.server) as server,
        Relay(server.port, is_proxy=True) as proxy,
    ):
        monkeypatch.setenv(variable, f"http://some%20user:p%40ss@127.0.0.1:{proxy.port}")
        client = AsyncInferenceClient(
            f"https://{HOST}", token=emulator.admin_token, transport=wire, **authority.arguments()
        )
        async with client:
            await client.gateways.list()
    assert set(proxy.asked) == {(f"{HOST}:443", "some user:p@ss")}
    assert server.names == ["someone"]


@every_wire
async def test_http_goes_through_the_proxy_too(
    wire: str, emulator: RunningEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Relay(emulator.port, is_proxy=True) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"127.0.0.1:{proxy.port}")
        client = AsyncInferenceClient(
            f"http://{HOST}:8080",
            token=emulator.admin_token,
            transport=wire,
            allow_token_over_plaintext=True,
        )
        async with client:
            await client.gateways.list()
    [(target, credentials)] = proxy.asked
    assert f"{HOST}:8080" in target
    assert credentials == ""


@every_wire
async def test_this_machine_is_reached_without_a_proxy(
    wire: str, emulator: RunningEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Relay(emulator.port, is_proxy=True) as proxy:
        for variable in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "grpc_proxy"):
            monkeypatch.setenv(variable, f"http://127.0.0.1:{proxy.port}")
        async with AsyncInferenceClient(
            emulator.url, token=emulator.admin_token, transport=wire
        ) as client:
            await client.gateways.list()
    assert proxy.accepted == 0


@every_wire
async def test_a_proxy_that_refuses_its_credentials_is_no_outage_and_none_are_shown(
    wire: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n"
    with serving(answering(refusal)) as port, caplog.at_level(logging.DEBUG):
        monkeypatch.setenv("HTTPS_PROXY", f"http://user:hidden@127.0.0.1:{port}")
        async with AsyncInferenceClient(f"https://{HOST}", token=TOKEN, transport=wire) as client:
            with pytest.raises(RpcError, match="the proxy wants other credentials") as caught:
                await client.gateways.list()
    assert (caught.value.code, caught.value.from_server) == (Code.FAILED_PRECONDITION, False)
    assert caught.value.attempts == 1
    shown = [str(caught.value), repr(caught.value), repr(caught.value.__cause__), repr(client)]
    shown += [record.getMessage() for record in caplog.records]
    assert not any("hidden" in text or "aGlkZGVu" in text for text in shown)


@every_wire
def test_a_variable_that_holds_no_proxy_is_refused_without_being_shown(
    wire: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "ftp://user:hidden@proxy")
    with pytest.raises(ValueError, match="HTTPS_PROXY in the environment is no URL") as caught:
        AsyncInferenceClient(f"https://{HOST}", token=TOKEN, transport=wire)
    assert "hidden" not in str(caught.value)


def test_grpc_says_which_proxies_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "socks5://user:hidden@proxy:1080")
    with pytest.raises(ValueError, match="gRPC takes http:// proxies only") as caught:
        AsyncInferenceClient(f"https://{HOST}", token=TOKEN, transport="grpc")
    assert "hidden" not in str(caught.value)
