# Generated from tests/unit/call/test_credentials_aio.py by scripts/unasync.py. DO NOT EDIT.
"""Tokens that change: where they come from, when they are fetched, what a refusal does."""

from __future__ import annotations

import os
import pickle
from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf.wrappers_pb2 import StringValue

from tests.texts.sync import texts, values
from triwire.auth import TokenFile, token_of
from triwire.call.sync import Caller
from triwire.errors import Code, RpcError
from triwire.interceptors import Call, Interception, each_attempt
from triwire.retry import RetryPolicy
from triwire.server.service import MethodHandler, ServerContext, Service
from triwire.spec import CallOptions, Metadata, MethodSpec, StreamKind
from triwire.testing import ManualClock, MemoryTransport

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ECHO = MethodSpec("acme.v1.Echo", "Echo", StringValue, StringValue)
EXPAND = MethodSpec(ECHO.service, "Expand", StringValue, StringValue, StreamKind.SERVER_STREAM)
COLLECT = MethodSpec(ECHO.service, "Collect", StringValue, StringValue, StreamKind.CLIENT_STREAM)
QUICK = RetryPolicy(initial_backoff_seconds=1.0)


class Guarded:
    """Takes some tokens and refuses all others."""

    def __init__(self, *tokens: str) -> None:
        self.taken = {f"Bearer {token}" for token in tokens}
        self.heard: list[Any] = []
        self.before: list[Code] = []

    def check(self, context: ServerContext) -> None:
        token = context.headers.get("authorization")
        self.heard.append(token)
        if self.before:
            raise RpcError(self.before.pop(0), "as told")
        if token not in self.taken:
            raise RpcError(Code.UNAUTHENTICATED, "not this token")

    def echo(self, request: StringValue, context: ServerContext) -> StringValue:
        self.check(context)
        return request

    def expand(self, request: StringValue, context: ServerContext) -> Iterator[StringValue]:
        if request.value == "late":
            yield request
        self.check(context)
        yield request

    def collect(self, requests: Iterator[StringValue], context: ServerContext) -> StringValue:
        self.check(context)
        return StringValue(value="".join([request.value for request in requests]))

    def service(self) -> Service:
        handlers: list[tuple[MethodSpec[StringValue, StringValue], Any]] = [
            (ECHO, self.echo),
            (EXPAND, self.expand),
            (COLLECT, self.collect),
        ]
        return Service(ECHO.service, tuple(MethodHandler(*pair) for pair in handlers))


class Issuer:
    """A token function that notes how often it was called."""

    def __init__(self, *tokens: str | Exception) -> None:
        self.tokens = list(tokens)
        self.calls = 0

    def __call__(self) -> str:
        self.calls += 1
        token = self.tokens.pop(0)
        if isinstance(token, Exception):
            raise token
        return token


def caller_of(server: Guarded, source: Any, *interceptors: Any, **options: Any) -> Caller:
    tokens = token_of(source)
    assert not isinstance(tokens, str)
    return Caller(
        MemoryTransport([server.service()]),
        options=CallOptions(**options),
        tokens=tokens,
        interceptors=interceptors,
        clock=ManualClock(),
        draw=lambda: 0.5,
    )


def test_a_function_is_asked_once_for_all_calls() -> None:
    server, issuer = Guarded("a"), Issuer("a")
    caller = caller_of(server, issuer)
    view = caller.with_options(CallOptions(timeout_seconds=5.0))
    for one in (caller, caller, view):
        one.unary(ECHO, StringValue())
    assert values(caller.server_stream(EXPAND, StringValue(value="x"))) == ["x"]
    assert (caller.client_stream(COLLECT, texts("y"))).message.value == "y"
    assert server.heard == ["Bearer a"] * 5
    assert issuer.calls == 1


@pytest.mark.parametrize("kind", [StreamKind.UNARY, StreamKind.SERVER_STREAM])
def test_a_refused_token_is_replaced_once_and_the_call_made_again(kind: StreamKind) -> None:
    server, issuer = Guarded("new"), Issuer("old", "new")
    caller = caller_of(server, issuer)
    if kind is StreamKind.UNARY:
        caller.unary(ECHO, StringValue())
    else:
        assert values(caller.server_stream(EXPAND, StringValue(value="x"))) == ["x"]
    assert server.heard == ["Bearer old", "Bearer new"]


