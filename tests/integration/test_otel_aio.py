"""Spans and measurements of calls, on every wire."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf.wrappers_pb2 import StringValue
from opentelemetry import trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from coreweave_inference import AsyncInferenceClient, RetryPolicy, RpcError
from tests.stream_service import CHAT, COLLECT, EXPAND, FAIL, FOREVER, RPC_WIRES
from tests.texts.aio import texts
from triwire.call.aio import AsyncCaller
from triwire.config import Endpoint
from triwire.dial.aio import dial
from triwire.dial.wires import WIRES
from triwire.otel import OpenTelemetry
from triwire.spec import CallOptions
from triwire.tls import TlsOptions

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

SYSTEMS = {"connect": "connectrpc", "grpc": "grpc", "grpc-web": "grpc", "rest": "rest"}
GET = "coreweave.inference.v1alpha1.GatewayService/GetGateway"
STREAMS = "acme.v1.StreamService"


class Recorded:
    """Keeps what is exported."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.tracers = TracerProvider()
        self.tracers.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.reader = InMemoryMetricReader()
        self.meters = MeterProvider([self.reader])
        self.interceptor = OpenTelemetry(self.tracers, self.meters)

    @property
    def spans(self) -> tuple[ReadableSpan, ...]:
        return self.exporter.get_finished_spans()

    @property
    def points(self) -> list[Any]:
        data: Any = self.reader.get_metrics_data()
        [metric] = data.resource_metrics[0].scope_metrics[0].metrics
        assert (metric.name, metric.unit) == ("rpc.client.call.duration", "s")
        return list(metric.data.data_points)


@pytest.fixture
def recorded() -> Recorded:
    return Recorded()


