"""The option retry-config: what of a gRPC service config reaches the generated code."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf.compiler.plugin_pb2 import CodeGeneratorRequest
from google.protobuf.descriptor_pb2 import FileDescriptorProto, MethodOptions

from triwire.errors import Code
from triwire.plugin import generate
from triwire.plugin.failure import PluginError
from triwire.plugin.service_config import RETRYABLE, parse_service_config
from triwire.retry import NEVER_RETRIED

if TYPE_CHECKING:
    from collections.abc import Mapping

PATH = "acme/retries.json"
POLICY: Mapping[str, Any] = {
    "maxAttempts": 3,
    "initialBackoff": "0.25s",
    "maxBackoff": "4s",
    "backoffMultiplier": 1.5,
    "retryableStatusCodes": ["UNAVAILABLE"],
}


def files() -> FileDescriptorProto:
    """Return acme.v1.Library with the unary GetBook and ListBooks and the streaming WatchBooks.

    GetBook has no side effects.
    """
    file = FileDescriptorProto(name="acme/v1/library.proto", package="acme.v1", syntax="proto3")
    for name in ("Book", "Request"):
        file.message_type.add(name=name)
    service = file.service.add(name="Library")
    for name in ("GetBook", "ListBooks", "WatchBooks"):
        service.method.add(
            name=name,
            input_type=".acme.v1.Request",
            output_type=".acme.v1.Book",
            server_streaming=name.startswith("Watch"),
        )
    service.method[0].options.idempotency_level = MethodOptions.NO_SIDE_EFFECTS
    return file


def run(config: object, parameter: str = f"retry-config={PATH}") -> tuple[str, str]:
    """Run the plugin with a config; return the generated module and the error."""
    file = files()
    request = CodeGeneratorRequest(
        file_to_generate=[file.name], proto_file=[file], parameter=parameter
    )

    def read_text(path: str) -> str:
        assert path == PATH
        return config if isinstance(config, str) else json.dumps(config)

    response = generate(request, read_text=read_text)
    return (response.file[0].content if response.file else "", response.error)


def configured(*names: Mapping[str, object], **changes: Any) -> dict[str, Any]:
    return {"methodConfig": [{"name": list(names), "retryPolicy": {**POLICY, **changes}}]}


def hedged(name: Mapping[str, object], **policy: object) -> dict[str, Any]:
    return {"methodConfig": [{"name": [name], "hedgingPolicy": {"maxAttempts": 3, **policy}}]}


def spec_of(text: str, constant: str) -> str:
    """Return the text of a method's spec."""
    return text.partition(f"    {constant}: Final = ")[2].partition("\n    )\n")[0]


def test_without_the_option_nothing_is_retried() -> None:
    text, error = run({}, parameter="")
    assert not error
    assert "RetryPolicy" not in text
    assert "RETRY_THROTTLING" not in text


def test_a_policy_reaches_the_methods_of_its_service() -> None:
    text, error = run(configured({"service": "acme.v1.Library"}))
    assert not error
    for constant in ("GET_BOOK", "LIST_BOOKS"):
        spec = spec_of(text, constant)
        assert "max_attempts=3," in spec
        assert "initial_backoff_seconds=0.25," in spec
        assert "max_backoff_seconds=4.0," in spec
        assert "backoff_multiplier=1.5," in spec
        assert "retryable_codes=frozenset({_runtime.Code.UNAVAILABLE})," in spec


@pytest.mark.parametrize("method", [{}, {"method": "WatchBooks"}], ids=["service", "method"])
def test_a_method_that_streams_has_a_policy_for_its_opening(method: dict[str, str]) -> None:
    text, error = run(configured({"service": "acme.v1.Library", **method}))
    assert not error
    assert "retry=_runtime.RetryPolicy(" in spec_of(text, "WATCH_BOOKS")


def test_the_name_of_a_method_wins_over_that_of_its_service_and_of_the_default() -> None:
    config = configured({}, {"service": "acme.v1.Library"})
    config["methodConfig"].append(
        {"name": [{"service": "acme.v1.Library", "method": "GetBook"}], "timeout": "3s"}
    )
    text, error = run(config)
    assert not error
    assert "RetryPolicy" not in spec_of(text, "GET_BOOK")
    assert "RetryPolicy" in spec_of(text, "LIST_BOOKS")


