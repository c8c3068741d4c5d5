"""Take files out of a code generator's request, and what refers to them.

Options are extensions, so a file that only takes its options from a dropped file stays complete
without it: the option bytes are kept, as unknown fields until somebody registers the extensions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from google.protobuf.compiler.plugin_pb2 import CodeGeneratorRequest

if TYPE_CHECKING:
    from collections.abc import Collection

    from google.protobuf.descriptor_pb2 import FileDescriptorProto

__all__ = ["is_dropped", "without_files"]


def is_dropped(name: str, drop: Collection[str]) -> bool:
    """Tell whether a proto path is listed in `drop`: by itself or by folder."""
    return any(name.startswith(entry) if entry.endswith("/") else name == entry for entry in drop)


def without_files(request: CodeGeneratorRequest, drop: Collection[str]) -> CodeGeneratorRequest:
    """Return a copy of the request without the dropped files.

    A type of a dropped file that is still used makes the generator fail, and it names the type.
    """
    result = CodeGeneratorRequest()
    result.CopyFrom(request)
    for field in ("file_to_generate", "proto_file", "source_file_descriptors"):
        result.ClearField(field)
    result.file_to_generate.extend(n for n in request.file_to_generate if not is_dropped(n, drop))
    result.proto_file.extend(
        _stripped(file, drop) for file in request.proto_file if not is_dropped(file.name, drop)
    )
    return result


def _stripped(file: FileDescriptorProto, drop: Collection[str]) -> FileDescriptorProto:
    """Return a copy that does not import dropped files."""
    result = type(file)()
    result.CopyFrom(file)
    for field in ("dependency", "public_dependency", "weak_dependency"):
        result.ClearField(field)
    result.dependency.extend(name for name in file.dependency if not is_dropped(name, drop))
    place = {name: at for at, name in enumerate(result.dependency)}
    # These two hold positions in the list of dependencies.
    for old, new in (
        (file.public_dependency, result.public_dependency),
        (file.weak_dependency, result.weak_dependency),
    ):
        new.extend(place[name] for name in (file.dependency[at] for at in old) if name in place)
    return result
