"""Names of the wires. Pure."""

from __future__ import annotations

from typing import Final

__all__ = ["AUTO", "WIRES", "check_wire"]

WIRES: Final = ("connect", "grpc", "grpc-web", "rest")

#: Stands for whichever of them the network lets through.
AUTO: Final = "auto"


def check_wire(name: str) -> str:
    """Return `name` if it names a wire, or is "auto".

    Raises:
        ValueError: it does not; the message lists those that do.
    """
    names = (*WIRES, AUTO)
    if name not in names:
        message = f"unknown transport {name!r}: expected one of {', '.join(map(repr, names))}"
        raise ValueError(message)
    return name
