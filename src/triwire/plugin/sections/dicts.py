"""TypedDicts for nested messages, and the names of enum values."""

from __future__ import annotations

import keyword
import re
from typing import TYPE_CHECKING, Final

from triwire.plugin.text import WIDTH, assign, clean, comment, docstring, indented, wrapped

if TYPE_CHECKING:
    from collections.abc import Mapping

    from triwire.plugin.model import Field, Message
    from triwire.plugin.scope import Scope

__all__ = ["dict_sections", "enum_sections"]

_NAME: Final = re.compile(r"[A-Za-z_]\w*")


def enum_sections(scope: Scope) -> list[list[str]]:
    """Return one statement per enum: the alias of the names of its values."""
    sections: list[list[str]] = []
    for full_name, name in scope.module.enums.items():
        alias, literal = (
            scope.name("TypeAlias", at_runtime=True),
            scope.name("Literal", at_runtime=True),
        )
        values = [f'"{value}"' for value in scope.plan.api.enums[full_name].values]
        lines = assign(f"{name}: {alias}", f"{literal}[", values, "]")
        sections.append([*lines, *docstring(f"Names of the values of `{full_name}`.", levels=0)])
    return sections


def dict_sections(scope: Scope) -> list[list[str]]:
    """Return, per message, its TypedDict and the alias for the message or the TypedDict."""
    sections: list[list[str]] = []
    for full_name, name in scope.module.dicts.items():
        message = scope.plan.api.messages[full_name]
        sections.append(_dict(scope, message, name))
        union = scope.name("Union", at_runtime=True)
        alias = scope.name("TypeAlias", at_runtime=True)
        items = [scope.message(full_name, at_runtime=True), name]
        lines = assign(f"{scope.module.inputs[full_name]}: {alias}", f"{union}[", items, "]")
        text = f"`{full_name}`, or its fields as a dict."
        sections.append([*lines, *docstring(text, levels=0)])
    return sections


def _dict(scope: Scope, message: Message, name: str) -> list[str]:
    typed_dict = scope.name("TypedDict", at_runtime=True)
    types = {field.name: _type(scope, field) for field in message.fields}
    if _needs_function(types):
        return _functional(scope, message, name, types)
    summary = f"Fields of `{message.full_name}`."
    body = docstring(_documented(summary, message.comment), levels=1)
    for field in message.fields:
        body += ["", f"{field.name}: {types[field.name]}"]
        if field.comment:
            width = WIDTH - 7
            body += docstring("\n".join(wrapped(clean(field.comment), width)), levels=1)
    return [f"class {name}({typed_dict}, total=False):", *indented(body)]


def _type(scope: Scope, field: Field) -> str:
    own = scope.input(field)
    if field.required and not field.oneof:
        return f"{scope.name('Required')}[{own}]"
    return f"{own} | None"


def _needs_function(types: Mapping[str, str]) -> bool:
    """Tell whether a class body cannot say it.

    A key may be a Python keyword, start with two underscores (which classes mangle), or hide
    a name that the annotations after it use, such as "bytes".
    """
    used = set(_NAME.findall(" ".join(types.values())))
    return any(key in used or keyword.iskeyword(key) or key.startswith("__") for key in types)


def _functional(scope: Scope, message: Message, name: str, types: Mapping[str, str]) -> list[str]:
    body: list[str] = []
    for field in message.fields:
        if field.comment:
            body += indented(comment(clean(field.comment), levels=2), 2)
        body.append(f'        "{field.name}": "{types[field.name]}",')
    typed_dict = scope.name("TypedDict", at_runtime=True)
    lines = [
        f"{name} = {typed_dict}(",
        f'    "{name}",',
        "    {",
        *body,
        "    },",
        "    total=False,",
        ")",
    ]
    text = _documented(f"Fields of `{message.full_name}`.", message.comment)
    return [*lines, *docstring(text, levels=0)]


def _documented(summary: str, text: str) -> str:
    lines = wrapped(clean(text), WIDTH - 7)
    return "\n".join([summary, "", *lines]) if lines else summary
