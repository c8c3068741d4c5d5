"""Several attempts at one call at once, in both colours."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.wrappers_pb2 import StringValue
from google.rpc.error_details_pb2 import RetryInfo

from coreweave_inference import HedgingPolicy, InferenceClient
from triwire._typing import override
from triwire.call.aio import AsyncCaller
from triwire.call.sync import Caller
from triwire.cancellation import is_given_up
from triwire.errors import Code, RpcError
from triwire.interceptors import Call, Interception, each_attempt
from triwire.retry import RetryBudget, RetryPolicy, RetryThrottling
from triwire.server.service import MethodHandler, ServerContext, Service
from triwire.spec import CallOptions, HttpRule, Idempotency, MethodSpec, StreamKind
from triwire.testing import AsyncManualClock, AsyncMemoryTransport, MemoryTransport

SAFE = Idempotency.NO_SIDE_EFFECTS
READ = MethodSpec("acme.v1.S", "Read", StringValue, StringValue, idempotency=SAFE)
WRITE = MethodSpec("acme.v1.S", "Write", StringValue, StringValue, retry=RetryPolicy())
LOOK = MethodSpec(
    "acme.v1.S",
    "Look",
    StringValue,
    StringValue,
    idempotency=SAFE,
    hedging=HedgingPolicy(max_attempts=3, delay_seconds=0.0),
)
NO_CODES: frozenset[Code] = frozenset()
AT_ONCE = HedgingPolicy(max_attempts=3, delay_seconds=0.0)


class AsyncServer:
    """Lets a test decide how each attempt ends."""

    def __init__(self) -> None:
        self.arrived = 0
        self.cancelled = 0
        self.ends: list[asyncio.Future[str]] = []
        self.all_here = asyncio.Event()

    async def read(self, request: StringValue, context: ServerContext) -> StringValue:
        del request, context
        self.arrived += 1
        end: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.ends.append(end)
        if self.arrived == 3:
            self.all_here.set()
        try:
            return StringValue(value=await end)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise

    def caller(self, policy: Any = AT_ONCE, **more: Any) -> AsyncCaller:
        handlers = tuple(MethodHandler(method, self.read) for method in (READ, WRITE, LOOK))
        return AsyncCaller(
            AsyncMemoryTransport([Service(READ.service, handlers)]),
            options=CallOptions(hedging=policy, **more.pop("options", {})),
            clock=more.pop("clock", AsyncManualClock()),
            **more,
        )


async def quiet() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_the_first_answer_counts_and_the_others_are_cancelled() -> None:
    server = AsyncServer()
    task = asyncio.ensure_future(server.caller().unary(READ, StringValue()))
    await server.all_here.wait()
    server.ends[1].set_result("second")
    assert (await task).message.value == "second"
    assert (server.arrived, server.cancelled) == (3, 2)


async def test_attempts_go_out_after_the_delay() -> None:
    server = AsyncServer()
    caller = server.caller(HedgingPolicy(max_attempts=3, delay_seconds=2.0))
    task = asyncio.ensure_future(caller.unary(READ, StringValue()))
    await server.all_here.wait()
    server.ends[0].set_result("first")
    assert (await task).message.value == "first"
    clock: Any = caller.clock
    assert clock.slept == [2.0, 2.0]


async def test_an_attempt_that_fails_leaves_it_to_the_others() -> None:
    server = AsyncServer()
    task = asyncio.ensure_future(server.caller().unary(READ, StringValue()))
    await server.all_here.wait()
    server.ends[0].set_exception(RpcError(Code.UNAVAILABLE, "one"))
    server.ends[1].set_exception(RpcError(Code.UNAVAILABLE, "two"))
    await quiet()
    server.ends[2].set_result("third")
    assert (await task).message.value == "third"


async def test_without_non_fatal_codes_any_failure_is_the_calls() -> None:
    server = AsyncServer()
    policy = HedgingPolicy(max_attempts=3, delay_seconds=0.0, non_fatal_codes=NO_CODES)
    task = asyncio.ensure_future(server.caller(policy).unary(READ, StringValue()))
    await server.all_here.wait()
    server.ends[1].set_exception(RpcError(Code.UNAVAILABLE, "one"))
    with pytest.raises(RpcError, match="one"):
        await task
    assert server.cancelled == 2


async def test_the_last_failure_is_the_calls() -> None:
    server = AsyncServer()
    task = asyncio.ensure_future(server.caller().unary(READ, StringValue()))
    await server.all_here.wait()
    for number, end in enumerate(server.ends):
        end.set_exception(RpcError(Code.UNAVAILABLE, f"{number}"))
        await quiet()
    with pytest.raises(RpcError, match="2") as caught:
        await task
    assert caught.value.attempts == 3


async def test_another_failure_ends_the_call_at_once() -> None:
    server = AsyncServer()
    task = asyncio.ensure_future(server.caller().unary(READ, StringValue()))
    await server.all_here.wait()
    server.ends[2].set_exception(RpcError(Code.NOT_FOUND, "gone"))
    with pytest.raises(RpcError, match="gone"):
        await task
    assert server.cancelled == 2


async def test_a_cancelled_call_cancels_all_attempts() -> None:
    server = AsyncServer()
    task = asyncio.ensure_future(server.caller().unary(READ, StringValue()))
    await server.all_here.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert server.cancelled == 3


class AsyncEndlessClock(AsyncManualClock):
    """A clock on which no delay ever ends."""

    @override
    async def sleep(self, seconds: float) -> None:
        if seconds:
            await asyncio.Event().wait()


@pytest.mark.parametrize("reason", ["budget", "server", "nothing"])
async def test_no_more_go_out_when_the_budget_is_used_up_or_the_server_asks(reason: str) -> None:
    tokens = 2.0 if reason == "budget" else 10.0
    server = AsyncServer()
    caller = server.caller(
        HedgingPolicy(max_attempts=3, delay_seconds=9.0),
        budget=RetryBudget(RetryThrottling(max_tokens=tokens)),
        clock=AsyncEndlessClock(),
    )
    task = asyncio.ensure_future(caller.unary(READ, StringValue()))
    await quiet()
    not_again = [RetryInfo(retry_delay=Duration(seconds=-1))] if reason == "server" else []
    server.ends[0].set_exception(RpcError(Code.UNAVAILABLE, "busy", details=not_again))
    await quiet()
    assert task.done() == (reason != "nothing")
    assert server.arrived == (1 if task.done() else 2)
    task.cancel()
    with pytest.raises((RpcError, asyncio.CancelledError)):
        await task


async def test_methods_with_side_effects_keep_their_retries() -> None:
    server = AsyncServer()
    task = asyncio.ensure_future(server.caller().unary(WRITE, StringValue()))
    await quiet()
    assert server.arrived == 1
    server.ends[0].set_exception(RpcError(Code.UNAVAILABLE, "once"))
    await quiet()
    server.ends[1].set_result("twice")
    assert (await task).message.value == "twice"


@pytest.mark.parametrize(
    ("options", "attempts"),
    [
        pytest.param(CallOptions(), 3, id="by default"),
        pytest.param(CallOptions(hedging=None), 1, id="turned off"),
        pytest.param(CallOptions(retry=None), 1, id="one attempt asked for"),
        pytest.param(CallOptions(retry=RetryPolicy()), 1, id="retried instead"),
        pytest.param(CallOptions(hedging=HedgingPolicy(2, 0.0)), 2, id="hedged otherwise"),
    ],
)
async def test_a_method_is_hedged_by_its_service_config(
    options: CallOptions, attempts: int
) -> None:
    server = AsyncServer()
    caller = server.caller().with_options(options)
    task = asyncio.ensure_future(caller.unary(LOOK, StringValue()))
    await quiet()
    assert server.arrived == attempts
    server.ends[0].set_result("first")
    assert (await task).message.value == "first"


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        pytest.param({}, "expected unary methods without side effects", id="side effects"),
        pytest.param(
            {"idempotency": SAFE, "stream_kind": StreamKind.SERVER_STREAM},
            "expected unary methods",
            id="stream",
        ),
        pytest.param(
            {"idempotency": SAFE, "retry": RetryPolicy()}, "retried or hedged", id="retried too"
        ),
    ],
)
def test_a_method_that_cannot_be_hedged_is_not_made(settings: Any, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        MethodSpec("acme.v1.S", "M", StringValue, StringValue, hedging=AT_ONCE, **settings)


async def test_only_named_methods_are_hedged() -> None:
    server = AsyncServer()
    other = HedgingPolicy(delay_seconds=0.0, methods=frozenset({"Other"}))
    task = asyncio.ensure_future(server.caller(other).unary(READ, StringValue()))
    await quiet()
    server.ends[0].set_result("only")
    await task
    assert server.arrived == 1


async def test_a_named_method_with_side_effects_is_refused_before_it_is_sent() -> None:
    server = AsyncServer()
    policy = HedgingPolicy(methods=frozenset({"Write"}))
    with pytest.raises(ValueError, match="Write cannot be hedged"):
        await server.caller(policy).unary(WRITE, StringValue())
    assert not server.arrived


async def test_interceptors_see_every_attempt() -> None:
    seen: list[int] = []

    def watch(call: Call) -> Interception:
        seen.append(call.attempt)
        return (yield call)

    server = AsyncServer()
    caller = server.caller(interceptors=(each_attempt(watch),))
    task = asyncio.ensure_future(caller.unary(READ, StringValue()))
    await server.all_here.wait()
    server.ends[0].set_result("x")
    await task
    assert seen == [1, 2, 3]


class Blocking:
    """A handler for threads: the first attempt hangs, later ones end as told."""

    def __init__(self, *ends: str | RpcError) -> None:
        self.ends = list(ends)
        self.release = threading.Event()
        self.lock = threading.Lock()
        self.arrived = 0

    def read(self, request: StringValue, context: ServerContext) -> StringValue:
        del request, context
        with self.lock:
            self.arrived += 1
            end = self.ends.pop(0) if self.arrived > 1 else None
        if end is None:
            self.release.wait(20)
            return StringValue(value="late")
        if isinstance(end, RpcError):
            raise end
        return StringValue(value=end)

    def caller(self, policy: HedgingPolicy) -> Caller:
        service = Service(READ.service, (MethodHandler(READ, self.read),))
        return Caller(MemoryTransport([service]), options=CallOptions(hedging=policy))


def test_threads_do_the_same_for_sync_code() -> None:
    server = Blocking("second")
    response = server.caller(HedgingPolicy(delay_seconds=0.001)).unary(READ, StringValue())
    assert response.message.value == "second"
    server.release.set()


def test_in_threads_a_failure_sends_the_next_at_once_and_another_ends_the_call() -> None:
    server = Blocking(RpcError(Code.UNAVAILABLE, "one"), RpcError(Code.NOT_FOUND, "gone"))
    policy = HedgingPolicy(max_attempts=3, delay_seconds=0.001)
    with pytest.raises(RpcError, match="gone") as caught:
        server.caller(policy).unary(READ, StringValue())
    assert caught.value.attempts == 3
    server.release.set()


def test_in_threads_whoever_lost_is_given_up() -> None:
    given_up = threading.Event()
    server = Blocking("second")

    def watch(call: Call) -> Interception:
        reply = yield call
        if call.attempt == 1 and is_given_up():
            given_up.set()
        return reply

    service = Service(READ.service, (MethodHandler(READ, server.read),))
    caller = Caller(
        MemoryTransport([service]),
        options=CallOptions(hedging=HedgingPolicy(delay_seconds=0.001)),
        interceptors=(each_attempt(watch),),
    )
    caller.unary(READ, StringValue())
    assert not is_given_up()
    server.release.set()
    assert given_up.wait(20)


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        pytest.param({"max_attempts": 1}, "must be 2 to 5, got 1", id="one"),
        pytest.param({"max_attempts": 6}, "must be 2 to 5, got 6", id="six"),
        pytest.param({"delay_seconds": -1.0}, "must be 0 or more and finite", id="delay"),
        pytest.param({"delay_seconds": float("nan")}, "must be 0 or more and finite", id="nan"),
        pytest.param(
            {"non_fatal_codes": frozenset({Code.NOT_FOUND})},
            "NOT_FOUND cannot be retried: expected some of UNKNOWN",
            id="code",
        ),
        pytest.param({"non_fatal_codes": frozenset({99})}, "99 cannot be retried", id="number"),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(settings: Any, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        HedgingPolicy(**settings)


def test_options_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(ValueError, match="either retried or hedged: beside hedging, expected"):
        CallOptions(hedging=AT_ONCE, retry=RetryPolicy())
    for name in ("timeout_seconds", "attempt_timeout_seconds"):
        options: Any = {name: -0.1}
        with pytest.raises(ValueError, match=f"{name} must be 0 or more"):
            CallOptions(**options)


def test_the_client_names_the_methods_that_can_be_hedged() -> None:
    allowed = "GetCapacityClaim.*, GetDeployment.*, GetGateway.*, ListGateways"
    policy = HedgingPolicy(methods=frozenset({"CreateGateway", "GetGateway"}))
    with pytest.raises(ValueError, match=f"CreateGateway cannot be hedged: .*{allowed}"):
        InferenceClient("http://localhost:1", token="x", hedging=policy)  # noqa: S106 - no secret
    client = InferenceClient("http://localhost:1", token="x", hedging=AT_ONCE)  # noqa: S106 - no secret
    with pytest.raises(ValueError, match="either retried or hedged"):
        client.with_options(retry=RetryPolicy())
    with pytest.raises(TypeError, match="hedging must be a HedgingPolicy, None or"):
        client.with_options(hedging=7)  # type: ignore[arg-type]  # what is to be refused


@pytest.mark.parametrize(
    ("spec", "is_hedgeable"),
    [
        ({"idempotency": SAFE}, True),
        ({"http": HttpRule("GET", "/v1/x")}, True),
        ({"http": HttpRule("POST", "/v1/x")}, False),
        ({"idempotency": Idempotency.IDEMPOTENT}, False),
        ({"idempotency": SAFE, "stream_kind": StreamKind.SERVER_STREAM}, False),
    ],
)
def test_what_can_be_hedged(spec: Any, *, is_hedgeable: bool) -> None:
    assert MethodSpec("s", "M", StringValue, StringValue, **spec).is_hedgeable is is_hedgeable
