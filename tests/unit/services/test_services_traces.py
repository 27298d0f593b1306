"""What is recorded, what is kept of it, and what becomes of what nobody takes."""

import math
import threading
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace.sampling import Decision as SdkDecision
from opentelemetry.sdk.trace.sampling import TraceIdRatioBased
from opentelemetry.trace import SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from prometheus_client import CollectorRegistry

from services.kit.problems import DependencyUnavailable, NotFound
from services.kit.telemetry import spans
from services.kit.telemetry.recording import Allowance, Keeping
from services.kit.telemetry.span_exporter import SpanSender
from services.kit.telemetry.trace_metrics import TraceMetrics
from services.kit.telemetry.tracer import RecordingTracerProvider
from tests.waiting import until

NEVER_SLOW = timedelta(hours=1)


class Kept:
    """Keeps what is exported."""

    def __init__(self):
        self.spans = []

    def export(self, span):
        readable = span.readable(Resource.get_empty())
        assert readable.context.trace_flags.sampled
        self.spans.append(readable)

    @property
    def names(self):
        return [span.name for span in self.spans]


@pytest.fixture
def kept():
    return Kept()


@pytest.fixture
def registry():
    return CollectorRegistry()


@pytest.fixture
def tracer(kept, registry):
    def create(ratio=0.0, slow_after=NEVER_SLOW, most_per_second=math.inf):
        metrics, keeping = TraceMetrics(registry), Keeping(ratio, slow_after, most_per_second)
        provider = RecordingTracerProvider(keeping, kept.export, metrics)
        return provider.get_tracer("test")

    return create


def decided(registry):
    names = ("sampled", "failed", "slow", "over_cap", "left_out")
    return {name: registry.get_sample_value("app_traces_total", {"decision": name}) for name in names}


def request(tracer, status=200, context=None):
    with tracer.start_as_current_span("request", context, SpanKind.SERVER) as root:
        with spans.span("outer"), spans.span("inner"):
            pass
        root.set_attribute("http.response.status_code", status)


def test_every_decision_is_there_from_the_start(tracer, registry):
    tracer()
    assert decided(registry) == {"sampled": 0, "failed": 0, "slow": 0, "over_cap": 0, "left_out": 0}


@pytest.mark.parametrize(
    ("options", "status", "decision"),
    [
        ({"ratio": 1.0}, 200, "sampled"),
        ({"ratio": 1.0}, 503, "sampled"),
        ({"ratio": 0.0}, 503, "failed"),
        ({"ratio": 0.0, "slow_after": timedelta(0)}, 200, "slow"),
        ({"ratio": 0.0}, 499, "left_out"),
        ({"ratio": 0.0}, 200, "left_out"),
    ],
)
def test_a_request_is_kept_whole_or_not_at_all(tracer, kept, registry, options, status, decision):
    request(tracer(**options), status)
    assert sorted(kept.names) == ([] if decision == "left_out" else ["inner", "outer", "request"])
    assert decided(registry)[decision] == 1
    assert sum(decided(registry).values()) == 1


def test_an_error_on_the_server_span_keeps_the_request(tracer, kept):
    def fail():
        with tracer().start_as_current_span("request", kind=SpanKind.SERVER), spans.span("inner"):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert kept.names == ["inner", "request"]


def test_of_failures_outside_the_share_so_many_are_kept_and_the_rest_is_counted(tracer, kept, registry):
    made = tracer(most_per_second=1e-6)
    for _ in range(5):
        request(made, 503)
    # One is always saved.
    assert sorted(kept.names) == ["inner", "outer", "request"]
    assert (decided(registry)["failed"], decided(registry)["over_cap"]) == (1, 4)


def test_the_share_has_no_cap(tracer, registry):
    made = tracer(ratio=1.0, most_per_second=1e-6)
    for _ in range(5):
        request(made, 503)
    assert decided(registry)["sampled"] == 5


@given(st.floats(0.01, 100), st.lists(st.floats(0, 10), max_size=60))
def test_what_is_allowed_never_exceeds_the_rate_and_what_was_saved(per_second, pauses):
    now, taken = [0.0], 0
    allowance = Allowance(per_second, lambda: now[0])
    saved = max(1.0, 5 * per_second)
    for pause in pauses:
        now[0] += pause
        taken += allowance.take()
        assert taken <= saved + now[0] * per_second + 1e-6
    # Whoever waits long enough is always allowed one.
    now[0] += 1.001 / per_second
    assert allowance.take()


