"""Which creates and deletes the plugin makes safe to repeat, by descriptors alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from google.api import field_behavior_pb2, field_info_pb2
from google.protobuf.compiler.plugin_pb2 import CodeGeneratorRequest
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FieldOptions, FileDescriptorProto
from protovalidate import ViolationPb

from triwire.plugin import generate
from triwire.plugin.formats import is_uuid

if TYPE_CHECKING:
    from google.protobuf.descriptor_pb2 import DescriptorProto

TEXT = FieldDescriptorProto.TYPE_STRING
MESSAGE = FieldDescriptorProto.TYPE_MESSAGE
# [(buf.validate.field).string.uuid = true], as a compiler writes it.
UUID_RULE = b"\xba\x48\x05\x72\x03\xb0\x01\x01"


def field(owner: DescriptorProto, name: str, type_name: str = "") -> FieldDescriptorProto:
    return owner.field.add(
        name=name,
        number=len(owner.field) + 1,
        type=MESSAGE if type_name else TEXT,
        type_name=type_name,
        label=FieldDescriptorProto.LABEL_OPTIONAL,
    )


def library() -> FileDescriptorProto:
    """Return a service whose Book can be created under a UUID named `key`."""
    file = FileDescriptorProto(name="acme/v1/library.proto", package="acme.v1", syntax="proto3")
    book = file.message_type.add(name="Book")
    for name in ("key", "title"):
        field(book, name)
    create = file.message_type.add(name="CreateBookRequest")
    field(create, "key").options.MergeFromString(UUID_RULE)
    field(create, "title")
    for verb in ("Get", "Delete"):
        field(file.message_type.add(name=f"{verb}BookRequest"), "key")
    service = file.service.add(name="Library")
    for verb in ("Get", "Create", "Delete"):
        service.method.add(
            name=f"{verb}Book",
            input_type=f".acme.v1.{verb}BookRequest",
            output_type=".acme.v1.Book",
        )
    return file


def generated(file: FileDescriptorProto) -> str:
    request = CodeGeneratorRequest(
        file_to_generate=[file.name], proto_file=[EMPTY, *VALIDATE, file]
    )
    response = generate(request)
    assert not response.error
    return response.file[0].content


# buf/validate/validate.proto and what it imports.
VALIDATE = [
    FileDescriptorProto.FromString(found.proto.to_binary())
    for found in (*ViolationPb.desc().file.dependencies, ViolationPb.desc().file)
]
EMPTY = FileDescriptorProto(
    name="google/protobuf/empty.proto", package="google.protobuf", syntax="proto3"
)
EMPTY.message_type.add(name="Empty")


def message(file: FileDescriptorProto, name: str) -> DescriptorProto:
    return next(found for found in file.message_type if found.name == name)


def test_a_create_under_a_uuid_that_get_takes_is_made_once() -> None:
    text = generated(library())
    assert "_BOOKS_CREATION: Final = _runtime.Creation(" in text
    assert '    id_field="key",\n    fields=(\n        ("title", "title"),\n    ),\n' in text
    assert "return await _runtime.async_create_once(" in text
    assert "return _runtime.create_once(self._caller, _BOOKS_CREATION, message)" in text


def test_the_bare_create_is_retried_only_with_its_id() -> None:
    text = generated(library())
    create = text.partition("CREATE_BOOK: Final = ")[2].partition("\n    )\n")[0]
    assert 'retry_key="key",' in create
    assert text.count("retry_key") == 1


def test_the_format_of_google_api_says_uuid_as_well() -> None:
    file = library()
    options = message(file, "CreateBookRequest").field[0].options
    options.Clear()
    options.Extensions[field_info_pb2.field_info].format = field_info_pb2.FieldInfo.UUID4
    assert "_BOOKS_CREATION" in generated(file)


def _no_rule(create: DescriptorProto) -> None:
    create.field[0].options.Clear()


def _required(create: DescriptorProto) -> None:
    create.field[0].options.Extensions[field_behavior_pb2.field_behavior].append(
        field_behavior_pb2.REQUIRED
    )


def _output_only(create: DescriptorProto) -> None:
    create.field[0].options.Extensions[field_behavior_pb2.field_behavior].append(
        field_behavior_pb2.OUTPUT_ONLY
    )


def _repeated(create: DescriptorProto) -> None:
    create.field[0].label = FieldDescriptorProto.LABEL_REPEATED


def _other_name(create: DescriptorProto) -> None:
    create.field[0].name = "request_id"


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(_no_rule, id="any text may be the id"),
        pytest.param(_required, id="the caller always chooses the id"),
        pytest.param(_output_only, id="the caller cannot choose the id"),
        pytest.param(_repeated, id="a list"),
        pytest.param(_other_name, id="Get does not take it"),
    ],
)
def test_other_creates_stay_as_they_are(change: object) -> None:
    file = library()
    assert callable(change)
    change(message(file, "CreateBookRequest"))
    text = generated(file)
    assert "Creation(" not in text
    assert "create_once" not in text
    assert "retry_key" not in text


def test_a_create_that_answers_with_something_else_stays_as_it_is() -> None:
    file = library()
    file.message_type.add(name="Operation")
    file.service[0].method[1].output_type = ".acme.v1.Operation"
    assert "create_once" not in generated(file)


def test_a_field_that_the_resource_does_not_show_leaves_nothing_to_compare() -> None:
    file = library()
    field(message(file, "CreateBookRequest"), "secret")
    text = generated(file)
    assert "_BOOKS_CREATION" in text
    assert "fields=(" not in text


def test_a_delete_that_finds_nothing_knows_the_id_of_the_resource() -> None:
    text = generated(library())
    assert '    id_field="key",\n    resource_id="key",\n' in text
    assert "return _runtime.delete_once(self._caller, _BOOKS_DELETION, message)" in text


def test_a_delete_that_answers_with_nothing_returns_nothing() -> None:
    file = library()
    file.service[0].method[2].output_type = ".google.protobuf.Empty"
    text = generated(file)
    assert "_BOOKS_DELETION" not in text
    assert "_runtime.delete_quietly(" in text


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        pytest.param({}, False, id="no rules"),
        pytest.param({"string": {"uuid": True}}, True, id="the rule"),
        pytest.param({"string": {"uuid": False}}, False, id="the rule turned off"),
        pytest.param({"required": True}, False, id="another rule"),
    ],
)
def test_a_rule_says_that_a_field_is_a_uuid(rules: dict[str, Any], *, expected: bool) -> None:
    assert is_uuid(FieldOptions(), rules) is expected
