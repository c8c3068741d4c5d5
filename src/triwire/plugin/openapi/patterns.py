"""Regular expressions: RE2, in which rules are written, to ECMA-262, which JSON Schema wants."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["ecma_pattern", "literal_pattern", "matched_pattern"]

# RE2 syntax (https://github.com/google/re2/wiki/Syntax): these classes are ASCII there. ECMA-262
# has more whitespace, and engines of other languages (Python's) more digits, so they are spelt out.
_CLASSES: Final = {"d": "0-9", "w": "0-9A-Za-z_", "s": r"\t\n\f\r "}
_SAME: Final = frozenset("bBfnrtv")
# ECMA-262, SyntaxCharacter and "/": what may stand behind a backslash as itself.
_SYNTAX: Final = frozenset(r"^$\.*+?()[]{}|/")
_CALL: Final = re.compile(r"""\s*this\.matches\(\s*(r?)(["'])(.*)\2\s*\)\s*""", re.DOTALL)
_CEL_ESCAPES: Final = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\", "'": "'", '"': '"'}


def ecma_pattern(pattern: str) -> str | None:
    """Return an ECMA-262 pattern that matches what an RE2 pattern does, None if that is unsure.

    Both search: neither is anchored by itself.
    """
    parts: list[str] = []
    inside = False
    at = 0
    while at < len(pattern):
        char = pattern[at]
        if char == "\\":
            escaped = _escaped(pattern[at + 1 : at + 2], inside=inside)
            if escaped is None:
                return None
            parts.append(escaped)
            at += 2
            continue
        if inside:
            if pattern.startswith("[:", at):
                return None
            inside = char != "]" or parts[-1] in {"[", "[^"}
        elif pattern.startswith("(?", at) and not pattern.startswith("(?:", at):
            return None
        elif char == "[":
            inside = True
            char = "[^" if pattern.startswith("[^", at) else "["
        # A bracket that stands first in a class is a member of it in RE2 alone.
        literal = inside and char == "]"
        parts.append(r"\]" if literal else char)
        at += len(char)
    found = "".join(parts)
    return found if _compiles(found) else None


def _escaped(char: str, *, inside: bool) -> str | None:
    if char in _CLASSES:
        return _CLASSES[char] if inside else f"[{_CLASSES[char]}]"
    if char.lower() in _CLASSES:
        return None if inside else f"[^{_CLASSES[char.lower()]}]"
    if char in _SYNTAX or char in _SAME or (char == "-" and inside):
        return f"\\{char}"
    if char and char.isascii() and not char.isalnum():
        return char
    return None


def _compiles(pattern: str) -> bool:
    try:
        re.compile(pattern)
    except re.error:
        return False
    return True


def matched_pattern(expression: str) -> str | None:
    """Return the RE2 pattern of a CEL expression that is nothing but `this.matches('...')`."""
    found = _CALL.fullmatch(expression)
    if found is None:
        return None
    raw, quote, body = found.groups()
    parts: list[str] = []
    at = 0
    while at < len(body):
        char = body[at]
        if char == quote:
            return None
        if char == "\\" and not raw:
            at += 1
            escape = _CEL_ESCAPES.get(body[at : at + 1])
            if escape is None:
                return None
            char = escape
        parts.append(char)
        at += 1
    return "".join(parts)


def literal_pattern(text: str) -> str:
    """Return a pattern that finds a text."""
    return "".join(f"\\{char}" if char in _SYNTAX else char for char in text)
