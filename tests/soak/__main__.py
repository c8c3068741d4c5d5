"""`python -m tests.soak --minutes 30 --objects 10000`: the watch against a bad server, for long.

The emulator runs as a process with its faults, is killed and started again on its database. Four
writers, one per wire, create, update and delete. Two watches, one in each colour, follow, and
change their wires with a resume token. A ledger knows what they owed. At the end writes and faults
stop, and both must agree with the server.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import secrets
import sys
import tempfile
import time
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from coreweave_inference import AsyncInferenceClient, InferenceClient
from coreweave_inference.emulator.access import DEVELOPMENT_ORGANIZATION, Access
from coreweave_inference.emulator.service import Emulator, emulator_services
from coreweave_inference.emulator.store import Store
from tests.emulator_process import RunningEmulator, running_emulator
from tests.soak import report
from tests.soak.aio import AsyncWatcher
from tests.soak.booking import Booking
from tests.soak.ledger import Account, Ledger, judge, name_of
from tests.soak.load import Writers, deployment_fields
from tests.soak.scale import Scale
from tests.soak.sync import Watcher
from triwire.dial.wires import WIRES
from triwire.testing import MemoryTransport

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterable

    from coreweave_inference_gen.coreweave.inference.v1alpha1.deployment_pb2 import Deployment

    Watches: TypeAlias = tuple[asyncio.Task[None], ...]

_SYNC_SECONDS = 300.0


@dataclass(slots=True)
class Server:
    """The emulator as a process that can be killed and started again.

    Attributes:
        starts: How often it was started.
    """

    folder: Path
    scale: Scale
    token: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    starts: int = 0
    _port: int = 0
    _running: RunningEmulator | None = None
    _stack: ExitStack = field(default_factory=ExitStack)

    @property
    def database(self) -> Path:
        """Its file."""
        return self.folder / "soak.db"

    @property
    def url(self) -> str:
        """Its address, the same after each start."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def tokens(self) -> str:
        """Its tokens file."""
        return f"{self.token} {DEVELOPMENT_ORGANIZATION} admin\n"

    def start(self) -> None:
        """Start it on its database, with faults of its own chance."""
        faults, tokens = self.folder / "faults.json", self.folder / "tokens"
        faults.write_text(json.dumps(self.scale.faults(self.starts)))
        tokens.write_text(self.tokens)
        self.starts += 1
        self._running = self._stack.enter_context(
            running_emulator(
                *("--port", str(self._port)),
                *("--admin-port", "0"),
                *("--database", str(self.database)),
                *("--tokens", str(tokens)),
                *("--faults", str(faults)),
                *("--transition-seconds", str(self.scale.transition_seconds)),
            )
        )
        self._port = self._running.port

    def kill(self) -> None:
        """Kill it, as a machine does that fails."""
        if self._running is not None:
            self._running.process.kill()
        self._stack.close()

    def calm(self) -> None:
        """Let nothing go wrong any more."""
        if self._running is not None:
            answer = self._running.admin("PUT", "/faults", self.scale.calm())
            assert "error" not in answer, answer

    def close(self) -> None:
        """Stop it."""
        self._stack.close()


def fill(server: Server, ledger: Ledger) -> tuple[str, dict[str, int]]:
    """Write the resources of the start into the database; return their gateway and numbers."""
    store = Store(str(server.database))
    services = emulator_services(Emulator(store, Access.parse(server.tokens)))
    numbers: dict[str, int] = {}
    with InferenceClient(token=server.token, transport=MemoryTransport(services)) as client:
        gateway = client.gateways.create(
            name="soak", zones=["US-EAST-04A"], core_weave_auth={}, path_based_routing={}
        )
        for number in range(server.scale.objects):
            key = f"{number:08x}-0000-4000-8000-{server.scale.seed % 2**48:012x}"
            version = ledger.begin(key, time.monotonic())
            fields = deployment_fields(gateway.spec.id, name_of(number, version.number))
            client.deployments.create(id=key, **fields)
            version.answered, version.wall_answered_ns = time.monotonic(), time.time_ns()
            numbers[key] = number
    store.close()
    return gateway.spec.id, numbers


