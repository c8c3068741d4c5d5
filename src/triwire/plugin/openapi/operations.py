"""One RPC with google.api.http rules as the operations of a document."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from triwire.plugin.model import Kind, Streaming
from triwire.plugin.names import words
from triwire.plugin.openapi.paths import openapi_path
from triwire.plugin.openapi.prose import prose
from triwire.plugin.openapi.wellknown import WRAPPERS, special

if TYPE_CHECKING:
    from collections.abc import Iterator

    from triwire.plugin.model import Api, Field, HttpBinding, Message, Method, Service
    from triwire.plugin.openapi.paths import OpenApiPath, PathParameter
    from triwire.plugin.openapi.rules import Schema
    from triwire.plugin.openapi.schemas import Schemas

__all__ = ["ERROR", "Operation", "bodies_of", "operations"]

ERROR: Final = "Error"
"""Name of the response that every operation has for errors."""

_JSON: Final = "application/json"
_LINES: Final = "application/x-ndjson"
_HTTP_BODY: Final = "google.api.HttpBody"
# OpenAPI 3.1, Path Item Object.
_VERBS: Final = frozenset({"GET", "PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH", "TRACE"})
# What has no form in a query: https://github.com/googleapis/googleapis, google/api/http.proto.
_NOT_IN_QUERY: Final = frozenset(
    {
        "google.protobuf.Any",
        "google.protobuf.ListValue",
        "google.protobuf.Struct",
        "google.protobuf.Value",
        "google.protobuf.Empty",
    }
)


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation: where it stands in a document, and what stands there."""

    path: OpenApiPath
    verb: str
    content: Schema


def bodies_of(api: Api, method: Method) -> tuple[set[str], set[str]]:
    """Return the messages that bodies of requests and of responses hold, without those below."""
    sent: set[str] = set()
    answered: set[str] = set()
    for binding in _bindings(method):
        if binding.body:
            sent.add(_part(api, method.request, binding.body.removesuffix("*")))
        answered.add(_part(api, method.response, binding.response_body))
    return sent - {""}, answered - {""}


def _part(api: Api, message: str, field_name: str) -> str:
    field = api.messages[message].field(field_name) if field_name else None
    return field.type_name if field is not None else message


def _bindings(method: Method) -> Iterator[HttpBinding]:
    if method.http is None or method.streaming in (Streaming.CLIENT, Streaming.BIDI):
        return
    for binding in (method.http, *method.http.additional):
        if binding.verb in _VERBS:
            yield binding


def operations(api: Api, service: Service, method: Method, schemas: Schemas) -> Iterator[Operation]:
    """Yield an operation for each binding of a method that OpenAPI can describe.

    That is each of a method to which no requests stream, but for custom verbs such as LIST.
    """
    for number, binding in enumerate(_bindings(method), start=1):
        path = openapi_path(binding.template)
        operation_id = f"{service.name}_{method.name}"
        content: Schema = {
            "tags": [service.name],
            "summary": _summary(method.name),
            "operationId": operation_id if number == 1 else f"{operation_id}_{number}",
        }
        if text := prose(method.comment):
            content["description"] = text
        if method.deprecated:
            content["deprecated"] = True
        request = _Request(api, api.messages[method.request], binding, path, schemas)
        if parameters := [*request.path_parameters(), *request.query_parameters()]:
            content["parameters"] = parameters
        if binding.body:
            content["requestBody"] = request.body()
        content["responses"] = {
            "200": _response(api, method, binding, schemas),
            "default": {"$ref": f"#/components/responses/{ERROR}"},
        }
        yield Operation(path, binding.verb.lower(), content)


def _summary(name: str) -> str:
    first, *rest = words(name)
    return " ".join([first, *(word if word.isupper() else word.lower() for word in rest)])


def _response(api: Api, method: Method, binding: HttpBinding, schemas: Schemas) -> Schema:
    message = api.messages[method.response]
    field = message.field(binding.response_body) if binding.response_body else None
    of = method.response if field is None else field.type_name
    if of == _HTTP_BODY:
        return {"description": "OK", "content": {"*/*": {}}}
    schema = schemas.message(of) if field is None else schemas.field(field)
    if method.streaming is Streaming.SERVER:
        line = {"type": "object", "properties": {"result": schema, "error": schemas.error()}}
        content = {
            _LINES: {"schema": {"description": "Each line of the body.", **line}},
            _JSON: {"schema": {"type": "array", "items": schema}},
        }
        return {"description": "OK, as a stream", "content": content}
    return {"description": "OK", "content": {_JSON: {"schema": schema}}}


