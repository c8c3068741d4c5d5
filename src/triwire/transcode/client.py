"""Requests to HTTP: a message and its rule become verb, path, query and body."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import quote

from triwire.codec.reflection import is_http_body, is_repeated
from triwire.transcode.fields import body_type, field_at, text_of
from triwire.transcode.httprule import (
    DeepWildcard,
    Literal,
    Variable,
    parse_template,
)
from triwire.transcode.query import QueryWriter, encode_query

if TYPE_CHECKING:
    from collections.abc import Callable

    from triwire.codec.reflection import AnyDescriptor, AnyMessage
    from triwire.spec import HttpRule, MethodSpec

__all__ = ["ClientPlan", "HttpCall"]

_PLAIN: Final = re.compile(r"[-_.~0-9A-Za-z]+", re.ASCII)
_VERB_SAFE: Final = "!$&'()*+,;=@"


class HttpCall(NamedTuple):
    """A request on its way to HTTP.

    Attributes:
        verb: HTTP method.
        target: Path, and "?" with a query if there is one; percent-encoded.
        message: Message that the body is taken from, or None for no body.
        body_field: Proto name of the field of `message` that is the body, "" for all of it.
        response_body: Proto name of the response's field that the HTTP body will be, or "".
        is_raw: Whether the body is a google.api.HttpBody: its bytes, not JSON.
        is_raw_response: Whether the response's body will be one.
    """

    verb: str
    target: str
    message: Any
    body_field: str
    response_body: str
    is_raw: bool
    is_raw_response: bool


class ClientPlan:
    """How requests of one method are sent: its binding and the additional ones, compiled.

    Raises:
        ValueError: The method has no rule, or a rule that does not fit its messages.
    """

    def __init__(self, method: MethodSpec[Any, Any]) -> None:
        if method.http is None:
            message = f"{method.path} has no google.api.http rule: REST cannot carry it"
            raise ValueError(message)
        self._path = method.path
        descriptor = method.request_type.DESCRIPTOR
        response = method.response_type.DESCRIPTOR
        self._bindings: list[_Binding] = []
        unfit = ""
        for rule in (method.http, *method.http.additional_bindings):
            try:
                self._bindings.append(_Binding(descriptor, response, rule))
            except _NoMatchError as error:
                unfit = str(error)
            except ValueError as error:
                raise ValueError(f"{method.path}: {error}") from error
        if not self._bindings:
            raise ValueError(f"{method.path}: {unfit}")

    def call(self, request: AnyMessage) -> HttpCall:
        """Return the HTTP request, by the first binding whose path the request can fill.

        Args:
            request: Read only; the result may refer to it.

        Raises:
            ValueError: No binding fits: a path field is empty, does not look like its
                template, or would make a dot segment; or a field cannot stand in a query.
        """
        problems: list[str] = []
        for binding in self._bindings:
            try:
                return binding.call(request)
            except _NoMatchError as error:
                problems.append(str(error))
        message = f"{self._path} cannot be sent over REST: {'; or '.join(problems)}"
        raise ValueError(message)


class _NoMatchError(ValueError):
    """The path of a binding cannot be made from this request."""


class _Binding:
    def __init__(self, descriptor: AnyDescriptor, response: AnyDescriptor, rule: HttpRule) -> None:
        template = parse_template(rule.template)
        self._has_body = bool(rule.body)
        # "*" leaves the HTTP method open (google/api/http.proto, HttpRule.custom).
        self._verb = ("POST" if rule.body else "GET") if rule.verb == "*" else rule.verb
        self._parts: list[str | Callable[[AnyMessage], str]] = [
            _expander(descriptor, part)
            if isinstance(part, Variable)
            else _wildcard_free(part, rule.template)
            for part in template.parts
        ]
        self._suffix = f":{quote(template.verb, safe=_VERB_SAFE)}" if template.verb else ""
        paths = [variable.field_path for variable in template.variables]
        self._body_field = "" if rule.body == "*" else rule.body
        body = body_type(descriptor, self._body_field)
        if self._body_field:
            paths.append((self._body_field,))
        self._is_raw = self._has_body and is_http_body(body)
        self._is_raw_response = is_http_body(body_type(response, rule.response_body))
        self._path_fields = [variable.field_path for variable in template.variables]
        self._query = None if rule.body == "*" else QueryWriter(paths)
        self._response_body = rule.response_body
        self._taken = frozenset(rule.taken)

    def call(self, request: AnyMessage) -> HttpCall:
        segments = [part if isinstance(part, str) else part(request) for part in self._parts]
        # A `**` that matched nothing takes no slash either.
        target = "".join(f"/{segment}" for segment in segments if segment) + self._suffix
        if target in self._taken:
            names = ", ".join(".".join(path) for path in self._path_fields)
            raise _NoMatchError(f"{names}: {self._verb} {target} is the path of another method")
        if self._query is not None:
            pairs = self._query.pairs(request)
            if pairs:
                target = f"{target}?{encode_query(pairs)}"
        message = request if self._has_body else None
        if self._has_body and not self._body_field and self._path_fields:
            message = _without(request, self._path_fields)
        return HttpCall(
            self._verb,
            target,
            message,
            self._body_field,
            self._response_body,
            self._is_raw,
            self._is_raw_response,
        )


def _wildcard_free(part: object, template: str) -> str:
    if isinstance(part, Literal):
        return part.source
    message = f"path template {template!r}: a client cannot fill a wildcard outside of a variable"
    raise _NoMatchError(message)


def _expander(descriptor: AnyDescriptor, variable: Variable) -> Callable[[AnyMessage], str]:
    field = field_at(descriptor, variable.field_path)
    name = ".".join(variable.field_path)
    if is_repeated(field) or field.message_type is not None:
        message = f"path variable {name!r} must be a singular scalar or enum field"
        raise ValueError(message)
    parents, last = variable.field_path[:-1], variable.field_path[-1]
    write = text_of(field)
    multi = variable.is_multi_segment
    shape = variable.segments

    def text_in(request: AnyMessage) -> str:
        for parent in parents:
            request = getattr(request, parent)
        return write(getattr(request, last))

    def expand_one(request: AnyMessage) -> str:
        text = text_in(request)
        if not text:
            raise _NoMatchError(f"field {name!r} is empty and is part of the path")
        if isinstance(shape[0], Literal) and text != shape[0].text:
            raise _NoMatchError(f"field {name!r}: expected {shape[0].text!r}, got {text!r}")
        _refuse_dots(text, name, text)
        return text if _PLAIN.fullmatch(text) else quote(text, safe="")

    def expand_many(request: AnyMessage) -> str:
        text = text_in(request)
        segments = text.split("/") if text else []
        if not _fits(segments, shape):
            expected = "/".join(_show(segment) for segment in shape)
            raise _NoMatchError(f"field {name!r}: expected the form {expected!r}, got {text!r}")
        for segment in segments:
            _refuse_dots(segment, name, text)
        return quote(text, safe="/")

    return expand_many if multi else expand_one


def _fits(segments: list[str], shape: tuple[object, ...]) -> bool:
    deep = isinstance(shape[-1], DeepWildcard)
    fixed = shape[:-1] if deep else shape
    if len(segments) < len(fixed) or (len(segments) > len(fixed) and not deep):
        return False
    if segments[:1] == [""]:
        # "The path variables must not capture the leading '/' character" (http.proto).
        return False
    return all(
        segment == expected.text if isinstance(expected, Literal) else segment
        for segment, expected in zip(segments, fixed, strict=False)
    )


def _show(segment: object) -> str:
    if isinstance(segment, Literal):
        return segment.text
    return "**" if isinstance(segment, DeepWildcard) else "*"


def _refuse_dots(segment: str, name: str, text: str) -> None:
    # "." needs no encoding, and clients and proxies resolve even "%2E%2E": the request would
    # reach another resource than the one that was named.
    if segment in {".", ".."}:
        message = f"field {name!r}: {text!r} has a dot segment, which a URL path cannot carry"
        raise _NoMatchError(message)


def _without(request: AnyMessage, paths: list[tuple[str, ...]]) -> AnyMessage:
    """Return a copy of `request` without the fields that the path carries."""
    copy = type(request)()
    copy.CopyFrom(request)
    for *parents, last in paths:
        target = copy
        for parent in parents:
            target = getattr(target, parent)
        target.ClearField(last)
    return copy
