# Generated from tests/unit/call/test_deadline_aio.py by scripts/unasync.py. DO NOT EDIT.
"""One error at the timeout, whichever side sees it first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

import pytest
from google.protobuf.wrappers_pb2 import StringValue

from triwire.call.sync import Caller
from triwire.errors import Code, RpcError
from triwire.spec import CallOptions, MethodSpec
from triwire.testing import ManualClock

if TYPE_CHECKING:
    from triwire.spec import RawResponse

METHOD = MethodSpec("acme.v1.EchoService", "Echo", StringValue, StringValue)


class LateTransport:
    """Answers with an error after some time on a clock of the test's own."""

    wire = "fake"

    def __init__(self, clock: ManualClock, seconds: float, error: RpcError) -> None:
        self._clock = clock
        self._seconds = seconds
        self._error = error

    def unary(self, *_: object, **__: object) -> RawResponse:
        self._clock.advance(self._seconds)
        raise self._error

    def stream(self, *_: Any, **__: Any) -> NoReturn:
        raise AssertionError("nothing streams")

    def decode(self, *_: Any, **__: Any) -> NoReturn:
        raise AssertionError("nothing to decode")

    def close(self) -> None:
        pass


def failure(after_seconds: float, error: RpcError, timeout_seconds: float | None) -> RpcError:
    clock = ManualClock()
    caller = Caller(
        LateTransport(clock, after_seconds, error),
        options=CallOptions(timeout_seconds=timeout_seconds),
        clock=clock,
    )
    with pytest.raises(RpcError) as caught:
        caller.unary(METHOD, StringValue())
    return caught.value


def server_error(code: Code = Code.DEADLINE_EXCEEDED) -> RpcError:
    return RpcError(code, "the server's words", from_server=True)


@pytest.mark.parametrize("after_seconds", [0.99, 1.0, 1.5])
def test_a_server_that_speaks_at_the_timeout_says_what_the_client_would(
    after_seconds: float,
) -> None:
    error = failure(after_seconds, server_error(), 1.0)
    assert (error.message, error.from_server) == ("no answer within 1 s", False)


@pytest.mark.parametrize(
    ("after_seconds", "timeout_seconds"),
    [
        pytest.param(0.5, 1.0, id="long before the timeout"),
        pytest.param(99.0, None, id="without a timeout"),
    ],
)
def test_a_deadline_of_the_servers_own_keeps_its_words(
    after_seconds: float, timeout_seconds: float | None
) -> None:
    error = server_error()
    assert failure(after_seconds, error, timeout_seconds) is error


def test_other_errors_at_the_timeout_are_what_they_are() -> None:
    error = server_error(Code.ABORTED)
    assert failure(1.0, error, 1.0) is error
