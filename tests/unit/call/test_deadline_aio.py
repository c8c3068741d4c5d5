"""One error at the timeout, whichever side sees it first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

import pytest
from google.protobuf.wrappers_pb2 import StringValue

from triwire._typing import override
from triwire.call.aio import AsyncCaller
from triwire.errors import Code, RpcError
from triwire.interceptors import each_attempt
from triwire.spec import CallOptions, Metadata, MethodSpec, StreamKind
from triwire.testing import AsyncManualClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from triwire.interceptors import Call, Interception
    from triwire.spec import RawResponse

METHOD = MethodSpec("acme.v1.EchoService", "Echo", StringValue, StringValue)


class AsyncLateTransport:
    """Answers with an error after some time on a clock of the test's own."""

    wire = "fake"

    def __init__(self, clock: AsyncManualClock, seconds: float, error: RpcError) -> None:
        self._clock = clock
        self._seconds = seconds
        self._error = error

    async def unary(self, *_: object, **__: object) -> RawResponse:
        self._clock.advance(self._seconds)
        raise self._error

    def stream(self, *_: Any, **__: Any) -> NoReturn:
        raise AssertionError("nothing streams")

    def decode(self, *_: Any, **__: Any) -> NoReturn:
        raise AssertionError("nothing to decode")

    async def aclose(self) -> None:
        pass


async def failure(after_seconds: float, error: RpcError, timeout_seconds: float | None) -> RpcError:
    clock = AsyncManualClock()
    caller = AsyncCaller(
        AsyncLateTransport(clock, after_seconds, error),
        options=CallOptions(timeout_seconds=timeout_seconds),
        clock=clock,
    )
    with pytest.raises(RpcError) as caught:
        await caller.unary(METHOD, StringValue())
    return caught.value


def server_error(code: Code = Code.DEADLINE_EXCEEDED) -> RpcError:
    return RpcError(code, "the server's words", from_server=True)


@pytest.mark.parametrize("after_seconds", [0.99, 1.0, 1.5])
async def test_a_server_that_speaks_at_the_timeout_says_what_the_client_would(
    after_seconds: float,
) -> None:
    error = await failure(after_seconds, server_error(), 1.0)
    assert (error.message, error.from_server) == ("no answer within 1 s", False)


@pytest.mark.parametrize(
    ("after_seconds", "timeout_seconds"),
    [
        pytest.param(0.5, 1.0, id="long before the timeout"),
        pytest.param(99.0, None, id="without a timeout"),
    ],
)
async def test_a_deadline_of_the_servers_own_keeps_its_words(
    after_seconds: float, timeout_seconds: float | None
) -> None:
    error = server_error()
    assert await failure(after_seconds, error, timeout_seconds) is error


async def test_other_errors_at_the_timeout_are_what_they_are() -> None:
    error = server_error(Code.ABORTED)
    assert await failure(1.0, error, 1.0) is error


HEAD, TAIL = (("x-head", "1"),), (("x-tail", "2"),)
WATCH = MethodSpec("acme.v1.S", "Watch", StringValue, StringValue, StreamKind.SERVER_STREAM)
JOIN = MethodSpec("acme.v1.S", "Join", StringValue, StringValue, StreamKind.CLIENT_STREAM)
CHAT = MethodSpec("acme.v1.S", "Chat", StringValue, StringValue, StreamKind.BIDI_STREAM)


class AsyncLateStreams(AsyncLateTransport):
    """Streams some messages and then what the transport before would answer."""

    def __init__(self, messages: int, *args: Any) -> None:
        super().__init__(*args)
        self._messages = messages

    @override
    def stream(self, *_: Any, **__: Any) -> Any:
        return self

    async def start(self) -> None:
        """Nothing to do."""

    async def headers(self) -> Metadata:
        if self._messages:
            return Metadata(HEAD)
        await self.unary()
        raise AssertionError("unary fails")

    async def read(self) -> bytes | None:
        if self._messages:
            self._messages -= 1
            return b""
        await self.unary()
        raise AssertionError("unary fails")

    @property
    def trailers(self) -> Metadata:
        return Metadata(TAIL)

    @override
    def decode(self, *_: Any, **__: Any) -> Any:
        return StringValue()


def proceed(call: Call) -> Interception:
    return (yield call)


async def requests() -> AsyncIterator[StringValue]:
    yield StringValue()


