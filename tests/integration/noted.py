"""What a client calls, as an interceptor of it sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from triwire.interceptors import Call, Interception

__all__ = ["NotedCalls"]


class NotedCalls:
    """The names of the methods that a client calls, from whatever thread."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def note(self, call: Call) -> Interception:
        """Note a call; an interceptor."""
        self.names.append(call.method.name)
        return (yield call)

    def count(self, name: str) -> int:
        """Return how often a method was called."""
        return self.names.count(name)
