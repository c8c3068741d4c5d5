"""Tokens that change, on every wire against the emulator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from coreweave_inference import AsyncInferenceClient, Code, RpcError
from triwire.auth import TokenFile
from triwire.dial.wires import WIRES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.emulator_process import RunningEmulator

WRONG = "CW-SECRET-of-nobody"


@pytest.fixture(params=WIRES)
def wire(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def function_of(*tokens: str) -> Callable[[], str]:
    left = list(tokens)
    return lambda: left.pop(0)


async def test_a_create_survives_a_token_that_has_expired(
    emulator: RunningEmulator, wire: str
) -> None:
    token = function_of(WRONG, emulator.admin_token)
    async with AsyncInferenceClient(emulator.url, token=token, transport=wire) as client:
        name = f"renewed-{wire}"
        gateway = await client.gateways.create(name=name, core_weave_auth={}, path_based_routing={})
        found = [one for one in await client.gateways.list() if one.spec.name == name]
        assert [one.spec.id for one in found] == [gateway.spec.id]
        await client.gateways.delete(gateway.spec.id)


async def test_the_second_refusal_is_raised(emulator: RunningEmulator, wire: str) -> None:
    token = function_of(WRONG, f"{WRONG}-2", emulator.admin_token)
    async with AsyncInferenceClient(emulator.url, token=token, transport=wire) as client:
        with pytest.raises(RpcError) as caught:
            await client.gateways.list()
        assert (caught.value.code, caught.value.from_server) == (Code.UNAUTHENTICATED, True)
        await client.gateways.list()


async def test_a_file_that_rotates_is_followed(
    emulator: RunningEmulator, wire: str, tmp_path: Path
) -> None:
    path = tmp_path / "token"
    path.write_text(f"{emulator.admin_token}\n")
    async with AsyncInferenceClient(emulator.url, token=TokenFile(path), transport=wire) as client:
        await client.gateways.list()
        new = tmp_path / "new"
        new.write_text(WRONG)
        new.replace(path)
        with pytest.raises(RpcError) as caught:
            await client.gateways.list()
        assert caught.value.code is Code.UNAUTHENTICATED


async def test_the_environment_may_name_a_file(
    emulator: RunningEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "token"
    path.write_text(emulator.admin_token)
    monkeypatch.setenv("COREWEAVE_API_TOKEN_FILE", str(path))
    async with AsyncInferenceClient(emulator.url) as client:
        await client.gateways.list()
    monkeypatch.setenv("COREWEAVE_API_TOKEN", WRONG)
    async with AsyncInferenceClient(emulator.url) as client:
        with pytest.raises(RpcError):
            await client.gateways.list()


@pytest.mark.parametrize(
    "token",
    [
        pytest.param(WRONG, id="text"),
        pytest.param(TokenFile("/no/such/file"), id="file"),
        pytest.param(lambda: WRONG, id="function"),
    ],
)
async def test_no_form_of_token_crosses_a_network_in_plaintext_unless_asked(
    token: Any, wire: str
) -> None:
    url = "http://inference.example.com"
    with pytest.raises(ValueError, match="refusing to send the token unencrypted"):
        AsyncInferenceClient(url, token=token, transport=wire)
    for where, allowed in ((url, True), ("https://inference.example.com", False)):
        client = AsyncInferenceClient(
            where, token=token, transport=wire, allow_token_over_plaintext=allowed
        )
        assert WRONG not in repr(client)
        await client.aclose()


async def test_a_token_of_another_type_is_refused() -> None:
    token: Any = 7
    with pytest.raises(TypeError, match="token must be a str, a TokenFile or a function, got int"):
        AsyncInferenceClient("http://localhost:1", token=token)
