"""Schemas beside protovalidate: they never refuse what the rules take, and refuse what they can."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf import descriptor_pool, json_format, message_factory
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from protovalidate import Validator

from tests.unit.plugin.openapi.inline import Inline, compile_inline, proto

if TYPE_CHECKING:
    from pathlib import Path

    from google.protobuf.message import Message

V = "(buf.validate.field)"

# Each is the field `f` of a message; the second says what its JSON is made of.
FIELDS: list[tuple[str, str]] = [
    (f"string f = 1 [{V}.string = {{min_len: 2 max_len: 4}}];", "text"),
    (f"string f = 1 [{V}.string.len = 3];", "text"),
    (f"string f = 1 [{V}.string = {{min_bytes: 3 max_bytes: 6}}];", "text"),
    (f'string f = 1 [{V}.string = {{pattern: "^[a-z\\\\d]*$" not_contains: "a1"}}];', "text"),
    (f'string f = 1 [{V}.string = {{prefix: "a" suffix: "z" contains: "$("}}];', "text"),
    (f'string f = 1 [{V}.string = {{in: ["", "a", "b"]}}];', "text"),
    (f'string f = 1 [{V}.string = {{not_in: ["a", "b"]}}];', "text"),
    (f"string f = 1 [{V}.string.tuuid = true];", "text"),
    (f"string f = 1 [{V}.required = true];", "text"),
    (f"optional string f = 1 [{V}.string.min_len = 2];", "text"),
    (f"optional string f = 1 [{V}.string.min_len = 2, {V}.required = true];", "text"),
    (f"string f = 1 [{V}.string.min_len = 2, {V}.ignore = IGNORE_ALWAYS];", "text"),
    (f"int32 f = 1 [{V}.int32 = {{gte: 1 lt: 5}}];", "number"),
    (f"int32 f = 1 [{V}.int32 = {{gt: 5 lt: 5}}];", "number"),
    (f"int32 f = 1 [{V}.int32 = {{gte: 5 lte: 2}}];", "number"),
    (f"int32 f = 1 [{V}.int32 = {{gt: 5 lte: 2 not_in: [7]}}];", "number"),
    (f"int32 f = 1 [{V}.int32.const = 3];", "number"),
    (f"sint32 f = 1 [{V}.required = true];", "number"),
    (f"int64 f = 1 [{V}.int64 = {{in: [0, 3, -4]}}];", "long"),
    (f"int64 f = 1 [{V}.int64 = {{gte: 0 not_in: [3]}}];", "long"),
    (f"double f = 1 [{V}.double = {{gte: 1}}];", "float"),
    (f"double f = 1 [{V}.double = {{gt: 3 lt: -1}}];", "float"),
    (f"double f = 1 [{V}.double = {{finite: true}}];", "float"),
    (f"bool f = 1 [{V}.bool.const = true];", "bool"),
    (f"bool f = 1 [{V}.required = true];", "bool"),
    (f"bytes f = 1 [{V}.bytes = {{min_len: 2 max_len: 3}}];", "bytes"),
    (f"bytes f = 1 [{V}.required = true];", "bytes"),
    (f"E f = 1 [{V}.enum = {{not_in: [0, 2]}}];", "enum"),
    (f"E f = 1 [{V}.enum = {{in: [0, 2]}}];", "enum"),
    (f"E f = 1 [{V}.enum.const = 1];", "enum"),
    (f"E f = 1 [{V}.required = true];", "enum"),
    (f"repeated int32 f = 1 [{V}.repeated = {{min_items: 1 max_items: 2 unique: true}}];", "list"),
    (f"repeated int32 f = 1 [{V}.repeated.items.int32.gte = 2];", "list"),
    (
        (
            f"repeated int32 f = 1 [{V}.repeated.items = "
            "{ignore: IGNORE_IF_ZERO_VALUE int32: {gte: 2}}];"
        ),
        "list",
    ),
    (
        f"repeated int32 f = 1 [{V}.repeated.min_items = 2, {V}.ignore = IGNORE_IF_ZERO_VALUE];",
        "list",
    ),
    (
        (
            f"map<string, int32> f = 1 [{V}.map = {{min_pairs: 1 max_pairs: 2 "
            "keys: {string: {max_len: 1}} values: {int32: {gte: 2}}}];"
        ),
        "map",
    ),
    (f"google.protobuf.Int32Value f = 1 [{V}.int32.gte = 2, {V}.required = true];", "number"),
    (
        "oneof o { option (buf.validate.oneof).required = true; int32 f = 1; int32 g = 2; }",
        "number",
    ),
]
_SMALL = st.integers(-6, 9)
_TEXT = st.text("abz1$(\u00e9\U0001f600", max_size=7) | st.sampled_from(["0" * 32, "az$(z", ""])
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "text": _TEXT,
    "number": _SMALL,
    "long": _SMALL.map(str),
    "float": _SMALL | st.sampled_from(["NaN", "Infinity", "-Infinity", 0.5, -0.5]),
    "bool": st.booleans(),
    "bytes": st.sampled_from(["", "YQ==", "YWI=", "YWI", "YWJj", "YWJjZA==", "YWJjZGU="]),
    "enum": st.sampled_from(["E_ZERO", "E_ONE", "E_TWO"]),
    "list": st.lists(_SMALL, max_size=4),
    "map": st.dictionaries(st.text("ab", max_size=2), _SMALL, max_size=3),
}


def sources() -> dict[str, str]:
    messages = "".join(f"message M{n} {{\n  {field}\n}}\n" for n, (field, _) in enumerate(FIELDS))
    fields = "".join(f"  M{n} m{n} = {n + 1};\n" for n in range(len(FIELDS)))
    body = f"""
