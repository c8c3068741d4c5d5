"""The only module that generated code imports. A contract: names here are never taken away.

Loading it loads neither a transport nor the call loop nor an event loop, so that importing
generated code stays cheap; what is only named in annotations is imported for type checkers.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from google.protobuf.message import Message

from triwire.resource.aio import (
    async_list_pages,
    async_wait_until_deleted,
    async_wait_until_ready,
)
from triwire.resource.build import build_request, build_request_by_id
from triwire.resource.edit import Change, changed_request, mask_changes, update_request
from triwire.resource.lifecycle import POLL_SECONDS, Lifecycle
from triwire.resource.sync import list_pages, wait_until_deleted, wait_until_ready
from triwire.server.service import MethodHandler, ServerContext, Service
from triwire.spec import HttpRule, Idempotency, MethodSpec, Response, StreamKind

if TYPE_CHECKING:
    from triwire.call.aio import AsyncCaller as AsyncCaller  # noqa: PLC0414 - says that it is meant for others
    from triwire.call.sync import Caller as Caller  # noqa: PLC0414 - the same

__all__ = [
    "POLL_SECONDS",
    "Answer",
    "Change",
    "HttpRule",
    "Idempotency",
    "Lifecycle",
    "MethodHandler",
    "MethodSpec",
    "Response",
    "ServerContext",
    "Service",
    "StreamKind",
    "async_list_pages",
    "async_wait_until_deleted",
    "async_wait_until_ready",
    "build_request",
    "build_request_by_id",
    "changed_request",
    "list_pages",
    "mask_changes",
    "update_request",
    "wait_until_deleted",
    "wait_until_ready",
]

MessageT = TypeVar("MessageT", bound=Message)

# What a method of a server returns: the response, or a coroutine that does.
Answer: TypeAlias = MessageT | Awaitable[MessageT]
