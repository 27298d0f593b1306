"""Telemetry about traces: which are kept, and whether their spans leave this process and arrive."""

from collections.abc import Iterable, Iterator

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, NumberDataPoint
from opentelemetry.sdk.resources import Resource
from prometheus_client import CollectorRegistry, Counter
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from services.kit.telemetry.recording import Decision


class TraceMetrics:
    """What became of the spans of each request, and of those that were sent away."""

    def __init__(self, registry: CollectorRegistry) -> None:
        traces = Counter(
            "app_traces",
            "Requests by what became of their spans: in the share that is kept; kept as failed or slow; failed or slow,"
            " and over the cap; left out.",
            ("decision",),
            registry=registry,
        )
        self._decisions = {decision: traces.labels(decision.value) for decision in Decision}
        self._exported = Counter(
            "otel_sdk_exporter_span_exported",
            "Spans that were sent, by the kind of error if they did not arrive.",
            ("error_type",),
            registry=registry,
        )
        for error_type in ("", "ConnectionError", "ReadTimeout", "503"):
            self._exported.labels(error_type)

    def decided(self, decision: Decision) -> None:
        """Count a request."""
        self._decisions[decision].inc()

    def exported(self, spans: int, error_type: str) -> None:
        """Count spans that were sent; the error is empty if they arrived."""
        self._exported.labels(error_type).inc(spans)


_PROCESSED = "otel.sdk.processor.span.processed"
_QUEUE_SIZE = "otel.sdk.processor.span.queue.size"
_QUEUE_CAPACITY = "otel.sdk.processor.span.queue.capacity"


class ProcessorMetrics(Collector):
    """What the SDK's span processor counts about itself, read at each scrape."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._reader = InMemoryMetricReader()
        self.meter_provider = MeterProvider([self._reader], Resource.get_empty(), shutdown_on_exit=False)
        registry.register(self)

    def collect(self) -> Iterable[Metric]:
        """Return the families, all series there from the start."""
        processed = {"": 0.0, "queue_full": 0.0}
        gauges = {_QUEUE_SIZE: 0.0, _QUEUE_CAPACITY: 0.0}
        for name, point in self._points():
            if name == _PROCESSED:
                error_type = str((point.attributes or {}).get("error.type", ""))
                processed[error_type] = processed.get(error_type, 0.0) + point.value
            elif name in gauges:
                gauges[name] += point.value
        counter = CounterMetricFamily(
            "otel_sdk_processor_span_processed",
            "Spans handed on to be sent, or dropped because the queue was full.",
            labels=("error_type",),
        )
        for error_type, value in processed.items():
            counter.add_metric((error_type,), value)
        yield counter
        yield GaugeMetricFamily("otel_sdk_processor_span_queue_size", "Spans waiting to be sent.", gauges[_QUEUE_SIZE])
        yield GaugeMetricFamily(
            "otel_sdk_processor_span_queue_capacity", "Spans that may wait.", gauges[_QUEUE_CAPACITY]
        )

    def _points(self) -> Iterator[tuple[str, NumberDataPoint]]:
        data = self._reader.get_metrics_data()
        for resource in data.resource_metrics if data is not None else ():
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    for point in metric.data.data_points:
                        if isinstance(point, NumberDataPoint):
                            yield metric.name, point
