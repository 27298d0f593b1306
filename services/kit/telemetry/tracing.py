"""OpenTelemetry tracing: what is traced, what is kept, and how spans leave without ever being in the way."""

from datetime import timedelta

from fastapi import FastAPI
from opentelemetry.sdk.resources import Resource
from opentelemetry.trace import NoOpTracerProvider, Tracer
from prometheus_client import CollectorRegistry

from services.kit.settings import ServiceSettings
from services.kit.telemetry import instrumentation, server_span
from services.kit.telemetry.recording import Keeping
from services.kit.telemetry.span_exporter import Collector, SpanSender
from services.kit.telemetry.trace_metrics import TraceMetrics
from services.kit.telemetry.tracer import RecordingTracerProvider

# A dead Jaeger holds the export thread, never a request; it also holds our shutdown, so be brief.
_EXPORT_TIMEOUT = timedelta(seconds=2)


class Tracing:
    """One process's tracer provider, or none when no endpoint is set."""

    def __init__(self, service: str, settings: ServiceSettings, registry: CollectorRegistry) -> None:
        # The series are there in any case: rules may ask for them.
        metrics = TraceMetrics(registry)
        self._by_instrumentation = settings.http_spans == "instrumentation"
        self._sender: SpanSender | None = None
        self._provider: RecordingTracerProvider | None = None
        if settings.otlp_endpoint:
            resource = Resource.create({"service.name": service, "service.instance.id": settings.instance})
            keeping = Keeping(settings.trace_sample_ratio, settings.trace_slow_after, settings.trace_most_per_second)
            self._sender = SpanSender(resource, Collector(settings.otlp_endpoint, _EXPORT_TIMEOUT).post, metrics)
            self._provider = RecordingTracerProvider(keeping, self._sender.put, metrics)

    def tracer(self, name: str) -> Tracer:
        """Return a tracer for spans made by hand; they cost nothing while tracing is off."""
        return (self._provider or NoOpTracerProvider()).get_tracer(name)

    def of_requests(self, app: FastAPI, untraced: frozenset[str]) -> server_span.Begin:
        """Return what gives a request its span; must come before the first one. Paths may be untraced."""
        if self._provider is None:
            return server_span.made_before
        if self._by_instrumentation:
            instrumentation.instrument(app, self._provider, untraced)
            return server_span.made_before
        return server_span.own(self._provider)

    def shutdown(self) -> None:
        """Export what is left, for two seconds at most. Blocks; call it from a thread."""
        if self._sender is not None:
            self._sender.close(_EXPORT_TIMEOUT)
