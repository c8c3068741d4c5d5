"""Our checks beside those of Schemathesis, which reads this module by SCHEMATHESIS_HOOKS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import schemathesis

from tests.schemathesis.answers import (
    error_problem,
    unexplained,
    unsaid_messages,
    violations_of,
)
from triwire.errors import Code

if TYPE_CHECKING:
    from schemathesis import Case, CheckContext, Response

__all__ = ["errors_are_whole", "refusals_are_explained"]


@schemathesis.check
def errors_are_whole(ctx: CheckContext, response: Response, case: Case[Any]) -> None:
    """An error has all three members, and the HTTP status of its code."""
    del ctx, case
    if response.status_code >= 400 and response.request.method != "HEAD":
        problem = error_problem(response.status_code, response.json())
        assert not problem, problem


@schemathesis.check
def refusals_are_explained(ctx: CheckContext, response: Response, case: Case[Any]) -> None:
    """What keeps the schema is refused for rules alone that no schema can say."""
    del ctx
    if response.status_code != 400 or case.meta is None or case.meta.generation.mode.is_negative:
        return
    body = response.json()
    if body["code"] != int(Code.INVALID_ARGUMENT):
        return
    document: Any = case.operation.schema.raw_schema
    unsaid = unsaid_messages(document)
    left = unexplained(violations_of(body) or [body["message"]], unsaid=unsaid)
    assert not left, f"refused what the schema accepts: {left}"