enum E {{ E_ZERO = 0; E_ONE = 1; E_TWO = 2; }}
{messages}
message PutRequest {{
{fields}}}
service S {{
  rpc Put(PutRequest) returns (google.protobuf.Empty) {{
    option (google.api.http) = {{ put: "/v1" body: "*" }};
  }}
}}
"""
    return {"rules.proto": proto("rules", body)}


class Both:
    """The two judges of the JSON of a message."""

    def __init__(self, inline: Inline) -> None:
        schemas = inline.document("rules.proto")["components"]["schemas"]
        self.schemas: dict[str, Any] = schemas
        self._pool = descriptor_pool.DescriptorPool()
        for file in inline.files:
            self._pool.Add(file)
        self._validator = Validator()

    def message(self, name: str, tree: dict[str, Any]) -> Message:
        kind = self._pool.FindMessageTypeByName(f"rules.{name}")
        return json_format.Parse(json.dumps(tree), message_factory.GetMessageClass(kind)())

    def rules_take(self, message: Message) -> bool:
        return not self._validator.collect_violations(message)

    def schema_takes(self, name: str, tree: dict[str, Any]) -> bool:
        schema = {**self.schemas[name], "components": {"schemas": self.schemas}}
        validator: Any = Draft202012Validator(schema)
        return bool(validator.is_valid(tree))


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> Both:
    return Both(compile_inline(tmp_path_factory.mktemp("inline"), repository, sources()))


@pytest.mark.parametrize(
    ("number", "kind"), [pytest.param(n, kind, id=field) for n, (field, kind) in enumerate(FIELDS)]
)
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_a_schema_judges_as_the_rules_do(
    both: Both, number: int, kind: str, data: st.DataObject
) -> None:
    name = f"M{number}"
    nothing: dict[str, Any] = {}
    tree = data.draw(st.just(nothing) | VALUES[kind].map(lambda value: {"f": value}))
    message = both.message(name, tree)
    # What a server would write for it: without the zero values of fields that have no presence.
    written = json.loads(json_format.MessageToJson(message))
    rules, schema = both.rules_take(message), both.schema_takes(name, written)
    is_whole = "x-validation" not in json.dumps(both.schemas[name])
    assert schema == rules if is_whole else schema >= rules
