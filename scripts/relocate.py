"""Move generated Python below another package.

Generators derive a module's name from the .proto path, and import generated siblings by that name.
`relocate` rewrites those imports, and the places where a module is named or used otherwise. It
works on positions from the syntax tree: comments, strings and everything else stay byte for byte.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from google.protobuf.descriptor_pb2 import FileDescriptorProto

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

__all__ = ["RelocationError", "absolute_imports", "relocate"]

# What protoc writes into `_pb2.py`, and what takes its place.
POOL_IMPORT = "from google.protobuf import descriptor_pool as _descriptor_pool"
OUR_POOL_IMPORT = "from triwire import _pool as _triwire_pool"
POOL_CALL = "_descriptor_pool.Default().AddSerializedFile"
OUR_POOL_CALL = "_triwire_pool.add_file"
# The guard of what is done to the descriptors of protobuf's implementation in Python: it tells them
# at which bytes of our file they stand, so it must not run on those of another file.
PYTHON_GUARD = "not _descriptor._USE_C_DESCRIPTORS"
OUR_PYTHON_GUARD = f"{PYTHON_GUARD} and _triwire_pool.is_ours(DESCRIPTOR)"


_Node: TypeAlias = ast.expr | ast.stmt | ast.alias


class RelocationError(Exception):
    """Generated code that has a form nobody has seen yet; the text says where."""


@dataclass(slots=True)
class _Edits:
    """Replacements of spans, as byte offsets: the syntax tree counts columns in UTF-8 bytes."""

    data: bytes
    where: str
    spans: list[tuple[int, int, bytes]] = field(default_factory=list[tuple[int, int, bytes]])
    _starts: list[int] = field(default_factory=list[int])

    def __post_init__(self) -> None:
        self._starts = [0]
        for line in self.data.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))

    def replace(self, node: _Node, new: str) -> None:
        if node.end_lineno is None or node.end_col_offset is None:
            raise self.fail(node, "a syntax tree without end positions")
        end = self._offset(node.end_lineno, node.end_col_offset)
        self.spans.append((self._offset(node.lineno, node.col_offset), end, new.encode()))

    def insert(self, node: _Node, new: str) -> None:
        start = self._offset(node.lineno, node.col_offset)
        self.spans.append((start, start, new.encode()))

    def applied(self) -> str:
        parts: list[bytes] = []
        done = 0
        for start, end, new in sorted(self.spans):
            parts += [self.data[done:start], new]
            done = end
        return b"".join([*parts, self.data[done:]]).decode()

    def fail(self, node: _Node, what: str) -> RelocationError:
        return RelocationError(f"{self.where}:{node.lineno}: {what}")

    def _offset(self, line: int, column: int) -> int:
        return self._starts[line - 1] + column


def relocate(text: str, *, modules: Collection[str], package: str, where: str = "<text>") -> str:
    """Return the text as it should stand below `package`.

    Args:
        text: Generated Python, code or stub.
        modules: The dotted names, as the generators see them, of everything that moves along.
        package: What to put in front of them.
        where: What errors call the text.

    Raises:
        RelocationError: A module that moves is used in a way that cannot be followed.
    """
    tree = ast.parse(text, where)
    edits = _Edits(text.encode(), where)
    dotted: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(level=0):
                _move_import_from(node, modules, package, edits)
            case ast.Import():
                dotted.update(_move_import(node, modules, package, edits))
            case ast.Call():
                _move_call(node, modules, package, edits)
            case ast.If() if ast.unparse(node.test) == PYTHON_GUARD:
                edits.replace(node.test, OUR_PYTHON_GUARD)
            case _:
                pass
    if dotted:
        _move_uses(tree, dotted, package, edits)
    return edits.applied()


def absolute_imports(text: str) -> Iterator[str]:
    """Yield every module that a text may import by its full name, at any depth of the code.

    `from a import b` yields both `a` and `a.b`, since b may be a module.
    """
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.ImportFrom(module=str(module), level=0):
                yield module
                yield from (f"{module}.{alias.name}" for alias in node.names)
            case ast.Import():
                yield from (alias.name for alias in node.names)
            case _:
                pass


def _move_import_from(
    node: ast.ImportFrom, modules: Collection[str], package: str, edits: _Edits
) -> None:
    """Rewrite `from a.b import c_pb2 [as d]` and `from a.b.c_pb2 import Name`."""
    source = node.module or ""
    moved = [source in modules or f"{source}.{alias.name}" in modules for alias in node.names]
    if all(moved):
        names = ", ".join(map(ast.unparse, node.names))
        edits.replace(node, f"from {package}.{source} import {names}")
    elif any(moved):
        raise edits.fail(node, f"one import from {source} of what moves and what stays")
    elif ast.unparse(node) == POOL_IMPORT:
        edits.replace(node, OUR_POOL_IMPORT)


def _move_import(
    node: ast.Import, modules: Collection[str], package: str, edits: _Edits
) -> set[str]:
    """Rewrite `import a.b.c_pb2 [as d]`; return the modules that are used by their dotted name."""
    dotted: set[str] = set()
    for alias in node.names:
        if alias.name in modules:
            edits.insert(alias, f"{package}.")
            if alias.asname is None:
                dotted.add(alias.name)
    return dotted


def _move_uses(tree: ast.AST, dotted: Collection[str], package: str, edits: _Edits) -> None:
    """Rewrite `a.b.c_pb2.Name`, where `import a.b.c_pb2` has bound the name `a`."""
    roots = {name.partition(".")[0] for name in dotted}
    followed: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and ast.unparse(node) in dotted:
            first: ast.expr = node
            while isinstance(first, ast.Attribute):
                first = first.value
            edits.insert(first, f"{package}.")
            followed.add(id(first))
    # Another import may bind the same root (google.protobuf): only a root that nothing else binds
    # can be told to be ours.
    shared = {
        alias.name.partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
        if alias.asname is None and alias.name not in dotted
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in roots - shared and id(node) not in followed:
            raise edits.fail(node, f"a use of {node.id!r} that is not one of {sorted(dotted)}")


def _move_call(node: ast.Call, modules: Collection[str], package: str, edits: _Edits) -> None:
    """Rewrite the registration of the file, and the module name given to the message classes."""
    function = ast.unparse(node.func)
    if function == POOL_CALL:
        match node.args:
            case [ast.Constant(value=bytes(serialized))]:
                edits.replace(node.func, OUR_POOL_CALL)
                name = FileDescriptorProto.FromString(serialized).name
                edits.insert(node.args[0], f"{name!r}, ")
            case _:
                raise edits.fail(node, f"expected the file's bytes as argument of {POOL_CALL}")
    elif function.startswith("_builder."):
        for argument in node.args:
            match argument:
                case ast.Constant(value=str(module)) if module in modules:
                    edits.replace(argument, repr(f"{package}.{module}"))
                case _:
                    pass
