"""How a watch lives through failed requests: back off, tell once, give up only when it must."""

from __future__ import annotations

from typing import TYPE_CHECKING

from triwire.errors import Code
from triwire.watch.events import Failed
from triwire.watch.failures import FailureClass, PollFailure, backoff_seconds

if TYPE_CHECKING:
    import random

    from triwire.watch.options import WatchOptions

# Keeps a jitter of nearly zero from making a busy loop.
_LEAST_WAIT_SECONDS = 0.2


class Outage:
    """State between the first failed request and the next success.

    Attributes:
        resume_at_seconds: No request before this local monotonic time.
        renew_credential: The last failure was UNAUTHENTICATED: get a new token before the next.
    """

    def __init__(self, options: WatchOptions, rng: random.Random) -> None:
        self._options = options
        self._rng = rng
        self._attempt = 0
        self._since = 0.0
        self._told = False
        self._unauthenticated_since: float | None = None
        self._denied = 0
        self.resume_at_seconds = 0.0
        self.renew_credential = False

    def recovered(self) -> bool:
        """Note a success; tell whether authentication had failed before it."""
        again = self._unauthenticated_since is not None
        self._attempt, self._denied, self._told = 0, 0, False
        self._unauthenticated_since, self.renew_credential = None, False
        return again

    def failed(self, failure: PollFailure, kind: FailureClass, *, at: float) -> Failed | None:
        """Note a failed List and set `resume_at_seconds`.

        Args:
            failure: What the driver saw.
            kind: Its class.
            at: When it was seen, local monotonic.

        Returns:
            What to tell the consumer, if anything: once per outage, or the fatal end.
        """
        if self._attempt == 0:
            self._since = at
        self.back_off(failure, kind, at=at)
        self.renew_credential = kind is FailureClass.UNAUTHENTICATED
        if self.renew_credential and self._unauthenticated_since is None:
            self._unauthenticated_since = at
        self._denied = self._denied + 1 if kind is FailureClass.DENIED else 0
        if self._is_fatal(kind, at):
            return Failed(failure.message, Code(failure.code), is_fatal=True)
        if not self._told and at >= self._since + self._options.outage_notice_seconds:
            self._told = True
            return Failed(failure.message, Code(failure.code))
        return None

    def back_off(self, failure: PollFailure, kind: FailureClass, *, at: float) -> None:
        """Set `resume_at_seconds` alone, for a request whose failure ends nothing."""
        options = self._options
        self._attempt += 1
        wait = backoff_seconds(
            self._attempt,
            initial_seconds=options.backoff_initial_seconds,
            max_seconds=options.backoff_max_seconds,
            rng=self._rng,
        )
        asked = failure.retry_delay_seconds
        if kind is FailureClass.QUOTA or (asked is not None and asked < 0):
            wait = max(wait, options.idle_interval_seconds)
        self.resume_at_seconds = at + max(wait, asked or 0.0, _LEAST_WAIT_SECONDS)

    def _is_fatal(self, kind: FailureClass, at: float) -> bool:
        if kind in (FailureClass.FATAL, FailureClass.UNSUPPORTED):
            return True
        if kind is FailureClass.DENIED:
            return self._denied >= self._options.denied_limit
        since = self._unauthenticated_since
        return (
            kind is FailureClass.UNAUTHENTICATED
            and since is not None
            and at >= since + self._options.auth_grace_seconds
        )
