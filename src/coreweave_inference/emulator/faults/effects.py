"""What faults do to errors, stamps and answers. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from google.rpc.error_details_pb2 import QuotaFailure, RetryInfo

from coreweave_inference.emulator.faults.kinds import (
    EmptyList,
    EqualStamp,
    Error,
    IgnoredFilter,
    InclusiveFilter,
    RepeatedItems,
    RequestRounding,
    ShownPrecision,
    ShuffledList,
    SkewedStamp,
    StoredPrecision,
    TruncatedList,
    UnbumpedChange,
)
from coreweave_inference.emulator.records import nanoseconds, set_timestamp
from triwire.errors import RpcError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from google.protobuf.message import Message
    from google.protobuf.timestamp_pb2 import Timestamp

    from coreweave_inference.emulator.faults.plan import Happening
    from coreweave_inference.emulator.records import AnyRecord, ResourceT
    from triwire.server.service import ServerContext

__all__ = ["bound", "fail", "listed", "shown", "stamp"]

_NS: Final = 1_000_000_000
_GRPC_WIRES: Final = ("grpc", "grpc-web")
_HTTP_WIRES: Final = ("connect", "rest")


def fail(happening: Happening, context: ServerContext, *, at: str) -> None:
    """Raise the first error that happens before or after the effect.

    Args:
        happening: What happens to the call.
        context: Gets the headers and trailers that ask for a wait.
        at: "request" or "answer".

    Raises:
        RpcError: the fault.
    """
    for fault, _ in happening.of(Error):
        if fault.at == at:
            raise _error(fault, context)


def _error(fault: Error, context: ServerContext) -> RpcError:
    details: list[Message] = []
    if fault.retry_delay_seconds is not None:
        delay = RetryInfo()
        delay.retry_delay.FromNanoseconds(round(fault.retry_delay_seconds * _NS))
        details.append(delay)
    if fault.quota:
        details.append(QuotaFailure(violations=[QuotaFailure.Violation(description=fault.message)]))
    if fault.retry_after is not None and context.wire in _HTTP_WIRES:
        context.response_headers.append(("retry-after", fault.retry_after))
    if fault.pushback_ms is not None and context.wire in _GRPC_WIRES:
        # gRPC A6, "Pushback".
        context.response_trailers.append(("grpc-retry-pushback-ms", str(fault.pushback_ms)))
    return RpcError(fault.code, fault.message, details=tuple(details), from_server=True)


def stamp(
    happening: Happening,
    *,
    right_ns: int,
    own_ns: int | None,
    last_ns: int | None,
    clock: tuple[float, bool],
) -> int:
    """Return the stamp of a write.

    Args:
        happening: What happens to the write.
        right_ns: The stamp that it would have without faults.
        own_ns: The stamp of its resource until now; None for a new one.
        last_ns: The stamp of the write before it, if it is known.
        clock: How far the server's clock is ahead, in seconds, and whether stamps may fall.
    """
    if happening.of(UnbumpedChange) and own_ns is not None:
        return own_ns
    offset_seconds, may_fall = clock
    for fault, rng in happening.of(SkewedStamp):
        offset_seconds += fault.seconds.draw(rng)
        may_fall = may_fall or fault.may_fall
    found = right_ns + round(offset_seconds * _NS)
    if happening.of(EqualStamp) and last_ns is not None:
        found = last_ns
    precisions = [fault for fault, _ in happening.of(StoredPrecision)]
    for precision in precisions:
        found = precision.stored(found)
    if own_ns is None or found > own_ns or may_fall:
        return found
    # A tie of two states of one resource is what coarse or equal stamps are for.
    return own_ns if precisions or happening.of(EqualStamp) else own_ns + 1


def shown(happening: Happening, resource: ResourceT) -> ResourceT:
    """Return a resource as an answer shows it."""
    precisions = [fault for fault, _ in happening.of(ShownPrecision)]
    if not precisions:
        return resource
    copy = type(resource)()
    copy.CopyFrom(resource)
    status: Any = copy.status  # the three kinds share these fields, and no class
    stamps: list[Timestamp] = [status.created_at, status.updated_at]
    stamps += [one.last_update_time for one in status.conditions]
    for fault in precisions:
        for one in stamps:
            set_timestamp(one, fault.shown(nanoseconds(one)))
    return copy


def bound(happening: Happening, after_ns: int | None) -> int | None:
    """Return the bound that a List really has, exclusive as the store takes it."""
    if after_ns is None or happening.of(IgnoredFilter):
        return None
    for fault, _ in happening.of(RequestRounding):
        after_ns = fault.bound(after_ns)
    return after_ns - 1 if happening.of(InclusiveFilter) else after_ns


def listed(
    happening: Happening,
    records: Sequence[AnyRecord],
    former: Callable[[AnyRecord], AnyRecord | None],
) -> list[AnyRecord]:
    """Return the items of a List's answer.

    Args:
        happening: What happens to the call.
        records: What it found.
        former: Returns the state before a record's, if it is known.
    """
    items = list(records)
    for fault, rng in happening.of(RepeatedItems):
        doubled: list[AnyRecord] = []
        for record in items:
            if rng.random() < fault.share:
                doubled.append(former(record) or record)
            doubled.append(record)
        items = doubled
    for _, rng in happening.of(ShuffledList):
        rng.shuffle(items)
    for cut, rng in happening.of(TruncatedList):
        kept = cut.keep if cut.keep is not None else rng.random()
        items = items[: int(len(items) * kept)]
    return [] if happening.of(EmptyList) else items
