"""Where scripts are played: one server, every wire to it, both colours."""

from __future__ import annotations

import asyncio
import random
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Final

from google.protobuf.wrappers_pb2 import StringValue

from coreweave_inference.client.aliases import ENUM_ALIASES
from tests.equivalence.parties import (
    GIVE_UP_SECONDS,
    AsyncParty,
    SyncParty,
    asking,
    async_asking,
    run_blocking,
)
from tests.equivalence.play import play
from tests.equivalence.script import Variant
from tests.equivalence.service import HAND_OVER, REPLAY, BlockingReplays, Replays
from tests.flaky_proxy import FlakyProxy
from triwire.call.aio import AsyncCaller
from triwire.call.sync import Caller
from triwire.codec.binary import BinaryCodec
from triwire.codec.protojson import ProtoJsonCodec
from triwire.config import Endpoint
from triwire.dial import aio, sync
from triwire.dial.wires import WIRES as SERVED
from triwire.errors import Code
from triwire.retry import RetryPolicy
from triwire.spec import CallOptions, Metadata
from triwire.testing import AsyncManualClock, AsyncMemoryTransport, ManualClock, MemoryTransport
from triwire.tls import TlsOptions
from triwire.transports.options import WireOptions

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.equivalence.play import Outcome
    from tests.equivalence.script import Script
    from triwire.transports.base import AsyncTransport, Transport

__all__ = ["COLOURS", "WIRES", "Column", "Stage"]

WIRES: Final = ("memory", *SERVED)
COLOURS: Final = ("async", "sync")
Column = tuple[str, str]
"""A wire and a colour."""

_HOST: Final = "127.0.0.1"
_POLICY_CODES: Final = frozenset({Code.UNAVAILABLE, Code.ABORTED, Code.RESOURCE_EXHAUSTED})


