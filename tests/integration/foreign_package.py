"""Writes packages as other people's generators would: top-level modules, whole descriptors.

The text of a module is what protoc's Python generator writes, less its version guard. The
descriptors are put together from what is installed, so that no compiler and no network is needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from google.api import annotations_pb2, field_behavior_pb2, http_pb2
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
)
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

__all__ = [
    "API",
    "DESCRIBE",
    "GATEWAY",
    "OURS",
    "PYTHON",
    "THEIRS",
    "USE",
    "VALIDATE",
    "Files",
    "make_newer",
    "make_older",
    "message_of",
    "original_files",
    "without_google",
    "write_package",
]

API = "coreweave/inference/v1alpha1"
GATEWAY = f"{API}/gateway.proto"
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

# Programs to put together: our modules, theirs, and what one does with ours in any case.
OURS = """\
from coreweave_inference_gen import validator
from coreweave_inference_gen.coreweave.inference.v1alpha1 import (
    capacity_claim_pb2, deployment_pb2, gateway_pb2)
from google.protobuf import timestamp_pb2
"""
THEIRS = """\
from coreweave.inference.v1alpha1 import capacity_claim_pb2 as their_claims
from coreweave.inference.v1alpha1 import deployment_pb2 as their_deployments
from coreweave.inference.v1alpha1 import gateway_pb2 as their_gateways
"""
USE = """\
import pickle
now = timestamp_pb2.Timestamp(seconds=7, nanos=1)
gateway = gateway_pb2.Gateway()
gateway.spec.name = "edge"
gateway.spec.body_based_routing.api_type = gateway_pb2.BodyBasedRouting.API_TYPE_OPENAI
gateway.status.updated_at.CopyFrom(now)
assert gateway.status.updated_at == now
assert gateway_pb2.Gateway.FromString(gateway.SerializeToString()) == gateway
assert pickle.loads(pickle.dumps(gateway)) == gateway
assert gateway_pb2.ListGatewaysRequest(updated_after=now).HasField("updated_after")
deployment = deployment_pb2.Deployment()
deployment.spec.runtime.engine_config["max-model-len"] = "4096"
assert deployment_pb2.Deployment.FromString(deployment.SerializeToString()) == deployment
assert gateway_pb2.DESCRIPTOR.services_by_name["GatewayService"].methods_by_name["GetGateway"]
request = gateway_pb2.CreateGatewayRequest(
    name="-", zones=["US-EAST-04A", "nowhere"], core_weave_auth={}, path_based_routing={})
ids = [violation.proto.rule_id for violation in validator().collect_violations(request)]
assert ids == ["string.valid_host_label", "string.valid_zone"], ids
"""
# For protobuf's implementation in Python, which cuts descriptors out of the file by position.
PYTHON = """\
from google.protobuf.internal import api_implementation
assert api_implementation.Type() == "python"
"""
DESCRIBE = """\
from google.protobuf.descriptor_pb2 import DescriptorProto
described = DescriptorProto()
gateway_pb2.GatewaySpec.DESCRIPTOR.CopyToProto(described)
assert described.name == "GatewaySpec" and described.field[0].name == "id", described
"""

Files: TypeAlias = dict[str, FileDescriptorProto]


def original_files() -> Files:
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


def without_google(files: Files) -> list[FileDescriptorProto]:
    """Return what a distribution brings that depends on googleapis-common-protos."""
    return [file for name, file in files.items() if not name.startswith("google/")]


def message_of(file: FileDescriptorProto, name: str) -> DescriptorProto:
    return next(message for message in file.message_type if message.name == name)


def make_newer(files: Files) -> None:
    """Add what a later version of the contract may add."""
    gateway = files[GATEWAY]
    message_of(gateway, "GatewaySpec").field.add(
        name="display_name",
        number=90,
        type=FieldDescriptorProto.TYPE_STRING,
        label=FieldDescriptorProto.LABEL_OPTIONAL,
    )
    gateway.message_type.insert(0, DescriptorProto(name="Added"))
    files[f"{API}/status.proto"].enum_type[0].value.add(name="STATUS_PAUSED", number=90)


def make_older(files: Files) -> None:
    """Take a field out that an earlier version of the contract may not have had."""
    fields = message_of(files[GATEWAY], "GatewaySpec").field
    del fields[[field.name for field in fields].index("organization_id")]
