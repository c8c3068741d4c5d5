"""validator() applies every rule of the contract, on messages whose descriptors are stripped."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING

import protovalidate
import pytest

from coreweave_inference_gen import _rules, validator
from coreweave_inference_gen.coreweave.inference.v1alpha1 import deployment_pb2, gateway_pb2
from tests.unit.gen.contract_rules import Case, contract_cases, fields_ignored_if_zero
from triwire.validation import validator_with

if TYPE_CHECKING:
    from google.protobuf.message import Message

CASES = [pytest.param(case, id=str(case)) for case in contract_cases()]


# A validation.proto that is read wrong must not empty the tables above in silence.
assert len(CASES) == 174


def violations(message: Message) -> set[tuple[str, str]]:
    """Return (rule id, field path without subscripts) of each violation."""
    result: set[tuple[str, str]] = set()
    for found in validator().collect_violations(message):
        elements = [] if found.proto.field is None else found.proto.field.elements
        result.add((found.proto.rule_id, ".".join(element.field_name for element in elements)))
    return result


@pytest.mark.parametrize("case", CASES)
def test_a_broken_rule_is_reported(case: Case) -> None:
    assert (case.rule, case.path) in violations(case.broken)


@pytest.mark.parametrize("case", CASES)
def test_a_kept_rule_is_not_reported(case: Case) -> None:
    assert (case.rule, case.path) not in violations(case.kept)


@pytest.mark.parametrize(
    ("message", "field"),
    [
        pytest.param(message, field, id=f"{message.DESCRIPTOR.name}.{field}")
        for message, field in fields_ignored_if_zero()
    ],
)
def test_a_field_that_may_be_left_out_is_not_reported(message: Message, field: str) -> None:
    assert field not in {path for _, path in violations(message)}


def test_rules_of_nested_messages_are_applied() -> None:
    request = deployment_pb2.CreateDeploymentRequest(
        runtime=deployment_pb2.DeploymentRuntime(engine="vllm", version="latest"),
        autoscaling=deployment_pb2.DeploymentAutoscaling(min=2, max=1),
    )
    found = violations(request)
    assert ("string.valid_semver_version", "runtime.version") in found
    assert ("max_gte_min", "autoscaling") in found


def test_a_violation_carries_the_text_of_its_rule() -> None:
    message = deployment_pb2.DeploymentAutoscaling(min=2, max=1)
    (found,) = validator().collect_violations(message)
    assert found.proto.message == "max must be greater than or equal to min"


def test_a_whole_request_that_keeps_every_rule_passes() -> None:
    validator().validate(
        gateway_pb2.CreateGatewayRequest(
            name="edge",
            zones=["US-EAST-04A", "RNO2A"],
            core_weave_auth=gateway_pb2.CoreWeaveAuth(),
            path_based_routing=gateway_pb2.PathBasedRouting(),
        )
    )


def test_protovalidates_own_function_refuses_and_does_not_skip_rules() -> None:
    """What our docs say about it; if it starts to pass, validator() may be simplified."""
    with pytest.raises(protovalidate.CompilationError):
        protovalidate.validate(gateway_pb2.CreateGatewayRequest())


def test_there_is_one_validator() -> None:
    assert validator() is validator()


def test_threads_may_share_a_validator_that_has_compiled_nothing_yet() -> None:
    fresh = validator_with.__wrapped__(_rules.FILES)
    message = gateway_pb2.CreateGatewayRequest(name="-")
    counts: list[int] = []
    start = threading.Barrier(4)

    def check() -> None:
        start.wait()
        counts.extend(len(fresh.collect_violations(message)) for _ in range(50))

    threads = [threading.Thread(target=check) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts == [3] * 200


def test_says_what_to_install_where_protovalidate_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "protovalidate", None)
    with pytest.raises(ImportError, match=r"pip install 'triwire\[validate\]'"):
        validator_with.__wrapped__(())
