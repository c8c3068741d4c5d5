"""What differs between async and sync code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from triwire.plugin.plan import ServicePlan
    from triwire.plugin.resources import Call

__all__ = ["Colour", "spec_of"]


@dataclass(frozen=True, slots=True)
class Colour:
    """Async or sync."""

    is_async: bool

    @property
    def prefix(self) -> str:
        """What stands before class names."""
        return "Async" if self.is_async else ""

    @property
    def define(self) -> str:
        """What begins a method that makes calls."""
        return "async def" if self.is_async else "def"

    @property
    def wait(self) -> str:
        """What stands before a call."""
        return "await " if self.is_async else ""

    def runtime(self, name: str) -> str:
        """Return the name of a function of the runtime that makes calls."""
        return f"_runtime.async_{name}" if self.is_async else f"_runtime.{name}"


def spec_of(service: ServicePlan, call: Call) -> str:
    """Return the expression of the spec of a call's method."""
    at = service.service.methods.index(call.method)
    return f"{service.methods}.{service.constants[at]}"
