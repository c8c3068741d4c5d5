"""When a client exchanges its connections for new ones."""

from __future__ import annotations

import logging
import math
import time
from typing import TYPE_CHECKING, Final

from triwire._io import draw_fraction

if TYPE_CHECKING:
    from collections.abc import Callable

    from triwire.tls import TlsOptions

__all__ = ["Renewal"]

_log: Final = logging.getLogger("triwire.connections")

# Between two looks at the files: looking takes three system calls, which a call need not pay.
_LOOK_EVERY_SECONDS: Final = 1.0


class Renewal:
    """Says when connections are due for replacement, and what the new ones trust.

    Calls that run keep the old connections, which close after the last of them: nothing fails
    because of a renewal. Asked before each call, so it reads files at most once a second. Two
    threads that ask at once may both be told that it is time, which opens one more.

    Args:
        tls: What was loaded when the client was made.
        max_age_seconds: See `ConnectionOptions`; the first connection ages from the first call.
        now: Seconds since an arbitrary start; never goes back.
        draw: Gives evenly distributed numbers from 0 to 1.
    """

    __slots__ = (
        "_draw",
        "_due_at",
        "_ends_at",
        "_look_at",
        "_max_age_seconds",
        "_now",
        "_seen",
        "_tls",
    )

    def __init__(
        self,
        tls: TlsOptions,
        *,
        max_age_seconds: float | None = None,
        now: Callable[[], float] = time.monotonic,
        draw: Callable[[], float] = draw_fraction,
    ) -> None:
        self._tls = tls
        self._max_age_seconds = math.inf if max_age_seconds is None else max_age_seconds
        self._now = now
        self._draw = draw
        self._ends_at: float | None = None
        # Files may have changed since they were loaded: the first call looks.
        self._seen: object = None
        self._look_at = -math.inf if tls.paths else math.inf
        # The earlier of the two, all that most calls look at; the first call sets it.
        self._due_at = -math.inf

    @property
    def tls(self) -> TlsOptions:
        """What new connections trust."""
        return self._tls

    def is_due(self) -> bool:
        """Return whether connections that are open are to be replaced; True once a reason."""
        now = self._now()
        return now >= self._due_at and self._look(now)

    def _look(self, now: float) -> bool:
        is_new = False
        if now >= self._look_at:
            self._look_at = now + _LOOK_EVERY_SECONDS
            is_new = self._have_files_changed()
        is_old = self._ends_at is not None and now >= self._ends_at
        if is_old or is_new or self._ends_at is None:
            self._ends_at = now + self._max_age_seconds * (1 - 0.1 * self._draw())
        self._due_at = min(self._look_at, self._ends_at)
        return is_old or is_new

    def _have_files_changed(self) -> bool:
        # Before the files are read: what changes meanwhile is seen the next time.
        stamp = self._tls.file_stamp()
        if stamp == self._seen:
            return False
        self._seen = stamp
        old = self._tls
        try:
            self._tls = old.reload()
        except ValueError as error:
            # Files that are replaced one by one do not fit each other for a moment.
            _log.warning("keeping the certificates that are in use: %s", error)
            return False
        if self._tls == old:
            return False
        _log.info("certificates have changed: new connections use them")
        return True
