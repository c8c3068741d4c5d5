"""What the JSON codec's options do, and what its errors say."""

from __future__ import annotations

import json
from typing import Any

import pytest
from google.protobuf import any_pb2, descriptor_pb2, descriptor_pool, message_factory
from google.rpc.error_details_pb2 import BadRequest

from tests.vectors.schema import PACKAGE, message_class
from triwire.codec.protojson import ProtoJsonCodec
from triwire.errors import Code, RpcError

ALIASES = {f"{PACKAGE}.Color": {"rot": 1, "Rot": 1, "keine": 0}}
TOLERANT = ProtoJsonCodec()
STRICT = ProtoJsonCodec(ignore_unknown_fields=False, ignore_unknown_enum_names=False, strict=True)


def _read(codec: ProtoJsonCodec, text: str, kind: str = "Request") -> Any:
    return codec.decode(text.encode(), message_class(kind))


def _refusal(codec: ProtoJsonCodec, text: str) -> tuple[str, str]:
    """Return path and problem of the error that a text gives."""
    with pytest.raises(RpcError) as caught:
        _read(codec, text)
    assert caught.value.code is Code.INTERNAL
    assert not caught.value.from_server
    (detail,) = caught.value.details
    assert isinstance(detail, BadRequest)
    (violation,) = detail.field_violations
    assert violation.description in caught.value.message
    return violation.field, violation.description


@pytest.mark.parametrize("strict", [pytest.param(False, id="fast"), pytest.param(True, id="exact")])
def test_aliases_are_read_beside_names_and_numbers(*, strict: bool) -> None:
    codec = ProtoJsonCodec(enum_aliases=ALIASES, strict=strict)
    found = _read(codec, '{"colors":["rot","Rot","keine","COLOR_RED",2,77]}')
    assert list(found.colors) == [1, 1, 0, 1, 2, 77]


def test_aliases_are_read_as_map_values_and_in_nested_messages() -> None:
    codec = ProtoJsonCodec(enum_aliases=ALIASES)
    found = _read(codec, '{"byFlag":{"true":"rot"},"leaf":{"child":{"color":"rot"}}}')
    assert found.by_flag[True] == 1
    assert found.leaf.child.color == 1


def test_aliases_are_written_only_on_request_and_the_first_spelling_wins() -> None:
    message = message_class("Request")(colors=[0, 1, 2, 77])
    reading = ProtoJsonCodec(enum_aliases=ALIASES)
    writing = ProtoJsonCodec(enum_aliases=ALIASES, write_enum_aliases=True)
    names = ["COLOR_UNSPECIFIED", "COLOR_RED", "COLOR_GREEN", 77]
    assert json.loads(reading.encode(message)) == {"colors": names}
    assert json.loads(writing.encode(message)) == {"colors": ["keine", "rot", "COLOR_GREEN", 77]}


def test_an_alias_of_an_unknown_spelling_is_refused_with_the_names_that_exist() -> None:
    codec = ProtoJsonCodec(enum_aliases=ALIASES, ignore_unknown_enum_names=False)
    path, problem = _refusal(codec, '{"color":"blau"}')
    assert path == "color"
    assert problem == (
        "expected one of COLOR_UNSPECIFIED, COLOR_RED, COLOR_GREEN, COLOR_BELOW_ZERO, "
        'rot, Rot, keine; got string "blau"'
    )


def test_null_for_an_enum_is_its_default_with_aliases_too() -> None:
    for write in (False, True):
        codec = ProtoJsonCodec(enum_aliases=ALIASES, write_enum_aliases=write)
        assert not _read(codec, '{"color":null}').ListFields()


def test_a_newer_servers_fields_and_enum_names_are_skipped_and_its_numbers_kept() -> None:
    text = '{"new":{"a":[1,{}]},"color":"NEW","colors":["NEW","COLOR_RED",99],"id":"x"}'
    found = _read(TOLERANT, text)
    assert found == message_class("Request")(id="x", colors=[1, 99])


def test_unknown_enum_names_in_maps_leave_the_entry_out() -> None:
    found = _read(TOLERANT, '{"byFlag":{"true":"NEW","false":"COLOR_RED"}}')
    assert dict(found.by_flag) == {False: 1}


def test_unknown_fields_and_unknown_enum_names_are_told_apart() -> None:
    fields_only = ProtoJsonCodec(ignore_unknown_enum_names=False)
    assert _read(fields_only, '{"new":1}') == message_class("Request")()
    assert _refusal(fields_only, '{"color":"NEW"}')[0] == "color"
    names_only = ProtoJsonCodec(ignore_unknown_fields=False)
    assert _read(names_only, '{"color":"NEW"}') == message_class("Request")()
    assert _refusal(names_only, '{"new":1}') == ("new", f"{PACKAGE}.Request has no such field")


