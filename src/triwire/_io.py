"""Hand-written sync/async pairs: the one module of the client half that knows both worlds."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Coroutine, Generator, Iterable
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from google.protobuf.message import Message

__all__ = [
    "AsyncClock",
    "AsyncSystemClock",
    "Clock",
    "HandlerColourError",
    "SystemClock",
    "async_messages",
    "async_resolve",
    "draw_fraction",
    "draw_uuid",
    "messages",
    "resolve",
]

MessageT = TypeVar("MessageT", bound="Message")


class Clock(Protocol):
    """Time as blocking code sees it."""

    def monotonic_seconds(self) -> float:
        """Return seconds since an arbitrary start; never goes back."""
        ...

    def sleep(self, seconds: float) -> None:
        """Block the calling thread."""
        ...


class AsyncClock(Protocol):
    """Time as coroutines see it."""

    def monotonic_seconds(self) -> float:
        """Return seconds since an arbitrary start; never goes back."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Suspend the calling task."""
        ...


class SystemClock:
    """The operating system's clock."""

    def monotonic_seconds(self) -> float:
        """Return `time.monotonic()`."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Call `time.sleep`."""
        time.sleep(seconds)


class AsyncSystemClock:
    """The operating system's clock; sleeping suspends the task on its event loop."""

    def monotonic_seconds(self) -> float:
        """Return `time.monotonic()`."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Call `asyncio.sleep`."""
        # 14 ms to import, which sync clients need not pay.
        import asyncio

        await asyncio.sleep(seconds)


def draw_fraction() -> float:
    """Return an evenly distributed number from 0 to 1, for jitter."""
    import random

    return random.random()  # noqa: S311 - jitter is no secret


def draw_uuid() -> str:
    """Return a new random UUID (version 4)."""
    import uuid

    return str(uuid.uuid4())


_clock: type[Clock] = SystemClock
_async_clock: type[AsyncClock] = AsyncSystemClock


class HandlerColourError(TypeError):
    """A handler that only async code can run was called from blocking code."""


async def async_resolve(result: MessageT | Awaitable[MessageT]) -> MessageT:
    """Return a handler's result, awaited if it is awaitable."""
    if isinstance(result, Awaitable):
        return await result
    return result


def resolve(result: MessageT | Awaitable[MessageT]) -> MessageT:
    """Return a handler's result.

    Raises:
        HandlerColourError: it is awaitable, which blocking code cannot wait for.
    """
    if isinstance(result, Awaitable):
        if isinstance(result, Coroutine):
            result.close()
        message = "this handler is a coroutine function: call it through the async client"
        raise HandlerColourError(message)
    return result


async def async_messages(
    result: AsyncIterable[MessageT] | Iterable[MessageT],
) -> AsyncGenerator[MessageT, None]:
    """Iterate over a handler's responses, closing them when the iteration ends early."""
    if isinstance(result, AsyncIterable):
        iterator: Any = aiter(result)
        try:
            async for message in iterator:
                yield message
        finally:
            close = getattr(iterator, "aclose", None)
            if close is not None:
                await close()
        return
    for message in messages(result):
        yield message


def messages(
    result: AsyncIterable[MessageT] | Iterable[MessageT],
) -> Generator[MessageT, None, None]:
    """Iterate over a handler's responses, closing them when the iteration ends early.

    Raises:
        HandlerColourError: they are iterated with `async for`, which blocking code cannot.
    """
    if isinstance(result, AsyncIterable):
        text = "this handler is an async generator: call it through the async client"
        raise HandlerColourError(text)
    iterator: Any = iter(result)
    try:
        yield from iterator
    finally:
        close = getattr(iterator, "close", None)
        if close is not None:
            close()