class Stage:
    """Plays scripts; one loop's worth of async callers and any number of threads.

    Args:
        port: Where `tests.equivalence.service` listens.
        tampered: Puts something between an async transport and its caller, for tests of this
            harness: takes the wire's name and the transport.
    """

    def __init__(
        self,
        port: int,
        *,
        tampered: Callable[[str, AsyncTransport], AsyncTransport] | None = None,
    ) -> None:
        self._port = port
        self._tampered = tampered
        self._memory, self._blocking_memory = Replays(), BlockingReplays()
        self._async: dict[tuple[str, Variant], AsyncTransport] = {}
        self._sync: dict[tuple[str, Variant], Transport] = {}
        self._control = AsyncCaller(
            self._dial_async("connect", port, Variant()),
            options=CallOptions(timeout_seconds=60),
        )
        self._sync_control = Caller(
            self._dial_sync("connect", port, Variant()),
            options=CallOptions(timeout_seconds=GIVE_UP_SECONDS),
        )
        self._threads = ThreadPoolExecutor(len(WIRES) * 8)

    async def aclose(self) -> None:
        """Close every client."""
        for transport in self._async.values():
            await transport.aclose()
        for blocking in self._sync.values():
            blocking.close()
        await self._control.aclose()
        self._sync_control.close()
        self._threads.shutdown()

    async def outcomes(self, script: Script, columns: list[Column]) -> dict[Column, Outcome]:
        """Play a script in each of these columns, all at once."""
        key = f"{script.seed}-{uuid.uuid4().hex}"
        text = f"{key} {script.dumped()}"
        self._memory.hand_over(text)
        self._blocking_memory.hand_over(text)
        await self._control.unary(HAND_OVER, StringValue(value=text))
        loop = asyncio.get_running_loop()
        played = [
            self._play_async(script, wire, f"{key}/{wire}/async")
            if colour == "async"
            else loop.run_in_executor(
                self._threads, self._play_sync, script, wire, f"{key}/{wire}/sync"
            )
            for wire, colour in columns
        ]
        return dict(zip(columns, await asyncio.gather(*played), strict=True))

    async def _play_async(self, script: Script, wire: str, name: str) -> Outcome:
        clock = None if script.is_timed else AsyncManualClock()
        with ExitStack() as stack:
            proxy = self._proxy(script, stack)
            transport = self._async_transport(script, wire, proxy)
            caller = AsyncCaller(
                transport,
                options=_options(script, name),
                clock=clock,
                draw=_draw(script),
            )
            ask = self._memory.awaited if wire == "memory" else async_asking(self._control)
            party = AsyncParty(caller, ask, cut=proxy.close if proxy else None)
            outcome = await play(script, party, name)
            if proxy is not None:
                await transport.aclose()
        return outcome if clock is None else {**outcome, "waits": list(clock.slept)}

    def _play_sync(self, script: Script, wire: str, name: str) -> Outcome:
        clock = None if script.is_timed else ManualClock()
        with ExitStack() as stack:
            proxy = self._proxy(script, stack)
            transport = self._sync_transport(script, wire, proxy)
            caller = Caller(
                transport,
                options=_options(script, name),
                clock=clock,
                draw=_draw(script),
            )
            ask = self._ask_memory if wire == "memory" else asking(self._sync_control)
            party = SyncParty(caller, ask, cut=proxy.close if proxy else None)
            outcome: Outcome = run_blocking(play(script, party, name))
            if proxy is not None:
                transport.close()
        return outcome if clock is None else {**outcome, "waits": list(clock.slept)}

    def _ask_memory(self, text: str) -> str:
        return str(run_blocking(self._blocking_memory.awaited(text)))

    def _proxy(self, script: Script, stack: ExitStack) -> FlakyProxy | None:
        if not script.is_lossy:
            return None
        proxy = FlakyProxy(_HOST, self._port)
        stack.callback(proxy.close)
        proxy.script([one.loss or "pass" for one in script.attempts])
        return proxy

    def _async_transport(
        self, script: Script, wire: str, proxy: FlakyProxy | None
    ) -> AsyncTransport:
        if wire == "memory":
            found: AsyncTransport = AsyncMemoryTransport(self._memory.services())
        elif proxy is not None:
            found = self._dial_async(wire, proxy.port, script.variant)
        else:
            key = (wire, script.variant)
            cached = self._async.get(key)
            if cached is None:
                cached = self._async[key] = self._dial_async(wire, self._port, script.variant)
            found = cached
        return self._tampered(wire, found) if self._tampered else found

    def _sync_transport(self, script: Script, wire: str, proxy: FlakyProxy | None) -> Transport:
        if wire == "memory":
            return MemoryTransport(self._blocking_memory.services())
        if proxy is not None:
            return self._dial_sync(wire, proxy.port, script.variant)
        key = (wire, script.variant)
        if key not in self._sync:
            self._sync[key] = self._dial_sync(wire, self._port, script.variant)
        return self._sync[key]

    def _dial_async(self, wire: str, port: int, variant: Variant) -> AsyncTransport:
        return aio.dial(wire, _endpoint(port), **_settings(wire, variant))

    def _dial_sync(self, wire: str, port: int, variant: Variant) -> Transport:
        return sync.dial(wire, _endpoint(port), **_settings(wire, variant))


def _endpoint(port: int) -> Endpoint:
    return Endpoint.parse(f"http://{_HOST}:{port}")


def _settings(wire: str, variant: Variant) -> dict[str, Any]:
    codec = ProtoJsonCodec() if variant.json and wire != "grpc" else BinaryCodec()
    options = WireOptions(
        codec=codec,
        gzip_requests_from_bytes=0 if variant.gzip else None,
        gzip_responses=variant.gzip,
        use_get=variant.get,
    )
    return {
        "tls": TlsOptions(),
        "user_agent": "equivalence/1",
        "options": options,
        "http_version": variant.http_version,
        "enum_aliases": ENUM_ALIASES,
    }


def _draw(script: Script) -> Callable[[], float]:
    """Return where jitter comes from: the same on every wire; none where waits are real."""
    if script.is_timed:
        return lambda: 1.0
    return random.Random(script.seed).random


def _options(script: Script, name: str) -> CallOptions:
    policy = None
    if script.max_attempts > 1:
        # A client hears of a connection's end a moment after its call has failed: an attempt that
        # follows at once may go out on it and be lost too.
        first = script.backoff_seconds if script.is_timed else 0.5
        policy = RetryPolicy(
            max_attempts=script.max_attempts,
            initial_backoff_seconds=first,
            max_backoff_seconds=first * 4,
            retryable_codes=_POLICY_CODES,
        )
    return CallOptions(
        timeout_seconds=script.timeout_seconds,
        attempt_timeout_seconds=script.attempt_timeout_seconds,
        headers=Metadata((*script.headers, (REPLAY, name))),
        retry=policy,
    )
