"""The only module that generated code imports. A contract: names here are never taken away.

Importing generated code has to be cheap: it loads no transport, no call loop and no event loop.
What its module level needs is imported here; everything else loads when it is first used.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Iterable, Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

from google.protobuf.message import Message

from triwire.errors import Code
from triwire.resource.lifecycle import ERROR_GRACE_SECONDS, POLL_SECONDS, Lifecycle, Listing
from triwire.resource.once import Creation, Deletion
from triwire.retry import HedgingPolicy, RetryPolicy, RetryThrottling
from triwire.spec import HttpRule, Idempotency, MethodSpec, Response, StreamKind
from triwire.watch.kind import WatchKind

if TYPE_CHECKING:
    from triwire.call.aio import AsyncCaller
    from triwire.call.stream.aio import AsyncResponseStream
    from triwire.call.stream.sync import ResponseStream
    from triwire.call.sync import Caller
    from triwire.resource.aio import (
        async_create_once,
        async_delete_once,
        async_delete_quietly,
        async_list_pages,
    )
    from triwire.resource.build import build_request, build_request_by_id
    from triwire.resource.edit import Change, changed_request, mask_changes, update_request
    from triwire.resource.sync import (
        create_once,
        delete_once,
        delete_quietly,
        list_pages,
    )
    from triwire.resource.waiting.aio import (
        async_wait_all,
        async_wait_for,
        async_wait_until_deleted,
        async_wait_until_ready,
    )
    from triwire.resource.waiting.sync import (
        wait_all,
        wait_for,
        wait_until_deleted,
        wait_until_ready,
    )
    from triwire.server.service import MethodHandler, ServerContext, Service
    from triwire.watch.aio import AsyncWatch, async_watch
    from triwire.watch.engine import OnExpired
    from triwire.watch.events import Event, Marker, ObjectEvent
    from triwire.watch.options import WatchOptions
    from triwire.watch.sync import Watch, watch

__all__ = [
    "ERROR_GRACE_SECONDS",
    "POLL_SECONDS",
    "Answer",
    "Answers",
    "AsyncCaller",
    "AsyncResponseStream",
    "AsyncWatch",
    "Caller",
    "Change",
    "Code",
    "Creation",
    "Deletion",
    "Event",
    "HedgingPolicy",
    "HttpRule",
    "Idempotency",
    "JsonValue",
    "Lifecycle",
    "Listing",
    "Marker",
    "MethodHandler",
    "MethodSpec",
    "ObjectEvent",
    "OnExpired",
    "Requests",
    "Response",
    "ResponseStream",
    "RetryPolicy",
    "RetryThrottling",
    "ServerContext",
    "Service",
    "StreamKind",
    "Watch",
    "WatchKind",
    "WatchOptions",
    "async_create_once",
    "async_delete_once",
    "async_delete_quietly",
    "async_list_pages",
    "async_wait_all",
    "async_wait_for",
    "async_wait_until_deleted",
    "async_wait_until_ready",
    "async_watch",
    "build_request",
    "build_request_by_id",
    "changed_request",
    "create_once",
    "delete_once",
    "delete_quietly",
    "list_pages",
    "mask_changes",
    "update_request",
    "wait_all",
    "wait_for",
    "wait_until_deleted",
    "wait_until_ready",
    "watch",
]

MessageT = TypeVar("MessageT", bound=Message)

# What a method of a server returns: the response, or a coroutine that does.
Answer: TypeAlias = MessageT | Awaitable[MessageT]

# What a method whose server streams returns: best the generator that it is.
Answers: TypeAlias = AsyncIterable[MessageT] | Iterable[MessageT]

# What a method of a server gets whose client streams.
Requests: TypeAlias = AsyncIterator[MessageT]

# What a google.protobuf.Value can be given as.
JsonValue: TypeAlias = str | float | bool | Mapping[str, Any] | Sequence[Any]

_HOME: Final = {
    "AsyncCaller": "triwire.call.aio",
    "AsyncResponseStream": "triwire.call.stream.aio",
    "AsyncWatch": "triwire.watch.aio",
    "Caller": "triwire.call.sync",
    "Change": "triwire.resource.edit",
    "Event": "triwire.watch.events",
    "Marker": "triwire.watch.events",
    "MethodHandler": "triwire.server.service",
    "ObjectEvent": "triwire.watch.events",
    "OnExpired": "triwire.watch.engine",
    "ResponseStream": "triwire.call.stream.sync",
    "ServerContext": "triwire.server.service",
    "Service": "triwire.server.service",
    "Watch": "triwire.watch.sync",
    "WatchOptions": "triwire.watch.options",
    "async_create_once": "triwire.resource.aio",
    "async_delete_once": "triwire.resource.aio",
    "async_delete_quietly": "triwire.resource.aio",
    "async_list_pages": "triwire.resource.aio",
    "async_wait_all": "triwire.resource.waiting.aio",
    "async_wait_for": "triwire.resource.waiting.aio",
    "async_wait_until_deleted": "triwire.resource.waiting.aio",
    "async_wait_until_ready": "triwire.resource.waiting.aio",
    "async_watch": "triwire.watch.aio",
    "build_request": "triwire.resource.build",
    "build_request_by_id": "triwire.resource.build",
    "changed_request": "triwire.resource.edit",
    "create_once": "triwire.resource.sync",
    "delete_once": "triwire.resource.sync",
    "delete_quietly": "triwire.resource.sync",
    "list_pages": "triwire.resource.sync",
    "mask_changes": "triwire.resource.edit",
    "update_request": "triwire.resource.edit",
    "wait_all": "triwire.resource.waiting.sync",
    "wait_for": "triwire.resource.waiting.sync",
    "wait_until_deleted": "triwire.resource.waiting.sync",
    "wait_until_ready": "triwire.resource.waiting.sync",
    "watch": "triwire.watch.sync",
}


if not TYPE_CHECKING:  # Type checkers would take any name for one of this module.

    def __getattr__(name: str) -> object:
        """Load a name on first use."""
        home = _HOME.get(name)
        if home is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(home), name)
        globals()[name] = value
        return value
