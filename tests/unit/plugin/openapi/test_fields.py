"""What becomes of one field: its type, its rules, its behaviours, as JSON Schema."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.plugin.openapi.inline import compile_inline, proto

if TYPE_CHECKING:
    from pathlib import Path

U32 = {"type": "integer", "format": "uint32", "minimum": 0, "maximum": 4294967295}
I32 = {"type": "integer", "format": "int32", "minimum": -2147483648, "maximum": 2147483647}
TEXT = {"type": "string"}
COLOUR = {"type": "string", "title": "Colour"}
ALL_COLOURS = {**COLOUR, "enum": ["COLOUR_UNSPECIFIED", "RED", "GREEN"]}
V = "(buf.validate.field)"

# (field of a proto3 message, its schema, whether the message requires it)
CASES: list[tuple[str, dict[str, Any], bool]] = [
    # Types.
    ("bool f = 1;", {"type": "boolean"}, False),
    ("string f = 1;", TEXT, False),
    ("bytes f = 1;", {"type": "string", "contentEncoding": "base64"}, False),
    ("int32 f = 1;", I32, False),
    ("sint32 f = 1;", I32, False),
    ("sfixed32 f = 1;", I32, False),
    ("uint32 f = 1;", U32, False),
    ("fixed32 f = 1;", U32, False),
    ("int64 f = 1;", {**TEXT, "format": "int64", "pattern": "^-?[0-9]+$"}, False),
    ("uint64 f = 1;", {**TEXT, "format": "uint64", "pattern": "^[0-9]+$"}, False),
    (
        "double f = 1;",
        {
            "anyOf": [
                {"type": "number", "format": "double"},
                {"enum": ["NaN", "Infinity", "-Infinity"]},
            ]
        },
        False,
    ),
    ("Colour f = 1;", {**ALL_COLOURS, "description": "What it looks like."}, False),
    ("Other f = 1;", {"$ref": "#/components/schemas/Other"}, False),
    (
        "repeated Other f = 1;",
        {"type": "array", "items": {"$ref": "#/components/schemas/Other"}},
        False,
    ),
    ("map<string, int32> f = 1;", {"type": "object", "additionalProperties": I32}, False),
    (
        "map<bool, string> f = 1;",
        {
            "type": "object",
            "additionalProperties": TEXT,
            "propertyNames": {"enum": ["true", "false"]},
        },
        False,
    ),
    (
        "map<int32, string> f = 1;",
        {
            "type": "object",
            "additionalProperties": TEXT,
            "propertyNames": {**TEXT, "pattern": "^-?[0-9]+$"},
        },
        False,
    ),
    # Messages with a form of their own.
    ("google.protobuf.Timestamp f = 1;", {**TEXT, "format": "date-time"}, False),
    ("google.protobuf.Duration f = 1;", {**TEXT, "pattern": r"^-?[0-9]+(\.[0-9]{1,9})?s$"}, False),
    ("google.protobuf.FieldMask f = 1;", TEXT, False),
    ("google.protobuf.Struct f = 1;", {"type": "object", "additionalProperties": True}, False),
    ("google.protobuf.ListValue f = 1;", {"type": "array", "items": {}}, False),
    ("google.protobuf.Value f = 1;", {}, False),
    ("google.protobuf.NullValue f = 1;", {"type": "null"}, False),
    ("google.protobuf.Empty f = 1;", {"type": "object"}, False),
    ("google.protobuf.Any f = 1;", {"$ref": "#/components/schemas/GoogleProtobufAny"}, False),
    ("google.protobuf.Int32Value f = 1;", I32, False),
    (
        "google.protobuf.Int64Value f = 1;",
        {**TEXT, "format": "int64", "pattern": "^-?[0-9]+$"},
        False,
    ),
    # Strings.
    (f"string f = 1 [{V}.string.len = 3];", {**TEXT, "minLength": 3, "maxLength": 3}, True),
    (
        f"string f = 1 [{V}.string = {{min_len: 1 max_len: 9}}];",
        {**TEXT, "minLength": 1, "maxLength": 9},
        True,
    ),
    (f"string f = 1 [{V}.string.max_len = 9];", {**TEXT, "maxLength": 9}, False),
    (
        f"string f = 1 [{V}.string.max_bytes = 9];",
        {
            **TEXT,
            "maxLength": 9,
            "x-validation": [{"id": "string.max_bytes", "value": 9}],
            "description": "Checked as well: string.max_bytes 9.",
        },
        False,
    ),
    (f'string f = 1 [{V}.string.pattern = "^[a-z]+$"];', {**TEXT, "pattern": "^[a-z]+$"}, True),
    (f'string f = 1 [{V}.string.pattern = "^[a-z]*$"];', {**TEXT, "pattern": "^[a-z]*$"}, False),
    (
        f'string f = 1 [{V}.string = {{pattern: "a" prefix: "b." suffix: "c"}}];',
        {**TEXT, "pattern": "a", "allOf": [{"pattern": r"^b\."}, {"pattern": "c$"}]},
        True,
    ),
    (f'string f = 1 [{V}.string.contains = "(x"];', {**TEXT, "pattern": r"\(x"}, True),
    (
        f'string f = 1 [{V}.string.not_contains = "$("];',
        {**TEXT, "not": {"pattern": r"\$\("}},
        False,
    ),
    (f'string f = 1 [{V}.string.const = "x"];', {**TEXT, "const": "x"}, True),
    (f'string f = 1 [{V}.string = {{in: ["a", "b"]}}];', {**TEXT, "enum": ["a", "b"]}, True),
    (f'string f = 1 [{V}.string = {{in: ["a", ""]}}];', {**TEXT, "enum": ["a", ""]}, False),
    (f'string f = 1 [{V}.string = {{not_in: [""]}}];', {**TEXT, "not": {"enum": [""]}}, True),
    (f"string f = 1 [{V}.string.uuid = true];", {**TEXT, "format": "uuid"}, True),
    (f"string f = 1 [{V}.string.uuid = false];", TEXT, False),
    (f"string f = 1 [{V}.string.uri_ref = true];", {**TEXT, "format": "uri-reference"}, False),
    (
        f"string f = 1 [{V}.string.ip = true];",
        {**TEXT, "anyOf": [{"format": "ipv4"}, {"format": "ipv6"}]},
        True,
    ),
    (f"string f = 1 [{V}.string.tuuid = true];", {**TEXT, "pattern": "^[0-9a-fA-F]{32}$"}, True),
    (
        f"string f = 1 [{V}.string.host_and_port = true];",
        {
            **TEXT,
            "x-validation": [{"id": "string.host_and_port", "value": True}],
            "description": "Checked as well: string.host_and_port True.",
        },
        True,
    ),
    (
        f'string f = 1 [{V}.string.pattern = "(?i)^a$"];',
        {
            **TEXT,
            "x-validation": [{"id": "string.pattern", "value": "(?i)^a$"}],
            "description": "Checked as well: string.pattern (?i)^a$.",
        },
        True,
    ),
    (f'string f = 1 [{V}.string.example = "x"];', {**TEXT, "examples": ["x"]}, False),
    # Bytes: base64, whose padding may be left out.
    (
        f"bytes f = 1 [{V}.bytes = {{min_len: 4 max_len: 4}}];",
        {"type": "string", "contentEncoding": "base64", "pattern": "^[^=]{6,6}=*$"},
        True,
    ),
    # Numbers.
    (f"uint32 f = 1 [{V}.uint32 = {{gte: 1 lte: 9}}];", {**U32, "minimum": 1, "maximum": 9}, True),
    (f"uint32 f = 1 [{V}.uint32 = {{gte: 0 lte: 9}}];", {**U32, "maximum": 9}, False),
    (
        f"int32 f = 1 [{V}.int32 = {{gt: 0 lt: 9}}];",
        {**I32, "exclusiveMinimum": 0, "exclusiveMaximum": 9},
        True,
    ),
    (
        f"int32 f = 1 [{V}.int32 = {{gt: 9 lt: 2}}];",
        {**I32, "anyOf": [{"exclusiveMinimum": 9}, {"exclusiveMaximum": 2}]},
        False,
    ),
    (f"int32 f = 1 [{V}.int32 = {{in: [1, 2]}}];", {**I32, "enum": [1, 2]}, True),
    (f"int32 f = 1 [{V}.int32 = {{not_in: [1, 2]}}];", {**I32, "not": {"enum": [1, 2]}}, False),
    (f"float f = 1 [{V}.float = {{finite: true}}];", {"type": "number", "format": "float"}, False),
    (
        f"float f = 1 [{V}.float = {{gte: 0.1}}];",
        {
            "anyOf": [
                {"type": "number", "format": "float", "minimum": 0.1},
                {"enum": ["Infinity"]},
            ],
        },
        True,
    ),
    (
        f"double f = 1 [{V}.double = {{gte: -1 lte: 1}}];",
        {"type": "number", "format": "double", "minimum": -1, "maximum": 1},
        False,
    ),
    (
        f"int64 f = 1 [{V}.int64 = {{gte: 1}}];",
        {
            **TEXT,
            "format": "int64",
            "pattern": "^[0-9]+$",
            "x-validation": [{"id": "int64.gte", "value": 1}],
            "description": "Checked as well: int64.gte 1.",
        },
        True,
    ),
    (
        f"uint64 f = 1 [{V}.uint64 = {{in: [1, 2]}}];",
        {**TEXT, "format": "uint64", "pattern": "^[0-9]+$", "enum": ["1", "2"]},
        True,
    ),
    (f"bool f = 1 [{V}.bool.const = true];", {"type": "boolean", "const": True}, True),
    # Enums.
    (
        f"Colour f = 1 [{V}.enum = {{defined_only: true not_in: [0]}}];",
        {**COLOUR, "enum": ["RED", "GREEN"], "description": "What it looks like."},
        True,
    ),
    (
        f"Colour f = 1 [{V}.enum = {{in: [0, 2]}}];",
        {**COLOUR, "enum": ["COLOUR_UNSPECIFIED", "GREEN"], "description": "What it looks like."},
        False,
    ),
    # Lists and maps.
    (
        (
            f"repeated string f = 1 [{V}.repeated = {{min_items: 1 max_items: 3 unique: true "
            "items: {string: {uuid: true}}}];"
        ),
        {
            "type": "array",
            "items": {**TEXT, "format": "uuid"},
            "minItems": 1,
            "maxItems": 3,
            "uniqueItems": True,
        },
        True,
    ),
    (
        (
            f"repeated string f = 1 [{V}.repeated.items = {{ignore: IGNORE_IF_ZERO_VALUE "
            "string: {uuid: true}}];"
        ),
        {"type": "array", "items": {"anyOf": [{"const": ""}, {**TEXT, "format": "uuid"}]}},
        False,
    ),
    (
        (
            f"map<string, string> f = 1 [{V}.map = {{min_pairs: 1 max_pairs: 2 "
            "keys: {string: {min_len: 1}} values: {string: {max_len: 5}}}];"
        ),
        {
            "type": "object",
            "additionalProperties": {**TEXT, "maxLength": 5},
            "propertyNames": {**TEXT, "minLength": 1},
            "minProperties": 1,
            "maxProperties": 2,
        },
        True,
    ),
    # When rules count.
    (f"string f = 1 [{V}.required = true];", {**TEXT, "minLength": 1}, True),
    (f"int32 f = 1 [{V}.required = true];", {**I32, "not": {"const": 0}}, True),
    (f"bool f = 1 [{V}.required = true];", {"type": "boolean", "const": True}, True),
    (
        f"repeated string f = 1 [{V}.required = true];",
        {"type": "array", "items": TEXT, "minItems": 1},
        True,
    ),
    (f"Other f = 1 [{V}.required = true];", {"$ref": "#/components/schemas/Other"}, True),
    (
        f"string f = 1 [{V}.string.uuid = true, {V}.ignore = IGNORE_IF_ZERO_VALUE];",
        {**TEXT, "format": "uuid"},
        False,
    ),
    (f"string f = 1 [{V}.string.uuid = true, {V}.ignore = IGNORE_ALWAYS];", TEXT, False),
    (f"optional string f = 1 [{V}.string.uuid = true];", {**TEXT, "format": "uuid"}, False),
    (
        f"google.protobuf.StringValue f = 1 [{V}.string.min_len = 2];",
        {**TEXT, "minLength": 2},
        False,
    ),
    # CEL.
    (
        (
            f'string f = 1 [{V}.cel = {{id: "lower" message: "must be lower case" '
            "expression: \"this.matches('^[a-z]+$')\"}];"
        ),
        {**TEXT, "pattern": "^[a-z]+$"},
        True,
    ),
    (
        (
            f'string f = 1 [{V}.cel = {{id: "even" message: "must be of even length" '
            'expression: "this.size() % 2 == 0"}];'
        ),
        {
            **TEXT,
            "x-validation": [
                {
                    "id": "even",
                    "message": "must be of even length",
                    "expression": "this.size() % 2 == 0",
                }
            ],
            "description": "Checked as well: must be of even length.",
        },
        False,
    ),
    (
        f"string f = 1 [{V}.string.(t.host_label) = true];",
        {**TEXT, "pattern": r"^[a-z0-9]+\.$"},
        True,
    ),
    (
        f"string f = 1 [{V}.string.(t.longer_than) = 3];",
        {
            **TEXT,
            "x-validation": [
                {
                    "id": "longer",
                    "message": "must be longer",
                    "expression": "size(this) > int(rule)",
                    "value": 3,
                }
            ],
            "description": "Checked as well: must be longer.",
        },
        False,
    ),
    # What the schema of a value has no say in.
    (
        f"google.protobuf.Timestamp f = 1 [{V}.timestamp.gt_now = true];",
        {
            **TEXT,
            "format": "date-time",
            "x-validation": [{"id": "timestamp.gt_now", "value": True}],
            "description": "Checked as well: timestamp.gt_now True.",
        },
        False,
    ),
    (
        f'google.protobuf.Any f = 1 [{V}.any = {{in: ["type.googleapis.com/t.Other"]}}];',
        {
            "$ref": "#/components/schemas/GoogleProtobufAny",
            "properties": {"@type": {"enum": ["type.googleapis.com/t.Other"]}},
        },
        False,
    ),
    # Behaviours, comments, names.
    ("string f = 1 [(google.api.field_behavior) = REQUIRED];", TEXT, True),
    (
        "string f = 1 [(google.api.field_behavior) = OUTPUT_ONLY];",
        {**TEXT, "readOnly": True},
        False,
    ),
    (
        "string f = 1 [(google.api.field_behavior) = INPUT_ONLY];",
        {**TEXT, "writeOnly": True},
        False,
    ),
    (
        "string f = 1 [(google.api.field_behavior) = IMMUTABLE];",
        {**TEXT, "x-field-behavior": ["IMMUTABLE"]},
        False,
    ),
    ("string f = 1 [deprecated = true];", {**TEXT, "deprecated": True}, False),
    (
        "// Says (-- not you --) two\n  // things.\n  //\n  // - one\n  // - two\n  string f = 1;",
        {**TEXT, "description": "Says  two things.\n\n- one\n- two"},
        False,
    ),
]

OWN = """
extend buf.validate.StringRules {
  optional bool host_label = 50100 [(buf.validate.predefined).cel = {
    id: "label" message: "must be a label" expression: "this.matches('^[a-z0-9]+\\\\\\\\.$')"
  }];
  optional int32 longer_than = 50101 [(buf.validate.predefined).cel = {
    id: "longer" message: "must be longer" expression: "size(this) > int(rule)"
  }];
}
"""


def sources() -> dict[str, str]:
    messages = "".join(f"message M{n} {{\n  {case[0]}\n}}\n" for n, case in enumerate(CASES))
    fields = "".join(f"  M{n} m{n} = {n + 1};\n" for n in range(len(CASES)))
    body = f"""
