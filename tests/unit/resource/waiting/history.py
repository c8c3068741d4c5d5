"""Plays a history of answers to a wait, second by second of its own clock."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.unit.resource.things import LAMP
from triwire.errors import Code, RpcError
from triwire.resource.waiting.goals import Goal, Ready
from triwire.resource.waiting.wait import Wait, WaitTimes

if TYPE_CHECKING:
    from collections.abc import Callable

    from triwire.resource.lifecycle import Lifecycle

__all__ = ["NOT_FOUND", "TIMES", "Play", "wait_for"]

TIMES = WaitTimes(timeout_seconds=3600, poll_seconds=2)
NOT_FOUND = RpcError(Code.NOT_FOUND, "no lamp a", from_server=True)


def wait_for(
    target: Any,
    goal: Goal | None = None,
    *,
    times: WaitTimes = TIMES,
    lifecycle: Lifecycle[Any] = LAMP,
    draw: Callable[[], float] = lambda: 0.5,
) -> Wait[Any]:
    """Return a wait that begins at 0, without jitter."""
    return Wait(lifecycle, target, goal or Ready(300), times=times, now=0, draw=draw)


@dataclass
class Play:
    """A wait and the answers that it got, each of which took no time.

    Attributes:
        wait: The wait.
        now: Its clock.
    """

    wait: Wait[Any]
    now: float = field(default=0.0)

    def show(self, answer: Any, *, at: float | None = None) -> Play:
        """Give an answer, a lamp or an error, at a time."""
        self.now = self.now if at is None else at
        if isinstance(answer, RpcError):
            self.wait.failed(answer, started=self.now, ended=self.now)
        else:
            self.wait.saw(answer, started=self.now, ended=self.now)
        return self

    @property
    def end(self) -> str:
        """How it has ended: "" not yet, "ok", or the code of the error."""
        if not self.wait.is_over:
            return ""
        return "ok" if self.wait.error is None else self.wait.error.code.name
