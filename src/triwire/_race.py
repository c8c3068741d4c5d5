"""Several attempts at the same thing at once: tasks and threads, a hand-written pair like `_io`."""

from __future__ import annotations

import contextvars
import threading
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

from triwire.cancellation import Cancellation

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Coroutine

__all__ = ["Hedging", "async_first_of", "first_of"]

ValueT = TypeVar("ValueT")


class Hedging(Protocol):
    """Which attempts at the same thing run at once."""

    @property
    def delay_seconds(self) -> float:
        """Time between two attempts."""
        ...

    def may_start(self) -> bool:
        """Whether another attempt may begin."""
        ...

    def failed(self, error: BaseException) -> float | None:
        """Take a failure: seconds until the next attempt may begin, or None to give up."""
        ...


async def async_first_of(
    hedging: Hedging,
    start: Callable[[], Callable[[], Coroutine[Any, Any, ValueT]]],
    *,
    sleep: Callable[[float], Coroutine[Any, Any, None]],
) -> ValueT:
    """Return what the first attempt that succeeds returns; the others are cancelled and awaited.

    Args:
        hedging: Which attempts there are, and when.
        start: Begins an attempt.
        sleep: Waits between attempts.

    Raises:
        BaseException: what ended the last attempt, or the first for which nothing makes up.
    """
    import asyncio

    running = {asyncio.ensure_future(start()())}
    delay = hedging.delay_seconds
    timer: asyncio.Task[None] | None = None
    try:
        while True:
            if timer is None and hedging.may_start():
                timer = asyncio.ensure_future(sleep(delay))
            everything: set[asyncio.Task[Any]] = {*running, *((timer,) if timer else ())}
            done, _ = await asyncio.wait(everything, return_when=asyncio.FIRST_COMPLETED)
            ended = running & done
            running -= ended
            for task in ended:
                if task.exception() is None:
                    return task.result()
            for task in ended:
                error = task.exception()
                pause = hedging.failed(error) if error is not None else None
                if error is not None and (pause is None or not (running or hedging.may_start())):
                    raise error
                delay = pause or 0.0
            if ended and timer is not None:
                timer.cancel()
                timer = None
            elif timer is not None and timer in done:
                timer = None
                running.add(asyncio.ensure_future(start()()))
                delay = hedging.delay_seconds
    finally:
        left: set[asyncio.Task[Any]] = {*running, *((timer,) if timer else ())}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)


def first_of(
    hedging: Hedging,
    start: Callable[[], Callable[[], ValueT]],
    *,
    sleep: Callable[[float], None],
) -> ValueT:
    """Return what the first attempt that succeeds returns; the others are given up.

    Each attempt runs in a thread of its own, in the caller's context. What cannot be given up
    ends by itself (see `Cancellation`).

    Args:
        hedging: Which attempts there are, and when.
        start: Begins an attempt.
        sleep: Not used: threads wait for the first end or the time of the next attempt.

    Raises:
        BaseException: what ended the last attempt, or the first for which nothing makes up.
    """
    del sleep
    ends: SimpleQueue[tuple[ValueT | None, BaseException | None]] = SimpleQueue()
    others = Cancellation()

    def begin() -> None:
        attempt = start()

        def run() -> None:
            try:
                with others:
                    ends.put((attempt(), None))
            except BaseException as error:  # noqa: BLE001 - raised in the caller's thread
                ends.put((None, error))

        context = contextvars.copy_context()
        threading.Thread(target=context.run, args=(run,), daemon=True).start()

    begin()
    running, delay = 1, hedging.delay_seconds
    try:
        while True:
            try:
                result, error = ends.get(timeout=delay if hedging.may_start() else None)
            except Empty:
                begin()
                running, delay = running + 1, hedging.delay_seconds
                continue
            running -= 1
            if error is None:
                return cast("ValueT", result)
            pause = hedging.failed(error)
            if pause is None or not (running or hedging.may_start()):
                raise error
            delay = pause
    finally:
        others.cancel()
