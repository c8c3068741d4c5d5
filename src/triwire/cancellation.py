"""Giving blocking calls up from another thread."""

from __future__ import annotations

import contextlib
import threading
from contextvars import ContextVar
from typing import TYPE_CHECKING, Self

from triwire.errors import Code, RpcError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from types import TracebackType

__all__ = ["Cancellation", "given_up_by", "given_up_error", "is_entered", "is_given_up"]


class Cancellation:
    """Gives up the blocking calls that are made inside its `with` block, from any thread.

    As in:

        with Cancellation() as cancellation:
            hand_to_another_thread(cancellation)
            client.gateways.list()  # raises RpcError CANCELLED once cancellation.cancel() runs

    Every call of the thread in the block ends at once with CANCELLED, from_server=False, which
    is not tried again; so do the waits between attempts, and all later calls. On gRPC the server
    learns of it. On Connect, gRPC-Web and REST a call that has no answer yet is abandoned: its
    thread goes on until the answer, the call's timeout or the next request that a stream takes
    from its iterator, and nobody sees it. The memory wire runs the handler in the caller's thread,
    so only calls that have not begun end.

    Any number of threads may enter one object, and blocks may be nested. A call inside costs a
    thread on the wires that cannot cancel. Async calls take no notice: cancel their task.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_cancelled = False
        self._wakers: dict[object, Callable[[], object]] = {}

    @property
    def is_cancelled(self) -> bool:
        """Whether `cancel` was called."""
        return self._is_cancelled

    def cancel(self) -> None:
        """Give up what runs in the block, and what would follow. Idempotent."""
        with self._lock:
            self._is_cancelled = True
            wakers = list(self._wakers.values())
        for wake in wakers:
            wake()

    def add(self, key: object, wake: Callable[[], object]) -> None:
        """Have a function called by `cancel`; for the wires.

        Raises:
            RpcError: CANCELLED: it was called already.
        """
        with self._lock:
            if self._is_cancelled:
                raise given_up_error()
            self._wakers[key] = wake

    def remove(self, key: object) -> None:
        """Forget a function; for the wires."""
        with self._lock:
            self._wakers.pop(key, None)

    def __enter__(self) -> Self:
        _entered.set((*_entered.get(), self))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        _entered.set(_entered.get()[:-1])


_entered: ContextVar[tuple[Cancellation, ...]] = ContextVar("_entered", default=())


def is_entered() -> bool:
    """Whether the running thread is inside the block of some Cancellation."""
    return bool(_entered.get())


def is_given_up() -> bool:
    """Whether the running thread's calls are given up."""
    return any(cancellation.is_cancelled for cancellation in _entered.get())


@contextlib.contextmanager
def given_up_by(wake: Callable[[], object]) -> Generator[None]:
    """Have `wake` called, from another thread, if this one's calls are given up in the block.

    Raises:
        RpcError: CANCELLED: they were given up before.
    """
    entered = _entered.get()
    key = object()
    try:
        for cancellation in entered:
            cancellation.add(key, wake)
        yield
    finally:
        for cancellation in entered:
            cancellation.remove(key)


def given_up_error() -> RpcError:
    """Return the error of a call that was given up."""
    return RpcError(Code.CANCELLED, "the call was given up by another thread")
