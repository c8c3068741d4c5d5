"""What the JSON codec's options do, and what its errors say."""

from __future__ import annotations

import decimal
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


def test_an_error_lists_the_first_names_of_a_long_enum_only() -> None:
    spellings = {f"alias_{number}": 1 for number in range(50)}
    codec = ProtoJsonCodec(
        enum_aliases={f"{PACKAGE}.Color": spellings}, ignore_unknown_enum_names=False
    )
    _, problem = _refusal(codec, '{"color":"blau"}')
    assert problem.endswith('alias_11, ...; got string "blau"')


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
        pytest.param(
            '{"i32":1e' + "9" * 99 + " 5}",
            "expecting ',' delimiter at line 1, column 110, found '5}'",
            id="behind a number beyond Decimal",
        ),
        pytest.param("{}{}", "extra data at line 1, column 3, found '{}'", id="two texts"),
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
        pytest.param('{"id":"a","id":"b"}', "id", id="duplicate key"),
        pytest.param('{"nope":{"a":1,"a":2}}', "nope.a", id="duplicate key in an unknown field"),
        pytest.param('{"counts":{"1":"1","1.0":"2"}}', 'counts["1.0"]', id="key spelled twice"),
        pytest.param('{"i32":1e' + "9" * 99 + "}", "i32", id="exponent"),
        pytest.param('{"leaf":{"bigNumber":1e-400}}', "leaf.bigNumber", id="nearly zero"),
        pytest.param('{"leaf":{"bigNumber":"1e-400"}}', "leaf.bigNumber", id="text nearly zero"),
        pytest.param(
            '{"leaf":{"bigNumber":1.00000000000000000001}}', "leaf.bigNumber", id="nearly one"
        ),
        pytest.param('{"mask":"a,"}', "mask", id="empty path in a mask"),
        pytest.param('{"wait":"1.s"}', "wait", id="duration without digits"),
        pytest.param(
            '{"leaf":{"name":"\\"","name":"b"}}', "leaf.name", id="behind an escaped quote"
        ),
        pytest.param('{"doubleValue":1,"double_value":1}', "double_value", id="both spellings"),
        pytest.param('{"choiceText":"a","choiceNumber":1}', "choiceNumber", id="two of a oneof"),
        pytest.param('{"i32":"1_0"}', "i32", id="underscore"),
        pytest.param('{"struct":{"a":[1e999]}}', "struct.a[0]", id="infinite number"),
    ],
)
def test_what_the_native_codec_lets_pass_is_refused_all_the_same(text: str, path: str) -> None:
    for codec in (TOLERANT, STRICT):
        if '"nope"' not in text or codec is TOLERANT:
            assert _refusal(codec, text)[0] == path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param('{"bigNumber":9007199254740993.0}', 9007199254740993, id="beyond double"),
        pytest.param('{"bigNumber":"9007199254740993.0"}', 9007199254740993, id="as text"),
        pytest.param('{"bigNumber":0e99999999999999999999}', 0, id="zero however it is scaled"),
    ],
)
def test_integers_are_never_rounded(text: str, expected: int) -> None:
    for codec in (TOLERANT, STRICT):
        assert _read(codec, text, "Leaf").big_number == expected


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('{"name":"a:b","tags":["::",":"]}', id="colons in strings"),
        pytest.param('{"name":"\\"","tags":[":\\\\"]}', id="escapes"),
        pytest.param('{"name":"0.22.0","tags":["2026-08-01","1-2"]}', id="strings of digits"),
        pytest.param('{"bigNumber":"-5","child":{"bigNumber":"0"}}', id="numbers as strings"),
        pytest.param('{"name":"\u540d\u524d:","tags":["\u0661a"]}', id="other scripts"),
        pytest.param('{"labels":{"name":"a"},"name":"b","child":{"name":"c"}}', id="nested"),
    ],
)
def test_what_is_beyond_doubt_is_read_by_the_native_codec(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    codec = ProtoJsonCodec()
    monkeypatch.setattr(codec, "_exact_reader", lambda: pytest.fail("the exact reader was asked"))
    _read(codec, text, "Leaf")


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


def test_what_only_json_format_writes_is_written_by_it() -> None:
    # A Value of no kind: an error by struct.proto, null in practice. The Any is met on the way.
    message = message_class("Request")(value={})
    message.any.Pack(message_class("Leaf")(name="n"))
    tree = json.loads(TOLERANT.encode(message))
    assert tree["value"] is None
    assert tree["any"]["name"] == "n"


def test_the_codec_is_named_as_in_content_types() -> None:
    assert TOLERANT.name == "json"


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


def test_messages_too_deep_to_be_written_are_a_value_error() -> None:
    message = below = message_class("Leaf")()
    for _ in range(5000):
        below = below.child
    below.name = "x"
    with pytest.raises(ValueError, match="cannot be written as JSON: nested too deeply"):
        TOLERANT.encode(message)


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
            "shape": "SHAPE_UNSPECIFIED",
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


def test_aliases_of_a_nested_enum_are_found_by_its_full_name() -> None:
    aliases = {f"{PACKAGE}.Leaf.Shape": {"rund": 1}}
    codec = ProtoJsonCodec(enum_aliases=aliases, write_enum_aliases=True)
    message = message_class("Leaf")(shape=1)
    assert codec.encode(message) == b'{"shape":"rund"}'
    assert codec.decode(b'{"shape":"rund"}', message_class("Leaf")) == message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("12345678901234567890123456789012345678901234567.5", None, id="many digits"),
        pytest.param("1e40", None, id="large exponent"),
        pytest.param("1.5", None, id="fraction"),
        pytest.param("1e-1", None, id="small"),
        pytest.param("0e-999999999", 0, id="zero with an exponent"),
        pytest.param("1e-999999999", None, id="nearly zero"),
        pytest.param("9223372036854775807.0", 2**63 - 1, id="largest, with a fraction of zero"),
        pytest.param("922337203685477580.7e1", 2**63 - 1, id="largest, with an exponent"),
        pytest.param("9223372036854775808.0", None, id="one more"),
        pytest.param("-9223372036854775808.000", -(2**63), id="smallest"),
        pytest.param("-0.0", 0, id="negative zero"),
    ],
)
def test_integers_are_exact_whatever_the_decimal_context(text: str, expected: int | None) -> None:
    with decimal.localcontext() as context:
        context.prec = 3
        for written in (text, f'"{text}"'):
            document = f'{{"i64":{written}}}'
            if expected is None:
                assert _refusal(STRICT, document)[0] == "i64"
            else:
                assert _read(STRICT, document).i64 == expected


