"""Importing another distribution's generated code before ours is registered."""

from __future__ import annotations

import importlib
import importlib.util
import logging
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["import_installed"]

_log: Final = logging.getLogger("triwire.pool")


def import_installed(name: str, ours: bytes) -> bool:
    """Import the module that protoc's own layout gives a .proto file, if it covers our file.

    What it would register is read from its source first, without running it: one that does not
    cover ours must not stop us by being installed, only by being used. If it fails, the reason is
    its own: it is logged, and our file gets registered.

    Args:
        name: The .proto file; the module of `a/b.proto` is `a.b_pb2`.
        ours: Our FileDescriptorProto of that file.

    Returns:
        Whether it was imported.
    """
    module = name.removesuffix(".proto").replace("-", "_").replace("/", ".") + "_pb2"
    if module in sys.modules:
        return False
    try:
        spec = importlib.util.find_spec(module)
    except ModuleNotFoundError:
        return False
    except Exception:  # noqa: BLE001 - finding a module imports the packages around it
        _log.warning("cannot look for %s", module, exc_info=True)
        return False
    if spec is None:
        return False
    # Only where something was found: it loads importlib.resources and tempfile, 7 ms.
    from importlib.abc import InspectLoader

    if not isinstance(spec.loader, InspectLoader):
        return False
    source = spec.loader.get_source(module)
    if source is None or not _covers(source, ours):
        return False
    try:
        importlib.import_module(module)
    except Exception:  # noqa: BLE001 - code of others
        _log.warning("%s is installed, but cannot be imported", module, exc_info=True)
        return False
    return True


def _covers(source: str, ours: bytes) -> bool:
    """Tell whether the file that a `_pb2` module registers covers ours."""
    from google.protobuf.message import DecodeError

    from triwire._covering import first_gap

    try:
        return any(first_gap(ours, theirs) is None for theirs in _registered_bytes(source))
    except (SyntaxError, DecodeError):
        return False


def _registered_bytes(source: str) -> Iterator[bytes]:
    """Yield what `AddSerializedFile` is called with in a module's text."""
    import ast

    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Call(
                func=ast.Attribute(attr="AddSerializedFile"),
                args=[ast.Constant(value=bytes(serialized))],
            ):
                yield serialized
            case _:
                pass
