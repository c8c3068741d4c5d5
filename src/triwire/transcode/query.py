"""Messages as query parameters, both ways.

google/api/http.proto, "Rules for HTTP mapping": every field that is neither in the path nor
in the body is a parameter named by its field path; repeated fields repeat the parameter,
message fields contribute one parameter per leaf. It leaves open, and here it is:

- Names are written in lowerCamelCase, as ProtoJSON writes them; both spellings are read.
- Maps, which the rules do not cover, are written `m[key]=value` as grpc-gateway reads them;
  `m.key=value` is read too. Values of such maps are scalars or messages that are one text.
- A message field that is set but empty has no leaf, so it is not sent.
- Times, durations, masks and wrappers are one text each; their fields are read too, as the rules
  have it for any message. Any, Struct, Value and ListValue have no text and are refused, as
  repeated messages are by the rules.
- Messages nest as deep as in JSON.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, unquote_to_bytes

from triwire.codec.jsonpath import JsonError
from triwire.codec.reader import DEPTH_LIMIT
from triwire.codec.reflection import is_map, is_repeated
from triwire.codec.scalars import SKIP
from triwire.transcode.fields import RequestError, is_text_message, text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from triwire.codec.reflection import AnyDescriptor, AnyField, AnyMessage, AnyValue
    from triwire.transcode.fields import TextReader

__all__ = ["QueryReader", "QueryWriter", "encode_query", "parse_query"]

_TWICE: Final = "given twice, and the field is not repeated"
_BAD_PERCENT: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_NO_TEXT: Final = frozenset(
    f"google.protobuf.{name}" for name in ("Any", "Struct", "Value", "ListValue")
)
_MAP_KEY: Final = re.compile(r"(?P<path>[^\[\]]+)\[(?P<key>.*)\]", re.DOTALL)


def encode_query(pairs: Iterable[tuple[str, str]]) -> str:
    """Write parameters as a query string; everything but unreserved characters is encoded."""
    return "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in pairs)


def parse_query(text: str) -> list[tuple[str, str]]:
    """Read a query string, without its "?", into pairs in order.

    "+" is a space, as HTML forms have it. Empty parts are skipped.

    Raises:
        RequestError: Malformed percent-encoding, no UTF-8, or bytes that RFC 3986 has encoded.
    """
    return [_parse_pair(part) for part in text.split("&") if part]


def _parse_pair(part: str) -> tuple[str, str]:
    name, _, value = part.partition("=")
    return _decode(name), _decode(value)


def _decode(text: str) -> str:
    if not text.isascii():
        raise RequestError("", "the query has text beyond ASCII: percent-encode its UTF-8")
    if "%" not in text and "+" not in text:
        return text
    if _BAD_PERCENT.search(text):
        raise RequestError("", f"malformed percent-encoding in the query near {text[:40]!r}")
    try:
        return unquote_to_bytes(text.replace("+", " ")).decode()
    except UnicodeDecodeError:
        raise RequestError("", f"the query is no UTF-8 near {text[:40]!r}") from None


class QueryWriter:
    """Writes the fields of a message as parameters.

    Args:
        bound: Paths (tuples of proto names) that the URL path or the body carries.
    """

    def __init__(self, bound: Collection[tuple[str, ...]]) -> None:
        self._bound = frozenset(bound)
        self._writers: dict[AnyField, Callable[[AnyValue], str]] = {}

    def pairs(self, message: AnyMessage) -> list[tuple[str, str]]:
        """Return the parameters in the order of field numbers, not percent-encoded.

        Raises:
            ValueError: A field is set that no parameter can carry.
        """
        found: list[tuple[str, str]] = []
        self._add(message, (), "", found)
        return found

    def _add(
        self,
        message: AnyMessage,
        path: tuple[str, ...],
        prefix: str,
        found: list[tuple[str, str]],
    ) -> None:
        for field, value in message.ListFields():
            here = (*path, field.name)
            if here in self._bound:
                continue
            name = prefix + field.json_name
            kind = field.message_type
            if is_map(field):
                found.extend(self._entries(field, value, name))
            elif kind is None or is_text_message(kind):
                items = value if is_repeated(field) else (value,)
                found.extend((name, self._text(field, item, field.name)) for item in items)
            elif is_repeated(field):
                raise _unsayable(field.name, "a query cannot carry repeated messages")
            elif kind.full_name in _NO_TEXT:
                raise _unsayable(field.name, f"a query cannot carry a {kind.full_name}")
            elif len(here) > DEPTH_LIMIT:
                raise _unsayable(here[0], f"it is nested more than {DEPTH_LIMIT} messages deep")
            else:
                self._add(value, here, f"{name}.", found)

    def _entries(self, field: AnyField, entries: AnyValue, name: str) -> Iterator[tuple[str, str]]:
        key_field, value_field = field.message_type.fields
        kind = value_field.message_type
        if kind is not None and not is_text_message(kind):
            raise _unsayable(field.name, "a query cannot carry maps of messages")
        for key in sorted(entries):
            key_text = self._text(key_field, key, field.name)
            yield f"{name}[{key_text}]", self._text(value_field, entries[key], field.name)

    def _text(self, field: AnyField, value: AnyValue, shown: str) -> str:
        write = self._writers.get(field)
        if write is None:
            write = self._writers[field] = text_of(field)
        try:
            return write(value)
        except ValueError as error:
            # A Timestamp, Duration or FieldMask beyond what its text can say.
            raise _unsayable(shown, str(error)) from None


def _unsayable(field_name: str, reason: str) -> ValueError:
    return ValueError(f"field {field_name!r} cannot be sent: {reason}")


class QueryReader:
    """Reads parameters into the fields of a message.

    Args:
        reader: Reads the text of values.
        bound: Paths (tuples of proto names) that the URL path or the body carries: as
            parameters they are refused.
    """

    def __init__(self, reader: TextReader, bound: Collection[tuple[str, ...]]) -> None:
        self._reader = reader
        self._bound = frozenset(bound)
        self._fields: dict[AnyDescriptor, dict[str, AnyField]] = {}

    def read(self, pairs: Iterable[tuple[str, str]], message: AnyMessage) -> None:
        """Set what the parameters say.

        Raises:
            RequestError: An unknown parameter, a malformed value, one value too many.
        """
        seen: dict[tuple[Any, ...], str] = {}
        for name, value in pairs:
            self._read_one(name, value, message, seen)
        for path, name in seen.items():
            if path[-1] == "fields":
                self._check_said(path[:-1], name, message)

    def _check_said(self, path: tuple[str, ...], name: str, message: AnyMessage) -> None:
        """Check that what was made by the fields of a message has a text, which reads the same."""
        *parents, last = path
        for parent in parents:
            message = getattr(message, parent)
        made = getattr(message, last)
        again = type(made)()
        try:
            self._reader.message(again, text_of(message.DESCRIPTOR.fields_by_name[last])(made))
        except ValueError as error:
            raise RequestError(name, str(error)) from None
        # Compared as bytes: NaN differs from itself.
        if again.SerializeToString() != made.SerializeToString():
            raise RequestError(name, f"this is no {made.DESCRIPTOR.full_name}")

    def _read_one(
        self, name: str, text: str, message: AnyMessage, seen: dict[tuple[Any, ...], str]
    ) -> None:
        bracketed = _MAP_KEY.fullmatch(name)
        steps = (bracketed["path"] if bracketed else name).split(".")
        target = message
        path: tuple[str, ...] = ()
        while True:
            step, *steps = steps
            field = self._fields_of(target.DESCRIPTOR).get(step)
            if field is None:
                if self._reader.ignore_unknown_fields:
                    return
                raise RequestError(name, f"{target.DESCRIPTOR.full_name} has no such field")
            path = (*path, field.name)
            if path in self._bound:
                raise RequestError(name, "the path or the body carries this field, not the query")
            _check_oneof(field, path, name, seen)
            if is_map(field):
                if bool(steps) == bool(bracketed):
                    break
                key = bracketed["key"] if bracketed else ".".join(steps)
                self._put_entry(field, target, (name, key, text), seen, path)
                return
            if not steps:
                if bracketed:
                    break
                self._put(field, target, (name, text), seen, path)
                return
            kind = field.message_type
            if kind is None or is_repeated(field) or kind.full_name in _NO_TEXT:
                break
            if is_text_message(kind):
                if (*path, "") in seen:
                    raise RequestError(name, _TWICE)
                seen[(*path, "fields")] = name
            if len(path) > DEPTH_LIMIT:
                raise RequestError(name, f"nested more than {DEPTH_LIMIT} messages deep")
            target = getattr(target, field.name)
        raise RequestError(name, "this field cannot be addressed so in a query")

    def _fields_of(self, descriptor: AnyDescriptor) -> dict[str, AnyField]:
        """Return the fields of a message by their proto and JSON names."""
        found = self._fields.get(descriptor)
        if found is None:
            found = {field.json_name: field for field in descriptor.fields}
            found |= {field.name: field for field in descriptor.fields}
            self._fields[descriptor] = found
        return found

    def _put(
        self,
        field: AnyField,
        target: AnyMessage,
        pair: tuple[str, str],
        seen: dict[tuple[Any, ...], str],
        path: tuple[str, ...],
    ) -> None:
        name, text = pair
        kind = field.message_type
        if kind is not None and not is_text_message(kind):
            hint = "" if kind.full_name in _NO_TEXT else "; name its fields"
            raise RequestError(name, f"a query cannot carry a {kind.full_name}{hint}")
        repeated = is_repeated(field)
        if not repeated and ((*path, "") in seen or (*path, "fields") in seen):
            raise RequestError(name, _TWICE)
        seen[(*path, "")] = name
        try:
            if kind is not None:
                self._reader.message(_message_in(target, field, repeated=repeated), text)
                return
            value = self._reader.scalar(field, text)
        except JsonError as error:
            raise RequestError(name, str(error)) from None
        if value is SKIP:
            return
        if repeated:
            getattr(target, field.name).append(value)
        else:
            setattr(target, field.name, value)

    def _put_entry(
        self,
        field: AnyField,
        target: AnyMessage,
        entry: tuple[str, str, str],
        seen: dict[tuple[Any, ...], str],
        path: tuple[str, ...],
    ) -> None:
        name, key_text, text = entry
        fields = field.message_type.fields_by_name
        kind = fields["value"].message_type
        if kind is not None and not is_text_message(kind):
            raise RequestError(name, "a query cannot carry maps of messages")
        entries = getattr(target, field.name)
        try:
            key = self._reader.scalar(fields["key"], key_text)
            if (*path, key, "") in seen:
                raise RequestError(name, "this key is given twice")
            seen[(*path, key, "")] = name
            if kind is not None:
                self._reader.message(entries[key], text)
                return
            value = self._reader.scalar(fields["value"], text)
        except JsonError as error:
            raise RequestError(name, str(error)) from None
        if value is not SKIP:
            entries[key] = value


def _message_in(target: AnyMessage, field: AnyField, *, repeated: bool) -> AnyMessage:
    found = getattr(target, field.name)
    if repeated:
        return found.add()
    found.SetInParent()
    return found


def _check_oneof(
    field: AnyField, path: tuple[str, ...], name: str, seen: dict[tuple[Any, ...], str]
) -> None:
    oneof = field.containing_oneof
    if oneof is None:
        return
    member = seen.setdefault((*path[:-1], oneof.name, "oneof"), field.name)
    if member != field.name:
        raise RequestError(name, f"{member!r} is given too, and at most one may be")
