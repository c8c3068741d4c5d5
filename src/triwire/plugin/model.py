"""What the plugin knows of the .proto files: plain data, in the order of the files."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from enum import Enum as PythonEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "Api",
    "Enum",
    "Field",
    "File",
    "HttpBinding",
    "Kind",
    "Message",
    "Method",
    "Oneof",
    "Service",
    "Streaming",
]


def _no_rules() -> Mapping[str, Any]:
    return {}


class Kind(PythonEnum):
    """What a field holds."""

    BOOL = "bool"
    BYTES = "bytes"
    FLOAT = "float"
    INT = "int"
    STRING = "str"
    ENUM = "enum"
    MESSAGE = "message"
    MAP = "map"


class Streaming(PythonEnum):
    """Which sides of a method stream; the values are the runtime's names."""

    UNARY = "UNARY"
    CLIENT = "CLIENT_STREAM"
    SERVER = "SERVER_STREAM"
    BIDI = "BIDI_STREAM"


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a message.

    Attributes:
        name: Proto name.
        kind: What one value is; MAP for maps.
        type_name: Full name of the enum or message; for a map that of its entry message.
        repeated: Whether it holds many values; False for maps.
        required: field_behavior REQUIRED, or a proto2 `required` field.
        output_only: field_behavior OUTPUT_ONLY.
        oneof: Name of the oneof it belongs to, "" for none (or one that `optional` makes).
        comment: What the .proto says about it.
        is_uuid: Whether its rules or its format say that it is a UUID.
        json_name: Name in ProtoJSON.
        type: Name of its type in descriptors, such as "uint32", "message" or "enum".
        behaviors: Names of its google.api.field_behavior values.
        has_presence: Whether "not set" differs from the zero value; False for repeated and maps.
        deprecated: The option of that name.
        rules: Its buf.validate.FieldRules, as `triwire.plugin.validate` tells them.
    """

    name: str
    kind: Kind
    type_name: str
    repeated: bool
    required: bool
    output_only: bool
    oneof: str
    comment: str
    is_uuid: bool = False
    json_name: str = ""
    type: str = ""
    behaviors: tuple[str, ...] = ()
    has_presence: bool = False
    deprecated: bool = False
    rules: Mapping[str, Any] = dataclasses.field(default_factory=_no_rules)


@dataclass(frozen=True, slots=True)
class Oneof:
    """A oneof, without those that `optional` makes.

    Attributes:
        name: Proto name.
        required: Whether a rule of buf.validate wants one of its fields set.
    """

    name: str
    required: bool


@dataclass(frozen=True, slots=True)
class Message:
    """A message type.

    Attributes:
        full_name: With the package, such as "acme.v1.Book.Cover".
        path: Its own and its parents' names below the package, outermost first.
        file: Path of the .proto file.
        fields: In the order of the file.
        comment: What the .proto says about it.
        is_entry: Whether it is the entry of a map.
        oneofs: In the order of the file.
        deprecated: The option of that name.
        rules: Its buf.validate.MessageRules, as `triwire.plugin.validate` tells them.
    """

    full_name: str
    path: tuple[str, ...]
    file: str
    fields: tuple[Field, ...]
    comment: str
    is_entry: bool
    oneofs: tuple[Oneof, ...] = ()
    deprecated: bool = False
    rules: Mapping[str, Any] = dataclasses.field(default_factory=_no_rules)

    @property
    def name(self) -> str:
        """The message's own name."""
        return self.path[-1]

    def field(self, name: str) -> Field | None:
        """Return the field of this name, if there is one."""
        return next((field for field in self.fields if field.name == name), None)


@dataclass(frozen=True, slots=True)
class Enum:
    """An enum type; attributes as in `Message`, `values` are names, `numbers` theirs."""

    full_name: str
    path: tuple[str, ...]
    file: str
    values: tuple[str, ...]
    comment: str
    numbers: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class HttpBinding:
    """One google.api.http binding; `additional` have none of their own."""

    verb: str
    template: str
    body: str
    response_body: str
    additional: tuple[HttpBinding, ...]


@dataclass(frozen=True, slots=True)
class Method:
    """An RPC; `request` and `response` are full names of messages."""

    name: str
    request: str
    response: str
    streaming: Streaming
    idempotency: str
    http: HttpBinding | None
    comment: str
    deprecated: bool = False


@dataclass(frozen=True, slots=True)
class Service:
    """A service; `file` is the path of the .proto file."""

    name: str
    full_name: str
    file: str
    methods: tuple[Method, ...]
    comment: str


@dataclass(frozen=True, slots=True)
class File:
    """A .proto file; `messages` and `enums` hold the nested ones too, outer before inner."""

    path: str
    package: str
    messages: tuple[Message, ...]
    enums: tuple[Enum, ...]
    services: tuple[Service, ...]


@dataclass(frozen=True, slots=True)
class Api:
    """Everything in one request.

    Attributes:
        files: Every file by path, imports included.
        targets: Paths of the files to generate for, in the compiler's order.
        messages: Every message by full name.
        enums: Every enum by full name.
    """

    files: Mapping[str, File]
    targets: tuple[str, ...]
    messages: Mapping[str, Message]
    enums: Mapping[str, Enum]
