"""Sends spans to a collector by OTLP over HTTP, and counts what arrived."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import requests
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from services.kit.telemetry.trace_metrics import TraceMetrics


class CountingExporter(SpanExporter):
    """The SDK's exporter; its own count takes a batch that was refused with a 4xx or 5xx for a success."""

    def __init__(self, endpoint: str, timeout: timedelta, metrics: TraceMetrics) -> None:
        self._session = _Session()
        self._exporter = OTLPSpanExporter(endpoint, timeout=timeout.total_seconds(), session=self._session)
        self._metrics = metrics

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send a batch; called by one thread at a time."""
        result = self._exporter.export(spans)
        arrived = result is SpanExportResult.SUCCESS
        self._metrics.exported(len(spans), "" if arrived else self._session.error_type)
        return result

    def shutdown(self) -> None:
        """Close the connection."""
        self._exporter.shutdown()  # type: ignore[no-untyped-call]

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Do nothing, as nothing is kept here."""
        return True


class _Session(requests.Session):
    """Remembers what was wrong with the last answer."""

    error_type = "_OTHER"

    def __init__(self) -> None:
        super().__init__()
        # A collector is no matter for a developer's proxy, nor for his .netrc, which would be read for each batch.
        self.trust_env = False

    def send(self, *arguments: Any, **options: Any) -> Any:
        try:
            response = super().send(*arguments, **options)
        except Exception as error:
            self.error_type = type(error).__name__
            raise
        self.error_type = str(response.status_code)
        return response
