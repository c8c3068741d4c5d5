"""Registration of generated files with protobuf's default descriptor pool.

Generated `_pb2` modules call `add_file` where protoc's own output calls `AddSerializedFile`. The
difference shows when another distribution has generated code of the same API, in the same or
another version: the pool takes one file of a name, and refuses a second that differs in a byte.
What was weighed and measured: docs/adr/0001-generated-code-and-protobuf-runtimes.md.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from google.protobuf import descriptor_pool

from triwire._installed import import_installed

if TYPE_CHECKING:
    from google.protobuf.descriptor import FileDescriptor

__all__ = ["add_file", "is_ours"]

_shared: set[str] = set()


def add_file(name: str, serialized: bytes) -> FileDescriptor:
    """Register a file, or return one of that name that can stand in for it.

    A file covers this one if it has every message, field, enum value and method of it, with the
    same numbers and types. In this order:

    1. A registered file of that name is returned if it covers this one.
    2. If the module that protoc's own layout gives the file (`a/b.proto`: `a.b_pb2`) is installed
       and covers this one, it is imported and its file returned. Registered second, it would fail.
    3. This file is registered.

    Args:
        name: The file's name, as imports in .proto files spell it.
        serialized: The FileDescriptorProto. What it depends on has to be registered.

    Raises:
        ImportError: A file of that name is registered and does not cover this one, or its names are
            registered by another file. The text says what is amiss and how to mend it.
    """
    found = _registered(name)
    if found is None and import_installed(name, serialized):
        found = _registered(name)
    if found is None:
        try:
            return descriptor_pool.Default().AddSerializedFile(serialized)
        except TypeError as error:
            # Another thread may have registered theirs in between.
            found = _registered(name)
            if found is None:
                raise ImportError(_refusal(name, serialized, reason=str(error))) from error
    # Here and not above: loaded only when two versions meet.
    from triwire._covering import first_gap

    gap = first_gap(serialized, found.serialized_pb)
    if gap is not None:
        raise ImportError(
            f"another version of {name} is registered in this process, by {_owner_of(found)}, and "
            f"it {gap}: upgrade what it belongs to, or use the two in separate processes"
        )
    _shared.add(name)
    return found


def is_ours(file: FileDescriptor) -> bool:
    """Tell whether `add_file` has registered this file, and not returned somebody else's."""
    return file.name not in _shared


def _registered(name: str) -> FileDescriptor | None:
    try:
        return descriptor_pool.Default().FindFileByName(name)
    except KeyError:
        return None


def _refusal(name: str, serialized: bytes, *, reason: str) -> str:
    """Explain why the pool did not take our file although it has none of that name."""
    from google.protobuf.descriptor_pb2 import FileDescriptorProto

    ours = FileDescriptorProto.FromString(serialized)
    scope = f"{ours.package}." if ours.package else ""
    names = [element.name for element in ours.message_type]
    names += [element.name for element in ours.enum_type]
    names += [element.name for element in ours.service]
    for symbol in (f"{scope}{element}" for element in names):
        try:
            found = descriptor_pool.Default().FindFileContainingSymbol(symbol)
        except KeyError:
            continue
        return (
            f"{symbol} is registered in this process by another file, {found.name} of "
            f"{_owner_of(found)}, and {name} cannot register it again: use the two in separate "
            f"processes"
        )
    return f"protobuf does not take {name}: {reason}"


def _owner_of(file: FileDescriptor) -> str:
    """Name the module that holds a registered file, and where it was loaded from."""
    for module in list(sys.modules.values()):
        # Not getattr: a module may compute attributes on demand, and import things for it.
        if getattr(module, "__dict__", {}).get("DESCRIPTOR") is file:
            return f"{module.__name__} ({getattr(module, '__file__', None) or 'no file'})"
    return "a module that is gone"
