"""The schemas of one document: messages and fields of the model as JSON Schema."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING, Any, Final

from triwire.plugin.failure import PluginError
from triwire.plugin.model import Kind
from triwire.plugin.openapi.prose import prose, with_checks
from triwire.plugin.openapi.refusal import refuses
from triwire.plugin.openapi.rules import (
    Constrained,
    bytes_rules,
    cel_rules,
    enum_rules,
    is_outside,
    number_rules,
    string_rules,
)
from triwire.plugin.openapi.wellknown import (
    ANY,
    ANY_SCHEMA,
    FLOATS,
    LONGS,
    STATUS,
    WRAPPERS,
    scalar,
    special,
    status_schema,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from triwire.plugin.model import Api, Field, Message
    from triwire.plugin.openapi.names import SchemaNames
    from triwire.plugin.openapi.rules import Schema

__all__ = ["RULES_KEY", "Bound", "Schemas"]

Bound = frozenset[tuple[str, ...]]
"""Field paths, by proto names, that something else than the body holds."""

RULES_KEY: Final = "x-validation"
"""Holds the rules that JSON Schema cannot say."""

_BEHAVIOR_KEY: Final = "x-field-behavior"
_NULL: Final = "google.protobuf.NullValue"
# What standard keywords say already, or what goes without saying.
_SAID: Final = frozenset({"FIELD_BEHAVIOR_UNSPECIFIED", "OPTIONAL", "OUTPUT_ONLY", "INPUT_ONLY"})
_ZEROS: Final[dict[Kind, object]] = {
    Kind.BOOL: False,
    Kind.BYTES: "",
    Kind.FLOAT: 0,
    Kind.INT: 0,
    Kind.STRING: "",
}


class Schemas:
    """Collects the schemas that a document refers to.

    Args:
        api: The files of the run.
        names: The document's names.
        sent: Full names of the messages that requests hold.
        answered: Those that responses hold.
    """

    def __init__(
        self, api: Api, names: SchemaNames, *, sent: Collection[str], answered: Collection[str]
    ) -> None:
        self._api = api
        self._names = names
        self._sent = sent
        self._answered = answered
        self._made: dict[tuple[str, Bound], str] = {}
        self._schemas: dict[str, Schema] = {}

    def components(self) -> dict[str, Schema]:
        """Return what was referred to so far, by name."""
        return dict(sorted(self._schemas.items()))

    def message(self, full_name: str, bound: Bound = frozenset()) -> Schema:
        """Return a reference to a message, or the schema of one with a form of its own.

        Args:
            full_name: The message.
            bound: Fields that this form of it does without.
        """
        if (found := special(full_name)) is not None:
            return found
        if full_name in WRAPPERS:
            return self._element(Kind.MESSAGE, "message", full_name, {}).schema
        key = (full_name, bound)
        if key not in self._made:
            names = self._names
            name = names.derived(full_name, "Body") if bound else names.of(full_name)
            self._made[key] = name
            if full_name == ANY:
                self._schemas[name] = ANY_SCHEMA
            elif full_name in self._api.messages:
                self._schemas[name] = self._object(self._api.messages[full_name], bound)
            else:
                raise PluginError(f"the compiler did not send the type {full_name}")
        return {"$ref": f"#/components/schemas/{self._made[key]}"}

    def error(self) -> Schema:
        """Return a reference to google.rpc.Status, which need not be among the files."""
        name = self._names.of(STATUS)
        self._schemas[name] = status_schema(self.message(ANY))
        return {"$ref": f"#/components/schemas/{name}"}

    def field(self, field: Field, bound: Bound = frozenset(), *, required: bool = False) -> Schema:
        """Return the schema of a field, with its comment and behaviours.

        Args:
            field: The field.
            bound: Field paths below it that this form does without.
            required: Whether what holds the field says that it has to be there.
        """
        rules = _rules_of(field)
        under_way = self._value(field, rules, bound)
        if rules.get("required") and not field.has_presence:
            _require_value(under_way, field.kind, is_many=field.repeated)
        if field.kind is Kind.MAP or field.repeated or field.kind is Kind.MESSAGE:
            cel_rules(under_way, rules)
        schema: Schema = {}
        comment = prose(field.comment) or self._enum_comment(field)
        if text := with_checks(comment, under_way.unsaid):
            schema["description"] = text
        schema.update(_for_json(under_way))
        if "OUTPUT_ONLY" in field.behaviors:
            schema["readOnly"] = True
        if "INPUT_ONLY" in field.behaviors:
            schema["writeOnly"] = True
        if field.deprecated:
            schema["deprecated"] = True
        said = _SAID | {"REQUIRED"} if required else _SAID
        if left := [name for name in field.behaviors if name not in said]:
            schema[_BEHAVIOR_KEY] = left
        return schema

    def is_required(self, message: Message, field: Field) -> bool:
        """Return whether JSON of a message always has a field, in every direction it is used.

        A field that rules refuse unless it is set has to be there. field_behavior REQUIRED binds
        requests alone: responses leave a field out that holds its zero value.
        """
        sent, answered = message.full_name in self._sent, message.full_name in self._answered
        if field.oneof:
            return False
        if ("OUTPUT_ONLY" in field.behaviors and sent) or (
            "INPUT_ONLY" in field.behaviors and answered
        ):
            return False
        # A `required` of proto2 binds both sides.
        says_so = field.required and not (answered and "REQUIRED" in field.behaviors)
        return says_so or self._refuses_absence(field)

    def _refuses_absence(self, field: Field) -> bool:
        rules = _rules_of(field)
        if rules.get("required"):
            return True
        if field.has_presence or rules.get("ignore") == "IGNORE_IF_ZERO_VALUE":
            return False
        if field.kind in (Kind.INT, Kind.FLOAT) and not field.repeated:
            number = Constrained(scalar(field.type))
            number_rules(number, field.type, rules.get(field.type, {}))
            return refuses(number.schema, 0)
        under_way = self._value(field, rules, frozenset())
        zero: object = _ZEROS.get(field.kind)
        if field.repeated:
            zero = []
        elif field.kind is Kind.MAP:
            zero = {}
        elif field.kind is Kind.ENUM:
            zero = self._api.enums[field.type_name].values[0]
        elif field.kind in (Kind.STRING, Kind.BYTES) and under_way.refuses_empty:
            return True
        return refuses(under_way.schema, zero)

    def _object(self, message: Message, bound: Bound) -> Schema:
        under_way = Constrained({"type": "object"})
        properties: Schema = {}
        required: list[str] = []
        for field in message.fields:
            if (field.name,) in bound:
                continue
            below = frozenset(path[1:] for path in bound if path[0] == field.name)
            is_required = self.is_required(message, field)
            properties[field.json_name] = self.field(field, below, required=is_required)
            if is_required:
                required.append(field.json_name)
        if properties:
            under_way.schema["properties"] = properties
        if required:
            under_way.schema["required"] = required
        self._oneofs(under_way, message, bound)
        cel_rules(under_way, message.rules)
        schema: Schema = {}
        if text := with_checks(prose(message.comment), under_way.unsaid):
            schema["description"] = text
        if message.deprecated:
            schema["deprecated"] = True
        return {**schema, **_for_json(under_way)}

    def _oneofs(self, under_way: Constrained, message: Message, bound: Bound) -> None:
        groups = [
            ([f for f in message.fields if f.oneof == oneof.name], oneof.required)
            for oneof in message.oneofs
        ]
        for rule in message.rules.get("oneof", ()):
            named = (message.field(name) for name in rule.get("fields", ()))
            groups.append(([f for f in named if f is not None], rule.get("required", False)))
        for fields, required in groups:
            if any((field.name,) in bound for field in fields):
                continue  # set from elsewhere: then the body has none of the others
            names = [field.json_name for field in fields]
            each = [{"required": [name]} for name in names]
            if required and names:
                under_way.add({"oneOf": each})
            elif len(names) > 1:
                pairs = [{"required": list(pair)} for pair in combinations(names, 2)]
                under_way.add({"not": {"anyOf": pairs}})

    def _enum_comment(self, field: Field) -> str:
        found = self._api.enums.get(field.type_name) if field.type_name != _NULL else None
        return prose(found.comment) if found is not None else ""

    def _value(self, field: Field, rules: Mapping[str, Any], bound: Bound) -> Constrained:
        if field.kind is Kind.MAP:
            return self._map(field, rules.get("map", {}))
        if not field.repeated:
            return self._element(field.kind, field.type, field.type_name, rules, bound)
        wanted = rules.get("repeated", {})
        items = _rules_of_part(wanted.get("items", {}))
        element = self._element(field.kind, field.type, field.type_name, items)
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
        value_rules = _rules_of_part(rules.get("values", {}))
        value = entry["value"]
        element = self._element(value.kind, value.type, value.type_name, value_rules)
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
        under_way = self._element(key.kind, key.type, "", _rules_of_part(rules))
        if key.kind is Kind.INT and key.type not in LONGS:
            bare = Constrained({"type": "string", "pattern": "^-?[0-9]+$"}, under_way.unsaid)
            for name, value in rules.get(key.type, {}).items():
                bare.leave(key.type, name, value)
            under_way = bare
        found = _for_json(under_way)
        return {} if found == {"type": "string"} else found

    def _element(
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
            found = Constrained(self.message(type_name, bound))
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
        if type_name == _NULL:
            return Constrained({"type": "null"})
        enum = self._api.enums[type_name]
        numbers = dict(zip(enum.values, enum.numbers, strict=True))
        names = enum_rules(numbers, rules)
        return Constrained({"type": "string", "title": self._names.of(type_name), "enum": names})


def _rules_of(field: Field) -> Mapping[str, Any]:
    return _rules_of_part(field.rules)


def _rules_of_part(rules: Mapping[str, Any]) -> Mapping[str, Any]:
    return {} if rules.get("ignore") == "IGNORE_ALWAYS" else rules


def _for_json(under_way: Constrained) -> Schema:
    if not under_way.unsaid:
        return under_way.schema
    return {**under_way.schema, RULES_KEY: under_way.unsaid}


def _optional_zero(element: Constrained, field: Field, rules: Mapping[str, Any]) -> Schema:
    """Return an item's schema, which takes the zero value if its rules pass over that."""
    schema = _for_json(element)
    zero = _ZEROS.get(field.kind)
    if rules.get("ignore") != "IGNORE_IF_ZERO_VALUE" or zero is None:
        return schema
    return {"anyOf": [{"const": zero}, schema]}


def _require_value(under_way: Constrained, kind: Kind, *, is_many: bool) -> None:
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