@pytest.mark.parametrize(
    ("text", "path", "problem"),
    [
        ('{"leaf":{"bigNumber":[]}}', "leaf.bigNumber", "expected int64, got an array"),
        ('{"leaves":[{},{"name":{}}]}', "leaves[1].name", "expected a string, got an object"),
        ('{"counts":{"x":"1"}}', "counts.x", 'expected int32, got string "x"'),
        ('{"counts":{"1":"x"}}', 'counts["1"]', 'expected int64, got string "x"'),
        (
            '{"leavesByName":{"a b":{"tags":[1]}}}',
            'leavesByName["a b"].tags[0]',
            "expected a string, got number 1",
        ),
        ('{"leaf":{"tags":["\\ud800"]}}', "leaf.tags[0]", "a string holds a lone surrogate"),
        (
            '{"any":{"@type":"x/nope.Nope"}}',
            'any["@type"]',
            "message type 'nope.Nope' is not known here",
        ),
        ("[]", "", "expected an object, got an array"),
        ('{"leaf":"%s"}' % ("y" * 99), "leaf", f'expected an object, got string "{"y" * 36}...'),
    ],
    ids=str,
)
def test_errors_name_the_path_what_was_expected_and_what_came(
    text: str, path: str, problem: str
) -> None:
    for codec in (TOLERANT, STRICT):
        assert _refusal(codec, text) == (path, problem)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param("", "the text is empty", id="empty"),
        pytest.param("  \n", "the text is empty", id="white space"),
        pytest.param('{"id":', "expecting value at line 1, column 7, found the end", id="cut"),
        pytest.param("<html>", "expecting value at line 1, column 1, found '<html>'", id="html"),
        pytest.param("{}{}", "extra data at line 1, column 3, found '{}'", id="two texts"),
        pytest.param('{"doubleValue":NaN}', "NaN is no JSON; write it as a string", id="NaN"),
        pytest.param('{"i32":' + "9" * 9999 + "}", "a number has too many digits", id="digits"),
        pytest.param('{"i32":1e' + "9" * 99 + "}", "a number has too many digits", id="exponent"),
        pytest.param('{"nope":' + "[" * 10000, "nested too deeply", id="deep"),
    ],
)
def test_texts_that_are_no_json_say_where_they_stop_being_it(text: str, problem: str) -> None:
    for codec in (TOLERANT, STRICT):
        assert _refusal(codec, text) == ("", problem)


def test_bytes_that_are_no_utf8_are_refused_with_their_place() -> None:
    for codec in (TOLERANT, STRICT):
        with pytest.raises(RpcError, match="not UTF-8 at byte 6"):
            codec.decode(b'{"id":\xff"x"}', message_class("Request"))


@pytest.mark.parametrize(
    ("text", "path"),
    [
        pytest.param('{"id":"a","id":"b"}', "", id="duplicate key"),
        pytest.param('{"nope":{"a":1,"a":2}}', "", id="duplicate key in an unknown field"),
        pytest.param('{"doubleValue":1,"double_value":1}', "double_value", id="both spellings"),
        pytest.param('{"choiceText":"a","choiceNumber":1}', "choiceNumber", id="two of a oneof"),
        pytest.param('{"i32":"1_0"}', "i32", id="underscore"),
        pytest.param('{"struct":{"a":[1e999]}}', "struct.a[0]", id="infinite number"),
    ],
)
def test_a_strict_codec_refuses_what_the_native_one_lets_pass(text: str, path: str) -> None:
    assert _refusal(ProtoJsonCodec(strict=True), text)[0] == path


def test_messages_nested_too_deeply_are_refused() -> None:
    def nested(levels: int) -> str:
        return '{"leaf":' + '{"child":' * (levels - 2) + "{}" + "}" * (levels - 1)

    for codec in (TOLERANT, STRICT):
        assert _read(codec, nested(100)).HasField("leaf")
        problem = _refusal(codec, nested(103))[1]
        assert problem == "nested more than 100 messages deep"


def test_a_text_above_the_limit_is_refused_before_it_is_read() -> None:
    codec = ProtoJsonCodec(max_bytes=10)
    assert _read(codec, '{"id":"x"}').id == "x"
    with pytest.raises(RpcError, match="JSON of 11 bytes is above the limit of 10") as caught:
        _read(codec, '{"id":"xy"}')
    assert caught.value.code is Code.RESOURCE_EXHAUSTED
    with pytest.raises(RpcError, match="JSON of 11 bytes is above the limit of 10"):
        codec.decode_field(b'"123456789"', message_class("Request"), "id")


