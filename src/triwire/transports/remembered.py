"""A pure function that is not asked the same thing twice in a row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Remembered"]

P = ParamSpec("P")
T = TypeVar("T")


class Remembered(Generic[P, T]):
    """Calls a function, or returns what it returned last if the arguments are equal.

    One result is kept, with its arguments: what a client sends again and again. Threads may call
    at once; then the last of them is remembered.

    Args:
        make: The function; of nothing but its arguments. Its result is shared: immutable.
    """

    __slots__ = ("_last", "_make")

    def __init__(self, make: Callable[P, T]) -> None:
        self._make = make
        # Exchanged as a whole, for threads.
        self._last: tuple[object, object, T] | None = None

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what the function returns."""
        last = self._last
        if last is None or last[0] != args or last[1] != kwargs:
            last = self._last = (args, kwargs, self._make(*args, **kwargs))
        return last[2]
