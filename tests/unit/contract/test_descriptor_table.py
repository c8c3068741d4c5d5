"""The table leaves nothing out: what it cannot show is an error."""

from __future__ import annotations

import pytest
from google.protobuf import descriptor_pb2, text_format

from tests.unit.contract.descriptor_table import table

EVERYTHING = """
name: "a.proto" package: "a" syntax: "proto3" dependency: "google/protobuf/empty.proto"
message_type {
  name: "M"
  field {
    name: "m" number: 2 label: LABEL_REPEATED type: TYPE_MESSAGE type_name: ".a.M.MEntry"
    json_name: "m"
  }
  field {
    name: "a_b" number: 3 label: LABEL_OPTIONAL type: TYPE_BYTES json_name: "aB" oneof_index: 0
    options { deprecated: true }
  }
  oneof_decl { name: "o" }
  nested_type { name: "N" }
  nested_type {
    name: "MEntry"
    options { map_entry: true }
    field { name: "key" number: 1 label: LABEL_OPTIONAL type: TYPE_STRING json_name: "key" }
    field {
      name: "value" number: 2 label: LABEL_OPTIONAL type: TYPE_MESSAGE type_name: ".a.M.N"
      json_name: "value"
    }
  }
  reserved_range { start: 4 end: 5 }
  reserved_name: "old"
}
enum_type {
  name: "E"
  value { name: "E_ZERO" number: 0 }
  reserved_range { start: 4 end: 5 }
}
service {
  name: "S"
  method {
    name: "Do" input_type: ".a.M" output_type: ".google.protobuf.Empty"
    options { idempotency_level: IDEMPOTENT }
  }
}
"""


def parse(text: str) -> descriptor_pb2.FileDescriptorProto:
    return text_format.Parse(text, descriptor_pb2.FileDescriptorProto())


def test_prints_every_kind_of_element() -> None:
    assert table(parse(EVERYTHING)) == [
        "file a.proto syntax proto3 package a",
        "import google/protobuf/empty.proto",
        "enum E",
        "value E.E_ZERO = 0",
        "reserved E 4 to 5",
        "message M",
        "oneof M.o",
        "field M.m = 2 map<string, M.N> json m",
        "field M.a_b = 3 bytes oneof o json aB [deprecated = true]",
        "message M.N",
        "entry M.MEntry",
        "reserved M 4 to 4",
        'reserved M "old"',
        "service S",
        "rpc S.Do M -> google.protobuf.Empty [idempotency_level = IDEMPOTENT]",
    ]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("public_dependency: 0", id="public import"),
        pytest.param(
            'message_type { name: "M" field { name: "f" default_value: "1" } }', id="default value"
        ),
        pytest.param(
            'message_type { name: "M" extension_range { start: 1 end: 2 } }', id="extension range"
        ),
        pytest.param(
            'service { name: "S" method { name: "Do" server_streaming: true } }', id="stream"
        ),
    ],
)
def test_refuses_what_it_cannot_show(text: str) -> None:
    with pytest.raises(ValueError, match="which the table cannot show"):
        table(parse(text))
