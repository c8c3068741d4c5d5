"""Watches of 100, 10,000 and 100,000 deployments.

    python -m bench.watch [--rounds 5] [--counts 100,10000,100000] [--json FILE]

What is measured, transport apart, CPU of one thread:

- a poll in which nothing changed (mode incremental): plan, decoding, observing, on_list; beside a
  full list with a dict compare and a naive `updated_after` loop (cursor = greatest stamp seen),
  and the bytes of each;
- a full list and its merge when nothing changed (decode as gRPC and Connect do, then as REST);
- memory per object beyond the message itself;
- from a change on the server to the event at the subscriber, over a poll loop at its fast pace;
- a change told to 1,000 subscribers of one hub;
- the longest time for which the event loop stood still while a full list was applied.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import random
import statistics
import time
import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from bench.codec import deployment
from bench.measure import Pair, compare, print_pairs, write_json
from coreweave_inference.v1alpha1 import (
    Deployment,
    GetDeploymentRequest,
    GetDeploymentResponse,
    ListDeploymentsRequest,
    ListDeploymentsResponse,
)
from coreweave_inference_gen.coreweave.inference.v1alpha1 import deployment_triwire
from coreweave_inference_gen.coreweave.inference.v1alpha1.deployment_triwire import (
    AsyncDeployments,
)
from triwire.call.aio import AsyncCaller
from triwire.codec.binary import BinaryCodec
from triwire.codec.protojson import ProtoJsonCodec
from triwire.spec import Metadata, RawResponse
from triwire.watch import AsyncWatchHub, WatchOptions
from triwire.watch.actions import ListAll, ListSince, WaitUntil, Why
from triwire.watch.engine import Engine
from triwire.watch.stamps import to_ns, to_timestamp

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Callable, Sequence

    from triwire.spec import MethodSpec, Pairs
    from triwire.transports.base import AsyncRawStream, RequestT, ResponseT

COUNTS: Final = (100, 10_000, 100_000)
POLLS: Final = 300
START_NS: Final = 1_790_000_000 * 10**9
WALL_CLOCK_NS: Final = START_NS + 10**15
OPTIONS: Final = WatchOptions(
    mode="incremental",
    jitter=0.0,
    ladder=(),
    relist_interval_seconds=1e6,
    min_relist_interval_seconds=1e5,
    max_relist_interval_seconds=1e7,
)
NOTHING: Final = Metadata()
Codec: TypeAlias = BinaryCodec | ProtoJsonCodec
KIND: Final = deployment_triwire._DEPLOYMENTS_KIND  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # the generated one


class Fleet:
    """Deployments that changed one second after another, and their List answers as bytes."""

    def __init__(self, count: int) -> None:
        template = deployment(0).SerializeToString()
        self.items: list[Deployment] = []
        for number in range(count):
            item = Deployment.FromString(template)
            item.spec.id = f"0f8fad5b-d9cb-469f-a165-{number:012d}"
            item.status.updated_at.CopyFrom(to_timestamp(START_NS + number * 10**9))
            self.items.append(item)
        self.all = ListDeploymentsResponse(items=self.items).SerializeToString()
        self._since: dict[int, bytes] = {}

    def since(self, cursor_ns: int) -> bytes:
        """Return the answer to `updated_after`, made once."""
        found = self._since.get(cursor_ns)
        if found is None:
            later = [i for i in self.items if to_ns(i.status.updated_at) > cursor_ns]
            found = ListDeploymentsResponse(items=later).SerializeToString()
            self._since[cursor_ns] = found
        return found

    def change(self, number: int) -> None:
        """Change one now."""
        item = self.items[number]
        item.status.updated_at.CopyFrom(to_timestamp(START_NS + 10**15 + time.monotonic_ns()))
        item.spec.traffic.weight = item.spec.traffic.weight % 100 + 1


class Driven:
    """An engine with a fleet behind it and no wire between."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self.now = 0.0
        self.engine = Engine(
            KIND,
            ListDeploymentsRequest(),
            server="bench",
            rng=random.Random(1),  # noqa: S311 - jitter is no secret
            now=0.0,
            wall_clock_ns=WALL_CLOCK_NS,
            options=OPTIONS,
        )

    def next_list(self) -> ListAll | ListSince:
        """Go to the next List."""
        while True:
            action = self.engine.plan(self.now)
            if isinstance(action, ListAll | ListSince):
                return action
            if not isinstance(action, WaitUntil):
                raise SystemExit(f"nothing vanishes here: {action} was not expected")
            self.now = action.at_seconds

    def apply(self, action: ListAll | ListSince, data: bytes) -> int:
        """Decode and apply an answer; return the number of events."""
        response = ListDeploymentsResponse.FromString(data)
        observations = self.engine.observe(response.items)
        parts = self.engine.on_list_in_parts(
            action,
            observations,
            server_date_ns=None,
            wall_clock_ns=WALL_CLOCK_NS,
            size_bytes=len(data),
            started=self.now,
            ended=self.now + 0.01,
        )
        return sum(map(len, parts))

    def answer(self, action: ListAll | ListSince) -> bytes:
        """Return what the server says."""
        return self.fleet.all if isinstance(action, ListAll) else self.fleet.since(action.cursor_ns)

    def settle(self) -> None:
        """Poll until the watermark is closed and only regular polls are left."""
        while self.now < 120.0:  # virtual seconds
            action = self.next_list()
            self.apply(action, self.answer(action))

    def poll(self) -> int:
        """Make one regular poll; return its size."""
        action = self.next_list()
        data = self.answer(action)
        self.engine.list_request(action)
        self.apply(action, data)
        return len(data)


