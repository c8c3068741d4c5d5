"""What an error answer may be, beyond what the document's default response says. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, TypeGuard, cast

from triwire.errors import Code

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["error_problem", "unexplained", "unsaid_messages", "violations_of"]

# docs/rest.md: what HTTP itself says of requests that reach no method, or not whole.
_STATUSES: Final = {
    Code.UNIMPLEMENTED: {404, 405},
    Code.INVALID_ARGUMENT: {400, 415},
    Code.RESOURCE_EXHAUSTED: {413, 429, 431},
}
# What the emulator checks against its catalog and its state: no rule of the contract.
_STATE: Final = re.compile(
    r"is no (zone|engine|version|config key|env name|instance type)\b|' does not exist$"
)


def error_problem(status: int, body: Any) -> str:
    """Return what is wrong with an error's status and body, "" for nothing.

    Args:
        status: Of HTTP, 400 or more.
        body: Decoded JSON.
    """
    if set(_members(body)) != {"code", "message", "details"}:
        return "expected code, message and details"
    try:
        code = Code(body["code"])
    except ValueError:
        return f"code {body['code']!r} is none of google.rpc.Code"
    if status not in _STATUSES.get(code, {code.http_status}):
        return f"HTTP status {status} does not fit {code.name}"
    if not body["message"]:
        return "the message is empty"
    return ""


def _members(tree: object) -> dict[str, Any]:
    return cast("dict[str, Any]", tree) if isinstance(tree, dict) else {}


def _is_list(tree: object) -> TypeGuard[list[Any]]:
    return isinstance(tree, list)


def violations_of(body: Any) -> list[str]:
    """Return the descriptions of what an error lists as wrong with the request."""
    return [
        violation["description"]
        for detail in body["details"]
        for violation in detail.get("fieldViolations", ())
    ]


def unsaid_messages(document: Any) -> set[str]:
    """Return the messages of the rules that a document's schemas cannot say."""
    found: set[str] = set()
    left: list[Any] = [document]
    while left:
        tree = left.pop()
        members = _members(tree)
        found.update(rule.get("message", "") for rule in members.get("x-validation", ()))
        left += members.values()
        left += tree if _is_list(tree) else []
    return found - {""}


def unexplained(violations: Collection[str], *, unsaid: Collection[str]) -> list[str]:
    """Return the violations that a document's schemas should have kept from being sent."""
    return [text for text in violations if text not in unsaid and not _STATE.search(text)]
