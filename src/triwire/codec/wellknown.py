"""JSON to the well-known types: messages whose JSON is no plain object of their fields.

Rules: https://protobuf.dev/programming-guides/json/, the table of "ProtoJSON Format", and the
comments of google/protobuf/{timestamp,duration,field_mask,any,struct,wrappers}.proto.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Protocol

from triwire.codec.jsonpath import Json, JsonError, array_in, describe, object_in
from triwire.codec.scalars import EnumPolicy, read_double, read_string, scalar_reader

if TYPE_CHECKING:
    from collections.abc import Callable

    from triwire.codec.reflection import AnyMessage

__all__ = ["WELL_KNOWN", "WRAPPERS", "MessageReader"]

_TIMESTAMP: Final = re.compile(
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)", re.ASCII
)
_DURATION: Final = re.compile(r"(-?)(\d{1,12})(?:\.(\d{1,9}))?s", re.ASCII)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
# timestamp.proto: 0001-01-01T00:00:00Z to 9999-12-31T23:59:59.999999999Z; offsets reach beyond.
_MIN_SECONDS: Final = -62_135_596_800
_MAX_SECONDS: Final = 253_402_300_799
_MAX_DURATION_SECONDS: Final = 315_576_000_000  # duration.proto: about 10,000 years
_MASK_PATH: Final = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:\.[A-Za-z][A-Za-z0-9]*)*", re.ASCII)
_UPPER: Final = re.compile(r"[A-Z]", re.ASCII)
_ANY_KEYS: Final = 2  # of an Any that holds a well-known type: "@type" and "value"
WRAPPERS: Final = (
    "DoubleValue",
    "FloatValue",
    "Int64Value",
    "UInt64Value",
    "Int32Value",
    "UInt32Value",
    "BoolValue",
    "StringValue",
    "BytesValue",
)


class MessageReader(EnumPolicy, Protocol):
    """What a well-known type needs of the reader that it is part of."""

    @property
    def ignore_unknown_fields(self) -> bool:
        """Whether keys that a message does not have are skipped."""
        ...

    def read_message(self, tree: Json, message: AnyMessage, depth: int) -> None:
        """Read a parsed JSON value into an empty message at the given depth."""
        ...


def _read_timestamp(reader: MessageReader, tree: Json, message: AnyMessage, depth: int) -> None:
    del reader, depth
    found = _TIMESTAMP.fullmatch(tree) if isinstance(tree, str) else None
    if found is None:
        raise JsonError(f"expected a time as in '2026-01-31T23:59:59.5Z', got {describe(tree)}")
    date, fraction, zone = found.groups()
    try:
        instant = datetime.fromisoformat(date + ("+00:00" if zone == "Z" else zone))
        seconds = (instant - _EPOCH) // timedelta(seconds=1)
    except (ValueError, OverflowError):
        raise JsonError(f"no such time: {describe(tree)}") from None
    if not _MIN_SECONDS <= seconds <= _MAX_SECONDS:
        raise JsonError(f"time out of range (years 1 to 9999 UTC): {describe(tree)}")
    message.seconds = seconds
    message.nanos = int((fraction or "").ljust(9, "0"))


def _read_duration(reader: MessageReader, tree: Json, message: AnyMessage, depth: int) -> None:
    del reader, depth
    found = _DURATION.fullmatch(tree) if isinstance(tree, str) else None
    if found is None:
        raise JsonError(f"expected seconds as in '1.5s', got {describe(tree)}")
    sign, whole, fraction = found.groups()
    seconds, nanos = int(whole), int((fraction or "").ljust(9, "0"))
    if seconds > _MAX_DURATION_SECONDS:  # of seconds alone: a fraction may stand beside it
        limit = f"{_MAX_DURATION_SECONDS}s either way"
        raise JsonError(f"duration out of range ({limit}): {describe(tree)}")
    message.seconds = -seconds if sign else seconds
    message.nanos = -nanos if sign else nanos


def _read_field_mask(reader: MessageReader, tree: Json, message: AnyMessage, depth: int) -> None:
    del reader, depth
    if not isinstance(tree, str):
        raise JsonError(f"expected comma-separated paths in one string, got {describe(tree)}")
    for path in tree.split(",") if tree else ():
        if not _MASK_PATH.fullmatch(path):
            raise JsonError(f"expected a path as in 'user.displayName', got {describe(path)}")
        message.paths.append(_UPPER.sub(lambda found: f"_{found[0].lower()}", path))


def _read_wrapper(reader: MessageReader, tree: Json, message: AnyMessage, depth: int) -> None:
    del depth
    message.value = scalar_reader(message.DESCRIPTOR.fields_by_name["value"], reader)(tree)


def _read_value(reader: MessageReader, tree: Json, message: AnyMessage, depth: int) -> None:
    if tree is None:
        message.null_value = 0
    elif isinstance(tree, bool):
        message.bool_value = tree
    elif isinstance(tree, str):
        message.string_value = read_string(tree)
    elif isinstance(tree, list):
        message.list_value.SetInParent()
        reader.read_message(tree, message.list_value, depth + 1)
    elif isinstance(tree, dict):
        message.struct_value.SetInParent()
        reader.read_message(tree, message.struct_value, depth + 1)
    else:
        message.number_value = read_double(tree)


def _read_struct(reader: MessageReader, tree: Json, message: AnyMessage, depth: int) -> None:
    for key, item in object_in(tree).items():
        try:
            reader.read_message(item, message.fields[read_string(key)], depth + 1)
        except JsonError as error:
            raise error.below(key)  # noqa: B904 - the same error on its way up


def _read_list_value(reader: MessageReader, tree: Json, message: AnyMessage, depth: int) -> None:
    for index, item in enumerate(array_in(tree)):
        try:
            reader.read_message(item, message.values.add(), depth + 1)
        except JsonError as error:
            raise error.below(index)  # noqa: B904 - the same error on its way up


def _read_any(reader: MessageReader, tree: Json, message: AnyMessage, depth: int) -> None:
    from google.protobuf.message_factory import GetMessageClass

    given = object_in(tree)
    if not given:
        return
    url = given.get("@type")
    if not isinstance(url, str) or not url.rpartition("/")[2]:
        raise JsonError("expected '@type' with the URL of a message type")
    name = url.rpartition("/")[2]
    try:
        descriptor = message.DESCRIPTOR.file.pool.FindMessageTypeByName(name)
    except KeyError:
        raise JsonError(f"message type {name!r} is not known here").below("@type") from None
    below = GetMessageClass(descriptor)()
    if name in WELL_KNOWN:
        if "value" not in given:
            raise JsonError(f"expected 'value' beside '@type', which is {name}")
        if len(given) > _ANY_KEYS and not reader.ignore_unknown_fields:
            other = next(key for key in given if key not in {"@type", "value"})
            raise JsonError(f"beside '@type', which is {name}, stands 'value' alone").below(other)
        try:
            reader.read_message(given["value"], below, depth + 1)
        except JsonError as error:
            raise error.below("value")  # noqa: B904 - the same error on its way up
    else:
        fields = {key: item for key, item in given.items() if key != "@type"}
        reader.read_message(fields, below, depth + 1)
    message.type_url = url
    message.value = below.SerializeToString(deterministic=True)


WELL_KNOWN: Final[dict[str, Callable[[MessageReader, Json, AnyMessage, int], None]]] = {
    "google.protobuf.Any": _read_any,
    "google.protobuf.Duration": _read_duration,
    "google.protobuf.FieldMask": _read_field_mask,
    "google.protobuf.ListValue": _read_list_value,
    "google.protobuf.Struct": _read_struct,
    "google.protobuf.Timestamp": _read_timestamp,
    "google.protobuf.Value": _read_value,
    **{f"google.protobuf.{name}": _read_wrapper for name in WRAPPERS},
}
"""Full message name -> function that reads it: (reader, JSON value, message, depth)."""