def cpu(function: Callable[[], object], times: int = 1) -> float:
    """Return CPU seconds per call."""
    gc.disable()
    started = time.thread_time()
    for _ in range(times):
        function()
    spent = time.thread_time() - started
    gc.enable()
    return spent / times


class NaiveFull:
    """A full list each time, compared by stamp."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self.known: dict[str, tuple[int, int]] = {}

    def poll(self) -> int:
        """Make one poll; return its size."""
        items = ListDeploymentsResponse.FromString(self.fleet.all).items
        for item in items:
            at = item.status.updated_at
            stamp = (at.seconds, at.nanos)
            if self.known.get(item.spec.id) != stamp:
                self.known[item.spec.id] = stamp
        return len(self.fleet.all)


class NaiveCursor:
    """The greatest stamp seen as the cursor; loses what ties, comes late or is deleted."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self.cursor = max(to_ns(item.status.updated_at) for item in fleet.items)

    def poll(self) -> int:
        """Make one poll; return its size."""
        request = ListDeploymentsRequest(updated_after=to_timestamp(self.cursor))
        data = self.fleet.since(to_ns(request.updated_after))
        for item in ListDeploymentsResponse.FromString(data).items:
            self.cursor = max(self.cursor, to_ns(item.status.updated_at))
        return len(data)


