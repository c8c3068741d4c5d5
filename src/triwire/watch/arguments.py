"""What a caller of `watch` may ask for. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from triwire.watch.events import Bookmark, Failed, Synced

if TYPE_CHECKING:
    from collections.abc import Collection

    from triwire.watch.events import Marker

__all__ = ["unwanted_markers"]

_MARKERS: Final = (Synced, Bookmark, Failed)


def unwanted_markers(include: Collection[type[Marker]]) -> tuple[type[Marker], ...]:
    """Return the markers that are not asked for.

    Raises:
        TypeError: something else than the three classes.
    """
    wanted: Collection[Any] = include
    for each in wanted:
        if each not in _MARKERS:
            names = ", ".join(marker.__name__ for marker in _MARKERS)
            raise TypeError(f"include: expected classes among {names}, got {each!r}")
    return tuple(marker for marker in _MARKERS if marker not in wanted)
