"""The checks behind the contract's own."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from coreweave_inference import emulator
from coreweave_inference.emulator import rules
from coreweave_inference.emulator.catalog import DEFAULT_CATALOG, Catalog
from coreweave_inference.emulator.failures import Violation, invalid
from coreweave_inference.v1alpha1 import (
    CapacityClaimResources,
    CreateDeploymentRequest,
    CreateGatewayRequest,
    DeploymentRuntime,
)
from coreweave_inference_gen import validator

if TYPE_CHECKING:
    from google.protobuf.message import Message


def test_paths_have_names_indexes_and_keys() -> None:
    request = CreateDeploymentRequest(gateway_ids=["x"])
    request.runtime.engine_env["not a name"] = "$("
    fields = [found.field for found in rules.contract_violations(validator(), request)]
    assert "gateway_ids[0]" in fields
    assert 'runtime.engine_env["not a name"]' in fields
    assert "runtime.engine" in fields


def test_a_rule_of_the_whole_message_has_no_path() -> None:
    class OneViolation:
        def collect_violations(self, message: Message, /) -> list[Any]:
            del message
            proto = SimpleNamespace(field=None, message="is wrong as a whole")
            return [SimpleNamespace(proto=proto)]

    found = rules.contract_violations(OneViolation(), CreateGatewayRequest())
    assert found == [Violation("", "is wrong as a whole")]
    assert invalid(found).message == "is wrong as a whole"


def test_an_engine_that_is_not_offered_is_refused() -> None:
    small = Catalog({}, {"dynamo-vllm": DEFAULT_CATALOG.engines["dynamo-vllm"]})
    [found] = rules.runtime_violations(small, DeploymentRuntime(engine="vllm", version="0.8.5"))
    assert found.field == "runtime.engine"
    assert found.description == "'vllm' is no engine: expected one of dynamo-vllm"


def test_long_lists_of_what_would_do_are_cut() -> None:
    runtime = DeploymentRuntime(engine="vllm", version="0.8.5", engine_config={"nope": ""})
    [found] = rules.runtime_violations(DEFAULT_CATALOG, runtime)
    assert found.description.endswith("gpu-memory-utilization, kv-cache-dtype and 12 more")


@given(
    seconds=st.integers(-(2**63), 2**63 - 1),
    nanos=st.integers(-(2**31), 2**31 - 1),
)
def test_exactly_the_times_that_json_can_say_are_times(seconds: int, nanos: int) -> None:
    stamp = Timestamp(seconds=seconds, nanos=nanos)
    try:
        stamp.ToJsonString()
        says = 0 <= nanos < 10**9
    except ValueError:
        says = False
    assert (rules.timestamp_violations("f", stamp) == []) is says


@given(
    st.dictionaries(st.sampled_from(("max-model-len", "seed", "x", "y")), st.text(max_size=3)),
    st.lists(st.sampled_from((*DEFAULT_CATALOG.zones, "US-LAB-01A", "")), max_size=4),
)
def test_exactly_what_the_catalog_lacks_is_refused(
    config: dict[str, str], zones: list[str]
) -> None:
    runtime = DeploymentRuntime(engine="vllm", version="0.8.5", engine_config=config)
    refused = {found.field for found in rules.runtime_violations(DEFAULT_CATALOG, runtime)}
    assert refused == {f'runtime.engine_config["{key}"]' for key in config if key in {"x", "y"}}
    found = rules.gateway_violations(DEFAULT_CATALOG, zones)
    wrong = [index for index, zone in enumerate(zones) if zone in {"US-LAB-01A", ""}]
    assert [violation.field for violation in found] == [f"zones[{index}]" for index in wrong]
    claim = CapacityClaimResources(zones=zones, instance_id="GD-8xH100ib-i128")
    found = rules.claim_violations(DEFAULT_CATALOG, claim)
    assert bool(found) is (bool(wrong) or not zones)


def test_public_names_load_on_first_use() -> None:
    assert emulator.Behaviour().transition_seconds == 0
    assert all(getattr(emulator, name) is not None for name in emulator.__all__)
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = emulator.Nothing
