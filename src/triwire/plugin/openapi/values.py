"""The schemas of what fields hold: single values, lists, maps."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from triwire.plugin.model import Kind
from triwire.plugin.openapi.rules import (
    Constrained,
    bytes_rules,
    cel_rules,
    enum_rules,
    is_outside,
    number_rules,
    string_rules,
)
from triwire.plugin.openapi.wellknown import ANY, FLOATS, LONGS, WRAPPERS, scalar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from triwire.plugin.model import Api, Field
    from triwire.plugin.openapi.names import SchemaNames
    from triwire.plugin.openapi.rules import Schema

__all__ = [
    "NULL",
    "RULES_KEY",
    "ZEROS",
    "Bound",
    "Values",
    "applied",
    "for_json",
    "require_value",
]

Bound: TypeAlias = frozenset[tuple[str, ...]]
"""Field paths, by proto names, that something else than the body holds."""

NULL: Final = "google.protobuf.NullValue"

RULES_KEY: Final = "x-validation"
"""Holds the rules that JSON Schema cannot say."""

ZEROS: Final[dict[Kind, object]] = {
    Kind.BOOL: False,
    Kind.BYTES: "",
    Kind.FLOAT: 0,
    Kind.INT: 0,
    Kind.STRING: "",
}


class Values:
    """Makes the schemas of values.

    Args:
        api: The files of the run.
        names: The document's names.
        message: Returns the schema of a message without some of its fields.
    """

    def __init__(
        self, api: Api, names: SchemaNames, message: Callable[[str, Bound], Schema]
    ) -> None:
        self._api = api
        self._names = names
        self._message = message

    def of(self, field: Field, rules: Mapping[str, Any], bound: Bound = frozenset()) -> Constrained:
        """Return what a field holds: one value, a list or a map."""
        if field.kind is Kind.MAP:
            return self._map(field, rules.get("map", {}))
        if not field.repeated:
            return self.element(field.kind, field.type, field.type_name, rules, bound)
        wanted = rules.get("repeated", {})
        items = applied(wanted.get("items", {}))
        element = self.element(field.kind, field.type, field.type_name, items)
        array = Constrained({"type": "array", "items": _optional_zero(element, field, items)})
        for name, value in wanted.items():
            match name:
                case "min_items":
                    array.add({"minItems": value})
                case "max_items":
                    array.add({"maxItems": value})
                case "unique" if value:
                    array.add({"uniqueItems": True})
                case _ if name not in {"items", "unique"}:
                    array.leave("repeated", name, value)
                case _:
                    pass
        return array

    def _map(self, field: Field, rules: Mapping[str, Any]) -> Constrained:
        entry = {each.name: each for each in self._api.messages[field.type_name].fields}
        key = self._key(entry["key"], rules.get("keys", {}))
        value_rules = applied(rules.get("values", {}))
        value = entry["value"]
        element = self.element(value.kind, value.type, value.type_name, value_rules)
        found = Constrained(
            {"type": "object", "additionalProperties": _optional_zero(element, value, value_rules)}
        )
        if key:
            found.schema["propertyNames"] = key
        for name, keyword in (("min_pairs", "minProperties"), ("max_pairs", "maxProperties")):
            if name in rules:
                found.add({keyword: rules[name]})
        return found

    def _key(self, key: Field, rules: Mapping[str, Any]) -> Schema:
        """Return what a map's keys look like, {} for any text."""
        if key.kind is Kind.BOOL:
            return {"enum": ["true", "false"]}
        under_way = self.element(key.kind, key.type, "", applied(rules))
        if key.kind is Kind.INT and key.type not in LONGS:
            bare = Constrained({"type": "string", "pattern": "^-?[0-9]+$"}, under_way.unsaid)
            for name, value in rules.get(key.type, {}).items():
                bare.leave(key.type, name, value)
            under_way = bare
        found = for_json(under_way)
        return {} if found == {"type": "string"} else found

    def element(
        self,
        kind: Kind,
        type_: str,
        type_name: str,
        rules: Mapping[str, Any],
        bound: Bound = frozenset(),
    ) -> Constrained:
        """Return one value: a field that is not repeated, an item, a map's value."""
        if type_name in WRAPPERS:
            type_ = WRAPPERS[type_name]
            kind = Kind.MESSAGE
        elif kind is Kind.MESSAGE:
            found = Constrained(self._message(type_name, bound))
            self._message_rules(found, type_name, rules)
            return found
        own = rules.get(type_, {})
        if kind is Kind.ENUM:
            found = self._enum(type_name, own)
        else:
            found = Constrained(scalar(type_))
            if type_ == "string":
                string_rules(found, own)
            elif type_ == "bytes":
                bytes_rules(found, own)
            elif type_ == "bool":
                found.add({"const": own["const"]} if "const" in own else {})
            else:
                number_rules(found, type_, own)
                found = _number_in_json(found, type_, own)
        if kind is not Kind.MESSAGE:
            cel_rules(found, rules)
        return found

    def _message_rules(self, found: Constrained, type_name: str, rules: Mapping[str, Any]) -> None:
        for name in ("any", "duration", "timestamp", "field_mask"):
            for rule, value in rules.get(name, {}).items():
                if (type_name, rule) == (ANY, "in"):
                    found.add({"properties": {"@type": {"enum": value}}})
                elif rule != "example":
                    found.leave(name, rule, value)

    def _enum(self, type_name: str, rules: Mapping[str, Any]) -> Constrained:
        if type_name == NULL:
            return Constrained({"type": "null"})
        enum = self._api.enums[type_name]
        numbers = dict(zip(enum.values, enum.numbers, strict=True))
        names = enum_rules(numbers, rules)
        return Constrained({"type": "string", "title": self._names.of(type_name), "enum": names})


