"""Path templates of google.api.http: text to structure. Shared with the plugin; imports nothing.

The grammar is the one in the comments of google/api/http.proto:

    Template  = "/" Segments [ Verb ] ;
    Segments  = Segment { "/" Segment } ;
    Segment   = "*" | "**" | LITERAL | Variable ;
    Variable  = "{" FieldPath [ "=" Segments ] "}" ;
    FieldPath = IDENT { "." IDENT } ;
    Verb      = ":" LITERAL ;

It leaves LITERAL open; here it is what RFC 3986 (section 3.3) lets stand in a path segment,
less ":" (it starts the verb) and "*" (it is a wildcard): both may be written percent-encoded.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, TypeAlias
from urllib.parse import unquote_to_bytes

__all__ = [
    "DeepWildcard",
    "Literal",
    "PathTemplate",
    "Segment",
    "TemplateError",
    "Variable",
    "Wildcard",
    "parse_template",
]

_IDENT: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
# RFC 3986: pchar = unreserved / pct-encoded / sub-delims / ":" / "@", less ":" and "*".
_LITERAL: Final = re.compile(r"(?:[A-Za-z0-9._~!$&'()+,;=@-]|%[0-9A-Fa-f]{2})+", re.ASCII)


class TemplateError(ValueError):
    """A path template that the grammar refuses; the text quotes it and says where and why."""


@dataclass(frozen=True, slots=True)
class Literal:
    """A segment that matches its own text.

    Attributes:
        text: Percent-decoded text, as it is compared with a decoded segment of a request.
        source: The text as the template has it, safe to stand in a URL.
    """

    text: str
    source: str


@dataclass(frozen=True, slots=True)
class Wildcard:
    """`*`: exactly one non-empty segment."""


@dataclass(frozen=True, slots=True)
class DeepWildcard:
    """`**`: zero or more segments; always the last of a path."""


Segment: TypeAlias = Literal | Wildcard | DeepWildcard


@dataclass(frozen=True, slots=True)
class Variable:
    """A field of the request and the segments that its value must look like.

    Attributes:
        field_path: Proto field names from the request message down, one per level.
        segments: At least one; `{var}` is `{var=*}`.
    """

    field_path: tuple[str, ...]
    segments: tuple[Segment, ...]

    @property
    def is_multi_segment(self) -> bool:
        """Whether "/" stands as itself in the value: more than one segment, or `**`."""
        return len(self.segments) > 1 or DeepWildcard() in self.segments


@dataclass(frozen=True, slots=True)
class PathTemplate:
    """A parsed template.

    Attributes:
        source: The text that was parsed.
        parts: Segments and variables in order, at least one.
        verb: The custom verb without its colon, percent-decoded, or "".
    """

    source: str
    parts: tuple[Segment | Variable, ...]
    verb: str

    @property
    def segments(self) -> tuple[Segment, ...]:
        """Every segment in order, those of variables included."""
        found: list[Segment] = []
        for part in self.parts:
            found.extend(part.segments if isinstance(part, Variable) else (part,))
        return tuple(found)

    @property
    def variables(self) -> tuple[Variable, ...]:
        """The variables in order."""
        return tuple(part for part in self.parts if isinstance(part, Variable))


def parse_template(source: str) -> PathTemplate:
    """Parse one path template.

    Args:
        source: Such as "/v1/{parent=shelves/*}/books:archive".

    Raises:
        TemplateError: It does not follow the grammar, binds a field twice, has `**` before
            the end, or has a segment "." or "..".
    """
    return _Parser(source).template()


class _Parser:
    """Recursive descent over one text."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._at = 0

    def template(self) -> PathTemplate:
        if not self._take("/"):
            raise self._error("expected '/'")
        parts: list[Segment | Variable] = [self._part()]
        while self._take("/"):
            parts.append(self._part())
        verb = ""
        if self._take(":"):
            verb = self._literal("a verb").text
        if self._at < len(self._source):
            raise self._error("expected '/', a verb or the end")
        parsed = PathTemplate(self._source, tuple(parts), verb)
        self._check(parsed)
        return parsed

    def _part(self) -> Segment | Variable:
        if not self._take("{"):
            return self._segment()
        path = [self._ident()]
        while self._take("."):
            path.append(self._ident())
        segments: list[Segment] = []
        if self._take("="):
            segments.append(self._segment())
            while self._take("/"):
                segments.append(self._segment())
        if not self._take("}"):
            raise self._error("expected '}'")
        return Variable(tuple(path), tuple(segments) or (Wildcard(),))

    def _segment(self) -> Segment:
        if self._source.startswith("{", self._at):
            raise self._error("a variable cannot hold another variable")
        if self._take("**"):
            return DeepWildcard()
        if self._take("*"):
            return Wildcard()
        return self._literal("a segment ('*', '**', '{field}' or literal text)")

    def _ident(self) -> str:
        found = _IDENT.match(self._source, self._at)
        if found is None:
            raise self._error("expected a field name")
        self._at = found.end()
        return found[0]

    def _literal(self, what: str) -> Literal:
        found = _LITERAL.match(self._source, self._at)
        if found is None:
            raise self._error(f"expected {what}")
        try:
            text = unquote_to_bytes(found[0]).decode()
        except UnicodeDecodeError:
            raise self._error("percent-encoded bytes are no UTF-8") from None
        if text in {".", ".."}:
            raise self._error("a dot segment would be resolved away by clients and proxies")
        self._at = found.end()
        return Literal(text, found[0])

    def _take(self, text: str) -> bool:
        found = self._source.startswith(text, self._at)
        if found:
            self._at += len(text)
        return found

    def _check(self, parsed: PathTemplate) -> None:
        if any(isinstance(segment, DeepWildcard) for segment in parsed.segments[:-1]):
            message = f"path template {parsed.source!r}: '**' must be the last segment"
            raise TemplateError(message)
        seen: set[tuple[str, ...]] = set()
        for variable in parsed.variables:
            if variable.field_path in seen:
                name = ".".join(variable.field_path)
                message = f"path template {parsed.source!r}: field {name!r} is bound twice"
                raise TemplateError(message)
            seen.add(variable.field_path)

    def _error(self, problem: str) -> TemplateError:
        rest = self._source[self._at : self._at + 20]
        found = f"found {rest!r}" if rest else "found the end"
        place = f"at offset {self._at}"
        return TemplateError(f"path template {self._source!r}: {problem} {place}, {found}")