def test_what_ends_after_the_request_shares_its_fate(tracer, kept):
    made = tracer()
    for status in (200, 503):
        with made.start_as_current_span("request", kind=SpanKind.SERVER) as root:
            late = root.child("late")
            root.set_attribute("http.response.status_code", status)
        late.end()
    assert kept.names == ["request", "late"]


@pytest.mark.parametrize(("flags", "decision"), [("00", "left_out"), ("01", "sampled")])
def test_the_caller_has_chosen_for_all(tracer, registry, flags, decision):
    carrier = {"traceparent": f"00-{'a' * 32}-{'b' * 16}-{flags}"}
    context = spans_context(carrier)
    request(tracer(ratio=0.5), context=context)
    assert decided(registry)[decision] == 1


def spans_context(carrier):
    return TraceContextTextMapPropagator().extract(carrier)


def test_the_share_is_chosen_as_any_other_sdk_would():
    keeping, sampler = Keeping(0.1, NEVER_SLOW), TraceIdRatioBased(0.1)
    ids = [number * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**128 for number in range(1, 2001)]
    chosen = [keeping.samples(trace_id) for trace_id in ids]
    sdk = [sampler.should_sample(None, trace_id, "").decision is SdkDecision.RECORD_AND_SAMPLE for trace_id in ids]
    assert chosen == sdk
    assert 100 < sum(chosen) < 300


def exceptions(span):
    return [event.attributes["exception.type"] for event in span.events if event.name == "exception"]


def test_an_error_is_told_once_where_it_began_and_marks_all_above(tracer, kept):
    def fail():
        with tracer().start_as_current_span("request", kind=SpanKind.SERVER), spans.span("outer"):
            try:
                with spans.span("inner"):
                    raise ConnectionResetError
            except OSError as error:
                raise DependencyUnavailable("redis") from error

    with pytest.raises(DependencyUnavailable):
        fail()
    assert [exceptions(span) for span in kept.spans] == [["ConnectionResetError"], [], []]
    assert all(not span.status.is_ok for span in kept.spans)
    assert {span.attributes["error.type"] for span in kept.spans} == {"ConnectionResetError"}


def test_a_refusal_is_no_error(tracer, kept):
    def refuse():
        with tracer(ratio=1.0).start_as_current_span("request", kind=SpanKind.SERVER), spans.span("inner"):
            raise NotFound("unknown", "there is none")

    with pytest.raises(NotFound):
        refuse()
    assert all(span.status.is_unset and not span.events for span in kept.spans)


def test_a_measurement_leads_only_to_a_trace_that_is_kept(tracer):
    def measured(**options):
        with tracer(**options).start_as_current_span("request", kind=SpanKind.SERVER):
            return spans.exemplar()

    assert measured(ratio=0.0) is None
    assert spans.exemplar() is None


def test_a_kept_trace_is_an_exemplar(tracer):
    with tracer(ratio=1.0).start_as_current_span("request") as root:
        assert spans.exemplar() == {"trace_id": trace.format_trace_id(root.get_span_context().trace_id)}


def test_without_a_request_nothing_is_recorded(tracer, kept):
    tracer(ratio=1.0)
    with spans.span("alone") as alone:
        assert not alone.is_recording()
    spans.note("alone", {})
    assert kept.spans == []


def test_spans_that_find_the_queue_full_are_counted_and_nobody_waits(registry):
    may, metrics = threading.Event(), TraceMetrics(registry)

    def post(_request):
        may.wait(10)
        return ""

    sender = SpanSender(Resource.get_empty(), post, metrics, most_waiting=10)
    provider = RecordingTracerProvider(Keeping(1.0, NEVER_SLOW), sender.put, metrics)

    def processed(error_type):
        return registry.get_sample_value("otel_sdk_processor_span_processed_total", {"error_type": error_type})

    assert (processed(""), processed("queue_full")) == (0, 0)
    ended = 0

    def full():
        nonlocal ended
        for _ in range(100):
            provider.get_tracer("test").start_span("span").end()
        ended += 100
        # One batch is under way, and the queue is full behind it.
        return processed("") and registry.get_sample_value("otel_sdk_processor_span_queue_size") == 10

    until(full)
    assert registry.get_sample_value("otel_sdk_processor_span_queue_capacity") == 10
    under_way = processed("")
    assert under_way <= 10
    assert processed("queue_full") == ended - 10 - under_way
    may.set()
    sender.close(timedelta(seconds=10))
    assert processed("") + processed("queue_full") == ended
    assert registry.get_sample_value("otel_sdk_exporter_span_exported_total", {"error_type": ""}) == processed("")
