"""Generated modules, loaded without files: `_pb2` modules are made of the descriptors."""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from google.protobuf import descriptor_pool
from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper
from google.protobuf.message_factory import GetMessageClass

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.unit.plugin.compiling import Compiled

# An instance of generated code, whose classes no type checker can see here.
Generated = Any


def load_pb2(compiled: Compiled, name: str) -> None:
    """Register a file and put its `_pb2` module into sys.modules."""
    (file,) = (file for file in compiled.files if file.name == name)
    for dependency in file.dependency:
        if dependency.startswith("google/"):
            import_module(f"{_dotted(dependency)}_pb2")
    pool = descriptor_pool.Default()
    pool.AddSerializedFile(file.SerializeToString())
    module = _module(f"{_dotted(name)}_pb2")
    for message in file.message_type:
        full_name = f"{file.package}.{message.name}"
        setattr(module, message.name, GetMessageClass(pool.FindMessageTypeByName(full_name)))
    for enum in file.enum_type:
        descriptor = pool.FindEnumTypeByName(f"{file.package}.{enum.name}")
        setattr(module, enum.name, EnumTypeWrapper(descriptor))


def load_generated(texts: Mapping[str, str]) -> dict[str, Generated]:
    """Run generated texts as modules; return them by their last name."""
    loaded: dict[str, Generated] = {}
    for path, text in texts.items():
        name = path.removesuffix(".py").replace("/", ".")
        module = _module(name)
        exec(compile(text, path, "exec", dont_inherit=True), module.__dict__)  # noqa: S102 - it is ours
        loaded[name.rpartition(".")[2]] = module
    return loaded


def _dotted(name: str) -> str:
    return name.removesuffix(".proto").replace("-", "_").replace("/", ".")


def _module(name: str) -> ModuleType:
    module = ModuleType(name)
    sys.modules[name] = module
    parent, _, last = name.rpartition(".")
    if parent:
        holder = sys.modules.get(parent)
        if holder is None:
            holder = _module(parent)
            holder.__path__ = []
        setattr(holder, last, module)
    return module
