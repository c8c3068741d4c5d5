"""Resource-shaped clients: keywords in, resources out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from triwire.plugin.names import Names, escape, method_names
from triwire.plugin.resources import ResultKind
from triwire.plugin.sections.colour import spec_of
from triwire.plugin.sections.editing import edit_method
from triwire.plugin.sections.once import call_once, once_text
from triwire.plugin.sections.waiting import wait_methods
from triwire.plugin.sections.watching import watch_method
from triwire.plugin.text import WIDTH, bracketed, clean, docstring, indented, tuple_of, wrapped

if TYPE_CHECKING:
    from triwire.plugin.model import Field, Message
    from triwire.plugin.plan import ResourcePlan, ServicePlan
    from triwire.plugin.resources import Call
    from triwire.plugin.scope import Scope
    from triwire.plugin.sections.colour import Colour

__all__ = ["resource_section"]


def resource_section(
    scope: Scope, service: ServicePlan, plan: ResourcePlan, colour: Colour
) -> list[str]:
    """Return the class of a resource in one colour."""
    text = [f"Resources of type `{plan.resource.message}`."]
    described = wrapped(clean(scope.request(plan.resource.message).comment), WIDTH - 4)
    text += ["", *described] if described else []
    text += [
        "",
        "Methods take a request message, or its fields as keywords, and return resources.",
        "They raise `RpcError` if the call fails, and `TypeError` or `ValueError`, before",
        "anything is sent, for keywords that no request can be made of.",
        "",
        "Args:",
        "    caller: Issues the calls; whoever made it closes it.",
    ]
    body = docstring("\n".join(text), levels=1)
    body += [
        "",
        f"def __init__(self, caller: _runtime.{colour.prefix}Caller) -> None:",
        "    self._caller = caller",
        "",
        "@property",
        f"def rpc(self) -> {colour.prefix}{service.client}:",
        '    """The client that takes request messages and returns responses with metadata."""',
        f"    return {colour.prefix}{service.client}(self._caller)",
    ]
    names = method_names([call.name for call in plan.resource.calls])
    for name, call in zip(names, plan.resource.calls, strict=True):
        body += ["", *_Method(scope, service, plan, call, name=name, colour=colour).lines()]
    body += edit_method(scope, plan, colour)
    body += wait_methods(scope, plan, colour)
    body += watch_method(scope, plan, colour)
    return [f"class {colour.prefix}{plan.name}:", *indented(body)]


class _Method:
    """One method of a resource class: overloads, documentation, body."""

    def __init__(
        self,
        scope: Scope,
        service: ServicePlan,
        plan: ResourcePlan,
        call: Call,
        *,
        name: str,
        colour: Colour,
    ) -> None:
        self._scope = scope
        self._plan = plan
        self._service = service
        self._call = call
        self._name = name
        self._colour = colour
        self._request: Message = scope.request(call.method.request)
        self._type = scope.message(call.method.request)
        # A field named "self" would be a second parameter of that name.
        taken = Names(("self",))
        self._keywords = {
            field.name: taken.take(escape(field.name)) for field in self._request.fields
        }

    def lines(self) -> list[str]:
        self._scope.message(self._call.method.request, at_runtime=True)
        returns = self._returns()
        if not self._request.fields:
            parameters = ["self", f"request: {self._type} | None = None", "/"]
            return [*self._head(parameters, f") -> {returns}:"), *indented(self._body("{}"))]
        overload = self._scope.name("overload", at_runtime=True)
        lines: list[str] = []
        for parameters in self._overloads():
            lines += [f"@{overload}", *self._head(parameters, f") -> {returns}: ..."), ""]
        given = " | ".join((self._type, *self._id_type(), "None"))
        parameters = ["self", f"request: {given} = None", "/", "**fields: object"]
        lines += [*self._head(parameters, f") -> {returns}:")]
        return [*lines, *indented(self._body("fields"))]

    def _head(self, parameters: list[str], tail: str) -> list[str]:
        return bracketed(f"{self._colour.define} {self._name}(", parameters, tail, levels=1)

    def _id(self) -> Field | None:
        name = self._call.id_field
        return self._request.field(name) if name else None

    def _id_type(self) -> tuple[str, ...]:
        field = self._id()
        return () if field is None else (self._scope.single(field),)

    def _overloads(self) -> list[list[str]]:
        fields = list(self._request.fields)
        identifier = self._id()
        overloads: list[list[str]] = []
        if identifier is None:
            overloads.append(["self", f"request: {self._type}", "/"])
        elif len(fields) == 1:
            both = f"{self._type} | {self._scope.single(identifier)}"
            overloads.append(["self", f"request: {both}", "/"])
        else:
            rest = [field for field in fields if field is not identifier]
            own = f"{self._keywords[identifier.name]}: {self._scope.single(identifier)}"
            overloads.append(["self", f"request: {self._type}", "/"])
            overloads.append(["self", own, "/", "*", *map(self._keyword, _ordered(rest))])
        overloads.append(["self", "/", "*", *map(self._keyword, _ordered(fields))])
        return overloads

    def _keyword(self, field: Field) -> str:
        name, annotation = self._keywords[field.name], self._scope.input(field)
        if _is_required(field) or field.name == self._call.id_field:
            return f"{name}: {annotation}"
        return f"{name}: {annotation} | None = None"

    def _returns(self) -> str:
        scope, call = self._scope, self._call
        response = scope.message(call.method.response)
        match call.result.kind:
            case ResultKind.RESPONSE:
                return response
            case ResultKind.NOTHING:
                return "None"
            case ResultKind.FIELD | ResultKind.ITEMS:
                field = scope.request(call.method.response).field(call.result.field)
                held = scope.message(field.type_name) if field is not None else response
                if call.result.kind is ResultKind.FIELD:
                    return held
                return f"{scope.builtins_list(at_runtime=False)}[{held}]"

    def _body(self, fields: str) -> list[str]:
        call, wait = self._call, self._colour.wait
        lines = docstring("\n".join(self._documentation()), levels=2)
        request = self._scope.message(call.method.request, at_runtime=True)
        required = [
            f'"{self._keywords[field.name]}"'
            for field in self._request.fields
            if _is_required(field)
        ]
        identifier = self._id()
        if identifier is not None and not required:
            required = [f'"{self._keywords[identifier.name]}"']
        build = "build_request"
        arguments = [request, f'"{self._name}"', "request", fields]
        if required:
            arguments.append(tuple_of(required, levels=3))
        if identifier is not None:
            build = "build_request_by_id"
            arguments.append(f'id_field="{self._keywords[identifier.name]}"')
        lines += bracketed(f"message = _runtime.{build}(", arguments, ")", levels=2)
        spec = spec_of(self._service, call)
        if call.is_paged:
            head = f"pages = {wait}{self._colour.runtime('list_pages')}("
            lines += bracketed(head, ["self._caller", spec, "message"], ")", levels=2)
            return [*lines, f"return [item for page in pages for item in page.{call.result.field}]"]
        once = call_once(self._plan, call, spec, self._colour)
        if once:
            return [*lines, *once]
        call_head = f"{wait}self._caller.unary("
        if call.result.kind is ResultKind.NOTHING:
            return [*lines, *bracketed(call_head, [spec, "message"], ")", levels=2)]
        lines += bracketed(f"response = {call_head}", [spec, "message"], ")", levels=2)
        match call.result.kind:
            case ResultKind.FIELD:
                return [*lines, f"return response.message.{call.result.field}"]
            case ResultKind.ITEMS:
                builtins_list = self._scope.builtins_list(at_runtime=True)
                return [*lines, f"return {builtins_list}(response.message.{call.result.field})"]
            case _:
                return [*lines, "return response.message"]

    def _documentation(self) -> list[str]:
        lines = wrapped(clean(self._call.method.comment), WIDTH - 11)
        lines = lines or [f"Call {self._call.method.name}."]
        if self._call.is_paged:
            lines += ["", "Reads every page from `page_token` on, one call after the other."]
        lines += once_text(self._plan, self._call)
        arguments = [f"request: A {self._request.name} message in place of the fields."]
        if self._id() is not None:
            keyword = self._keywords[self._call.id_field]
            arguments = [f"request: A {self._request.name} message, or just the `{keyword}`."]
        for field in _ordered(list(self._request.fields)):
            if field.comment:
                arguments.append(f"{self._keywords[field.name]}: {clean(field.comment)}")
        lines += ["", "Args:"]
        for argument in arguments:
            for at, line in enumerate(wrapped(argument, WIDTH - 8 - 8)):
                lines.append(f"{'    ' if at == 0 else '        '}{line}" if line else "")
        return lines


def _is_required(field: Field) -> bool:
    return field.required and not field.oneof


def _ordered(fields: list[Field]) -> list[Field]:
    """Return required fields first, else in the order of the file."""
    return sorted(fields, key=lambda field: not _is_required(field))
