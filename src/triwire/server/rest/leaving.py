"""Clients that go away before they are answered."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

from triwire.server.rest.scope import DisconnectedError

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from triwire.server.rest.scope import Receive

__all__ = ["unless_left"]

T = TypeVar("T")


async def unless_left(work: Awaitable[T], receive: Receive) -> T:
    """Return what `work` gives; cancel it when the client goes away.

    Raises:
        DisconnectedError: The client went away.
    """
    working = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(_disconnect(receive))
    leaving.add_done_callback(lambda _: working.cancel())
    try:
        return await working
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if not leaving.done() or (task is not None and task.cancelling()):
            raise
        raise DisconnectedError from None
    finally:
        leaving.cancel()


async def _disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
