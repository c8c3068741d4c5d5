"""Typing names that Python 3.11 lacks, without loading typing_extensions: it costs 15 ms."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from typing_extensions import override
else:
    FunctionT = TypeVar("FunctionT")

    def override(function: FunctionT) -> FunctionT:
        """Return `function`; checkers see typing.override (PEP 698)."""
        return function


__all__ = ["override"]
