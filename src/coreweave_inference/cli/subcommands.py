"""The type of what argparse's add_subparsers returns, for which it has no public name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from argparse import ArgumentParser

__all__ = ["Subcommands"]


class Subcommands(Protocol):
    """Where a command adds its parser."""

    def add_parser(
        self,
        name: str,
        *,
        help: str | None = None,  # noqa: A002 - argparse's name
        description: str | None = None,
    ) -> ArgumentParser:
        """Add a parser for one command."""
        ...
