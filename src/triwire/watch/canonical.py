"""One form for equal content, whatever wire it came over, and its fingerprint.

Two wires show the same object differently: enum values as numbers, names or a product's own
spelling, stamps cut to other precisions, maps and sets in another order, unknown fields kept or
dropped. A watch that compares what it received would report changes that never were. So content is
compared in a canonical form only:

- a message is copied, unknown fields dropped, update stamps and whatever else does not count as
  content cleared, Timestamps cut to a precision that every wire keeps, sets and keyed lists sorted;
- a mapping (ProtoJSON, or any nested plain data) is read into that message first, if there is a
  message type, and otherwise brought into a sorted tree without empty values;
- the fingerprint is BLAKE2b-128 of the message's deterministic serialization, or of an unambiguous
  text of the tree.

Deterministic serialization sorts map keys and writes fields in order of their numbers. It is not
promised to be the same in every version of every protobuf runtime; if an upgrade changed it, each
object would be reported as modified once after a resume, and nothing would be lost.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import pairwise
from typing import TYPE_CHECKING, Final, TypeAlias, cast

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from triwire.codec.reflection import is_repeated
from triwire.watch.plain import TIMESTAMP, PlainReader, ProtoValue, is_map, message_of
from triwire.watch.stamps import NS_PER_SECOND

if TYPE_CHECKING:
    from collections.abc import Sequence

    from google.protobuf.descriptor import Descriptor

FINGERPRINT_BYTES: Final = 16

_MESSAGE: Final = FieldDescriptor.TYPE_MESSAGE

_Mend: TypeAlias = Callable[[ProtoValue], None]
Plain: TypeAlias = Mapping[str, ProtoValue]
"""An object as nested plain data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CanonicalRules:
    """What counts as content, and how it may be spelled. Paths are dotted proto field names.

    Attributes:
        ignored: Fields that are no content; at least the update stamp.
        sets: Repeated fields whose order means nothing.
        keyed: Repeated messages whose order means nothing, by the fields that tell them apart,
            such as `{"status.conditions": ("type", "zone")}`.
        precision_ns: Timestamps that differ by less are equal: what the coarsest wire keeps.
        enum_aliases: Further spellings of enum values, by the full name of the enum.
    """

    ignored: frozenset[str] = frozenset()
    sets: frozenset[str] = frozenset()
    keyed: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    precision_ns: int = 1000
    enum_aliases: Mapping[str, Mapping[str, int]] = field(
        default_factory=dict[str, Mapping[str, int]]
    )

    def __post_init__(self) -> None:
        """Refuse a precision that is none."""
        if not 1 <= self.precision_ns <= NS_PER_SECOND:
            raise ValueError(
                "precision_ns: expected 1 (exact) to 1_000_000_000 (seconds),"
                f" got {self.precision_ns!r}"
            )


