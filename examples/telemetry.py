"""Spans of calls, the failed attempts in them, and how long calls took.

python examples/telemetry.py

Needs the extra "otel" and opentelemetry-sdk.
"""

from __future__ import annotations

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from coreweave_inference import InferenceClient, RetryPolicy, RpcError
from triwire.otel import OpenTelemetry


def main() -> None:
    """Trace a call that works and one that finds nobody."""
    # A program would set the global providers, with exporters of its choice, and pass none.
    exporter, reader = InMemorySpanExporter(), InMemoryMetricReader()
    tracers = TracerProvider()
    tracers.add_span_processor(SimpleSpanProcessor(exporter))
    telemetry = OpenTelemetry(tracers, MeterProvider([reader]))

    with InferenceClient(interceptors=[telemetry]) as client:
        client.gateways.list()
    quick = RetryPolicy(max_attempts=2, initial_backoff_seconds=0.01, max_backoff_seconds=0.01)
    with InferenceClient(
        "http://127.0.0.1:9",
        token="unused",  # noqa: S106 - no secret
        interceptors=[telemetry],
        retry=quick,
    ) as nowhere:
        try:
            nowhere.gateways.list()
        except RpcError as error:
            print("raised:", error.code.name)

    for span in exporter.get_finished_spans():
        attributes = span.attributes or {}
        print(span.name, attributes["rpc.system.name"], attributes["rpc.response.status_code"])
        for event in span.events:
            print("  ", event.name, (event.attributes or {})["triwire.attempt"])
    data = reader.get_metrics_data()
    if data is not None:
        for metric in data.resource_metrics[0].scope_metrics[0].metrics:
            print(metric.name, metric.unit, "series:", len(metric.data.data_points))


if __name__ == "__main__":
    main()
