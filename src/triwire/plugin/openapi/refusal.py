"""Whether a schema refuses a zero value, so that a field of a message cannot be left out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["refuses"]

_EMPTY_IS_FINE: Final = "uri-reference"


def refuses(schema: Mapping[str, Any], zero: Any) -> bool:  # noqa: ANN401 - "", 0, False, [] or {}
    """Return whether a schema made here refuses "", zero, False, [] or {}."""
    return any(_CHECKS[name](to, zero) for name, to in schema.items() if name in _CHECKS)


def _wants_some(least: int, _: object) -> bool:
    return least > 0


def _all_refuse(schemas: list[Mapping[str, Any]], zero: object) -> bool:
    return all(refuses(schema, zero) for schema in schemas)


def _one_refuses(schemas: list[Mapping[str, Any]], zero: object) -> bool:
    return any(refuses(schema, zero) for schema in schemas)


_CHECKS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "const": lambda to, zero: bool(zero != to),
    "enum": lambda to, zero: zero not in to,
    "minLength": _wants_some,
    "minItems": _wants_some,
    "minProperties": _wants_some,
    "pattern": lambda to, zero: re.search(to, zero) is None,
    "format": lambda to, zero: zero == "" and to != _EMPTY_IS_FINE,
    "minimum": lambda to, zero: bool(zero < to),
    "exclusiveMinimum": lambda to, zero: bool(zero <= to),
    "maximum": lambda to, zero: bool(zero > to),
    "exclusiveMaximum": lambda to, zero: bool(zero >= to),
    "not": lambda to, zero: not refuses(to, zero),
    "allOf": _one_refuses,
    "anyOf": _all_refuse,
}
