"""The text of one module while it is made: imports that were asked for, and types by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from triwire.plugin.model import Kind
from triwire.plugin.names import Names
from triwire.plugin.text import WIDTH, indented

if TYPE_CHECKING:
    from triwire.plugin.model import Field, Message
    from triwire.plugin.plan import ModulePlan, Plan

__all__ = ["Scope"]

_SCALARS: Final = {
    Kind.BOOL: "bool",
    Kind.BYTES: "bytes",
    Kind.FLOAT: "float",
    Kind.INT: "int",
    Kind.STRING: "str",
}
# What a well-known type may be given as, beside its message.
_PYTHON_FORMS: Final = {
    "google.protobuf.Timestamp": "datetime",
    "google.protobuf.Duration": "timedelta",
    "google.protobuf.FieldMask": "Sequence[str]",
    "google.protobuf.Struct": "Mapping[str, Any]",
    "google.protobuf.ListValue": "Sequence[Any]",
    "google.protobuf.Value": "_runtime.JsonValue",
    "google.protobuf.BoolValue": "bool",
    "google.protobuf.BytesValue": "bytes",
    "google.protobuf.DoubleValue": "float",
    "google.protobuf.FloatValue": "float",
    "google.protobuf.Int32Value": "int",
    "google.protobuf.Int64Value": "int",
    "google.protobuf.StringValue": "str",
    "google.protobuf.UInt32Value": "int",
    "google.protobuf.UInt64Value": "int",
}
_MODULES: Final = {
    "Any": "typing",
    "AsyncIterable": "collections.abc",
    "Awaitable": "collections.abc",
    "Callable": "collections.abc",
    "Collection": "collections.abc",
    "Final": "typing",
    "Iterable": "collections.abc",
    "Literal": "typing",
    "Mapping": "collections.abc",
    "Protocol": "typing",
    "Required": "typing",
    "Sequence": "collections.abc",
    "TypeAlias": "typing",
    "TypedDict": "typing",
    "Union": "typing",
    "datetime": "datetime",
    "overload": "typing",
    "timedelta": "datetime",
}


class Scope:
    """Collects imports for one module.

    Attributes:
        plan: The run.
        module: The module that is made.
    """

    def __init__(self, plan: Plan, module: ModulePlan) -> None:
        self.plan = plan
        self.module = module
        self._names: dict[bool, set[str]] = {True: set(), False: set()}
        self._files: dict[bool, set[str]] = {True: set(), False: set()}
        self._siblings: set[str] = set()
        self._needs_builtins = False
        self._aliases = self._all_aliases()

    def name(self, name: str, *, at_runtime: bool = False) -> str:
        """Import a name of the standard library and return it."""
        self._names[at_runtime].add(name)
        return name

    def builtins_list(self, *, at_runtime: bool) -> str:
        """Return a name of `list` for annotations (where a method `list` hides it) or for code."""
        if at_runtime:
            return "list"
        self._needs_builtins = True
        return "builtins.list"

    def message(self, full_name: str, *, at_runtime: bool = False) -> str:
        """Import the class of a message and return its expression."""
        message = self.plan.api.messages[full_name]
        self._files[at_runtime].add(message.file)
        return ".".join((self._aliases[message.file, "_pb2"], *message.path))

    def single(self, field: Field, *, at_runtime: bool = False) -> str:
        """Return the type of one value of a field as input."""
        if field.kind in _SCALARS:
            return _SCALARS[field.kind]
        if field.kind is Kind.ENUM:
            return f"{self._enum(field.type_name)} | int"
        name = field.type_name
        if not name.startswith("google.protobuf."):
            return self._input(name)
        form = _PYTHON_FORMS.get(name)
        own = self.message(name, at_runtime=at_runtime)
        if form is None:
            return own
        for imported in ("Any", "Mapping", "Sequence", "datetime", "timedelta"):
            if imported in form:
                self.name(imported)
        return f"{own} | {form}"

    def input(self, field: Field) -> str:
        """Return the type of a field as input."""
        if field.kind is Kind.MAP:
            key, value = self.plan.api.messages[field.type_name].fields
            return f"{self.name('Mapping')}[{self.single(key)}, {self.single(value)}]"
        single = self.single(field)
        return f"{self.name('Sequence')}[{single}]" if field.repeated else single

    def field(self, full_name: str, name: str) -> str:
        """Return the type as input of a field of a message, by names."""
        found = self.plan.api.messages[full_name].field(name)
        return self.input(found) if found is not None else "object"

    def request(self, full_name: str) -> Message:
        """Return a message of the model."""
        return self.plan.api.messages[full_name]

    def _enum(self, full_name: str) -> str:
        enum = self.plan.api.enums.get(full_name)
        if enum is None or full_name.startswith("google.protobuf."):
            return "str"
        own = self.module.enums.get(full_name)
        if own is not None:
            return own
        other = self.plan.modules[enum.file]
        return f"{self._sibling(enum.file)}.{other.enums[full_name]}"

    def _input(self, full_name: str) -> str:
        own = self.module.inputs.get(full_name)
        if own is not None:
            return own
        file = self.plan.api.messages[full_name].file
        return f"{self._sibling(file)}.{self.plan.modules[file].inputs[full_name]}"

    def _sibling(self, file: str) -> str:
        self._siblings.add(file)
        return self._aliases[file, "_triwire"]

    def _all_aliases(self) -> dict[tuple[str, str], str]:
        """Name every module that could be imported; equal names get their packages in front."""
        names = Names()
        aliases: dict[tuple[str, str], str] = {}
        files = sorted(self.plan.api.files, key=lambda file: (file != self.module.file, file))
        for suffix in ("_pb2", "_triwire"):
            for file in files:
                dotted = self.plan.python_module(file, suffix)
                aliases[file, suffix] = names.take(
                    dotted.rpartition(".")[2], dotted.replace(".", "_")
                )
        return aliases

    def imports(self, *, with_runtime: bool) -> list[str]:
        """Return the import statements for what was asked for.

        Args:
            with_runtime: Whether the module uses the runtime.
        """
        standard = _from_lines(self._names[False] - self._names[True])
        if self._needs_builtins:
            standard.insert(0, "import builtins")
        rare = self._files[False] - self._files[True]
        typing_only = _grouped([standard, *self._groups(rare, self._siblings)])
        names = set(self._names[True])
        if typing_only:
            names.add("TYPE_CHECKING")
        google, others = self._groups(self._files[True], set())
        if with_runtime:
            others.append("from triwire import _runtime")
        lines = _grouped([_from_lines(names), google, others])
        if typing_only:
            lines += ["", "if TYPE_CHECKING:", *indented(typing_only)]
        return lines

    def _groups(self, files: set[str], siblings: set[str]) -> tuple[list[str], list[str]]:
        """Return the imports of generated modules: protobuf's own, and all others."""
        google = {file for file in files if file.startswith("google/")}
        others = self._module_lines(files - google, "_pb2")
        return self._module_lines(google, "_pb2"), [
            *others,
            *self._module_lines(siblings, "_triwire"),
        ]

    def _module_lines(self, files: set[str], suffix: str) -> list[str]:
        together: dict[str, list[str]] = {}
        alone: list[str] = []
        for file in files:
            package, _, name = self.plan.python_module(file, suffix).rpartition(".")
            alias = self._aliases[file, suffix]
            if alias == name and package:
                together.setdefault(package, []).append(name)
            else:
                renamed = f" as {alias}" if alias != name else ""
                source = f"from {package} " if package else ""
                alone.append(f"{source}import {name}{renamed}")
        blocks = [[line] for line in alone]
        blocks += [_from_line(package, sorted(names)) for package, names in together.items()]
        return [line for block in sorted(blocks, key=_import_key) for line in block]


def _grouped(groups: list[list[str]]) -> list[str]:
    """Join groups of imports with an empty line in between."""
    lines: list[str] = []
    for group in filter(None, groups):
        lines += ["", *group] if lines else group
    return lines


def _from_lines(names: set[str]) -> list[str]:
    modules: dict[str, list[str]] = {}
    for name in names:
        modules.setdefault(_MODULES.get(name, "typing"), []).append(name)
    return [
        line
        for module, found in sorted(modules.items())
        for line in _from_line(module, sorted(found, key=_isort_key))
    ]


def _from_line(module: str, names: list[str]) -> list[str]:
    line = f"from {module} import {', '.join(names)}"
    # In the TYPE_CHECKING block the line stands four columns to the right.
    if len(line) + 4 <= WIDTH or len(names) == 1:
        return [line]
    return [f"from {module} import (", *(f"    {name}," for name in names), ")"]


def _import_key(block: list[str]) -> tuple[bool, str]:
    """Sort `import x` before `from x import y`, then by module."""
    return (block[0].startswith("from "), block[0])


def _isort_key(name: str) -> tuple[int, str]:
    """Sort constants before classes before functions, as isort does."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2, name)
