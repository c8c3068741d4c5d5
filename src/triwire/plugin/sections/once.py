"""Creates that happen once and deletes that may find nothing: constants, calls, words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from triwire.plugin.names import snake_case
from triwire.plugin.sections.colour import spec_of
from triwire.plugin.text import WIDTH, bracketed, indented, wrapped

if TYPE_CHECKING:
    from triwire.plugin.plan import ResourcePlan, ServicePlan
    from triwire.plugin.resources import Call
    from triwire.plugin.scope import Scope
    from triwire.plugin.sections.colour import Colour

__all__ = ["call_once", "once_sections", "once_text"]


def once_sections(scope: Scope, service: ServicePlan, plan: ResourcePlan) -> list[list[str]]:
    """Return the constants that describe a resource's create and delete to the runtime."""
    sections: list[list[str]] = []
    resource = scope.message(plan.resource.message, at_runtime=True)
    create, get = plan.resource.call("create"), plan.resource.call("get")
    if plan.creating is not None and create is not None and get is not None:
        arguments = {
            "resource_type": resource,
            "create": spec_of(service, create),
            "envelope": _quoted(create.result.field),
            "get": spec_of(service, get),
            "get_envelope": _quoted(get.result.field),
            "id_field": _quoted(plan.creating.id_field),
        }
        lines = _constant(scope, plan.creation, "Creation", arguments)
        if plan.creating.fields:
            pairs = [f'("{field}", "{path}"),' for field, path in plan.creating.fields]
            lines[-1:] = ["    fields=(", *indented(pairs, 2), "    ),", ")"]
        sections.append(lines)
    delete = plan.resource.call("delete")
    if plan.deleting is not None and delete is not None and plan.deleting.resource_id:
        arguments = {
            "resource_type": resource,
            "delete": spec_of(service, delete),
            "envelope": _quoted(delete.result.field),
            "id_field": _quoted(plan.deleting.id_field),
            "resource_id": _quoted(plan.deleting.resource_id),
        }
        sections.append(_constant(scope, plan.deletion, "Deletion", arguments))
    return sections


def call_once(plan: ResourcePlan, call: Call, spec: str, colour: Colour) -> list[str]:
    """Return the end of a method's body that makes its call, or nothing for an ordinary call."""
    if call.name == "create" and plan.creating is not None:
        head = f"return {colour.wait}{colour.runtime('create_once')}("
        return bracketed(head, ["self._caller", plan.creation, "message"], ")", levels=2)
    if call.name == "delete" and plan.deleting is not None:
        if plan.deleting.resource_id:
            head = f"return {colour.wait}{colour.runtime('delete_once')}("
            return bracketed(head, ["self._caller", plan.deletion, "message"], ")", levels=2)
        head = f"{colour.wait}{colour.runtime('delete_quietly')}("
        return bracketed(head, ["self._caller", spec, "message"], ")", levels=2)
    return []


def once_text(plan: ResourcePlan, call: Call) -> list[str]:
    """Return what a method's documentation says about further attempts."""
    noun = snake_case(plan.resource.noun).replace("_", " ")
    text = ""
    if call.name == "create" and plan.creating is not None:
        name = plan.creating.id_field
        text = (
            f"Without `{name}` a new UUID is sent. An attempt that follows a lost answer "
            f"therefore does not create a second {noun}: the one that the first attempt created "
            f"is returned. With an `{name}` of yours it is returned if it is what the request "
            "asks for."
        )
    elif call.name == "delete" and plan.deleting is not None:
        text = (
            f"If an attempt that follows a lost answer finds no {noun}, it has been deleted: that "
            "is success"
        )
        text += ", and what is returned has its id only." if plan.deleting.resource_id else "."
    return ["", *wrapped(text, WIDTH - 8)] if text else []


def _constant(scope: Scope, name: str, kind: str, arguments: dict[str, str]) -> list[str]:
    final = scope.name("Final", at_runtime=True)
    lines = [f"{name}: {final} = _runtime.{kind}("]
    lines += indented(f"{key}={value}," for key, value in arguments.items() if value)
    return [*lines, ")"]


def _quoted(text: str) -> str:
    return f'"{text}"' if text else ""
