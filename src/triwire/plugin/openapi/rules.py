"""Validation rules as JSON Schema, as far as that can say them.

What a rule means is said in buf/validate/validate.proto, what a keyword means in
https://json-schema.org/draft/2020-12/json-schema-validation. Keywords never refuse a value that
the rules take. What they cannot say is kept by, as `Rules.unsaid`.
"""

from __future__ import annotations

import base64
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeGuard

from triwire.plugin.openapi.patterns import ecma_pattern, literal_pattern, matched_pattern

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "Constrained",
    "Schema",
    "bytes_rules",
    "cel_rules",
    "enum_rules",
    "is_outside",
    "number_rules",
    "string_rules",
]

Schema: TypeAlias = dict[str, Any]

_FORMATS: Final[dict[str, tuple[str, ...]]] = {
    "email": ("email",),
    "hostname": ("hostname",),
    "ip": ("ipv4", "ipv6"),
    "ipv4": ("ipv4",),
    "ipv6": ("ipv6",),
    "uri": ("uri",),
    "uri_ref": ("uri-reference",),
    "address": ("hostname", "ipv4", "ipv6"),
    "uuid": ("uuid",),
}
# The patterns of validate.proto's own CEL rules.
_PATTERNS: Final = {
    "tuuid": "^[0-9a-fA-F]{32}$",
    "ulid": "^[0-7][0-9A-HJKMNP-TV-Za-hjkmnp-tv-z]{25}$",
}
_BYTES_PER_CHARACTER: Final = 4  # of UTF-8, at most


@dataclass(slots=True)
class Constrained:
    """A schema under way.

    Attributes:
        schema: The keywords so far.
        unsaid: Rules that no keyword says: each a dict with "id" and, of CEL rules, "message"
            and "expression", of others "value".
        refuses_empty: Whether one of `unsaid` is known to refuse the empty string.
    """

    schema: Schema
    unsaid: list[Schema] = field(default_factory=list[Schema])
    refuses_empty: bool = False

    def add(self, keywords: Schema) -> None:
        """Add keywords; one that is there already goes into an `allOf`."""
        if self.schema.keys().isdisjoint(keywords):
            self.schema.update(keywords)
        else:
            self.schema.setdefault("allOf", []).append(keywords)

    def leave(self, kind: str, name: str, value: Any) -> None:  # noqa: ANN401 - see `_plain`
        """Keep a standard rule that cannot be said."""
        self.unsaid.append({"id": f"{kind}.{name}", "value": _plain(value)})


def _plain(value: Any) -> Any:  # noqa: ANN401 - whatever a rule holds
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if _is_list(value):
        return [_plain(item) for item in value]
    if _is_dict(value):
        return {key: _plain(item) for key, item in value.items()}
    return value


def _is_list(value: object) -> TypeGuard[list[Any]]:
    return isinstance(value, list)


def _is_dict(value: object) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict)


def cel_rules(into: Constrained, rules: Mapping[str, Any]) -> None:
    """Add the CEL rules of a FieldRules or MessageRules; a bare `matches` becomes a pattern."""
    found = [*rules.get("cel", ())]
    found += ({"expression": text} for text in rules.get("cel_expression", ()))
    for rule in found:
        pattern = matched_pattern(rule.get("expression", ""))
        translated = None if pattern is None else ecma_pattern(pattern)
        if translated is None:
            into.unsaid.append(dict(rule))
        else:
            into.add({"pattern": translated})


def _predefined(into: Constrained, rules: Mapping[str, Any]) -> None:
    for rule in rules.get("predefined", ()):
        before = len(into.unsaid)
        cel_rules(into, rule)
        for left in into.unsaid[before:]:
            left["value"] = _plain(rule["value"])


