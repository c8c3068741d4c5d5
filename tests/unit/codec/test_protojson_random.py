"""The JSON codec against google.protobuf.json_format, on random messages and texts."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from google.protobuf import json_format
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.unit.codec.messages import messages
from tests.vectors.schema import message_class
from triwire.codec.protojson import ProtoJsonCodec
from triwire.errors import RpcError

FAST = ProtoJsonCodec()
EXACT = ProtoJsonCodec(strict=True)
PROTO_NAMES = ProtoJsonCodec(use_proto_names=True)
ALWAYS = ProtoJsonCodec(always_emit_fields=True)
EXACT_REFUSING = ProtoJsonCodec(
    strict=True, ignore_unknown_fields=False, ignore_unknown_enum_names=False
)
REFUSING = ProtoJsonCodec(ignore_unknown_fields=False, ignore_unknown_enum_names=False)

_EXACT_DOUBLES = 2**53


def _requests() -> st.SearchStrategy[Any]:
    return st.deferred(lambda: messages(message_class("Request")))


@given(_requests())
def test_what_is_written_reads_back_in_json_format(message: Any) -> None:
    written = FAST.encode(message)
    assert json_format.Parse(written, message.__class__()) == message


@given(_requests())
def test_what_is_written_is_what_json_format_writes(message: Any) -> None:
    # json_format shortens floats to what a 32-bit reader needs, protobuf-py does not, and each
    # has its own idea of when a number without a fraction gets ".0".
    ours = json.loads(FAST.encode(message))
    assert _alike(ours, json.loads(json_format.MessageToJson(message)))


def _alike(ours: Any, theirs: Any) -> bool:
    kind = ours.__class__
    if kind is dict:
        return ours.keys() == theirs.keys() and all(_alike(ours[key], theirs[key]) for key in ours)
    if kind is list:
        return len(ours) == len(theirs) and all(map(_alike, ours, theirs))
    if float in {kind, theirs.__class__}:
        return math.isclose(ours, theirs, rel_tol=1e-5, abs_tol=1e-40)
    return kind is theirs.__class__ and bool(ours == theirs)


@given(_requests())
def test_what_json_format_writes_reads_back(message: Any) -> None:
    text = json_format.MessageToJson(message).encode()
    for codec in (FAST, EXACT, REFUSING):
        assert codec.decode(text, message.__class__) == message


@given(_requests())
def test_every_writing_option_reads_back(message: Any) -> None:
    for codec in (PROTO_NAMES, ALWAYS):
        written = codec.encode(message)
        assert EXACT.decode(written, message.__class__) == message
        theirs = json_format.MessageToDict(
            message,
            preserving_proto_field_name=codec is PROTO_NAMES,
            always_print_fields_with_no_presence=codec is ALWAYS,
        )
        assert json.loads(written).keys() == theirs.keys()


@given(_requests())
def test_single_fields_read_back(message: Any) -> None:
    for field, _ in message.ListFields():
        text = FAST.encode_field(message, field.name)
        alone = FAST.decode_field(text, message.__class__, field.name)
        expected = message.__class__()
        expected.CopyFrom(message)
        for other, _ in message.ListFields():
            if other.number != field.number:
                expected.ClearField(other.name)
        if text != b"null":  # Value and NullValue: null as a whole body is absence
            assert alone == expected


_KEYS = st.sampled_from(
    [
        "id",
        "leaf",
        "i32",
        "i64",
        "u64",
        "color",
        "texts",
        "numbers",
        "labels",
        "counts",
        "at",
        "wait",
        "mask",
        "any",
        "struct",
        "value",
        "list",
        "flag",
        "data",
        "doubleValue",
        "nope",
        "float_value",
        "choiceText",
        "choiceNumber",
        "leaves",
        "wrappedI64",
        "@type",
        "times",
    ],
)
_LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=6)
    | st.sampled_from(
        ["1", "-1", "1e3", "1.5", "NaN", "COLOR_RED", "1s", "2026-01-31T23:59:59Z", "AA==", "a_b"]
    )
)
_TREES = st.recursive(
    _LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=4),
    max_leaves=10,
)


def _outcome(codec: ProtoJsonCodec, text: bytes) -> str | None:
    """Return the message as text, or None if it is refused; nothing else may be raised."""
    try:
        return str(codec.decode(text, message_class("Request")))
    except RpcError:
        return None


@given(st.dictionaries(_KEYS, _TREES, max_size=5))
@settings(max_examples=300)
@example({"i32": 1e22})
@example({"at": "9999-12-31T23:59:59-00:01"})
def test_the_fast_and_the_exact_reader_agree_where_the_exact_one_accepts(tree: Any) -> None:
    text = json.dumps(tree).encode()
    exact = _outcome(EXACT, text)
    if exact is not None:
        assert _outcome(FAST, text) == exact


def _has_large_floats(text: bytes) -> bool:
    """Whether json_format would round an integer with an exponent to the nearest double."""
    found: list[float] = []
    json.loads(text, parse_float=lambda number: found.append(abs(float(number))))
    return max(found, default=0.0) >= _EXACT_DOUBLES


@given(st.dictionaries(_KEYS, _TREES, max_size=5))
@settings(max_examples=300)
@example({"color": "1"})
@example({"wrappedI64": 5.709131197622305e16})
def test_the_exact_reader_accepts_nothing_that_json_format_refuses(tree: Any) -> None:
    text = json.dumps(tree).encode()
    exact = _outcome(EXACT_REFUSING, text)
    if exact is None or _has_large_floats(text):
        return
    message = message_class("Request")()
    json_format.Parse(text, message)
    assert str(message) == exact


@given(st.binary(max_size=60))
@settings(max_examples=200)
def test_any_bytes_are_read_or_refused_with_the_one_error(data: bytes) -> None:
    for codec in (FAST, EXACT, REFUSING):
        _outcome(codec, data)


@given(_requests(), st.data())
def test_damaged_text_is_read_or_refused_with_the_one_error(message: Any, data: Any) -> None:
    text = bytearray(FAST.encode(message))
    place = data.draw(st.integers(0, len(text) - 1))
    text[place : place + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=2))
    for codec in (FAST, EXACT, REFUSING):
        _outcome(codec, bytes(text))


@pytest.mark.parametrize("codec", [pytest.param(FAST, id="fast"), pytest.param(EXACT, id="exact")])
def test_a_text_cut_anywhere_is_refused(codec: ProtoJsonCodec) -> None:
    whole = b'{"id":"x","leaf":{"tags":["a","b"],"labels":{"k":"v"}},"i64":"5","flag":true}'
    for end in range(len(whole)):
        with pytest.raises(RpcError, match="invalid JSON"):
            codec.decode(whole[:end], message_class("Request"))
