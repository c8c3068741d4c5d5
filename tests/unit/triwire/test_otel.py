"""What of the telemetry needs no socket: the headers sent, cancellations, the missing extra."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import Any

import pytest
from google.protobuf.wrappers_pb2 import StringValue
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from triwire.call.aio import AsyncCaller
from triwire.call.sync import Caller
from triwire.otel import OpenTelemetry
from triwire.server.service import MethodHandler, ServerContext, Service
from triwire.spec import MethodSpec
from triwire.testing import AsyncMemoryTransport, MemoryTransport

ECHO = MethodSpec("acme.v1.Echo", "Echo", StringValue, StringValue)


def service(handler: Any) -> Service:
    return Service(ECHO.service, (MethodHandler(ECHO, handler),))


def recording() -> tuple[OpenTelemetry, InMemorySpanExporter]:
    exporter, tracers = InMemorySpanExporter(), TracerProvider()
    tracers.add_span_processor(SimpleSpanProcessor(exporter))
    return OpenTelemetry(tracers), exporter


def test_traceparent_names_the_span_of_the_call() -> None:
    heard: list[Any] = []

    def echo(request: StringValue, context: ServerContext) -> StringValue:
        heard.append(context.headers["traceparent"])
        return request

    interceptor, exporter = recording()
    caller = Caller(
        MemoryTransport([service(echo)]),
        interceptors=(interceptor,),
        server="https://[::1]:8443/prefix",
    )
    caller.unary(ECHO, StringValue(value="secret"))
    [span] = exporter.get_finished_spans()
    assert span.context is not None
    trace, mine = span.context.trace_id, span.context.span_id
    # The flags are the SDK's.
    assert [text[:-3] for text in heard] == [f"00-{trace:032x}-{mine:016x}"]
    attributes = span.attributes or {}
    assert (attributes["server.address"], attributes["server.port"]) == ("::1", 8443)
    assert "secret" not in str(span.to_json())


async def test_a_cancelled_call_ends_its_span() -> None:
    begun = asyncio.Event()

    async def hang(request: StringValue, context: ServerContext) -> StringValue:
        del request, context
        begun.set()
        await asyncio.Event().wait()
        raise AssertionError

    interceptor, exporter = recording()
    caller = AsyncCaller(AsyncMemoryTransport([service(hang)]), interceptors=(interceptor,))
    task = asyncio.ensure_future(caller.unary(ECHO, StringValue()))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    [span] = exporter.get_finished_spans()
    assert (span.attributes or {})["rpc.response.status_code"] == "CANCELLED"
    # A transport that is given as an object has no address.
    assert "server.address" not in (span.attributes or {})


def test_without_the_extra_the_error_says_what_to_install() -> None:
    program = """
import sys
sys.modules["opentelemetry"] = None
from triwire.otel import OpenTelemetry
try:
    OpenTelemetry()
except ImportError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert (
        done.stdout.strip() == 'OpenTelemetry needs the extra "otel": pip install "triwire[otel]"'
    )