def test_the_default_reaches_every_method() -> None:
    text, _ = run(configured({}))
    assert "RetryPolicy" in spec_of(text, "GET_BOOK")


def test_more_than_five_attempts_are_five_as_in_grpc() -> None:
    text, _ = run(configured({}, maxAttempts=9))
    assert "max_attempts=5," in text


GET_BOOK = {"service": "acme.v1.Library", "method": "GetBook"}


def test_hedging_reaches_a_method_without_side_effects() -> None:
    codes = ["UNAVAILABLE", "INTERNAL"]
    text, error = run(hedged(GET_BOOK, hedgingDelay="0.25s", nonFatalStatusCodes=codes))
    assert not error
    spec = spec_of(text, "GET_BOOK")
    assert "hedging=_runtime.HedgingPolicy(" in spec
    assert "max_attempts=3," in spec
    assert "delay_seconds=0.25," in spec
    assert "_runtime.Code.INTERNAL," in spec
    assert "RetryPolicy" not in text
    assert "HedgingPolicy" not in spec_of(text, "LIST_BOOKS")


def test_hedging_without_delay_and_codes_is_all_at_once_and_any_failure_final() -> None:
    text, error = run(hedged(GET_BOOK, maxAttempts=7, hedgingDelay="0s"))
    assert not error
    spec = spec_of(text, "GET_BOOK")
    assert "max_attempts=5," in spec
    assert "delay_seconds=0.0," in spec
    assert "non_fatal_codes=frozenset()," in spec


def test_what_cannot_be_hedged_may_have_an_entry_of_its_own() -> None:
    config = hedged({"service": "acme.v1.Library"})
    others = [
        {"service": "acme.v1.Library", "method": name} for name in ("ListBooks", "WatchBooks")
    ]
    config["methodConfig"].append({"name": others, "retryPolicy": POLICY})
    text, error = run(config)
    assert not error
    assert "HedgingPolicy" in spec_of(text, "GET_BOOK")
    assert "RetryPolicy" in spec_of(text, "LIST_BOOKS")


def test_the_budget_is_a_constant_of_the_module() -> None:
    text, error = run({"retryThrottling": {"maxTokens": 30, "tokenRatio": 0.5}})
    assert not error
    line = "RETRY_THROTTLING: Final = _runtime.RetryThrottling(max_tokens=30, token_ratio=0.5)"
    assert line in text
    assert '    "RETRY_THROTTLING",\n' in text


def test_services_of_other_packages_are_let_through() -> None:
    text, error = run(configured({"service": "other.v1.Store", "method": "Any"}))
    assert not error
    assert "RetryPolicy" not in text


