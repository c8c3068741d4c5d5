"""What a script is: one call, what the server does about it, and what the network does. Pure data.

A script is made of plain values only, so that it travels to the server as it is, and so that a
smaller one can be made of it.
"""

from __future__ import annotations

import base64
import pickle
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from google.protobuf.struct_pb2 import Struct

from tests.contract import calls as contract
from triwire.spec import HttpRule, Idempotency, MethodSpec, StreamKind

if TYPE_CHECKING:
    from triwire.spec import Pairs

__all__ = [
    "METHODS",
    "STREAMS",
    "UNARY",
    "Attempt",
    "Failure",
    "Leave",
    "Script",
    "Step",
    "Variant",
]

_SERVICE: Final = "acme.v1.ScriptService"


_OWN: Final = (
    # Maps, lists, numbers and nulls, in a body and in nothing but a body.
    MethodSpec(
        _SERVICE, "Apply", Struct, Struct, http=HttpRule("POST", "/v1/scripts:apply", body="*")
    ),
    MethodSpec(
        _SERVICE,
        "Expand",
        Struct,
        Struct,
        StreamKind.SERVER_STREAM,
        Idempotency.NO_SIDE_EFFECTS,
        http=HttpRule("POST", "/v1/scripts:expand", body="*"),
    ),
    MethodSpec(_SERVICE, "Collect", Struct, Struct, StreamKind.CLIENT_STREAM),
    MethodSpec(_SERVICE, "Chat", Struct, Struct, StreamKind.BIDI_STREAM),
)

METHODS: Final[dict[str, MethodSpec[Any, Any]]] = {
    method.path: method
    for method in (
        *contract.METHODS,
        *_OWN,
    )
}
"""By path: every standard method of a real API, one more with a body of any shape, and a method of
each stream kind."""

UNARY: Final = tuple(m.path for m in METHODS.values() if m.stream_kind is StreamKind.UNARY)
STREAMS: Final = tuple(m.path for m in METHODS.values() if m.stream_kind is not StreamKind.UNARY)

StepKind: TypeAlias = Literal["read", "send", "pause", "hang"]
Step: TypeAlias = tuple[StepKind, bytes]
"""What a handler does next: reads a request, sends a message (given in binary), pauses for some
milliseconds, or waits until it is cancelled."""

Loss: TypeAlias = Literal["", "before", "after", "half"]
LeaveKind: TypeAlias = Literal["close", "close elsewhere", "cancel", "timeout", "cut"]


@dataclass(frozen=True, slots=True)
class Failure:
    """The error that a handler raises.

    Attributes:
        code: Its number.
        message: Its text.
        details: Full name and binary form of each detail; what no google.rpc type is, is packed.
    """

    code: int
    message: str
    details: tuple[tuple[str, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class Attempt:
    """What happens to one attempt.

    Attributes:
        headers: What the handler adds to the response headers.
        trailers: The same for trailers.
        steps: What it does, in order.
        failure: How it ends, or None for success.
        is_bug: Whether it ends with an exception that is no RpcError.
        loss: What the network does to the connection: nothing, it closes before the request is
            through, after the answer, or in the middle of it.
    """

    headers: Pairs = ()
    trailers: Pairs = ()
    steps: tuple[Step, ...] = ()
    failure: Failure | None = None
    is_bug: bool = False
    loss: Loss = ""


@dataclass(frozen=True, slots=True)
class Leave:
    """How the caller gives up, once the server waits.

    Attributes:
        kind: "close" it between two reads, or from "elsewhere" during one; "cancel" the task, or
            let asyncio.timeout do it; "cut": it is not the caller, but the network.
        after: Messages to read first.
    """

    kind: LeaveKind
    after: int = 0


@dataclass(frozen=True, slots=True)
class Variant:
    """How the wires that leave a choice carry a script; no choice may make a difference."""

    http_version: Literal[1, 2] = 1
    json: bool = False
    gzip: bool = False
    get: bool = False


@dataclass(frozen=True, slots=True)
class Script:
    """One call.

    Attributes:
        seed: What it was made from.
        path: Of the method, one of `METHODS`.
        requests: What is sent, in binary.
        headers: Request metadata.
        timeout_seconds: For the whole call.
        attempt_timeout_seconds: For each attempt, or None.
        max_attempts: 1 for no retries.
        backoff_seconds: Wait before the second attempt, where time is real.
        attempts: What happens to each; the last repeats.
        leave: How the caller gives up, or None.
        requests_fail: Whether the caller's own iterator raises after the last request.
        variant: How wires with a choice carry it.
    """

    seed: int
    path: str
    requests: tuple[bytes, ...]
    attempts: tuple[Attempt, ...]
    headers: Pairs = ()
    timeout_seconds: float = 30.0
    attempt_timeout_seconds: float | None = None
    max_attempts: int = 1
    backoff_seconds: float = 0.03
    leave: Leave | None = None
    requests_fail: bool = False
    variant: Variant = field(default_factory=Variant)

    @property
    def method(self) -> MethodSpec[Any, Any]:
        """The method that is called."""
        return METHODS[self.path]

    @property
    def hangs(self) -> bool:
        """Whether some attempt waits for its end from outside."""
        return any(kind == "hang" for one in self.attempts for kind, _ in one.steps)

    @property
    def is_timed(self) -> bool:
        """Whether real time decides: what takes long on a busy machine may come out otherwise."""
        return (self.hangs and self.leave is None) or (self.is_lossy and self.max_attempts > 1)

    @property
    def is_lossy(self) -> bool:
        """Whether it needs a network that loses."""
        return any(one.loss for one in self.attempts) or (
            self.leave is not None and self.leave.kind == "cut"
        )

    def dumped(self) -> str:
        """Return it as text, for the server."""
        return base64.b64encode(pickle.dumps(self)).decode()

    @staticmethod
    def loaded(text: str) -> Script:
        """Return what `dumped` wrote."""
        found = pickle.loads(base64.b64decode(text))  # noqa: S301 - from our parent process
        assert isinstance(found, Script)
        return found
