"""`cw-inference demo`: every method, on every wire, sync and async, against the emulator."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Final

from triwire.dial.wires import WIRES

if TYPE_CHECKING:
    import argparse

    from coreweave_inference.cli.demo.report import Report
    from coreweave_inference.cli.subcommands import Subcommands

__all__ = ["add_command"]

_COLOURS: Final = ("sync", "async")
# Long enough for the waits to see CREATING and UPDATING, short enough for 24 of each.
_TRANSITION_SECONDS: Final = 0.05

_DESCRIPTION = """\
Start the emulator, and create, list, update, await and delete gateways, capacity claims and
deployments with the client: each of the 18 methods, over gRPC, Connect, gRPC-Web and REST, sync
and async. Prints a line per call with its duration in milliseconds, one per event of the watch that
runs beside the deployment's life, and a summary.
"""


def add_command(commands: Subcommands) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "demo", help="call every method on every wire", description=_DESCRIPTION
    )
    parser.add_argument(
        "--transport",
        action="append",
        choices=WIRES,
        metavar="WIRE",
        help=f"only this wire, one of {', '.join(WIRES)}; may be repeated",
    )
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from coreweave_inference.cli.demo.report import Report
    from coreweave_inference.emulator.access import development_tokens, new_token
    from coreweave_inference.emulator.process import EmulatorProcess, Listen, StartError
    from coreweave_inference.emulator.settings import Behaviour, ServerSettings

    admin = new_token()
    settings = ServerSettings(
        behaviour=Behaviour(transition_seconds=_TRANSITION_SECONDS),
        tokens=development_tokens(admin, new_token()),
    )
    report = Report()
    start = time.monotonic()
    try:
        with EmulatorProcess(Listen(), settings) as emulator:
            for wire in dict.fromkeys(arguments.transport or WIRES):
                for colour in _COLOURS:
                    report.run(wire, colour)
                    _run_one(emulator.url, admin, wire, colour, report)
    except StartError as error:
        print(f"cw-inference demo: {error}", file=sys.stderr)
        return 1
    print(report.summary(time.monotonic() - start))
    return 1 if report.failures else 0


def _run_one(url: str, token: str, wire: str, colour: str, report: Report) -> None:
    from coreweave_inference.cli.demo import aio, sync
    from coreweave_inference.cli.demo.report import StepFailedError

    try:
        if colour == "sync":
            sync.run(url, token=token, wire=wire, report=report)
        else:
            import asyncio

            asyncio.run(aio.run(url, token=token, wire=wire, report=report))
    except StepFailedError:
        return  # reported; the other wires may still work
