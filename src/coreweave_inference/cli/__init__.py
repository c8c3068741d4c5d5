"""`cw-inference`: the emulator and the demo."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from coreweave_inference.cli import demo, emulator
from triwire._version import VERSION

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main", "parser"]


def parser() -> argparse.ArgumentParser:
    """Return the whole command line's parser."""
    made = argparse.ArgumentParser(
        prog="cw-inference",
        description="Tools for the CoreWeave Inference API: an emulator of it, and a demo.",
        allow_abbrev=False,
    )
    made.add_argument("--version", action="version", version=f"cw-inference {VERSION}")
    commands = made.add_subparsers(title="commands", metavar="COMMAND", required=True)
    emulator.add_command(commands)
    demo.add_command(commands)
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: Arguments without the program's name; by default the process's own.

    Returns:
        The exit status: 0, 1 if the command failed, 2 if it was not understood. argparse
        itself exits with 2, and with 0 after --help and --version.
    """
    arguments = parser().parse_args(argv)
    try:
        return int(arguments.run(arguments))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader of our output went away (`| head`): nothing to say, and nobody to hear it.
        sys.stderr.close()
        return 1
