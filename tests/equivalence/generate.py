"""A script out of a seed. Pure: the same seed gives the same script on every machine."""

from __future__ import annotations

import random
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.protobuf.wrappers_pb2 import StringValue
from google.rpc.error_details_pb2 import RetryInfo

from tests.equivalence.script import (
    METHODS,
    STREAMS,
    UNARY,
    Attempt,
    Failure,
    Leave,
    Script,
    Step,
    Variant,
)
from tests.equivalence.values import DETAILS, detail, fill, metadata, text
from triwire.errors import Code
from triwire.spec import StreamKind

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from tests.equivalence.script import LeaveKind, Loss
    from triwire.spec import MethodSpec

__all__ = ["DEADLINE_SECONDS", "generated"]

DEADLINE_SECONDS: Final = 0.15
"""Time of calls that run into their deadline. The only real wait of the suite."""

_READ: Final[Step] = ("read", b"")
_RETRYABLE: Final = (Code.UNAVAILABLE, Code.ABORTED, Code.RESOURCE_EXHAUSTED)


def generated(seed: int) -> Script:
    """Return the script of this seed."""
    rng = random.Random(seed)
    path = rng.choice(UNARY if rng.random() < 0.4 else STREAMS)
    method = METHODS[path]
    plain = Script(
        seed,
        path,
        _requests(rng, method),
        (),
        headers=metadata(rng, "sent"),
        variant=_variant(rng, method),
    )
    kind = rng.random()
    if kind < 0.5:
        return replace(plain, attempts=(_attempt(rng, plain),))
    if kind < 0.62:
        return _retried(rng, plain)
    if kind < 0.7:
        return _lossy(rng, plain)
    if kind < 0.77:
        return _late(rng, plain)
    if kind < 0.95:
        return _left(rng, plain)
    if plain.method.stream_kind in {StreamKind.CLIENT_STREAM, StreamKind.BIDI_STREAM}:
        reads = (_READ,) * (len(plain.requests) + 1)
        return replace(plain, attempts=(Attempt(steps=reads),), requests_fail=True)
    return replace(plain, attempts=(_attempt(rng, plain),))


def _variant(rng: random.Random, method: MethodSpec[Any, Any]) -> Variant:
    takes_turns = method.stream_kind is StreamKind.BIDI_STREAM
    return Variant(
        http_version=2 if takes_turns or rng.random() < 0.4 else 1,
        json=rng.random() < 0.25,
        gzip=rng.random() < 0.25,
        get=rng.random() < 0.25,
    )


def _requests(rng: random.Random, method: MethodSpec[Any, Any]) -> tuple[bytes, ...]:
    streams = method.stream_kind in {StreamKind.CLIENT_STREAM, StreamKind.BIDI_STREAM}
    found: list[bytes] = []
    for _ in range(rng.randrange(4) if streams else 1):
        message: Message = fill(rng, method.request_type())
        resource_id = getattr(message, "id", None)
        # What URLs cannot carry, and what REST therefore refuses: tests/contract/exceptions.py.
        if resource_id is not None and resource_id in {"", ".", "..", "parameters"}:
            setattr(message, "id", str(uuid.UUID(int=rng.getrandbits(128), version=4)))  # noqa: B010 - a message of any type
        found.append(message.SerializeToString(deterministic=True))
    return tuple(found)


def _message(rng: random.Random, script: Script) -> Step:
    message: Message = fill(rng, script.method.response_type())
    return ("send", message.SerializeToString(deterministic=True))


def _steps(rng: random.Random, script: Script) -> tuple[Step, ...]:
    """Return what a handler does that succeeds."""
    kind = script.method.stream_kind
    found: list[Step] = []
    if kind in {StreamKind.CLIENT_STREAM, StreamKind.BIDI_STREAM}:
        # One more than there are: it meets the end.
        found += [_READ] * (len(script.requests) + 1)
    if kind in {StreamKind.SERVER_STREAM, StreamKind.BIDI_STREAM}:
        found += [_message(rng, script) for _ in range(rng.randrange(4))]
    if kind is StreamKind.BIDI_STREAM and rng.random() < 0.5:
        rng.shuffle(found)
    if rng.random() < 0.2:
        found.insert(rng.randrange(len(found) + 1), ("pause", b""))
    if kind in {StreamKind.UNARY, StreamKind.CLIENT_STREAM}:
        found.append(_message(rng, script))
    return tuple(found)


