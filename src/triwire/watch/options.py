"""Settings of a tracker, with the reason for each default."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from triwire.watch.stamps import NS_PER_SECOND


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchOptions:
    """How a watch polls. The defaults suit a control plane with some thousands of objects.

    Attributes:
        mode: `full` lists everything each time and depends on no stamp; `incremental` asks for
            what changed; `auto` is full while a full answer fits in `auto_full_bytes`.
        visibility_bound_seconds: How long after a write became readable somewhere every earlier
            stamped write is readable everywhere: commit delay, clock skew between the server's
            writers, replica lag and display error together. Adapts upwards on evidence.
        max_visibility_bound_seconds: Where that adaptation ends.
        fast_interval_seconds: Between polls while something is moving.
        idle_interval_seconds: Between polls when nothing is.
        interval_growth: Factor from fast to idle, per quiet poll.
        jitter: Share by which every interval is varied, so that many clients fall out of step.
        relist_interval_seconds: Between full lists in incremental mode, at first.
        min_relist_interval_seconds: Lower end of its adaptation (a list repaired something).
        max_relist_interval_seconds: Upper end of its adaptation (lists found nothing).
        max_relist_duty: Greatest share of time that full lists may take.
        max_relist_bytes_per_second: Greatest average rate of full lists; None for no limit.
        ladder: Rungs (every_seconds, window_seconds): that often, one poll starts from where the
            watermark was that long ago, and finds writes that became visible late.
        guard_ns: How far below the closed watermark a poll asks: room for a server that rounds
            `updated_after`, and what makes silence meaningful (see sentinels).
        tail_limit: Number of unchanged objects in an answer above which the watch stops asking
            below the watermark until it moves.
        stamp_slack_seconds: How far a stamp may run ahead of the median of what was seen lately
            before it is kept out of the watermark. Any such lead counts towards the visibility
            bound, so it is small.
        confirm_limit: Gets per full list that confirm absences; above, a second list does.
        hot_limit: Number of objects in deletion that are watched by Get; above, by full lists.
        tombstone_seconds: How long the end of an object is remembered, at least.
        max_tombstones: How many of them.
        auto_full_bytes: See `mode`.
        mass_minimum: Absences at once that are always believed possible.
        mass_share: Share of the known objects that may be absent at once before the list is
            doubted as a whole.
        mass_probes: Gets that check such a doubt.
        backoff_initial_seconds: First wait after a failed request (full jitter below it).
        backoff_max_seconds: Greatest such wait.
        outage_notice_seconds: Length of an outage before it is reported, once.
        auth_grace_seconds: How long UNAUTHENTICATED may last before it is fatal.
        denied_limit: PERMISSION_DENIED answers in a row that are fatal.
        bookmark_interval_seconds: Between bookmarks; None for none from a bare tracker, and for
            ten seconds in `watch`, which tells them on request.
        emit_touches: Report a Modified when only the update stamp moved.
        can_get: False if the resource has no Get: lists then confirm everything.
    """

    mode: Literal["auto", "incremental", "full"] = "auto"
    visibility_bound_seconds: float = 10.0
    max_visibility_bound_seconds: float = 120.0
    fast_interval_seconds: float = 2.0
    idle_interval_seconds: float = 15.0
    interval_growth: float = 1.5
    jitter: float = 0.1
    relist_interval_seconds: float = 300.0
    min_relist_interval_seconds: float = 60.0
    max_relist_interval_seconds: float = 1800.0
    max_relist_duty: float = 0.05
    max_relist_bytes_per_second: float | None = None
    ladder: tuple[tuple[float, float], ...] = ((60.0, 300.0), (600.0, 3600.0))
    guard_ns: int = NS_PER_SECOND
    tail_limit: int = 256
    stamp_slack_seconds: float = 2.0
    confirm_limit: int = 64
    hot_limit: int = 32
    tombstone_seconds: float = 600.0
    max_tombstones: int = 10_000
    auto_full_bytes: int = 64 * 1024
    mass_minimum: int = 10
    mass_share: float = 0.5
    mass_probes: int = 8
    backoff_initial_seconds: float = 1.0
    backoff_max_seconds: float = 60.0
    outage_notice_seconds: float = 30.0
    auth_grace_seconds: float = 300.0
    denied_limit: int = 3
    bookmark_interval_seconds: float | None = None
    emit_touches: bool = False
    can_get: bool = True

    def __post_init__(self) -> None:
        """Refuse settings that cannot work, before any request."""
        if self.mode not in ("auto", "incremental", "full"):
            raise ValueError(f"mode: expected 'auto', 'incremental' or 'full', got {self.mode!r}")
        _in_order(
            ("fast_interval_seconds", self.fast_interval_seconds),
            ("idle_interval_seconds", self.idle_interval_seconds),
        )
        _in_order(
            ("visibility_bound_seconds", self.visibility_bound_seconds),
            ("max_visibility_bound_seconds", self.max_visibility_bound_seconds),
        )
        _in_order(
            ("min_relist_interval_seconds", self.min_relist_interval_seconds),
            ("relist_interval_seconds", self.relist_interval_seconds),
            ("max_relist_interval_seconds", self.max_relist_interval_seconds),
        )
        if not 0 <= self.jitter < 1:
            raise ValueError(f"jitter: expected at least 0 and below 1, got {self.jitter!r}")
        if self.interval_growth < 1:
            raise ValueError(f"interval_growth: expected at least 1, got {self.interval_growth!r}")
        if not 0 < self.max_relist_duty <= 1:
            raise ValueError(
                f"max_relist_duty: expected above 0 and at most 1, got {self.max_relist_duty!r}"
            )
        if self.guard_ns < 0:
            raise ValueError(f"guard_ns: expected 0 or more, got {self.guard_ns!r}")
        for every, window in self.ladder:
            if every <= 0 or window <= 0:
                raise ValueError(
                    "ladder: expected rungs (every_seconds, window_seconds) above 0,"
                    f" got {(every, window)!r}"
                )


def _in_order(*settings: tuple[str, float]) -> None:
    previous_name, previous = "0", 0.0
    for name, value in settings:
        if value < previous or value <= 0:
            raise ValueError(f"{name}: expected above 0 and at least {previous_name}, got {value}")
        previous_name, previous = name, value
