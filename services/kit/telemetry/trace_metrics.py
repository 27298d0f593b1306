"""Telemetry about traces: which are kept, and whether their spans leave this process and arrive."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge

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

        # The SDK's own names, for what it would do; it has no other way to count than by asking all its instruments.
        processed = Counter(
            "otel_sdk_processor_span_processed",
            "Spans handed on to be sent, or dropped because the queue was full.",
            ("error_type",),
            registry=registry,
        )
        self._handed_on, self._dropped = processed.labels(""), processed.labels("queue_full")
        self._queue_size = Gauge("otel_sdk_processor_span_queue_size", "Spans waiting to be sent.", registry=registry)
        self._queue_capacity = Gauge(
            "otel_sdk_processor_span_queue_capacity", "Spans that may wait.", registry=registry
        )

    def decided(self, decision: Decision) -> None:
        """Count a request."""
        self._decisions[decision].inc()

    def watch_queue(self, size: Callable[[], int], capacity: int) -> None:
        """Show how full the queue of spans is; asked at each scrape, from another thread."""
        self._queue_size.set_function(size)
        self._queue_capacity.set(capacity)

    def handed_on(self, spans: int) -> None:
        """Count spans that left the queue to be sent."""
        self._handed_on.inc(spans)

    def dropped(self) -> None:
        """Count a span that found the queue full."""
        self._dropped.inc()

    def exported(self, spans: int, error_type: str) -> None:
        """Count spans that were sent; the error is empty if they arrived."""
        self._exported.labels(error_type).inc(spans)
