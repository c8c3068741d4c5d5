"""The options of protoc-gen-triwire."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

from triwire.plugin.failure import PluginError

__all__ = ["Options", "parse_options"]

_KINDS: Final = ("python", "openapi")


@dataclass(frozen=True, slots=True)
class Options:
    """What can be said after `opt:` in buf.gen.yaml or `--triwire_opt=`.

    Attributes:
        prefix: Python package that the generated files are moved below, `_pb2` modules
            included: "acme.gen" makes `from acme.gen.library.v1 import library_pb2`. It holds
            for the files that are generated in the same run, not for what they import.
        retry_config: `retry-config=PATH`: a gRPC service config file, from which methods get
            their retry policies. Relative to where the compiler runs. Without it nothing is
            retried.
        emit: `python`, or `openapi` for OpenAPI documents instead.
        openapi_patch: `openapi-patch=PATH`: a JSON Merge Patch (RFC 7396) for every document,
            for what no .proto says: info, servers, security, examples. Relative as above.
    """

    prefix: str = ""
    retry_config: str = ""
    emit: str = "python"
    openapi_patch: str = ""

    def __post_init__(self) -> None:
        if self.emit not in _KINDS:
            allowed = ", ".join(_KINDS)
            raise PluginError(f"option emit: expected one of {allowed}, got {self.emit!r}")
        if self.openapi_patch and self.emit != "openapi":
            raise PluginError("option openapi-patch: expected emit=openapi beside it")
        if self.prefix and not all(part.isidentifier() for part in self.prefix.split(".")):
            raise PluginError(
                f"option prefix: expected a dotted Python package name, got {self.prefix!r}"
            )


def parse_options(parameter: str) -> Options:
    """Parse the parameter string of a CodeGeneratorRequest, `name=value` pairs with commas.

    Raises:
        PluginError: An unknown or repeated option, or a value that does not fit.
    """
    allowed = [field.name.replace("_", "-") for field in fields(Options)]
    given: dict[str, str] = {}
    for pair in parameter.split(","):
        if not pair.strip():
            continue
        name, equals, value = pair.strip().partition("=")
        if name not in allowed:
            raise PluginError(f"unknown option {name!r}: allowed are {', '.join(allowed)}")
        if not equals:
            raise PluginError(f"option {name}: expected {name}=value")
        if name in given:
            raise PluginError(f"option {name} is given twice")
        given[name] = value
    return Options(**{name.replace("-", "_"): value for name, value in given.items()})
