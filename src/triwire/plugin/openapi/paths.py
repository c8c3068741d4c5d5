"""Path templates of google.api.http as those of OpenAPI.

OpenAPI knows parameters of one segment only. A variable of several, `{name=shelves/*/books/*}`,
becomes its literals with a parameter for each wildcard: `/shelves/{shelf}/books/{book}`. `**`
cannot be said: its parameter is marked with `x-multi-segment`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from triwire.plugin.names import plural
from triwire.transcode.httprule import DeepWildcard, Literal, Variable, Wildcard, parse_template

if TYPE_CHECKING:
    from collections.abc import Sequence

    from triwire.transcode.httprule import Segment

__all__ = ["OpenApiPath", "PathParameter", "openapi_path"]


@dataclass(frozen=True, slots=True)
class PathParameter:
    """A parameter of a path.

    Attributes:
        name: Its name in the path.
        field_path: The field that it is (a part of), () for a wildcard without a field.
        is_whole: Whether it is the field's whole value, without literals around it.
        is_deep: Whether it stands for any number of segments.
    """

    name: str
    field_path: tuple[str, ...]
    is_whole: bool
    is_deep: bool


@dataclass(frozen=True, slots=True)
class OpenApiPath:
    """A path with its parameters in order; `shape` is equal for paths that match the same."""

    parts: tuple[str | PathParameter, ...]
    verb: str

    @property
    def parameters(self) -> tuple[PathParameter, ...]:
        """The parameters in order."""
        return tuple(part for part in self.parts if isinstance(part, PathParameter))

    @property
    def shape(self) -> str:
        """The path without the names of its parameters."""
        return self._text(["{}" for _ in self.parameters])

    def text(self) -> str:
        """The path as OpenAPI writes it."""
        return self._text([f"{{{parameter.name}}}" for parameter in self.parameters])

    def _text(self, parameters: Sequence[str]) -> str:
        left = iter(parameters)
        parts = (part if isinstance(part, str) else next(left) for part in self.parts)
        return "/" + "/".join(parts) + (f":{self.verb}" if self.verb else "")


def openapi_path(template: str) -> OpenApiPath:
    """Return the OpenAPI path of a template, which the reader has checked."""
    parsed = parse_template(template)
    parts: list[str | PathParameter] = []
    taken: set[str] = set()
    for part in parsed.parts:
        if isinstance(part, Variable):
            _variable(parts, part, taken)
        else:
            _segment(parts, part, (), taken)
    # The parser keeps a verb decoded; letters and digits are all that is usual in one.
    return OpenApiPath(tuple(parts), parsed.verb)


def _variable(parts: list[str | PathParameter], variable: Variable, taken: set[str]) -> None:
    if len(variable.segments) == 1 and not isinstance(variable.segments[0], Literal):
        name = _free(".".join(variable.field_path), taken)
        is_deep = isinstance(variable.segments[0], DeepWildcard)
        parts.append(PathParameter(name, variable.field_path, is_whole=True, is_deep=is_deep))
        return
    for segment in variable.segments:
        _segment(parts, segment, variable.field_path, taken)


def _segment(
    parts: list[str | PathParameter],
    segment: Segment,
    field_path: tuple[str, ...],
    taken: set[str],
) -> None:
    if isinstance(segment, Literal):
        parts.append(segment.source)
        return
    collection = parts[-1] if parts and isinstance(parts[-1], str) else ""
    wish = _singular(collection) or (field_path[-1] if field_path else "segment")
    is_deep = not isinstance(segment, Wildcard)
    parts.append(PathParameter(_free(wish, taken), field_path, is_whole=False, is_deep=is_deep))


def _singular(collection: str) -> str:
    """Return the noun of a collection, "" for what is no plural."""
    if collection.endswith("lves"):
        return f"{collection[:-3]}f"
    for cut, put in ((3, "y"), (2, ""), (1, "")):
        noun = collection[:-cut] + put
        if noun and plural(noun) == collection:
            return noun
    return ""


def _free(wish: str, taken: set[str]) -> str:
    name, number = wish, 1
    while name in taken:
        number += 1
        name = f"{wish}_{number}"
    taken.add(name)
    return name
