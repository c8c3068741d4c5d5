# Generated from tests/unit/transports/test_memory_aio.py by scripts/unasync.py. DO NOT EDIT.
"""The memory wire, and the call loop over it."""

from __future__ import annotations

import logging

import pytest
from google.protobuf.wrappers_pb2 import BytesValue, StringValue
from google.rpc.error_details_pb2 import ErrorInfo

from triwire.call.sync import Caller
from triwire.errors import Code, RpcError
from triwire.server.service import MethodHandler, ServerContext, Service
from triwire.spec import CallOptions, Metadata, MethodSpec
from triwire.testing import ManualClock, MemoryTransport

METHOD = MethodSpec("acme.v1.EchoService", "Echo", StringValue, StringValue)
OTHER = MethodSpec("acme.v1.EchoService", "Other", StringValue, StringValue)


def echo(request: StringValue, context: ServerContext) -> StringValue:
    if request.value == "error":
        info = ErrorInfo(reason="ASKED")
        raise RpcError(Code.ABORTED, "as asked", details=[info])
    if request.value == "bug":
        message = "a secret of the handler"
        raise LookupError(message)
    if request.value == "type":
        message = "a wrong type inside the handler"
        raise TypeError(message)
    context.response_headers.append(("x-seen", str(context.headers.get("x-sent"))))
    context.response_trailers.append(("x-end-bin", b"\x01"))
    return StringValue(value=request.value)


def caller(**options: object) -> Caller:
    service = Service("acme.v1.EchoService", (MethodHandler(METHOD, echo),))
    return Caller(
        MemoryTransport([service]),
        options=CallOptions(**options),  # type: ignore[arg-type]  # a test passes what it tests
        headers=(("authorization", "Bearer secret-token"), ("x-sent", "client")),
    )


def test_a_call_brings_message_headers_and_trailers() -> None:
    response = caller().unary(METHOD, StringValue(value="hi"))
    assert response.message == StringValue(value="hi")
    assert response.headers == Metadata({"x-seen": "client"})
    assert response.trailers == Metadata({"x-end-bin": b"\x01"})


def test_headers_of_the_options_replace_the_clients() -> None:
    view = caller().with_options(CallOptions(headers=Metadata({"x-sent": "call"})))
    response = view.unary(METHOD, StringValue(value="hi"))
    assert response.headers["x-seen"] == "call"


def test_the_request_is_copied() -> None:
    request = StringValue(value="hi")
    response = caller().unary(METHOD, request)
    response.message.value = "changed"
    assert request.value == "hi"


def test_an_error_keeps_code_message_and_details() -> None:
    with pytest.raises(RpcError) as caught:
        caller().unary(METHOD, StringValue(value="error"))
    error = caught.value
    assert (error.code, error.message, error.from_server) == (Code.ABORTED, "as asked", True)
    assert error.details == (ErrorInfo(reason="ASKED"),)


def test_a_bug_in_a_handler_is_logged_and_hidden(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(RpcError) as caught:
        caller().unary(METHOD, StringValue(value="bug"))
    assert (caught.value.code, caught.value.message) == (Code.INTERNAL, "internal error")
    assert "a secret of the handler" in caplog.text


def test_a_type_error_of_a_handler_is_its_bug_and_not_the_callers() -> None:
    with pytest.raises(RpcError) as caught:
        caller().unary(METHOD, StringValue(value="type"))
    assert caught.value.code is Code.INTERNAL


def test_an_unknown_method_is_unimplemented() -> None:
    with pytest.raises(RpcError) as caught:
        caller().unary(OTHER, StringValue())
    assert caught.value.code is Code.UNIMPLEMENTED


def test_a_request_of_another_type_is_a_type_error_before_the_handler() -> None:
    with pytest.raises(TypeError, match=r"takes a .*StringValue message, got BytesValue"):
        caller().unary(METHOD, BytesValue())  # type: ignore[misc]  # the misuse under test


def test_a_closed_client_says_so() -> None:
    closed = caller()
    closed.close()
    with pytest.raises(ValueError, match="the client is closed"):
        closed.unary(METHOD, StringValue())


def test_no_time_left_is_deadline_exceeded() -> None:
    with pytest.raises(RpcError) as caught:
        caller(timeout_seconds=0.0).unary(METHOD, StringValue())
    assert caught.value.code is Code.DEADLINE_EXCEEDED


def test_logs_name_the_call_and_never_the_token(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger="triwire"):
        caller().unary(METHOD, StringValue(value="payload"))
        with pytest.raises(RpcError):
            caller().unary(METHOD, StringValue(value="error"))
    assert "memory acme.v1.EchoService/Echo OK" in caplog.text
    assert "memory acme.v1.EchoService/Echo ABORTED" in caplog.text
    assert "secret-token" not in caplog.text
    assert "payload" not in caplog.text


def test_a_manual_clock_moves_by_sleeping() -> None:
    clock = ManualClock()
    clock.sleep(1.5)
    clock.advance(1)
    assert (clock.monotonic_seconds(), clock.slept) == (2.5, [1.5])
    with pytest.raises(ValueError, match="time only goes forward"):
        clock.advance(-1)