def test_an_any_of_a_type_met_for_the_first_time_is_written_and_read() -> None:
    # A fresh codec each: what it has met is kept.
    leaf = message_class("Leaf")(name="n", color=1)
    message = message_class("Request")()
    message.any.Pack(leaf)
    detail = any_pb2.Any()
    detail.Pack(BadRequest(field_violations=[BadRequest.FieldViolation(field="f")]))
    codec = ProtoJsonCodec(enum_aliases=ALIASES, write_enum_aliases=True)
    tree = json.loads(codec.encode(message))
    url = f"type.googleapis.com/{PACKAGE}.Leaf"
    assert tree == {"any": {"@type": url, "name": "n", "color": "rot"}}
    assert json.loads(codec.encode(detail))["fieldViolations"] == [{"field": "f"}]
    assert codec.encode(message) == codec.encode(message)
    for reader in (ProtoJsonCodec(enum_aliases=ALIASES), codec):
        assert reader.decode(codec.encode(message), message_class("Request")) == message
        assert reader.decode(codec.encode(detail), any_pb2.Any) == detail


@pytest.mark.parametrize(
    "message",
    [
        pytest.param({"any": any_pb2.Any(type_url="x/nope.Nope", value=b"")}, id="unknown Any"),
        pytest.param({"at": {"seconds": 10**15}}, id="time out of range"),
        pytest.param({"wait": {"seconds": 1, "nanos": -1}}, id="duration of both signs"),
        pytest.param({"mask": {"paths": ["a_B"]}}, id="mask that cannot come back"),
        pytest.param({"value": {"number_value": float("nan")}}, id="NaN in a value"),
    ],
)
def test_what_json_cannot_say_is_a_value_error(message: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=rf"{PACKAGE}\.Request cannot be written as JSON"):
        TOLERANT.encode(message_class("Request")(**message))


def test_names_and_defaults_are_written_as_asked() -> None:
    message = message_class("Response")(leaf={"big_number": 5})
    names = ProtoJsonCodec(use_proto_names=True)
    assert json.loads(names.encode(message)) == {"leaf": {"big_number": "5"}}
    always = json.loads(ProtoJsonCodec(always_emit_fields=True).encode(message))
    assert always == {
        "id": "",
        "leaves": [],
        "leaf": {
            "name": "",
            "bigNumber": "5",
            "tags": [],
            "color": "COLOR_UNSPECIFIED",
            "labels": {},
        },
        "labels": {},
        "text": "",
        "numbers": [],
        "total": "0",
    }


def test_a_single_field_of_any_kind_is_written_even_when_unset() -> None:
    message = message_class("Request")()
    expected: dict[str, object] = {
        "leaf": {}, "leaves": [], "labels": {}, "i32": 0, "i64": "0", "u64": "0", "text": "",
        "data": "", "flag": False, "double_value": 0.0, "color": "COLOR_UNSPECIFIED", "texts": [],
    }  # fmt: skip
    found = {name: json.loads(TOLERANT.encode_field(message, name)) for name in expected}
    assert found == expected


def test_a_single_field_has_its_name_in_the_path_of_an_error() -> None:
    with pytest.raises(RpcError, match=r"leaf\.child\.name: expected a string"):
        TOLERANT.decode_field(b'{"child":{"name":1}}', message_class("Request"), "leaf")


def test_proto2_messages_with_required_fields_and_extensions_are_read_and_written() -> None:
    kind = _proto2_class()
    with pytest.raises(ValueError, match="cannot be written"):
        TOLERANT.encode(kind())
    message = kind(needed=5)
    extension = message.DESCRIPTOR.file.pool.FindExtensionByName("triwire.test.old.extra")
    message.Extensions[extension] = "e"
    text = TOLERANT.encode(message)
    assert json.loads(text) == {"needed": 5, "[triwire.test.old.extra]": "e"}
    for codec in (TOLERANT, STRICT):
        assert codec.decode(text, kind) == message
        with pytest.raises(RpcError, match="required fields are missing: needed"):
            codec.decode(b"{}", kind)
    with pytest.raises(RpcError, match=r"triwire\.test\.old\.nope.*has no such field"):
        STRICT.decode(b'{"needed":1,"[triwire.test.old.nope]":1}', kind)


def _proto2_class() -> Any:
    pool = descriptor_pool.Default()
    name = "triwire/test/old.proto"
    try:
        pool.FindFileByName(name)
    except KeyError:
        field = descriptor_pb2.FieldDescriptorProto
        file = descriptor_pb2.FileDescriptorProto(name=name, package="triwire.test.old")
        file.syntax = "proto2"
        message = file.message_type.add(name="Old")
        message.field.add(
            name="needed", number=1, type=field.TYPE_INT32, label=field.LABEL_REQUIRED
        )
        message.extension_range.add(start=100, end=200)
        file.extension.add(
            name="extra", number=100, type=field.TYPE_STRING, label=field.LABEL_OPTIONAL,
            extendee=".triwire.test.old.Old",
        )  # fmt: skip
        pool.AddSerializedFile(file.SerializeToString())
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("triwire.test.old.Old"))