@dataclass(frozen=True, slots=True)
class _Request:
    """Where each field of a request goes under one binding."""

    api: Api
    message: Message
    binding: HttpBinding
    path: OpenApiPath
    schemas: Schemas

    @property
    def _bound(self) -> frozenset[tuple[str, ...]]:
        return frozenset(p.field_path for p in self.path.parameters if p.field_path)

    def path_parameters(self) -> Iterator[Schema]:
        for parameter in self.path.parameters:
            yield self._path_parameter(parameter)

    def _path_parameter(self, parameter: PathParameter) -> Schema:
        found: Schema = {"name": parameter.name, "in": "path", "required": True}
        schema: Schema = {"type": "string", "minLength": 1}
        if parameter.field_path:
            field = self._field_at(parameter.field_path)
            described = self.schemas.field(field, required=True)
            if text := described.pop("description", ""):
                found["description"] = text
            if parameter.is_whole:
                schema = described
        if parameter.is_deep:
            found["x-multi-segment"] = True
        return {**found, "schema": schema}

    def _field_at(self, path: tuple[str, ...]) -> Field:
        message = self.message
        field = message.field(path[0])
        for name in path[1:]:
            message = self.api.messages[field.type_name] if field is not None else message
            field = message.field(name)
        assert field is not None, "the reader has checked every path"  # noqa: S101 - for the checker
        return field

    def body(self) -> Schema:
        binding = self.binding
        if binding.body == "*":
            if self.message.full_name == _HTTP_BODY:
                return {"content": {"*/*": {}}}
            schema = self.schemas.message(self.message.full_name, self._bound)
            is_required = self._needs_body()
        else:
            field = self._field_at((binding.body,))
            if field.type_name == _HTTP_BODY and not field.repeated:
                return {"content": {"*/*": {}}}
            below = frozenset(path[1:] for path in self._bound if path[0] == field.name)
            is_required = self.schemas.is_required(self.message, field)
            schema = self.schemas.field(field, below, required=is_required)
        found: Schema = {"content": {_JSON: {"schema": schema}}}
        return {**found, "required": True} if is_required else found

    def _needs_body(self) -> bool:
        """Return whether `{}` would lack something."""
        left = [field for field in self.message.fields if (field.name,) not in self._bound]
        return any(self.schemas.is_required(self.message, field) for field in left) or any(
            oneof.required for oneof in self.message.oneofs
        )

    def query_parameters(self) -> Iterator[Schema]:
        if self.binding.body == "*":
            return
        yield from self._query(self.message, (), (), required=True)

    def _query(
        self,
        message: Message,
        path: tuple[str, ...],
        names: tuple[str, ...],
        *,
        required: bool,
        above: frozenset[str] = frozenset(),
    ) -> Iterator[Schema]:
        """Yield the parameters of a message's leaves; a message inside of itself has none."""
        above |= {message.full_name}
        for field in message.fields:
            here = (*path, field.name)
            if here in self._bound or (not path and field.name == self.binding.body):
                continue
            json_names = (*names, field.json_name)
            is_required = required and self.schemas.is_required(message, field)
            of = field.type_name
            if _is_leaf(field):
                yield self._query_parameter(field, ".".join(json_names), required=is_required)
            elif not field.repeated and of not in _NOT_IN_QUERY | above:
                inner = self.api.messages[of]
                yield from self._query(inner, here, json_names, required=is_required, above=above)

    def _query_parameter(self, field: Field, name: str, *, required: bool) -> Schema:
        schema = self.schemas.field(field, required=required)
        found: dict[str, Any] = {"name": name, "in": "query"}
        if text := schema.pop("description", ""):
            found["description"] = text
        if required:
            found["required"] = True
        if schema.pop("deprecated", False):
            found["deprecated"] = True
        if field.kind is Kind.MAP:
            # Each entry is a parameter of its own, "labels[key]".
            found.update({"style": "deepObject", "explode": True})
        return {**found, "schema": schema}


def _is_leaf(field: Field) -> bool:
    if field.kind is Kind.MAP:
        return True
    if field.kind is not Kind.MESSAGE:
        return True
    one_text = special(field.type_name) is not None or field.type_name in WRAPPERS
    return one_text and field.type_name not in _NOT_IN_QUERY and not field.repeated
