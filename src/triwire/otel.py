"""OpenTelemetry: a span and a measurement for each call.

Names and values are those of the RPC conventions, version 1.44.0, client side:
https://github.com/open-telemetry/semantic-conventions/tree/v1.44.0/docs/rpc. Beside them
`triwire.wire`, `triwire.attempts` and an event for each attempt that failed.

Needs the extra `otel`, which is the API alone: without an SDK nothing is recorded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from triwire._io import SystemClock
from triwire._version import VERSION
from triwire.errors import RpcError

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.context import Context
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import Span, TracerProvider
    from opentelemetry.util.types import AttributeValue

    from triwire.interceptors import Call, Interception, Interceptor

__all__ = ["OpenTelemetry"]

_SCHEMA_URL: Final = "https://opentelemetry.io/schemas/1.44.0"
# docs/rpc/rpc-metrics.md, "Metric: rpc.client.call.duration".
_BOUNDARIES: Final = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
# docs/rpc/README.md knows these two; gRPC-Web is gRPC in another envelope.
_SYSTEMS: Final = {"connect": "connectrpc", "grpc": "grpc", "grpc-web": "grpc"}

_OK: Final[dict[str, AttributeValue]] = {"rpc.response.status_code": "OK"}


class OpenTelemetry:
    """Traces and measures calls: `InferenceClient(interceptors=[OpenTelemetry()])`.

    One span of kind CLIENT covers a call with all its attempts, from its start to its end; that
    of a stream ends with the stream. Its context goes along in the headers of the propagator that
    is set globally (traceparent by default). The histogram `rpc.client.call.duration` counts
    calls in seconds. Requests, responses and headers are not recorded.

    Args:
        tracer_provider: Makes the spans; the global one by default.
        meter_provider: Makes the histogram; the global one by default.
        now: Seconds since an arbitrary start; the system's clock by default.

    Raises:
        ImportError: the extra is not installed.
    """

    def __init__(
        self,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
        *,
        now: Callable[[], float] | None = None,
    ) -> None:
        try:
            from opentelemetry import metrics, propagate, trace
        except ImportError as error:
            message = 'OpenTelemetry needs the extra "otel": pip install "triwire[otel]"'
            raise ImportError(message) from error
        self._tracer = trace.get_tracer("triwire", VERSION, tracer_provider, _SCHEMA_URL)
        meter = metrics.get_meter("triwire", VERSION, meter_provider, _SCHEMA_URL)
        self._duration = meter.create_histogram(
            "rpc.client.call.duration",
            unit="s",
            description="Measures the duration of outgoing remote procedure calls.",
            explicit_bucket_boundaries_advisory=_BOUNDARIES,
        )
        self._kind = trace.SpanKind.CLIENT
        self._error = trace.StatusCode.ERROR
        self._in_context = trace.set_span_in_context
        self._inject = propagate.inject
        self._now = now if now is not None else SystemClock().monotonic_seconds
        self._known: dict[tuple[str, str, str], dict[str, AttributeValue]] = {}

    def __call__(self, call: Call) -> Interception:
        """Trace and measure one call."""
        attributes = self._attributes(call)
        began = self._now()
        span = self._tracer.start_span(call.method.path[1:], kind=self._kind, attributes=attributes)
        attempts, ended, context = 0, _OK, None
        if span.get_span_context().is_valid:
            context = self._in_context(span)
            call = self._traced(call, span, context)
        try:
            reply = yield call
        except RpcError as error:
            attempts, ended = error.attempts, _ended(error.code.name, error.code.name)
            span.set_status(self._error, error.message)
            raise
        except GeneratorExit:
            # The caller left the stream: cancelled on the wire, and no failure.
            ended = _ended("CANCELLED")
            raise
        except BaseException as error:
            ended = _ended(*_of(error))
            span.set_status(self._error)
            raise
        else:
            attempts = reply.attempts
            return reply
        finally:
            self._duration.record(self._now() - began, {**attributes, **ended}, context)
            if context is not None:
                span.set_attributes(ended)
                span.set_attributes({"triwire.wire": call.wire, "triwire.attempts": attempts})
            span.end()

    def _attributes(self, call: Call) -> dict[str, AttributeValue]:
        """Return what the span and the measurement have in common from the start."""
        key = (call.wire, call.server, call.method.path)
        known = self._known.get(key)
        if known is None:
            known = {
                "rpc.system.name": _SYSTEMS.get(call.wire, call.wire),
                "rpc.method": call.method.path[1:],
                **_address(call.server),
            }
            self._known[key] = known
        return known

    def _traced(self, call: Call, span: Span, context: Context) -> Call:
        """Return the call with the span's context, telling the span of attempts that fail."""
        carrier: dict[str, str] = {}
        self._inject(carrier, context)
        if carrier:
            call = call.with_headers(carrier)
        if span.is_recording():
            watched = call.copy()
            watched.attempt_interceptors = (*call.attempt_interceptors, _events(span))
            return watched
        return call


def _ended(status: str, failure: str = "") -> dict[str, AttributeValue]:
    pairs = (("rpc.response.status_code", status), ("error.type", failure))
    return {name: value for name, value in pairs if value}


def _events(span: Span) -> Interceptor:
    def event(call: Call) -> Interception:
        try:
            return (yield call)
        except RpcError as error:
            span.add_event(
                "triwire.attempt.failed",
                {
                    "triwire.attempt": call.attempt,
                    "rpc.response.status_code": error.code.name,
                    "triwire.from_server": error.from_server,
                },
            )
            raise

    return event


def _of(error: BaseException) -> tuple[str, str]:
    """Return status and error type of what is no RpcError."""
    kind = type(error)
    if kind.__name__ == "CancelledError":
        return "CANCELLED", "CANCELLED"
    # Not sent: the error is ours, and there is no status.
    return "", f"{kind.__module__}.{kind.__qualname__}"


def _address(server: str) -> dict[str, AttributeValue]:
    """Return host and port of a server's URL, or nothing where it has none."""
    parts = urlsplit(server)
    if parts.hostname is None:
        return {}
    port = parts.port or {"https": 443, "http": 80}.get(parts.scheme)
    return {"server.address": parts.hostname, **({} if port is None else {"server.port": port})}
