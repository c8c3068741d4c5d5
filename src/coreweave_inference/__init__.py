"""Client, emulator and command line of the CoreWeave Inference API.

Importing this package loads neither grpc nor an HTTP stack: each wire loads with its first
call, the clients when their names are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from triwire.auth import TokenFile
from triwire.cancellation import Cancellation
from triwire.errors import Code, RpcError, WaitError
from triwire.retry import HedgingPolicy, RetryPolicy
from triwire.transports.options import ConnectionOptions, WireOptions

if TYPE_CHECKING:
    from coreweave_inference.client.aio import AsyncInferenceClient
    from coreweave_inference.client.sync import InferenceClient
    from triwire.watch import Added, Bookmark, Deleted, Failed, Modified, Synced, WatchOptions

__all__ = [
    "Added",
    "AsyncInferenceClient",
    "Bookmark",
    "Cancellation",
    "Code",
    "ConnectionOptions",
    "Deleted",
    "Failed",
    "HedgingPolicy",
    "InferenceClient",
    "Modified",
    "RetryPolicy",
    "RpcError",
    "Synced",
    "TokenFile",
    "WaitError",
    "WatchOptions",
    "WireOptions",
]

_OF_WATCHES: Final = frozenset(
    {"Added", "Bookmark", "Deleted", "Failed", "Modified", "Synced", "WatchOptions"}
)


def __getattr__(name: str) -> object:
    # One colour does not load the other.
    if name == "InferenceClient":
        from coreweave_inference.client.sync import InferenceClient

        return InferenceClient
    if name == "AsyncInferenceClient":
        from coreweave_inference.client.aio import AsyncInferenceClient

        return AsyncInferenceClient
    if name in _OF_WATCHES:
        from triwire import watch

        return getattr(watch, name)
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)


def __dir__() -> list[str]:
    return sorted(__all__)
