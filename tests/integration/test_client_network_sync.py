# Generated from tests/integration/test_client_network_aio.py by scripts/unasync.py. DO NOT EDIT.
"""TLS, addresses and what a server sees of a client, on each wire over sockets."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest
import trustme

from coreweave_inference import Code, InferenceClient, RpcError
from tests.contract.stub import PREFIX
from triwire._version import VERSION
from triwire.dial.wires import WIRES

if TYPE_CHECKING:
    from tests.emulator_process import RunningEmulator
    from tests.integration.conftest import TlsEmulator

pytestmark = pytest.mark.parametrize("wire", WIRES)

TOKEN = "CW-SECRET-for-tests"  # noqa: S105 - no secret
MISSING = "0d6e2c0a-6f1a-4d0e-9d53-3c1f0f1f6a01"


def client_of(
    emulator: RunningEmulator, wire: str, *, url: str | None = None, **arguments: Any
) -> InferenceClient:
    return InferenceClient(
        url or emulator.url, token=emulator.admin_token, transport=wire, **arguments
    )


def tls_failure(client: InferenceClient) -> RpcError:
    with client:
        with pytest.raises(RpcError) as caught:
            client.gateways.list()
    assert not caught.value.from_server
    return caught.value


def test_tls_with_a_private_authority(wire: str, tls_emulator: TlsEmulator) -> None:
    for trusted in (tls_emulator.authority, tls_emulator.authority_file):
        client = client_of(tls_emulator.emulator, wire, ca_certificates=trusted)
        with client:
            assert (client.gateways.parameters()).zones


def test_tls_by_the_name_in_the_certificate(wire: str, tls_emulator: TlsEmulator) -> None:
    url = f"https://localhost:{tls_emulator.emulator.port}"
    client = client_of(tls_emulator.emulator, wire, url=url, ca_certificates=tls_emulator.authority)
    with client:
        assert (client.gateways.parameters()).zones


def test_another_authority_is_not_trusted(wire: str, tls_emulator: TlsEmulator) -> None:
    other = trustme.CA().cert_pem.bytes()
    error = tls_failure(client_of(tls_emulator.emulator, wire, ca_certificates=other))
    assert error.code is Code.FAILED_PRECONDITION
    assert "ca_certificates" in error.message


def test_a_private_authority_is_not_trusted_by_default(
    wire: str, tls_emulator: TlsEmulator
) -> None:
    error = tls_failure(client_of(tls_emulator.emulator, wire))
    assert error.code is Code.FAILED_PRECONDITION


def test_ssl_cert_file_is_trusted_by_default(
    wire: str, tls_emulator: TlsEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tls_emulator.authority_file))
    with client_of(tls_emulator.emulator, wire) as client:
        assert (client.gateways.parameters()).zones


def test_plaintext_to_a_tls_port_is_an_error_that_can_be_read(
    wire: str, tls_emulator: TlsEmulator
) -> None:
    url = tls_emulator.emulator.url.replace("https:", "http:")
    error = tls_failure(client_of(tls_emulator.emulator, wire, url=url, timeout_seconds=60))
    assert error.code in {Code.UNAVAILABLE, Code.FAILED_PRECONDITION, Code.INTERNAL}
    assert error.message


def test_ipv6(wire: str, ipv6_emulator: RunningEmulator) -> None:
    assert "[::1]" in ipv6_emulator.url
    with client_of(ipv6_emulator, wire) as client:
        assert (client.gateways.parameters()).zones


def test_a_path_prefix_goes_before_every_call(wire: str, stub_url: str) -> None:
    for url in (f"{stub_url}{PREFIX}", f"{stub_url}{PREFIX}/", stub_url):
        with InferenceClient(url, token=TOKEN, transport=wire) as client:
            assert (client.gateways.get("x")).spec.id == "x"


def test_a_prefix_that_is_not_there_is_an_error(wire: str, stub_url: str) -> None:
    url = f"{stub_url}/elsewhere"
    with InferenceClient(url, token=TOKEN, transport=wire) as client:
        with pytest.raises(RpcError) as caught:
            client.gateways.get("x")
    assert caught.value.code is Code.UNIMPLEMENTED


def user_agent(client: InferenceClient) -> str:
    with client:
        got = client.gateways.get("seen")
    name = "x-seen-user-agent: "
    (line,) = [line for line in got.status.endpoints if line.startswith(name)]
    return line.removeprefix(name)


def test_the_server_sees_who_calls(wire: str, stub_url: str) -> None:
    plain = InferenceClient(stub_url, token=TOKEN, transport=wire)
    assert (user_agent(plain)).startswith(f"triwire/{VERSION} python/")
    named = InferenceClient(stub_url, token=TOKEN, transport=wire, user_agent="my-service/1.2 (x)")
    assert (user_agent(named)).startswith(f"my-service/1.2 (x) triwire/{VERSION} python/")


def test_nothing_tells_the_token(
    wire: str, emulator: RunningEmulator, caplog: pytest.LogCaptureFixture
) -> None:
    secrets = (emulator.admin_token, TOKEN)
    with caplog.at_level(logging.DEBUG):
        client = client_of(emulator, wire, headers={"x-private": "not for logs"})
        stranger = client_of(emulator, wire).with_options(
            headers={"authorization": f"Bearer {TOKEN}"}
        )
        shown = [repr(client), str(client), repr(client.with_options(timeout_seconds=1))]
        with client, stranger:
            client.gateways.list()
            for caller in (client, stranger):
                with pytest.raises(RpcError) as caught:
                    caller.gateways.get(MISSING)
                shown += [str(caught.value), repr(caught.value)]
    shown += [record.getMessage() for record in caplog.records]
    calls = [record for record in caplog.records if record.name == "triwire.call"]
    assert len(calls) == 3
    assert "GatewayService/ListGateways OK" in calls[0].getMessage()
    assert "GatewayService/GetGateway NOT_FOUND" in calls[1].getMessage()
    assert "GatewayService/GetGateway UNAUTHENTICATED" in calls[2].getMessage()
    for text in shown:
        assert not any(secret in text for secret in secrets)
        assert "not for logs" not in text
