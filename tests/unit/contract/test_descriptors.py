"""The protos build to the contract's descriptors, and every element of them is documented.

golden_descriptors.txt is the contract: names, numbers, types, options and the order of all of them.
It was taken from a description of the public contract, not from these protos. It changes only when
that contract does, together with the baseline of `buf breaking` (buf.yaml says how).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from google.protobuf import descriptor_pb2

from tests.unit.contract.buf import build_image, copy_workspace, run_buf
from tests.unit.contract.descriptor_table import FileDescriptorSets, table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PACKAGE = "coreweave/inference/v1alpha1"
FILES = ("status", "condition", "validation", "gateway", "deployment", "capacity_claim")
GOLDEN = Path(__file__).with_name("golden_descriptors.txt")


def golden() -> dict[str, list[str]]:
    """Return the golden lines by file."""
    lines: dict[str, list[str]] = {}
    name = ""
    for line in GOLDEN.read_text(encoding="utf-8").splitlines():
        if match := re.match(r"file (\S+) ", line):
            name = match[1]
            lines[name] = []
        lines[name].append(line)
    return lines


def tables(image: bytes) -> dict[str, list[str]]:
    """Return the lines of each of our files in an image."""
    files = FileDescriptorSets(image).parse(image, prefix="coreweave/")
    return {name: table(file) for name, file in files.items()}


def test_the_files_are_those_of_the_contract(image: bytes) -> None:
    assert (
        sorted(tables(image)) == sorted(golden()) == sorted(f"{PACKAGE}/{n}.proto" for n in FILES)
    )


@pytest.mark.parametrize("name", FILES)
def test_a_file_builds_to_the_contract(name: str, image: bytes) -> None:
    path = f"{PACKAGE}/{name}.proto"
    assert tables(image)[path] == golden()[path]


@pytest.mark.usefixtures("third_party")
@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        pytest.param(
            "deployment", "max_len: 253", "max_len: 254", id="a bound in a validation rule"
        ),
        pytest.param(
            "gateway", "api_key = 1 [", "api_key = 5 [deprecated = true, ", id="number and option"
        ),
        pytest.param("gateway", "OUTPUT_ONLY", "IMMUTABLE", id="field behavior"),
        pytest.param("gateway", "/gateways/{id}", "/gateways/{id=*}", id="HTTP path"),
        pytest.param("capacity_claim", "uint32 pending", "uint64 pending", id="type"),
        pytest.param("capacity_claim", "  reserved 1;\n", "", id="reserved number"),
        pytest.param("status", "STATUS_ERROR = 4", "STATUS_ERROR = 7", id="enum value"),
        pytest.param("validation", "A-Z]+|RNO2A", "A-Z]*|RNO2A", id="regular expression"),
        pytest.param(
            "condition",
            'import "google/api/field_behavior.proto";\nimport "google/protobuf/timestamp.proto";',
            'import "google/protobuf/timestamp.proto";\nimport "google/api/field_behavior.proto";',
            id="order of imports",
        ),
        pytest.param(
            "gateway",
            "message CoreWeaveAuth {}",
            "message Extra {}\nmessage CoreWeaveAuth {}",
            id="another message",
        ),
    ],
)
def test_a_changed_proto_differs_from_the_contract(
    file: str, old: str, new: str, repository: Path, tmp_path: Path
) -> None:
    proto = copy_workspace(repository, tmp_path) / f"{file}.proto"
    text = proto.read_text(encoding="utf-8")
    assert old in text
    proto.write_text(text.replace(old, new, 1), encoding="utf-8")

    path = f"{PACKAGE}/{file}.proto"
    assert tables(build_image(tmp_path))[path] != golden()[path]


@pytest.mark.usefixtures("third_party")
def test_two_swapped_messages_differ_from_the_contract(repository: Path, tmp_path: Path) -> None:
    proto = copy_workspace(repository, tmp_path) / "gateway.proto"
    text = proto.read_text(encoding="utf-8")
    moved = "message CoreWeaveAuth {}\n"
    proto.write_text(text.replace(moved, "") + moved, encoding="utf-8")

    path = f"{PACKAGE}/gateway.proto"
    built = tables(build_image(tmp_path))[path]
    assert built != golden()[path]
    assert sorted(built) == sorted(golden()[path])


@pytest.mark.usefixtures("third_party")
@pytest.mark.parametrize("arguments", [["lint"], ["format", "--diff", "--exit-code"]])
def test_buf_finds_nothing_to_mend(arguments: list[str], repository: Path) -> None:
    done = run_buf(repository, *arguments)
    assert (done.returncode, done.stdout.decode(), done.stderr.decode()) == (0, "", "")


@pytest.mark.parametrize("name", FILES)
def test_every_element_is_documented(name: str, image: bytes) -> None:
    """Buf's COMMENTS rules look neither at extensions nor at files."""
    files = descriptor_pb2.FileDescriptorSet.FromString(image).file
    file = next(file for file in files if file.name == f"{PACKAGE}/{name}.proto")
    comments = {
        tuple(location.path): location.leading_comments.strip()
        or "".join(location.leading_detached_comments).strip()
        for location in file.source_code_info.location
    }
    missing = [title for title, path in elements(file) if not comments.get(path)]
    assert not missing


def elements(file: descriptor_pb2.FileDescriptorProto) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield name and source path (google/protobuf/descriptor.proto) of all that needs a comment."""
    yield "the file, above syntax", (12,)
    for index, extension in enumerate(file.extension):
        yield extension.name, (7, index)
    yield from enums(file.enum_type, (5,))
    yield from messages(file.message_type, (4,))
    for index, service in enumerate(file.service):
        yield service.name, (6, index)
        for number, method in enumerate(service.method):
            yield f"{service.name}.{method.name}", (6, index, 2, number)


def messages(
    found: Iterable[descriptor_pb2.DescriptorProto], path: tuple[int, ...]
) -> Iterator[tuple[str, tuple[int, ...]]]:
    for index, message in enumerate(found):
        if message.options.map_entry:
            continue
        here = (*path, index)
        yield message.name, here
        for number, field in enumerate(message.field):
            yield f"{message.name}.{field.name}", (*here, 2, number)
        for number, oneof in enumerate(message.oneof_decl):
            yield f"{message.name}.{oneof.name}", (*here, 8, number)
        yield from messages(message.nested_type, (*here, 3))
        yield from enums(message.enum_type, (*here, 4))


def enums(
    found: Iterable[descriptor_pb2.EnumDescriptorProto], path: tuple[int, ...]
) -> Iterator[tuple[str, tuple[int, ...]]]:
    for index, enum in enumerate(found):
        yield enum.name, (*path, index)
        for number, value in enumerate(enum.value):
            yield f"{enum.name}.{value.name}", (*path, index, 2, number)
