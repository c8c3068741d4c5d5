"""protoc-gen-triwire: a protoc and buf plugin that writes typed clients and servers.

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

    from triwire._version import VERSION
    from triwire.plugin.failure import PluginError
    from triwire.plugin.module import module_text
    from triwire.plugin.options import parse_options
    from triwire.plugin.plan import make_plan
    from triwire.plugin.read import read_api
    from triwire.plugin.service_config import parse_service_config

    response = CodeGeneratorResponse(
        supported_features=CodeGeneratorResponse.FEATURE_PROTO3_OPTIONAL
        | CodeGeneratorResponse.FEATURE_SUPPORTS_EDITIONS,
        minimum_edition=Edition.EDITION_PROTO2,
        maximum_edition=Edition.EDITION_2023,
    )
    try:
        options = parse_options(request.parameter)
        api = read_api(request.proto_file, request.file_to_generate)
        retries = None
        if options.retry_config:
            retries = parse_service_config(
                _option_text(options.retry_config, read_text), where=options.retry_config
            )
        plan = make_plan(api, options, retries=retries)
        for file, module in plan.modules.items():
            response.file.add(
                name=f"{file.removesuffix('.proto').replace('-', '_')}_triwire.py",
                content=module_text(plan, module, version=VERSION),
            )
    except PluginError as error:
        del response.file[:]
        response.error = str(error)
    return response


def _option_text(path: str, read_text: Callable[[str], str]) -> str:
    from triwire.plugin.failure import PluginError

    try:
        return read_text(path)
    except (OSError, UnicodeDecodeError) as error:
        raise PluginError(f"option retry-config: cannot read {path!r}: {error}") from error


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
