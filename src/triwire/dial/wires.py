"""Names of the wires. Pure."""

from __future__ import annotations

from typing import Final

__all__ = ["WIRES", "check_wire"]

WIRES: Final = ("connect", "grpc", "grpc-web", "rest")


def check_wire(name: str) -> str:
    """Return `name` if it names a wire.

    Raises:
        ValueError: it does not; the message lists those that do.
    """
    if name not in WIRES:
        message = f"unknown transport {name!r}: expected one of {', '.join(map(repr, WIRES))}"
        raise ValueError(message)
    return name
