"""protoc-gen-triwire: a protoc and buf plugin that writes typed clients, servers and OpenAPI.

Descriptors become a model, the model a plan (which module holds what, under which names), and
the plan text. Nothing in here knows a particular API.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.protobuf.compiler.plugin_pb2 import CodeGeneratorRequest, CodeGeneratorResponse

    from triwire.plugin.model import Api
    from triwire.plugin.options import Options

__all__ = ["generate", "main"]


def _read_text(path: str) -> str:
    return Path(path).read_text(encoding="utf-8")


def generate(
    request: CodeGeneratorRequest, *, read_text: Callable[[str], str] = _read_text
) -> CodeGeneratorResponse:
    """Answer one request; what is wrong with it becomes the response's error.

    Args:
        request: As protoc or buf sends it, out of `parse_request`.
        read_text: Reads a file that an option names.
    """
    from google.protobuf.compiler.plugin_pb2 import CodeGeneratorResponse
    from google.protobuf.descriptor_pb2 import Edition

    from triwire.plugin.failure import PluginError
    from triwire.plugin.options import parse_options
    from triwire.plugin.read import read_api

    response = CodeGeneratorResponse(
        supported_features=CodeGeneratorResponse.FEATURE_PROTO3_OPTIONAL
        | CodeGeneratorResponse.FEATURE_SUPPORTS_EDITIONS,
        minimum_edition=Edition.EDITION_PROTO2,
        maximum_edition=Edition.EDITION_2023,
    )
    try:
        options = parse_options(request.parameter)
        api = read_api(request.proto_file, request.file_to_generate)
        write = _openapi if options.emit == "openapi" else _python
        for name, content in write(api, options, read_text).items():
            response.file.add(name=name, content=content)
    except PluginError as error:
        del response.file[:]
        response.error = str(error)
    return response


def _python(api: Api, options: Options, read_text: Callable[[str], str]) -> dict[str, str]:
    from triwire._version import VERSION
    from triwire.plugin.module import module_text
    from triwire.plugin.plan import make_plan
    from triwire.plugin.service_config import parse_service_config

    retries = None
    if path := options.retry_config:
        text = _option_text("retry-config", path, read_text)
        retries = parse_service_config(text, where=path)
    plan = make_plan(api, options, retries=retries)
    return {
        f"{file.removesuffix('.proto').replace('-', '_')}_triwire.py": module_text(
            plan, module, version=VERSION
        )
        for file, module in plan.modules.items()
    }


def _openapi(api: Api, options: Options, read_text: Callable[[str], str]) -> dict[str, str]:
    from triwire._version import VERSION
    from triwire.plugin.openapi import documents, parse_patch

    patch = None
    if path := options.openapi_patch:
        patch = parse_patch(_option_text("openapi-patch", path, read_text), where=path)
    return documents(api, version=VERSION, patch=patch, where=options.openapi_patch)


def _option_text(option: str, path: str, read_text: Callable[[str], str]) -> str:
    from triwire.plugin.failure import PluginError

    try:
        return read_text(path)
    except (OSError, UnicodeDecodeError) as error:
        raise PluginError(f"option {option}: cannot read {path!r}: {error}") from error


def main() -> int:
    """Read a CodeGeneratorRequest on stdin, write the response on stdout, return the exit code."""
    from google.protobuf.compiler.plugin_pb2 import CodeGeneratorResponse

    from triwire.plugin.failure import PluginError
    from triwire.plugin.read import parse_request

    try:
        request = parse_request(sys.stdin.buffer.read())
    except PluginError as error:
        response = CodeGeneratorResponse(error=str(error))
    else:
        response = generate(request)
    sys.stdout.buffer.write(response.SerializeToString())
    return 0
