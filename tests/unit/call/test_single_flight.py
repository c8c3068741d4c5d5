"""However many calls need a token, the function is asked once; both colours."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf.wrappers_pb2 import StringValue

from triwire.auth import async_token_of, token_of
from triwire.call.aio import AsyncCaller
from triwire.call.sync import Caller
from triwire.errors import Code, RpcError
from triwire.server.service import MethodHandler, ServerContext, Service
from triwire.spec import CallOptions, MethodSpec
from triwire.testing import AsyncMemoryTransport, MemoryTransport

if TYPE_CHECKING:
    from collections.abc import Callable

ECHO = MethodSpec("acme.v1.Echo", "Echo", StringValue, StringValue)
CALLS = 100


def service(taken: str, heard: list[Any]) -> Service:
    def echo(request: StringValue, context: ServerContext) -> StringValue:
        heard.append(context.headers["authorization"])
        if heard[-1] != f"Bearer {taken}":
            raise RpcError(Code.UNAUTHENTICATED, "not this token")
        return request

    return Service(ECHO.service, (MethodHandler(ECHO, echo),))


def async_caller(made: Service, source: Any, **options: Any) -> AsyncCaller:
    tokens = async_token_of(source)
    assert not isinstance(tokens, str)
    transport = AsyncMemoryTransport([made])
    return AsyncCaller(transport, tokens=tokens, options=CallOptions(**options))


class AsyncGate:
    """A token function whose answers a test lets through one by one."""

    def __init__(self, *answers: str | Exception) -> None:
        self.answers = list(answers)
        self.calls = 0
        self.open = asyncio.Event()

    async def __call__(self) -> str:
        self.calls += 1
        answer = self.answers.pop(0)
        await self.open.wait()
        if isinstance(answer, Exception):
            raise answer
        return answer


async def until_quiet() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_hundred_refused_calls_cause_one_refresh() -> None:
    heard: list[Any] = []
    gate = AsyncGate("old", "new")
    caller = async_caller(service("new", heard), gate)
    tasks = [asyncio.ensure_future(caller.unary(ECHO, StringValue())) for _ in range(CALLS)]
    await until_quiet()
    assert gate.calls == 1
    gate.open.set()
    await asyncio.gather(*tasks)
    assert gate.calls == 2
    assert sorted(heard) == ["Bearer new"] * CALLS + ["Bearer old"] * CALLS


async def test_a_refresh_that_fails_fails_all_that_waited_and_no_later_call() -> None:
    heard: list[Any] = []
    gate = AsyncGate("old", LookupError("down"), "new")
    gate.open.set()
    caller = async_caller(service("new", heard), gate)
    with pytest.raises(RpcError):
        await caller.unary(ECHO, StringValue())
    # One failure more, with all calls waiting for it.
    gate.answers.insert(0, LookupError("down"))
    gate.open.clear()
    tasks = [asyncio.ensure_future(caller.unary(ECHO, StringValue())) for _ in range(CALLS)]
    await until_quiet()
    gate.open.set()
    ends = await asyncio.gather(*tasks, return_exceptions=True)
    assert {str(end) for end in ends} == {
        "UNAUTHENTICATED: no token from function AsyncGate: LookupError"
    }
    assert len({id(end) for end in ends}) == CALLS
    assert gate.calls == 3
    await caller.unary(ECHO, StringValue())
    assert gate.calls == 4


async def test_a_caller_that_gives_up_leaves_the_fetch_to_the_others() -> None:
    gate = AsyncGate("a", "a")
    caller = async_caller(service("a", []), gate)
    first, second = (asyncio.ensure_future(caller.unary(ECHO, StringValue())) for _ in range(2))
    await until_quiet()
    first.cancel()
    gate.open.set()
    await second
    with pytest.raises(asyncio.CancelledError):
        await first
    assert gate.calls == 2


async def test_waiting_for_a_token_counts_into_the_calls_time() -> None:
    gate = AsyncGate("a")
    caller = async_caller(service("a", []), gate, timeout_seconds=0.05)
    with pytest.raises(RpcError) as caught:
        await caller.unary(ECHO, StringValue())
    assert (caught.value.code, caught.value.from_server) == (Code.DEADLINE_EXCEEDED, False)


async def test_a_timeout_error_of_the_function_is_its_own() -> None:
    gate = AsyncGate(TimeoutError())
    gate.open.set()
    caller = async_caller(service("a", []), gate, timeout_seconds=20.0)
    with pytest.raises(RpcError, match="no token from function AsyncGate: TimeoutError"):
        await caller.unary(ECHO, StringValue())


def in_threads(call: Callable[[], object]) -> list[BaseException | None]:
    def outcome() -> BaseException | None:
        try:
            call()
        except RpcError as error:
            return error
        return None

    with ThreadPoolExecutor(CALLS) as pool:
        return [future.result() for future in [pool.submit(outcome) for _ in range(CALLS)]]


def test_a_hundred_threads_cause_one_refresh() -> None:
    heard: list[Any] = []
    all_refused = threading.Barrier(CALLS)
    calls: list[int] = []

    def echo(request: StringValue, context: ServerContext) -> StringValue:
        heard.append(context.headers["authorization"])
        if heard[-1] == "Bearer old":
            all_refused.wait(20)
            raise RpcError(Code.UNAUTHENTICATED, "not this token")
        return request

    def fetch() -> str:
        calls.append(1)
        return "old" if len(calls) == 1 else "new"

    tokens = token_of(fetch)
    assert not isinstance(tokens, str)
    made = Service(ECHO.service, (MethodHandler(ECHO, echo),))
    caller = Caller(MemoryTransport([made]), tokens=tokens)
    assert in_threads(lambda: caller.unary(ECHO, StringValue())) == [None] * CALLS
    assert len(calls) == 2
    assert sorted(heard) == ["Bearer new"] * CALLS + ["Bearer old"] * CALLS


def test_a_thread_waits_for_anothers_fetch_no_longer_than_its_own_time() -> None:
    begun, release = threading.Event(), threading.Event()

    def fetch() -> str:
        begun.set()
        release.wait(20)
        return "a"

    tokens = token_of(fetch)
    assert not isinstance(tokens, str)
    caller = Caller(MemoryTransport([service("a", [])]), tokens=tokens)
    thread = threading.Thread(target=lambda: caller.unary(ECHO, StringValue()))
    thread.start()
    assert begun.wait(20)
    hurried = caller.with_options(CallOptions(timeout_seconds=0.01))
    with pytest.raises(RpcError) as caught:
        hurried.unary(ECHO, StringValue())
    assert caught.value.code is Code.DEADLINE_EXCEEDED
    release.set()
    thread.join(20)
    hurried.unary(ECHO, StringValue())


async def coroutine_function() -> str:
    return "a"


class AsyncFunction:
    async def __call__(self) -> str:
        return "a"


@pytest.mark.parametrize("source", [coroutine_function, AsyncFunction()])
def test_a_sync_client_refuses_a_coroutine_function(source: Any) -> None:
    with pytest.raises(TypeError, match="is a coroutine function: a sync client cannot await it"):
        token_of(source)


def test_a_sync_client_refuses_an_awaitable_when_it_comes() -> None:
    def hidden() -> Any:
        return coroutine_function()

    tokens = token_of(hidden)
    assert not isinstance(tokens, str)
    caller = Caller(MemoryTransport([service("a", [])]), tokens=tokens)
    with pytest.raises(TypeError, match="cannot await 'coroutine_function': use the async client"):
        caller.unary(ECHO, StringValue())


async def test_an_async_client_takes_a_plain_function() -> None:
    caller = async_caller(service("a", []), lambda: "a")
    await caller.unary(ECHO, StringValue())
