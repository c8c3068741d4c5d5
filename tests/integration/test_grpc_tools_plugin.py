"""The plugin around grpcio-tools' generators, run as buf runs it."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from google.protobuf import text_format
from google.protobuf.compiler.plugin_pb2 import CodeGeneratorRequest, CodeGeneratorResponse

from tests.integration.environments import skip_if_unreachable

if TYPE_CHECKING:
    from pathlib import Path

# google/api/ is among what pyproject.toml says to drop.
REQUEST = """
parameter: "python,grpc_python"
file_to_generate: "library/book.proto"
file_to_generate: "google/api/http.proto"
proto_file { name: "google/api/http.proto" package: "google.api" message_type { name: "Rule" } }
proto_file {
  name: "library/book.proto" package: "library" syntax: "proto3"
  dependency: "google/api/http.proto"
  message_type { name: "Book" }
  service {
    name: "Library"
    method { name: "GetBook" input_type: ".library.Book" output_type: ".library.Book" }
  }
}
"""


def answer(repository: Path, request: str) -> CodeGeneratorResponse:
    done = subprocess.run(
        [sys.executable, repository / "scripts" / "protoc_gen_grpc_tools.py"],
        input=text_format.Parse(request, CodeGeneratorRequest()).SerializeToString(),
        capture_output=True,
        check=True,
        timeout=300,
        cwd=repository,
    )
    response = CodeGeneratorResponse.FromString(done.stdout)
    skip_if_unreachable(response.error)
    return response


@pytest.mark.parametrize("parameter", ["", "python,cpp"])
def test_refuses_other_generators(repository: Path, parameter: str) -> None:
    response = answer(repository, REQUEST.replace("python,grpc_python", parameter))
    assert response.error.startswith("expected the options ['grpc_python', 'python'] or one of")


@pytest.mark.slow
def test_writes_no_trace_of_dropped_files(repository: Path) -> None:
    response = answer(repository, REQUEST)
    assert not response.error
    assert {file.name for file in response.file} == {
        "library/book_pb2.py",
        "library/book_pb2_grpc.py",
    }
    assert not any("google/api" in file.content for file in response.file)
    assert not any("google.api" in file.content for file in response.file)
    # The generation of code that all supported runtimes take, see ADR 0001.
    assert any("# Protobuf Python Version: 5.29.0\n" in file.content for file in response.file)


@pytest.mark.slow
def test_names_a_type_of_a_dropped_file_that_is_used(repository: Path) -> None:
    field = 'field { name: "rule" number: 1 type: TYPE_MESSAGE type_name: ".google.api.Rule" }'
    response = answer(repository, REQUEST.replace('"Book" }', f'"Book" {field} }}'))
    assert "google.api.Rule" in response.error
    assert not response.file


@pytest.mark.slow
def test_is_the_same_every_time(repository: Path) -> None:
    assert answer(repository, REQUEST) == answer(repository, REQUEST)
