"""Inline .proto sources, compiled by buf beside google/api and buf/validate."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from google.protobuf.compiler.plugin_pb2 import CodeGeneratorRequest, CodeGeneratorResponse
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

from tests.unit.contract.buf import build_image, fill_third_party
from triwire.plugin import generate
from triwire.plugin.read import parse_request

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["Inline", "compile_inline", "proto"]

HEAD = """\
syntax = "{syntax}";
package {package};
import "buf/validate/validate.proto";
import "google/api/annotations.proto";
import "google/api/field_behavior.proto";
import "google/api/httpbody.proto";
import "google/protobuf/any.proto";
import "google/protobuf/duration.proto";
import "google/protobuf/empty.proto";
import "google/protobuf/field_mask.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";
"""


def proto(package: str, body: str, *, syntax: str = "proto3") -> str:
    """Return a file with everything imported."""
    return HEAD.format(syntax=syntax, package=package) + body


@dataclass(frozen=True, slots=True)
class Inline:
    """Compiled sources."""

    files: tuple[FileDescriptorProto, ...] = field(repr=False)

    def answer(
        self, *targets: str, patch: str | None = None, parameter: str = "emit=openapi"
    ) -> CodeGeneratorResponse:
        """Run the plugin; `patch` is what the option's file holds."""
        if patch is not None:
            parameter += ",openapi-patch=patch.json"
        request = CodeGeneratorRequest(
            file_to_generate=targets, parameter=parameter, proto_file=self.files
        )
        parsed = parse_request(request.SerializeToString())
        return generate(parsed, read_text=lambda _: patch or "")

    def texts(self, *targets: str, patch: str | None = None) -> dict[str, str]:
        """Run the plugin, which must succeed, and return its files by name."""
        response = self.answer(*targets, patch=patch)
        assert not response.error
        return {file.name: file.content for file in response.file}

    def document(self, target: str, patch: str | None = None) -> dict[str, Any]:
        """Return the one document that is made of a file."""
        (text,) = self.texts(target, patch=patch).values()
        found: dict[str, Any] = json.loads(text)
        return found


def compile_inline(folder: Path, repository: Path, sources: Mapping[str, str]) -> Inline:
    """Compile sources by file name, in an empty folder."""
    import google.api.httpbody_pb2 as httpbody

    fill_third_party(repository)
    shutil.copytree(repository / ".third_party", folder / "third")
    shutil.copy(httpbody.__file__.replace("_pb2.py", ".proto"), folder / "third" / "google" / "api")
    (folder / "buf.yaml").write_text("version: v2\nmodules: [{path: own}, {path: third}]\n")
    (folder / "own").mkdir()
    for name, text in sources.items():
        (folder / "own" / name).write_text(text, encoding="utf-8")
    return Inline(tuple(FileDescriptorSet.FromString(build_image(folder)).file))
