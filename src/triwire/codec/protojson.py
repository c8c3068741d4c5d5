"""ProtoJSON for google.protobuf messages: fast where it can be, exact everywhere.

What is tried, in this order (docs/adr/0005):

1. protobuf-py's native codec, with the wire format as the bridge between its messages and
   google.protobuf's.
2. To read: our own reader, which knows the options that the native codec lacks and says
   where a text is wrong. To write: google.protobuf.json_format.
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from google.protobuf.message import DecodeError, EncodeError

from triwire.codec.jsonpath import JsonError
from triwire.codec.reflection import AnyDescriptor, AnyField, is_map, is_repeated
from triwire.errors import Code, RpcError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from google.protobuf.message import Message

    from triwire.codec import JsonCodec
    from triwire.codec.bridge import NativeType
    from triwire.codec.reader import JsonReader
    from triwire.codec.screen import Screen

__all__ = ["ProtoJsonCodec"]

MessageT = TypeVar("MessageT", bound="Message")

# What protobuf-py raises for texts and messages that it refuses.
_REFUSALS: Final = (ValueError, TypeError, ArithmeticError, LookupError, RecursionError)


class ProtoJsonCodec:
    """Writes and reads ProtoJSON. Safe to use from several threads at once.

    Args:
        enum_aliases: Full enum name -> spelling -> number. Every spelling is read beside
            the names and numbers that ProtoJSON knows.
        write_enum_aliases: Write the first spelling of a number that has one, instead of
            the value's name.
        ignore_unknown_fields: Skip keys that the message does not have, as one must to
            talk to a newer peer; otherwise they are errors.
        ignore_unknown_enum_names: The same for names of enum values: the field stays
            unset, an element or map entry is left out. Unknown numbers are always kept.
        strict: Read every text with the exact reader. Otherwise protobuf-py's reads what is
            beyond doubt, at half the cost; nothing is to pass there that does not pass here.
        always_emit_fields: Write fields without presence even when they hold their default.
        use_proto_names: Write field names as in the .proto instead of lowerCamelCase.
        max_bytes: Largest text that is read, or None for no limit of its own.
    """

    def __init__(
        self,
        *,
        enum_aliases: Mapping[str, Mapping[str, int]] | None = None,
        write_enum_aliases: bool = False,
        ignore_unknown_fields: bool = True,
        ignore_unknown_enum_names: bool = True,
        strict: bool = False,
        always_emit_fields: bool = False,
        use_proto_names: bool = False,
        max_bytes: int | None = None,
    ) -> None:
        self.enum_aliases: Mapping[str, Mapping[str, int]] = {
            name: dict(found) for name, found in (enum_aliases or {}).items()
        }
        self._write_aliases = write_enum_aliases
        self.ignore_unknown_fields = ignore_unknown_fields
        self.ignore_unknown_enum_names = ignore_unknown_enum_names
        self._strict = strict
        self._always_emit_fields = always_emit_fields
        self._use_proto_names = use_proto_names
        self._max_bytes = max_bytes
        self._native: dict[AnyDescriptor, NativeType | None] = {}
        self._screens: dict[AnyDescriptor, Screen] = {}
        self._any_types: dict[AnyDescriptor, None] = {}
        self._reader: JsonReader | None = None

    @property
    def name(self) -> str:
        """The codec's name in content types."""
        return "json"

    def encode(self, message: Message) -> bytes:
        """Write a message as compact UTF-8 JSON; see `Codec.encode`."""
        try:
            binary = message.SerializeToString()
        except EncodeError as error:
            raise ValueError(
                f"{message.DESCRIPTOR.full_name} cannot be written: {error}"
            ) from error
        native = self._native_type(message.DESCRIPTOR)
        if native is not None:
            try:
                return self._write(native, binary)
            except _REFUSALS:
                pass
        return self._encode_by_reference(message, binary)

    def decode(self, data: bytes, message_type: type[MessageT]) -> MessageT:
        """Read a message; see `Codec.decode`.

        An error carries a google.rpc.BadRequest whose violation names the JSON path.
        A text above `max_bytes` is RESOURCE_EXHAUSTED.
        """
        if self._max_bytes is not None and len(data) > self._max_bytes:
            text = f"JSON of {len(data)} bytes is above the limit of {self._max_bytes}"
            raise RpcError(Code.RESOURCE_EXHAUSTED, text)
        if not self._strict:
            found = self._read_natively(data, message_type)
            if found is not None:
                return found
        message = message_type()
        try:
            self._exact_reader().read(data, message)
        except JsonError as error:
            raise error.to_rpc_error() from None
        return message

    def encode_field(self, message: Message, field_name: str) -> bytes:
        """Write the value of one field; see `JsonCodec.encode_field`."""
        field = message.DESCRIPTOR.fields_by_name[field_name]
        value = getattr(message, field_name)
        if field.message_type is not None and not is_repeated(field):
            return self.encode(value)
        alone = type(message)()
        alone.CopyFrom(message)
        for other, _ in message.ListFields():
            if other.number != field.number:
                alone.ClearField(other.name)
        tree: dict[str, Any] = json.loads(self.encode(alone))
        key = field.name if self._use_proto_names else field.json_name
        found = tree.get(key, _default_json(field, repeated=is_repeated(field)))
        return json.dumps(found, ensure_ascii=False, separators=(",", ":")).encode()

    def decode_field(self, data: bytes, message_type: type[MessageT], field_name: str) -> MessageT:
        """Read one field; see `JsonCodec.decode_field`."""
        if self._max_bytes is not None and len(data) > self._max_bytes:
            text = f"JSON of {len(data)} bytes is above the limit of {self._max_bytes}"
            raise RpcError(Code.RESOURCE_EXHAUSTED, text)
        message = message_type()
        try:
            self._exact_reader().read_field(data, message, field_name)
        except JsonError as error:
            raise error.to_rpc_error() from None
        return message

    def _read_natively(self, data: bytes, message_type: type[MessageT]) -> MessageT | None:
        """Read a text by protobuf-py, or return None if it is to be read exactly."""
        native = self._native_type(message_type.DESCRIPTOR)
        if native is None:
            return None
        try:
            text = data.decode()  # which is read faster than bytes
            # Strict: where protobuf-py ignores unknown fields, it drops enum numbers too.
            parsed = native.message_class.from_json(text, registry=native.registry)
            if self._screen(message_type.DESCRIPTOR).passes(text):
                return message_type.FromString(parsed.to_binary())
        except (*_REFUSALS, DecodeError):
            pass
        return None

    def _write(self, native: NativeType, binary: bytes) -> bytes:
        return (
            native.message_class.from_binary(binary)
            .to_json(
                registry=native.registry,
                always_emit_implicit=self._always_emit_fields,
                use_proto_field_name=self._use_proto_names,
            )
            .encode()
        )

    def _encode_by_reference(self, message: Message, binary: bytes) -> bytes:
        """Write what the native codec refused: an Any whose type it has not met, mostly."""
        from google.protobuf import json_format

        try:
            tree = json_format.MessageToDict(
                message,
                always_print_fields_with_no_presence=self._always_emit_fields,
                preserving_proto_field_name=self._use_proto_names,
            )
        except RecursionError:
            name = message.DESCRIPTOR.full_name
            raise ValueError(f"{name} cannot be written as JSON: nested too deeply") from None
        except (json_format.Error, ValueError, TypeError, KeyError) as error:
            name = message.DESCRIPTOR.full_name
            raise ValueError(f"{name} cannot be written as JSON: {error}") from error
        met = dict.fromkeys(_any_types(message, tree))
        native = None
        if not met.keys() <= self._any_types.keys():
            self._any_types |= met
            native = self._native_type_for(message.DESCRIPTOR)
        if native is not None:
            try:
                return self._write(native, binary)
            except _REFUSALS:
                pass
        return json.dumps(tree, ensure_ascii=False, separators=(",", ":")).encode()

    def _native_type(self, descriptor: AnyDescriptor) -> NativeType | None:
        try:
            return self._native[descriptor]
        except KeyError:
            pass
        return self._native_type_for(descriptor)

    def _native_type_for(self, descriptor: AnyDescriptor) -> NativeType | None:
        from triwire.codec.bridge import native_type

        try:
            found = native_type(
                descriptor,
                enum_aliases=self.enum_aliases,
                write_aliases=self._write_aliases,
                any_types=tuple(self._any_types),
            )
        except _REFUSALS:
            found = None
        self._native[descriptor] = found
        return found

    def _screen(self, descriptor: AnyDescriptor) -> Screen:
        found = self._screens.get(descriptor)
        if found is None:
            from triwire.codec.screen import Screen

            found = self._screens[descriptor] = Screen(descriptor)
        return found

    def _exact_reader(self) -> JsonReader:
        if self._reader is None:
            from triwire.codec.reader import JsonReader

            self._reader = JsonReader(
                enum_aliases=self.enum_aliases,
                ignore_unknown_fields=self.ignore_unknown_fields,
                ignore_unknown_enum_names=self.ignore_unknown_enum_names,
            )
        return self._reader


def _default_json(field: AnyField, *, repeated: bool) -> object:
    if repeated:
        return {} if is_map(field) else []
    if field.enum_type is not None:
        return str(field.enum_type.values_by_number[field.default_value].name)
    default = field.default_value
    if isinstance(default, bytes):
        return ""
    is_long = field.cpp_type in {field.CPPTYPE_INT64, field.CPPTYPE_UINT64}
    return str(default) if is_long else default


def _any_types(message: Message, tree: object) -> list[AnyDescriptor]:
    """Return the types named by "@type" anywhere in written JSON."""
    found: list[AnyDescriptor] = []
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, list):
            waiting.extend(cast("list[object]", node))
        elif isinstance(node, dict):
            children = cast("dict[str, object]", node)
            waiting.extend(children.values())
            url = children.get("@type")
            if isinstance(url, str):
                pool = message.DESCRIPTOR.file.pool
                with suppress(KeyError):
                    found.append(pool.FindMessageTypeByName(url.rpartition("/")[2]))
    return found


if TYPE_CHECKING:
    _: type[JsonCodec] = ProtoJsonCodec
