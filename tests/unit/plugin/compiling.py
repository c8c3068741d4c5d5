"""The .proto files below protos/, compiled once by buf, and the plugin run on them in-process."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from google.api import annotations_pb2
from google.protobuf.compiler.plugin_pb2 import CodeGeneratorRequest, CodeGeneratorResponse
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

from triwire.plugin import generate
from triwire.plugin.read import parse_request, read_api

if TYPE_CHECKING:
    from collections.abc import Iterable

    from triwire.plugin.model import Api

PROTOS = Path(__file__).with_name("protos")
GOOGLE = ("annotations.proto", "field_behavior.proto", "http.proto")


def make_workspace(folder: Path) -> None:
    """Put protos/ and what they import from google.api into a folder that buf can build."""
    shutil.copytree(PROTOS, folder / "protos")
    (folder / "buf.yaml").write_text("version: v2\nmodules: [{path: protos}, {path: google}]\n")
    target = folder / "google" / "google" / "api"
    target.mkdir(parents=True)
    source = Path(str(annotations_pb2.__file__)).parent
    for name in GOOGLE:
        shutil.copy(source / name, target / name)


def run_buf(folder: Path, *arguments: str) -> None:
    """Run buf from the development environment in a folder."""
    buf = Path(sys.executable).with_name("buf")
    done = subprocess.run(
        [buf, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@dataclass(frozen=True, slots=True)
class Compiled:
    """Descriptors of every file below protos/."""

    # Not shown by failing tests: it is long.
    files: tuple[FileDescriptorProto, ...] = field(repr=False)

    def request(self, *targets: str, parameter: str = "") -> CodeGeneratorRequest:
        """Return a request as a compiler would send it for these targets."""
        request = CodeGeneratorRequest(
            file_to_generate=targets, parameter=parameter, proto_file=self._needed(targets)
        )
        return parse_request(request.SerializeToString())

    def answer(self, *targets: str, parameter: str = "") -> CodeGeneratorResponse:
        """Run the plugin for these targets."""
        return generate(self.request(*targets, parameter=parameter))

    def texts(self, *targets: str, parameter: str = "") -> dict[str, str]:
        """Run the plugin, which must succeed, and return its files by name."""
        response = self.answer(*targets, parameter=parameter)
        assert not response.error
        return {file.name: file.content for file in response.file}

    def text(self, target: str) -> str:
        """Run the plugin for one target and return the one file that it writes."""
        (text,) = self.texts(target).values()
        return text

    def api(self, *targets: str) -> Api:
        """Return the model of these targets and what they import."""
        return read_api(self._needed(targets), targets)

    def _needed(self, targets: Iterable[str]) -> list[FileDescriptorProto]:
        """Return the targets and what they import, imports first."""
        by_name = {file.name: file for file in self.files}
        needed: dict[str, FileDescriptorProto] = {}

        def visit(name: str) -> None:
            if name not in needed:
                for dependency in by_name[name].dependency:
                    visit(dependency)
                needed[name] = by_name[name]

        for target in targets:
            visit(target)
        return list(needed.values())


def compile_protos(workspace: Path) -> Compiled:
    """Build the image of a workspace and read it."""
    image = workspace / "image.binpb"
    run_buf(workspace, "build", "-o", str(image))
    return Compiled(tuple(FileDescriptorSet.FromString(image.read_bytes()).file))
