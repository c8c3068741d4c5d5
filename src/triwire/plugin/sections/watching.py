"""Watching: the constant that describes a resource's changes, and the method that uses it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from triwire.plugin.names import escape, snake_case
from triwire.plugin.sections.colour import spec_of
from triwire.plugin.text import WIDTH, bracketed, clean, docstring, indented, tuple_of, wrapped

if TYPE_CHECKING:
    from collections.abc import Iterable

    from triwire.plugin.plan import ResourcePlan, ServicePlan
    from triwire.plugin.scope import Scope
    from triwire.plugin.sections.colour import Colour
    from triwire.plugin.watching import Watching

__all__ = ["watch_method", "watching_section"]

_ARGUMENTS: Final = {
    "where": (
        "Which of the resources, decided by the client; one that begins to match is Added, one"
        " that ceases to is Deleted. What it raises ends this watch and no other."
    ),
    "include": "Which of the classes Synced, Bookmark and Failed to report as well.",
    "resume": (
        "Token of a Bookmark to go on from, on whichever wire it was made. Synced with the reason"
        " RESUMED then says what is left: what is not in its keys was deleted meanwhile."
    ),
    "on_expired": (
        'What to do with a token that is cut, foreign or too old: "raise", or begin with a'
        ' "snapshot", which Synced tells by its reason EXPIRED.'
    ),
    "options": "How to poll; watches with other options have a poll loop of their own.",
}


def watching_section(scope: Scope, service: ServicePlan, plan: ResourcePlan) -> list[str]:
    """Return the constant that tells the runtime how to watch a resource, if it can."""
    watching, listing = plan.watching, plan.resource.call("list")
    if watching is None or listing is None:
        return []
    get = plan.resource.call("get")
    arguments = {
        "name": _quoted(snake_case(plan.resource.plural).replace("_", " ")),
        "resource_type": scope.message(plan.resource.message, at_runtime=True),
        "listing": spec_of(service, listing),
        "items": _quoted(watching.items),
        "updated_after": _quoted(watching.updated_after),
        "is_paged": "True" if listing.is_paged else "",
    }
    if get is not None and watching.get_id:
        arguments |= {
            "get": spec_of(service, get),
            "get_id": _quoted(watching.get_id),
            "envelope": _quoted(get.result.field),
        }
    arguments |= {
        "key": _quoted(watching.key),
        "created": _quoted(watching.created),
        "updated": _quoted(watching.updated),
        "owner": _quoted(watching.owner),
        "state": _quoted(watching.state),
        "moving": _tuple(map(_quoted, watching.moving), "moving="),
        "deleting": _tuple(map(_quoted, watching.deleting), "deleting="),
        "filters": _tuple((f'("{a}", "{b}")' for a, b in watching.filters), "filters="),
        "sets": _tuple(map(_quoted, watching.sets), "sets="),
        "keyed": _tuple(
            (f'("{path}", {_tuple(map(_quoted, keys), "")})' for path, keys in watching.keyed),
            "keyed=",
        ),
    }
    final = scope.name("Final", at_runtime=True)
    lines = [f"{plan.watch_kind}: {final} = _runtime.WatchKind("]
    for name, value in arguments.items():
        if value:
            lines += indented(f"{name}={value},".split("\n"))
    return [*lines, ")"]


def watch_method(scope: Scope, plan: ResourcePlan, colour: Colour) -> list[str]:
    """Return the method with an empty line before it, or nothing if the resource has none."""
    watching, listing = plan.watching, plan.resource.call("list")
    if watching is None or listing is None:
        return []
    resource = scope.message(plan.resource.message)
    request = scope.message(listing.method.request, at_runtime=True)
    overload = scope.name("overload", at_runtime=True)
    watch = f"_runtime.{colour.prefix}Watch"
    filters = [
        f"{escape(field.name)}: {scope.input(field)} | None = None" for field in watching.keywords
    ]
    where = f"where: {scope.name('Callable')}[[{resource}], bool] | None = None"
    marker = f"{scope.name('Collection')}[type[_runtime.Marker]]"
    rest = [
        "resume: str | None = None",
        'on_expired: _runtime.OnExpired = "raise"',
        "options: _runtime.WatchOptions | None = None",
    ]
    lines = [
        "",
        f"@{overload}",
        *_head(
            [*filters, where, *rest],
            f"{watch}[_runtime.ObjectEvent[{resource}]]: ...",
        ),
        "",
        f"@{overload}",
        *_head(
            [*filters, where, f"include: {marker}", *rest],
            f"{watch}[_runtime.Event[{resource}]]: ...",
        ),
        "",
        *_head(
            [where, f"include: {marker} = ()", *rest, "**fields: object"],
            f"{watch}[{scope.name('Any')}]:",
        ),
    ]
    body = docstring("\n".join(_documentation(watching)), levels=2)
    body += bracketed(
        "request = _runtime.build_request(",
        [request, '"watch"', "None", "fields"],
        ")",
        levels=2,
    )
    body += [
        f"return {colour.runtime('watch')}(",
        "    self._caller,",
        f"    {plan.watch_kind},",
        "    request,",
        "    where=where,",
        "    include=include,",
        "    resume=resume,",
        "    on_expired=on_expired,",
        "    options=options,",
        ")",
    ]
    return [*lines, *indented(body)]


def _head(parameters: list[str], returns: str) -> list[str]:
    listed = indented(f"{each}," for each in ["self", "/", "*", *parameters])
    return ["def watch(", *listed, f") -> {returns}"]


def _documentation(watching: Watching) -> list[str]:
    lines = [
        "Follow the resources: an iterator of Added, Modified and Deleted.",
        "",
        *wrapped(
            "It begins with an Added for each resource that there is. It does no I/O before its"
            " first step, goes on through outages, and is to be closed: use it in a `with` block."
            " Watches of one client that ask for the same share their requests.",
            WIDTH - 8,
        ),
        "",
        "Args:",
    ]
    arguments = [
        f"{escape(field.name)}: {clean(field.comment) or 'As for `list`.'}"
        for field in watching.keywords
    ]
    arguments += [f"{name}: {text}" for name, text in _ARGUMENTS.items()]
    for argument in arguments:
        first, *more = wrapped(argument, WIDTH - 16)
        lines += [f"    {first}", *(f"        {line}" if line else "" for line in more)]
    lines += ["", "Raises:"]
    for error in (
        "TypeError: an argument of the wrong type.",
        "ValueError: a token that cannot be used, or a filter that no request can be made of.",
    ):
        first, *more = wrapped(error, WIDTH - 16)
        lines += [f"    {first}", *(f"        {line}" for line in more)]
    return lines


def _quoted(text: str) -> str:
    return f'"{text}"' if text else ""


def _tuple(values: Iterable[str], before: str) -> str:
    listed = list(values)
    return tuple_of(listed, levels=1, before=before) if listed else ""
