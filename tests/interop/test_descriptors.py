"""Our protos against the descriptors inside the official Go module."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.unit.contract.buf import build_image, fill_third_party
from tests.unit.contract.descriptor_table import FileDescriptorSets, table

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from google.protobuf.descriptor_pb2 import FileDescriptorProto

pytestmark = pytest.mark.interop

PREFIX = "coreweave/inference/v1alpha1/"
NAMES = ("capacity_claim", "condition", "deployment", "gateway", "status", "validation")


@pytest.fixture(scope="module")
def ours_and_official(
    repository: Path, go_program: Callable[[str], Path]
) -> tuple[dict[str, FileDescriptorProto], dict[str, FileDescriptorProto]]:
    """The files of both by name, options read with our image's extensions.

    That is not circular: the extensions are those of google/api and buf/validate, and a rule of
    validation.proto that the other side numbers otherwise stays unknown bytes and differs.
    """
    fill_third_party(repository)
    image = build_image(repository)
    program = go_program("descriptors")
    official = subprocess.run([program], capture_output=True, check=True).stdout
    sets = FileDescriptorSets(image)
    return sets.parse(image, prefix="coreweave/"), sets.parse(official, prefix="")


def test_the_official_module_has_the_same_files(
    ours_and_official: tuple[dict[str, FileDescriptorProto], dict[str, FileDescriptorProto]],
) -> None:
    ours, official = ours_and_official
    assert sorted(ours) == sorted(official) == [f"{PREFIX}{name}.proto" for name in NAMES]


@pytest.mark.parametrize("name", NAMES)
def test_a_file_equals_the_official_one(
    name: str,
    ours_and_official: tuple[dict[str, FileDescriptorProto], dict[str, FileDescriptorProto]],
) -> None:
    ours, official = (files[f"{PREFIX}{name}.proto"] for files in ours_and_official)
    assert table(ours) == table(official)  # the readable difference first
    assert ours == official
    assert ours.SerializeToString(deterministic=True) == official.SerializeToString(
        deterministic=True
    )
