"""The method `edit`: read, change, write back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from triwire.plugin.names import escape
from triwire.plugin.text import bracketed, docstring, indented, tuple_of

if TYPE_CHECKING:
    from triwire.plugin.plan import ResourcePlan
    from triwire.plugin.scope import Scope
    from triwire.plugin.sections.colour import Colour

__all__ = ["edit_method"]


def edit_method(scope: Scope, plan: ResourcePlan, colour: Colour) -> list[str]:
    """Return the method with an empty line before it, or nothing if the resource has none."""
    editing, get, update = plan.editing, plan.resource.call("get"), plan.resource.call("update")
    if editing is None or get is None or update is None:
        return []
    name = escape(get.id_field)
    request = scope.message(update.method.request, at_runtime=True)
    lines = [
        "",
        f"{colour.define} edit(",
        "    self,",
        f"    {name}: {scope.field(get.method.request, get.id_field)},",
        f"    change: _runtime.Change[{request}],",
        "    /,",
        f") -> {scope.message(plan.resource.message)}:",
    ]
    text = [
        "Read the resource, change it and write it back whole.",
        "",
        "Nothing protects against another writer in between, unless the API does.",
        "",
        "Args:",
        f"    {name}: Names the resource, as for `get`.",
        "    change: Gets the update request that would leave the resource as it is. It",
        "        changes that in place, or returns another one to send.",
        "",
        "Raises:",
        "    RpcError: reading or writing failed.",
        "    TypeError: `change` returned something else.",
    ]
    body = docstring("\n".join(text), levels=2)
    pairs = [f'("{field}", "{path}")' for field, path in editing.fields]
    body += [
        f"current = {colour.wait}self.get({name})",
        *bracketed(
            "request = _runtime.update_request(",
            [request, "current", tuple_of(pairs, levels=3)],
            ")",
            levels=2,
        ),
        'request = _runtime.changed_request("edit", request, change)',
    ]
    if editing.mask:
        body += [
            "_runtime.mask_changes(",
            "    request,",
            f'    mask="{editing.mask}",',
            f'    field="{editing.whole}",',
            "    before=current,",
            ")",
        ]
    body.append(f"return {colour.wait}self.update(request)")
    return [*lines, *indented(body)]
