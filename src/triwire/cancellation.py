"""Giving blocking calls up from another thread."""

from __future__ import annotations

import contextlib
import threading
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final, Self

from triwire.errors import Code, RpcError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from types import TracebackType

__all__ = ["Cancellation", "entered", "given_up_by", "given_up_error", "is_given_up"]


class _Wakers:
    """What the calls inside one Cancellation's blocks are woken by."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._functions: dict[object, Callable[[], object]] = {}
        self.are_woken = False

    def wake(self) -> None:
        """Call every function, and refuse those that come later."""
        with self._lock:
            self.are_woken = True
            functions = list(self._functions.values())
        for function in functions:
            function()

    def add(self, key: object, function: Callable[[], object]) -> None:
        """Have a function called by `wake`.

        Raises:
            RpcError: CANCELLED: that was called already.
        """
        with self._lock:
            if self.are_woken:
                raise given_up_error()
            self._functions[key] = function

    def remove(self, key: object) -> None:
        """Forget a function."""
        with self._lock:
            self._functions.pop(key, None)


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
        self._wakers = _Wakers()

    @property
    def is_cancelled(self) -> bool:
        """Whether `cancel` was called."""
        return self._wakers.are_woken

    def cancel(self) -> None:
        """Give up what runs in the block, and what would follow. Idempotent."""
        self._wakers.wake()

    def __enter__(self) -> Self:
        _entered.set((*_entered.get(), self._wakers))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        _entered.set(_entered.get()[:-1])


_entered: ContextVar[tuple[_Wakers, ...]] = ContextVar("_entered", default=())

#: Returns what stands for the blocks that the running thread is inside of. Every blocking call
#: asks, so it is the variable's own function, without another around it.
entered: Final[Callable[[], tuple[_Wakers, ...]]] = _entered.get


def is_given_up() -> bool:
    """Whether the running thread's calls are given up."""
    return any(wakers.are_woken for wakers in entered())


@contextlib.contextmanager
def given_up_by(wake: Callable[[], object]) -> Generator[None]:
    """Have `wake` called, from another thread, if this one's calls are given up in the block.

    Raises:
        RpcError: CANCELLED: they were given up before.
    """
    these = entered()
    key = object()
    try:
        for wakers in these:
            wakers.add(key, wake)
        yield
    finally:
        for wakers in these:
            wakers.remove(key)


def given_up_error() -> RpcError:
    """Return the error of a call that was given up."""
    return RpcError(Code.CANCELLED, "the call was given up by another thread")