def _failure(rng: random.Random, codes: tuple[Code, ...] = tuple(Code)) -> Failure:
    details = [detail(rng, rng.choice(DETAILS)) for _ in range(rng.choice((0, 0, 1, 1, 2, 4)))]
    if rng.random() < 0.1:
        packed = AnyMessage()
        packed.Pack(StringValue(value=text(rng)))
        details.append(("google.protobuf.Any", packed.SerializeToString()))
    if rng.random() < 0.1:
        url = "type.googleapis.com/acme.v1.Unheard"
        unheard = AnyMessage(type_url=url, value=b"\x0a\x01x")
        details.append(("google.protobuf.Any", unheard.SerializeToString()))
    words = " ".join(text(rng) for _ in range(rng.randrange(4)))
    return Failure(int(rng.choice(codes)), words, tuple(details))


def _attempt(rng: random.Random, script: Script) -> Attempt:
    """Return any attempt that ends by itself, with success in half of the cases."""
    steps = _steps(rng, script)
    found = Attempt(metadata(rng, "head"), metadata(rng, "tail"), steps)
    drawn = rng.random()
    if drawn < 0.5:
        return found
    steps = steps[: rng.randrange(len(steps) + 1)]
    if script.method.stream_kind in {StreamKind.UNARY, StreamKind.CLIENT_STREAM}:
        steps = tuple(step for step in steps if step[0] != "send")
    if drawn < 0.55:
        return replace(found, steps=steps, is_bug=True)
    return replace(found, steps=steps, failure=_failure(rng))


def _retried(rng: random.Random, script: Script) -> Script:
    """Make it unary, with attempts that fail and a policy that tries again."""
    script = _unary(rng, script)
    failed: list[Attempt] = []
    for _ in range(rng.randrange(1, 5)):
        codes = _RETRYABLE if rng.random() < 0.85 else tuple(Code)
        failure = _failure(rng, codes)
        if rng.random() < 0.4 or failure.code == Code.RESOURCE_EXHAUSTED:
            delay = Duration(seconds=rng.randrange(3), nanos=rng.choice((0, 1_000_000)))
            info = RetryInfo(retry_delay=delay).SerializeToString()
            failure = replace(failure, details=(("google.rpc.RetryInfo", info), *failure.details))
        failed.append(replace(_attempt(rng, script), steps=(), failure=failure, is_bug=False))
    attempts = (*failed, _attempt(rng, script))
    return replace(script, attempts=attempts, max_attempts=rng.randrange(2, 6))


def _lossy(rng: random.Random, script: Script) -> Script:
    """Make it unary, over a network that loses connections."""
    script = _unary(rng, script)
    losses: list[Loss] = ["before", "after", "half"]
    lost = [
        replace(_attempt(rng, script), loss=rng.choice(losses)) for _ in range(rng.randrange(1, 3))
    ]
    attempts = (*lost, _attempt(rng, script))
    # More than there are losses, or none: how many a policy allows is no matter of the network.
    return replace(script, attempts=attempts, max_attempts=rng.choice((1, 5)))


def _late(rng: random.Random, script: Script) -> Script:
    """Let an attempt, or the whole call, run into its deadline."""
    hung = _hanging(rng, script)
    if script.method.stream_kind is StreamKind.UNARY and rng.random() < 0.4:
        return replace(
            script,
            attempts=(hung, _attempt(rng, script)),
            attempt_timeout_seconds=DEADLINE_SECONDS,
            max_attempts=rng.choice((1, 3)),
        )
    return replace(script, attempts=(hung,), timeout_seconds=DEADLINE_SECONDS)


def _left(rng: random.Random, script: Script) -> Script:
    """Let the caller give up, or the network, while the server waits."""
    hung = _hanging(rng, script)
    sent = sum(kind == "send" for kind, _ in hung.steps)
    kinds: tuple[LeaveKind, ...] = ("cancel", "timeout")
    if script.method.stream_kind in {StreamKind.SERVER_STREAM, StreamKind.BIDI_STREAM}:
        kinds += ("close elsewhere", "cut")
        # A call begins with the first read on some wires: there has to be one.
        if sent:
            kinds += ("close",)
    kind = rng.choice(kinds)
    after = rng.randrange(1, sent + 1) if kind == "close" else sent
    script = replace(script, attempts=(hung,), leave=Leave(kind, after))
    if kind == "cut":
        script = replace(script, variant=replace(script.variant, http_version=2))
    return script


def _hanging(rng: random.Random, script: Script) -> Attempt:
    steps = _steps(rng, script)
    if script.method.stream_kind in {StreamKind.UNARY, StreamKind.CLIENT_STREAM}:
        steps = tuple(step for step in steps if step[0] != "send")
    return Attempt(metadata(rng, "head"), metadata(rng, "tail"), (*steps, ("hang", b"")))


def _unary(rng: random.Random, script: Script) -> Script:
    if script.method.stream_kind is StreamKind.UNARY:
        return script
    path = rng.choice(UNARY)
    method = METHODS[path]
    return replace(
        script, path=path, requests=_requests(rng, method), variant=_variant(rng, method)
    )
