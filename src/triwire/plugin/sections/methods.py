"""MethodSpec constants, one class per service as their namespace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from triwire.plugin.model import Streaming
from triwire.plugin.sections.retries import policy_lines
from triwire.plugin.taken import taken_paths
from triwire.plugin.text import docstring, indented, tuple_of

if TYPE_CHECKING:
    from triwire.plugin.model import Api, HttpBinding, Method
    from triwire.plugin.plan import ServicePlan
    from triwire.plugin.scope import Scope

__all__ = ["methods_section"]


def methods_section(scope: Scope, service: ServicePlan) -> list[str]:
    """Return the class that holds the specs of a service's methods."""
    full_name = service.service.full_name
    body = docstring(f"The methods of `{full_name}`, of every stream kind.", levels=1)
    final = scope.name("Final", at_runtime=True)
    keys = {
        resource.creating.method: resource.creating.id_field
        for resource in service.resources
        if resource.creating is not None
    }
    for name, method in zip(service.constants, service.service.methods, strict=True):
        body += ["", *_spec(scope, full_name, name, method, keys.get(method.name, ""))]
    any_ = scope.name("Any")
    body += ["", *_all(f"ALL: {final}[tuple[_runtime.MethodSpec[{any_}, {any_}], ...]]", service)]
    return [f"class {service.methods}:", *indented(body)]


def _all(name: str, service: ServicePlan) -> list[str]:
    return f"{name} = {tuple_of(service.constants, before=f'{name} = ', levels=1)}".split("\n")


def _spec(scope: Scope, service: str, name: str, method: Method, retry_key: str) -> list[str]:
    items = [
        f'"{service}"',
        f'"{method.name}"',
        scope.message(method.request, at_runtime=True),
        scope.message(method.response, at_runtime=True),
    ]
    if method.streaming is not Streaming.UNARY:
        items.append(f"stream_kind=_runtime.StreamKind.{method.streaming.value}")
    if method.idempotency != "UNKNOWN":
        items.append(f"idempotency=_runtime.Idempotency.{method.idempotency}")
    final = scope.name("Final", at_runtime=True)
    lines = [f"{name}: {final} = _runtime.MethodSpec("]
    lines += indented(f"{item}," for item in items)
    if method.http is not None:
        rule = _rule(method.http, scope.plan.api)
        rule[0] = f"http={rule[0]}"
        rule[-1] += ","
        lines += indented(rule)
    policy = scope.plan.retries.policy(service, method.name)
    if policy is not None:
        lines += indented(policy_lines(policy))
    if retry_key:
        lines.append(f"    retry_key={_quoted(retry_key)},")
    return [*lines, ")"]


def _rule(binding: HttpBinding, api: Api) -> list[str]:
    lines = ["_runtime.HttpRule("]
    lines += indented([f"{_quoted(binding.verb)},", f"{_quoted(binding.template)},"])
    if binding.body:
        lines.append(f"    body={_quoted(binding.body)},")
    if binding.response_body:
        lines.append(f"    response_body={_quoted(binding.response_body)},")
    if binding.additional:
        lines.append("    additional_bindings=(")
        for nested in binding.additional:
            inner = _rule(nested, api)
            inner[-1] += ","
            lines += indented(inner, 2)
        lines.append("    ),")
    taken = taken_paths(api, binding)
    if taken:
        lines += indented(["taken=(", *(f"    {_quoted(path)}," for path in taken), "),"])
    return [*lines, ")"]


def _quoted(text: str) -> str:
    """Return a literal in double quotes, as formatters want it."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"' if '"' not in text else repr(text)
