"""The server's side of scripts: handlers that do what the script of their call says.

Calls name their replay in a header; the harness hands the script over before.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import subprocess
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.wrappers_pb2 import StringValue

from coreweave_inference.client.aliases import ENUM_ALIASES
from tests.child_server import serving_child
from tests.equivalence.script import METHODS, Script
from triwire._typing import override
from triwire.codec.protojson import ProtoJsonCodec
from triwire.errors import Code, RpcError, decode_details
from triwire.server.asgi import asgi_app
from triwire.server.service import MethodHandler, Service
from triwire.spec import MethodSpec, StreamKind

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Generator
    from contextlib import AbstractContextManager

    from google.protobuf.message import Message

    from tests.equivalence.script import Attempt
    from triwire.server.service import Handler, ServerContext

__all__ = ["AWAIT", "HAND_OVER", "REPLAY", "SEEN", "Replays", "serving"]

REPLAY: Final = "x-replay"
SEEN: Final = "x-seen"
_CONTROL: Final = "acme.v1.ScriptControl"
HAND_OVER: Final = MethodSpec(_CONTROL, "HandOver", StringValue, StringValue)
AWAIT: Final = MethodSpec(_CONTROL, "Await", StringValue, StringValue)
_PAUSE_SECONDS: Final = 0.003


class _Replay:
    """What the server knows of one replay.

    Attributes:
        attempts: How many attempts came.
        waits: Set when a handler waits for its end.
        ended: Set when the last handler has ended.
        ending: How it ended.
    """

    def __init__(self) -> None:
        self.attempts = 0
        self.waits = asyncio.Event()
        self.ended = asyncio.Event()
        self.ending = ""


class Replays:
    """All replays of a process, and the services that they call."""

    def __init__(self) -> None:
        self._scripts: dict[str, Script] = {}
        self._replays: dict[str, _Replay] = defaultdict(_Replay)

    def hand_over(self, text: str) -> None:
        """Take a script for the calls to come: its name, a space, and what `Script.dumped` gave."""
        name, _, dumped = text.partition(" ")
        self._scripts[name] = Script.loaded(dumped)

    async def awaited(self, text: str) -> str:
        """Tell of a replay: wait until it "waits" or "ended", or return its "attempts" so far.

        Args:
            text: What is asked, a space, and the replay.

        Returns:
            How the handler ended, if it has; or the number of attempts.
        """
        what, _, name = text.partition(" ")
        replay = self._replays[name]
        if what == "attempts":
            return str(replay.attempts)
        await (replay.waits if what == "waits" else replay.ended).wait()
        return replay.ending

    def services(self) -> list[Service]:
        """Return the services of all methods, and the one to control them by."""
        by_service: dict[str, list[MethodHandler]] = defaultdict(list)
        for method in METHODS.values():
            by_service[method.service].append(MethodHandler(method, self._handler(method)))

        async def hand_over(request: StringValue, context: ServerContext) -> StringValue:
            del context
            self.hand_over(request.value)
            return StringValue()

        async def wait(request: StringValue, context: ServerContext) -> StringValue:
            del context
            return StringValue(value=await self.awaited(request.value))

        by_service[_CONTROL] = [MethodHandler(HAND_OVER, hand_over), MethodHandler(AWAIT, wait)]
        return [Service(name, tuple(handlers)) for name, handlers in by_service.items()]

    def _handler(self, method: MethodSpec[Any, Any]) -> Handler:
        streams_in = method.stream_kind in {StreamKind.CLIENT_STREAM, StreamKind.BIDI_STREAM}

        def answers(given: Any, context: ServerContext) -> AsyncGenerator[Message, None]:
            requests = given if streams_in else _one(given)
            return self._answers(method, requests, context)

        async def answer(given: Any, context: ServerContext) -> Message:
            async with contextlib.aclosing(answers(given, context)) as found:
                messages: list[Message] = [message async for message in found]
            assert len(messages) == 1, "a script with one response sends one message"
            return messages[0]

        if method.stream_kind in {StreamKind.UNARY, StreamKind.CLIENT_STREAM}:
            return answer
        return answers

    async def _answers(
        self, method: MethodSpec[Any, Any], requests: AsyncIterator[Message], context: ServerContext
    ) -> AsyncGenerator[Message, None]:
        """Do what the script says about this attempt."""
        name = str(context.headers[REPLAY])
        script = self._scripts[name.partition("/")[0]]
        replay = self._replays[name]
        attempt = script.attempts[min(replay.attempts, len(script.attempts) - 1)]
        replay.attempts += 1
        replay.ended.clear()
        ending = "cancelled"
        seen = _Seen(context)
        context.response_headers += attempt.headers
        try:
            # Reads until something is there to send, and one request of a method that takes one.
            if method.stream_kind in {StreamKind.UNARY, StreamKind.SERVER_STREAM}:
                seen.note(await anext(requests))
            for kind, data in attempt.steps:
                if kind == "read":
                    seen.note(await anext(requests, None))
                elif kind == "send":
                    yield method.response_type.FromString(data)
                elif kind == "pause":
                    await self.pause()
                else:
                    replay.waits.set()
                    await asyncio.Event().wait()
            context.response_trailers += (*attempt.trailers, (SEEN, seen.digest()))
            ending = "failed" if attempt.failure or attempt.is_bug else "returned"
            _end(attempt)
        finally:
            replay.ending = ending
            replay.ended.set()

    async def pause(self) -> None:
        """Take a moment."""
        await asyncio.sleep(_PAUSE_SECONDS)


class BlockingReplays(Replays):
    """The same for the sync memory wire, whose handlers must never suspend."""

    @override
    async def pause(self) -> None:
        """Take no time: there is nobody else to run."""

    @override
    def _handler(self, method: MethodSpec[Any, Any]) -> Handler:
        inner = super()._handler(method)
        streams_in = method.stream_kind in {StreamKind.CLIENT_STREAM, StreamKind.BIDI_STREAM}

        def answer(given: Any, context: ServerContext) -> Message:
            message: Message = _run(inner(_suspended(given) if streams_in else given, context))
            return message

        def answers(given: Any, context: ServerContext) -> Generator[Message, None, None]:
            found = inner(_suspended(given) if streams_in else given, context)
            try:
                with contextlib.suppress(StopAsyncIteration):
                    while True:
                        yield _run(anext(found))
            finally:
                _run(found.aclose())

        if method.stream_kind in {StreamKind.UNARY, StreamKind.CLIENT_STREAM}:
            return answer
        return answers


def _run(awaitable: Any) -> Any:
    """Return what an awaitable gives that never suspends."""
    try:
        awaitable.__await__().send(None)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("a handler of the sync memory wire waits")


async def _suspended(requests: Any) -> AsyncIterator[Message]:
    for request in requests:
        yield request


async def _one(request: Message) -> AsyncIterator[Message]:
    yield request


class _Seen:
    """What the server saw of a call, as one short text."""

    def __init__(self, context: ServerContext) -> None:
        self._hash = hashlib.sha256()
        pairs = [pair for pair in context.headers.pairs if pair[0].startswith("s-")]
        # Keys in any order; the values of one key in theirs.
        self._hash.update(repr(sorted(pairs, key=lambda pair: pair[0])).encode())
        left = context.timeout_seconds
        self._hash.update(repr(left is not None and 0 < left <= 30.0).encode())

    def note(self, request: Message | None) -> None:
        """Add a request, or the end of the requests."""
        found = None if request is None else request.SerializeToString(deterministic=True)
        self._hash.update(repr(found).encode())

    def digest(self) -> str:
        """Return the text."""
        return self._hash.hexdigest()[:16]


def _end(attempt: Attempt) -> None:
    failure = attempt.failure
    if failure is not None:
        details = [
            AnyMessage.FromString(value)
            if name == "google.protobuf.Any"
            else decode_details([(name, value)])[0]
            for name, value in failure.details
        ]
        raise RpcError(Code(failure.code), failure.message, details=details)
    if attempt.is_bug:
        raise LookupError("a bug of the handler, as asked")


app = asgi_app(
    Replays().services(),
    codec=ProtoJsonCodec(),
    rest_codec=ProtoJsonCodec(enum_aliases=ENUM_ALIASES),
)


def serving() -> AbstractContextManager[int]:
    """Serve in a child process for the length of the block; yields its port."""
    # What its handlers fail with on purpose would be told there.
    return serving_child("tests.equivalence.service:app", stderr=subprocess.DEVNULL)
