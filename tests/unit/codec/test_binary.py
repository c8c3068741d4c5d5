"""The binary codec."""

from __future__ import annotations

import pytest
from google.protobuf import descriptor_pb2

from tests.vectors.schema import message_class
from triwire.codec.binary import BinaryCodec
from triwire.errors import Code, RpcError


def test_what_is_written_reads_back() -> None:
    message = message_class("Request")(id="x", leaf={"tags": ["a"]})
    codec = BinaryCodec()
    assert codec.name == "proto"
    assert codec.decode(codec.encode(message), message_class("Request")) == message


def test_unknown_fields_are_kept() -> None:
    message = message_class("Request")(id="x", labels={"a": "b"})
    codec = BinaryCodec()
    narrow = codec.decode(codec.encode(message), message_class("Leaf"))
    assert codec.decode(codec.encode(narrow), message_class("Request")) == message


def test_bytes_that_are_no_message_are_refused_without_being_shown() -> None:
    with pytest.raises(RpcError, match=r"4 bytes are no protobuf triwire\.vectors") as caught:
        BinaryCodec().decode(b"\x0a\xffsecret"[:4], message_class("Leaf"))
    assert caught.value.code is Code.INTERNAL
    assert not caught.value.from_server


def test_a_message_without_its_required_fields_is_misuse() -> None:
    message = descriptor_pb2.UninterpretedOption.NamePart(name_part="x")
    with pytest.raises(ValueError, match=r"NamePart cannot be written: .*is_extension"):
        BinaryCodec().encode(message)