@pytest.mark.parametrize("codec", [STRICT, ProtoJsonCodec()], ids=["strict", "native first"])
@pytest.mark.parametrize("sign", ["", "-"])
def test_the_longest_duration_may_have_a_fraction(codec: ProtoJsonCodec, sign: str) -> None:
    longest = f"{sign}315576000000.999999999s"
    assert json.loads(codec.encode(_read(codec, f'{{"wait":"{longest}"}}')))["wait"] == longest
    assert _refusal(codec, f'{{"wait":"{sign}315576000001s"}}')[0] == "wait"


@pytest.mark.parametrize(
    ("text", "path"),
    [
        pytest.param('{"data":"\u00e9"}', "data", id="base64 beyond ASCII"),
        pytest.param('{"data":5}', "data", id="bytes as a number"),
        pytest.param('{"doubleValue":"1e' + "9" * 30 + '"}', "doubleValue", id="exponent as text"),
        pytest.param('{"doubleValue":[]}', "doubleValue", id="array for a double"),
        pytest.param(
            '{"any":{"@type":"x/google.protobuf.Duration"}}', "any", id="Any without its value"
        ),
        pytest.param(
            '{"any":{"@type":"x/google.protobuf.Duration","value":"1"}}',
            "any.value",
            id="in an Any",
        ),
        pytest.param('{"any":{"@type":"x/"}}', "any", id="Any of no name"),
        pytest.param('{"mask":5}', "mask", id="mask as a number"),
        pytest.param('{"list":{}}', "list", id="object for a list"),
        pytest.param('{"at":"2026-02-30T00:00:00Z"}', "at", id="no such day"),
        pytest.param('{"wrappedI32":"x"}', "wrappedI32", id="wrapper"),
    ],
)
def test_malformed_values_are_refused_at_their_path(text: str, path: str) -> None:
    for codec in (TOLERANT, STRICT):
        assert _refusal(codec, text)[0] == path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", b""),
        ("AA==", b"\0"),
        ("AA", b"\0"),
        ("AAE=", b"\0\1"),
        ("AAE", b"\0\1"),
        ("AAEC", b"\0\1\2"),
        ("-_8", b"\xfb\xff"),
        ("+/8=", b"\xfb\xff"),
        ("A", None),
        ("AA=", None),
        ("AA===", None),
        ("AAE==", None),
        ("AAEC=", None),
        ("AAEC====", None),
        ("=", None),
        ("====", None),
        ("A=A=", None),
        ("AA ==", None),
        ("AA==\\n", None),
        ("\\/\\/8=", b"\xff\xff"),
        ("\\/\\/=", None),
        ("AA\\u003d", None),
    ],
    ids=repr,
)
def test_base64_is_read_in_both_alphabets_with_all_its_padding_or_none(
    text: str, expected: bytes | None
) -> None:
    # The tolerant codec reads long texts in another way.
    for codec, end in ((STRICT, ""), (TOLERANT, ""), (TOLERANT, " " * 2**16)):
        document = f'{{"data":"{text}"}}{end}'
        if expected is None:
            assert _refusal(codec, document)[0] == "data"
        else:
            assert _read(codec, document).data == expected


