"""Server side: what an implementation looks like, and how it becomes a Service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from triwire.plugin.model import Streaming
from triwire.plugin.names import method_names
from triwire.plugin.text import (
    WIDTH,
    bracketed,
    clean,
    docstring,
    indented,
    tuple_of,
    wrapped,
)

if TYPE_CHECKING:
    from triwire.plugin.plan import ServicePlan
    from triwire.plugin.scope import Scope

__all__ = ["factory_section", "server_section"]


def server_section(scope: Scope, service: ServicePlan) -> list[str]:
    """Return the Protocol of an implementation."""
    protocol = scope.name("Protocol", at_runtime=True)
    text = (
        f"Implements `{service.service.full_name}`; methods may be coroutine functions.\n\n"
        "A method fails by raising `RpcError`."
    )
    body = docstring("\n".join(wrapped(text, WIDTH - 7)), levels=1)
    names = method_names([method.name for method in service.service.methods])
    for name, method in zip(names, service.service.methods, strict=True):
        request, response = scope.message(method.request), scope.message(method.response)
        parameter = f"request: {request}"
        if method.streaming in {Streaming.CLIENT, Streaming.BIDI}:
            parameter = f"requests: _runtime.Requests[{request}]"
        streams = method.streaming in {Streaming.SERVER, Streaming.BIDI}
        body += [
            "",
            f"def {name}(",
            "    self,",
            f"    {parameter},",
            "    context: _runtime.ServerContext,",
            "    /,",
            f") -> _runtime.{'Answers' if streams else 'Answer'}[{response}]:",
        ]
        described = wrapped(clean(method.comment), WIDTH - 11)
        lines = docstring("\n".join(described or [f"Answer {method.name}."]), levels=2)
        body += indented([*lines, "..."])
    return [f"class {service.server}({protocol}):", *indented(body)]


def factory_section(service: ServicePlan) -> list[str]:
    """Return the function that makes a Service of an implementation."""
    head = bracketed(
        f"def {service.factory}(",
        [f"implementation: {service.server}", "/"],
        ") -> _runtime.Service:",
    )
    full_name = service.service.full_name
    body = docstring(f"Return `{full_name}` as answered by an implementation.", levels=1)
    names = method_names([method.name for method in service.service.methods])
    handlers = [
        "\n".join(bracketed("_runtime.MethodHandler(", pair, ")", levels=3))
        for pair in zip(
            [f"{service.methods}.{constant}" for constant in service.constants],
            [f"implementation.{name}" for name in names],
            strict=True,
        )
    ]
    items = [f'"{full_name}"', tuple_of(handlers, levels=2)]
    body += bracketed("return _runtime.Service(", items, ")", levels=1)
    return [*head, *indented(body)]
