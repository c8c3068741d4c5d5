"""`cw-inference emulator`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from coreweave_inference.cli.subcommands import Subcommands
    from coreweave_inference.emulator.settings import Behaviour, ServerSettings

__all__ = ["add_command"]

_DESCRIPTION = """\
Serve the CoreWeave Inference API on this machine: gRPC, Connect, gRPC-Web and REST on one port.
It prints its address and two tokens, an Inference Admin's and an Inference Viewer's. What it
does where the API's documentation is silent stands in docs/emulator.md.
"""


def add_command(commands: Subcommands) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "emulator", help="serve the API on this machine", description=_DESCRIPTION
    )
    serving = parser.add_argument_group("serving")
    serving.add_argument(
        "--host", default="127.0.0.1", help="name or IP address to listen on (%(default)s)"
    )
    serving.add_argument(
        "--port",
        type=_integer(0, 65535),
        default=8080,
        help="port to listen on; 0 takes any free one (%(default)s)",
    )
    serving.add_argument(
        "--tls-cert", type=Path, metavar="FILE", help="serve TLS with this PEM certificate chain"
    )
    serving.add_argument(
        "--tls-key", type=Path, metavar="FILE", help="its private key, PEM without a passphrase"
    )
    serving.add_argument(
        "--max-body-bytes",
        type=_integer(1, 2**31 - 1),
        default=4 * 1024 * 1024,
        metavar="N",
        help="largest request message (%(default)s)",
    )
    testing = parser.add_argument_group("faults (docs/emulator.md)")
    testing.add_argument(
        "--faults",
        type=Path,
        metavar="FILE",
        help="let go wrong what this JSON script says",
    )
    testing.add_argument(
        "--admin-port",
        type=_integer(0, 65535),
        metavar="PORT",
        help="serve the admin interface, which changes faults and clock while the emulator runs; "
        "0 takes any free port (default: no interface)",
    )
    testing.add_argument(
        "--admin-host",
        default="127.0.0.1",
        metavar="HOST",
        help="where the admin interface listens; it knows no tokens (%(default)s)",
    )
    state = parser.add_argument_group("state")
    state.add_argument(
        "--database",
        type=Path,
        metavar="FILE",
        help="keep everything in this SQLite file (default: in memory, gone at the end)",
    )
    state.add_argument(
        "--tokens",
        type=Path,
        metavar="FILE",
        help="tokens to accept, one 'TOKEN ORGANIZATION ROLE' a line, roles admin, viewer and "
        "none (default: two fresh ones, printed)",
    )
    behaviour = parser.add_argument_group("behaviour (docs/emulator.md)")
    behaviour.add_argument(
        "--transition-seconds",
        type=_seconds,
        default=2.0,
        metavar="S",
        help="time until a change ends in READY, or a deletion is done; 0: at once (%(default)s)",
    )
    behaviour.add_argument(
        "--merge-dns",
        action="store_true",
        help="an update adds additional_dns to what is there instead of replacing it",
    )
    behaviour.add_argument(
        "--unique-names",
        action="store_true",
        help="refuse a second resource of the same kind and name",
    )
    behaviour.add_argument(
        "--disabled-stays-creating",
        action="store_true",
        help="a disabled deployment does not become READY",
    )
    behaviour.add_argument(
        "--max-resources",
        type=_integer(0, 2**31 - 1),
        metavar="N",
        help="refuse more resources of one kind in an organization (default: no limit)",
    )
    behaviour.add_argument(
        "--documented-style",
        action="store_true",
        help="answer REST in the spelling of the reference pages: condition status True, False, "
        "Unknown, and the HTTP status as code of errors",
    )
    behaviour.add_argument(
        "--reject-unknown-fields",
        action="store_true",
        help="refuse JSON with fields that the contract does not have",
    )
    parser.set_defaults(run=_run, usage_error=parser.error)


def _run(arguments: argparse.Namespace) -> int:
    from coreweave_inference.emulator.access import new_token

    fresh = (new_token(), new_token())
    try:
        settings = _settings(arguments, fresh)
    except _Problem as problem:
        return _fail(problem)
    return _serve(arguments, settings, None if arguments.tokens else fresh)


def _serve(
    arguments: argparse.Namespace, settings: ServerSettings, tokens: tuple[str, str] | None
) -> int:
    from coreweave_inference.emulator.process import EmulatorProcess, Listen, StartError, run

    if (arguments.tls_cert is None) != (arguments.tls_key is None):
        arguments.usage_error("--tls-cert and --tls-key go together")
    tls = (arguments.tls_cert, arguments.tls_key) if arguments.tls_cert else None

    def started(process: EmulatorProcess) -> None:
        print(f"listening on {process.url}")
        if process.admin_url:
            print(f"admin interface on {process.admin_url}")
        if tokens is None:
            print(f"tokens: those of {arguments.tokens}")
        else:
            print(f"admin token:  {tokens[0]}")
            print(f"viewer token: {tokens[1]}")
        sys.stdout.flush()

    port = arguments.admin_port
    admin = None if port is None else Listen(arguments.admin_host, port)
    try:
        run(Listen(arguments.host, arguments.port, tls), settings, started=started, admin=admin)
    except StartError as error:
        return _fail(error)
    return 0


class _Problem(Exception):  # noqa: N818 - never leaves this module
    """An argument that is well formed and cannot be used."""


def _settings(arguments: argparse.Namespace, fresh: tuple[str, str]) -> ServerSettings:
    from coreweave_inference.emulator.access import Access, development_tokens
    from coreweave_inference.emulator.settings import ServerSettings

    tokens = development_tokens(*fresh)
    if arguments.tokens is not None:
        try:
            tokens = arguments.tokens.read_text()
            Access.parse(tokens)
        except (OSError, UnicodeDecodeError) as error:
            raise _Problem(f"cannot read --tokens {str(arguments.tokens)!r}: {error}") from error
        except ValueError as error:
            raise _Problem(f"--tokens {str(arguments.tokens)!r}: {error}") from error
    if arguments.database is not None:
        _check_database(arguments.database)
    return ServerSettings(
        behaviour=_behaviour(arguments),
        tokens=tokens,
        database=None if arguments.database is None else str(arguments.database.absolute()),
        documented_style=arguments.documented_style,
        reject_unknown_fields=arguments.reject_unknown_fields,
        max_body_bytes=arguments.max_body_bytes,
        faults=None if arguments.faults is None else _faults(arguments.faults),
    )


def _faults(path: Path) -> str:
    from coreweave_inference.emulator.faults.script import FaultScript

    try:
        text = path.read_text()
        FaultScript.parse(text)
    except (OSError, UnicodeDecodeError) as error:
        raise _Problem(f"cannot read --faults {str(path)!r}: {error}") from error
    except ValueError as error:
        raise _Problem(f"--faults {str(path)!r}: {error}") from error
    return text


def _behaviour(arguments: argparse.Namespace) -> Behaviour:
    from coreweave_inference.emulator.settings import Behaviour

    return Behaviour(
        transition_seconds=arguments.transition_seconds,
        merge_dns=arguments.merge_dns,
        unique_names=arguments.unique_names,
        disabled_stays_creating=arguments.disabled_stays_creating,
        max_resources=arguments.max_resources,
    )


def _check_database(path: Path) -> None:
    try:
        from coreweave_inference.emulator.store import Store, StoreError
    except ImportError as error:
        raise _Problem(
            f"the emulator needs the package {error.name!r}: "
            "install it with `pip install 'triwire[emulator]'`"
        ) from error
    try:
        Store(str(path.absolute())).close()
    except StoreError as error:
        raise _Problem(str(error)) from error


def _fail(error: Exception) -> int:
    print(f"cw-inference emulator: {error}", file=sys.stderr)
    return 1


def _integer(low: int, high: int) -> Callable[[str], int]:
    def integer(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = low - 1
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"expected an integer {low} to {high}, got {text!r}")
        return value

    return integer


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 365 * 24 * 3600:
        raise argparse.ArgumentTypeError(f"expected seconds, 0 or more, got {text!r}")
    return value
