"""Interceptors around calls of every stream kind, over the memory wire."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf.wrappers_pb2 import Int32Value, StringValue

from tests.texts.aio import texts, values
from triwire.call.aio import AsyncCaller
from triwire.errors import Code, RpcError
from triwire.interceptors import Call, Interception, Interceptor, Reply, each_attempt
from triwire.retry import RetryPolicy
from triwire.server.service import MethodHandler, ServerContext, Service
from triwire.spec import CallOptions, Metadata, MethodSpec, StreamKind
from triwire.testing import AsyncManualClock, AsyncMemoryTransport

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

ECHO = MethodSpec("acme.v1.Echo", "Echo", StringValue, StringValue)
EXPAND = MethodSpec(ECHO.service, "Expand", StringValue, StringValue, StreamKind.SERVER_STREAM)
FAIL = MethodSpec(ECHO.service, "Fail", StringValue, StringValue, StreamKind.SERVER_STREAM)
FOREVER = MethodSpec(ECHO.service, "Forever", StringValue, StringValue, StreamKind.SERVER_STREAM)
COLLECT = MethodSpec(ECHO.service, "Collect", StringValue, StringValue, StreamKind.CLIENT_STREAM)
CHAT = MethodSpec(ECHO.service, "Chat", StringValue, StringValue, StreamKind.BIDI_STREAM)
POLICY = RetryPolicy(initial_backoff_seconds=1.0)


def answers(context: ServerContext) -> None:
    context.response_headers.append(("x-head", "h"))
    context.response_trailers.append(("x-tail", "t"))


async def expand(request: StringValue, context: ServerContext) -> AsyncIterator[StringValue]:
    answers(context)
    for character in request.value:
        yield StringValue(value=character)


async def fail(request: StringValue, context: ServerContext) -> AsyncIterator[StringValue]:
    answers(context)
    yield request
    raise RpcError(Code.ABORTED, "as asked")


async def forever(request: StringValue, context: ServerContext) -> AsyncIterator[StringValue]:
    answers(context)
    while True:
        yield request


async def collect(requests: AsyncIterator[StringValue], context: ServerContext) -> StringValue:
    answers(context)
    return StringValue(value=" ".join([request.value async for request in requests]))


async def chat(
    requests: AsyncIterator[StringValue], context: ServerContext
) -> AsyncIterator[StringValue]:
    answers(context)
    async for request in requests:
        yield request


class EchoServer:
    """Answers what it was asked and heard, after failing as often as told."""

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.heard: list[Metadata] = []

    def echo(self, request: StringValue, context: ServerContext) -> StringValue:
        self.heard.append(context.headers)
        answers(context)
        if self.failures:
            self.failures -= 1
            raise RpcError(Code.UNAVAILABLE, "not yet")
        return StringValue(value=request.value)

    def service(self) -> Service:
        handlers: list[tuple[MethodSpec[StringValue, StringValue], Any]] = [
            (ECHO, self.echo),
            (EXPAND, expand),
            (FAIL, fail),
            (FOREVER, forever),
            (COLLECT, collect),
            (CHAT, chat),
        ]
        return Service(ECHO.service, tuple(MethodHandler(*pair) for pair in handlers))


def caller_of(
    *interceptors: Interceptor, server: EchoServer | None = None, **options: Any
) -> AsyncCaller:
    served = server if server is not None else EchoServer()
    return AsyncCaller(
        AsyncMemoryTransport([served.service()]),
        options=CallOptions(**options),
        interceptors=interceptors,
        clock=AsyncManualClock(),
        draw=lambda: 0.5,
    )


class Recorder:
    """Notes what passes, and whether it has ended."""

    def __init__(self) -> None:
        self.seen: list[Any] = []
        self.requests: list[str] = []
        self.responses: list[str] = []

    def __call__(self, call: Call) -> Interception:
        self.seen.append(call)
        watched = replace(
            call,
            on_request=(*call.on_request, self._request),
            on_response=(*call.on_response, self._response),
        )
        try:
            reply = yield watched
        except BaseException as error:
            self.seen.append(error)
            raise
        self.seen.append(reply)
        return reply

    def _request(self, message: Any) -> Any:
        self.requests.append(message.value)
        return message

    def _response(self, message: Any) -> Any:
        self.responses.append(message.value)
        return message


async def test_it_sees_the_call_and_the_reply_of_a_unary_method() -> None:
    recorder = Recorder()
    caller = caller_of(recorder, timeout_seconds=7.0, headers=Metadata({"x-own": "1"}))
    response = await caller.unary(ECHO, StringValue(value="a"))
    call, reply = recorder.seen
    assert (call.method, call.request.value, call.wire) == (ECHO, "a", "memory")
    assert (call.headers, call.timeout_seconds, call.attempt) == (Metadata({"x-own": "1"}), 7.0, 0)
    assert reply.messages == (StringValue(value="a"),)
    assert (reply.headers["x-head"], reply.trailers["x-tail"], reply.attempts) == ("h", "t", 1)
    assert response.message.value == "a"
    assert (response.headers["x-head"], response.trailers["x-tail"]) == ("h", "t")


@pytest.mark.parametrize("kind", list(StreamKind))
async def test_one_signature_sees_every_stream_kind(kind: StreamKind) -> None:
    recorder = Recorder()
    caller = caller_of(recorder)
    if kind is StreamKind.UNARY:
        assert (await caller.unary(ECHO, StringValue(value="a"))).message.value == "a"
    elif kind is StreamKind.CLIENT_STREAM:
        response = await caller.client_stream(COLLECT, texts("a", "b"))
        assert (response.message.value, response.trailers["x-tail"]) == ("a b", "t")
    elif kind is StreamKind.SERVER_STREAM:
        assert await values(caller.server_stream(EXPAND, StringValue(value="ab"))) == ["a", "b"]
    else:
        assert await values(caller.bidi_stream(CHAT, texts("a", "b"))) == ["a", "b"]
    call, reply = recorder.seen
    sends_one = kind in {StreamKind.UNARY, StreamKind.SERVER_STREAM}
    assert (call.method.stream_kind, call.request is not None) == (kind, sends_one)
    assert isinstance(reply, Reply)
    assert len(reply.messages) == (kind in {StreamKind.UNARY, StreamKind.CLIENT_STREAM})
    assert reply.trailers["x-tail"]
    assert "".join(recorder.requests) in {"a", "ab"}
    assert "".join(recorder.responses).replace(" ", "") in {"a", "ab"}


async def test_the_first_is_the_outermost() -> None:
    order: list[str] = []

    def named(name: str) -> Interceptor:
        def interceptor(call: Call) -> Interception:
            order.append(f"{name} before")
            reply = yield call
            order.append(f"{name} after")
            return reply

        return interceptor

    await caller_of(named("a"), named("b")).unary(ECHO, StringValue())
    assert order == ["a before", "b before", "b after", "a after"]


async def test_headers_are_added_and_replaced() -> None:
    def stamp(call: Call) -> Interception:
        return (yield call.with_headers([("X-Own", "2"), ("x-new-bin", b"\x00")]))

    server = EchoServer()
    caller = caller_of(stamp, server=server, headers=Metadata({"x-own": "1", "x-kept": "k"}))
    await caller.unary(ECHO, StringValue())
    wanted = [("x-kept", "k"), ("x-own", "2"), ("x-new-bin", b"\x00")]
    assert server.heard[0].pairs == tuple(wanted)


@pytest.mark.parametrize(
    ("headers", "kind", "text"),
    [
        pytest.param({"x y": "v"}, ValueError, "malformed header name", id="name"),
        pytest.param({"x": "caf\xe9"}, ValueError, "printable ASCII", id="value"),
        pytest.param({"x-bin": "text"}, TypeError, "expected bytes", id="binary"),
        pytest.param({"grpc-timeout": "1S"}, ValueError, "belongs to the protocol", id="reserved"),
    ],
)
@pytest.mark.parametrize("level", ["call", "attempt"])
async def test_headers_that_a_wire_cannot_carry_fail_before_any_attempt(
    level: str, headers: Any, kind: type[Exception], text: str
) -> None:
    def stamp(call: Call) -> Interception:
        return (yield call.with_headers(headers))

    server = EchoServer()
    caller = caller_of(each_attempt(stamp) if level == "attempt" else stamp, server=server)
    with pytest.raises(kind, match=text):
        await caller.unary(ECHO, StringValue())
    with pytest.raises(kind, match=text):
        await values(caller.server_stream(EXPAND, StringValue(value="a")))
    with pytest.raises(kind, match=text):
        await caller.client_stream(COLLECT, texts("a"))
    assert not server.heard


async def test_credentials_of_the_client_are_sent_and_not_shown() -> None:
    recorder, server = Recorder(), EchoServer()
    caller = AsyncCaller(
        AsyncMemoryTransport([server.service()]),
        headers=(("authorization", "Bearer secret"),),
        interceptors=(recorder,),
    )
    await caller.unary(ECHO, StringValue())
    assert server.heard[0]["authorization"] == "Bearer secret"
    assert "authorization" not in recorder.seen[0].headers


async def test_a_request_can_be_replaced() -> None:
    def louder(call: Call) -> Interception:
        assert isinstance(call.request, StringValue)
        return (yield replace(call, request=StringValue(value=call.request.value.upper())))

    caller = caller_of(louder)
    assert (await caller.unary(ECHO, StringValue(value="a"))).message.value == "A"
    assert await values(caller.server_stream(EXPAND, StringValue(value="ab"))) == ["A", "B"]


async def test_messages_of_streams_can_be_replaced_on_their_way() -> None:
    def marked(mark: str) -> Interceptor:
        def hook(message: Any) -> Any:
            return StringValue(value=f"{message.value}{mark}")

        def interceptor(call: Call) -> Interception:
            return (
                yield replace(
                    call,
                    on_request=(*call.on_request, hook),
                    on_response=(*call.on_response, hook),
                )
            )

        return interceptor

    caller = caller_of(marked("1"), marked("2"))
    assert await values(caller.bidi_stream(CHAT, texts("a", "b"))) == ["a1221", "b1221"]
    assert (await caller.unary(ECHO, StringValue(value="a"))).message.value == "a1221"


async def test_it_may_answer_instead_of_the_server() -> None:
    def cached(call: Call) -> Interception:
        if False:
            yield call
        return Reply((StringValue(value="cached"),), headers=Metadata({"x-from": "cache"}))

    server = EchoServer()
    caller = caller_of(cached, server=server)
    response = await caller.unary(ECHO, StringValue(value="a"))
    assert (response.message.value, response.headers["x-from"]) == ("cached", "cache")
    assert (await caller.client_stream(COLLECT, texts("a"))).message.value == "cached"
    stream = caller.server_stream(EXPAND, StringValue(value="ab"))
    assert (await stream.headers())["x-from"] == "cache"
    assert await values(stream) == ["cached"]
    assert not server.heard


async def test_it_may_make_the_call_again() -> None:
    def stubborn(call: Call) -> Interception:
        while True:
            try:
                return (yield call)
            except RpcError as error:
                if error.code is not Code.UNAVAILABLE:
                    raise

    server = EchoServer(failures=2)
    response = await caller_of(stubborn, server=server).unary(ECHO, StringValue(value="a"))
    assert (response.message.value, len(server.heard)) == ("a", 3)


async def test_an_error_tells_of_attempts_that_an_interceptor_made() -> None:
    # Without this a create that an interceptor repeats would not know that it may have happened.
    def twice(call: Call) -> Interception:
        try:
            return (yield call)
        except RpcError:
            return (yield call)

    for interceptor in (twice, each_attempt(twice)):
        with pytest.raises(RpcError) as caught:
            await caller_of(interceptor, server=EchoServer(failures=2)).unary(ECHO, StringValue())
        assert caught.value.attempts == 2


async def test_it_may_observe_replace_and_swallow_errors() -> None:
    def translated(call: Call) -> Interception:
        try:
            return (yield call)
        except RpcError as error:
            raise RpcError(Code.ABORTED, "translated") from error

    def swallowed(call: Call) -> Interception:
        try:
            return (yield call)
        except RpcError:
            return Reply((StringValue(value="fallback"),))

    with pytest.raises(RpcError, match="translated"):
        await caller_of(translated, server=EchoServer(failures=1)).unary(ECHO, StringValue())
    fallback = caller_of(swallowed, server=EchoServer(failures=1))
    assert (await fallback.unary(ECHO, StringValue())).message.value == "fallback"
    assert await values(fallback.server_stream(FAIL, StringValue(value="a"))) == ["a", "fallback"]
    failing = caller_of(translated).server_stream(FAIL, StringValue(value="a"))
    assert (await anext(failing)).value == "a"
    for _ in range(2):
        with pytest.raises(RpcError, match="translated"):
            await anext(failing)


async def test_around_each_attempt_it_sees_numbers_errors_and_time() -> None:
    outer, inner, server = Recorder(), Recorder(), EchoServer(failures=2)
    caller = caller_of(outer, each_attempt(inner), server=server, retry=POLICY, timeout_seconds=9.0)
    await caller.unary(ECHO, StringValue())
    calls = [seen for seen in inner.seen if isinstance(seen, Call)]
    assert [call.attempt for call in calls] == [1, 2, 3]
    assert [call.timeout_seconds for call in calls] == [9.0, 8.5, 7.5]
    assert [type(seen) for seen in inner.seen[1::2]] == [RpcError, RpcError, Reply]
    call, reply = outer.seen
    assert (call.attempt, reply.attempts) == (0, 3)


async def test_a_stream_is_not_repeated_once_messages_were_delivered() -> None:
    def again(call: Call) -> Interception:
        try:
            return (yield call)
        except RpcError:
            return (yield call)

    stream = caller_of(again).server_stream(FAIL, StringValue(value="a"))
    assert (await anext(stream)).value == "a"
    with pytest.raises(RuntimeError, match="again repeats a call whose messages"):
        await anext(stream)


async def test_leaving_a_stream_early_ends_its_interceptors() -> None:
    recorder = Recorder()
    caller = caller_of(recorder)
    async with caller.server_stream(FOREVER, StringValue(value="left")) as stream:
        assert (await anext(stream)).value == "left"
    assert isinstance(recorder.seen[1], GeneratorExit)
    with pytest.raises(RpcError, match="closed by this side"):
        await anext(stream)


async def test_a_dropped_stream_ends_its_interceptors() -> None:
    recorder = Recorder()
    stream = caller_of(recorder).server_stream(FOREVER, StringValue(value="dropped"))
    assert (await anext(stream)).value == "dropped"
    del stream
    assert isinstance(recorder.seen[1], GeneratorExit)


async def test_a_stream_that_is_never_used_makes_no_call() -> None:
    recorder = Recorder()
    stream = caller_of(recorder).server_stream(EXPAND, StringValue(value="a"))
    await stream.aclose()
    assert not recorder.seen
    with pytest.raises(RpcError, match="closed by this side"):
        await anext(stream)


async def test_headers_come_before_the_first_message() -> None:
    stream = caller_of(Recorder()).server_stream(EXPAND, StringValue(value="ab"))
    assert (await stream.headers())["x-head"] == "h"
    assert stream.trailers == Metadata()
    assert await values(stream) == ["a", "b"]
    assert (await stream.headers())["x-head"] == "h"
    assert stream.trailers["x-tail"] == "t"


async def test_what_requests_raise_comes_out_unchanged() -> None:
    async def requests() -> AsyncIterator[StringValue]:
        yield StringValue(value="a")
        raise LookupError("a bug of the caller")

    caller = caller_of(Recorder())
    with pytest.raises(LookupError, match="a bug of the caller"):
        await caller.client_stream(COLLECT, requests())


async def test_views_keep_the_interceptors() -> None:
    recorder = Recorder()
    view = caller_of(recorder).with_options(CallOptions(timeout_seconds=1.0))
    await view.unary(ECHO, StringValue())
    assert recorder.seen[0].timeout_seconds == 1.0


def forgets_the_reply(call: Call) -> Any:
    yield call


def yields_something_else(call: Call) -> Any:
    yield call.request


def is_no_generator(call: Call) -> Any:
    return call


def answers_with_another_message(call: Call) -> Interception:
    yield call
    return Reply((Int32Value(value=1),))


def answers_with_nothing(call: Call) -> Interception:
    yield call
    return Reply()


@pytest.mark.parametrize(
    ("interceptor", "text"),
    [
        pytest.param(forgets_the_reply, "returned NoneType: expected the Reply", id="no return"),
        pytest.param(yields_something_else, "yielded StringValue: expected a Call", id="yield"),
        pytest.param(is_no_generator, "expected a generator", id="no generator"),
        pytest.param(answers_with_another_message, "returned Int32Value for Echo", id="message"),
        pytest.param(answers_with_nothing, "returned 0 messages for Echo", id="no message"),
    ],
)
async def test_a_mistake_in_an_interceptor_is_named(interceptor: Interceptor, text: str) -> None:
    with pytest.raises(TypeError, match=text):
        await caller_of(interceptor).unary(ECHO, StringValue())


async def test_a_call_shows_no_payload() -> None:
    recorder = Recorder()
    await caller_of(recorder).unary(ECHO, StringValue(value="secret"))
    assert repr(recorder.seen[0]) == "<Call memory /acme.v1.Echo/Echo attempt=0>"
    assert "secret" not in repr(recorder.seen[1])
