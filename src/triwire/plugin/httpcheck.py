"""Checks on google.api.http rules, so that a wrong one fails here and not in a call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from triwire.plugin.failure import PluginError
from triwire.plugin.model import Kind
from triwire.transcode.httprule import TemplateError, parse_template

if TYPE_CHECKING:
    from triwire.plugin.model import Api, HttpBinding, Message, Method

__all__ = ["checked"]


def checked(api: Api, method: Method, *, where: str) -> None:
    """Check every binding of a method.

    Raises:
        PluginError: google/api/http.proto rules it out, or it names fields that are not there.
    """
    rule = method.http
    if rule is None:
        return
    request, response = api.messages[method.request], api.messages[method.response]
    for binding in (rule, *rule.additional):
        if binding is not rule and binding.additional:
            raise PluginError(f"{where}: additional_bindings cannot have bindings of their own")
        _check_binding(api, binding, request, response, where)


def _check_binding(
    api: Api, binding: HttpBinding, request: Message, response: Message, where: str
) -> None:
    if not binding.verb or not binding.template:
        raise PluginError(f"{where}: a google.api.http rule without a verb and a path")
    try:
        template = parse_template(binding.template)
    except TemplateError as error:
        raise PluginError(f"{where}: {error}") from error
    for variable in template.variables:
        _check_path(api, request, variable.field_path, where)
    if binding.body not in ("", "*") and request.field(binding.body) is None:
        raise PluginError(f"{where}: body: {request.full_name} has no field {binding.body!r}")
    if binding.response_body and response.field(binding.response_body) is None:
        raise PluginError(
            f"{where}: response_body: {response.full_name} has no field {binding.response_body!r}"
        )


def _check_path(api: Api, message: Message, path: tuple[str, ...], where: str) -> None:
    dotted = ".".join(path)
    for at, name in enumerate(path):
        field = message.field(name)
        if field is None:
            raise PluginError(f"{where}: {{{dotted}}}: {message.full_name} has no field {name!r}")
        if field.repeated or field.kind is Kind.MAP:
            raise PluginError(f"{where}: {{{dotted}}}: {name!r} holds many values")
        if at + 1 < len(path):
            if field.kind is not Kind.MESSAGE:
                raise PluginError(f"{where}: {{{dotted}}}: {name!r} is no message")
            message = api.messages[field.type_name]
