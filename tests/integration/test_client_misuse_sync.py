# Generated from tests/integration/test_client_misuse_aio.py by scripts/unasync.py. DO NOT EDIT.
"""Misuse ends before anything is sent, with a text that says what is allowed."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from coreweave_inference import InferenceClient
from coreweave_inference.v1alpha1 import CreateGatewayRequest, GetGatewayRequest
from triwire.dial.wires import WIRES

if TYPE_CHECKING:
    from tests.integration.conftest import Bystander

TOKEN = "CW-SECRET-for-tests"  # noqa: S105 - no secret
GATEWAY: dict[str, Any] = {
    "name": "edge",
    "core_weave_auth": {},
    "path_based_routing": {},
}
DEPLOYMENT: dict[str, Any] = {
    "name": "llama",
    "gateway_ids": ["0d6e2c0a-6f1a-4d0e-9d53-3c1f0f1f6a01"],
    "runtime": {"engine": "vllm", "version": "0.8.5"},
    "resources": {"instance_type": "gb200-4x", "gpu_count": 4},
    "model": {"name": "llama", "bucket": "weights", "path": "raw"},
    "autoscaling": {"min": 1, "max": 1},
    "traffic": {},
}

every_wire = pytest.mark.parametrize("wire", WIRES)


def client_at(url: str, wire: str = "connect", **arguments: Any) -> InferenceClient:
    return InferenceClient(url, token=TOKEN, transport=wire, **arguments)


@pytest.mark.parametrize("name", ["http", "GRPC", "connect ", "grpc_web"])
def test_an_unknown_transport(name: str, bystander: Bystander) -> None:
    with pytest.raises(ValueError, match="unknown transport") as caught:
        client_at(bystander.url, name)
    for wire in WIRES:
        assert repr(wire) in str(caught.value)


def test_an_unknown_transport_in_the_environment(
    bystander: Bystander, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRIWIRE_TRANSPORT", "soap")
    with pytest.raises(ValueError, match="unknown transport 'soap'"):
        InferenceClient(bystander.url, token=TOKEN)


@every_wire
def test_no_token(wire: str, bystander: Bystander) -> None:
    with pytest.raises(ValueError, match="COREWEAVE_API_TOKEN or CW_API_TOKEN"):
        InferenceClient(bystander.url, transport=wire)


@pytest.mark.parametrize(
    ("token", "error"),
    [
        pytest.param("", ValueError, id="empty"),
        pytest.param("CW-SECRET-x\n", ValueError, id="with a line end"),
        pytest.param("'CW-SECRET-x'", ValueError, id="in quotes"),
        pytest.param("CW-SECRET-\u00e9", ValueError, id="not ASCII"),
        pytest.param(b"CW-SECRET-x", TypeError, id="bytes"),
    ],
)
def test_a_malformed_token(token: Any, error: type[Exception], bystander: Bystander) -> None:
    with pytest.raises(error, match="token") as caught:
        InferenceClient(bystander.url, token=token)
    assert "CW-SECRET" not in str(caught.value)


@pytest.mark.parametrize(
    ("endpoint", "text"),
    [
        ("localhost:8080", "scheme must be https or http"),
        ("ftp://localhost", "scheme must be https or http"),
        ("http://", "no host name or address"),
        ("http://[::1", "malformed endpoint"),
        ("http://h:99999", "malformed endpoint"),
        ("http://h:0", "port must be 1 to 65535"),
        ("http://h/?a=b", "must not have a query"),
        ("http://h/a/../b", "no plain path prefix"),
        ("http://me:secret@h", "must not hold user or password"),
    ],
)
def test_a_malformed_endpoint(endpoint: str, text: str) -> None:
    with pytest.raises(ValueError, match="endpoint") as caught:
        client_at(endpoint)
    assert text in str(caught.value)
    assert '"https://host[:port][/prefix]"' in str(caught.value)
    assert "secret" not in str(caught.value)


def test_an_endpoint_that_is_no_text() -> None:
    with pytest.raises(TypeError, match="endpoint must be a str"):
        InferenceClient(8080, token=TOKEN)  # type: ignore[arg-type]  # the misuse under test


def test_the_token_does_not_cross_the_network_in_plaintext() -> None:
    with pytest.raises(ValueError, match="allow_token_over_plaintext"):
        client_at("http://api.example.com")
    client = client_at("http://api.example.com", allow_token_over_plaintext=True)
    assert "api.example.com" in repr(client)


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        pytest.param(b"no certificate", ValueError, "BEGIN CERTIFICATE", id="bytes that are none"),
        pytest.param("/no/such/file.pem", ValueError, "/no/such/file.pem", id="a missing file"),
        pytest.param(1, TypeError, "PEM bytes or a path", id="a number"),
    ],
)
def test_ca_certificates_that_are_none(value: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error) as caught:
        client_at("https://api.example.com", ca_certificates=value)
    assert text in str(caught.value)


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"timeout_seconds": 0}, ValueError, "above 0"),
        ({"timeout_seconds": -1}, ValueError, "above 0"),
        ({"timeout_seconds": float("nan")}, ValueError, "above 0"),
        ({"timeout_seconds": "5"}, TypeError, "a number or None"),
        ({"headers": {"x y": "z"}}, ValueError, "malformed header name"),
        ({"headers": {"x": "caf\u00e9"}}, ValueError, "printable ASCII"),
        ({"headers": {"x": b"z"}}, TypeError, "expected str, got bytes"),
        ({"headers": {"x-bin": "z"}}, TypeError, "expected bytes, got str"),
        ({"headers": {"host": "z"}}, ValueError, "belongs to the protocol"),
        ({"headers": {"grpc-timeout": "1S"}}, ValueError, "belongs to the protocol"),
    ],
)
def test_options_that_no_call_can_have(
    options: dict[str, Any], error: type[Exception], text: str, bystander: Bystander
) -> None:
    client = client_at(bystander.url)
    with pytest.raises(error) as of_a_view:
        client.with_options(**options)
    with pytest.raises(error) as of_a_client:
        client_at(bystander.url, **options)
    assert text in str(of_a_view.value)
    assert str(of_a_client.value) == str(of_a_view.value)


def changed(base: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    """Return fields with one of them, given by its dotted path, replaced or added."""
    first, _, rest = path.partition(".")
    inner = changed(base.get(first, {}), rest, value) if rest else value
    return {**base, first: inner}


@pytest.mark.parametrize(
    ("path", "value", "error", "texts"),
    [
        pytest.param("nmae", "x", TypeError, ["'nmae'", "did you mean 'name'"], id="no such field"),
        pytest.param(
            "runtime.verison",
            "x",
            TypeError,
            ["runtime", "did you mean 'version'", "engine_config"],
            id="no such nested field",
        ),
        pytest.param("name", 5, TypeError, ["name: expected a str, got 5"], id="an int as text"),
        pytest.param(
            "gateway_ids", "one", TypeError, ["gateway_ids: expected a sequence"], id="text as list"
        ),
        pytest.param(
            "gateway_ids", [1], TypeError, ["gateway_ids[0]: expected a str"], id="an item"
        ),
        pytest.param(
            "resources.gpu_count",
            "4",
            TypeError,
            ["resources.gpu_count: expected a uint32"],
            id="text",
        ),
        pytest.param(
            "resources.gpu_count", -1, ValueError, ["resources.gpu_count", "got -1"], id="negative"
        ),
        pytest.param(
            "autoscaling.capacity_classes",
            ["RESERVED"],
            ValueError,
            ["autoscaling.capacity_classes[0]", "CAPACITY_CLASS_RESERVED"],
            id="an enum name",
        ),
        pytest.param(
            "runtime.engine_config",
            {"seed": 1},
            TypeError,
            ["runtime.engine_config['seed']: expected a str"],
            id="a value of a map",
        ),
        pytest.param(
            "runtime",
            CreateGatewayRequest(),
            TypeError,
            ["runtime", "DeploymentRuntime"],
            id="another message",
        ),
        pytest.param("disabled", "no", TypeError, ["disabled: expected a bool"], id="text as bool"),
        pytest.param("model", None, TypeError, ["missing model"], id="a required field"),
    ],
)
def test_keywords_of_a_wrong_name_or_type(
    path: str, value: object, error: type[Exception], texts: list[str], bystander: Bystander
) -> None:
    fields = changed(DEPLOYMENT, path, value)
    with client_at(bystander.url) as client:
        with pytest.raises(error) as caught:
            client.deployments.create(**fields)
    for text in texts:
        assert text in str(caught.value)


def test_two_members_of_a_oneof(bystander: Bystander) -> None:
    fields: dict[str, Any] = {**GATEWAY, "weights_and_biases_auth": {}}
    with client_at(bystander.url) as client:
        with pytest.raises(ValueError, match="only one of oneof 'auth' can be set"):
            client.gateways.create(**fields)


def test_a_datetime_without_a_zone(bystander: Bystander) -> None:
    naive = datetime(2026, 1, 1)  # noqa: DTZ001 - the misuse under test
    with client_at(bystander.url) as client:
        with pytest.raises(ValueError, match=r"updated_after: .*timezone"):
            client.gateways.list(updated_after=naive)


@every_wire
def test_requests_of_a_wrong_type(wire: str, bystander: Bystander) -> None:
    with client_at(bystander.url, wire) as client:
        gateways: Any = client.gateways
        with pytest.raises(TypeError, match="CreateGatewayRequest"):
            gateways.create(GetGatewayRequest(id="x"))
        with pytest.raises(
            TypeError, match=r"both a .*CreateGatewayRequest message and the keywords"
        ):
            gateways.create(CreateGatewayRequest(), name="x")
        with pytest.raises(TypeError, match="GetGatewayRequest"):
            gateways.rpc.get_gateway({"id": "x"})
        with pytest.raises(TypeError, match="missing id"):
            gateways.get()


@every_wire
def test_a_closed_client(wire: str, bystander: Bystander) -> None:
    client = client_at(bystander.url, wire)
    client.close()
    client.close()
    with pytest.raises(ValueError, match="the client is closed"):
        client.gateways.list()


@pytest.mark.parametrize(
    ("method", "target", "settings"),
    [
        pytest.param("wait_until_ready", "", {"timeout_seconds": 1}, id="no id"),
        pytest.param("wait_until_ready", "x", {"timeout_seconds": -1}, id="negative time"),
        pytest.param(
            "wait_until_deleted", "x", {"timeout_seconds": 1, "poll_seconds": 0}, id="no pause"
        ),
    ],
)
def test_waits_that_cannot_be(
    method: str, target: str, settings: dict[str, float], bystander: Bystander
) -> None:
    with client_at(bystander.url) as client:
        with pytest.raises(ValueError, match="expected"):
            getattr(client.gateways, method)(target, **settings)
