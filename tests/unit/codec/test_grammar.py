"""The grammar of plain texts: what it lets pass is what a slow, exact look lets pass too."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import event, given, settings
from hypothesis import strategies as st

from tests.unit.codec.messages import messages
from tests.vectors.schema import message_class
from triwire.codec.bridge import native_type
from triwire.codec.grammar import Grammar
from triwire.codec.protojson import ProtoJsonCodec
from triwire.codec.reflection import is_map, is_repeated

REQUEST = message_class("Request")
GRAMMAR = Grammar(REQUEST.DESCRIPTOR)
CODEC = ProtoJsonCodec()
EXACT = ProtoJsonCodec(strict=True, ignore_unknown_fields=False, ignore_unknown_enum_names=False)
NATIVE = native_type(REQUEST.DESCRIPTOR, enum_aliases={}, write_aliases=False).message_class


@pytest.mark.parametrize(
    "text",
    [
        ' {"id":"a"}\n',
        '{"id":"a","name":"b","leaf":{"name":"c","tags":["d","e"]}}',
        '{"id":"a", "name":"b", "numbers":[1, 2]}',
        '{"id": "a", "name": "b", "labels": {"k": "v", "l": "w"}}',
        '{\n  "leaf": {\n    "tags": [\n      "a"\n    ]\n  }\n}',
        '{"leaf" : { "tags" : [ "a", "b" ] , "labels" : { } } }\n',
        '{"leaf":{},"leaves":[],"labels":{},"at":null,"wait":null,"wrappedI64":null}',
        '{"leaves":[{"name":"a"},{"bigNumber":"0"},{"shape":"SHAPE_ROUND"}]}',
        r'{"id":"a \"name\":\"b\", \\","text":"\u0061\n"}',
        r'{"labels":{"a\\b":"","a":"\"a\":1"}}',
        '{"id":"{}[]:,","name":":"}',
        '{"i32":-5,"i64":"-9223372036854775808","u64":"0","doubles":[1.5,-0.25,0]}',
        '{"color":"COLOR_RED","flag":true,"data":"AA==","flags":[true,false]}',
        '{"waits":{"a":"0s"},"at":"2026-01-31T23:59:59Z","wait":"-1.5s"}',
        '{"wrappedDouble":1.5,"wrappedI64":"7","wrappedFlag":false,"wrappedText":"x"}',
        '{"choiceNumber":1,"custom-name":"x","Leading":"y"}',
        '{"maybeText":"","maybeNumber":0}',
    ],
)
def test_texts_as_servers_write_them_are_plain(text: str) -> None:
    NATIVE.from_json(text)
    assert GRAMMAR.matches(text)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('{"id":"a","id":"b"}', id="a key twice"),
        pytest.param('{"id":"a","name":"b","id":"c"}', id="a key twice, not side by side"),
        pytest.param('{"leaf":{"name":"a","name":"a"}}', id="a key twice, below"),
        pytest.param('{"leaves":[{"name":"a"},{"name":"b","name":"c"}]}', id="in an array"),
        pytest.param(r'{"id":"a","\u0069d":"b"}', id="a key twice, once escaped"),
        pytest.param('{"leaf":{},"leaf":{"name":"a"}}', id="an empty object first"),
        pytest.param('{"leaf":{"name":"a"},"leaf":null}', id="null at last"),
        pytest.param('{"i32":1, "i32":2}', id="a key twice, after a space"),
        pytest.param('{"bigNumber":"1","big_number":"2"}', id="both spellings"),
        pytest.param('{"doubleValue":1,"double_value":2}', id="both spellings of a number"),
        pytest.param('{"choiceText":"a","choiceNumber":1}', id="two of a oneof"),
        pytest.param('{"choiceNumber":1,"choiceText":null}', id="two of a oneof, one null"),
        pytest.param('{"labels":{"a":"1","a":"2"}}', id="a key of a map twice"),
        pytest.param('{"labels":{"a":"1","b":"2","a":"3"}}', id="of a map, not side by side"),
        pytest.param('{"labels":{"a": "1", "a": "2"}}', id="of a map, with spaces"),
        pytest.param(r'{"labels":{"a":"1","\u0061":"2"}}', id="of a map, once escaped"),
        pytest.param(r'{"labels":{"\/":"1","/":"2"}}', id="of a map, a slash escaped"),
        pytest.param(r'{"labels":{"\\":"1","\u005c":"2"}}', id="of a map, backslashes"),
        pytest.param('{"leavesByName":{"a":{},"a":{}}}', id="of a map of messages"),
        pytest.param('{"waits":{"a":"1s","a":"2s"}}', id="of a map of durations"),
        pytest.param('{"counts":{"1":"1","01":"2"}}', id="of a map of numbers"),
        pytest.param('{"numbers":[1.0000000000000000001]}', id="a fraction near an integer"),
        pytest.param('{"numbers":[1e2]}', id="an exponent"),
        pytest.param('{"i32":1.0000000000000000001}', id="a fraction that is no integer"),
        pytest.param('{"doubles":[1e308]}', id="an exponent of a double"),
        pytest.param('{"doubles":[1234567890123456]}', id="a long double"),
        pytest.param('{"doubles":[1.123456789012345678901]}', id="a long fraction"),
        pytest.param('{"i64":"1_0"}', id="an underscore in a number"),
        pytest.param('{"i64":"+1"}', id="a plus before a number"),
        pytest.param('{"i32":"01"}', id="a zero before a number"),
        pytest.param('{"doubleValue":"1_0"}', id="an underscore in a double"),
        pytest.param('{"wrappedI32":"1_0"}', id="an underscore in a wrapper"),
        pytest.param('{"wait":"1.s"}', id="no duration"),
        pytest.param('{"wait":"0000000000001s"}', id="a duration of many digits"),
        pytest.param('{"mask":"a..b"}', id="no field mask"),
        pytest.param('{"value":1e400}', id="too large for a Value"),
        pytest.param('{"struct":{"a":1,"a":2}}', id="a key of a Struct twice"),
        pytest.param('{"value":{"a":1,"a":2}}', id="a key in a Value twice"),
        pytest.param('{"any":{"@type":"x/y","a":1,"a":2}}', id="a key in an Any twice"),
        pytest.param('{"leaf":{"child":{"name":"a","name":"b"}}}', id="in a type below itself"),
    ],
)
def test_texts_in_doubt_are_not_plain(text: str) -> None:
    json.loads(text)
    assert not GRAMMAR.matches(text)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('{"name":"b","id":"a"}', id="another order"),
        pytest.param('{"id":"a","labels":{"a":"%s"},"name":"b"}' % ("x" * 99), id="another, late"),
        pytest.param(
            json.dumps({"labels": {str(number): "" for number in range(21)}}), id="a large map"
        ),
        pytest.param('{"big_number":"1"}', id="names of the .proto"),
        pytest.param("{}", id="nothing"),
        pytest.param('{"leaves":[{}]}', id="nothing in an array"),
        pytest.param('{"color":1}', id="numbers of enums"),
        pytest.param('{"i64":1}', id="64 bits without quotes"),
    ],
)
def test_other_texts_that_are_right_are_left_to_others(text: str) -> None:
    assert not GRAMMAR.matches(text)


def test_no_text_of_a_type_with_a_form_of_its_own_is_plain() -> None:
    assert not Grammar(Timestamp.DESCRIPTOR).matches('"2026-01-31T23:59:59Z"')


def test_a_field_named_as_another_one_is_written_is_never_plain() -> None:
    # protobuf-py takes "b" for one of them, whichever it is.
    file = descriptor_pb2.FileDescriptorProto(name="odd.proto", package="odd", syntax="proto3")
    message = file.message_type.add(name="Odd")
    for number, (name, json_name) in enumerate([("a", "b"), ("b", "c"), ("d", "d")], 1):
        message.field.add(name=name, json_name=json_name, number=number, type=9, label=1)
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    grammar = Grammar(pool.FindMessageTypeByName("odd.Odd"))
    assert grammar.matches('{"d":"x"}')
    assert not grammar.matches('{"b":"x"}')
    assert grammar.matches('{"c":"x"}')
    assert not grammar.matches('{"b":"x","c":"y"}')


DEEPEST = 3


def test_a_type_of_very_many_fields_is_read_up_to_a_point() -> None:
    file = descriptor_pb2.FileDescriptorProto(name="wide.proto", package="wide", syntax="proto3")
    for level in range(DEEPEST + 1):
        message = file.message_type.add(name=f"Level{level}")
        for number in range(1, 30):
            field = message.field.add(name=f"f{number}", json_name=f"f{number}", number=number)
            field.type = field.TYPE_STRING if level == DEEPEST else field.TYPE_MESSAGE
            if level < DEEPEST:
                field.type_name = f".wide.Level{level + 1}"
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    grammar = Grammar(pool.FindMessageTypeByName("wide.Level0"))
    assert grammar.matches('{"f1":{"f1":{"f1":{"f1":"x"}}}}')
    assert not grammar.matches('{"f29":{"f29":{"f29":{"f29":"x"}}}}')


@pytest.mark.parametrize("element", ['{"name":""}', '{"labels":{"a":"","b":""}}'])
def test_no_memory_is_used_for_each_object(element: str) -> None:
    text = f'{{"leaves":[{",".join([element] * 50_000)}]}}'
    damaged = f"{text}?"
    assert GRAMMAR.matches(text)
    tracemalloc.start()
    try:
        GRAMMAR.matches(text)
        GRAMMAR.matches(damaged)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 100_000


class Pairs(list[tuple[str, Any]]):
    """An object of JSON, with what it gives twice."""


def _items(tree: Any) -> list[Any]:
    """Return what is right below an object or array."""
    return [item for _, item in tree] if isinstance(tree, Pairs) else list(tree)


def _objects(tree: Any) -> list[Pairs]:
    found = [tree] if isinstance(tree, Pairs) else []
    for item in _items(tree):
        if isinstance(item, list):
            found += _objects(item)
    return found


def _is_unique(tree: Any, descriptor: Any) -> bool:
    """Whether no object gives a key, a field or a oneof twice: slow, and field by field."""
    if not isinstance(tree, Pairs):
        return True
    fields = {field.name: field for field in descriptor.fields}
    fields.update({field.json_name: field for field in descriptor.fields})
    given: list[str] = []
    for key, value in tree:
        field = fields[key]
        oneof = field.containing_oneof
        given.append(field.name if oneof is None else oneof.name)
        if field.message_type is None or value is None:
            continue
        value_type = field.message_type
        if is_map(field):
            if len(dict(value)) != len(value):
                return False
            value_type = field.message_type.fields_by_name["value"].message_type
        several = is_map(field) or is_repeated(field)
        if not all(
            _is_unique(item, value_type) for item in (_items(value) if several else [value])
        ):
            return False
    return len(set(given)) == len(given)


def _escaped(draw: st.DrawFn, text: str) -> str:
    """Write a string, with escapes that need not be."""
    written = json.dumps(text, ensure_ascii=draw(st.booleans()))
    if text and text.isascii() and text.isalnum() and draw(st.integers(0, 9)) == 0:
        written = f'"\\u{ord(text[0]):04x}{written[2:]}'
    return written


def _written(draw: st.DrawFn, tree: Any, comma: str, colon: str) -> str:
    if not isinstance(tree, list):
        return _escaped(draw, tree) if isinstance(tree, str) else json.dumps(tree)
    values = [_written(draw, item, comma, colon) for item in _items(tree)]
    if not isinstance(tree, Pairs):
        return f"[{comma.join(values)}]"
    members = (
        f"{_escaped(draw, key)}{colon}{value}" for (key, _), value in zip(tree, values, strict=True)
    )
    return f"{{{comma.join(members)}}}"


_ODD_VALUES = st.sampled_from(
    [None, "1_0", "+1", "01", "", "\\", '"', '","id":"', "1", 1, 1.5, 1e22, 2**53 + 1, "1.s", True]
)
_SPELLINGS = {field.json_name: field.name for field in REQUEST.DESCRIPTOR.fields}


def _damage(draw: st.DrawFn, tree: Pairs) -> None:
    """Change one object of a tree: a member twice, elsewhere, respelled or of another value."""
    pairs = draw(st.sampled_from(_objects(tree)))
    if not pairs:
        return
    at = draw(st.integers(0, len(pairs) - 1))
    to = draw(st.integers(0, len(pairs)))
    key, value = pairs[at]
    match draw(st.sampled_from(["twice", "both", "respelled", "moved", "value"])):
        case "twice":
            pairs.insert(to, (key, value))
        case "both":
            pairs.insert(to, (_SPELLINGS.get(key, key), value))
        case "respelled":
            pairs[at] = (_SPELLINGS.get(key, key), value)
        case "moved":
            del pairs[at]
            pairs.insert(min(to, len(pairs)), (key, value))
        case _:
            pairs[at] = (key, draw(_ODD_VALUES))


_NEVER_PLAIN = ["any", "struct", "value", "list", "mask", "null_value", "counts", "by_flag"]


@st.composite
def texts(draw: st.DrawFn) -> str:
    """Draw a text that is nearly one of a Request."""
    message = draw(messages(REQUEST))
    for name in _NEVER_PLAIN:
        message.ClearField(name)
    message.id = "a"
    tree = json.loads(CODEC.encode(message), object_pairs_hook=Pairs)
    for _ in range(draw(st.sampled_from([1, 1, 0, 2]))):
        _damage(draw, tree)
    comma, colon = draw(st.sampled_from([(",", ":"), (", ", ": "), (", ", ":"), ("\n,", " :")]))
    return _written(draw, tree, comma, colon)


@given(texts())
@settings(max_examples=400)
def test_a_plain_text_that_protobuf_py_reads_is_read_so_by_the_exact_reader(text: str) -> None:
    is_plain = GRAMMAR.matches(text)
    try:
        parsed = NATIVE.from_json(text)
    except (ValueError, TypeError, ArithmeticError):
        event("refused")
        return
    event("plain" if is_plain else "not plain")
    if is_plain:
        assert _is_unique(json.loads(text, object_pairs_hook=Pairs), REQUEST.DESCRIPTOR)
        assert REQUEST.FromString(parsed.to_binary()) == EXACT.decode(text.encode(), REQUEST)
