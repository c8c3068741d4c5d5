"""The screen before the fast reader: what it tries, and when."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.wrappers_pb2 import Int64Value

from tests.vectors.schema import message_class
from triwire.codec.protojson import ProtoJsonCodec
from triwire.codec.screen import Screen
from triwire.errors import RpcError


class Writer:
    """Writes one text, and counts how often."""

    def __init__(self, text: bytes) -> None:
        self.text = text
        self.calls = 0

    def __call__(self) -> bytes:
        self.calls += 1
        return self.text


def test_a_text_that_would_be_written_just_so_is_not_looked_at() -> None:
    # Which no reader takes: only the comparison can have passed it.
    text = b"{"
    assert Screen(Int64Value.DESCRIPTOR).passes(text, Writer(text))


def test_after_a_text_in_another_form_the_next_are_only_looked_at() -> None:
    screen = Screen(message_class("Leaf").DESCRIPTOR)
    writer = Writer(b'{"name":"a"}')
    for _ in range(32):
        assert screen.passes(b'{"name": "a"}', writer)
    assert writer.calls == 1
    assert screen.passes(b'{"name": "a"}', writer)
    assert writer.calls == 2


def test_texts_of_types_that_it_does_not_know_wholly_never_pass() -> None:
    text = b'"a"'
    assert not Screen(FieldMask.DESCRIPTOR).passes(text, Writer(text))


@pytest.mark.parametrize("doubled", ['{"name":"a","name":"a"}', '{"tags":[],"tags":["x"]}'])
def test_a_text_with_a_key_twice_is_refused_after_any_other(doubled: str) -> None:
    codec = ProtoJsonCodec()
    for before in ('{"name":"a"}', '{"name": "a"}', '{"name":"a"}'):
        codec.decode(before.encode(), message_class("Leaf"))
        with pytest.raises(RpcError, match="given twice"):
            codec.decode(doubled.encode(), message_class("Leaf"))


@pytest.mark.parametrize("key", [b"1.0", b"1e0", b"-0"])
def test_keys_of_maps_that_are_odd_numbers_never_pass(key: bytes) -> None:
    # protobuf-py takes the last of two texts of one number.
    numbers, texts = Screen(_with_counts()), Screen(message_class("Leaf").DESCRIPTOR)
    assert not numbers.passes(b'{"counts":{"1":true,"%b":true}}' % key, Writer(b""))
    assert numbers.passes(b'{"counts":{"1":true,"-2":true}}', Writer(b""))
    assert texts.passes(b'{"labels":{"1":"5","%b":"6"}}' % key, Writer(b""))


def _with_counts() -> Any:
    """Return a message of one map with numbers for keys, and no Any."""
    file = descriptor_pb2.FileDescriptorProto(name="counts.proto", syntax="proto3")
    message = file.message_type.add(name="WithCounts")
    entry = message.nested_type.add(name="CountsEntry")
    entry.options.map_entry = True
    entry.field.add(name="key", number=1, type=5, label=1)
    entry.field.add(name="value", number=2, type=8, label=1)
    message.field.add(
        name="counts", number=1, type=11, label=3, type_name=".WithCounts.CountsEntry"
    )
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return pool.FindMessageTypeByName("WithCounts")
