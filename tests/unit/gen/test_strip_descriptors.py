"""Taking files out of a code generator's request."""

from __future__ import annotations

import pytest
from google.protobuf.compiler.plugin_pb2 import CodeGeneratorRequest
from google.protobuf.descriptor_pb2 import FileDescriptorProto

from scripts.strip_descriptors import is_dropped, without_files

DROP = ("rules/", "a/own_rules.proto")


@pytest.mark.parametrize(
    ("name", "dropped"),
    [
        pytest.param("rules/x.proto", True, id="in-a-folder"),
        pytest.param("rules/deep/x.proto", True, id="deep-in-a-folder"),
        pytest.param("a/own_rules.proto", True, id="by-name"),
        pytest.param("rules.proto", False, id="named-like-the-folder"),
        pytest.param("other/rules/x.proto", False, id="folder-elsewhere"),
        pytest.param("a/own_rules.proto.bak", False, id="longer-name"),
    ],
)
def test_drops_by_name_or_folder(name: str, *, dropped: bool) -> None:
    assert is_dropped(name, DROP) is dropped


def request_of(*files: FileDescriptorProto) -> CodeGeneratorRequest:
    names = [file.name for file in files]
    return CodeGeneratorRequest(file_to_generate=names, proto_file=files, parameter="p")


def test_takes_the_files_and_the_imports_of_them_out() -> None:
    request = request_of(
        FileDescriptorProto(name="rules/x.proto"),
        FileDescriptorProto(name="a/own_rules.proto", dependency=["rules/x.proto"]),
        FileDescriptorProto(name="b.proto", dependency=["rules/x.proto", "c.proto"]),
        FileDescriptorProto(name="c.proto"),
    )
    before = request.SerializeToString(deterministic=True)
    result = without_files(request, DROP)
    assert list(result.file_to_generate) == ["b.proto", "c.proto"]
    assert [file.name for file in result.proto_file] == ["b.proto", "c.proto"]
    assert list(result.proto_file[0].dependency) == ["c.proto"]
    assert result.parameter == "p"
    assert request.SerializeToString(deterministic=True) == before


def test_public_and_weak_imports_keep_pointing_at_what_they_did() -> None:
    file = FileDescriptorProto(
        name="b.proto",
        dependency=["rules/x.proto", "c.proto", "rules/y.proto", "d.proto"],
        public_dependency=[2, 3],
        weak_dependency=[0, 1],
    )
    (result,) = without_files(request_of(file), DROP).proto_file
    assert [result.dependency[at] for at in result.public_dependency] == ["d.proto"]
    assert [result.dependency[at] for at in result.weak_dependency] == ["c.proto"]


def test_keeps_the_bytes_of_options_that_nobody_knows() -> None:
    # Field 1159 of the options, of type string: an extension as buf.validate uses it.
    options = bytes.fromhex("ba4803") + b"abc"
    file = FileDescriptorProto(name="b.proto", dependency=["rules/x.proto"])
    file.message_type.add(name="M").options.MergeFromString(options)
    (result,) = without_files(request_of(file), DROP).proto_file
    assert result.message_type[0].options.SerializeToString() == options