def applied(rules: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the rules that count: none where they are to be ignored always."""
    return {} if rules.get("ignore") == "IGNORE_ALWAYS" else rules


def for_json(under_way: Constrained) -> Schema:
    """Return a schema, with what it cannot say."""
    if not under_way.unsaid:
        return under_way.schema
    return {**under_way.schema, RULES_KEY: under_way.unsaid}


def _optional_zero(element: Constrained, field: Field, rules: Mapping[str, Any]) -> Schema:
    """Return an item's schema, which takes the zero value if its rules pass over that."""
    schema = for_json(element)
    zero = ZEROS.get(field.kind)
    if rules.get("ignore") != "IGNORE_IF_ZERO_VALUE" or zero is None:
        return schema
    return {"anyOf": [{"const": zero}, schema]}


def require_value(under_way: Constrained, kind: Kind, *, is_many: bool) -> None:
    """Refuse the zero value, as the rule `required` does for fields without presence."""
    schema = under_way.schema
    if is_many:
        schema["minItems"] = max(1, schema.get("minItems", 0))
        return
    match kind:
        case Kind.MAP:
            schema["minProperties"] = max(1, schema.get("minProperties", 0))
        case Kind.STRING | Kind.BYTES:
            schema["minLength"] = max(1, schema.get("minLength", 0))
        case Kind.BOOL:
            schema["const"] = True
        case Kind.ENUM:
            schema["enum"] = schema["enum"][1:] if schema["enum"] else []
        case _:
            zero = "0" if schema["type"] == "string" else 0
            under_way.add({"not": {"const": zero}})


def _number_in_json(found: Constrained, type_: str, rules: Mapping[str, Any]) -> Constrained:
    """Turn a schema of numbers into one of what JSON holds."""
    if type_ in LONGS:
        return _long_in_json(found, type_, rules)
    if type_ not in FLOATS or rules.get("finite") or "const" in rules or "in" in rules:
        return found
    bounds = rules.keys() & {"gt", "gte", "lt", "lte"}
    words = [] if bounds else ["NaN"]
    if not bounds & {"lt", "lte"} or is_outside(rules):
        words.append("Infinity")
    if not bounds & {"gt", "gte"} or is_outside(rules):
        words.append("-Infinity")
    if not words:
        return found
    return replace(found, schema={"anyOf": [found.schema, {"enum": words}]})


def _long_in_json(found: Constrained, type_: str, rules: Mapping[str, Any]) -> Constrained:
    number = found.schema
    sign = "" if number["minimum"] >= 0 else "-?"
    text = Constrained(
        {"type": "string", "format": number["format"], "pattern": f"^{sign}[0-9]+$"},
        found.unsaid,
    )
    for name in ("gt", "gte", "lt", "lte"):
        if name in rules:
            text.leave(type_, name, rules[name])
    if "const" in number:
        text.add({"const": str(number["const"])})
    if "enum" in number:
        text.add({"enum": [str(value) for value in number["enum"]]})
    if "not_in" in rules:
        text.add({"not": {"enum": [str(value) for value in rules["not_in"]]}})
    return text