@pytest.mark.parametrize(
    ("config", "said"),
    [
        pytest.param("{", "expected a gRPC service config in JSON", id="no JSON"),
        pytest.param([], "expected an object, got list", id="a list"),
        pytest.param({"methodConfigs": []}, "unknown key 'methodConfigs': allowed", id="key"),
        pytest.param({"methodConfig": {}}, "methodConfig: expected a list", id="no list"),
        pytest.param(
            '{"methodConfig": [{"hedgingPolicy": {}}]}', "missing maxAttempts", id="hedge"
        ),
        pytest.param(
            '{"methodConfig": [{"hedgingPolicy": {}, "retryPolicy": {}}]}', "got both", id="both"
        ),
        pytest.param(
            hedged({"service": "acme.v1.Library"}),
            "hedgingPolicy for ListBooks, WatchBooks of acme.v1.Library: expected unary methods "
            "without side effects (idempotency_level = NO_SIDE_EFFECTS, or HTTP GET), here GetBook",
            id="side effects",
        ),
        pytest.param(
            hedged({}, nonFatalStatusCodes=["NOT_FOUND"]),
            "allowed are ABORTED, INTERNAL",
            id="hedge code",
        ),
        pytest.param(hedged({}, hedgingDelay="1m"), "such as", id="hedge delay"),
        pytest.param(hedged({}, maxAttempts=1), "whole number from 2, got 1", id="one hedge"),
        pytest.param(configured({"method": "GetBook"}), "without a service", id="bare method"),
        pytest.param(
            configured({"service": "acme.v1.Library", "method": "GetBok"}),
            "unknown method acme.v1.Library/GetBok: expected one of GetBook, ListBooks, WatchBooks",
            id="unknown method",
        ),
        pytest.param(
            configured({"service": "acme.v1.Libary"}),
            "unknown service acme.v1.Libary: expected acme.v1.Library",
            id="unknown service",
        ),
        pytest.param(
            configured({"service": "a.S"}, {"service": "a.S"}), "a.S is named twice", id="twice"
        ),
        pytest.param(configured({"service": 7}), "expected strings", id="name is no str"),
        pytest.param(
            '{"methodConfig": [{"name": [{}], "retryPolicy": {"maxAttempts": 2}}]}',
            "missing initialBackoff, maxBackoff, backoffMultiplier, retryableStatusCodes",
            id="missing",
        ),
        pytest.param(configured({}, maxAttempts=1), "whole number from 2, got 1", id="attempts"),
        pytest.param(configured({}, maxAttempts=True), "from 2, got True", id="bool attempts"),
        pytest.param(
            configured({}, initialBackoff="9s"), "maxBackoff 4s is below initialBackoff", id="below"
        ),
        pytest.param(configured({}, maxBackoff=4), "duration above 0 such as", id="no duration"),
        pytest.param(configured({}, maxBackoff="0s"), "duration above 0", id="zero duration"),
        pytest.param(configured({}, backoffMultiplier=0), "above 0, got 0", id="multiplier"),
        pytest.param(configured({}, backoffMultiplier="2"), "above 0, got '2'", id="text"),
        pytest.param(
            configured({}, retryableStatusCodes=["NOPE"]),
            "'NOPE' is no code that may be retried (AIP-194): allowed are ABORTED, INTERNAL,",
            id="unknown code",
        ),
        pytest.param(
            configured({}, retryableStatusCodes=["UNAVAILABLE", "NOT_FOUND"]),
            "'NOT_FOUND' is no code that may be retried",
            id="a code of AIP-194",
        ),
        pytest.param(
            configured({}, retryableStatusCodes=[]), "expected some of ABORTED", id="no codes"
        ),
        pytest.param(
            {"retryThrottling": {"maxTokens": 5}}, "missing tokenRatio", id="budget misses"
        ),
        pytest.param(
            {"retryThrottling": {"maxTokens": 1001, "tokenRatio": 1}},
            "whole number from 1 to 1000, got 1001",
            id="too many tokens",
        ),
        pytest.param(
            {"retryThrottling": {"maxTokens": 10, "tokenRatio": float("inf")}},
            "tokenRatio: expected a number above 0",
            id="infinite ratio",
        ),
    ],
)
def test_what_cannot_be_followed_is_refused_with_what_can(config: object, said: str) -> None:
    text, error = run(config)
    assert not text
    assert error.startswith(PATH)
    assert said in error


def test_a_file_that_cannot_be_read_is_named() -> None:
    file = files()
    request = CodeGeneratorRequest(
        file_to_generate=[file.name], proto_file=[file], parameter="retry-config=no/such.json"
    )
    assert "option retry-config: cannot read 'no/such.json'" in generate(request).error


def test_plugin_and_runtime_agree_on_what_may_be_retried() -> None:
    assert set(RETRYABLE) == {code.name for code in Code if code not in NEVER_RETRIED}


def test_the_config_of_the_product_is_valid(repository: Any) -> None:
    path = repository.joinpath(
        "proto", "coreweave", "inference", "v1alpha1", "inference_grpc_service_config.json"
    )
    config = parse_service_config(path.read_text(encoding="utf-8"), where=path.name)
    assert {service.rpartition(".")[2] for service, _ in config.policies} == {
        "GatewayService",
        "DeploymentService",
        "CapacityClaimService",
    }
    with pytest.raises(PluginError):
        parse_service_config(path.read_text(encoding="utf-8")[:-5], where=path.name)
