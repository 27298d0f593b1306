"""OpenTelemetry tracing: what is traced, what is kept, and how spans leave without ever being in the way."""

import os
from datetime import timedelta
from threading import Thread

from fastapi import FastAPI
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import NoOpTracerProvider, Tracer
from prometheus_client import CollectorRegistry

from services.kit.settings import ServiceSettings
from services.kit.telemetry import instrumentation, server_span
from services.kit.telemetry.recording import Keeping
from services.kit.telemetry.span_exporter import CountingExporter
from services.kit.telemetry.trace_metrics import ProcessorMetrics, TraceMetrics
from services.kit.telemetry.tracer import RecordingTracerProvider

_SCHEDULE_DELAY_MS = 1000
# A drill makes some 200 spans a second in each worker; this is for the time when nobody takes them.
_QUEUE_SIZE = 8192
# A dead Jaeger holds the export thread, never a request; it also holds our shutdown, so be brief.
_EXPORT_TIMEOUT = timedelta(seconds=2)


class Tracing:
    """One process's tracer provider, or none when no endpoint is set."""

    def __init__(self, service: str, settings: ServiceSettings, registry: CollectorRegistry) -> None:
        # The series are there in any case: rules may ask for them.
        metrics, processor_metrics = TraceMetrics(registry), ProcessorMetrics(registry)
        self._by_instrumentation = settings.http_spans == "instrumentation"
        self._provider = (
            _create_provider(service, settings, metrics, processor_metrics) if settings.otlp_endpoint else None
        )

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
        if self._provider is None:
            return
        # The processor has a time-out for this that the provider cannot be given: with a dead
        # endpoint it would try each batch in the queue in turn. A daemon ends with the process.
        flush = Thread(target=self._provider.shutdown, daemon=True)
        flush.start()
        flush.join(_EXPORT_TIMEOUT.total_seconds())


def _create_provider(
    service: str, settings: ServiceSettings, metrics: TraceMetrics, processor_metrics: ProcessorMetrics
) -> RecordingTracerProvider:
    # The SDK counts only when it is asked to, and knows no other way to be asked.
    os.environ.setdefault("OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED", "true")
    processor = BatchSpanProcessor(
        CountingExporter(settings.otlp_endpoint, _EXPORT_TIMEOUT, metrics),
        max_queue_size=_QUEUE_SIZE,
        schedule_delay_millis=_SCHEDULE_DELAY_MS,
        meter_provider=processor_metrics.meter_provider,
    )
    return RecordingTracerProvider(
        Resource.create({"service.name": service, "service.instance.id": settings.instance}),
        Keeping(settings.trace_sample_ratio, settings.trace_slow_after, settings.trace_most_per_second),
        processor,
        metrics,
    )
