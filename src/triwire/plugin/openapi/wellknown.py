"""JSON Schema of scalars and of the messages that ProtoJSON writes in a form of their own.

The forms are those of https://protobuf.dev/programming-guides/json/. Readers must take more of
them than writers use (numbers in quotes, names in snake_case); what writers use is described.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from triwire.plugin.openapi.rules import Schema

__all__ = ["ANY", "ANY_SCHEMA", "FLOATS", "LONGS", "WRAPPERS", "scalar", "special", "status_schema"]

ANY: Final = "google.protobuf.Any"
STATUS: Final = "google.rpc.Status"
FLOATS: Final = frozenset({"double", "float"})
LONGS: Final = frozenset({"int64", "sint64", "sfixed64", "uint64", "fixed64"})
"""Integers that are strings in JSON, whose numbers lose digits above 2**53."""

_UNSIGNED: Final = frozenset({"uint32", "fixed32", "uint64", "fixed64"})
_INTEGERS: Final = {
    "int32": "int32",
    "sint32": "int32",
    "sfixed32": "int32",
    "uint32": "uint32",
    "fixed32": "uint32",
    "int64": "int64",
    "sint64": "int64",
    "sfixed64": "int64",
    "uint64": "uint64",
    "fixed64": "uint64",
}

WRAPPERS: Final = {
    "google.protobuf.BoolValue": "bool",
    "google.protobuf.BytesValue": "bytes",
    "google.protobuf.DoubleValue": "double",
    "google.protobuf.FloatValue": "float",
    "google.protobuf.Int32Value": "int32",
    "google.protobuf.Int64Value": "int64",
    "google.protobuf.StringValue": "string",
    "google.protobuf.UInt32Value": "uint32",
    "google.protobuf.UInt64Value": "uint64",
}

_SPECIAL: Final[dict[str, Schema]] = {
    "google.protobuf.Timestamp": {"type": "string", "format": "date-time"},
    # google/protobuf/duration.proto; "duration" in JSON Schema is ISO 8601, which this is not.
    "google.protobuf.Duration": {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]{1,9})?s$"},
    "google.protobuf.FieldMask": {"type": "string"},
    "google.protobuf.Struct": {"type": "object", "additionalProperties": True},
    "google.protobuf.ListValue": {"type": "array", "items": {}},
    "google.protobuf.Value": {},
    "google.protobuf.Empty": {"type": "object"},
}

ANY_SCHEMA: Final[Schema] = {
    "description": "A message of any type, with the URL that names its type.",
    "type": "object",
    "properties": {
        "@type": {"description": "The type's URL, which ends in its full name.", "type": "string"}
    },
    "additionalProperties": True,
}


def scalar(kind: str) -> Schema:
    """Return the schema of a scalar by its name in .proto files; 64-bit integers as numbers."""
    match kind:
        case "bool":
            return {"type": "boolean"}
        case "string":
            return {"type": "string"}
        case "bytes":
            return {"type": "string", "contentEncoding": "base64"}
        case "double" | "float":
            return {"type": "number", "format": kind}
        case _:
            bits = 64 if kind in LONGS else 32
            low, high = (
                (0, 2**bits - 1) if kind in _UNSIGNED else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
            )
            return {"type": "integer", "format": _INTEGERS[kind], "minimum": low, "maximum": high}


def special(full_name: str) -> Schema | None:
    """Return the schema of a message with a form of its own, None for all others."""
    found = _SPECIAL.get(full_name)
    return dict(found) if found is not None else None


def status_schema(detail: Schema) -> Schema:
    """Return the schema of google.rpc.Status, as which servers answer errors.

    Args:
        detail: The schema of google.protobuf.Any.
    """
    return {
        "description": "An error, as google.rpc.Status.",
        "type": "object",
        "properties": {
            "code": {
                "description": "A number of google.rpc.Code; of some servers the HTTP status.",
                "type": "integer",
                "format": "int32",
            },
            "message": {"description": "What went wrong, for developers.", "type": "string"},
            "details": {
                "description": "What went wrong, for programs: messages of google.rpc and others.",
                "type": "array",
                "items": detail,
            },
        },
    }
