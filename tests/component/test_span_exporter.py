"""Spans that were sent are counted by whether they arrived."""

from datetime import timedelta

import pytest
from opentelemetry.sdk.resources import Resource
from prometheus_client import CollectorRegistry

from services.kit.telemetry.recording import Keeping
from services.kit.telemetry.span_exporter import Collector, SpanSender
from services.kit.telemetry.trace_metrics import TraceMetrics
from services.kit.telemetry.tracer import RecordingTracerProvider
from tests.otlp_sink import otlp_sink
from tests.ports import free_port

ANSWERED_WITHIN = timedelta(seconds=10)


@pytest.fixture
def registry():
    return CollectorRegistry()


def export(endpoint, registry, number, timeout=ANSWERED_WITHIN):
    metrics = TraceMetrics(registry)
    sender = SpanSender(Resource.get_empty(), Collector(endpoint, timeout).post, metrics)
    provider = RecordingTracerProvider(Keeping(1.0, timedelta(hours=1)), sender.put, metrics)
    for _ in range(number):
        provider.get_tracer("test").start_span("span").end()
    sender.close(ANSWERED_WITHIN)


def exported(registry, error_type):
    return registry.get_sample_value("otel_sdk_exporter_span_exported_total", {"error_type": error_type})


def test_spans_that_arrive(registry):
    with otlp_sink() as sink:
        export(sink.url, registry, 3)
        assert [span.name for span in sink.spans] == ["span"] * 3
    assert (exported(registry, ""), exported(registry, "ConnectionError")) == (3, 0)


def test_spans_that_are_refused(registry):
    with otlp_sink() as sink:
        sink.status = 400
        export(sink.url, registry, 3)
    assert (exported(registry, ""), exported(registry, "400")) == (0, 3)


def test_spans_that_nobody_takes(registry):
    export(f"http://127.0.0.1:{free_port()}/v1/traces", registry, 3, timedelta(milliseconds=500))
    assert (exported(registry, ""), exported(registry, "ConnectionError")) == (0, 3)


def test_spans_that_arrive_when_they_are_sent_again(registry):
    with otlp_sink() as sink:
        sink.first_status = 503
        export(sink.url, registry, 3)
        assert [span.name for span in sink.spans] == ["span"] * 3
    assert (exported(registry, ""), exported(registry, "503")) == (3, 0)
