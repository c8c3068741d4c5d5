"""Writes packages as other people's generators would: top-level modules, whole descriptors.

The text of a module is what protoc's Python generator writes, less its version guard. The
descriptors are put together from what is installed, so that no compiler and no network is needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from google.api import annotations_pb2, field_behavior_pb2, http_pb2
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from protovalidate import ViolationPb

from coreweave_inference_gen import _rules
from coreweave_inference_gen.coreweave.inference.v1alpha1 import (
    capacity_claim_pb2,
    condition_pb2,
    deployment_pb2,
    gateway_pb2,
    status_pb2,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from google.protobuf.descriptor import FileDescriptor

__all__ = ["API", "original_files", "write_package"]

API = "coreweave/inference/v1alpha1"
VALIDATE = "buf/validate/validate.proto"
# What the contract's files import beyond the types that they use; see the .proto files.
OPTION_FILES = (
    VALIDATE,
    f"{API}/validation.proto",
    "google/api/annotations.proto",
    "google/api/field_behavior.proto",
)

TEMPLATE = """\
from google.protobuf import descriptor as _descriptor
from google.protobuf import descriptor_pool as _descriptor_pool
from google.protobuf.internal import builder as _builder
{imports}
DESCRIPTOR = _descriptor_pool.Default().AddSerializedFile({serialized!r})
_globals = globals()
_builder.BuildMessageAndEnumDescriptors(DESCRIPTOR, _globals)
_builder.BuildTopDescriptorsAndMessages(DESCRIPTOR, {module!r}, _globals)
"""


def original_files() -> dict[str, FileDescriptorProto]:
    """Return the contract's files and their imports by name, as a compiler would see them."""
    files = [_proto(file.DESCRIPTOR) for file in (annotations_pb2, field_behavior_pb2, http_pb2)]
    files.append(FileDescriptorProto.FromString(ViolationPb.desc().file.proto.to_binary()))
    files += map(FileDescriptorProto.FromString, _rules.FILES)
    status = _proto(status_pb2.DESCRIPTOR)
    for module in (condition_pb2, gateway_pb2, deployment_pb2, capacity_claim_pb2):
        file = _proto(module.DESCRIPTOR)
        file.dependency.extend(OPTION_FILES)
        files.append(file)
    return {file.name: file for file in [status, *files]}


def write_package(
    folder: Path, files: Iterable[FileDescriptorProto], *, below: str | None = None
) -> None:
    """Write one module per file into `folder`, which has to be put on the path of imports.

    Args:
        folder: Made if need be.
        files: What to register. Imports that are not among them must be importable.
        below: A package to put everything in, as a distribution does that relocates its code.
    """
    files = list(files)
    names = {file.name for file in files}
    for file in files:
        modules = [
            _module(name, below=below if name in names else None) for name in file.dependency
        ]
        path = folder / (_module(file.name, below=below).replace(".", "/") + ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        text = TEMPLATE.format(
            imports="".join(f"import {module}\n" for module in modules),
            serialized=file.SerializeToString(),
            module=_module(file.name, below=below),
        )
        path.write_text(text, encoding="utf-8")


def _module(name: str, *, below: str | None = None) -> str:
    module = name.removesuffix(".proto").replace("/", ".") + "_pb2"
    return module if below is None else f"{below}.{module}"


def _proto(descriptor: FileDescriptor) -> FileDescriptorProto:
    result = FileDescriptorProto()
    descriptor.CopyToProto(result)
    return result