def test_null_stands_for_null_value_alone_and_among_others() -> None:
    for codec in (TOLERANT, STRICT):
        found = _read(codec, '{"nullValue":null,"struct":{"a":null},"list":[null]}')
        assert found.struct.fields["a"].HasField("null_value")
        assert found.list.values[0].HasField("null_value")


def test_an_empty_any_is_empty() -> None:
    for codec in (TOLERANT, STRICT):
        assert _read(codec, '{"any":{}}').HasField("any")


def test_everything_works_where_protobuf_py_does_not_take_the_descriptors(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object, **__: object) -> object:
        raise ValueError("unsupported edition")

    monkeypatch.setattr("triwire.codec.bridge.native_type", refuse)
    codec = ProtoJsonCodec(enum_aliases=ALIASES)
    message = message_class("Request")(id="x", color=1, leaves=[{"tags": ["a"]}])
    message.any.Pack(message_class("Leaf")(name="n"))
    text = codec.encode(message)
    assert json.loads(text)["leaves"] == [{"tags": ["a"]}]
    assert codec.decode(text, message_class("Request")) == message
    assert _read(codec, '{"color":"rot"}').color == 1


def test_closed_enums_know_no_other_numbers() -> None:
    kind = _proto2_class()
    for codec in (TOLERANT, STRICT):
        assert codec.decode(b'{"needed":1,"closed":1}', kind).closed == 1
    assert not TOLERANT.decode(b'{"needed":1,"closed":7}', kind).HasField("closed")
    with pytest.raises(RpcError, match="closed: expected one of ONE or its number; got number 7"):
        STRICT.decode(b'{"needed":1,"closed":7}', kind)


def test_an_extension_of_another_message_is_no_field() -> None:
    text = b'{"needed":1,"[triwire.test.old.elsewhere]":1}'
    with pytest.raises(RpcError, match="has no such field"):
        STRICT.decode(text, _proto2_class())


def test_extensions_are_read_as_lists_and_messages_too() -> None:
    kind = _proto2_class()
    text = b'{"needed":1,"[triwire.test.old.many]":[1,2],"[triwire.test.old.inner]":{"needed":3}}'
    for codec in (TOLERANT, STRICT):
        found = codec.decode(text, kind)
        pool = found.DESCRIPTOR.file.pool
        assert list(found.Extensions[pool.FindExtensionByName("triwire.test.old.many")]) == [1, 2]
        inner = found.Extensions[pool.FindExtensionByName("triwire.test.old.inner")]
        assert inner.needed == 3
        assert codec.decode(codec.encode(found), kind) == found


def _proto2_class() -> Any:
    pool = descriptor_pool.Default()
    name = "triwire/test/old.proto"
    try:
        pool.FindFileByName(name)
    except KeyError:
        pool.AddSerializedFile(_proto2_file(name).SerializeToString())
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("triwire.test.old.Old"))


def _proto2_file(name: str) -> descriptor_pb2.FileDescriptorProto:
    kind = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name=name, package="triwire.test.old")
    file.syntax = "proto2"
    file.enum_type.add(name="Closed").value.add(name="ONE", number=1)
    old = file.message_type.add(name="Old")
    old.extension_range.add(start=100, end=200)
    file.message_type.add(name="Other").extension_range.add(start=100, end=200)

    def add(
        fields: Any, name: str, number: int, *, label: Any = kind.LABEL_OPTIONAL, **more: Any
    ) -> None:
        fields.add(name=name, number=number, label=label, **more)

    me, other = ".triwire.test.old.Old", ".triwire.test.old.Other"
    add(old.field, "needed", 1, type=kind.TYPE_INT32, label=kind.LABEL_REQUIRED)
    add(old.field, "closed", 2, type=kind.TYPE_ENUM, type_name=".triwire.test.old.Closed")
    repeated = kind.LABEL_REPEATED
    add(file.extension, "extra", 100, type=kind.TYPE_STRING, extendee=me)
    add(file.extension, "many", 101, type=kind.TYPE_INT32, extendee=me, label=repeated)
    add(file.extension, "inner", 102, type=kind.TYPE_MESSAGE, type_name=me, extendee=me)
    add(file.extension, "elsewhere", 100, type=kind.TYPE_INT32, extendee=other)
    return file