def string_rules(into: Constrained, rules: Mapping[str, Any]) -> None:
    """Add a StringRules to {"type": "string"}."""
    _choices(into, rules)
    for name, value in rules.items():
        match name:
            case "len":
                into.add({"minLength": value, "maxLength": value})
            case "min_len":
                into.add({"minLength": value})
            case "max_len":
                into.add({"maxLength": value})
            case "len_bytes":
                into.add({"minLength": -(-value // _BYTES_PER_CHARACTER), "maxLength": value})
                into.leave("string", name, value)
            case "min_bytes":
                into.add({"minLength": -(-value // _BYTES_PER_CHARACTER)})
                into.leave("string", name, value)
            case "max_bytes":
                into.add({"maxLength": value})
                into.leave("string", name, value)
            case "pattern" if (pattern := ecma_pattern(value)) is not None:
                into.add({"pattern": pattern})
            case "prefix":
                into.add({"pattern": f"^{literal_pattern(value)}"})
            case "suffix":
                into.add({"pattern": f"{literal_pattern(value)}$"})
            case "contains":
                into.add({"pattern": literal_pattern(value)})
            case "not_contains":
                into.add({"not": {"pattern": literal_pattern(value)}})
            case "const" | "in" | "not_in" | "example" | "predefined" | "strict":
                pass
            case _ if name in _FORMATS:
                _format(into, name, on=value)
            case _ if name in _PATTERNS:
                into.add({"pattern": _PATTERNS[name]} if value else {})
            case _ if value:
                into.leave("string", name, value)
                into.refuses_empty |= value != "KNOWN_REGEX_HTTP_HEADER_VALUE"
            case _:
                pass
    _predefined(into, rules)


def _format(into: Constrained, name: str, *, on: bool) -> None:
    formats = [{"format": text} for text in _FORMATS[name]]
    if on:
        into.add(formats[0] if len(formats) == 1 else {"anyOf": formats})


def bytes_rules(into: Constrained, rules: Mapping[str, Any]) -> None:
    """Add a BytesRules to a base64 string, whose padding may be left out."""
    exact = rules.get("len")
    low, high = rules.get("min_len", exact), rules.get("max_len", exact)
    if low is not None or high is not None:
        most = "" if high is None else _digits(high)
        into.add({"pattern": f"^[^=]{{{_digits(low or 0)},{most}}}=*$"})
    for name, value in rules.items():
        match name:
            case "len" | "min_len" | "max_len":
                pass
            case "example":
                into.add({"examples": _plain(value)})
            case "predefined":
                pass
            case _ if value:
                into.leave("bytes", name, value)
                into.refuses_empty |= name in {"ip", "ipv4", "ipv6", "uuid"}
            case _:
                pass
    # Patterns of CEL are not those of the base64 text.
    for rule in rules.get("predefined", ()):
        into.unsaid += [{**cel, "value": _plain(rule["value"])} for cel in rule.get("cel", ())]


def _digits(size: int) -> int:
    """Return how many digits of base64 tell so many bytes."""
    return -(-size * 4 // 3)


def number_rules(into: Constrained, kind: str, rules: Mapping[str, Any]) -> None:
    """Add the rules of a number to {"type": "integer"} or {"type": "number"}."""
    _choices(into, rules)
    low = _bound(rules, {"gt": "exclusiveMinimum", "gte": "minimum"})
    high = _bound(rules, {"lt": "exclusiveMaximum", "lte": "maximum"})
    if low and high and is_outside(rules):
        # validate.proto: a lower bound above the upper one takes what lies outside of them.
        into.add({"anyOf": [low, high]})
    else:
        into.schema.update({**low, **high})
    known = {"const", "in", "not_in", "example", "gt", "gte", "lt", "lte", "finite", "predefined"}
    for name in rules.keys() - known:
        into.leave(kind, name, rules[name])
    _predefined(into, rules)


def _bound(rules: Mapping[str, Any], keywords: Mapping[str, str]) -> Schema:
    # Infinity is no JSON number, and no bound for one.
    return {
        keyword: rules[name]
        for name, keyword in keywords.items()
        if name in rules and math.isfinite(rules[name])
    }


def is_outside(rules: Mapping[str, Any]) -> bool:
    """Return whether the bounds of a number are those of what it must not be."""
    low, high = rules.get("gt", rules.get("gte")), rules.get("lt", rules.get("lte"))
    return low is not None and high is not None and bool(low > high)


def enum_rules(names: Mapping[str, int], rules: Mapping[str, Any]) -> list[str]:
    """Return the names that an EnumRules leaves, in order; aliases stay with their number."""
    allowed = set(names.values())
    if "const" in rules:
        allowed &= {rules["const"]}
    if "in" in rules:
        allowed &= set(rules["in"])
    allowed -= set(rules.get("not_in", ()))
    return [name for name, number in names.items() if number in allowed]


def _choices(into: Constrained, rules: Mapping[str, Any]) -> None:
    if "const" in rules:
        into.add({"const": _plain(rules["const"])})
    if "in" in rules:
        into.add({"enum": _plain(rules["in"])})
    if "not_in" in rules:
        into.add({"not": {"enum": _plain(rules["not_in"])}})
    if "example" in rules:
        into.add({"examples": _plain(rules["example"])})
