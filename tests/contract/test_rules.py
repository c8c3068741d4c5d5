"""The table of bad requests leaves no rule of the contract out."""

from __future__ import annotations

from typing import Final

from coreweave_inference_gen import validator
from tests.contract.bad_requests import CASES, BadRequest, Method
from tests.contract.calls import METHODS, request_of
from tests.contract.rules import KEYS, Rule, rules_of

# Rules that no request can break. (field, rule) -> why.
NEVER_BROKEN: Final = {
    ("autoscaling.concurrency", "uint32.gte"): "0 is ignored, and there is nothing below 0",
}


def broken_by(case: BadRequest, method: Method) -> set[Rule]:
    """Return the rules that protovalidate finds broken."""
    request = request_of(method, case.request)
    found: set[Rule] = set()
    for violation in validator().collect_violations(request):
        proto = violation.proto
        elements = proto.field.elements if proto.field is not None else []
        path = ".".join(element.field_name for element in elements)
        keys = KEYS if proto.for_key else ""
        found.add(Rule(request.DESCRIPTOR.name, path, keys + proto.rule_id))
    return found


def test_each_rule_has_a_request_that_breaks_it() -> None:
    wanted = {rule for method in METHODS for rule in rules_of(method.request_type.DESCRIPTOR)}
    broken = {rule for case in CASES for method in case.methods for rule in broken_by(case, method)}
    unbreakable = {rule for rule in wanted if (rule.field, rule.rule) in NEVER_BROKEN}
    assert len(wanted) > 100
    assert broken == wanted - unbreakable


def test_rules_that_nothing_breaks_are_still_in_the_contract() -> None:
    wanted = {
        (rule.field, rule.rule)
        for method in METHODS
        for rule in rules_of(method.request_type.DESCRIPTOR)
    }
    assert set(NEVER_BROKEN) <= wanted