class Canonicalizer:
    """Brings objects of one kind into their canonical form.

    Args:
        message_type: The generated message class; None for plain data without a schema.
        rules: See CanonicalRules.

    Raises:
        ValueError: A path in the rules names no field, or no repeated one where it must.
    """

    def __init__(
        self, message_type: type[Message] | None, rules: CanonicalRules | None = None
    ) -> None:
        self._rules = rules = rules or CanonicalRules()
        self._type = message_type
        self._reader = PlainReader(rules.enum_aliases)
        self._mends: list[_Mend] = []
        if message_type is not None:
            self._mends = _compile(cast("Descriptor", message_type.DESCRIPTOR), rules)

    def form(self, value: Message | Plain) -> Message | dict[str, ProtoValue]:
        """Give the canonical form; the argument stays as it is.

        Args:
            value: A message of the type, or a mapping. A mapping may use proto or JSON names,
                enum names, numbers or aliases, Timestamps as text, `datetime`, message or mapping,
                and 64-bit integers as text. Fields that the type lacks are dropped.

        Raises:
            ValueError: A mapping holds a value that its field cannot take.
            TypeError: A message of another type.
        """
        if self._type is None:
            if isinstance(value, Message):
                raise TypeError(
                    f"expected a mapping, got a {type(value).__name__} message:"
                    " construct the Canonicalizer with its message type"
                )
            return _tree_of_fields(value, "", self._rules)
        form = self._type()
        if isinstance(value, Message):
            if value.DESCRIPTOR.full_name != form.DESCRIPTOR.full_name:
                raise TypeError(
                    f"expected a {form.DESCRIPTOR.full_name}, got a {value.DESCRIPTOR.full_name}"
                )
            form.CopyFrom(value)
        else:
            self._reader.read(value, form)
        for mend in self._mends:
            mend(form)
        form.DiscardUnknownFields()
        return form

    def fingerprint(self, value: Message | Plain) -> bytes:
        """Give 16 bytes that are equal for equal content; arguments and errors as in `form`."""
        form = self.form(value)
        if isinstance(form, Message):
            raw = form.SerializeToString(deterministic=True)
        else:
            raw = json.dumps(form, sort_keys=True, separators=(",", ":")).encode()
        return blake2b(raw, digest_size=FINGERPRINT_BYTES).digest()

    def changed_paths(self, old: Message | Plain, new: Message | Plain) -> frozenset[str]:
        """Name what differs: the deepest dotted field paths, elements of lists not counted.

        Keyed lists are compared element by element, so a new heartbeat in one condition is
        `status.conditions.last_update_time`; a condition more or less is `status.conditions`.
        """
        before, after = self.form(old), self.form(new)
        found: set[str] = set()
        if isinstance(before, Message) and isinstance(after, Message):
            self._compare_messages(before, after, "", found)
        else:
            trees = cast("tuple[dict[str, ProtoValue], dict[str, ProtoValue]]", (before, after))
            self._compare_trees(*trees, "", found)
        return frozenset(found)

    def _compare_messages(self, old: Message, new: Message, prefix: str, found: set[str]) -> None:
        before, after = dict(old.ListFields()), dict(new.ListFields())
        for one in {**before, **after}:
            path = f"{prefix}{one.name}"
            if one not in before or one not in after:
                found.add(path)
            elif before[one] != after[one]:
                self._compare_fields(one, before[one], after[one], path, found)

    def _compare_fields(
        self, one: FieldDescriptor, old: ProtoValue, new: ProtoValue, path: str, found: set[str]
    ) -> None:
        if one.type != _MESSAGE or is_map(one) or message_of(one).full_name == TIMESTAMP:
            found.add(path)
        elif not is_repeated(one):
            self._compare_messages(old, new, f"{path}.", found)
        else:
            keys = self._rules.keyed.get(path, ())
            self._compare_lists(list(old), list(new), keys, path, found)

    def _compare_lists(
        self,
        old: list[ProtoValue],
        new: list[ProtoValue],
        keys: tuple[str, ...],
        path: str,
        found: set[str],
    ) -> None:
        names = [[tuple(getattr(one, key) for key in keys) for one in many] for many in (old, new)]
        if not keys or names[0] != names[1]:
            found.add(path)
            return
        for before, after in zip(old, new, strict=True):
            self._compare_messages(before, after, f"{path}.", found)

    def _compare_trees(
        self, old: dict[str, ProtoValue], new: dict[str, ProtoValue], prefix: str, found: set[str]
    ) -> None:
        for name in {**old, **new}:
            before, after = old.get(name), new.get(name)
            if isinstance(before, dict) and isinstance(after, dict):
                self._compare_trees(
                    cast("dict[str, ProtoValue]", before),
                    cast("dict[str, ProtoValue]", after),
                    f"{prefix}{name}.",
                    found,
                )
            elif before != after:
                found.add(f"{prefix}{name}")


# -- messages ---------------------------------------------------------------------------------


def _compile(descriptor: Descriptor, rules: CanonicalRules) -> list[_Mend]:
    """Turn the rules into operations on a copy, in the order in which they must run."""
    mends = [_at_path(descriptor, path, _clear, "") for path in sorted(rules.ignored)]
    if rules.precision_ns > 1:
        mends.append(_cut_timestamps(descriptor, rules.precision_ns, {}))
    mends += [_at_path(descriptor, path, _sort_values, "repeated") for path in sorted(rules.sets)]
    mends += [
        _at_path(descriptor, path, _sorter(keys), "repeated")
        for path, keys in sorted(rules.keyed.items())
    ]
    return mends


def _at_path(
    descriptor: Descriptor, path: str, act: Callable[[ProtoValue, str], None], need: str
) -> _Mend:
    """Apply an operation to the last field of a path, in each message that holds it."""
    name, _, rest = path.partition(".")
    one = descriptor.fields_by_name.get(name)
    if one is None:
        raise ValueError(
            f"expected a field of {descriptor.full_name}, got {name!r}:"
            f" fields are {', '.join(descriptor.fields_by_name)}"
        )
    if not rest:
        if need and not is_repeated(one):
            raise ValueError(f"expected a {need} field, got {one.full_name}")
        return lambda message: act(message, name)
    if one.type != _MESSAGE or is_map(one):
        raise ValueError(f"expected a message field before {rest!r}, got {one.full_name}")
    inner = _at_path(message_of(one), rest, act, need)
    return _descend(name, inner, repeated=is_repeated(one))


