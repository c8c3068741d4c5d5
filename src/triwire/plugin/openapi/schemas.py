"""The schemas of one document: messages and fields of the model as JSON Schema."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Final

from triwire.plugin.failure import PluginError
from triwire.plugin.model import Kind
from triwire.plugin.openapi.prose import prose, with_checks
from triwire.plugin.openapi.refusal import refuses
from triwire.plugin.openapi.rules import Constrained, cel_rules, number_rules
from triwire.plugin.openapi.values import NULL, ZEROS, Values, applied, for_json, require_value
from triwire.plugin.openapi.wellknown import (
    ANY,
    ANY_SCHEMA,
    STATUS,
    WRAPPERS,
    scalar,
    special,
    status_schema,
)

if TYPE_CHECKING:
    from collections.abc import Collection

    from triwire.plugin.model import Api, Field, Message
    from triwire.plugin.openapi.names import SchemaNames
    from triwire.plugin.openapi.rules import Schema
    from triwire.plugin.openapi.values import Bound

__all__ = ["Schemas"]

_BEHAVIOR_KEY: Final = "x-field-behavior"
# What standard keywords say already, or what goes without saying.
_SAID: Final = frozenset({"FIELD_BEHAVIOR_UNSPECIFIED", "OPTIONAL", "OUTPUT_ONLY", "INPUT_ONLY"})


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
        self._values = Values(api, names, self.message)

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
            return self._values.element(Kind.MESSAGE, "message", full_name, {}).schema
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
        rules = applied(field.rules)
        under_way = self._values.of(field, rules, bound)
        if rules.get("required") and not field.has_presence:
            require_value(under_way, field.kind, is_many=field.repeated)
        if field.kind is Kind.MAP or field.repeated or field.kind is Kind.MESSAGE:
            cel_rules(under_way, rules)
        schema: Schema = {}
        comment = prose(field.comment) or self._enum_comment(field)
        if text := with_checks(comment, under_way.unsaid):
            schema["description"] = text
        schema.update(for_json(under_way))
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
        if field.oneof or any(field.name in r["fields"] for r in message.rules.get("oneof", ())):
            return False
        if ("OUTPUT_ONLY" in field.behaviors and sent) or (
            "INPUT_ONLY" in field.behaviors and answered
        ):
            return False
        # A `required` of proto2 binds both sides.
        says_so = field.required and not (answered and "REQUIRED" in field.behaviors)
        return says_so or self._refuses_absence(field)

    def _refuses_absence(self, field: Field) -> bool:
        rules = applied(field.rules)
        if rules.get("required"):
            return True
        if field.has_presence or rules.get("ignore") == "IGNORE_IF_ZERO_VALUE":
            return False
        if field.kind in (Kind.INT, Kind.FLOAT) and not field.repeated:
            number = Constrained(scalar(field.type))
            number_rules(number, field.type, rules.get(field.type, {}))
            return refuses(number.schema, 0)
        under_way = self._values.of(field, rules)
        zero: object = ZEROS.get(field.kind)
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
        return {**schema, **for_json(under_way)}

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
        found = self._api.enums.get(field.type_name) if field.type_name != NULL else None
        return prose(found.comment) if found is not None else ""
