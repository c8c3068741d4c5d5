"""Options that contradict each other, or are none, are refused before there is a call."""

from __future__ import annotations

import math
from typing import Any

import pytest

from triwire.call.aio import AsyncCaller
from triwire.call.sync import Caller
from triwire.codec.protojson import ProtoJsonCodec
from triwire.errors import Code
from triwire.retry import HedgingPolicy, RetryPolicy, RetryThrottling
from triwire.spec import CallOptions, Metadata
from triwire.testing import AsyncMemoryTransport, MemoryTransport
from triwire.transports.options import WireOptions

MISUSES = [
    pytest.param(CallOptions, {"timeout_seconds": "5"}, "must be a number or None", id="text"),
    pytest.param(CallOptions, {"attempt_timeout_seconds": True}, "a number or None", id="bool"),
    pytest.param(CallOptions, {"headers": {"a": "b"}}, "must be a Metadata, got dict", id="dict"),
    pytest.param(CallOptions, {"retry": "always"}, 'None or "method", got', id="retry"),
    pytest.param(CallOptions, {"hedging": True}, "must be a HedgingPolicy, None or", id="hedging"),
    pytest.param(CallOptions, {"wait_for_ready": 1}, "must be a bool, got 1", id="switch"),
    pytest.param(RetryPolicy, {"retryable_codes": "UNAVAILABLE"}, "some of .*ABORTED", id="code"),
    pytest.param(RetryPolicy, {"retryable_codes": None}, "must be a set of codes", id="no codes"),
    pytest.param(RetryPolicy, {"backoff_multiplier": "2"}, "must be a number", id="multiplier"),
    pytest.param(RetryThrottling, {"token_ratio": True}, "must be a number", id="ratio"),
    pytest.param(HedgingPolicy, {"delay_seconds": None}, "must be a number", id="delay"),
    pytest.param(HedgingPolicy, {"methods": "GetGateway"}, "a set of names such as", id="name"),
    pytest.param(HedgingPolicy, {"methods": {1}}, "a set of names such as", id="no names"),
    pytest.param(WireOptions, {"use_get": "no"}, "must be a bool, got 'no'", id="use_get"),
    pytest.param(WireOptions, {"gzip_responses": 1}, "must be a bool, got 1", id="gzip"),
    pytest.param(WireOptions, {"codec": "json"}, "must be a Codec such as", id="codec by name"),
    pytest.param(WireOptions, {"codec": ProtoJsonCodec}, "must be a Codec", id="codec's class"),
]

CONTRADICTIONS = [
    pytest.param(CallOptions, {"timeout_seconds": -1}, "0 or more and finite", id="below 0"),
    pytest.param(CallOptions, {"attempt_timeout_seconds": -0.1}, "0 or more", id="attempt below 0"),
    pytest.param(CallOptions, {"timeout_seconds": math.nan}, "0 or more and finite", id="NaN"),
    pytest.param(CallOptions, {"timeout_seconds": math.inf}, "None for no limit", id="infinite"),
    pytest.param(
        CallOptions,
        {"retry": RetryPolicy(), "hedging": HedgingPolicy()},
        'expected retry=None or retry="method"',
        id="retried and hedged",
    ),
    pytest.param(RetryPolicy, {"retryable_codes": {"FOO"}}, "FOO .*UNAVAILABLE", id="unknown"),
    pytest.param(HedgingPolicy, {"non_fatal_codes": {99}}, "99 .*UNAVAILABLE", id="unknown hedged"),
    pytest.param(HedgingPolicy, {"methods": ()}, "methods is empty", id="no methods"),
]


@pytest.mark.parametrize(("options", "settings", "reason"), MISUSES)
def test_what_is_of_another_type_is_a_type_error(
    options: Any, settings: dict[str, Any], reason: str
) -> None:
    with pytest.raises(TypeError, match=reason):
        options(**settings)


@pytest.mark.parametrize(("options", "settings", "reason"), CONTRADICTIONS)
def test_what_makes_no_sense_is_a_value_error_that_says_what_does(
    options: Any, settings: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        options(**settings)


def test_policies_take_any_collection_of_what_they_want() -> None:
    codes: Any = [Code.ABORTED, Code.UNAVAILABLE, Code.ABORTED]
    assert hash(RetryPolicy(retryable_codes=codes)) == hash(
        RetryPolicy(retryable_codes=frozenset({Code.UNAVAILABLE, Code.ABORTED}))
    )
    names: Any = ["GetGateway"]
    assert HedgingPolicy(methods=names).methods == frozenset({"GetGateway"})


def test_the_text_of_an_error_holds_no_headers() -> None:
    headers: Any = {"authorization": "Bearer secret"}
    with pytest.raises(TypeError) as caught:
        CallOptions(headers=headers)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("make", [AsyncCaller, Caller])
@pytest.mark.parametrize(
    ("headers", "kind"),
    [({"a b": "c"}, ValueError), ({"grpc-timeout": "1S"}, ValueError), ({"x": b"1"}, TypeError)],
)
def test_a_caller_refuses_headers_that_some_wire_cannot_carry(
    make: Any, headers: Any, kind: type[Exception]
) -> None:
    transport: Any = AsyncMemoryTransport([]) if make is AsyncCaller else MemoryTransport([])
    options = CallOptions(headers=Metadata(headers))
    with pytest.raises(kind, match="header"):
        make(transport, options=options)
    with pytest.raises(kind, match="header"):
        make(transport).with_options(options)
