"""Many objects under the stamp at which the watermark stands: stop downloading them each poll.

The guard below the closed watermark makes every poll return the objects stamped just there. After
a bulk write that can be thousands, for as long as nothing else is written. Asking from the
watermark itself avoids that, but not against a server that rounds `updated_after` up. So the
server is tried first: asked from one nanosecond below, it must still return what is stamped at the
watermark. Answers to such polls close nothing, and whenever there is something to close, or every
16th poll, the guard is back.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

_GUARDED_EVERY = 16


class _Stage(Enum):
    PROBE = auto()
    SHORT = auto()
    REFUSED = auto()


@dataclass(slots=True)
class Tail:
    """How to ask while the watermark stands at a crowded stamp.

    Attributes:
        closed_ns: Where it stands; the rest is void once it moves.
    """

    limit: int
    closed_ns: int | None = None
    _stage: _Stage = _Stage.REFUSED
    _step_ns: int = 0
    _polls: int = 0

    def cursor_ns(self, closed_ns: int, *, guard_ns: int) -> int:
        """Give what to ask from, for a poll that has nothing to close."""
        if self.closed_ns != closed_ns or self._stage is _Stage.REFUSED:
            return closed_ns - guard_ns
        if self._stage is _Stage.PROBE:
            return closed_ns - 1
        if self._polls % _GUARDED_EVERY == 0:
            return closed_ns - guard_ns
        return closed_ns + self._step_ns

    def after_poll(self, closed_ns: int, *, cursor_ns: int, unchanged: int, at_closed: int) -> None:
        """Learn from the answer to a regular poll.

        Args:
            closed_ns: The watermark as the poll was planned.
            cursor_ns: What it asked from.
            unchanged: Objects in it that are stamped at or below the watermark and were known.
            at_closed: Those of them that are stamped exactly there.
        """
        if self.closed_ns != closed_ns:
            if unchanged > self.limit:
                self.closed_ns, self._stage, self._step_ns = closed_ns, _Stage.PROBE, 0
                self._polls = 1
            return
        self._polls += 1
        if self._stage is _Stage.PROBE and cursor_ns == closed_ns - 1:
            self._stage = _Stage.SHORT if at_closed else _Stage.REFUSED
        elif self._stage is _Stage.SHORT and cursor_ns == closed_ns and at_closed:
            # An inclusive server: one nanosecond more leaves out the stamp itself.
            self._step_ns = 1
