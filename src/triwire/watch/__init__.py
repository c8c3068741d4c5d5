"""A correct change stream out of a plain List with `updated_after`.

`client.<resources>.watch()` is the way in; here are the classes of its events, its options and
errors, and the hub for those who write generated clients of their own together.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from triwire.watch.aio import AsyncWatch, AsyncWatchHub
    from triwire.watch.events import (
        Added,
        Bookmark,
        Deleted,
        Event,
        Failed,
        Marker,
        Modified,
        ObjectEvent,
        Reason,
        Synced,
    )
    from triwire.watch.kind import WatchKind
    from triwire.watch.options import WatchOptions
    from triwire.watch.sync import Watch, WatchHub
    from triwire.watch.tokens import InvalidTokenError, TokenExpiredError, TokenScopeError

__all__ = [
    "Added",
    "AsyncWatch",
    "AsyncWatchHub",
    "Bookmark",
    "Deleted",
    "Event",
    "Failed",
    "InvalidTokenError",
    "Marker",
    "Modified",
    "ObjectEvent",
    "Reason",
    "Synced",
    "TokenExpiredError",
    "TokenScopeError",
    "Watch",
    "WatchHub",
    "WatchKind",
    "WatchOptions",
]

# Loaded with their first use: generated clients import this package for WatchKind alone.
_HOME: Final = {
    "AsyncWatch": "aio",
    "AsyncWatchHub": "aio",
    "InvalidTokenError": "tokens",
    "TokenExpiredError": "tokens",
    "TokenScopeError": "tokens",
    "Watch": "sync",
    "WatchHub": "sync",
    "WatchKind": "kind",
    "WatchOptions": "options",
}


if not TYPE_CHECKING:  # Type checkers would take any name for one of this module.

    def __getattr__(name: str) -> object:
        """Load a name on first use."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        home = import_module(f"{__name__}.{_HOME.get(name, 'events')}")
        value = getattr(home, name)
        globals()[name] = value
        return value
