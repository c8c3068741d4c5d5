"""Hand-written sync/async pairs: the one module of the client half that knows both worlds."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    Awaitable,
    Callable,
    Coroutine,
    Generator,
    Iterable,
)
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

from triwire.cancellation import entered, given_up_by, given_up_error

if TYPE_CHECKING:
    import asyncio
    import random
    from contextlib import AbstractContextManager

    from google.protobuf.message import Message

__all__ = [
    "AsyncBackground",
    "AsyncClock",
    "AsyncOneAtATime",
    "AsyncSignal",
    "AsyncSystemClock",
    "Background",
    "Clock",
    "HandlerColourError",
    "OneAtATime",
    "Signal",
    "SystemClock",
    "async_breathe",
    "async_messages",
    "async_resolve",
    "breathe",
    "draw_fraction",
    "draw_uuid",
    "messages",
    "new_lock",
    "new_random",
    "resolve",
    "wall_clock_ns",
]

MessageT = TypeVar("MessageT", bound="Message")
ValueT = TypeVar("ValueT")


class Clock(Protocol):
    """Time as blocking code sees it."""

    def monotonic_seconds(self) -> float:
        """Return seconds since an arbitrary start; never goes back."""
        ...

    def sleep(self, seconds: float) -> None:
        """Block the calling thread."""
        ...

    def wait(self, signal: Signal, seconds: float | None) -> None:
        """Block it until a signal is set, at most so long; None for as long as it takes."""
        ...

    def rest(self, signal: Signal, seconds: float | None) -> None:
        """Block until a signal is set, at most so long, while others move the time.

        What runs beside its callers waits so: a clock that a test moves stands still for it.
        """
        ...


class AsyncClock(Protocol):
    """Time as coroutines see it."""

    def monotonic_seconds(self) -> float:
        """Return seconds since an arbitrary start; never goes back."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Suspend the calling task."""
        ...

    async def wait(self, signal: AsyncSignal, seconds: float | None) -> None:
        """Suspend it until a signal is set, at most so long; None for as long as it takes."""
        ...

    async def rest(self, signal: AsyncSignal, seconds: float | None) -> None:
        """Suspend until a signal is set, at most so long, while others move the time."""
        ...


class SystemClock:
    """The operating system's clock."""

    # Without a frame of its own: each call takes the time.
    monotonic_seconds = staticmethod(time.monotonic)

    def sleep(self, seconds: float) -> None:
        """Call `time.sleep`, or wait for that long to be given up by another thread."""
        if not entered():
            time.sleep(seconds)
            return
        woken = threading.Event()
        with given_up_by(woken.set):
            if woken.wait(seconds):
                raise given_up_error()

    def wait(self, signal: Signal, seconds: float | None) -> None:
        """Wait for the signal, no longer than the time."""
        signal.wait(seconds)

    def rest(self, signal: Signal, seconds: float | None) -> None:
        """Wait for the signal, no longer than the time."""
        signal.wait(seconds)


class AsyncSystemClock:
    """The operating system's clock; sleeping suspends the task on its event loop."""

    # Without a frame of its own: each call takes the time.
    monotonic_seconds = staticmethod(time.monotonic)

    async def sleep(self, seconds: float) -> None:
        """Call `asyncio.sleep`."""
        # 14 ms to import, which sync clients need not pay.
        import asyncio

        await asyncio.sleep(seconds)

    async def wait(self, signal: AsyncSignal, seconds: float | None) -> None:
        """Wait for the signal, no longer than the time."""
        await signal.wait(seconds)

    async def rest(self, signal: AsyncSignal, seconds: float | None) -> None:
        """Wait for the signal, no longer than the time."""
        await signal.wait(seconds)


def new_lock() -> AbstractContextManager[bool]:
    """Return a lock for what several threads use; tasks hold it too, but never while they wait."""
    return threading.Lock()


class Signal:
    """Wakes the one thread that waits for it. May be set from any thread and from a finalizer.

    A signal that is set while nobody waits is kept; several count as one.
    """

    def __init__(self) -> None:
        # The one primitive of the standard library whose `put` may interrupt itself, as it does
        # when the garbage collector runs a finalizer in the middle of it.
        self._queue: SimpleQueue[None] = SimpleQueue()

    def set(self) -> None:
        """Wake the waiter, or keep the next one from waiting."""
        if self._queue.empty():
            self._queue.put(None)

    @property
    def is_set(self) -> bool:
        """Whether the next wait would return at once."""
        return not self._queue.empty()

    def wait(self, seconds: float | None = None) -> None:
        """Block until it is set, then take it back; at most some seconds, None: no limit.

        A signal handler that raises, such as Ctrl-C's, ends the wait.
        """
        with suppress(Empty):
            self._queue.get(timeout=seconds)
            while True:
                self._queue.get_nowait()


