"""The kinds of faults and their parameters. Pure data.

Each class is one kind. `KIND` is its name in scripts, `METHODS` the kinds of methods that it can
happen to; a fault never matches another, whatever patterns it has. Steps of the lifecycle count
as methods: they write, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Final, Literal, TypeAlias, TypeVar

from coreweave_inference.emulator.faults.fields import (
    MAX_SECONDS,
    Span,
    code_name,
    flag,
    integer,
    number,
    one_of,
    seconds,
    span,
    text,
)
from triwire.errors import Code  # noqa: TC001 - get_type_hints reads it at run time

__all__ = [
    "KINDS",
    "UNITS_NS",
    "ClockStep",
    "Drop",
    "EmptyList",
    "EqualStamp",
    "Error",
    "Fault",
    "FaultT",
    "IgnoredFilter",
    "InclusiveFilter",
    "LateWrite",
    "Latency",
    "MethodKind",
    "Page",
    "RepeatedItems",
    "RequestRounding",
    "Rounding",
    "ShownPrecision",
    "ShuffledList",
    "SkewedStamp",
    "StaleRead",
    "StoredPrecision",
    "TruncatedList",
    "UnbumpedChange",
    "kind_of_method",
]

MethodKind: TypeAlias = Literal["list", "get", "parameters", "create", "update", "delete", "step"]
Rounding: TypeAlias = Literal["floor", "round", "ceil"]

UNITS_NS: Final = {"us": 1_000, "ms": 1_000_000, "s": 1_000_000_000, "min": 60_000_000_000}
"""Units of precision by their names in scripts, in nanoseconds."""

MAX_LAG_SECONDS: Final = 600.0
"""Longest lag or commit delay: that much history is kept in memory."""

_CALLS: Final = frozenset[MethodKind](("list", "get", "parameters", "create", "update", "delete"))
_READS: Final = frozenset[MethodKind](("list", "get"))
_LISTS: Final = frozenset[MethodKind](("list",))
_WRITES: Final = frozenset[MethodKind](("create", "update", "delete", "step"))
_CHANGES: Final = frozenset[MethodKind](("update", "delete", "step"))
_ROUNDINGS: Final[tuple[Rounding, ...]] = ("floor", "round", "ceil")

_lag = span(0, MAX_LAG_SECONDS)
_offset = span(-MAX_SECONDS, MAX_SECONDS)
_unit = one_of(tuple(UNITS_NS))
_rounding = one_of(_ROUNDINGS)


def kind_of_method(name: str) -> MethodKind:
    """Return what a method does, by its name; steps are named "Step" and a resource."""
    if name.endswith("Parameters"):
        return "parameters"
    for kind in ("list", "get", "create", "update", "delete", "step"):
        if name.startswith(kind.capitalize()):
            return kind
    raise ValueError(f"unknown method {name!r}")


# --- The connection: what HTTP makes of a call. Not on the memory wire, which has none.


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """The call takes longer, before its effect or after it."""

    KIND: ClassVar = "latency"
    METHODS: ClassVar = _CALLS
    seconds: Annotated[Span, span(0, MAX_LAG_SECONDS)]
    at: Annotated[str, one_of(("request", "answer"))] = "request"


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """The connection is closed: before the effect, after it, or halfway through the answer."""

    KIND: ClassVar = "drop"
    METHODS: ClassVar = _CALLS
    at: Annotated[str, one_of(("request", "answer", "middle"))] = "request"


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A proxy answers in place of the service, in no protocol of ours; nothing has an effect."""

    KIND: ClassVar = "page"
    METHODS: ClassVar = _CALLS
    status: Annotated[int, integer(200, 599)] = 404
    content_type: Annotated[str, text] = "text/html; charset=utf-8"
    body: Annotated[str, text] = "<html><body><h1>404 page not found</h1></body></html>"


# --- The call.


@dataclass(frozen=True, slots=True, kw_only=True)
class Error:
    """The call fails, before its effect or after it.

    Attributes:
        code: Of google.rpc.
        message: For people.
        at: Whether the effect takes place.
        retry_delay_seconds: Adds a google.rpc.RetryInfo.
        retry_after: Adds Retry-After, seconds or a date, on Connect and REST.
        pushback_ms: Adds grpc-retry-pushback-ms on gRPC and gRPC-Web.
        quota: Adds a google.rpc.QuotaFailure.
    """

    KIND: ClassVar = "error"
    METHODS: ClassVar = _CALLS
    code: Annotated[Code, code_name]
    message: Annotated[str, text] = "injected fault"
    at: Annotated[str, one_of(("request", "answer"))] = "request"
    retry_delay_seconds: Annotated[float | None, seconds] = None
    retry_after: Annotated[str | None, text] = None
    pushback_ms: Annotated[int | None, integer(-1, 86_400_000)] = None
    quota: Annotated[bool, flag] = False

    def __post_init__(self) -> None:
        """Refuse what would split a header, and what says two things."""
        if self.retry_after is not None and self.retry_delay_seconds is not None:
            raise ValueError(
                "expected retry_after or retry_delay_seconds, got both: a RetryInfo is sent as "
                "Retry-After already where that shows"
            )
        if self.retry_after is not None and not self.retry_after.isprintable():
            raise ValueError(f"retry_after: expected printable text, got {self.retry_after!r}")


# --- What is read.