import "rules.proto";
// What it looks like.
enum Colour {{ COLOUR_UNSPECIFIED = 0; RED = 1; GREEN = 2; }}
message Other {{}}
{messages}
message PutRequest {{
{fields}}}
service S {{
  rpc Put(PutRequest) returns (google.protobuf.Empty) {{
    option (google.api.http) = {{ put: "/v1" body: "*" }};
  }}
}}
"""
    return {
        "fields.proto": proto("t", body),
        "rules.proto": 'syntax = "proto2";\npackage t;\nimport "buf/validate/validate.proto";\n'
        + OWN,
    }


@pytest.fixture(scope="module")
def schemas(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> dict[str, Any]:
    inline = compile_inline(tmp_path_factory.mktemp("inline"), repository, sources())
    found: dict[str, Any] = inline.document("fields.proto")["components"]["schemas"]
    return found


@pytest.mark.parametrize(
    ("number", "schema", "required"),
    [pytest.param(n, case[1], case[2], id=case[0]) for n, case in enumerate(CASES)],
)
def test_a_field_becomes(
    schemas: dict[str, Any], number: int, schema: dict[str, Any], *, required: bool
) -> None:
    message = schemas[f"M{number}"]
    assert message["properties"]["f"] == schema
    assert message.get("required", []) == (["f"] if required else [])
