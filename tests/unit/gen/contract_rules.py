"""Every validation rule of the contract, with values that break it and values that keep it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from google.protobuf import descriptor_pb2, duration_pb2, field_mask_pb2, timestamp_pb2
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from protovalidate import ViolationPb
from typing_extensions import override

from coreweave_inference_gen import _rules
from coreweave_inference_gen.coreweave.inference.v1alpha1 import (
    capacity_claim_pb2,
    condition_pb2,
    deployment_pb2,
    gateway_pb2,
    status_pb2,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from google.protobuf.descriptor import Descriptor, FieldDescriptor
    from google.protobuf.message import Message

__all__ = ["Case", "contract_cases", "fields_ignored_if_zero"]

MODULES = (status_pb2, condition_pb2, gateway_pb2, deployment_pb2, capacity_claim_pb2)

UUID = "6f9619ff-8b86-4d01-b42d-00c04fc964ff"

# By rule id: a value that breaks it and one that keeps it, from the rule's own argument.
STRINGS: dict[str, Callable[[Any], tuple[str, str]]] = {
    "string.uuid": lambda _: ("6f9619ff", UUID),
    "string.uri": lambda _: ("not a uri", "https://example.com/v1"),
    "string.hostname": lambda _: ("-edge.example.com", "edge.example.com"),
    "string.min_len": lambda least: ("a" * (least - 1), "a" * least),
    "string.max_len": lambda most: ("a" * (most + 1), "a" * most),
    "string.pattern": lambda _: ("a b!", "ab"),
    "string.in": lambda allowed: ("sglang", allowed[0]),
    "string.not_contains": lambda part: (f"a{part}b", "ab"),
    "string.valid_organization_id": lambda _: ("cw46g7", "cw4637"),
    "string.valid_zone": lambda _: ("us-east-04a", "US-EAST-04A"),
    "string.valid_host_label": lambda _: ("-edge", "edge-1"),
    "string.valid_semver_version": lambda _: ("1.2", "1.2.3-rc.1+crwv.2"),
}
# By the rule's own id: fields that break it and fields that keep it.
CEL: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "server_url_requires_api_key": ({"api_key": "k"}, {"enable_usage_reports": True}),
    "api_key_not_supported_yet": (
        {"api_key": "k", "server_url": "https://example.com"},
        {"enable_rate_limiting": True},
    ),
    "path.no_traversal": ({"path": "models/../llama"}, {"path": "models/llama..v2"}),
    "max_gte_min": ({"min": 3, "max": 2}, {"min": 2, "max": 2}),
}


@dataclass(frozen=True, slots=True)
class Case:
    """One rule on one field, oneof or message.

    Attributes:
        rule: The id that a violation of it carries.
        path: The violation's field path, subscripts left out; "" for rules on a message.
        broken: A message that breaks the rule, and maybe others.
        kept: A message of the same type that keeps it, and maybe breaks others.
    """

    rule: str
    path: str
    broken: Message
    kept: Message

    @override
    def __str__(self) -> str:
        return f"{self.broken.DESCRIPTOR.name}.{self.path or '*'}:{self.rule}"


def contract_cases() -> Iterator[Case]:
    """Yield a case for every rule that the contract's options hold.

    Raises:
        LookupError: The contract has a kind of rule that nothing here knows to break.
    """
    options = _OptionReader()
    for module in MODULES:
        for message in module.DESCRIPTOR.message_types_by_name.values():
            yield from _of_message(message, options)


def fields_ignored_if_zero() -> Iterator[tuple[Message, str]]:
    """Yield an empty message and a field of it, for each field whose zero value keeps all rules."""
    options = _OptionReader()
    for module in MODULES:
        for message in module.DESCRIPTOR.message_types_by_name.values():
            for field in message.fields:
                rules = options.read(field, "field")
                if rules.ignore and not rules.required:
                    yield GetMessageClass(message)(), field.name


class _OptionReader:
    """Reads buf.validate options in a pool of its own: the default one is what is under test."""

    def __init__(self) -> None:
        self._pool = DescriptorPool()
        for known in (descriptor_pb2, duration_pb2, field_mask_pb2, timestamp_pb2):
            self._pool.AddSerializedFile(known.DESCRIPTOR.serialized_pb)
        self._pool.AddSerializedFile(ViolationPb.desc().file.proto.to_binary())
        for file in _rules.FILES:
            self._pool.AddSerializedFile(file)

    def read(self, described: Any, kind: str) -> Any:
        """Return the rules of a field, oneof or message, as dynamic messages."""
        options = described.GetOptions()
        descriptor = self._pool.FindMessageTypeByName(options.DESCRIPTOR.full_name)
        extension = self._pool.FindExtensionByName(f"buf.validate.{kind}")
        parsed: Any = GetMessageClass(descriptor).FromString(options.SerializeToString())
        return parsed.Extensions[extension]


def _of_message(message: Descriptor, options: _OptionReader) -> Iterator[Case]:
    new: Any = GetMessageClass(message)
    for cel in options.read(message, "message").cel:
        broken, kept = CEL[cel.id]
        yield Case(cel.id, "", new(**broken), new(**kept))
    for oneof in message.oneofs:
        if options.read(oneof, "oneof").required:
            member = oneof.fields[0].name
            yield Case("required", oneof.name, new(), new(**{member: {}}))
    for field in message.fields:
        rules = options.read(field, "field")
        if rules.required:
            yield Case("required", field.name, new(), _with(new, field, _some(field)))
        for cel in rules.cel:
            broken, kept = CEL[cel.id]
            yield Case(cel.id, field.name, new(**broken), new(**kept))
        for rule, bad, good in _field_values(rules):
            # A least value of 1 cannot be broken where 0 stands for "not given".
            if bad or not rules.ignore:
                yield Case(rule, field.name, _with(new, field, bad), _with(new, field, good))
    for nested in message.nested_types:
        if not nested.GetOptions().map_entry:
            yield from _of_message(nested, options)


def _with(new: Any, field: FieldDescriptor, value: Any) -> Any:
    return new(**{field.name: value})


def _some(field: FieldDescriptor) -> Any:
    """Return any value that counts as present."""
    if field.message_type is None:
        return ["x"] if _is_list(field) else "x"
    if field.message_type.GetOptions().map_entry:
        value = field.message_type.fields_by_name["value"]
        return {"k": "v" if value.message_type is None else GetMessageClass(value.message_type)()}
    return GetMessageClass(field.message_type)()


def _is_list(field: FieldDescriptor) -> bool:
    # FieldDescriptor.label is deprecated in protobuf 7, is_repeated is missing in 5.29.
    described = descriptor_pb2.DescriptorProto()
    assert field.containing_type is not None
    field.containing_type.CopyToProto(described)
    label = described.field[field.index].label
    return label == descriptor_pb2.FieldDescriptorProto.LABEL_REPEATED


def _field_values(rules: Any) -> Iterator[tuple[str, Any, Any]]:
    """Yield (rule id, a value of the field that breaks it, one that keeps it)."""
    kind = rules.WhichOneof("type")
    if kind == "repeated":
        yield from _list_values(rules.repeated)
    elif kind == "map":
        yield from _map_values(rules.map)
    elif kind is not None:
        yield from _scalar_values(kind, getattr(rules, kind))


def _list_values(rules: Any) -> Iterator[tuple[str, Any, Any]]:
    items = list(_field_values(rules.items))
    # Enum items are numbers; every other list of the contract holds strings.
    item: Any = 1 if rules.items.WhichOneof("type") == "enum" else "x"
    other: Any = 2 if item == 1 else "y"
    for field, value in rules.ListFields():
        match field.name:
            case "unique":
                yield "repeated.unique", [item, item], [item, other]
            case "min_items":
                yield "repeated.min_items", [item] * (value - 1), [item] * value
            case "max_items":
                yield "repeated.max_items", [item] * (value + 1), [item] * value
            case "items":
                yield from ((rule, [bad], [good]) for rule, bad, good in items)
            case name:
                raise LookupError(f"no values for repeated.{name}")


def _map_values(rules: Any) -> Iterator[tuple[str, Any, Any]]:
    for field, value in rules.ListFields():
        match field.name:
            case "max_pairs":
                many = {f"k{number}": "v" for number in range(value + 1)}
                yield "map.max_pairs", many, {"k": "v"}
            case "keys":
                yield from _key_values(value)
            case "values":
                for rule, bad, good in _field_values(value):
                    yield rule, {"k": bad}, {"k": good}
            case name:
                raise LookupError(f"no values for map.{name}")


def _key_values(rules: Any) -> Iterator[tuple[str, Any, Any]]:
    for rule, bad, good in _field_values(rules):
        # The one map with rules on keys whose values are messages has zones as keys.
        value: Any = (
            capacity_claim_pb2.GetCapacityClaimParametersResponse.InstanceTypes()
            if rule == "string.valid_zone"
            else "v"
        )
        yield rule, {bad: value}, {good: value}


def _scalar_values(kind: str, rules: Any) -> Iterator[tuple[str, Any, Any]]:
    given = {field.name: value for field, value in rules.ListFields()}
    if kind == "uint32" and "gte" in given and "lte" in given:
        # protovalidate reports a range as one rule.
        most = given.pop("lte")
        del given["gte"]
        yield "uint32.gte_lte", most + 1, most
    for name, value in given.items():
        rule = f"{kind}.{name}"
        if rule in STRINGS:
            yield (rule, *STRINGS[rule](value))
        elif rule == "uint32.gte":
            yield rule, value - 1, value
        elif rule == "uint32.in":
            yield rule, 3, value[-1]
        elif rule == "enum.defined_only":
            yield rule, 99, 0
        elif rule == "enum.not_in":
            yield rule, value[0], max(value) + 1
        else:
            raise LookupError(f"no values for {rule}")
