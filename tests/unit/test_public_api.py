"""The public API: its names and signatures, pinned in public_api.txt.

The diff of that file is what a review of an API change looks at. After a wanted change run this
file with `--update-public-api`.
"""

from __future__ import annotations

import difflib
import enum
import importlib
import inspect
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any, get_origin, get_overloads

import pytest

from coreweave_inference import AsyncInferenceClient, InferenceClient

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PUBLIC = [
    "triwire",
    "triwire.auth",
    "triwire.errors",
    "triwire.interceptors",
    "triwire.otel",
    "triwire.testing",
    "triwire.watch",
    "coreweave_inference",
]
CLIENTS: tuple[type[object], ...] = (InferenceClient, AsyncInferenceClient)
OURS = ("triwire", "coreweave_inference", "coreweave_inference_gen")
# Special methods that callers use by syntax.
SYNTAX = {
    "__aenter__",
    "__aexit__",
    "__aiter__",
    "__anext__",
    "__call__",
    "__enter__",
    "__exit__",
    "__iter__",
    "__next__",
}
# Libraries that a program pays for in time and memory even if it never makes a call.
HEAVY = {"connectrpc", "grpc", "opentelemetry", "protovalidate", "pyqwest", "pyvoy", "sqlalchemy"}


def annotation_text(annotation: object) -> str:
    """Return an annotation as the source wrote it, for every supported Python alike."""
    if annotation is inspect.Signature.empty:
        return ""
    if isinstance(annotation, str):
        return annotation
    return getattr(annotation, "__name__", None) or str(annotation)


def signature_text(function: Any) -> str:
    """Return a signature without what changes from run to run."""
    if inspect.isclass(function) and function.__init__ is ValueError.__init__:
        # An exception that takes what its builtin base takes; Python 3.11 cannot say what.
        return "(...)"
    return re.sub(r" at 0x[0-9a-f]+", "", str(inspect.signature(function)))


def function_lines(name: str, function: Callable[..., object]) -> Iterator[str]:
    """Describe a function or method: what type checkers see of it."""
    color = "async def" if inspect.iscoroutinefunction(function) else "def"
    for shape in get_overloads(function) or [function]:
        yield f"{color} {name}{signature_text(shape)}"


def member_lines(owner: type[object]) -> Iterator[str]:
    """Describe what a class offers, with what it inherits from classes of ours."""
    members: dict[str, object] = {}
    fields: dict[str, object] = {}
    for cls in reversed(owner.__mro__):
        if cls.__module__.split(".")[0] in OURS:
            members.update(vars(cls))
            fields.update(inspect.get_annotations(cls))
    for name in sorted(fields):
        if not name.startswith("_"):
            yield f"{name}: {annotation_text(fields[name])}"
    for name, member in sorted(members.items()):
        if name.startswith("_") and name not in SYNTAX:
            continue
        if isinstance(member, property):
            returned = inspect.get_annotations(member.fget).get("return") if member.fget else None
            yield f"property {name}: {annotation_text(returned)}"
        elif type(member) in {staticmethod, classmethod}:
            kind = type(member).__name__
            yield f"{kind} {name}{signature_text(getattr(owner, name))}"
        elif inspect.isfunction(member):
            yield from function_lines(name, member)


def class_lines(name: str, cls: type[object]) -> Iterator[str]:
    """Describe one class."""
    bases = ", ".join(base.__name__ for base in cls.__bases__ if base is not object)
    if issubclass(cls, enum.Enum):
        yield f"enum {name}({bases})"
        members = cls.__members__
        yield from (f"    {member} = {members[member].value!r}" for member in members)
        return
    yield f"class {name}({bases}){' (dataclass)' if '__dataclass_fields__' in dir(cls) else ''}"
    yield f"    {name}{signature_text(cls)}"
    yield from (f"    {line}" for line in member_lines(cls))


def lines_of(name: str, value: object) -> Iterator[str]:
    """Describe one public name."""
    if inspect.isclass(value):
        yield from class_lines(name, value)
    elif inspect.isfunction(value):
        yield from function_lines(name, value)
    elif get_origin(value) is not None:
        yield f"alias {name}"
    elif inspect.ismodule(value):
        yield f"module {name}"
    else:
        yield f"{name}: {type(value).__name__}"


def reachable(client: type[object]) -> dict[str, type[object]]:
    """Return the types of a client's public attributes by their names."""
    make: Any = client
    made: object = make("http://localhost:1", token="x", transport="connect")  # noqa: S106 - not a secret
    return {name: type(value) for name, value in vars(made).items() if not name.startswith("_")}


def public_api() -> str:
    """Return the description of everything public."""
    lines: list[str] = []
    described: dict[int, str] = {}

    def describe(home: str, name: str, value: object) -> None:
        before = described.get(id(value))
        lines.extend([f"{name} is {before}"] if before else lines_of(name, value))
        lines.append("")
        if inspect.isclass(value):
            described[id(value)] = f"{home}.{name}"

    for package in PUBLIC:
        module = importlib.import_module(package)
        lines += [f"# {package}", ""]
        for name in sorted(module.__all__):
            describe(package, name, getattr(module, name))
    for client in CLIENTS:
        lines += [f"# attributes of {client.__name__}", ""]
        for name, cls in sorted(reachable(client).items()):
            lines += [f"{name}: {cls.__name__}", ""]
            describe(name, cls.__name__, cls)
    return "\n".join(lines)


def test_names_and_signatures_are_the_pinned_ones(
    repository: Path, request: pytest.FixtureRequest
) -> None:
    pinned = repository / "tests" / "unit" / "public_api.txt"
    now = public_api()
    if request.config.getoption("--update-public-api"):
        pinned.write_text(now, encoding="utf-8")
    before = pinned.read_text(encoding="utf-8")
    difference = "\n".join(
        difflib.unified_diff(before.splitlines(), now.splitlines(), "pinned", "now", lineterm="")
    )
    assert not difference, f"{difference}\nif wanted: pytest {__file__} --update-public-api"


@pytest.mark.parametrize("package", PUBLIC)
def test_every_public_name_has_a_docstring(package: str) -> None:
    module = importlib.import_module(package)
    undocumented = [
        name
        for name in module.__all__
        if callable(value := getattr(module, name))
        and get_origin(value) is None
        and not inspect.getdoc(value)
    ]
    assert not undocumented


@pytest.mark.parametrize("package", PUBLIC)
def test_importing_loads_no_heavy_library(package: str) -> None:
    program = f"import sys, {package}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    loaded = {name.split(".")[0] for name in done.stdout.split()}
    assert package.split(".", maxsplit=1)[0] in loaded
    assert not loaded & HEAVY
