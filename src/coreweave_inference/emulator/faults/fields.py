"""How the fields of a fault are read from JSON: each reader refuses what it cannot use. Pure."""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import TYPE_CHECKING, Any, Final, TypeGuard, TypeVar, cast, get_type_hints

from triwire.errors import Code

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Hashable, Sequence

__all__ = [
    "MAX_SECONDS",
    "ScriptError",
    "Span",
    "as_object",
    "code_name",
    "flag",
    "integer",
    "named",
    "number",
    "one_of",
    "read",
    "seconds",
    "span",
    "text",
    "texts",
    "to_plain",
]

T = TypeVar("T")

MAX_SECONDS: Final = 86_400.0
"""Longest time that a script can name: a day."""


@dataclasses.dataclass(frozen=True, slots=True)
class Span:
    """A fixed value, or the ends of the range from which one is drawn each time."""

    low: float
    high: float

    def draw(self, rng: random.Random) -> float:
        """Return a value."""
        return self.low if self.low == self.high else rng.uniform(self.low, self.high)


class ScriptError(ValueError):
    """JSON that cannot be used; the text says which part, and what was expected."""


# Any: what JSON can hold. Each reader takes it and returns a value of its field's type.


def read(made: type[T], values: object, *, where: str) -> T:
    """Make a dataclass from a JSON object.

    Args:
        made: The dataclass; each field is `Annotated` with its type and its reader.
        values: The JSON value.
        where: What the value is, for the text of errors, such as "faults[0].when".

    Raises:
        ScriptError: it is no object, has unknown or lacks needed fields, or one has no use.
    """
    given = as_object(values, where=where)
    readers = _readers(cast("Hashable", made))
    for name in given:
        if name not in readers:
            known = ", ".join(readers) or "nothing more"
            raise ScriptError(f"{where}: unknown {name!r}: expected {known}")
    found: dict[str, Any] = {}
    for name, value in given.items():
        try:
            found[name] = readers[name](value)
        except ValueError as error:
            raise ScriptError(f"{where}.{name}: {error}") from None
    for one in dataclasses.fields(cast("Any", made)):
        if one.name not in found and one.default is dataclasses.MISSING:
            raise ScriptError(f"{where}: {one.name!r} is missing")
    try:
        return made(**found)
    except ValueError as error:
        raise ScriptError(f"{where}: {error}") from None


def as_object(value: object, *, where: str) -> dict[str, Any]:
    """Return a copy of a JSON object.

    Raises:
        ScriptError: it is something else.
    """
    if not isinstance(value, dict):
        raise ScriptError(f"{where}: expected an object, got {named(value)}")
    return dict(cast("dict[str, Any]", value))


@functools.cache
def _readers(made: Hashable) -> dict[str, Callable[[Any], Any]]:
    hints = get_type_hints(cast("Any", made), include_extras=True)
    return {
        one.name: hints[one.name].__metadata__[0] for one in dataclasses.fields(cast("Any", made))
    }


def to_plain(value: object) -> dict[str, Any]:
    """Return such a dataclass as a JSON object, without what has its default."""
    return {
        one.name: _plain(found)
        for one in dataclasses.fields(cast("Any", value))
        if (found := getattr(value, one.name)) != one.default
    }


def _plain(value: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, Span):
        return value.low if value.low == value.high else [value.low, value.high]
    if isinstance(value, Code):
        return value.name
    return list(cast("tuple[str, ...]", value)) if isinstance(value, tuple) else value


def _is_list(value: object) -> TypeGuard[list[Any]]:
    return isinstance(value, list)


def number(low: float, high: float) -> Callable[[Any], float]:
    """Read a number within bounds."""

    def reader(value: Any) -> float:  # noqa: ANN401 - JSON
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not math.isfinite(value) or not low <= value <= high:
            raise ScriptError(f"expected a number {low:g} to {high:g}, got {named(value)}")
        return float(value)

    return reader


def seconds(value: Any) -> float:  # noqa: ANN401 - JSON
    """Read a time from 0 to a day."""
    return number(0, MAX_SECONDS)(value)


def span(low: float, high: float) -> Callable[[Any], Span]:
    """Read a number, or a list of the two ends of a range."""
    one = number(low, high)

    def reader(value: Any) -> Span:  # noqa: ANN401 - JSON
        ends = value if _is_list(value) else [value, value]
        if len(ends) != 2:  # noqa: PLR2004 - both ends
            raise ScriptError(f"expected a number or [low, high], got {ends!r:.80}")
        found = Span(one(ends[0]), one(ends[1]))
        if found.low > found.high:
            raise ScriptError(f"expected the lower end first, got {value!r}")
        return found

    return reader


def integer(low: int, high: int) -> Callable[[Any], int]:
    """Read an integer within bounds."""

    def reader(value: Any) -> int:  # noqa: ANN401 - JSON
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise ScriptError(f"expected an integer {low} to {high}, got {named(value)}")
        return value

    return reader


def flag(value: Any) -> bool:  # noqa: ANN401 - JSON
    """Read true or false."""
    if not isinstance(value, bool):
        raise ScriptError(f"expected true or false, got {named(value)}")
    return value


def text(value: Any) -> str:  # noqa: ANN401 - JSON
    """Read a text."""
    if not isinstance(value, str):
        raise ScriptError(f"expected a text, got {named(value)}")
    return value


def texts(value: Any) -> tuple[str, ...]:  # noqa: ANN401 - JSON
    """Read a list of at least one text."""
    if not _is_list(value) or not value:
        raise ScriptError(f"expected a list of texts, got {named(value)}")
    return tuple(text(one) for one in value)


def one_of(names: Sequence[str]) -> Callable[[Any], str]:
    """Read one of some names."""

    def reader(value: Any) -> str:  # noqa: ANN401 - JSON
        if value not in names:
            raise ScriptError(f"expected one of {', '.join(names)}, got {named(value)}")
        return str(value)

    return reader


def code_name(value: Any) -> Code:  # noqa: ANN401 - JSON
    """Read the name of a google.rpc code that stands for a failure."""
    return Code[one_of([one.name for one in Code])(value)]


def named(value: object) -> str:
    """Return a JSON value for the text of an error, shortened."""
    shown = repr(value)
    return shown if len(shown) <= 80 else f"{shown[:80]}..."  # noqa: PLR2004 - the end of a line
