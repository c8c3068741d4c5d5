"""RPC-shaped clients: one method per RPC, messages in, messages with metadata out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from triwire.plugin.model import Streaming
from triwire.plugin.names import method_names
from triwire.plugin.text import WIDTH, bracketed, clean, docstring, indented, wrapped

if TYPE_CHECKING:
    from triwire.plugin.model import Method
    from triwire.plugin.plan import ServicePlan
    from triwire.plugin.scope import Scope
    from triwire.plugin.sections.colour import Colour

__all__ = ["rpc_section"]


def rpc_section(scope: Scope, service: ServicePlan, colour: Colour) -> list[str]:
    """Return the client class of a service in one colour."""
    full_name = service.service.full_name
    text = wrapped(f"Calls the methods of `{full_name}` with request messages.", WIDTH - 7)
    described = wrapped(clean(service.service.comment), WIDTH - 4)
    text += ["", *described] if described else []
    text += ["", "Args:", "    caller: Issues the calls; whoever made it closes it."]
    body = docstring("\n".join(text), levels=1)
    body += [
        "",
        f"def __init__(self, caller: _runtime.{colour.prefix}Caller) -> None:",
        "    self._caller = caller",
    ]
    names = method_names([method.name for method in service.service.methods])
    methods = zip(names, service.constants, service.service.methods, strict=True)
    for name, constant, method in methods:
        spec = f"{service.methods}.{constant}"
        body += ["", *_method(scope, name, method, spec, colour)]
    return [f"class {colour.prefix}{service.client}:", *indented(body)]


def _method(scope: Scope, name: str, method: Method, spec: str, colour: Colour) -> list[str]:
    request, response = scope.message(method.request), scope.message(method.response)
    parameter = f"request: {request}"
    if method.streaming in {Streaming.CLIENT, Streaming.BIDI}:
        parameter = f"requests: {scope.name(f'{colour.prefix}Iterable')}[{request}]"
    result, define, wait = f"_runtime.Response[{response}]", colour.define, colour.wait
    if method.streaming in {Streaming.SERVER, Streaming.BIDI}:
        # Made without waiting: the call starts with its first message.
        result, define, wait = f"_runtime.{colour.prefix}ResponseStream[{response}]", "def", ""
    lines = bracketed(f"{define} {name}(", ["self", parameter], f") -> {result}:", levels=1)
    described = wrapped(clean(method.comment), WIDTH - 11)
    body = docstring("\n".join(described or [f"Call {method.name}."]), levels=2)
    call = f"return {wait}self._caller.{method.streaming.value.lower()}("
    body += bracketed(call, [spec, parameter.partition(":")[0]], ")", levels=2)
    return [*lines, *indented(body)]
