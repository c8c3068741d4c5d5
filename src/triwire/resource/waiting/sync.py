# Generated from src/triwire/resource/waiting/aio.py by scripts/unasync.py. DO NOT EDIT.
"""Waiting: makes the reads that `shared` plans, and calls what the caller gave."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from triwire._io import Signal
from triwire.errors import RpcError, WaitError
from triwire.resource.once import resource_in
from triwire.resource.sync import list_pages
from triwire.resource.waiting.goals import Deleted, Matching, Ready
from triwire.resource.waiting.shared import Party, ReadAll, ReadOne, Rest, SharedReads, Tell
from triwire.resource.waiting.wait import Wait, WaitTimes
from triwire.watch.stamps import to_timestamp

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

    from triwire.call.sync import Caller
    from triwire.resource.lifecycle import Lifecycle, ResourceT
    from triwire.resource.waiting.goals import Goal
    from triwire.resource.waiting.shared import Step

__all__ = [
    "wait_all",
    "wait_for",
    "wait_until_deleted",
    "wait_until_ready",
]


def wait_until_ready(
    caller: Caller,
    lifecycle: Lifecycle[ResourceT],
    target: ResourceT | str,
    *,
    timeout_seconds: float,
    poll_seconds: float,
    error_grace_seconds: float | None,
    on_progress: Callable[[ResourceT], object] | None,
) -> ResourceT:
    """Read a resource until it is ready, and return it.

    Args:
        caller: Issues the reads; each gets at most the time that is left.
        lifecycle: Where the resource shows its state.
        target: The resource as last seen, or its id.
        timeout_seconds: See WaitTimes.
        poll_seconds: See WaitTimes.
        error_grace_seconds: See Ready.
        on_progress: Called with each newly seen state; what it raises ends the wait.

    Raises:
        RpcError: the error of a read that waiting does not mend.
        WaitError: it is not ready in time or cannot become so, or the client was closed.
        TypeError: `target` is neither a resource nor an id.
        ValueError: an empty id, or a duration that is not positive.
    """
    goal = Ready(_grace(error_grace_seconds))
    times = WaitTimes(timeout_seconds=timeout_seconds, poll_seconds=poll_seconds)
    wait = _begin(caller, lifecycle, target, goal, times=times, on_progress=on_progress)
    _run(caller, lifecycle, [wait])
    return wait.outcome()


def wait_until_deleted(
    caller: Caller,
    lifecycle: Lifecycle[ResourceT],
    target: ResourceT | str,
    *,
    timeout_seconds: float,
    poll_seconds: float,
    on_progress: Callable[[ResourceT], object] | None,
) -> None:
    """Read a resource until it is gone; arguments and errors as in `async_wait_until_ready`."""
    times = WaitTimes(timeout_seconds=timeout_seconds, poll_seconds=poll_seconds)
    wait = _begin(caller, lifecycle, target, Deleted(), times=times, on_progress=on_progress)
    _run(caller, lifecycle, [wait])
    wait.check()


def wait_for(
    caller: Caller,
    lifecycle: Lifecycle[ResourceT],
    target: ResourceT | str,
    predicate: Callable[[ResourceT], object],
    *,
    timeout_seconds: float,
    poll_seconds: float,
    on_progress: Callable[[ResourceT], object] | None,
) -> ResourceT:
    """Read a resource until a predicate holds for it, and return it.

    Arguments and errors as in `async_wait_until_ready`, but no state ends the wait by itself.
    What the predicate raises does.
    """
    if not callable(predicate):
        raise TypeError(f"expected a function of the resource, got {predicate!r}")
    times = WaitTimes(timeout_seconds=timeout_seconds, poll_seconds=poll_seconds)
    wait = _begin(
        caller,
        lifecycle,
        target,
        Matching(),
        times=times,
        on_progress=on_progress,
        predicate=predicate,
    )
    _run(caller, lifecycle, [wait])
    return wait.outcome()


def wait_all(
    caller: Caller,
    lifecycle: Lifecycle[ResourceT],
    targets: Iterable[ResourceT | str],
    *,
    until: object,
    timeout_seconds: float,
    poll_seconds: float,
    error_grace_seconds: float | None,
    on_progress: Callable[[ResourceT], object] | None,
) -> list[ResourceT]:
    """Wait for several resources at once, and return them in the order of `targets`.

    The first that ends in vain ends all, and its error is raised; `others` of a WaitError has
    what was seen last of each. Arguments and errors as in `async_wait_until_ready`, but for
    `until`: "ready", "deleted" or a predicate.

    Returns:
        The resources; nothing if they were waited for to be gone.
    """
    goal, predicate = _goal(until, error_grace_seconds)
    times = WaitTimes(timeout_seconds=timeout_seconds, poll_seconds=poll_seconds)
    if isinstance(targets, (str, lifecycle.resource_type)):
        message = f"expected several resources or ids, got one {type(targets).__name__}"
        raise TypeError(message)
    waits = [
        _begin(
            caller,
            lifecycle,
            target,
            goal,
            times=times,
            on_progress=on_progress,
            predicate=predicate,
        )
        for target in targets
    ]
    if waits:
        _run(caller, lifecycle, waits)
    failed = next((wait for wait in waits if wait.error is not None), None)
    if failed is not None:
        if isinstance(failed.error, WaitError):
            failed.error.others = tuple(wait.last for wait in waits)
        failed.check()
    return [] if goal.ends_when_gone else [wait.outcome() for wait in waits]


def _goal(until: object, grace: float | None) -> tuple[Goal, Callable[..., object] | None]:
    if until == "ready":
        return Ready(_grace(grace)), None
    if until == "deleted":
        return Deleted(), None
    if not callable(until):
        raise TypeError(f"expected until 'ready', 'deleted' or a function, got {until!r}")
    return Matching(), until


def _grace(seconds: float | None) -> float | None:
    if seconds is not None and not seconds >= 0:
        raise ValueError(f"expected error_grace_seconds of at least 0 or None, got {seconds!r}")
    return seconds


def _begin(
    caller: Caller,
    lifecycle: Lifecycle[ResourceT],
    target: ResourceT | str,
    goal: Goal,
    *,
    times: WaitTimes,
    on_progress: Callable[[ResourceT], object] | None,
    predicate: Callable[[ResourceT], object] | None = None,
) -> Wait[ResourceT]:
    return Wait(
        lifecycle,
        target,
        goal,
        times=times,
        now=caller.clock.monotonic_seconds(),
        draw=caller.draw,
        on_progress=on_progress,
        predicate=predicate,
    )


def _run(caller: Caller, lifecycle: Lifecycle[ResourceT], waits: list[Wait[ResourceT]]) -> None:
    """Bring waits to their end, together with the others of the client."""
    clock = caller.clock
    signal = Signal()
    party = Party(waits, signal)
    with _joined(caller, lifecycle, party) as reads:
        while True:
            with reads.lock:
                step: Step[ResourceT] | None = reads.step(party, now=clock.monotonic_seconds())
            match step:
                case None:
                    return
                case Rest(seconds):
                    clock.wait(signal, seconds)
                case Tell(news):
                    _tell(reads, news)
                case ReadOne(wait):
                    _read_one(caller, lifecycle, reads, wait)
                case ReadAll():
                    _read_all(caller, reads, step)


@contextmanager
def _joined(
    caller: Caller, lifecycle: Lifecycle[ResourceT], party: Party[ResourceT]
) -> Generator[SharedReads[ResourceT], None, None]:
    """Join the waits of the same client, with the same headers, for the same kind."""
    shared = caller.shared
    key = (lifecycle, caller.options.headers.pairs)
    with shared.lock:
        reads: SharedReads[ResourceT] = shared.held.setdefault(
            key, SharedReads(lifecycle, shared.lock)
        )
        reads.join(party, now=caller.clock.monotonic_seconds())
    try:
        yield reads
    finally:
        with shared.lock:
            reads.leave(party)
            if reads.is_empty:
                shared.held.pop(key, None)


def _tell(
    reads: SharedReads[ResourceT], news: tuple[tuple[Wait[ResourceT], ResourceT], ...]
) -> None:
    for wait, resource in news:
        if wait.tell(resource):
            with reads.lock:
                reads.satisfy(wait, resource)


def _read_one(
    caller: Caller,
    lifecycle: Lifecycle[ResourceT],
    reads: SharedReads[ResourceT],
    wait: Wait[ResourceT],
) -> None:
    clock = caller.clock
    started = clock.monotonic_seconds()
    options = wait.options(caller.options, now=started)
    outcome: ResourceT | RpcError
    try:
        response = caller.with_options(options).unary(lifecycle.get, wait.request())
        outcome = resource_in(response.message, lifecycle.envelope)
    except RpcError as error:
        outcome = error
    with reads.lock:
        reads.finish_one(wait, outcome, started=started, ended=clock.monotonic_seconds())


def _read_all(
    caller: Caller,
    reads: SharedReads[ResourceT],
    action: ReadAll,
) -> None:
    clock = caller.clock
    started = clock.monotonic_seconds()
    listing = action.listing
    request: Any = listing.method.request_type()
    if action.since_ns is not None:
        getattr(request, listing.updated_after).CopyFrom(to_timestamp(action.since_ns))
    calls = caller.with_options(action.options(caller.options))
    try:
        if listing.is_paged:
            responses = list_pages(calls, listing.method, request)
        else:
            responses = [(calls.unary(listing.method, request)).message]
    except RpcError as error:
        with reads.lock:
            reads.fail_all(error, started=started, ended=clock.monotonic_seconds())
        return
    found = [item for response in responses for item in getattr(response, listing.items)]
    with reads.lock:
        reads.finish_all(found, started=started, ended=clock.monotonic_seconds())