def test_the_second_refusal_is_final() -> None:
    server, issuer = Guarded(), Issuer("a", "b", "c")
    caller = caller_of(server, issuer, retry=QUICK)
    with pytest.raises(RpcError, match="not this token") as caught:
        caller.unary(ECHO, StringValue())
    assert caught.value.from_server
    assert server.heard == ["Bearer a", "Bearer b"]


def test_a_refusal_after_another_failure_renews_once_per_call() -> None:
    server, issuer = Guarded("b"), Issuer("a", "b", "c")
    server.before = [Code.UNAUTHENTICATED, Code.UNAVAILABLE, Code.UNAUTHENTICATED]
    caller = caller_of(server, issuer, retry=QUICK)
    with pytest.raises(RpcError, match="as told"):
        caller.unary(ECHO, StringValue())
    assert server.heard == ["Bearer a", "Bearer b", "Bearer b"]


def test_the_same_token_again_is_not_tried_again() -> None:
    server, issuer = Guarded(), Issuer("a", "a")
    with pytest.raises(RpcError, match="not this token"):
        caller_of(server, issuer).unary(ECHO, StringValue())
    assert server.heard == ["Bearer a"]


def test_a_refused_attempt_does_not_count_as_one_that_may_have_been_executed() -> None:
    # A delete that finds nothing at its second attempt believes that the first one did it.
    server, issuer = Guarded("b"), Issuer("a", "b")
    server.before = [Code.UNAUTHENTICATED, Code.NOT_FOUND]
    with pytest.raises(RpcError) as caught:
        caller_of(server, issuer, retry=QUICK).unary(ECHO, StringValue())
    assert (caught.value.code, caught.value.attempts) == (Code.NOT_FOUND, 1)
    assert len(server.heard) == 2


def test_a_refusal_without_retries_is_still_mended() -> None:
    server, issuer = Guarded("b"), Issuer("a", "b")
    caller_of(server, issuer, retry=None).unary(ECHO, StringValue())
    assert server.heard == ["Bearer a", "Bearer b"]


def test_permission_denied_is_no_refusal_of_the_token() -> None:
    server, issuer = Guarded("a"), Issuer("a", "b")
    server.before = [Code.PERMISSION_DENIED]
    with pytest.raises(RpcError):
        caller_of(server, issuer).unary(ECHO, StringValue())
    assert issuer.calls == 1


def test_a_stream_that_has_delivered_is_not_made_again() -> None:
    server, issuer = Guarded("b"), Issuer("a", "b")
    stream = caller_of(server, issuer).server_stream(EXPAND, StringValue(value="late"))
    assert (next(stream)).value == "late"
    with pytest.raises(RpcError, match="not this token"):
        next(stream)
    assert issuer.calls == 1


def test_a_failed_fetch_is_one_clear_error_and_the_next_call_asks_again() -> None:
    server, issuer = Guarded("a"), Issuer(OSError("secret of the issuer"), "a")
    caller = caller_of(server, issuer, retry=QUICK)
    with pytest.raises(RpcError) as caught:
        caller.unary(ECHO, StringValue())
    error = caught.value
    assert (error.code, error.from_server) == (Code.UNAUTHENTICATED, False)
    assert "no token from function" in str(error)
    assert "secret" not in str(error)
    assert isinstance(error.__cause__, OSError)
    caller.unary(ECHO, StringValue())
    assert server.heard == ["Bearer a"]


def test_a_failed_renewal_keeps_nothing_from_later_calls() -> None:
    server, issuer = Guarded("b"), Issuer("a", LookupError(), "b")
    caller = caller_of(server, issuer)
    with pytest.raises(RpcError, match=r"no token from function .*: LookupError"):
        caller.unary(ECHO, StringValue())
    caller.unary(ECHO, StringValue())
    assert server.heard == ["Bearer a", "Bearer a", "Bearer b"]


@pytest.mark.parametrize(
    ("token", "text"),
    [
        pytest.param("two words", "is no bearer token", id="space"),
        pytest.param(7, "must be a str, got int", id="number"),
    ],
)
def test_what_is_no_token_is_refused_without_showing_it(token: Any, text: str) -> None:
    server = Guarded()
    with pytest.raises(RpcError, match=text) as caught:
        caller_of(server, Issuer(token)).unary(ECHO, StringValue())
    assert "words" not in str(caught.value)
    assert not server.heard


