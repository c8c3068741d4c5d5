"""A channel that closes when it is no longer wanted and its last call has ended."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["CountedChannel"]


class _Methods(dict[str, Any]):
    """What is made for each path when it is first looked up."""

    def __init__(self, make: Callable[[str], Any], prefix: str) -> None:
        self._make = make
        self._prefix = prefix

    def __missing__(self, path: str) -> Any:  # noqa: ANN401 - the stubs leave raw bytes untyped
        made = self[path] = self._make(f"{self._prefix}{path}")
        return made


class CountedChannel:
    """One grpcio channel and the calls that run on it. Closing a channel cancels its calls.

    Safe to use from several threads. Only what a retired channel does takes a lock: appending to
    a list and popping from it are atomic, so the calls that run are counted as items of one.

    Args:
        channel: The channel, of either of grpcio's two APIs.
        path_prefix: Put before the path of every method.
        close: Closes the channel; called once, from whatever thread the last call ended in.

    Attributes:
        channel: As above.
        unary: grpcio's function of each unary method, by the method's path.
        stream: The same for streams of every kind.
    """

    __slots__ = (
        "_close",
        "_closed",
        "_lock",
        "_retired",
        "_running",
        "channel",
        "stream",
        "unary",
    )

    def __init__(self, channel: Any, *, path_prefix: str, close: Callable[[Any], None]) -> None:  # noqa: ANN401 - grpcio has two classes without a common base
        self.channel = channel
        self.unary = _Methods(channel.unary_unary, path_prefix)
        # For every kind: grpcio's unary_stream loses the headers of a response without
        # messages, its stream_unary waits for ever on a second message (measured, 1.85).
        self.stream = _Methods(channel.stream_stream, path_prefix)
        self._close = close
        self._running: list[None] = []
        self._retired = False
        self._closed = False
        self._lock = threading.Lock()

    def begin(self) -> bool:
        """Count a call that starts; False: the channel was retired, and the call is not counted."""
        # In this order: either this thread sees that the channel is retired, or the one that
        # retires it sees the call.
        self._running.append(None)
        if self._retired:
            self.end()
            return False
        return True

    def end(self) -> None:
        """Count a call that has ended."""
        self._running.pop()
        if self._retired:
            self._close_idle()

    def retire(self) -> None:
        """Close the channel, now or after the last call."""
        self._retired = True
        self._close_idle()

    def _close_idle(self) -> None:
        with self._lock:
            if self._running or self._closed:
                return
            self._closed = True
        self._close(self.channel)
