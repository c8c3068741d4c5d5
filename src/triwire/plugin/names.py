"""Names: how proto names become Python names, and what happens when two want the same."""

from __future__ import annotations

import keyword
import re
from typing import Final

__all__ = ["Names", "escape", "method_names", "plural", "snake_case", "words"]

# Between a lower-case letter or digit and an upper-case one, and before the last capital of a
# run that a lower-case letter follows: "GetAPIKeyV1" -> Get, API, Key, V1.
_BOUNDARY: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|_+")


def words(name: str) -> list[str]:
    """Split a CamelCase (or snake_case) name into its words."""
    return [word for word in _BOUNDARY.split(name) if word]


def snake_case(name: str) -> str:
    """Return a CamelCase name in snake_case."""
    return "_".join(words(name)).lower()


def escape(name: str) -> str:
    """Return a name that can be used as identifier: keywords get an underscore at the end."""
    return f"{name}_" if keyword.iskeyword(name) else name


def plural(noun: str) -> str:
    """Return the English plural, for where no List method tells it."""
    if re.search(r"(?:s|x|z|ch|sh)$", noun):
        return f"{noun}es"
    if re.search(r"[^aeiou]y$", noun):
        return f"{noun[:-1]}ies"
    return f"{noun}s"


class Names:
    """The names that are taken in one scope of the generated code."""

    def __init__(self, taken: tuple[str, ...] = ()) -> None:
        self._taken = set(taken)

    def take(self, *wishes: str) -> str:
        """Take the first of the wishes that is free, or the last with underscores."""
        for wish in wishes:
            if wish not in self._taken:
                break
        else:
            wish = wishes[-1]
            while wish in self._taken:
                wish += "_"
        self._taken.add(wish)
        return wish


# What method names may not be: the code around them uses these names of Python.
_USED_IN_CLASSES: Final = (
    "bool",
    "builtins",
    "bytes",
    "datetime",
    "float",
    "int",
    "object",
    "overload",
    "property",
    "str",
    "timedelta",
)


def method_names(names: list[str]) -> list[str]:
    """Return Python names for the methods of one class, in order."""
    taken = Names(_USED_IN_CLASSES)
    return [taken.take(escape(snake_case(name))) for name in names]
