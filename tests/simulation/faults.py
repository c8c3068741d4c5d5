"""The knobs of the simulated server, and the profiles that set them."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

NS = 1_000_000_000
MICRO = 1_000
MILLI = 1_000_000

Rounding = Literal["floor", "round", "ceil"]
Restart = Literal["checkpoint", "token", "nothing", "write-ahead"]


def seeded(*parts: object) -> random.Random:
    """Make the one kind of random source that is used here: a function of its arguments."""
    return random.Random(repr(parts))  # noqa: S311 - repeatable runs, no secrets


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """What goes wrong, how often, and how much. Times in seconds, stamp units in nanoseconds."""

    # The server's clocks and commits.
    skew: float = 1.0
    drift: float = 0.0
    step_at: float = 0.0
    step: float = 0.0
    commit_mean: float = 0.3
    commit_max: float = 3.0
    commit_tail_p: float = 0.0
    commit_tail: float = 60.0
    lag: float = 2.0
    # Stamps.
    precision: int = MICRO
    display: int = MICRO
    display_rounding: Rounding = "floor"
    request: int = 1
    request_rounding: Rounding = "floor"
    inclusive: bool = False
    future_p: float = 0.0
    future_by: float = 600.0
    unbumped_p: float = 0.0
    regress_p: float = 0.0
    # What the writers do.
    bulk: int = 0
    recreate_p: float = 0.3
    instant_delete_p: float = 0.3
    leave_p: float = 0.0
    purge_at: float = 0.0
    purge_share: float = 0.8
    # Answers.
    truncated_p: float = 0.0
    empty_p: float = 0.0
    list_not_found_p: float = 0.0
    bare_not_found_p: float = 0.0
    duplicate_p: float = 0.0
    ignore_filter: bool = False
    date_header: bool = True
    # Failures.
    error_p: float = 0.05
    limited_p: float = 0.0
    outage: tuple[float, float] = (0.0, 0.0)
    unauthenticated: tuple[float, float] = (0.0, 0.0)
    # The client's side.
    latency: float = 0.4
    in_flight: int = 1
    requests_per_second: float = 5.0
    wall_clock_error: float = 0.0
    wall_clock_jump: float = 0.0
    monotonic_rate: float = 0.0
    suspend: tuple[float, float] = (0.0, 0.0)
    wire_switches: int = 0
    announced: bool = True
    other_display: int = MICRO
    restarts: int = 0
    restart: Restart = "checkpoint"
    mid_delivery_p: float = 0.0

    def quiet(self) -> Faults:
        """Give the same server with nothing going wrong any more, for the end of a run."""
        return replace(
            self,
            error_p=0.0,
            limited_p=0.0,
            truncated_p=0.0,
            empty_p=0.0,
            list_not_found_p=0.0,
            bare_not_found_p=0.0,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A family of runs.

    Attributes:
        faults: Draws the knobs for one seed.
        exact: Assumptions hold, so that not one event may be lost, late, repeated or false.
        shares: Otherwise, the greatest share of obligated versions for some of the metrics.
        options: Settings of the tracker that differ from the defaults.
        objects: At the start.
        rate: Writes per second in a burst.
        horizon: Seconds with writes and faults; a quiet end follows.
    """

    faults: Callable[[random.Random], Faults]
    exact: bool = True
    shares: dict[str, float] = field(default_factory=dict[str, float])
    options: dict[str, object] = field(default_factory=dict[str, object])
    objects: int = 200
    rate: float = 0.8
    horizon: float = 1800.0
    quiet: float = 900.0


def _rounding(rng: random.Random) -> Rounding:
    return rng.choice(("floor", "round", "ceil"))


def _inside(rng: random.Random) -> Faults:
    precision = rng.choice((1, MICRO, MILLI, NS))
    return Faults(
        precision=precision,
        display=rng.choice([unit for unit in (1, MICRO, MILLI, NS) if unit >= precision]),
        display_rounding=_rounding(rng),
        request=rng.choice((1, MICRO, MILLI, NS)),
        request_rounding=rng.choice(("floor", "round")),
        inclusive=rng.random() < 0.5,
        error_p=rng.choice((0.0, 0.05, 0.2)),
        limited_p=rng.choice((0.0, 0.02)),
        bulk=rng.choice((0, 50)),
        date_header=rng.random() < 0.5,
        wall_clock_error=rng.uniform(-60, 60),
        outage=rng.choice(((0.0, 0.0), (400.0, 520.0))),
        unauthenticated=rng.choice(((0.0, 0.0), (900.0, 960.0))),
        duplicate_p=rng.choice((0.0, 0.05)),
        bare_not_found_p=rng.choice((0.0, 0.05)),
        in_flight=rng.choice((1, 4)),
        monotonic_rate=rng.uniform(-0.01, 0.01),
    )


_INCREMENTAL: dict[str, object] = {"mode": "incremental"}


def _profile(
    faults: Callable[[random.Random], Faults],
    *,
    shares: dict[str, float] | None = None,
    objects: int = 200,
    rate: float = 0.8,
    horizon: float = 1800.0,
    quiet: float = 900.0,
    **options: object,
) -> Profile:
    return Profile(
        faults=faults,
        exact=shares is None,
        shares=shares or {},
        options={**_INCREMENTAL, **options},
        objects=objects,
        rate=rate,
        horizon=horizon,
        quiet=quiet,
    )


