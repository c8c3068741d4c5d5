"""Functions around calls: one signature for every wire, stream kind and colour. Pure.

An interceptor is a generator function. It gets a `Call`, yields the call to be made, and is
resumed when that call has ended: with a `Reply`, or with the `RpcError` that it ended with.

    def log(call: Call) -> Interception:
        try:
            reply = yield call
        except RpcError as error:
            print(call.method.name, error.code.name, error.attempts)
            raise
        print(call.method.name, "OK", reply.attempts, reply.trailers)
        return reply

What it may do, on every wire and for every stream kind:

- yield another call: `call.with_headers({...})`, `dataclasses.replace(call, request=other)`;
- return a `Reply` without a yield: nothing is sent;
- yield again: the call is made again, unless the caller has got messages of it already;
- catch the error and return a `Reply`, or raise another error;
- see the messages of streams as they pass: `on_request`, `on_response`.

It does not wait: there is nothing to await in it, so that the same function serves the sync and
the async client, and what it does runs in the caller's task or thread. A call that is cancelled
ends it with the cancellation; a stream that is closed early ends it with GeneratorExit, so
`finally` always runs.

An interceptor runs once for each call, outside of its retries. Wrapped in `each_attempt` it runs
for each attempt instead. The first of a list is the outermost.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from google.protobuf.message import Message

from triwire._typing import override
from triwire.spec import Metadata, RawResponse

if TYPE_CHECKING:
    from collections.abc import Iterable

    from triwire.spec import Deferred, MetadataInput, MethodSpec

__all__ = ["Call", "Interception", "Interceptor", "Reply", "each_attempt"]

Interception: TypeAlias = Generator["Call", "Reply", "Reply"]
"""What an interceptor returns when it is called: the generator that it is."""

Interceptor: TypeAlias = Callable[["Call"], Interception]
"""A function around calls; see the module's text."""

Hook: TypeAlias = Callable[[Message], Message]

_NOTHING: Final = Metadata()


# Not frozen: that triples the time to make one, and two are made for each call.
@dataclass(slots=True, eq=False, repr=False)
class Call:
    """A call that is about to be made, or one attempt at it. Not to be changed: yield another.

    Attributes:
        method: What is called.
        request: The request; None where the client streams.
        headers: Metadata to send. The client's credentials are added below the interceptors,
            which never see them, unless "authorization" is among these headers.
        timeout_seconds: Time for the whole call, or for this attempt; None: no limit.
        wire: Name of the wire, such as "connect".
        server: Names the server: its URL, unless the transport was given as an object.
        attempt: Number of this attempt from 1, or 0 for a call with all its attempts.
        on_request: Called with every request just before it goes out; each returns what to send
            in its place. Called again for a request that is sent again.
        on_response: Called with every response as it arrives, the last of them first; each
            returns what to hand on. Not for messages that an interceptor made.
        attempt_interceptors: What runs around each attempt; `each_attempt` adds to them.
    """

    method: MethodSpec[Any, Any]
    request: Message | None
    headers: Metadata
    timeout_seconds: float | None = None
    wire: str = ""
    server: str = ""
    attempt: int = 0
    on_request: tuple[Hook, ...] = ()
    on_response: tuple[Hook, ...] = ()
    attempt_interceptors: tuple[Interceptor, ...] = ()

    def with_headers(self, headers: MetadataInput) -> Call:
        """Return the call with these headers, which replace those of the same names."""
        added = Metadata(headers)
        names = {key for key, _ in added.pairs}
        kept = tuple(pair for pair in self.headers.pairs if pair[0] not in names)
        call = self.copy()
        call.headers = Metadata(kept + added.pairs)
        return call

    def copy(self) -> Call:
        """Return a call of its own with the same values; `dataclasses.replace` is slower."""
        return Call(
            self.method,
            self.request,
            self.headers,
            self.timeout_seconds,
            self.wire,
            self.server,
            self.attempt,
            self.on_request,
            self.on_response,
            self.attempt_interceptors,
        )

    @override
    def __repr__(self) -> str:
        return f"<Call {self.wire} {self.method.path} attempt={self.attempt}>"


class Reply:
    """How a call ended that succeeded.

    Args:
        messages: Responses that the caller has not got yet: the one of a method that answers
            once; none at the end of a stream, whose messages went out as they came. What an
            interceptor returns here is what the caller gets (next).
        headers: Response headers, or a function that reads them.
        trailers: Trailers, likewise.
        raw: What a wire gave, instead of headers and trailers.

    Attributes:
        messages: As above.
        raw: As above.
        attempts: How many attempts there were so far; 0 before the call was made.
    """

    __slots__ = ("attempts", "messages", "raw")

    def __init__(
        self,
        messages: Iterable[Message] = (),
        *,
        headers: Deferred = _NOTHING,
        trailers: Deferred = _NOTHING,
        raw: RawResponse | None = None,
    ) -> None:
        self.messages = tuple(messages)
        self.raw = RawResponse(b"", headers, trailers) if raw is None else raw
        self.attempts = 0

    @property
    def headers(self) -> Metadata:
        """Response headers that the application set."""
        return self.raw.headers

    @property
    def trailers(self) -> Metadata:
        """Trailers that the application set."""
        return self.raw.trailers

    @override
    def __repr__(self) -> str:
        return f"<Reply of {len(self.messages)} messages attempts={self.attempts}>"


def each_attempt(interceptor: Interceptor) -> Interceptor:
    """Return an interceptor that runs `interceptor` around every attempt of a call.

    There `call.attempt` counts from 1, and an attempt that fails and is tried again is seen as
    the error that it was.
    """
    _check(interceptor)

    def around(call: Call) -> Interception:
        inner = call.copy()
        inner.attempt_interceptors = (*call.attempt_interceptors, interceptor)
        return (yield inner)

    return around


def check_interceptors(interceptors: Iterable[Interceptor]) -> tuple[Interceptor, ...]:
    """Return interceptors as a tuple.

    Raises:
        TypeError: one of them cannot be an interceptor.
    """
    found = tuple(interceptors)
    for interceptor in found:
        _check(interceptor)
    return found


def _check(interceptor: object) -> None:
    if not callable(interceptor):
        message = f"an interceptor is a generator function, got {type(interceptor).__name__}"
        raise TypeError(message)
    if inspect.isasyncgenfunction(interceptor) or inspect.iscoroutinefunction(interceptor):
        name = getattr(interceptor, "__qualname__", "")
        message = (
            f"interceptor {name} is async: expected a plain generator function, which serves "
            "sync and async clients alike"
        )
        raise TypeError(message)
