"""Paths that a template could make and that belong to another method.

`/v1/books/{id}` with the id "recent" is `/v1/books/recent`. Where that is a method of its own,
servers call it, because literal segments win over variables; its answer would be read as if it
were the book. A client has to know these paths to refuse them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from triwire.transcode.httprule import DeepWildcard, Literal, parse_template

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from triwire.plugin.model import Api, HttpBinding
    from triwire.transcode.httprule import Segment

__all__ = ["taken_paths"]


def taken_paths(api: Api, binding: HttpBinding) -> tuple[str, ...]:
    """Return the paths of other methods that `binding` would also match, in order.

    Only paths without variables are looked at: of two templates with variables that match one
    path, which wins is the server's affair.
    """
    template = parse_template(binding.template)
    if not template.variables:
        return ()
    found: set[str] = set()
    for other in _bindings(api):
        if other.verb != binding.verb or "{" in other.template or "*" in other.template:
            continue
        path = parse_template(other.template)
        if path.verb == template.verb and _matches(template.segments, path.segments):
            found.add(other.template)
    return tuple(sorted(found))


def _bindings(api: Api) -> Iterator[HttpBinding]:
    for target in api.targets:
        for service in api.files[target].services:
            for method in service.methods:
                if method.http is not None:
                    yield method.http
                    yield from method.http.additional


def _matches(template: Sequence[Segment], path: Sequence[Segment]) -> bool:
    deep = isinstance(template[-1], DeepWildcard)
    fixed = template[:-1] if deep else template
    if len(path) < len(fixed) or (len(path) > len(fixed) and not deep):
        return False
    return all(
        not isinstance(segment, Literal) or segment == given
        for segment, given in zip(fixed, path, strict=False)
    )