PROFILES: dict[str, Profile] = {
    "inside": _profile(_inside),
    "inside-auto": _profile(_inside, mode="auto", objects=60),
    "inside-full": _profile(_inside, mode="full", objects=60),
    "unbumped": _profile(lambda _: Faults(unbumped_p=0.15)),
    "restart-checkpoint": _profile(lambda _: Faults(restarts=5)),
    "restart-token": _profile(lambda _: Faults(restarts=5, restart="token")),
    "restart-nothing": _profile(lambda _: Faults(restarts=5, restart="nothing")),
    "restart-write-ahead": _profile(
        lambda _: Faults(restarts=5, restart="write-ahead", mid_delivery_p=0.01)
    ),
    "selector": _profile(lambda _: Faults(leave_p=0.2)),
    "wires": _profile(
        lambda r: Faults(
            precision=1, display=1, wire_switches=6, other_display=r.choice((MICRO, MILLI, NS))
        )
    ),
    # What changed is told again under another id where the wires show other stamps; no more.
    "restart-wires": _profile(
        lambda r: Faults(
            precision=1,
            display=1,
            wire_switches=6,
            other_display=r.choice((MICRO, MILLI)),
            restarts=5,
            restart=r.choice(("checkpoint", "token")),
        ),
        shares={"lost": 0.0, "late": 0.0, "false_deletes": 0.0, "back": 0.0},
    ),
    "seconds": _profile(
        lambda r: Faults(
            precision=1,
            display=NS,
            display_rounding=_rounding(r),
            request=NS,
            request_rounding="round",
        )
    ),
    "request-seconds": _profile(
        lambda r: Faults(
            precision=1,
            display=1,
            request=NS,
            inclusive=r.random() < 0.5,
            request_rounding=r.choice(("round", "ceil")),
            bulk=20,
        )
    ),
    "bulk": _profile(lambda _: Faults(bulk=150)),
    "idle-bulk": _profile(
        lambda r: Faults(
            bulk=500,
            error_p=0.0,
            inclusive=r.random() < 0.5,
            request=r.choice((1, NS)),
            request_rounding="round",
        ),
        objects=1000,
        rate=0.05,
        horizon=900.0,
    ),
    "suspend": _profile(lambda r: Faults(suspend=(600.0, r.uniform(100, 900)))),
    "ahead": _profile(lambda r: Faults(step_at=700.0, step=r.uniform(10, 120))),
    "ignored-filter": _profile(lambda _: Faults(ignore_filter=True)),
    "no-get": _profile(lambda _: Faults(unbumped_p=0.05), can_get=False),
    # A List is due whenever there may be a request: other watches of the client take the rest.
    "few-requests": _profile(lambda r: Faults(requests_per_second=r.uniform(0.15, 0.45))),
    "purge": _profile(lambda r: Faults(purge_at=r.uniform(300, 1500), unbumped_p=0.02)),
    "truncated": _profile(
        lambda _: Faults(truncated_p=0.02, empty_p=0.005, list_not_found_p=0.005)
    ),
    "future": _profile(
        lambda r: Faults(future_p=0.005, future_by=1200.0, date_header=r.random() < 0.7)
    ),
    "future-ahead": _profile(
        lambda _: Faults(
            future_p=0.005, future_by=1200.0, date_header=False, wall_clock_error=7200.0
        ),
        shares={"lost": 0.0005, "late": 0.001},
    ),
    # A stamp that fell makes a lagging replica's older state look newer, and nothing can tell if
    # that state had not been seen before.
    "regress": _profile(
        lambda _: Faults(regress_p=0.05),
        shares={"lost": 0.0, "late": 0.0, "false_deletes": 0.0, "back": 0.0003},
    ),
    "late-commits": _profile(
        lambda _: Faults(commit_tail_p=0.01, commit_tail=120.0),
        shares={"lost": 0.0006, "late": 0.008},
    ),
    "late-commits-rare-lists": _profile(
        lambda _: Faults(commit_tail_p=0.01, commit_tail=120.0),
        shares={"lost": 0.0012, "late": 0.008},
        quiet=2400.0,
        relist_interval_seconds=1800.0,
        min_relist_interval_seconds=1800.0,
    ),
    "skew-30": _profile(lambda _: Faults(skew=30.0), shares={"lost": 0.0032, "late": 0.006}),
    "lag-20": _profile(
        lambda _: Faults(lag=20.0), shares={"back": 0.0003, "false_deletes": 0.0007}
    ),
    "step-back": _profile(
        lambda _: Faults(step_at=700.0, step=-60.0), shares={"lost": 0.0002, "late": 0.0006}
    ),
    "step-back-no-date": _profile(
        lambda _: Faults(step_at=700.0, step=-60.0, date_header=False),
        shares={"lost": 0.006, "late": 0.0115},
    ),
    "drift": _profile(lambda _: Faults(drift=0.002)),
}


def faults_for(profile: str, seed: int) -> Faults:
    """Draw the knobs of one run."""
    return PROFILES[profile].faults(seeded("faults", profile, seed))
