"""What `make schemathesis` asks of errors, beside the checks of Schemathesis itself."""

from __future__ import annotations

from typing import Any

import pytest

from tests.schemathesis.answers import (
    error_problem,
    unexplained,
    unsaid_messages,
    violations_of,
)

NOT_FOUND: dict[str, Any] = {"code": 5, "message": "no such gateway", "details": []}


def test_a_whole_error_is_fine() -> None:
    assert not error_problem(404, NOT_FOUND)
    assert not error_problem(405, {**NOT_FOUND, "code": 12})


@pytest.mark.parametrize(
    ("status", "body", "problem"),
    [
        pytest.param(404, [], "expected code", id="no-object"),
        pytest.param(404, {"code": 5, "message": "x"}, "expected code", id="no-details"),
        pytest.param(404, {**NOT_FOUND, "code": 404}, "code 404 is none", id="code"),
        pytest.param(400, NOT_FOUND, "status 400 does not fit NOT_FOUND", id="status"),
        pytest.param(404, {**NOT_FOUND, "message": ""}, "the message is empty", id="message"),
    ],
)
def test_any_other_error_is_a_problem(status: int, body: Any, problem: str) -> None:
    assert problem in error_problem(status, body)


def test_a_refusal_is_explained_by_the_catalog_or_by_a_rule_no_schema_says() -> None:
    document = {"a": [{"x-validation": [{"id": "sum", "message": "a and b must differ"}]}]}
    body = {
        "details": [
            {
                "fieldViolations": [
                    {"field": "", "description": "a and b must differ"},
                    {"field": "zones[0]", "description": "'X' is no zone: expected one of Y"},
                    {"field": "id", "description": "must be a valid UUID"},
                ]
            }
        ]
    }
    unsaid = unsaid_messages(document)
    assert unexplained(violations_of(body), unsaid=unsaid) == ["must be a valid UUID"]