@dataclass(slots=True)
class Run:
    """One run, and what it needs on its way."""

    scale: Scale
    ledger: Ledger = field(default_factory=Ledger)
    accounts: list[Account] = field(default_factory=list[Account])
    converged_seconds: float | None = None
    wrong: dict[str, list[str]] = field(default_factory=dict["str", "list[str]"])
    kills: int = 0
    calls: int = 0
    failures: dict[str, int] = field(default_factory=dict["str", "int"])

    async def go(self, server: Server) -> None:
        """Do it all."""
        gateway_id, numbers = fill(server, self.ledger)
        print(f"{len(numbers)} objects in the database", flush=True)
        server.start()
        async with AsyncExitStack() as stack:
            blocking, watcher = self._watcher(server), self._async_watcher(server)
            thread = asyncio.create_task(asyncio.to_thread(blocking.run), name="sync watch")
            stack.push_async_callback(_ended, asyncio.to_thread(blocking.stop), thread)
            task = asyncio.create_task(watcher.run(), name="async watch")
            stack.push_async_callback(_ended, watcher.stop(), task)
            watches = (thread, task)
            await _synced((blocking.booking, watcher.booking), watches)
            print("both watches are level with the server", flush=True)
            clients = [
                await stack.enter_async_context(
                    AsyncInferenceClient(server.url, token=server.token, transport=wire)
                )
                for wire in WIRES
            ]
            writers = Writers(
                clients,
                gateway_id=gateway_id,
                ledger=self.ledger,
                numbers=numbers,
                seed=self.scale.seed,
                per_second=self.scale.writes_per_second,
                rest_seconds=2 * self.scale.bound_seconds,
                settling_seconds=self.scale.transition_seconds + self.scale.skew_seconds,
            )
            end = time.monotonic() + self.scale.seconds
            async with asyncio.TaskGroup() as group:
                group.create_task(writers.run(end))
                group.create_task(self._restart(server, end))
                group.create_task(self._switch(blocking, watcher, end))
                group.create_task(self._tell(end))
            self.calls, self.failures = writers.calls, writers.failures
            server.calm()
            await self._converge(server, watches)

    def _watcher(self, server: Server) -> Watcher:
        self.accounts.append(Account("sync"))
        return Watcher(
            Booking(self.accounts[-1], self.ledger),
            lambda wire: InferenceClient(server.url, token=server.token, transport=wire),
            wires=["grpc", "connect", "grpc-web", "rest"],
            options=self.scale.watch_options(),
        )

    def _async_watcher(self, server: Server) -> AsyncWatcher:
        self.accounts.append(Account("async"))
        return AsyncWatcher(
            Booking(self.accounts[-1], self.ledger),
            lambda wire: AsyncInferenceClient(server.url, token=server.token, transport=wire),
            wires=["connect", "rest", "grpc", "grpc-web"],
            options=self.scale.watch_options(),
        )

    async def _restart(self, server: Server, end: float) -> None:
        """Kill and start the emulator, about every five minutes and at least once."""
        pause = self.scale.seconds / (1 + max(1, round(self.scale.minutes / 5)))
        while time.monotonic() + pause < end:
            await asyncio.sleep(pause)
            await asyncio.to_thread(server.kill)
            self.kills += 1
            await asyncio.to_thread(server.start)

    async def _switch(self, blocking: Watcher, watcher: AsyncWatcher, end: float) -> None:
        """Change the wires of both watches: three times in a long run, once in a short one."""
        times = 3 if self.scale.minutes >= 10 else 1
        pause = self.scale.seconds / (times + 1)
        for _ in range(times):
            # A little off the restarts.
            await asyncio.sleep(min(pause * 1.05, end - time.monotonic()))
            await watcher.switch()
            await asyncio.to_thread(blocking.switch)

    async def _tell(self, end: float) -> None:
        while (left := end - time.monotonic()) > 0:
            await asyncio.sleep(min(60.0, left))
            told = ", ".join(
                f"{one.name} {one.events} events, {len(one.polls)} polls" for one in self.accounts
            )
            print(f"{left / 60:.0f} minutes left: {self.ledger.writes} writes, {told}", flush=True)

    async def _converge(self, server: Server, watches: Watches) -> None:
        """Wait until both watches show what the server has."""
        began = time.monotonic()
        await asyncio.sleep(2 * (self.scale.transition_seconds + self.scale.commit_seconds))
        async with AsyncInferenceClient(server.url, token=server.token) as client:
            truth = {one.spec.id: _content(one) for one in await client.deployments.list()}
        while True:
            _check(watches)
            self.wrong = {one.name: list(_differences(one, truth)) for one in self.accounts}
            if not any(self.wrong.values()):
                self.converged_seconds = time.monotonic() - began
                return
            if time.monotonic() - began > self.scale.settling_seconds:
                return
            await asyncio.sleep(1)