def _descend(name: str, inner: _Mend, *, repeated: bool) -> _Mend:
    def each(message: ProtoValue) -> None:
        for element in getattr(message, name):
            inner(element)

    def single(message: ProtoValue) -> None:
        if message.HasField(name):
            inner(getattr(message, name))

    return each if repeated else single


def _clear(message: ProtoValue, name: str) -> None:
    message.ClearField(name)


def _sort_values(message: ProtoValue, name: str) -> None:
    values = getattr(message, name)
    if len(values) > 1:
        values.sort(key=_order)


def _order(value: ProtoValue) -> ProtoValue:
    if isinstance(value, Message):
        return value.SerializeToString(deterministic=True)
    return value


def _sorter(keys: tuple[str, ...]) -> Callable[[ProtoValue, str], None]:
    def names(element: ProtoValue) -> tuple[ProtoValue, ...]:
        return tuple(getattr(element, key) for key in keys)

    def order(element: ProtoValue) -> tuple[ProtoValue, ...]:
        # The whole content last, so that elements with equal keys have an order too.
        return (*names(element), _order(element))

    def sort(message: ProtoValue, name: str) -> None:
        elements = getattr(message, name)
        found = [names(element) for element in elements]
        if any(one >= other for one, other in pairwise(found)):
            elements.sort(key=order)

    return sort


def _cut_timestamps(descriptor: Descriptor, precision_ns: int, known: dict[str, _Mend]) -> _Mend:
    """Give an operation that cuts every Timestamp at or below a message."""
    name = descriptor.full_name
    if name == TIMESTAMP:

        def cut(stamp: ProtoValue) -> None:
            rest = stamp.nanos % precision_ns
            if rest:
                stamp.nanos -= rest

        return cut
    if name in known:
        return known[name]
    # A type that holds itself finds its operation here while it is being made.

    def again(message: ProtoValue) -> None:
        known[name](message)

    known[name] = again
    steps: list[_Mend] = []
    for one in descriptor.fields:
        value = _held_message(one)
        if value is None or not _reaches_timestamp(value, set()):
            continue
        inner = _cut_timestamps(value, precision_ns, known)
        if is_map(one):
            steps.append(_descend_map(one.name, inner))
        else:
            steps.append(_descend(one.name, inner, repeated=is_repeated(one)))
    known[name] = _all(steps)
    return known[name]


def _held_message(one: FieldDescriptor) -> Descriptor | None:
    """Give the message type of a field or of a map's values, or None for scalars."""
    if one.type != _MESSAGE:
        return None
    if not is_map(one):
        return message_of(one)
    value = message_of(one).fields_by_name["value"]
    return message_of(value) if value.type == _MESSAGE else None


def _reaches_timestamp(descriptor: Descriptor, seen: set[str]) -> bool:
    if descriptor.full_name == TIMESTAMP:
        return True
    if descriptor.full_name in seen:
        return False
    seen.add(descriptor.full_name)
    held = (_held_message(one) for one in descriptor.fields)
    return any(one is not None and _reaches_timestamp(one, seen) for one in held)


def _all(steps: Sequence[_Mend]) -> _Mend:
    def run(message: ProtoValue) -> None:
        for step in steps:
            step(message)

    return run


def _descend_map(name: str, inner: _Mend) -> _Mend:
    def each(message: ProtoValue) -> None:
        for value in getattr(message, name).values():
            inner(value)

    return each


# -- plain data -------------------------------------------------------------------------------


def _tree(value: ProtoValue, path: str, rules: CanonicalRules) -> ProtoValue:
    """Sort what has no order, and leave out what is empty."""
    if isinstance(value, Mapping):
        return _tree_of_fields(cast("Plain", value), path, rules)
    if isinstance(value, bytes):
        return {"bytes": value.hex()}
    if isinstance(value, list | tuple):
        items = [_tree(one, path, rules) for one in cast("list[ProtoValue]", value)]
        if path in rules.keyed:
            keys = rules.keyed[path]
            items.sort(key=lambda one: ([_text(one.get(key)) for key in keys], _text(one)))
        elif path in rules.sets:
            items.sort(key=_text)
        return items
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _tree_of_fields(value: Plain, path: str, rules: CanonicalRules) -> dict[str, ProtoValue]:
    inner = f"{path}." if path else ""
    tree: dict[str, ProtoValue] = {}
    for key in sorted(value):
        if f"{inner}{key}" not in rules.ignored:
            one = _tree(value[key], f"{inner}{key}", rules)
            if not _is_empty(one):
                tree[key] = one
    return tree


def _is_empty(value: ProtoValue) -> bool:
    # An empty mapping is a message that is present, which may be the whole content of a oneof.
    return value is None or value is False or value in (0, "") or value == []


def _text(value: ProtoValue) -> str:
    return json.dumps(value, sort_keys=True)
