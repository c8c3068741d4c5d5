"""Calls by tasks and threads, through the proxy, on one wire."""

from __future__ import annotations

import asyncio
import math
import random
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from coreweave_inference import AsyncInferenceClient, InferenceClient, RpcError
from tests.chaos.leaks import Holdings, holdings
from tests.chaos.ledger import Ledger
from tests.chaos.proxy import chaos
from tests.contract.colours import dressed, run_blocking

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from tests.emulator_process import RunningEmulator

__all__ = ["Result", "run"]

TIMEOUT_SECONDS: Final = 20.0
ATTEMPT_TIMEOUT_SECONDS: Final = 1.0
# A call that must fail: the proxy's delays are as long as all of its time.
SHORT_SECONDS: Final = 0.01
# Beyond a call's own limit: what a busy machine needs to let the caller have the error.
SLACK_SECONDS: Final = 3.0
# Each client has a retry budget, and over HTTP/2 one connection, whose loss costs each of its calls
# a token.
CLIENTS: Final = 4
TASKS: Final = 12
THREADS: Final = 4
_MOST_ALIVE: Final = 4
_KEYWORDS: Final[dict[str, Any]] = {
    "zones": ["RNO2A"],
    "core_weave_auth": {},
    "body_based_routing": {"api_type": "API_TYPE_OPENAI"},
}


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one wire.

    Attributes:
        ledger: All outcomes.
        wrong: What must not have been; empty if all is well.
        faults: How often the proxy did what.
        seconds: Duration of the calls.
        before: What the process held before the first call.
        warm: After a tenth of the calls, between two calls of nobody.
        end: After the last call, likewise.
        closed: After the clients were closed.
    """

    ledger: Ledger
    wrong: list[str]
    faults: dict[str, int]
    seconds: float
    before: Holdings
    warm: Holdings
    end: Holdings
    closed: Holdings


class _Caller:
    """One task or thread: creates, reads, changes and deletes gateways of its own."""

    def __init__(self, client: AsyncInferenceClient, ledger: Ledger, rng: random.Random) -> None:
        self._client = client
        self._hasty = client.with_options(timeout_seconds=SHORT_SECONDS)
        self._ledger = ledger
        self._rng = rng
        self._alive: dict[str, str] = {}

    async def work(self, calls: int) -> None:
        """Make this many calls."""
        for _ in range(calls):
            drawn = self._rng.random()
            if not self._alive or (drawn < 0.25 and len(self._alive) < _MOST_ALIVE):
                await self._create()
            elif drawn < 0.5:
                await self._delete()
            elif drawn < 0.6:
                await self._update()
            elif drawn < 0.63:
                await self._timed("hasty get", self._hasty.gateways.list(), SHORT_SECONDS)
            else:
                await self._get()

    async def _timed(
        self, what: str, call: Awaitable[Any], limit_seconds: float = TIMEOUT_SECONDS
    ) -> tuple[Any, RpcError | None]:
        began, found, error = time.monotonic(), None, None
        try:
            found = await call
        except RpcError as failure:
            error = failure
        seconds = time.monotonic() - began
        self._ledger.ended(
            what, error, seconds=seconds, limit_seconds=limit_seconds + SLACK_SECONDS
        )
        return found, error

    async def _create(self) -> None:
        name = f"c{self._rng.getrandbits(64):016x}"
        call = self._client.gateways.create(name=name, **_KEYWORDS)
        made, error = await self._timed("create", call)
        self._ledger.created(name, error)
        if error is None:
            self._alive[made.spec.id] = name

    async def _delete(self) -> None:
        resource_id, name = self._rng.choice(sorted(self._alive.items()))
        del self._alive[resource_id]
        _, error = await self._timed("delete", self._client.gateways.delete(resource_id))
        self._ledger.deleted(name, error)

    async def _update(self) -> None:
        resource_id, name = self._rng.choice(sorted(self._alive.items()))
        call = self._client.gateways.update(id=resource_id, name=name, **_KEYWORDS)
        await self._timed("update", call)

    async def _get(self) -> None:
        resource_id, name = self._rng.choice(sorted(self._alive.items()))
        found, error = await self._timed("get", self._client.gateways.get(resource_id))
        if error is None and found.spec.name != name:
            self._ledger.wrong.append(f"a get of {name} returned {found.spec.name}")


async def run(emulator: RunningEmulator, wire: str, *, calls: int, seed: int) -> Result:
    """Make calls on one wire, three in four by tasks and the others by threads.

    Args:
        emulator: The server; other resources of its organization are left alone.
        wire: Name of the wire.
        calls: How many at least; a tenth of them warm up.
        seed: Of the proxy's and the callers' choices.
    """
    began = time.monotonic()
    already = await _names(emulator)
    before = holdings()
    ledger = Ledger()
    with chaos(emulator.host, emulator.port, seed=seed) as proxy:
        settings: dict[str, Any] = {
            "endpoint": f"http://127.0.0.1:{proxy.port}",
            "token": emulator.admin_token,
            "transport": wire,
            "timeout_seconds": TIMEOUT_SECONDS,
            "attempt_timeout_seconds": ATTEMPT_TIMEOUT_SECONDS,
        }
        async_clients = [AsyncInferenceClient(**settings) for _ in range(CLIENTS)]
        client = InferenceClient(**settings)
        clients = async_clients * (TASKS // CLIENTS) + [dressed(client)] * THREADS
        callers = [
            _Caller(one, ledger, random.Random(f"{seed} {wire} {number}"))
            for number, one in enumerate(clients)
        ]
        with ThreadPoolExecutor(THREADS) as threads:
            await _all(callers, threads, math.ceil(calls / 10 / len(callers)))
            warm = holdings()
            await _all(callers, threads, math.ceil(calls * 9 / 10 / len(callers)))
            end = holdings()
        for one in async_clients:
            await one.aclose()
        client.close()
        await asyncio.sleep(0.2)
        closed = holdings()
        faults = proxy.stop()
    wrong = ledger.judge(name for name in await _names(emulator) if name not in already)
    return Result(ledger, wrong, faults, time.monotonic() - began, before, warm, end, closed)


async def _all(callers: list[_Caller], threads: ThreadPoolExecutor, calls: int) -> None:
    loop = asyncio.get_running_loop()
    await asyncio.gather(
        *(one.work(calls) for one in callers[:TASKS]),
        *(loop.run_in_executor(threads, run_blocking, one.work(calls)) for one in callers[TASKS:]),
    )


async def _names(emulator: RunningEmulator) -> list[str]:
    """Ask the server itself, not through the proxy, for the names of all gateways."""
    async with AsyncInferenceClient(emulator.url, token=emulator.admin_token) as client:
        return [gateway.spec.name for gateway in await client.gateways.list()]
