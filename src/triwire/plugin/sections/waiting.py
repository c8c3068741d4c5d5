"""Waiting: the constant that describes a resource's states, and the methods that use it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from triwire.plugin.names import snake_case
from triwire.plugin.sections.colour import spec_of
from triwire.plugin.text import WIDTH, docstring, indented, wrapped

if TYPE_CHECKING:
    from triwire.plugin.lifecycle import Showing
    from triwire.plugin.plan import ResourcePlan, ServicePlan
    from triwire.plugin.scope import Scope
    from triwire.plugin.sections.colour import Colour

__all__ = ["lifecycle_section", "wait_methods"]


def lifecycle_section(scope: Scope, service: ServicePlan, plan: ResourcePlan) -> list[str]:
    """Return the constant that tells the runtime how to wait for a resource, if it can."""
    showing, get = plan.showing, plan.resource.call("get")
    if showing is None or get is None:
        return []
    arguments = {
        "name": _quoted(snake_case(plan.resource.noun).replace("_", " ")),
        "resource_type": scope.message(plan.resource.message, at_runtime=True),
        "get": spec_of(service, get),
        "get_id": _quoted(showing.get_id),
        "envelope": _quoted(get.result.field),
        "resource_id": _quoted(showing.resource_id),
    }
    if showing.state:
        arguments |= {
            "state": _quoted(showing.state),
            "ready": _tuple(showing.ready),
            "failed": _tuple(showing.failed),
            "updated_at": _quoted(showing.updated_at),
            "conditions": _quoted(showing.conditions),
        }
    final = scope.name("Final", at_runtime=True)
    lines = [f"{plan.lifecycle}: {final} = _runtime.Lifecycle("]
    lines += indented(f"{name}={value}," for name, value in arguments.items() if value)
    return [*lines, ")"]


def wait_methods(scope: Scope, plan: ResourcePlan, colour: Colour) -> list[str]:
    """Return the methods, each with an empty line before it, that a resource can have."""
    showing = plan.showing
    if showing is None:
        return []
    resource = scope.message(plan.resource.message)
    target = f"{resource} | str" if showing.resource_id else "str"
    lines: list[str] = []
    if showing.state:
        text = _ready_text(showing)
        lines += _method(plan, colour, "wait_until_ready", f"{target} -> {resource}", text)
    text = _text(
        "Read the resource until it is NOT_FOUND.",
        _which(showing),
        "DEADLINE_EXCEEDED, still there; or the error of a read.",
    )
    return lines + _method(plan, colour, "wait_until_deleted", f"{target} -> None", text)


def _quoted(text: str) -> str:
    return f'"{text}"' if text else ""


def _tuple(names: tuple[str, ...]) -> str:
    inner = ", ".join(map(_quoted, names))
    return f"({inner},)" if len(names) == 1 else f"({inner})" if names else ""


def _which(showing: Showing) -> str:
    return "The resource as last seen, or its id." if showing.resource_id else "The resource's id."


def _ready_text(showing: Showing) -> list[str]:
    target = _which(showing)
    if showing.updated_at and showing.resource_id:
        target += (
            " States that are older than the resource given, by its time of update, are not"
            " believed."
        )
    errors = "DEADLINE_EXCEEDED, not ready in time; "
    if showing.failed:
        errors += f"FAILED_PRECONDITION, the state is {' or '.join(showing.failed)}"
        errors += ", with the conditions as details; " if showing.conditions else "; "
    summary = f"Read the resource until its state is {showing.ready[0]}, and return it."
    return _text(summary, target, f"{errors}or the error of a read.")


def _text(summary: str, target: str, errors: str) -> list[str]:
    return [
        summary,
        "",
        "Args:",
        *_hanging(f"resource: {target}"),
        *_hanging("timeout_seconds: How long to wait in all."),
        *_hanging("poll_seconds: How long to pause between two reads."),
        "",
        "Raises:",
        *_hanging(f"RpcError: {errors}"),
        *_hanging("TypeError: `resource` is something else."),
        *_hanging("ValueError: the id is empty, or a duration is not positive."),
    ]


def _hanging(text: str) -> list[str]:
    first, *rest = wrapped(text, WIDTH - 16)
    return [f"    {first}", *(f"        {line}" for line in rest)]


def _method(
    plan: ResourcePlan, colour: Colour, name: str, types: str, text: list[str]
) -> list[str]:
    target, _, returns = types.partition(" -> ")
    result = "return " if returns != "None" else ""
    body = [
        *docstring("\n".join(text), levels=2),
        f"{result}{colour.wait}{colour.runtime(name)}(",
        "    self._caller,",
        f"    {plan.lifecycle},",
        "    resource,",
        "    timeout_seconds=timeout_seconds,",
        "    poll_seconds=poll_seconds,",
        ")",
    ]
    return [
        "",
        f"{colour.define} {name}(",
        "    self,",
        f"    resource: {target},",
        "    /,",
        "    *,",
        "    timeout_seconds: float,",
        "    poll_seconds: float = _runtime.POLL_SECONDS,",
        f") -> {returns}:",
        *indented(body),
    ]
