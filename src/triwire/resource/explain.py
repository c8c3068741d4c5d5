"""Say precisely what is wrong with the keywords of a request. Runs only after a failure."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, cast

from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from triwire.codec.reflection import is_map, is_repeated
from triwire.resource.keywords import REFUSALS, real_name
from triwire.resource.wellknown import conversion_of, is_sequence

if TYPE_CHECKING:
    from collections.abc import Iterable

    from triwire.codec.reflection import AnyDescriptor, AnyField

__all__ = ["explain"]

# FieldDescriptor.CPPTYPE_*.
_INT_RANGES: Final = {
    1: ("an int32", -(2**31), 2**31 - 1),
    2: ("an int64", -(2**63), 2**63 - 1),
    3: ("a uint32", 0, 2**32 - 1),
    4: ("a uint64", 0, 2**64 - 1),
}
_FLOATS: Final = frozenset({5, 6})
_BOOL: Final = 7
_ENUM: Final = 8
_STRING: Final = 9
_MESSAGE: Final = 10
_TYPE_BYTES: Final = 12
_INT32_MIN: Final = -(2**31)
_INT32_MAX: Final = 2**31 - 1
_SHOWN_LENGTH: Final = 60
_SHOWN_NAMES: Final = 30


class _FoundError(Exception):
    """Carries the error that is to be raised out of the walk."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error


def explain(
    descriptor: AnyDescriptor, method: str, fields: Mapping[str, object], cause: Exception
) -> Exception:
    """Return the error for keywords that a request could not be made of.

    Args:
        descriptor: The request's type.
        method: Named first in the text.
        fields: The keywords.
        cause: What was raised; its words are used only if nothing better is found.

    Returns:
        A TypeError for an unknown field or a value of the wrong type, a ValueError for a
        value that does not fit. The text starts "method(): path: ".
    """
    try:
        _message(descriptor, cast("Mapping[object, object]", fields), f"{method}(): ", is_top=True)
    except _FoundError as found:
        return found.error
    kind = TypeError if isinstance(cause, TypeError) else ValueError
    return kind(f"{method}(): cannot make a {descriptor.full_name} message: {cause}")


def _message(
    descriptor: AnyDescriptor, fields: Mapping[object, object], path: str, *, is_top: bool = False
) -> None:
    # protobuf's own mappings fail on names that UTF-8 cannot say.
    known: dict[str, AnyField] = dict(descriptor.fields_by_name)
    given: dict[str, str] = {}
    for key, value in fields.items():
        if not isinstance(key, str):
            text = f"{_of_message(path)}expected field names as keys, got {_shown(key)}"
            raise _FoundError(TypeError(text))
        name = real_name(key, known)
        field = known.get(name)
        if field is None:
            raise _FoundError(TypeError(_no_such_field(descriptor, key, path, is_top=is_top)))
        if value is None:
            continue
        oneof = field.containing_oneof
        if oneof is not None and oneof.name in given:
            raise _FoundError(
                ValueError(
                    f"{_of_message(path)}only one of oneof {oneof.name!r} can be set, "
                    f"got {given[oneof.name]!r} and {name!r}"
                )
            )
        if oneof is not None:
            given[oneof.name] = name
        _field(field, value, path + key)


def _no_such_field(descriptor: AnyDescriptor, name: str, path: str, *, is_top: bool) -> str:
    known = list(descriptor.fields_by_name)
    what = "keyword" if is_top else "key"
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    allowed = f"the fields are {', '.join(known)}" if known else "the message has no fields"
    text = f"{descriptor.full_name} has no field for {what} {name!r}: {hint}{allowed}"
    return _of_message(path) + text


def _of_message(path: str) -> str:
    """Return the start of a text about a message, of a path that its fields are put behind."""
    return f"{path.removesuffix('.')}: " if path.endswith(".") else path


def _field(field: AnyField, value: object, path: str) -> None:
    if is_map(field):
        entry = field.message_type.fields_by_name
        if not isinstance(value, Mapping):
            raise _wrong(path, "a mapping", value)
        for key, item in cast("Mapping[object, object]", value).items():
            here = f"{path}[{_shown(key)}]"
            _single(entry["key"], key, f"{here} (the key)")
            _single(entry["value"], item, here)
    elif is_repeated(field):
        if not is_sequence(value):
            raise _wrong(path, "a sequence", value)
        for at, item in enumerate(cast("Iterable[object]", value)):
            _single(field, item, f"{path}[{at}]")
    else:
        _single(field, value, path)