async def stream_failure(
    method: Any, error: RpcError, *, managed: bool, messages: int = 0, after_seconds: float = 1.0
) -> tuple[RpcError, Metadata]:
    clock = AsyncManualClock()
    caller = AsyncCaller(
        AsyncLateStreams(messages, clock, after_seconds, error),
        options=CallOptions(timeout_seconds=1.0),
        interceptors=(proceed,) if managed else (),
        clock=clock,
    )
    if method is JOIN:
        with pytest.raises(RpcError) as caught:
            await caller.client_stream(JOIN, requests())
        return caught.value, Metadata(caught.value.trailers)
    if method is WATCH:
        stream = caller.server_stream(WATCH, StringValue())
    else:
        stream = caller.bidi_stream(CHAT, requests())
    clock.advance(5.0)  # The time of a stream begins with its first step.
    for _ in range(messages):
        await anext(stream)
    with pytest.raises(RpcError) as caught:
        await anext(stream)
    clock.advance(5.0)
    with pytest.raises(RpcError) as again:
        await anext(stream)
    assert again.value is caught.value
    return caught.value, stream.trailers


def facts(error: RpcError) -> tuple[object, ...]:
    return (error.code, error.message, error.from_server, error.headers, error.trailers)


SPOKEN = [
    pytest.param({"from_server": True, "headers": HEAD, "trailers": TAIL}, id="the server"),
    pytest.param({"from_server": True}, id="the server briefly"),
    pytest.param({"headers": HEAD}, id="the client with headers"),
    pytest.param({}, id="the client"),
]


@pytest.mark.parametrize("managed", [False, True])
@pytest.mark.parametrize("method", [WATCH, JOIN, CHAT], ids=lambda method: method.name)
@pytest.mark.parametrize("spoken", SPOKEN)
async def test_whoever_ends_a_stream_at_its_timeout_the_error_is_the_same(
    method: Any, spoken: Any, *, managed: bool
) -> None:
    # Of its own, what the client says is the text of the timeout.
    words = "the server's words" if "from_server" in spoken else "no answer within 1 s"
    error = RpcError(Code.DEADLINE_EXCEEDED, words, **spoken)
    seen, trailers = await stream_failure(method, error, managed=managed)
    expected = (Code.DEADLINE_EXCEEDED, "no answer within 1 s", False, (), ())
    assert (facts(seen), seen.attempts, trailers.pairs) == (expected, 1, ())


@pytest.mark.parametrize("managed", [False, True])
@pytest.mark.parametrize("method", [WATCH, CHAT], ids=lambda method: method.name)
@pytest.mark.parametrize("from_server", [True, False])
async def test_headers_that_came_with_a_message_stay(
    method: Any, *, from_server: bool, managed: bool
) -> None:
    error = RpcError(
        Code.DEADLINE_EXCEEDED, "no answer within 1 s", from_server=from_server, headers=HEAD
    )
    seen, _ = await stream_failure(method, error, managed=managed, messages=2)
    assert facts(seen) == (Code.DEADLINE_EXCEEDED, "no answer within 1 s", False, HEAD, ())


@pytest.mark.parametrize("managed", [False, True])
@pytest.mark.parametrize("method", [WATCH, JOIN, CHAT], ids=lambda method: method.name)
async def test_a_stream_that_ends_long_before_its_timeout_keeps_the_words_of_the_server(
    method: Any, *, managed: bool
) -> None:
    error = RpcError(
        Code.DEADLINE_EXCEEDED, "its own", from_server=True, headers=HEAD, trailers=TAIL
    )
    seen, trailers = await stream_failure(method, error, managed=managed, after_seconds=0.5)
    assert facts(seen) == (Code.DEADLINE_EXCEEDED, "its own", True, HEAD, TAIL)
    assert trailers.pairs == TAIL


async def test_interceptors_of_attempts_see_that_error_too() -> None:
    met: list[RpcError] = []

    def meet(call: Call) -> Interception:
        try:
            return (yield call)
        except RpcError as error:
            met.append(error)
            raise

    clock = AsyncManualClock()
    caller = AsyncCaller(
        AsyncLateTransport(clock, 1.0, server_error()),
        options=CallOptions(timeout_seconds=1.0),
        interceptors=(each_attempt(meet),),
        clock=clock,
    )
    with pytest.raises(RpcError) as caught:
        await caller.unary(METHOD, StringValue())
    assert met == [caught.value]
    assert (met[0].message, met[0].from_server) == ("no answer within 1 s", False)
