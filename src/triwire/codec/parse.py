"""JSON texts to values, after RFC 8259 and I-JSON (RFC 7493), with errors that name the path."""

from __future__ import annotations

import json
import re
from collections import Counter
from decimal import Decimal, DecimalException
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

from triwire.codec.jsonpath import Json, JsonError, array_in

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["parse_json"]

# An escaped half of a surrogate pair; those of a pair as well.
_ESCAPED_HALF: Final = re.compile(rb"\\u[dD][89a-fA-F]")
# The integer -0, which loses its sign as an int. Begins with the text that is searched for fast.
_MINUS_ZERO: Final = re.compile(rb"-0(?<![^:,\[\s]-0)(?![0-9.eE])")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
# 2^1024, the end of double, has 309 digits: what is longer is out of every range.
_MAX_DIGITS: Final = 400
_TINY: Final = -100_000  # of an exponent
_BYTE_ORDER_MARK: Final = "\ufeff"


class _Flaw:
    """Stands where a text has something that is no JSON."""

    __slots__ = ("problem",)

    def __init__(self, problem: str) -> None:
        self.problem = problem


class _Doubled(dict[str, Json]):
    """An object that has a key twice."""

    __slots__ = ("key",)

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.key = Counter(key for key, _ in pairs).most_common(1)[0][0]


# A value's place: that of its parent, and the key or index below it; None for the root.
_Place: TypeAlias = "tuple[_Place, str | int] | None"


def parse_json(data: bytes) -> Json:
    """Parse a JSON text; numbers that are no integers become Decimals.

    Raises:
        JsonError: It is no JSON, or what I-JSON forbids: an object with a key twice, half of a
            surrogate pair.
    """
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise JsonError(f"not UTF-8 at byte {error.start}") from None
    has_halves = _ESCAPED_HALF.search(data) is not None
    try:
        return _parse(text, by_number=_MINUS_ZERO.search(data) is not None, has_halves=has_halves)
    except JsonError:
        raise
    except (ValueError, DecimalException):
        # An integer of more digits than Python converts, an exponent beyond Decimal's: read again,
        # number by number, to say which one.
        return _parse(text, by_number=True, has_halves=has_halves)


def _parse(text: str, *, by_number: bool, has_halves: bool) -> Json:
    """Parse; numbers are read one by one, and strings searched, only if asked for."""
    flawed: list[object] = []

    def noted(flaw: object) -> object:
        flawed.append(flaw)
        return flaw

    def read_object(pairs: list[tuple[str, Any]]) -> dict[str, Json]:
        found = dict(pairs)
        if len(found) != len(pairs):
            found = _Doubled(pairs)
            flawed.append(found)
        return found

    def read_constant(name: str) -> object:
        return noted(_Flaw(f"{name} is no JSON; write it as a string"))

    def read_integer(digits: str) -> object:
        if len(digits) > _MAX_DIGITS:
            return noted(_Flaw("the number has too many digits"))
        return Decimal(digits) if digits == "-0" else int(digits)

    def read_fraction(digits: str) -> object:
        try:
            return Decimal(digits)
        except DecimalException:
            mantissa, _, exponent = digits.lower().partition("e")
            if exponent.startswith("-") or not mantissa.strip("-0."):
                # Nearer to zero than any double, or zero itself.
                return Decimal(mantissa).scaleb(_TINY)
            return noted(_Flaw("the number has too many digits"))

    try:
        tree: Json = json.loads(
            text,
            object_pairs_hook=read_object,
            parse_constant=read_constant,
            parse_float=read_fraction if by_number else Decimal,
            parse_int=read_integer if by_number else None,
        )
    except json.JSONDecodeError as error:
        raise JsonError(_syntax_problem(error)) from None
    except RecursionError:
        raise JsonError("nested too deeply") from None
    if flawed or has_halves:
        _refuse_flaws(tree)
    return tree


def _refuse_flaws(tree: Json) -> None:
    for place, value in _walk(tree):
        problem = _problem(value)
        if problem:
            error = JsonError(problem)
            if isinstance(value, _Doubled):
                error.below(value.key)
            here = place
            while here is not None:
                here, step = here
                error.below(step)
            raise error


def _problem(value: Json) -> str:
    if isinstance(value, _Flaw):
        return value.problem
    if isinstance(value, _Doubled):
        return "the key is given twice"
    if isinstance(value, str) and _SURROGATE.search(value):
        return "a string holds a lone surrogate"
    if isinstance(value, dict):
        keys = cast("dict[str, Json]", value)
        if any(_SURROGATE.search(key) for key in keys):
            return "a key holds a lone surrogate"
    return ""


def _walk(tree: Json) -> Iterator[tuple[_Place, Json]]:
    """Yield every value with its place, in the order of the text."""
    waiting: list[tuple[_Place, Json]] = [(None, tree)]
    while waiting:
        place, value = waiting.pop()
        yield place, value
        below: list[tuple[str | int, Json]] = []
        if isinstance(value, dict):
            below = list(cast("dict[str | int, Json]", value).items())
        elif isinstance(value, list):
            below = list(enumerate(array_in(value)))  # pyright: ignore[reportUnknownArgumentType]  # it holds what json.loads made
        waiting.extend(((place, step), item) for step, item in reversed(below))


def _syntax_problem(error: json.JSONDecodeError) -> str:
    """Say what is wrong with the text, in the style of our other errors."""
    if not error.doc.strip():
        return "the text is empty"
    if error.doc.startswith(_BYTE_ORDER_MARK):
        return "a byte order mark, which is no JSON (RFC 8259, section 8.1)"
    found = error.doc[error.pos : error.pos + 20]
    place = f"at line {error.lineno}, column {error.colno}"
    what = error.msg[:1].lower() + error.msg[1:]
    return f"{what} {place}, found {found!r}" if found else f"{what} {place}, found the end"