def _single(field: AnyField, value: object, path: str) -> None:
    kind = field.cpp_type
    if kind in _INT_RANGES:
        _integer(_INT_RANGES[kind], value, path)
    elif kind == _ENUM:
        _enum(field.enum_type, value, path)
    elif kind == _MESSAGE:
        _nested(field.message_type, value, path)
    elif kind == _STRING:
        _text(value, path, is_bytes=field.type == _TYPE_BYTES)
    elif kind == _BOOL:
        if not hasattr(type(value), "__index__"):
            raise _wrong(path, "a bool", value)
    elif kind in _FLOATS and not (hasattr(type(value), "__float__") or _is_index(value)):
        raise _wrong(path, "a float", value)


def _is_index(value: object) -> bool:
    return hasattr(type(value), "__index__") and not isinstance(value, bool)


def _integer(limits: tuple[str, int, int], value: object, path: str) -> None:
    expected, low, high = limits
    if not _is_index(value):
        raise _wrong(path, expected, value)
    number = cast("Any", value).__index__()
    if not low <= number <= high:
        raise _FoundError(
            ValueError(f"{path}: expected {expected} ({low} to {high}), got {number}")
        )


def _enum(enum: AnyDescriptor, value: object, path: str) -> None:
    names = list(enum.values_by_name)
    if isinstance(value, str):
        if value not in names:
            shown = names[:_SHOWN_NAMES] + (["..."] if len(names) > _SHOWN_NAMES else [])
            close = difflib.get_close_matches(value.upper(), names, n=1)
            hint = f" (did you mean {close[0]!r}?)" if close else ""
            raise _FoundError(
                ValueError(
                    f"{path}: expected one of {', '.join(shown)} or an int, "
                    f"got {_shown(value)}{hint}"
                )
            )
        return
    if not _is_index(value):
        raise _wrong(path, f"a name of {enum.full_name} or an int", value)
    number = cast("Any", value).__index__()
    if not _INT32_MIN <= number <= _INT32_MAX:
        raise _FoundError(ValueError(f"{path}: expected an enum number (int32), got {number}"))


def _text(value: object, path: str, *, is_bytes: bool) -> None:
    if is_bytes:
        if not isinstance(value, bytes):
            raise _wrong(path, "bytes", value)
        return
    if not isinstance(value, str | bytes):
        raise _wrong(path, "a str", value)
    try:
        _ = value.decode() if isinstance(value, bytes) else value.encode()
    except UnicodeError:
        raise _FoundError(
            ValueError(f"{path}: expected text that UTF-8 can hold, got {type(value).__name__}")
        ) from None


def _nested(descriptor: AnyDescriptor, value: object, path: str) -> None:
    message_type = GetMessageClass(descriptor)
    if isinstance(value, message_type):
        return
    conversion = conversion_of(descriptor, message_type)
    if conversion is not None:
        try:
            if isinstance(value, Message):
                raise TypeError
            conversion.convert(value)
        except TypeError:
            raise _wrong(path, conversion.expected, value) from None
        except REFUSALS as error:
            raise _FoundError(
                ValueError(f"{path}: expected {conversion.expected}, got {error}")
            ) from None
        return
    if isinstance(value, Message) or not isinstance(value, Mapping):
        raise _wrong(path, f"a {descriptor.full_name} message or a mapping of its fields", value)
    _message(descriptor, cast("Mapping[object, object]", value), f"{path}.")


def _wrong(path: str, expected: str, value: object) -> _FoundError:
    if isinstance(value, Message):
        came = f"a {value.DESCRIPTOR.full_name} message"
    elif isinstance(value, bool | int | float):
        came = f"{value!r} ({type(value).__name__})"
    else:
        # Only the type: what was meant for one field may be the secret of another.
        came = f"a value of type {type(value).__name__}"
    return _FoundError(TypeError(f"{path}: expected {expected}, got {came}"))


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN_LENGTH else f"{text[:_SHOWN_LENGTH]}..."
