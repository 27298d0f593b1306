"""OpenTelemetry tracing: what is traced, and how spans leave without ever being in the way."""

import os
from datetime import timedelta
from threading import Thread

from fastapi import FastAPI
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.instrumentation.psycopg import PsycopgInstrumentor
from opentelemetry.instrumentation.redis import RedisInstrumentor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import NoOpTracerProvider, Tracer

from services.kit.settings import ServiceSettings

_SCHEDULE_DELAY_MS = 500
# A dead Jaeger holds the export thread, never a request; it also holds our shutdown, so be brief.
_EXPORT_TIMEOUT = timedelta(seconds=2)
_EXCLUDED_URLS = "/healthz$,/readyz$"


class Tracing:
    """One process's tracer provider, or none when no endpoint is set."""

    def __init__(self, service: str, settings: ServiceSettings) -> None:
        self._provider = _create_provider(service, settings) if settings.otlp_endpoint else None

    def tracer(self, name: str) -> Tracer:
        """Return a tracer for spans made by hand; they cost nothing while tracing is off."""
        return (self._provider or NoOpTracerProvider()).get_tracer(name)

    def instrument(self, app: FastAPI) -> None:
        """Trace the application's requests and everything it asks of other servers.

        Must come before the first request, as the instrumentation wraps the middleware stack.
        """
        if self._provider is None:
            return
        # The instrumentations read this when they are set up and know no other way to be told;
        # without it they emit the attribute names of before the conventions were stable.
        os.environ.setdefault("OTEL_SEMCONV_STABILITY_OPT_IN", "http,database")
        FastAPIInstrumentor.instrument_app(
            app,
            tracer_provider=self._provider,
            excluded_urls=_EXCLUDED_URLS,
            exclude_spans=["receive", "send"],
        )
        for instrumentor in (PsycopgInstrumentor(), RedisInstrumentor(), HTTPXClientInstrumentor()):
            if instrumentor.is_instrumented_by_opentelemetry:
                instrumentor.uninstrument()
            instrumentor.instrument(tracer_provider=self._provider)

    def shutdown(self) -> None:
        """Export what is left, for two seconds at most. Blocks; call it from a thread."""
        if self._provider is None:
            return
        # The processor has a time-out for this that the provider cannot be given: with a dead
        # endpoint it would try each batch in the queue in turn. A daemon ends with the process.
        flush = Thread(target=self._provider.shutdown, daemon=True)
        flush.start()
        flush.join(_EXPORT_TIMEOUT.total_seconds())


def _create_provider(service: str, settings: ServiceSettings) -> TracerProvider:
    resource = Resource.create({"service.name": service, "service.instance.id": settings.instance})
    provider = TracerProvider(
        resource=resource,
        sampler=ParentBased(TraceIdRatioBased(settings.trace_sample_ratio)),
        # We flush in the lifespan; at interpreter exit a second flush would only be in the way.
        shutdown_on_exit=False,
    )
    exporter = OTLPSpanExporter(endpoint=settings.otlp_endpoint, timeout=_EXPORT_TIMEOUT.total_seconds())
    provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=_SCHEDULE_DELAY_MS))
    return provider