@dataclass(frozen=True, slots=True, kw_only=True)
class StaleRead:
    """The read is answered by a replica that lags behind."""

    KIND: ClassVar = "stale-read"
    METHODS: ClassVar = _READS
    seconds: Annotated[Span, _lag]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownPrecision:
    """Stamps in the answer have a coarser unit than the stored ones."""

    KIND: ClassVar = "shown-precision"
    METHODS: ClassVar = _CALLS - {"parameters"}
    unit: Annotated[str, _unit]
    rounding: Annotated[str, _rounding] = "floor"

    def shown(self, stamp_ns: int) -> int:
        """Return what a stamp is shown as."""
        return rounded(stamp_ns, self.unit, self.rounding)


@dataclass(frozen=True, slots=True, kw_only=True)
class InclusiveFilter:
    """A List answers with what was updated at its bound as well."""

    KIND: ClassVar = "inclusive-filter"
    METHODS: ClassVar = _LISTS


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRounding:
    """The bound of a List is rounded before it is used."""

    KIND: ClassVar = "request-rounding"
    METHODS: ClassVar = _LISTS
    unit: Annotated[str, _unit]
    rounding: Annotated[str, _rounding] = "floor"

    def bound(self, bound_ns: int) -> int:
        """Return what a bound becomes."""
        return rounded(bound_ns, self.unit, self.rounding)


@dataclass(frozen=True, slots=True, kw_only=True)
class IgnoredFilter:
    """A List answers as if it had no bound."""

    KIND: ClassVar = "ignored-filter"
    METHODS: ClassVar = _LISTS


@dataclass(frozen=True, slots=True, kw_only=True)
class TruncatedList:
    """A List answers with a part only: its first share, or a random one."""

    KIND: ClassVar = "truncated-list"
    METHODS: ClassVar = _LISTS
    keep: Annotated[float | None, number(0, 1)] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EmptyList:
    """A List answers with nothing."""

    KIND: ClassVar = "empty-list"
    METHODS: ClassVar = _LISTS


@dataclass(frozen=True, slots=True, kw_only=True)
class ShuffledList:
    """A List answers in random order."""

    KIND: ClassVar = "shuffled-list"
    METHODS: ClassVar = _LISTS


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatedItems:
    """Some items come twice in an answer, the first time in their former state if that is known.

    This is what a scan does that is no snapshot, when items change while it runs.
    """

    KIND: ClassVar = "repeated-items"
    METHODS: ClassVar = _LISTS
    share: Annotated[float, number(0, 1)] = 0.5


# --- What is written.


@dataclass(frozen=True, slots=True, kw_only=True)
class LateWrite:
    """The write is stamped and answered, but reads see it only later: its commit takes long."""

    KIND: ClassVar = "late-write"
    METHODS: ClassVar = _WRITES
    seconds: Annotated[Span, _lag]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPrecision:
    """The write's stamp has a coarse unit: writes close together share theirs."""

    KIND: ClassVar = "stored-precision"
    METHODS: ClassVar = _WRITES
    unit: Annotated[str, _unit]
    rounding: Annotated[str, _rounding] = "floor"

    def stored(self, stamp_ns: int) -> int:
        """Return what a stamp becomes."""
        return rounded(stamp_ns, self.unit, self.rounding)


@dataclass(frozen=True, slots=True, kw_only=True)
class EqualStamp:
    """The write has the stamp of the write before it in the organization."""

    KIND: ClassVar = "equal-stamp"
    METHODS: ClassVar = _WRITES


@dataclass(frozen=True, slots=True, kw_only=True)
class SkewedStamp:
    """The write is stamped by a writer whose clock is wrong.

    Attributes:
        seconds: How far ahead it is; negative behind.
        may_fall: Whether a resource's own stamp may become smaller.
    """

    KIND: ClassVar = "skewed-stamp"
    METHODS: ClassVar = _WRITES
    seconds: Annotated[Span, _offset]
    may_fall: Annotated[bool, flag] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class UnbumpedChange:
    """The change does not move `updatedAt`."""

    KIND: ClassVar = "unbumped-change"
    METHODS: ClassVar = _CHANGES


# --- The server's clock.


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockStep:
    """The server's clock is wrong while the fault lasts: all stamps, and the Date header.

    Attributes:
        seconds: How far it is ahead; negative behind.
        may_fall: Whether a resource's own stamp may become smaller.
    """

    KIND: ClassVar = "clock-step"
    METHODS: ClassVar = _WRITES
    seconds: Annotated[float, number(-MAX_SECONDS, MAX_SECONDS)]
    may_fall: Annotated[bool, flag] = True


Fault: TypeAlias = (
    Latency
    | Drop
    | Page
    | Error
    | StaleRead
    | ShownPrecision
    | InclusiveFilter
    | RequestRounding
    | IgnoredFilter
    | TruncatedList
    | EmptyList
    | ShuffledList
    | RepeatedItems
    | LateWrite
    | StoredPrecision
    | EqualStamp
    | SkewedStamp
    | UnbumpedChange
    | ClockStep
)
FaultT = TypeVar("FaultT", bound=Fault)

KINDS: Final[dict[str, type[Fault]]] = {
    kind.KIND: kind
    for kind in (
        Latency,
        Drop,
        Page,
        Error,
        StaleRead,
        ShownPrecision,
        InclusiveFilter,
        RequestRounding,
        IgnoredFilter,
        TruncatedList,
        EmptyList,
        ShuffledList,
        RepeatedItems,
        LateWrite,
        StoredPrecision,
        EqualStamp,
        SkewedStamp,
        UnbumpedChange,
        ClockStep,
    )
}
"""All kinds by their names in scripts."""


def rounded(stamp_ns: int, unit: str, rounding: str) -> int:
    """Round nanoseconds to a unit of `UNITS_NS`."""
    size = UNITS_NS[unit]
    if rounding == "ceil":
        return -(-stamp_ns // size) * size
    if rounding == "round":
        stamp_ns += size // 2
    return stamp_ns // size * size
