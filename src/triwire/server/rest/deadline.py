"""Handlers within their deadline, and what they raise as RpcErrors."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from triwire.errors import Code, RpcError
from triwire.server.rest.scope import DisconnectedError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from triwire.server.service import ServerContext

__all__ = ["deadline_of", "within"]

_log: Final = logging.getLogger("triwire.server")


def deadline_of(context: ServerContext) -> float | None:
    """Return when a call that starts now must be over, on the running loop's clock."""
    if context.timeout_seconds is None:
        return None
    return asyncio.get_running_loop().time() + context.timeout_seconds


@asynccontextmanager
async def within(deadline: float | None, context: ServerContext) -> AsyncGenerator[None, None]:
    """Run a block of a handler's work.

    Raises:
        DisconnectedError: The client went away.
        RpcError: The handler's own; DEADLINE_EXCEEDED; or INTERNAL with a fixed text for any
            other exception, which is logged.
    """
    limit = asyncio.timeout_at(deadline)
    try:
        async with limit:
            yield
    except (DisconnectedError, RpcError):
        raise
    except Exception as error:
        if isinstance(error, TimeoutError) and limit.expired():
            text = f"no answer within {context.timeout_seconds:g} s"
            raise RpcError(Code.DEADLINE_EXCEEDED, text) from error
        _log.exception("handler of %s failed", context.method.path)
        raise RpcError(Code.INTERNAL, "internal error") from error
