"""Waiting: the constant that describes a resource's states, and the methods that use it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from triwire.plugin.names import snake_case
from triwire.plugin.sections.colour import spec_of
from triwire.plugin.text import WIDTH, docstring, indented, wrapped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from triwire.plugin.lifecycle import Showing
    from triwire.plugin.plan import ResourcePlan, ServicePlan
    from triwire.plugin.scope import Scope
    from triwire.plugin.sections.colour import Colour

__all__ = ["lifecycle_section", "wait_methods"]

_TIMEOUT: Final = "timeout_seconds: float"
_POLL: Final = "poll_seconds: float = _runtime.POLL_SECONDS"
_GRACE: Final = "error_grace_seconds: float | None = _runtime.ERROR_GRACE_SECONDS"


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
        "created_at": _quoted(showing.created_at),
        "updated_at": _quoted(showing.updated_at),
    }
    if showing.state:
        arguments |= {
            "state": _quoted(showing.state),
            "ready": _tuple(showing.ready),
            "failed": _tuple(showing.failed),
            "in_error": _tuple(showing.in_error),
            "deleting": _tuple(showing.deleting),
            "disabled": _quoted(showing.disabled),
            "conditions": _quoted(showing.conditions),
            "condition_updated_at": _quoted(showing.condition_updated_at),
        }
    final = scope.name("Final", at_runtime=True)
    lines = [f"{plan.lifecycle}: {final} = _runtime.Lifecycle("]
    lines += indented(f"{name}={value}," for name, value in arguments.items() if value)
    lines += indented(_listing(service, plan, showing))
    return [*lines, ")"]


def _listing(service: ServicePlan, plan: ResourcePlan, showing: Showing) -> list[str]:
    call = plan.resource.call("list")
    if call is None or not showing.lists:
        return []
    arguments = {
        "method": spec_of(service, call),
        "items": _quoted(call.result.field),
        "updated_after": _quoted(showing.updated_after),
        "is_paged": "True" if call.is_paged else "",
    }
    inner = [f"{name}={value}," for name, value in arguments.items() if value]
    return ["listing=_runtime.Listing(", *indented(inner), "),"]


def wait_methods(scope: Scope, plan: ResourcePlan, colour: Colour) -> list[str]:
    """Return the methods, each with an empty line before it, that a resource can have."""
    if plan.showing is None:
        return []
    methods = _Methods(scope, plan, plan.showing, colour)
    lines = methods.until_ready() if plan.showing.state else []
    lines += methods.until_deleted() + methods.wait_for()
    return lines + methods.wait_all() if plan.showing.state else lines


class _Methods:
    """The methods of one resource in one colour."""

    def __init__(self, scope: Scope, plan: ResourcePlan, showing: Showing, colour: Colour) -> None:
        self._scope = scope
        self._plan = plan
        self._showing = showing
        self._colour = colour
        self._resource = scope.message(plan.resource.message)
        self._target = f"{self._resource} | str" if showing.resource_id else "str"
        function = scope.name("Callable")
        self._predicate = f"{function}[[{self._resource}], object]"
        self._progress = f"on_progress: {self._predicate} | None = None"

    def until_ready(self) -> list[str]:
        ready = self._showing.ready[0]
        text = [
            f"Read the resource until its state is {ready}, and return it.",
            "",
            *self._arguments(_GRACE),
            *self._errors(f"not {ready} in time", *self._ends()),
        ]
        types = [f"resource: {self._target}"]
        return self._method("wait_until_ready", types, self._resource, text, _GRACE)

    def until_deleted(self) -> list[str]:
        ends: list[str] = []
        if self._showing.failed and self._showing.deleting:
            failed, deleting = self._showing.failed[0], self._showing.deleting[0]
            ends = [f"FAILED_PRECONDITION, {failed} after {deleting}"]
        text = [
            "Read the resource until it is NOT_FOUND, or until another one has its id.",
            "",
            *self._arguments(),
            *self._errors("still there", *ends),
        ]
        return self._method("wait_until_deleted", [f"resource: {self._target}"], "None", text)

    def wait_for(self) -> list[str]:
        text = [
            "Read the resource until a predicate holds for it, and return it.",
            "",
            "No state ends the wait by itself. States that come and go between two reads are",
            "not seen.",
            "",
            *self._arguments(
                more=["predicate: Called with each newly seen state; what it raises ends the wait."]
            ),
            *self._errors("it never held", "NOT_FOUND, there is none, or another one by now"),
        ]
        types = [f"resource: {self._target}", f"predicate: {self._predicate}"]
        return self._method("wait_for", types, self._resource, text)

    def wait_all(self) -> list[str]:
        iterable = self._scope.name("Iterable")
        literal = self._scope.name("Literal")
        overload = self._scope.name("overload", at_runtime=True)
        many = f"{self._scope.builtins_list(at_runtime=False)}[{self._resource}]"
        types = [f"resources: {iterable}[{self._target}]"]
        gone = f'until: {literal}["deleted"]'
        there = f'until: {literal}["ready"] | {self._predicate} = "ready"'
        ready = self._showing.ready[0]
        choices = (
            f'until: "ready": {ready}; "deleted": gone, and nothing is returned; or a predicate, '
            "as for `wait_for`."
        )
        text = [
            "Wait for several resources at once, and return them in the order given.",
            "",
            "The first that ends in vain ends the wait, and its error is raised.",
            "",
            *self._arguments(
                _GRACE,
                what="resources",
                more=[choices],
            ),
            *self._errors(
                "one of them not in time; and as for a wait for that one",
                "`others` has all of them as last seen",
            ),
        ]
        lines: list[str] = []
        for until, returns in ((there, many), (gone, "None")):
            lines += ["", f"@{overload}", *self._head("wait_all", types, until, _GRACE)]
            lines.append(f") -> {returns}: ...")
        either = 'until: object = "ready"'
        lines += ["", *self._head("wait_all", types, either, _GRACE), f") -> {many} | None:"]
        call = self._call("wait_all", ["resources"], ["until", *_names(_GRACE)])
        body = [
            f"found = {self._colour.wait}{call[0]}",
            *call[1:],
            'return None if until == "deleted" else found',
        ]
        return [*lines, *indented([*docstring("\n".join(text), levels=2), *body])]

    def _method(
        self, name: str, types: Sequence[str], returns: str, text: Sequence[str], *more: str
    ) -> list[str]:
        result = "return " if returns != "None" else ""
        call = self._call(name, _names(*types), _names(*more))
        body = [*docstring("\n".join(text), levels=2)]
        body += [f"{result}{self._colour.wait}{call[0]}", *call[1:]]
        return ["", *self._head(name, types, *more), f") -> {returns}:", *indented(body)]

    def _head(self, name: str, types: Sequence[str], *more: str) -> list[str]:
        # What `wait_all` waits for stands before its times, a grace after them.
        first = [text for text in more if text is not _GRACE]
        last = [text for text in more if text is _GRACE]
        parameters = ["self", *types, "/", "*", *first, _TIMEOUT, _POLL, *last, self._progress]
        lines = [f"{self._colour.define} {name}("]
        return lines + indented(f"{parameter}," for parameter in parameters)

    def _call(self, name: str, positional: Sequence[str], more: Sequence[str]) -> list[str]:
        keywords = [*more, *_names(_TIMEOUT, _POLL), "on_progress"]
        arguments = ["self._caller", self._plan.lifecycle, *positional]
        arguments += [f"{keyword}={keyword}" for keyword in keywords]
        head = f"{self._colour.runtime(name)}("
        return [head, *indented(f"{argument}," for argument in arguments), ")"]

    def _arguments(
        self, *grace: str, what: str = "resource", more: Sequence[str] = ()
    ) -> list[str]:
        showing = self._showing
        each = "The resource as" if what == "resource" else "Each as"
        target = f"{each} last seen, or its id." if showing.resource_id else "Its id."
        if showing.updated_at and showing.resource_id:
            target += (
                " What `create`, `update` or `get` returned is the baseline: a state from before"
                " it is not believed. An id has none, and any state counts."
            )
        lines = [
            "Args:",
            *_hanging(f"{what}: {target}"),
            *(line for text in more for line in _hanging(text)),
            *_hanging("timeout_seconds: How long to wait in all."),
            *_hanging(
                "poll_seconds: How long to pause after the first read. Pauses grow by half while"
                " nothing changes, up to 15 s."
            ),
        ]
        if grace:
            lines += _hanging(f"error_grace_seconds: How long to bear with {self._unwell()}.")
        return [
            *lines,
            *_hanging("on_progress: Called with each newly seen state; what it raises ends it."),
        ]

    def _unwell(self) -> str:
        showing = self._showing
        states = [showing.in_error[0]] if showing.in_error else []
        states += ["a disabled one that is not ready"] if showing.disabled else []
        text = " or with ".join(states) or "a state of error, which this API has not"
        return f"{text}: 0 for not at all, None for no limit"

    def _ends(self) -> list[str]:
        showing = self._showing
        bad = [showing.failed[0]] if showing.failed else []
        bad += [f"{showing.in_error[0]} for too long"] if showing.in_error else []
        ends: list[str] = []
        if bad:
            text = f"FAILED_PRECONDITION, the state is {', or '.join(bad)}"
            ends.append(text + (", with the conditions as details" * bool(showing.conditions)))
        return [*ends, "NOT_FOUND, it is going, gone or another one by now"]

    def _errors(self, late: str, *others: str) -> list[str]:
        text = "; ".join(
            (f"WaitError: DEADLINE_EXCEEDED, {late}", *others, "CANCELLED, the client was closed.")
        )
        return [
            "",
            "Raises:",
            *_hanging(text),
            *_hanging("RpcError: A read failed in a way that waiting does not mend."),
            *_hanging("TypeError: An argument of the wrong type."),
            *_hanging("ValueError: The id is empty, or a duration is not positive."),
        ]


def _names(*parameters: str) -> list[str]:
    return [parameter.partition(":")[0] for parameter in parameters]


def _quoted(text: str) -> str:
    return f'"{text}"' if text else ""


def _tuple(names: tuple[str, ...]) -> str:
    inner = ", ".join(map(_quoted, names))
    return f"({inner},)" if len(names) == 1 else f"({inner})" if names else ""


def _hanging(text: str) -> list[str]:
    first, *rest = wrapped(text, WIDTH - 16)
    return [f"    {first}", *(f"        {line}" for line in rest)]
