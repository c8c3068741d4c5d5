"""JSON Merge Patch (RFC 7396), for what a document has to say and .proto files cannot."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, cast

from triwire.plugin.failure import PluginError

if TYPE_CHECKING:
    from triwire.plugin.openapi.rules import Schema

__all__ = ["apply_patch", "parse_patch"]

# Objects whose members are generated: a patch that names another one names one that has gone.
_GENERATED: Final = (
    ("paths",),
    ("paths", "*"),
    ("components", "schemas"),
    ("components", "schemas", "*", "properties"),
)


def parse_patch(text: str, *, where: str) -> Schema:
    """Read a patch.

    Args:
        text: JSON.
        where: The file, for errors.

    Raises:
        PluginError: It is no JSON object.
    """
    try:
        found: Any = json.loads(text)
    except ValueError as error:
        raise PluginError(f"{where}: no JSON: {error}") from error
    members = _members(found)
    if members is None:
        raise PluginError(f"{where}: expected a JSON object, got {type(found).__name__}")
    return members


def apply_patch(document: Schema, patch: Schema, *, where: str) -> Schema:
    """Return a document with a patch applied; neither of them is changed.

    Raises:
        PluginError: The patch names a path, an operation, a schema or a property that the
            document does not have.
    """
    return _merged(document, patch, (), where)


def _members(value: object) -> Schema | None:
    return cast("Schema", value) if isinstance(value, dict) else None


def _merged(target: Schema, patch: Schema, at: tuple[str, ...], where: str) -> Schema:
    result = dict(target)
    for name, value in patch.items():
        if name not in result and any(_fits(at, pattern) for pattern in _GENERATED):
            place = "/".join(("", *at, name))
            raise PluginError(f"{where}: {place} is not in the generated document")
        inner = _members(value)
        if value is None:
            result.pop(name, None)
        elif inner is None:
            result[name] = value
        else:
            result[name] = _merged(_members(result.get(name)) or {}, inner, (*at, name), where)
    return result


def _fits(at: tuple[str, ...], pattern: tuple[str, ...]) -> bool:
    return len(at) == len(pattern) and all(
        wanted in ("*", name) for name, wanted in zip(at, pattern, strict=True)
    )
