"""OpenAPI documents: one for each proto package with REST methods."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

from triwire.plugin.failure import PluginError
from triwire.plugin.openapi.names import SchemaNames
from triwire.plugin.openapi.operations import ERROR, bodies_of, operations
from triwire.plugin.openapi.patch import apply_patch
from triwire.plugin.openapi.prose import prose
from triwire.plugin.openapi.schemas import Schemas

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from triwire.plugin.model import Api, Service
    from triwire.plugin.openapi.operations import Operation
    from triwire.plugin.openapi.rules import Schema

__all__ = ["document", "documents"]

_VERSION: Final = re.compile(r"v\d+(?:(?:alpha|beta)\d*)?(?:p\d+\w*)?")


def documents(
    api: Api, *, version: str, patch: Schema | None = None, where: str = ""
) -> dict[str, str]:
    """Return the documents of a run, as JSON text, by path.

    Args:
        api: The files of the run.
        version: Of this program.
        patch: A JSON Merge Patch for every document.
        where: The file that it comes from, for errors.

    Raises:
        PluginError: Two methods have the same path and verb, or the patch does not fit.
    """
    packages: dict[str, list[Service]] = {}
    for path in api.targets:
        for service in api.files[path].services:
            packages.setdefault(api.files[path].package, []).append(service)
    found: dict[str, str] = {}
    for package, services in packages.items():
        content = document(api, package, services, version=version)
        if not content["paths"]:
            continue
        if patch is not None:
            content = apply_patch(content, patch, where=where)
        name = "/".join([*filter(None, package.split(".")), "openapi.json"])
        found[name] = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    return found


def document(api: Api, package: str, services: Iterable[Service], *, version: str) -> Schema:
    """Return the OpenAPI 3.1 document of the services of a package."""
    known = sorted(services, key=lambda service: service.name)
    sent, answered = _directions(api, known)
    schemas = Schemas(api, SchemaNames(api, package), sent=sent, answered=answered)
    paths: dict[str, Schema] = {}
    templates: dict[str, Operation] = {}
    for service in known:
        for method in service.methods:
            for operation in operations(api, service, method, schemas):
                _place(paths, templates, operation, where=f"{service.file}: {method.name}")
    error = schemas.error()
    last = package.rpartition(".")[2]
    return {
        "openapi": "3.1.0",
        "x-generated-by": f"protoc-gen-triwire {version}. DO NOT EDIT.",
        "info": {
            "title": package or "API",
            "version": last if _VERSION.fullmatch(last) else "0",
        },
        "tags": [_tag(service) for service in known],
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": schemas.components(),
            "responses": {ERROR: _error(error)},
        },
    }


def _directions(api: Api, services: Iterable[Service]) -> tuple[set[str], set[str]]:
    sent: set[str] = set()
    answered: set[str] = set()
    for service in services:
        for method in service.methods:
            into, out = bodies_of(api, method)
            sent |= into
            answered |= out
    return _closure(api, sent), _closure(api, answered)


def _closure(api: Api, roots: Iterable[str]) -> set[str]:
    """Return the messages that some hold, at any depth, themselves included."""
    found: set[str] = set()
    left = [*roots]
    while left:
        name = left.pop()
        if name in found or name not in api.messages:
            continue
        found.add(name)
        left += (field.type_name for field in api.messages[name].fields)
    return found


def _place(
    paths: dict[str, Schema], first: dict[str, Operation], operation: Operation, *, where: str
) -> None:
    """Put an operation at its path; paths that differ in names alone are one in OpenAPI."""
    same = first.setdefault(operation.path.shape, operation)
    content = operation.content
    if same is not operation:
        renamed = {
            own.name: its.name
            for own, its in zip(operation.path.parameters, same.path.parameters, strict=True)
        }
        content = {**content, "parameters": _renamed(content.get("parameters", []), renamed)}
        if not content["parameters"]:
            del content["parameters"]
    item = paths.setdefault(same.path.text(), {})
    if operation.verb in item:
        other = item[operation.verb]["operationId"]
        raise PluginError(
            f"{where}: {operation.verb.upper()} {same.path.text()} is {other} already"
        )
    item[operation.verb] = content


def _renamed(parameters: Iterable[Schema], names: Mapping[str, str]) -> list[Schema]:
    return [
        {**each, "name": names[each["name"]]} if each["in"] == "path" else each
        for each in parameters
    ]


def _tag(service: Service) -> Schema:
    text = prose(service.comment)
    return {"name": service.name, **({"description": text} if text else {})}


def _error(schema: Schema) -> Schema:
    # google/rpc/code.proto says which HTTP status a code has.
    return {
        "description": "An error. The HTTP status is the one of its google.rpc.Code.",
        "content": {
            "application/json": {
                "schema": schema,
                "example": {"code": 5, "message": "no such resource", "details": []},
            }
        },
    }
