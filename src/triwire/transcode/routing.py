"""Which route a request path belongs to. Pure; knows path templates, not messages.

google/api/http.proto says what a template matches, not which of several wins. Here the
order of routes never matters: at each segment literal text wins over `*`, and `*` over `**`;
a custom verb wins over taking ":verb" for a part of the last segment. Only if the more
special path has no route for the HTTP verb, the next one is tried.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Generic, NamedTuple, TypeVar
from urllib.parse import unquote_to_bytes

from triwire.transcode.fields import RequestError
from triwire.transcode.httprule import DeepWildcard, Literal, parse_template

if TYPE_CHECKING:
    from collections.abc import Iterator

    from triwire.transcode.httprule import PathTemplate, Segment

__all__ = ["Match", "RoutingTable", "decode_segment"]

RouteT = TypeVar("RouteT")

_BAD_PERCENT: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_SLASH: Final = re.compile(r"(%2[Ff])")
_ANY_VERB: Final = "*"


class Match(NamedTuple, Generic[RouteT]):
    """A route that a path belongs to.

    Attributes:
        route: What was registered.
        template: Its path template.
        segments: The path's segments, still percent-encoded, the custom verb cut off.
    """

    route: RouteT
    template: PathTemplate
    segments: list[str]


class _Node(Generic[RouteT]):
    """What may come next after some segments."""

    def __init__(self) -> None:
        self.literals: dict[str, _Node[RouteT]] = {}
        self.star: _Node[RouteT] | None = None
        self.deep: _Node[RouteT] | None = None
        # Custom verb ("" for none) -> HTTP verb -> route.
        self.routes: dict[str, dict[str, tuple[RouteT, PathTemplate]]] = {}

    def child(self, segment: Segment) -> _Node[RouteT]:
        if isinstance(segment, Literal):
            return self.literals.setdefault(segment.text, _Node())
        if isinstance(segment, DeepWildcard):
            self.deep = self.deep or _Node()
            return self.deep
        self.star = self.star or _Node()
        return self.star


class RoutingTable(Generic[RouteT]):
    """Routes by HTTP verb and path. Filled once, then only read."""

    def __init__(self) -> None:
        self._root: _Node[RouteT] = _Node()

    def add(self, verb: str, template: str, route: RouteT) -> None:
        """Register a route.

        Args:
            verb: Upper-case HTTP verb, or "*" for any.
            template: Path template.
            route: What `find` returns for it.

        Raises:
            ValueError: A malformed template, or one that matches the same paths as a route
                registered before for the same verb.
        """
        parsed = parse_template(template)
        node = self._root
        for segment in parsed.segments:
            node = node.child(segment)
        by_verb = node.routes.setdefault(parsed.verb, {})
        if verb in by_verb:
            other = by_verb[verb][1].source
            message = f"{verb} {template!r} matches the same paths as {other!r}"
            raise ValueError(message)
        by_verb[verb] = (route, parsed)

    def find(self, verb: str, raw_path: str) -> Match[RouteT] | None:
        """Return the route of a request, or None.

        Args:
            verb: Upper-case HTTP verb.
            raw_path: The path as it stands in the request line, percent-encoded.

        Raises:
            RequestError: Malformed percent-encoding, no UTF-8, or a dot segment.
        """
        for by_verb, segments in self._candidates(raw_path):
            found = by_verb.get(verb) or by_verb.get(_ANY_VERB)
            if found is not None:
                return Match(found[0], found[1], segments)
        return None

    def allowed(self, raw_path: str) -> list[str]:
        """Return the HTTP verbs that have a route for this path, sorted.

        Raises:
            RequestError: As for `find`.
        """
        return sorted({verb for by_verb, _ in self._candidates(raw_path) for verb in by_verb})

    def _candidates(
        self, raw_path: str
    ) -> Iterator[tuple[dict[str, tuple[RouteT, PathTemplate]], list[str]]]:
        if not raw_path.startswith("/"):
            return
        segments = raw_path[1:].split("/")
        decoded = [decode_segment(segment) for segment in segments]
        if any(segment in {".", ".."} for segment in decoded):
            raise RequestError("", "the path has a dot segment")
        # A percent-encoded colon is data: the verb is looked for in what was sent.
        head, colon, verb = segments[-1].rpartition(":")
        last = decode_segment(head)
        # "." in front of a verb is no dot segment, but no client of ours would say it.
        if colon and last not in {".", ".."}:
            cut = [*segments[:-1], head]
            name = decode_segment(verb)
            for node in _walk(self._root, [*decoded[:-1], last]):
                if name in node.routes:
                    yield node.routes[name], cut
        for node in _walk(self._root, decoded):
            if "" in node.routes:
                yield node.routes[""], segments


def _walk(root: _Node[RouteT], segments: list[str]) -> Iterator[_Node[RouteT]]:
    """Yield the nodes that the segments lead to, the most special first.

    Each node of the tree is visited at most once, whatever the path.
    """
    # With the segments before it; None for a node that takes all the others.
    ahead: list[tuple[_Node[RouteT], int | None]] = [(root, 0)]
    while ahead:
        node, count = ahead.pop()
        if count is None:
            yield node
            continue
        if node.deep is not None:
            ahead.append((node.deep, None))
        if count == len(segments):
            yield node
            continue
        segment = segments[count]
        if node.star is not None and segment:
            ahead.append((node.star, count + 1))
        literal = node.literals.get(segment)
        if literal is not None:
            ahead.append((literal, count + 1))


def decode_segment(raw: str, *, keep_slashes: bool = False) -> str:
    """Percent-decode one segment of a path.

    Args:
        raw: The segment as sent.
        keep_slashes: Leave "%2F" and "%2f" as they are, as google/api/http.proto has it for
            variables of several segments.

    Raises:
        RequestError: Malformed percent-encoding, no UTF-8, or bytes that RFC 3986 has encoded.
    """
    if not raw.isascii():
        raise RequestError("", "the path has text beyond ASCII: percent-encode its UTF-8")
    if "%" not in raw:
        return raw
    if _BAD_PERCENT.search(raw):
        raise RequestError("", f"malformed percent-encoding in the path near {raw[:40]!r}")
    try:
        if keep_slashes:
            parts = _SLASH.split(raw)
            return "".join(
                part if index % 2 else unquote_to_bytes(part).decode()
                for index, part in enumerate(parts)
            )
        return unquote_to_bytes(raw).decode()
    except UnicodeDecodeError:
        raise RequestError("", f"the path is no UTF-8 near {raw[:40]!r}") from None
