"""Comments of .proto files as descriptions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from triwire.plugin.text import clean, wrapped

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["prose", "with_checks"]

# AIP-192: what stands in (-- --) is not for users.
_INTERNAL: Final = re.compile(r"\(--.*?--\)", re.DOTALL)
_ENDLESS: Final = 1_000_000


def prose(comment: str) -> str:
    """Return a comment as Markdown, each paragraph and list item on one line."""
    return "\n".join(wrapped(clean(_INTERNAL.sub("", comment)), _ENDLESS)).strip()


def with_checks(text: str, unsaid: Iterable[Mapping[str, Any]]) -> str:
    """Return a description that names rules which the schema cannot say."""
    told = [_told(rule) for rule in unsaid]
    if not told:
        return text
    return "\n\n".join([*filter(None, [text]), f"Checked as well: {'; '.join(told)}."])


def _told(rule: Mapping[str, Any]) -> str:
    if rule.get("message"):
        return str(rule["message"])
    if "expression" in rule:
        return f"`{rule['expression']}`"
    return f"{rule['id']} {rule['value']}"
