# Generated from tests/unit/call/test_stream_retries_aio.py by scripts/unasync.py. DO NOT EDIT.
"""Streams whose opening fails are opened again, and never after something was shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf.wrappers_pb2 import StringValue

from tests.texts.sync import texts, values
from triwire._typing import override
from triwire.call.sync import Caller
from triwire.errors import Code, RpcError
from triwire.retry import RetryBudget, RetryPolicy
from triwire.server.service import MethodHandler, ServerContext, Service
from triwire.spec import CallOptions, Metadata, MethodSpec, StreamKind
from triwire.testing import ManualClock, MemoryTransport

if TYPE_CHECKING:
    from collections.abc import Iterator

POLICY = RetryPolicy(initial_backoff_seconds=1.0)
SERVICE = "acme.v1.S"
LIST = MethodSpec(SERVICE, "List", StringValue, StringValue, StreamKind.SERVER_STREAM, retry=POLICY)
BARE = MethodSpec(SERVICE, "Bare", StringValue, StringValue, StreamKind.SERVER_STREAM)
JOIN = MethodSpec(SERVICE, "Join", StringValue, StringValue, StreamKind.CLIENT_STREAM, retry=POLICY)
CHAT = MethodSpec(SERVICE, "Chat", StringValue, StringValue, StreamKind.BIDI_STREAM, retry=POLICY)


class Unsteady:
    """Fails as often as told: before it looks at a request, and after its first message."""

    def __init__(self, *, before: int = 0, after: int = 0) -> None:
        self.before = before
        self.after = after
        self.timeouts: list[float | None] = []

    def begin(self, context: ServerContext) -> None:
        self.timeouts.append(context.timeout_seconds)
        context.response_headers.append(("x-opened", str(len(self.timeouts))))
        if self.before:
            self.before -= 1
            raise RpcError(Code.UNAVAILABLE, "not yet")

    def go_on(self) -> None:
        if self.after:
            self.after -= 1
            raise RpcError(Code.UNAVAILABLE, "lost")

    def list(self, request: StringValue, context: ServerContext) -> Iterator[StringValue]:
        self.begin(context)
        for character in request.value:
            yield StringValue(value=character)
            self.go_on()

    def join(self, requests: Iterator[StringValue], context: ServerContext) -> StringValue:
        self.begin(context)
        found: list[str] = []
        for request in requests:
            found.append(request.value)
            self.go_on()
        return StringValue(value="".join(found))

    def chat(
        self, requests: Iterator[StringValue], context: ServerContext
    ) -> Iterator[StringValue]:
        self.begin(context)
        for request in requests:
            self.go_on()
            yield request

    def service(self) -> Service:
        handlers: list[tuple[MethodSpec[StringValue, StringValue], Any]] = [
            (LIST, self.list),
            (BARE, self.list),
            (JOIN, self.join),
            (CHAT, self.chat),
        ]
        return Service(SERVICE, tuple(MethodHandler(*pair) for pair in handlers))


def caller_of(
    server: Unsteady, *, budget: RetryBudget | None = None, **options: Any
) -> tuple[Caller, ManualClock]:
    clock = ManualClock()
    caller = Caller(
        MemoryTransport([server.service()]),
        options=CallOptions(**options),
        clock=clock,
        budget=budget,
        draw=lambda: 0.5,
    )
    return caller, clock


def test_a_server_stream_is_opened_again_until_it_opens() -> None:
    server = Unsteady(before=2)
    caller, clock = caller_of(server, timeout_seconds=10.0)
    stream = caller.server_stream(LIST, StringValue(value="ab"))
    assert values(stream) == ["a", "b"]
    assert clock.slept == [0.5, 1.0]
    assert server.timeouts == [10.0, 9.5, 8.5]
    assert (stream.headers())["x-opened"] == "3"


def test_the_time_of_a_stream_begins_with_its_first_step() -> None:
    server = Unsteady()
    caller, clock = caller_of(server, timeout_seconds=10.0)
    stream = caller.server_stream(LIST, StringValue(value="a"))
    clock.advance(7.0)
    assert values(stream) == ["a"]
    assert server.timeouts == [10.0]


def test_asking_for_headers_opens_it_again_too() -> None:
    server = Unsteady(before=1)
    caller, _ = caller_of(server)
    stream = caller.server_stream(LIST, StringValue(value="a"))
    assert (stream.headers())["x-opened"] == "2"
    assert values(stream) == ["a"]


def test_a_stream_that_has_delivered_is_not_opened_again() -> None:
    server = Unsteady(after=1)
    caller, clock = caller_of(server)
    stream = caller.server_stream(LIST, StringValue(value="ab"))
    assert (next(stream)).value == "a"
    for _ in range(2):
        with pytest.raises(RpcError, match="lost") as caught:
            next(stream)
        assert caught.value.attempts == 1
    assert (clock.slept, len(server.timeouts)) == ([], 1)


@pytest.mark.parametrize("retry", ["method", None])
def test_a_message_that_cannot_be_read_is_the_streams_error_for_good(retry: Any) -> None:
    class Unreadable(MemoryTransport):
        @override
        def decode(self, *_: Any, **__: Any) -> Any:
            raise RpcError(Code.INTERNAL, "no such message")

    caller = Caller(Unreadable([Unsteady().service()]), options=CallOptions(retry=retry))
    stream = caller.server_stream(LIST, StringValue(value="ab"))
    for _ in range(2):
        with pytest.raises(RpcError, match="no such message"):
            next(stream)


class HeadersOnly:
    """A transport whose streams show headers and then break."""

    wire = "scripted"

    def __init__(self) -> None:
        self.opened = 0
        self.trailers = Metadata()

    def stream(self, *_: Any, **__: Any) -> HeadersOnly:
        self.opened += 1
        return self

    def start(self) -> None:
        """Nothing to do."""

    def headers(self) -> Metadata:
        return Metadata({"x-opened": str(self.opened)})

    def read(self) -> bytes | None:
        raise RpcError(Code.UNAVAILABLE, "lost")

    def close(self) -> None:
        """Nothing to do."""


@pytest.mark.parametrize("shown", [True, False])
def test_headers_that_were_shown_end_the_attempts(*, shown: bool) -> None:
    transport: Any = HeadersOnly()
    caller = Caller(transport, clock=ManualClock(), draw=lambda: 0.5)
    stream = caller.server_stream(LIST, StringValue())
    if shown:
        assert (stream.headers())["x-opened"] == "1"
    with pytest.raises(RpcError, match="lost"):
        next(stream)
    assert transport.opened == (1 if shown else 4)


def test_it_gives_up_with_the_last_error_and_its_history() -> None:
    server = Unsteady(before=9)
    caller, _ = caller_of(server)
    stream = caller.server_stream(LIST, StringValue(value="ab"))
    for _ in range(2):
        with pytest.raises(RpcError, match="not yet") as caught:
            next(stream)
        assert caught.value.attempts == 4
        assert "the policy allows 4 attempts" in caught.value.__notes__[0]
    assert len(server.timeouts) == 4


def test_options_turn_it_on_and_off() -> None:
    server = Unsteady(before=1)
    caller, _ = caller_of(server, retry=POLICY)
    assert values(caller.server_stream(BARE, StringValue(value="a"))) == ["a"]
    for method, retry in ((BARE, "method"), (LIST, None)):
        caller, clock = caller_of(Unsteady(before=1), retry=retry)
        with pytest.raises(RpcError, match="not yet"):
            values(caller.server_stream(method, StringValue(value="a")))
        assert not clock.slept


def test_it_takes_from_the_budget_and_puts_back() -> None:
    budget = RetryBudget()
    caller, _ = caller_of(Unsteady(before=1), budget=budget)
    assert values(caller.server_stream(LIST, StringValue(value="a"))) == ["a"]
    assert budget.tokens == pytest.approx(9.1)


@pytest.mark.parametrize("method", [JOIN, CHAT], ids=lambda method: method.name)
def test_streamed_requests_that_nobody_asked_for_can_go_out_later(method: Any) -> None:
    server = Unsteady(before=2)
    caller, clock = caller_of(server)
    if method is JOIN:
        response = caller.client_stream(JOIN, texts("a", "b"))
        assert response.message.value == "ab"
    else:
        assert values(caller.bidi_stream(CHAT, texts("a", "b"))) == ["a", "b"]
    assert clock.slept == [0.5, 1.0]


@pytest.mark.parametrize("method", [JOIN, CHAT], ids=lambda method: method.name)
def test_streamed_requests_are_never_asked_for_twice(method: Any) -> None:
    server = Unsteady(after=1)
    caller, clock = caller_of(server)

    def made() -> None:
        if method is JOIN:
            caller.client_stream(JOIN, texts("a", "b"))
        else:
            values(caller.bidi_stream(CHAT, texts("a", "b")))

    with pytest.raises(RpcError, match="lost") as caught:
        made()
    assert (caught.value.attempts, clock.slept) == (1, [])


@pytest.mark.parametrize("retry", ["method", None])
@pytest.mark.parametrize("requests", [5, StringValue(value="a"), None])
def test_requests_that_cannot_be_iterated_are_refused_before_the_call(
    requests: Any, retry: Any
) -> None:
    server = Unsteady()
    caller, _ = caller_of(server, retry=retry)
    with pytest.raises(TypeError, match=r"Join takes its google.protobuf.StringValue messages as"):
        caller.client_stream(JOIN, requests)
    with pytest.raises(TypeError, match="such as a generator, got"):
        caller.bidi_stream(CHAT, requests)
    assert not server.timeouts


def test_a_stream_that_is_closed_while_it_waits_is_not_opened() -> None:
    server = Unsteady(before=1)

    class Closing(ManualClock):
        @override
        def sleep(self, seconds: float) -> None:
            super().sleep(seconds)
            stream.close()

    caller = Caller(MemoryTransport([server.service()]), clock=Closing())
    stream = caller.server_stream(LIST, StringValue(value="a"))
    for _ in range(2):
        with pytest.raises(RpcError) as caught:
            next(stream)
        assert (caught.value.code, caught.value.from_server) == (Code.CANCELLED, False)
    assert len(server.timeouts) == 1