def _check(watches: Watches) -> None:
    for task in watches:
        if task.done():
            task.result()
            raise AssertionError(f"the {task.get_name()} ended by itself")


async def _synced(bookings: Iterable[Booking], watches: Watches) -> None:
    end = time.monotonic() + _SYNC_SECONDS
    while not all(booking.synced.is_set() for booking in bookings):
        _check(watches)
        if time.monotonic() > end:
            raise AssertionError(f"no snapshot within {_SYNC_SECONDS:g} s")
        await asyncio.sleep(0.1)


async def _ended(stopping: Awaitable[None], task: asyncio.Task[None]) -> None:
    await stopping
    await task


def _content(resource: Deployment) -> tuple[object, ...]:
    """Return what a watch must agree on: all but stamps, which wires show differently."""
    status = resource.status
    return (
        resource.spec.SerializeToString(deterministic=True),
        status.status,
        tuple((one.type, one.status, one.reason) for one in status.conditions),
    )


def _differences(account: Account, truth: dict[str, tuple[object, ...]]) -> Iterable[str]:
    with account.lock:
        known = {key: _content(one.resource) for key, one in account.known.items()}
    for key in truth.keys() | known.keys():
        if key not in known:
            yield f"{key} is missing"
        elif key not in truth:
            yield f"{key} is gone"
        elif known[key] != truth[key]:
            yield f"{key} is another"


def main() -> int:
    """Run it, print and write the figures; 1 if a guarantee was broken."""
    parser = argparse.ArgumentParser(description="watch a server with faults")
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--objects", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=None, help="default: a fresh one")
    parser.add_argument("--summary", type=Path, help="write the result as Markdown")
    arguments = parser.parse_args()
    seed = secrets.randbelow(1_000_000) if arguments.seed is None else arguments.seed
    quick = arguments.minutes < 5
    scale = Scale(
        minutes=arguments.minutes,
        objects=arguments.objects,
        seed=seed,
        **({"bound_seconds": 2.0, "relist_seconds": 20.0} if quick else {}),
    )
    print(f"seed {seed}: {scale.minutes:g} minutes, {scale.objects} objects", flush=True)
    run = Run(scale)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        server = Server(Path(folder), scale)
        try:
            asyncio.run(run.go(server))
        finally:
            server.close()
    verdicts = [
        judge(
            run.ledger,
            account,
            bound=scale.bound_seconds,
            commit=scale.commit_seconds,
            transition=scale.transition_seconds,
        )
        for account in run.accounts
    ]
    figures = report.figures(run, verdicts, seconds=time.monotonic() - began)
    print(report.text(figures))
    if arguments.summary is not None:
        arguments.summary.write_text(report.markdown(figures))
    return int(figures.is_broken)


if __name__ == "__main__":
    sys.exit(main())