@pytest.fixture(params=WIRES)
def wire(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def client_for(url: str, wire: str, recorded: Recorded, **options: Any) -> AsyncInferenceClient:
    return AsyncInferenceClient(
        url,
        token="CW-SECRET-x",  # noqa: S106 - not a secret
        transport=wire,
        interceptors=[recorded.interceptor],
        **options,
    )


async def test_a_call_is_one_span_and_one_measurement(
    stub_url: str, wire: str, recorded: Recorded
) -> None:
    async with client_for(stub_url, wire, recorded) as client:
        await client.gateways.get("an-id")
    port = int(stub_url.rpartition(":")[2])
    common = {
        "rpc.system.name": SYSTEMS[wire],
        "rpc.method": GET,
        "rpc.response.status_code": "OK",
        "server.address": "127.0.0.1",
        "server.port": port,
    }
    [span] = recorded.spans
    assert (span.name, span.kind, span.status.status_code) == (
        GET,
        SpanKind.CLIENT,
        StatusCode.UNSET,
    )
    assert span.attributes == {**common, "triwire.wire": wire, "triwire.attempts": 1}
    [point] = recorded.points
    assert point.attributes == common
    assert point.count == 1
    assert point.explicit_bounds[:2] == (0.005, 0.01)


async def test_the_server_gets_the_context_of_the_span(
    stub_url: str, wire: str, recorded: Recorded
) -> None:
    with recorded.tracers.get_tracer("test").start_as_current_span("parent") as parent:
        async with client_for(stub_url, wire, recorded) as client:
            gateway = await client.gateways.get("seen")
    span = recorded.spans[0]
    assert span.context is not None
    assert span.parent == parent.get_span_context()
    ids = f"{span.context.trace_id:032x}-{span.context.span_id:016x}"
    # The last three characters are the SDK's flags.
    seen = [line[:-3] for line in gateway.status.endpoints if line.startswith("traceparent")]
    assert seen == [f"traceparent: 00-{ids}"]


async def test_an_error_is_recorded_with_its_code(
    stub_url: str, wire: str, recorded: Recorded
) -> None:
    async with client_for(stub_url, wire, recorded) as client:
        with pytest.raises(RpcError):
            await client.gateways.get("fail:9")
    [span] = recorded.spans
    assert (span.status.status_code, span.status.description) == (
        StatusCode.ERROR,
        "the stub says 9",
    )
    for attributes in (span.attributes or {}, recorded.points[0].attributes):
        assert attributes["rpc.response.status_code"] == "FAILED_PRECONDITION"
        assert attributes["error.type"] == "FAILED_PRECONDITION"


async def test_attempts_are_seen_in_the_span(wire: str, recorded: Recorded) -> None:
    quick = RetryPolicy(max_attempts=3, initial_backoff_seconds=0.001, max_backoff_seconds=0.001)
    # Nothing listens there.
    async with client_for("http://127.0.0.1:1", wire, recorded, retry=quick) as client:
        with pytest.raises(RpcError):
            await client.gateways.get("an-id")
    [span] = recorded.spans
    assert span.attributes is not None
    assert span.attributes["triwire.attempts"] == 3
    assert [(event.name, event.attributes) for event in span.events] == [
        (
            "triwire.attempt.failed",
            {
                "triwire.attempt": number,
                "rpc.response.status_code": "UNAVAILABLE",
                "triwire.from_server": False,
            },
        )
        for number in (1, 2, 3)
    ]
    assert len(recorded.points) == 1


async def test_a_mistake_of_the_caller_is_no_status(wire: str, recorded: Recorded) -> None:
    client = client_for("http://127.0.0.1:1", wire, recorded)
    await client.aclose()
    with pytest.raises(ValueError, match="closed"):
        await client.gateways.get("an-id")
    [span] = recorded.spans
    assert span.attributes is not None
    assert span.attributes["error.type"] == "builtins.ValueError"
    assert "rpc.response.status_code" not in span.attributes


async def test_without_an_sdk_nothing_is_sent_and_nothing_fails(stub_url: str, wire: str) -> None:
    async with AsyncInferenceClient(
        stub_url,
        token="CW-SECRET-x",  # noqa: S106 - not a secret
        transport=wire,
        interceptors=[OpenTelemetry(trace.NoOpTracerProvider())],
    ) as client:
        await client.gateways.get("an-id")


@pytest.mark.parametrize("wire", RPC_WIRES)
async def test_the_span_of_a_stream_ends_with_it(
    wire: str, stream_port: int, recorded: Recorded
) -> None:
    transport = dial(
        wire,
        Endpoint.parse(f"http://127.0.0.1:{stream_port}"),
        tls=TlsOptions(),
        user_agent="test/1",
        http_version=2,
    )
    caller = AsyncCaller(
        transport,
        options=CallOptions(timeout_seconds=20),
        interceptors=(recorded.interceptor,),
    )
    stream = caller.server_stream(EXPAND, StringValue(value="ab"))
    assert (await anext(stream)).value == "a"
    assert not recorded.spans
    assert [message.value async for message in stream] == ["b"]
    assert [span.name for span in recorded.spans] == [f"{STREAMS}/Expand"]
    await caller.client_stream(COLLECT, texts("a", "b"))
    assert [message.value async for message in caller.bidi_stream(CHAT, texts("c"))] == ["c"]
    with pytest.raises(RpcError):
        _ = [message async for message in caller.server_stream(FAIL, StringValue(value="d"))]
    async with caller.server_stream(FOREVER, StringValue(value=f"{wire} e")) as left:
        await anext(left)
    await caller.aclose()
    found = [
        (span.name.rpartition("/")[2], (span.attributes or {})["rpc.response.status_code"])
        for span in recorded.spans
    ]
    assert found == [
        ("Expand", "OK"),
        ("Collect", "OK"),
        ("Chat", "OK"),
        ("Fail", "ABORTED"),
        ("Forever", "CANCELLED"),
    ]
    # Leaving a stream is no failure.
    assert "error.type" not in (recorded.spans[-1].attributes or {})
    assert recorded.spans[-1].status.status_code is StatusCode.UNSET
