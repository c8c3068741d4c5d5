"""Hand-written sync/async pairs: the one module of the client half that knows both worlds."""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Coroutine, Generator, Iterable
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    import asyncio
    from contextlib import AbstractContextManager

    from google.protobuf.message import Message

__all__ = [
    "AsyncClock",
    "AsyncSystemClock",
    "Clock",
    "Event",
    "HandlerColourError",
    "SystemClock",
    "async_messages",
    "async_new_event",
    "async_resolve",
    "draw_fraction",
    "draw_uuid",
    "messages",
    "new_event",
    "new_lock",
    "resolve",
]

MessageT = TypeVar("MessageT", bound="Message")


class Event(Protocol):
    """What both kinds of events have in common."""

    def set(self) -> None:
        """Wake whoever waits for it."""
        ...

    def clear(self) -> None:
        """Make the next wait last until it is set again."""
        ...


class Clock(Protocol):
    """Time as blocking code sees it."""

    def monotonic_seconds(self) -> float:
        """Return seconds since an arbitrary start; never goes back."""
        ...

    def sleep(self, seconds: float) -> None:
        """Block the calling thread."""
        ...

    def wait(self, event: threading.Event, seconds: float | None) -> None:
        """Block it until an event is set, at most so long; None for as long as it takes."""
        ...


class AsyncClock(Protocol):
    """Time as coroutines see it."""

    def monotonic_seconds(self) -> float:
        """Return seconds since an arbitrary start; never goes back."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Suspend the calling task."""
        ...

    async def wait(self, event: asyncio.Event, seconds: float | None) -> None:
        """Suspend it until an event is set, at most so long; None for as long as it takes."""
        ...


class SystemClock:
    """The operating system's clock."""

    def monotonic_seconds(self) -> float:
        """Return `time.monotonic()`."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Call `time.sleep`."""
        time.sleep(seconds)

    def wait(self, event: threading.Event, seconds: float | None) -> None:
        """Call `event.wait`."""
        event.wait(seconds)


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

    async def wait(self, event: asyncio.Event, seconds: float | None) -> None:
        """Wait for the event; when the time is up, it is set."""
        if seconds is None:
            await event.wait()
            return
        import asyncio

        # wait_for() makes a task of each wait on Python 3.11; a timer of the loop does as well.
        timer = asyncio.get_running_loop().call_later(seconds, event.set)
        try:
            await event.wait()
        finally:
            timer.cancel()


def async_new_event() -> asyncio.Event:
    """Return an event that tasks of the running loop can wait for."""
    import asyncio

    return asyncio.Event()


def new_event() -> threading.Event:
    """Return an event that threads can wait for."""
    return threading.Event()


def new_lock() -> AbstractContextManager[bool]:
    """Return a lock for what several threads use; tasks hold it too, but never while they wait."""
    return threading.Lock()


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
