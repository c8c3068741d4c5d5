"""HTTP to requests: verb, path, query and body become a message."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from triwire.codec.jsonpath import JsonError
from triwire.codec.reflection import is_http_body, is_repeated
from triwire.codec.scalars import SKIP
from triwire.transcode.fields import RequestError, body_type, field_at
from triwire.transcode.httprule import DeepWildcard, Variable, parse_template
from triwire.transcode.query import QueryReader, parse_query
from triwire.transcode.routing import RoutingTable, decode_segment

if TYPE_CHECKING:
    from collections.abc import Iterable

    from triwire.codec.reflection import AnyField, AnyMessage
    from triwire.spec import HttpRule, MethodSpec
    from triwire.transcode.fields import TextReader
    from triwire.transcode.httprule import Segment

__all__ = ["ServerBinding", "ServerRoute", "ServerRouter"]

TargetT = TypeVar("TargetT")


class ServerRoute(NamedTuple, Generic[TargetT]):
    """What a request path leads to.

    Attributes:
        target: What was registered with the method.
        binding: How the request's message is made.
        segments: The path's segments, for `ServerBinding.fill`.
    """

    target: TargetT
    binding: ServerBinding
    segments: list[str]


class ServerRouter(Generic[TargetT]):
    """All bindings of many methods.

    Args:
        methods: Each method with what it leads to; methods without a rule are left out.
        reader: Reads the text of path variables and query parameters.

    Raises:
        ValueError: A rule does not fit its messages, or two match the same requests.
    """

    def __init__(
        self, methods: Iterable[tuple[MethodSpec[Any, Any], TargetT]], reader: TextReader
    ) -> None:
        self._table: RoutingTable[tuple[TargetT, ServerBinding]] = RoutingTable()
        for method, target in methods:
            if method.http is None:
                continue
            for rule in (method.http, *method.http.additional_bindings):
                try:
                    binding = ServerBinding(method, rule, reader)
                    self._table.add(rule.verb, rule.template, (target, binding))
                except ValueError as error:
                    raise ValueError(f"{method.path}: {error}") from error

    def find(self, verb: str, raw_path: str) -> ServerRoute[TargetT] | None:
        """Return the route of a request; see `RoutingTable.find`."""
        found = self._table.find(verb, raw_path)
        if found is None:
            return None
        target, binding = found.route
        return ServerRoute(target, binding, found.segments)

    def allowed(self, raw_path: str) -> list[str]:
        """Return the HTTP verbs that have a route for this path; see `RoutingTable.allowed`."""
        return self._table.allowed(raw_path)


class ServerBinding:
    """One binding, compiled: puts path and query into a message that the body began.

    Attributes:
        body_field: Proto name of the field that the body is, "" for the whole request, None
            for a request without a body.
        response_body: Proto name of the response's field that is the HTTP body, or "".
        is_raw: Whether the body is a google.api.HttpBody: its bytes, not JSON.
        is_raw_response: Whether the response's body is one.

    Args:
        method: The method.
        rule: One of its rules.
        reader: Reads the text of path variables and query parameters.

    Raises:
        ValueError: The rule does not fit the messages.
    """

    def __init__(self, method: MethodSpec[Any, Any], rule: HttpRule, reader: TextReader) -> None:
        descriptor = method.request_type.DESCRIPTOR
        self._reader = reader
        self.response_body = rule.response_body
        self.body_field: str | None = None
        if rule.body:
            self.body_field = "" if rule.body == "*" else rule.body
        self._captures: list[_Capture] = []
        index = 0
        for part in parse_template(rule.template).parts:
            if isinstance(part, Variable):
                field = field_at(descriptor, part.field_path)
                if is_repeated(field) or field.message_type is not None:
                    name = ".".join(part.field_path)
                    message = f"path variable {name!r} must be a singular scalar or enum field"
                    raise ValueError(message)
                end = None if _is_deep(part.segments) else index + len(part.segments)
                multi = part.is_multi_segment
                self._captures.append(_Capture(part.field_path, field, index, end, multi))
                index += len(part.segments)
            else:
                index += 1
        bound = [capture.path for capture in self._captures]
        if self.body_field:
            bound.append((self.body_field,))
        body = body_type(descriptor, self.body_field or "")
        self.is_raw = self.body_field is not None and is_http_body(body)
        response = body_type(method.response_type.DESCRIPTOR, rule.response_body)
        self.is_raw_response = is_http_body(response)
        self._query = None if rule.body == "*" else QueryReader(reader, bound)

    def fill(self, segments: list[str], query: str, message: AnyMessage) -> None:
        """Set the fields that path and query carry.

        Args:
            segments: From the route.
            query: Query string without "?", percent-encoded.
            message: Holds what the body said; a path field that the body gave too must say
                the same there.

        Raises:
            RequestError: A malformed or unknown value, or a contradiction.
        """
        for capture in self._captures:
            self._set(capture, segments, message)
        if query:
            pairs = parse_query(query)
            if self._query is not None:
                self._query.read(pairs, message)
            elif pairs and not self._reader.ignore_unknown_fields:
                name = pairs[0][0]
                raise RequestError(name, "this method takes no query: its body is the request")

    def _set(self, capture: _Capture, segments: list[str], message: AnyMessage) -> None:
        covered = segments[capture.start : capture.end]
        text = "/".join(
            decode_segment(segment, keep_slashes=capture.is_multi_segment) for segment in covered
        )
        name = ".".join(capture.path)
        if capture.is_multi_segment and text.startswith("/"):
            # google/api/http.proto: "must not capture the leading '/' character".
            raise RequestError(name, f"expected a path without a leading '/', got {text[:40]!r}")
        try:
            value = self._reader.scalar(capture.field, text)
        except JsonError as error:
            raise RequestError(name, str(error)) from None
        if value is SKIP:
            return
        for parent in capture.path[:-1]:
            message = getattr(message, parent)
        last = capture.path[-1]
        before = getattr(message, last)
        given = (
            message.HasField(last)
            if capture.field.has_presence
            else before != capture.field.default_value
        )
        if given and before != value:
            problem = f"the path says {value!r}, the body says {before!r}: leave one out"
            raise RequestError(name, problem)
        setattr(message, last, value)


class _Capture(NamedTuple):
    """A path variable: its field and the segments that hold its value."""

    path: tuple[str, ...]
    field: AnyField
    start: int
    end: int | None
    is_multi_segment: bool


def _is_deep(segments: tuple[Segment, ...]) -> bool:
    return any(isinstance(segment, DeepWildcard) for segment in segments)