def quiet_polls(fleet: Fleet, driven: Driven, *, rounds: int) -> list[Pair]:
    """Measure polls in which nothing changed."""
    count = len(fleet.items)
    full, cursor = NaiveFull(fleet), NaiveCursor(fleet)
    sizes = driven.poll(), full.poll()
    spent: tuple[list[float], list[float], list[float]] = ([], [], [])
    for _ in range(rounds):
        spent[0].append(1e6 * cpu(driven.poll, POLLS))
        spent[1].append(1e6 * cpu(full.poll, max(1, 1000 // count)))
        spent[2].append(1e6 * cpu(cursor.poll, POLLS))
    name = f"nothing-changed poll, {count:,}"
    return [
        compare(name, "full list", "CPU us", spent[0], spent[1]),
        compare(name, "naive updated_after", "CPU us", spent[0], spent[2]),
        compare(f"{name}: answer", "full list", "bytes", [sizes[0]], [sizes[1]]),
    ]


def relists(fleet: Fleet, driven: Driven, *, rounds: int) -> list[Pair]:
    """Measure a full list in which nothing changed, beside decoding it alone."""
    json_codec = ProtoJsonCodec()
    text = json_codec.encode(ListDeploymentsResponse.FromString(fleet.all))
    decoders: dict[str, Callable[[], ListDeploymentsResponse]] = {
        "binary": lambda: ListDeploymentsResponse.FromString(fleet.all),
        "JSON": lambda: json_codec.decode(text, ListDeploymentsResponse),
    }
    found: list[Pair] = []
    for name, decode in decoders.items():
        ours: list[float] = []
        alone: list[float] = []
        for _ in range(rounds):
            alone.append(1e3 * cpu(decode))
            driven.now += 100.0
            ours.append(1e3 * cpu(lambda: _relist(driven, decode())))  # noqa: B023 - called at once
        title = f"full list and merge, {name}, {len(fleet.items):,}"
        found.append(compare(title, "decoding alone", "CPU ms", ours, alone))
    return found


def _relist(driven: Driven, response: ListDeploymentsResponse) -> None:
    parts = driven.engine.on_list_in_parts(
        ListAll(Why.RELIST),
        driven.engine.observe(response.items),
        server_date_ns=None,
        wall_clock_ns=WALL_CLOCK_NS,
        size_bytes=1,
        started=driven.now,
        ended=driven.now + 0.1,
    )
    if any(hasattr(event, "object") for part in parts for event in part):
        raise SystemExit("nothing changed, and something was told")


def memory(fleet: Fleet) -> float:
    """Return the bytes of Python objects per resource; protobuf's own are not traced."""
    gc.collect()
    tracemalloc.start()
    driven = Driven(fleet)
    driven.settle()
    gc.collect()
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return size / len(fleet.items)


class CannedTransport:
    """Answers lists with bytes that are ready, so that no server runs on the event loop."""

    wire = "canned"

    def __init__(self, fleet: Fleet, codec: Codec) -> None:
        self.fleet = fleet
        self.codec = codec
        self.all = codec.encode(ListDeploymentsResponse.FromString(fleet.all))
        self.lists = 0

    async def unary(
        self,
        method: MethodSpec[RequestT, ResponseT],
        request: RequestT,
        *,
        headers: Pairs,
        timeout_seconds: float | None,
    ) -> RawResponse:
        """Answer a List or a Get."""
        del method, headers, timeout_seconds
        await asyncio.sleep(0)
        if isinstance(request, GetDeploymentRequest):
            found = next(item for item in self.fleet.items if item.spec.id == request.id)
            data = self.codec.encode(GetDeploymentResponse(deployment=found))
        elif isinstance(request, ListDeploymentsRequest) and request.HasField("updated_after"):
            cursor = to_ns(request.updated_after)
            later = [i for i in self.fleet.items if to_ns(i.status.updated_at) > cursor]
            data = self.codec.encode(ListDeploymentsResponse(items=later))
        else:
            self.lists += 1
            data = self.all
        return RawResponse(data, NOTHING, NOTHING)

    def stream(
        self,
        method: MethodSpec[RequestT, ResponseT],
        requests: tuple[RequestT, ...] | AsyncIterable[RequestT],
        *,
        headers: Pairs,
        timeout_seconds: float | None,
    ) -> AsyncRawStream:
        """Refuse: lists do not stream."""
        del method, requests, headers, timeout_seconds
        raise NotImplementedError

    def decode(self, method: MethodSpec[RequestT, ResponseT], body: bytes) -> ResponseT:
        """Decode as the codec does."""
        return self.codec.decode(body, method.response_type)

    async def aclose(self) -> None:
        """Do nothing."""


async def stalls(fleet: Fleet, codec: Codec) -> tuple[float, float]:
    """Return the longest CPU times between two turns of the loop: first list, and a later one."""
    transport = CannedTransport(fleet, codec)
    caller = AsyncCaller(transport)
    worst = 0.0
    options = WatchOptions(
        mode="full", fast_interval_seconds=0.01, idle_interval_seconds=0.01, jitter=0.0
    )

    async def watch_clock() -> None:
        nonlocal worst
        last = time.thread_time()
        while True:
            await asyncio.sleep(0)
            now = time.thread_time()
            worst = max(worst, now - last)
            last = now

    # The collector looks at what the client holds, and not at the server's objects as well.
    gc.collect()
    gc.freeze()
    ticker = asyncio.ensure_future(watch_clock())
    async with AsyncDeployments(caller).watch(options=options) as watch:
        for _ in fleet.items:
            await anext(watch)
        first, worst = worst, 0.0
        seen = transport.lists
        while transport.lists < seen + 2:  # noqa: ASYNC110 - the ticker needs turns of the loop
            await asyncio.sleep(0)
        second = worst
    ticker.cancel()
    await caller.aclose()
    gc.unfreeze()
    return first * 1e3, second * 1e3


async def latencies(fleet: Fleet, changes: int) -> list[float]:
    """Return the times from a change on the server to its event, in ms, at 100 ms between polls."""
    transport = CannedTransport(fleet, BinaryCodec())
    caller = AsyncCaller(transport)
    hub = AsyncWatchHub(caller, requests_per_second=1000, burst=1000)
    options = WatchOptions(mode="incremental", fast_interval_seconds=0.1, idle_interval_seconds=0.1)
    found: list[float] = []
    rng = random.Random(2)  # noqa: S311 - a choice is no secret
    async with hub.watch(KIND, ListDeploymentsRequest(), options=options) as watch:
        for _ in fleet.items:
            await anext(watch)
        for _ in range(changes):
            await asyncio.sleep(0.2 * rng.random())
            fleet.change(rng.randrange(len(fleet.items)))
            changed = time.perf_counter()
            await anext(watch)
            found.append(1e3 * (time.perf_counter() - changed))
    await caller.aclose()
    return sorted(found)


async def fan_out(fleet: Fleet, subscribers: int) -> float:
    """Return the CPU microseconds per subscriber for one change told to all of them."""
    transport = CannedTransport(fleet, BinaryCodec())
    caller = AsyncCaller(transport)
    hub = AsyncWatchHub(caller, requests_per_second=1000, burst=1000)
    options = WatchOptions(mode="incremental", fast_interval_seconds=0.05)
    watches = [
        hub.watch(KIND, ListDeploymentsRequest(), options=options) for _ in range(subscribers)
    ]
    for watch in watches:
        await watch.drain()
    for _ in fleet.items:
        await asyncio.gather(*(anext(watch) for watch in watches))
    spent: list[float] = []
    for _ in range(5):
        steps = [asyncio.ensure_future(anext(watch)) for watch in watches]
        await asyncio.sleep(0.01)
        started = time.process_time()
        fleet.change(0)
        watches[0].nudge()
        await asyncio.gather(*steps)
        spent.append(1e6 * (time.process_time() - started) / subscribers)
    await caller.aclose()
    return statistics.median(spent)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description="Measure watches.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--counts", default=",".join(map(str, COUNTS)))
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    pairs: list[Pair] = []
    figures: dict[str, float] = {}
    for count in map(int, options.counts.split(",")):
        fleet = Fleet(count)
        driven = Driven(fleet)
        driven.settle()
        pairs += quiet_polls(fleet, driven, rounds=options.rounds)
        pairs += relists(fleet, driven, rounds=options.rounds)
        del driven
        figures[f"bookkeeping per object, {count:,} [bytes]"] = memory(fleet)
        for name, codec in (("binary", BinaryCodec()), ("JSON", ProtoJsonCodec())):
            first, later = asyncio.run(stalls(fleet, codec))
            figures[f"longest stall, first list, {name}, {count:,} [CPU ms]"] = first
            figures[f"longest stall, later list, {name}, {count:,} [CPU ms]"] = later
    fleet = Fleet(1000)
    times = asyncio.run(latencies(fleet, 20 * options.rounds))
    figures["change to event, polls 100 ms apart, p50 [ms]"] = statistics.median(times)
    figures["change to event, polls 100 ms apart, p99 [ms]"] = times[int(0.99 * len(times))]
    figures["one change to 1,000 subscribers [CPU us each]"] = asyncio.run(fan_out(Fleet(10), 1000))
    print_pairs("watch", pairs)
    for name, value in figures.items():
        print(f"{name:64} {value:10.1f}")
    if options.json is not None:
        write_json(options.json, pairs, figures=figures)


if __name__ == "__main__":
    main()
