"""Pieces of Python text, laid out as ruff and black lay them out.

What does not fit on a line is broken at every item, with a comma at the end. Formatters keep
that whatever their line length, so the output is stable under any from 88 up.
"""

from __future__ import annotations

import re
import textwrap
import unicodedata
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = [
    "WIDTH",
    "assign",
    "bracketed",
    "clean",
    "comment",
    "docstring",
    "indented",
    "tuple_of",
    "wrapped",
]

WIDTH: Final = 88
_INDENT: Final = "    "
_QUOTES: Final = '"""'

_ASCII: Final = str.maketrans(
    {
        "\u2018": "'",
        "\u2019": "'",
        "\u201c": '"',
        "\u201d": '"',
        "\u2010": "-",
        "\u2011": "-",
        "\u2012": "-",
        "\u2013": "-",
        "\u2014": "-",
        "\u2212": "-",
        "\u2022": "*",
        "\u2026": "...",
        "\u2190": "<-",
        "\u2192": "->",
        "\u2264": "<=",
        "\u2265": ">=",
        "\u00a0": " ",
        "\u00d7": "x",
    }
)
_ITEM: Final = re.compile(r"(?:[-*+]|\d+[.)])\s+")


def indented(lines: Iterable[str], levels: int = 1) -> list[str]:
    """Indent lines; empty ones stay empty."""
    return [f"{_INDENT * levels}{line}" if line else "" for line in lines]


def bracketed(head: str, items: Sequence[str], tail: str, *, levels: int = 0) -> list[str]:
    """Return `head item, item tail` on one line if it fits, else one item per line.

    Args:
        head: Up to and including the opening bracket.
        items: What stands between commas; one that is laid out already has several lines.
        tail: The closing bracket and what follows.
        levels: How deep the caller will indent the result, for the width.
    """
    line = f"{head}{', '.join(items)}{tail}"
    if "\n" not in line and (len(line) + len(_INDENT) * levels <= WIDTH or not items):
        return [line]
    return [head, *(line for item in items for line in indented(f"{item},".split("\n"))), tail]


def tuple_of(values: Sequence[str], *, levels: int, before: str = "") -> str:
    """Return a tuple display, laid out if it is long; an item for `bracketed`, for one.

    Args:
        values: Its members.
        levels: How deep the caller will indent it.
        before: What stands before it on the line.
    """
    tail = ",)" if len(values) == 1 else ")"
    head, *rest = bracketed(f"{before}(", values, tail, levels=levels)
    if rest:
        rest[-1] = ")"
    return "\n".join([head.removeprefix(before), *rest])


def assign(name: str, head: str, items: Sequence[str], tail: str) -> list[str]:
    """Return `name = head items tail`, always one item per line."""
    return [f"{name} = {head}", *indented(f"{item}," for item in items), tail]


def clean(text: str) -> str:
    """Return a comment of a .proto as plain ASCII text without the compiler's indentation."""
    # protoc keeps one space after "//" on every line.
    lines = [line.removeprefix(" ").rstrip() for line in text.split("\n")]
    joined = "\n".join(lines).strip("\n").translate(_ASCII)
    decomposed = unicodedata.normalize("NFKD", joined)
    without_accents = "".join(c for c in decomposed if not unicodedata.combining(c))
    printable = "".join(c if c >= " " or c == "\n" else " " for c in without_accents)
    return printable.encode("ascii", "backslashreplace").decode()


def wrapped(text: str, width: int) -> list[str]:
    """Wrap text: paragraphs are filled anew, list items hang, indented blocks stay."""
    lines: list[str] = []
    for paragraph in re.split(r"\n\s*\n", text.strip("\n")):
        if lines:
            lines.append("")
        lines += _paragraph(paragraph.split("\n"), width)
    return lines


def _paragraph(source: list[str], width: int) -> list[str]:
    blocks: list[str] = []
    for line in source:
        stripped = line.strip()
        starts = not blocks or _ITEM.match(stripped) or line.startswith("    ")
        if starts or blocks[-1].startswith("    "):
            blocks.append(line.rstrip() if line.startswith("    ") else stripped)
        else:
            blocks[-1] += f" {stripped}"
    lines: list[str] = []
    for block in blocks:
        if block.startswith("    "):
            lines.append(block)
            continue
        item = _ITEM.match(block)
        hang = " " * item.end() if item else ""
        lines += textwrap.wrap(
            block,
            max(width, 20),
            subsequent_indent=hang,
            break_long_words=False,
            break_on_hyphens=False,
        )
    return lines


def docstring(text: str, *, levels: int) -> list[str]:
    """Return a docstring of text whose lines are wrapped already, not yet indented.

    Args:
        text: Plain text; what would end or change the literal is escaped.
        levels: How deep the caller will indent it, for the width.
    """
    escaped = text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    if escaped.endswith('"'):
        escaped = f'{escaped[:-1]}\\"'
    lines = escaped.split("\n")
    if len(lines) == 1:
        # Formatters put the quotes of a single line on that line, however long it gets.
        if len(lines[0]) + 2 * len(_QUOTES) + len(_INDENT) * levels <= WIDTH:
            return [f"{_QUOTES}{lines[0]}{_QUOTES}"]
        lines = wrapped(lines[0], WIDTH - len(_INDENT) * levels - 2 * len(_QUOTES))
        if len(lines) == 1:
            return [f"{_QUOTES}{lines[0]}{_QUOTES}"]
    return [f"{_QUOTES}{lines[0]}", *lines[1:], _QUOTES]


def comment(text: str, *, levels: int) -> list[str]:
    """Return text as comment lines."""
    width = WIDTH - len(_INDENT) * levels - 2
    return [f"# {line}".rstrip() for line in wrapped(text, width)]
