"""Random messages of any type, by reflection, that ProtoJSON can say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import FieldDescriptor
from hypothesis import strategies as st

from triwire.codec.reflection import is_map, is_repeated

if TYPE_CHECKING:
    from collections.abc import Callable

_MAX_DEPTH = 3
_INTEGERS = {
    FieldDescriptor.TYPE_INT32: st.integers(-(2**31), 2**31 - 1),
    FieldDescriptor.TYPE_SINT32: st.integers(-(2**31), 2**31 - 1),
    FieldDescriptor.TYPE_SFIXED32: st.integers(-(2**31), 2**31 - 1),
    FieldDescriptor.TYPE_INT64: st.integers(-(2**63), 2**63 - 1),
    FieldDescriptor.TYPE_SINT64: st.integers(-(2**63), 2**63 - 1),
    FieldDescriptor.TYPE_SFIXED64: st.integers(-(2**63), 2**63 - 1),
    FieldDescriptor.TYPE_UINT32: st.integers(0, 2**32 - 1),
    FieldDescriptor.TYPE_FIXED32: st.integers(0, 2**32 - 1),
    FieldDescriptor.TYPE_UINT64: st.integers(0, 2**64 - 1),
    FieldDescriptor.TYPE_FIXED64: st.integers(0, 2**64 - 1),
}
_OTHERS: dict[int, st.SearchStrategy[Any]] = {
    FieldDescriptor.TYPE_BOOL: st.booleans(),
    FieldDescriptor.TYPE_STRING: st.text(max_size=8),
    FieldDescriptor.TYPE_BYTES: st.binary(max_size=8),
    # NaN differs from itself, which would make every comparison false.
    FieldDescriptor.TYPE_DOUBLE: st.floats(allow_nan=False),
    FieldDescriptor.TYPE_FLOAT: st.floats(allow_nan=False, width=32),
}


@st.composite
def messages(draw: st.DrawFn, kind: type[Any], depth: int = 0) -> Any:
    """Draw a message of a class; about a third of its fields are set."""
    message = kind()
    fill = _SPECIAL.get(message.DESCRIPTOR.full_name)
    if fill is not None:
        fill(draw, message)
        return message
    fields = list(message.DESCRIPTOR.fields)
    chosen = draw(st.lists(st.sampled_from(fields), unique=True, max_size=6)) if fields else []
    for field in chosen:
        if field.message_type is not None and not is_map(field) and depth >= _MAX_DEPTH:
            continue
        _set(draw, message, field, depth)
    return message


def _set(draw: st.DrawFn, message: Any, field: Any, depth: int) -> None:
    target = getattr(message, field.name)
    if is_map(field):
        key_field, value_field = field.message_type.fields
        for key in draw(st.lists(_scalar(key_field), unique=True, max_size=2)):
            if value_field.message_type is None:
                target[key] = draw(_scalar(value_field))
            else:
                target[key].CopyFrom(draw(messages(target[key].__class__, depth + 1)))
    elif is_repeated(field):
        for _ in range(draw(st.integers(0, 3))):
            if field.message_type is None:
                target.append(draw(_scalar(field)))
            else:
                item = target.add()
                item.CopyFrom(draw(messages(item.__class__, depth + 1)))
    elif field.message_type is None:
        setattr(message, field.name, draw(_scalar(field)))
    else:
        target.CopyFrom(draw(messages(target.__class__, depth + 1)))
        target.SetInParent()


def _scalar(field: Any) -> st.SearchStrategy[Any]:
    if field.enum_type is not None:
        numbers = [value.number for value in field.enum_type.values]
        if field.enum_type.full_name == "google.protobuf.NullValue":
            return st.just(0)
        return st.sampled_from([*numbers, 77])
    found: st.SearchStrategy[Any] = {**_INTEGERS, **_OTHERS}[field.type]
    return found


def _timestamp(draw: st.DrawFn, message: Any) -> None:
    message.seconds = draw(st.integers(-62135596800, 253402300799))
    message.nanos = draw(st.sampled_from([0, 1, 1000, 500_000_000, 999_999_999]))


def _duration(draw: st.DrawFn, message: Any) -> None:
    sign = draw(st.sampled_from([1, -1]))
    message.seconds = sign * draw(st.integers(0, 315_575_999_999))
    message.nanos = sign * draw(st.sampled_from([0, 1, 1000, 500_000_000, 999_999_999]))


def _field_mask(draw: st.DrawFn, message: Any) -> None:
    message.paths.extend(draw(st.lists(st.sampled_from(["a", "big_number", "leaf.name_x"]))))


def _any(draw: st.DrawFn, message: Any) -> None:
    from google.protobuf.duration_pb2 import Duration

    from tests.vectors.schema import message_class

    # No maps: the order of their entries would make equal messages unequal bytes.
    leaf = message_class("Leaf")(
        name=draw(st.text(max_size=3)), tags=draw(st.lists(st.text(max_size=3), max_size=2))
    )
    packed = draw(st.sampled_from([None, leaf, draw(messages(Duration))]))
    if packed is not None:
        message.Pack(packed, deterministic=True)


_JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)


def _struct(draw: st.DrawFn, message: Any) -> None:
    message.update(draw(st.dictionaries(st.text(max_size=5), _JSON_VALUES, max_size=3)))


def _list_value(draw: st.DrawFn, message: Any) -> None:
    message.extend(draw(st.lists(_JSON_VALUES, max_size=3)))


def _value(draw: st.DrawFn, message: Any) -> None:
    from google.protobuf.struct_pb2 import Struct

    holder = Struct()
    holder.update({"x": draw(_JSON_VALUES)})
    message.CopyFrom(holder.fields["x"])


_SPECIAL: dict[str, Callable[[st.DrawFn, Any], None]] = {
    "google.protobuf.Any": _any,
    "google.protobuf.Duration": _duration,
    "google.protobuf.FieldMask": _field_mask,
    "google.protobuf.ListValue": _list_value,
    "google.protobuf.Struct": _struct,
    "google.protobuf.Timestamp": _timestamp,
    "google.protobuf.Value": _value,
}
