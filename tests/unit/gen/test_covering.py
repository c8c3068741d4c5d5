"""Which version of a .proto file can stand in for which."""

from __future__ import annotations

import pytest
from google.protobuf import text_format
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
)
from hypothesis import given
from hypothesis import strategies as st

from triwire._covering import first_gap

# One of everything. Cases change it as text: each replaces the first text by the second.
LIBRARY = """
name: "library.proto" package: "library" syntax: "proto3"
message_type {
  name: "Book"
  field { name: "title" number: 1 type: TYPE_STRING }
  field { name: "person" number: 2 type: TYPE_STRING oneof_index: 0 }
  field { name: "shelf_name" number: 3 type: TYPE_STRING }
  oneof_decl { name: "owner" }
  nested_type { name: "Page" field { name: "lines" number: 1 type: TYPE_INT32 } }
  enum_type { name: "Cover" value { name: "HARD" number: 0 } }
  extension { name: "inner" number: 100 extendee: ".library.Open" }
}
enum_type { name: "State" value { name: "LENT" number: 1 } }
extension { name: "outer" number: 101 extendee: ".library.Open" }
service {
  name: "Library"
  method { name: "GetBook" input_type: ".library.Get" output_type: ".library.Book" }
}
"""


def gap_after(old: str, new: str) -> str | None:
    assert old in LIBRARY
    ours = text_format.Parse(LIBRARY, FileDescriptorProto())
    theirs = text_format.Parse(LIBRARY.replace(old, new, 1), FileDescriptorProto())
    return first_gap(ours.SerializeToString(), theirs.SerializeToString())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("", "", id="nothing"),
        pytest.param("message_type {", 'message_type { name: "A" } message_type {', id="message"),
        pytest.param("field {", 'field { name: "isbn" number: 9 } field {', id="field"),
        pytest.param("value {", 'value { name: "SOFT" number: 2 } value {', id="enum-value"),
        pytest.param("method {", 'method { name: "PutBook" } method {', id="method"),
        pytest.param("service {", 'dependency: "validate.proto" service {', id="import"),
        pytest.param("service {", 'options { go_package: "v1" } service {', id="options"),
        pytest.param(
            '"shelf_name"', '"shelf_name" json_name: "shelfName"', id="json-name-as-derived"
        ),
        pytest.param("oneof_decl {", 'reserved_name: "x" oneof_decl {', id="reserved"),
    ],
)
def test_what_is_added_is_no_gap(old: str, new: str) -> None:
    assert gap_after(old, new) is None


@pytest.mark.parametrize(
    ("old", "new", "gap"),
    [
        pytest.param('package: "library"', "", "has another package", id="package"),
        pytest.param('"proto3"', '"proto2"', "has another syntax", id="syntax"),
        pytest.param(
            '"proto3"', '"editions" edition: EDITION_2023', "has another syntax", id="edition"
        ),
        pytest.param('"Page"', '"P"', "lacks message library.Book.Page", id="nested-message"),
        pytest.param(
            '"Page"',
            '"Page" options { map_entry: true }',
            "has another message library.Book.Page",
            id="map-entry",
        ),
        pytest.param(
            "TYPE_INT32",
            "TYPE_INT32 options { packed: true }",
            "has another field library.Book.Page.lines",
            id="packed",
        ),
        pytest.param("number: 1", "number: 7", "has another field library.Book.title", id="number"),
        pytest.param(
            "TYPE_STRING", "TYPE_BYTES", "has another field library.Book.title", id="type"
        ),
        pytest.param(
            "TYPE_STRING",
            "TYPE_STRING label: LABEL_REPEATED",
            "has another field library.Book.title",
            id="label",
        ),
        pytest.param(
            "TYPE_STRING",
            "TYPE_STRING proto3_optional: true",
            "has another field library.Book.title",
            id="presence",
        ),
        pytest.param(
            "TYPE_STRING",
            'TYPE_STRING default_value: "x"',
            "has another field library.Book.title",
            id="default",
        ),
        pytest.param(
            "TYPE_STRING",
            'TYPE_STRING json_name: "name"',
            "has another field library.Book.title",
            id="json-name",
        ),
        pytest.param(
            "oneof_index: 0", "", "has another field library.Book.person", id="out-of-a-oneof"
        ),
        pytest.param('"owner"', '"holder"', "has another field library.Book.person", id="oneof"),
        pytest.param('"Cover"', '"C"', "lacks enum library.Book.Cover", id="nested-enum"),
        pytest.param('"inner"', '"i"', "lacks extension library.Book.inner", id="nested-extension"),
        pytest.param(
            'number: 101 extendee: ".library.Open"',
            'number: 101 extendee: ".library.Shut"',
            "has another extension library.outer",
            id="extendee",
        ),
        pytest.param('"LENT"', '"LOST"', "lacks enum value library.State.LENT", id="enum-value"),
        pytest.param(
            '"LENT" number: 1',
            '"LENT" number: 2',
            "has another enum value library.State.LENT",
            id="enum-number",
        ),
        pytest.param('"Library"', '"L"', "lacks service library.Library", id="service"),
        pytest.param('"GetBook"', '"Get"', "lacks method library.Library.GetBook", id="method"),
        pytest.param(
            '".library.Get"',
            '".library.Got"',
            "has another method library.Library.GetBook",
            id="request-type",
        ),
        pytest.param(
            '".library.Get"',
            '".library.Get" server_streaming: true',
            "has another method library.Library.GetBook",
            id="stream",
        ),
    ],
)
def test_what_is_missing_or_changed_is_named(old: str, new: str, gap: str) -> None:
    assert gap_after(old, new) == gap


def test_a_file_without_a_package_has_plain_names() -> None:
    ours = FileDescriptorProto(message_type=[DescriptorProto(name="Book")])
    assert first_gap(ours.SerializeToString(), b"") == "lacks message Book"


names = st.from_regex(r"[a-z]{1,3}", fullmatch=True)
fields = st.builds(
    FieldDescriptorProto,
    name=names,
    number=st.integers(1, 5),
    type=st.sampled_from([FieldDescriptorProto.TYPE_STRING, FieldDescriptorProto.TYPE_INT32]),
)
messages = st.builds(
    DescriptorProto,
    name=names,
    field=st.lists(fields, max_size=4, unique_by=lambda field: field.name),
)
files = st.builds(
    FileDescriptorProto,
    name=st.just("f.proto"),
    message_type=st.lists(messages, max_size=4, unique_by=lambda message: message.name),
)


@given(file=files, more=files)
def test_a_file_covers_itself_and_is_covered_by_what_extends_it(
    file: FileDescriptorProto, more: FileDescriptorProto
) -> None:
    larger = FileDescriptorProto()
    larger.CopyFrom(file)
    known = {message.name for message in file.message_type}
    larger.message_type.extend(m for m in more.message_type if m.name not in known)
    ours, theirs = file.SerializeToString(), larger.SerializeToString()
    assert first_gap(ours, ours) is None
    assert first_gap(ours, theirs) is None
    assert (first_gap(theirs, ours) is None) == (len(larger.message_type) == len(known))