def test_an_authorization_of_the_call_wins() -> None:
    server, issuer = Guarded("own"), Issuer("a")
    headers = Metadata({"authorization": "Bearer own"})
    caller_of(server, issuer, headers=headers).unary(ECHO, StringValue())
    assert (server.heard, issuer.calls) == (["Bearer own"], 0)


def test_interceptors_do_not_see_the_token_nor_its_renewal() -> None:
    seen: list[Call] = []

    def watch(call: Call) -> Interception:
        seen.append(call)
        return (yield call)

    server, issuer = Guarded("b"), Issuer("a", "b")
    caller_of(server, issuer, each_attempt(watch)).unary(ECHO, StringValue())
    assert [call.attempt for call in seen] == [1]
    assert "authorization" not in seen[0].headers


def replaced(path: Path, text: str) -> None:
    """Replace a file as mounts do: a new one takes its name."""
    new = path.with_suffix(".new")
    new.write_text(text)
    new.replace(path)


def test_a_file_is_read_again_when_it_was_replaced(tmp_path: Path) -> None:
    path = tmp_path / "token"
    replaced(path, "a\n")
    server = Guarded("a", "b")
    caller = caller_of(server, TokenFile(path))
    caller.unary(ECHO, StringValue())
    replaced(path, "b\n")
    caller.unary(ECHO, StringValue())
    assert server.heard == ["Bearer a", "Bearer b"]


def test_a_file_is_not_read_while_it_stays_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "token"
    path.write_text("a")
    server = Guarded("a")
    caller = caller_of(server, TokenFile(path))
    caller.unary(ECHO, StringValue())

    def read_again(*_: object) -> str:
        pytest.fail("read again")

    monkeypatch.setattr(type(path), "read_text", read_again)
    caller.unary(ECHO, StringValue())
    assert server.heard == ["Bearer a", "Bearer a"]


def test_a_refusal_reads_a_file_that_seems_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("a")
    before = path.stat().st_mtime_ns
    server = Guarded("a")
    caller = caller_of(server, TokenFile(path))
    caller.unary(ECHO, StringValue())
    # Same size, same file, same time: coarse clocks do that.
    path.write_text("b")
    os.utime(path, ns=(before, before))
    server.taken = {"Bearer b"}
    caller.unary(ECHO, StringValue())
    assert server.heard == ["Bearer a", "Bearer a", "Bearer b"]


def test_while_a_file_is_gone_its_last_token_is_used(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("a")
    server = Guarded("a")
    caller = caller_of(server, TokenFile(path))
    caller.unary(ECHO, StringValue())
    path.unlink()
    caller.unary(ECHO, StringValue())
    server.taken = set()
    with pytest.raises(RpcError, match=r"no token from file .*: No such file"):
        caller.unary(ECHO, StringValue())


@pytest.mark.parametrize("content", [b"", b"two words", b"\xff\xfe"])
def test_a_file_without_a_token_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "token"
    path.write_bytes(content)
    server = Guarded()
    with pytest.raises(RpcError, match="no token from file") as caught:
        caller_of(server, TokenFile(path)).unary(ECHO, StringValue())
    assert caught.value.code is Code.UNAUTHENTICATED
    assert "words" not in str(caught.value)
    assert not server.heard


def test_nothing_shows_a_token(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "token"
    path.write_text("SECRET")
    server = Guarded()
    for source in (TokenFile(path), Issuer("SECRET", "SECRET2")):
        caller = caller_of(server, source)
        with caplog.at_level("DEBUG"), pytest.raises(RpcError) as caught:
            caller.unary(ECHO, StringValue())
        texts = [repr(caught.value), str(caught.value), repr(source), repr(caller), caplog.text]
        texts += [repr(token_of(source)), *getattr(caught.value, "__notes__", [])]
        assert not [text for text in texts if "SECRET" in text]
        assert b"SECRET" not in pickle.dumps(caught.value)
        with pytest.raises(TypeError, match="clients cannot be pickled"):
            pickle.dumps(caller)
    token = TokenFile(path)
    caller_of(Guarded("SECRET"), token).unary(ECHO, StringValue())
    assert b"SECRET" not in pickle.dumps(token)
    assert repr(pickle.loads(pickle.dumps(token))) == repr(token)  # noqa: S301 - our own


@pytest.mark.parametrize("source", [b"bytes", 7, object()])
def test_another_source_is_refused(source: Any) -> None:
    with pytest.raises(TypeError, match="must be a str, a TokenFile or a function"):
        token_of(source)
