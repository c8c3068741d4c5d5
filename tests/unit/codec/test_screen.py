"""The screen before the fast reader: what it tries, and when."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf import any_pb2, descriptor_pb2, descriptor_pool
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.wrappers_pb2 import BytesValue

from tests.vectors.schema import message_class
from triwire.codec.protojson import ProtoJsonCodec
from triwire.codec.screen import Screen
from triwire.errors import RpcError

MUCH = " " * 2**16


@pytest.mark.parametrize("message_type", [any_pb2.Any, FieldMask])
def test_texts_of_types_that_it_does_not_know_wholly_never_pass(message_type: Any) -> None:
    assert not Screen(message_type.DESCRIPTOR).passes('"a"' + MUCH)


def test_texts_without_a_field_of_such_a_type_pass_once_much_was_read() -> None:
    screen = Screen(message_class("Request").DESCRIPTOR)
    assert not screen.passes('{"id":"a"}')
    assert screen.passes('{"id":"a"}' + MUCH)
    assert screen.passes('{"id":"a"}')
    assert not screen.passes('{"id":"a","mask":"a"}')


@pytest.mark.parametrize("doubled", ['{"name":"a","name":"a"}', '{"tags":[],"tags":["x"]}'])
def test_a_text_with_a_key_twice_is_refused_after_any_other(doubled: str) -> None:
    codec = ProtoJsonCodec()
    for before in ('{"name":"a"}', '{"name": "a"}', '{"name":"a"}' + MUCH, "{}"):
        codec.decode(before.encode(), message_class("Leaf"))
        with pytest.raises(RpcError, match="given twice"):
            codec.decode(doubled.encode(), message_class("Leaf"))


def test_texts_in_another_order_pass_too_and_are_looked_at() -> None:
    screen = Screen(message_class("Leaf").DESCRIPTOR)
    assert screen.passes('{"tags":[],"name":"a"}' + MUCH)
    assert not screen.passes('{"tags":[],"name":"a","name":"b"}')


@pytest.mark.parametrize("text", ["AA=", "AAECAA=", r"AA\u003d", r"\/\/="])
def test_base64_that_may_have_a_part_of_its_padding_never_passes(text: str) -> None:
    screen = Screen(BytesValue.DESCRIPTOR)
    assert not screen.passes(f'"{text}"')
    for good in ("AA==", "AA", "AAE=", "AAECAAE="):
        assert screen.passes(f'"{good}"')


@pytest.mark.parametrize("key", ["1.0", "1e0", "-0"])
def test_keys_of_maps_that_are_odd_numbers_never_pass(key: str) -> None:
    # protobuf-py takes the last of two texts of one number.
    numbers, texts = Screen(_with_counts()), Screen(message_class("Leaf").DESCRIPTOR)
    assert not numbers.passes(f'{{"counts":{{"1":true,"{key}":true}}}}')
    assert numbers.passes('{"counts":{"1":true,"-2":true}}')
    assert texts.passes(f'{{"labels":{{"1":"5","{key}":"6"}}}}')


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
