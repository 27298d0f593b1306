"""What is encoded of spans is, message by message, what OpenTelemetry's library encodes of them."""

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.resources import Resource
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    TraceState,
    set_span_in_context,
)
from prometheus_client import CollectorRegistry

from services.kit.telemetry import otlp
from services.kit.telemetry.recording import Keeping
from services.kit.telemetry.trace_metrics import TraceMetrics
from services.kit.telemetry.tracer import RecordingTracerProvider

TEXTS = st.text(max_size=6) | st.sampled_from(["sku-0001", "é" * 70, "x" * 300])
INTEGERS = st.integers(-(2**63), 2**63 - 1) | st.sampled_from([0, 1, 127, 128, -1])
PLAIN = st.one_of(TEXTS, st.booleans(), INTEGERS, st.floats(allow_nan=False), st.binary(max_size=5))
VALUES = PLAIN | st.lists(PLAIN, max_size=3).map(tuple) | st.lists(TEXTS, max_size=3) | st.none()
ATTRIBUTES = st.dictionaries(TEXTS, VALUES, max_size=5)
STATES = st.sampled_from([TraceState(), TraceState([("vendor", "value"), ("other", "1")])])
CONTEXTS = st.builds(
    SpanContext,
    st.integers(1, 2**128 - 1),
    st.integers(1, 2**64 - 1),
    st.booleans(),
    # Of a caller that has chosen to leave its trace out nothing is sent.
    st.just(TraceFlags(TraceFlags.SAMPLED)),
    STATES,
)
STATUSES = st.one_of(
    st.sampled_from([Status(StatusCode.UNSET), Status(StatusCode.OK)]),
    st.builds(Status, st.just(StatusCode.ERROR), st.none() | TEXTS),
)
NANOSECONDS = st.integers(1, 2**63)
EVENTS = st.lists(st.tuples(TEXTS, ATTRIBUTES, NANOSECONDS), max_size=2)
LINKS = st.lists(st.builds(Link, CONTEXTS, ATTRIBUTES), max_size=2)
RESOURCES = st.builds(
    Resource, st.dictionaries(st.sampled_from(["service.name", "b"]), TEXTS), st.sampled_from(["", "urn:a"])
)


def spans(draw):
    """Spans that have ended: a few traces, by one or two tracers, some below others. Not a strategy: ids are random."""
    kept = []
    provider = RecordingTracerProvider(Keeping(1.0, timedelta(hours=1)), kept.append, TraceMetrics(CollectorRegistry()))
    for _ in range(draw(st.integers(1, 3))):
        context = draw(st.none() | CONTEXTS.map(lambda caller: set_span_in_context(NonRecordingSpan(caller))))
        tracer = provider.get_tracer(draw(TEXTS), draw(st.none() | TEXTS), draw(st.none() | TEXTS))
        span = tracer.start_span(draw(TEXTS), context, draw(st.sampled_from(SpanKind)), links=draw(LINKS))
        _finish(draw, span.child(draw(TEXTS), attributes=draw(ATTRIBUTES)))
        _finish(draw, span)
    return kept


def _finish(draw, span):
    span.set_attributes(draw(ATTRIBUTES))
    for name, attributes, at in draw(EVENTS):
        span.add_event(name, attributes, at)
    span.set_status(draw(STATUSES))
    span.end(draw(NANOSECONDS))


@settings(max_examples=25)
@given(st.data(), RESOURCES)
def test_they_are_the_librarys(data, resource):
    made, scopes = spans(data.draw), {}
    for span in made:
        scopes.setdefault(span.scope, []).append(span.encoded())
    ours = otlp.encode_request(otlp.encode_resource(resource), scopes, resource.schema_url)
    theirs = encode_spans([span.readable(resource) for span in made])
    read = ExportTraceServiceRequest.FromString(ours)
    # As texts, for in these 0.0 and -0.0 differ.
    assert str(read) == str(theirs)


@given(st.integers(0, 2**64 - 1))
def test_a_number_is_as_long_as_it_has_to_be(number):
    encoded = otlp.varint(number)
    assert sum((byte & 0x7F) << 7 * place for place, byte in enumerate(encoded)) == number
    assert all(byte & 0x80 for byte in encoded[:-1])
    assert encoded[-1] < 0x80