class AsyncSignal:
    """Wakes the one task that waits for it. May be set from any thread and from a finalizer.

    A signal that is set while nobody waits is kept; several count as one.
    """

    def __init__(self) -> None:
        self._is_set = False
        self._waiter: asyncio.Future[None] | None = None

    def set(self) -> None:
        """Wake the waiter, or keep the next one from waiting."""
        self._is_set = True
        waiter = self._waiter
        if waiter is None:
            return
        import asyncio

        home = waiter.get_loop()
        try:
            is_here = asyncio.get_running_loop() is home
        except RuntimeError:
            is_here = False
        if is_here:
            _settle(waiter)
        else:
            with suppress(RuntimeError):  # the loop was closed: nobody waits any more
                home.call_soon_threadsafe(_settle, waiter)

    @property
    def is_set(self) -> bool:
        """Whether the next wait would return at once."""
        return self._is_set

    async def wait(self, seconds: float | None = None) -> None:
        """Suspend until it is set, then take it back; at most some seconds, None: no limit."""
        import asyncio

        if self._waiter is not None:
            raise RuntimeError("two tasks wait for one thing: let one task iterate at a time")
        if not self._is_set:
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                async with asyncio.timeout(seconds):
                    await self._waiter
            except TimeoutError:
                pass
            finally:
                self._waiter = None
        self._is_set = False


def _settle(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)


class Background:
    """One function that runs beside its callers, in a daemon thread.

    Args:
        run: What to run; it must end soon after it was told to.
        name: Of the thread.
    """

    def __init__(self, run: Callable[[], None], *, name: str) -> None:
        self._run = run
        self._name = name
        self._thread: threading.Thread | None = None
        self._process = os.getpid()

    def start(self) -> None:
        """Start running."""
        self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
        self._thread.start()

    @property
    def is_lost(self) -> bool:
        """Whether it cannot run any more: this process was forked from the one that ran it."""
        return self._process != os.getpid()

    def cancel(self) -> None:
        """Do nothing: a thread cannot be stopped from outside, only told to end."""

    def ended(self) -> None:
        """Return at once: what the thread waits for may take its time."""


class AsyncBackground:
    """One coroutine function that runs beside its callers, in a task of their loop.

    Args:
        run: What to run.
        name: Of the task.
    """

    def __init__(self, run: Callable[[], Coroutine[Any, Any, None]], *, name: str) -> None:
        self._run = run
        self._name = name
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start running on the caller's loop."""
        import asyncio

        self._task = asyncio.get_running_loop().create_task(self._run(), name=self._name)

    @property
    def is_lost(self) -> bool:
        """Whether it cannot be waited for: another loop than the caller's runs it, or ran it."""
        import asyncio

        return self._task is not None and self._task.get_loop() is not asyncio.get_running_loop()

    def cancel(self) -> None:
        """Cancel it, wherever it waits; does nothing when it calls this itself."""
        import asyncio

        task = self._task
        if task is not None and not self.is_lost and task is not asyncio.current_task():
            task.cancel()

    async def ended(self) -> None:
        """Wait for its end; what it raised is dropped."""
        import asyncio

        task = self._task
        if task is not None and task is not asyncio.current_task() and not self.is_lost:
            await asyncio.wait((task,))


def breathe() -> None:
    """Do nothing: other threads run without being let."""


async def async_breathe() -> None:
    """Let the other tasks of the loop run."""
    import asyncio

    await asyncio.sleep(0)


def new_random() -> random.Random:
    """Return a source of jitter with a seed of its own."""
    import random

    return random.Random()  # noqa: S311 - jitter is no secret


def wall_clock_ns() -> int:
    """Return the local wall clock, in nanoseconds since 1970."""
    return time.time_ns()


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
    """A function that only async code can run was called from blocking code."""


async def async_resolve(value: ValueT | Awaitable[ValueT]) -> ValueT:
    """Return what a function of the caller returned, awaited if it is awaitable."""
    if isinstance(value, Awaitable):
        return await cast("Awaitable[ValueT]", value)
    return value


def resolve(value: ValueT | Awaitable[ValueT]) -> ValueT:
    """Return what a function of the caller returned.

    Raises:
        HandlerColourError: it is awaitable, which blocking code cannot wait for.
    """
    if isinstance(value, Awaitable):
        if isinstance(value, Coroutine):
            value.close()
        name = _name_behind(cast("object", value))
        raise HandlerColourError(f"a sync client cannot await {name!r}: use the async client")
    return value


def _name_behind(value: object) -> str:
    """Return the function's name, which coroutines and async generators carry, or the type's."""
    return str(getattr(value, "__qualname__", type(value).__name__))


class AsyncOneAtATime:
    """Lets one task at a time do something."""

    def __init__(self) -> None:
        self._lock: asyncio.Lock | None = None

    async def run(
        self, work: Callable[[], Awaitable[None]], *, timeout_seconds: float | None
    ) -> None:
        """Do `work` when nobody else does.

        Raises:
            TimeoutError: waiting and working took too long.
        """
        import asyncio

        if self._lock is None:
            self._lock = asyncio.Lock()
        async with asyncio.timeout(timeout_seconds), self._lock:
            await work()


class OneAtATime:
    """Lets one thread at a time do something."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def run(self, work: Callable[[], None], *, timeout_seconds: float | None) -> None:
        """Do `work` when nobody else does.

        Raises:
            TimeoutError: waiting took too long. Work that has begun is not interrupted.
        """
        # A negative timeout of a lock means none.
        limit = -1.0 if timeout_seconds is None else max(timeout_seconds, 0.0)
        if not self._lock.acquire(timeout=limit):
            raise TimeoutError
        try:
            work()
        finally:
            self._lock.release()


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
        name = _name_behind(result)
        message = f"a sync client cannot iterate over {name!r}: use the async client"
        raise HandlerColourError(message)
    iterator: Any = iter(result)
    try:
        yield from iterator
    finally:
        close = getattr(iterator, "close", None)
        if close is not None:
            close()
