"""`cw-inference demo`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from coreweave_inference.cli.subcommands import Subcommands

__all__ = ["add_command"]


def add_command(commands: Subcommands) -> None:
    """Add the command to the command line."""
    del commands
