"""Every rule that the contract puts on requests, read from the descriptors.

The bytes of the rules are in the runtime descriptors, unread: the file that declares them is not
among their dependencies. Here they are parsed with protovalidate's copy of buf/validate in a pool
of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, MutableSequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from google.protobuf import (
    descriptor_pb2,
    descriptor_pool,
    duration_pb2,
    message_factory,
    timestamp_pb2,
)
from protovalidate import ViolationPb

from coreweave_inference_gen import _rules

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor, FieldDescriptor
    from google.protobuf.message import Message

__all__ = ["KEYS", "Rule", "rules_of"]


KEYS: Final = "keys: "


class Rule(NamedTuple):
    """One rule on a request.

    Attributes:
        request: Name of the request message.
        field: Dotted path of the field, or of the message or oneof, that the rule stands on.
        rule: Its id, as protovalidate names it in a violation; rules on a map's keys begin with
            `KEYS`.
    """

    request: str
    field: str
    rule: str


def rules_of(request: Descriptor) -> Iterator[Rule]:
    """Yield every rule on a request message and on what it holds."""
    for field, rule in _message_rules(request, ""):
        yield Rule(request.name, field, rule)


def _message_rules(message: Descriptor, path: str) -> Iterator[tuple[str, str]]:
    for rule in _cel_ids(_extension(message, "MessageOptions", "message")):
        yield path.rstrip("."), rule
    for oneof in message.oneofs:
        if getattr(_extension(oneof, "OneofOptions", "oneof"), "required", False):
            yield path + oneof.name, "required"
    for field in message.fields:
        here = path + field.name
        rules = _extension(field, "FieldOptions", "field")
        yield from ((here, rule) for rule in _field_rule_ids(rules))
        nested = field.message_type
        if nested is None or nested.GetOptions().map_entry:
            continue
        if nested.file.package == message.file.package:
            yield from _message_rules(nested, f"{here}.")


def _field_rule_ids(rules: Any) -> Iterator[str]:
    """Yield the ids of a FieldRules message's rules."""
    if rules is None:
        return
    yield from _cel_ids(rules)
    for option, value in _set_fields(rules):
        if option.name == "required":
            yield "required"
        elif option.message_type is not None and option.name != "cel":
            yield from _typed_rule_ids(option.name, value)


def _typed_rule_ids(kind: str, rules: Message) -> Iterator[str]:
    """Yield the ids of StringRules, RepeatedRules and so on: "string.uuid", "map.max_pairs"."""
    names: set[str] = set()
    for option, value in _set_fields(rules):
        if option.name == "keys":
            yield from (f"{KEYS}{rule}" for rule in _field_rule_ids(value))
        elif option.name in {"items", "values"}:
            yield from _field_rule_ids(value)
        else:
            names.add(option.name)
    # Both bounds together are one rule.
    if {"gte", "lte"} <= names:
        names = names - {"gte", "lte"} | {"gte_lte"}
    yield from (f"{kind}.{name}" for name in sorted(names))


def _cel_ids(rules: Any) -> list[str]:
    return [] if rules is None else [rule.id for rule in rules.cel]


def _set_fields(rules: Message) -> Iterator[tuple[FieldDescriptor, Any]]:
    for option, value in rules.ListFields():
        if not isinstance(value, MutableSequence) or len(cast("Any", value)):
            yield option, value


def _extension(owner: Any, kind: str, name: str) -> Any:
    """Return a buf.validate option of a descriptor as a typed message, or None."""
    options_class, extension = _option(kind, name)
    options: Any = options_class.FromString(owner.GetOptions().SerializeToString())
    return options.Extensions[extension] if options.HasExtension(extension) else None


def _option(kind: str, name: str) -> tuple[Any, Any]:
    options = message_factory.GetMessageClass(
        _POOL.FindMessageTypeByName(f"google.protobuf.{kind}")
    )
    return options, _POOL.FindExtensionByName(f"buf.validate.{name}")


def _pool() -> descriptor_pool.DescriptorPool:
    pool = descriptor_pool.DescriptorPool()
    for module in (descriptor_pb2, duration_pb2, timestamp_pb2):
        pool.AddSerializedFile(module.DESCRIPTOR.serialized_pb)
    validate = ViolationPb.desc().file
    for dependency in validate.dependencies:
        name = dependency.proto.name
        try:
            pool.FindFileByName(name)
        except KeyError:
            pool.AddSerializedFile(dependency.proto.to_binary())
    pool.AddSerializedFile(validate.proto.to_binary())
    for file in _rules.FILES:
        pool.AddSerializedFile(file)
    return pool


_POOL = _pool()
