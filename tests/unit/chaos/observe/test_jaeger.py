"""Jaeger as a witness: the failed and the slowest traces of a run, whole, or why there are none; it never raises."""

import math
import time

import httpx
import pytest

from chaos.observe import jaeger_trace
from chaos.observe.jaeger import MOST_OF_A_KIND, Jaeger
from tests.unit.jaeger_store import WALL, Store, span, trace

RUN = [(5.0, 10.0), (10.0, 25.0), (25.0, 32.0)]
PLACEHOLDER = "<!DOCTYPE html><title>Test Page</title><h1>This is not the Jaeger UI you are looking for!</h1>"
PAGES = '<!doctype html><title>Jaeger UI</title><div id="jaeger-ui-root"></div><script type="module" src="x"></script>'


def looked(store, run=RUN, **settings):
    transport = httpx.MockTransport(store if callable(store) else store.answer)
    return Jaeger("http://j", WALL, transport, **settings).look(40.0, run)


def seen(*spans, **settings):
    return jaeger_trace.seen(trace("t", *spans, **settings), WALL)


def test_the_whole_run_is_asked_for_and_what_jaeger_says_of_itself_is_not():
    store = Store(
        trace("before", span("GET /", 6.0, 0.1, error=True)),
        trace("during", span("GET /", 12.0, 0.1, error=True)),
        trace("after", span("GET /", 31.0, 0.1, error=True)),
        trace("too late", span("GET /", 33.0, 0.1, error=True)),
        trace("its own", span("GET /", 12.0, 9.0), service="jaeger"),
    )
    found = looked(store)
    assert found.error is None
    assert found.whole_run
    assert {one.id for one in found.traces} == {"before", "during", "after"}


def test_a_trace_is_kept_whole():
    (found,) = looked(
        Store(
            trace(
                "t1",
                span("GET /", 12.0, 0.4, error=True, parent="elsewhere", http__route="/"),
                span("postgres", 12.1, 0.3, error=True, parent="GET /", otel__status_description="no connection"),
                span("after", 12.3, 0.1, parent="GET /"),
            )
        )
    ).traces
    assert (found.id, found.root, found.failed, found.detail) == (
        "t1", "shop: GET /", True, "shop: postgres: no connection",
    )  # fmt: skip
    assert (found.began, found.took_seconds) == pytest.approx((12.0, 0.4))
    assert [(one.name, one.parent, one.failed) for one in found.spans] == [
        ("GET /", "", True),
        ("postgres", "GET /", True),
        ("after", "GET /", False),
    ]
    assert [one.began for one in found.spans] == pytest.approx([0.0, 0.1, 0.3])
    assert found.spans[0].attributes == {"http.route": "/"}
    assert {(one.service, one.instance) for one in found.spans} == {("shop", "shop-2")}
    assert (found.left_out, found.lost_parents) == (0, 0)


def test_the_slowest_are_found_among_more_than_one_answer_holds():
    # The store gives its latest first: the slowest are the earliest, behind thousands of others.
    slow = [trace(f"slow{number}", span("GET /", 6.0, 0.3 + number / 1000)) for number in range(12)]
    quick = [trace(f"quick{number}", span("GET /", 7.0 + number / 100, 0.11 + number / 1e5)) for number in range(2000)]
    found = looked(Store(*slow, *quick))
    assert [one.id for one in found.traces] == [f"slow{number}" for number in range(11, 1, -1)]
    assert len(found.traces) == MOST_OF_A_KIND
    assert not found.more_slow


def test_what_a_service_does_of_its_own_accord_comes_after_what_was_asked():
    sweeps = [trace(f"sweep{number}", span("sweep", 6.0, 3.0, kind="internal")) for number in range(12)]
    asked = [trace(f"asked{number}", span("GET /", 7.0, 0.03 + number / 1000)) for number in range(8)]
    ids = [one.id for one in looked(Store(*sweeps, *asked)).traces]
    assert ids[:8] == [f"asked{number}" for number in range(7, -1, -1)]
    assert [one[:5] for one in ids[8:]] == ["sweep", "sweep"]


def test_that_equally_slow_ones_cannot_all_be_told_is_said():
    assert looked(Store(*(trace(f"t{number}", span("GET /", 7.0, 0.1)) for number in range(500)))).more_slow


def test_of_each_kind_of_failure_some_are_kept():
    many = [trace(f"t{number}", span("GET /", 12.0, 1.0 + number, error=True)) for number in range(30)]
    rare = trace("rare", span("POST /orders", 12.0, 0.01, error=True))
    found = looked(Store(*many, rare))
    ids = [one.id for one in found.traces]
    assert len(ids) == MOST_OF_A_KIND
    assert ids[:3] == ["t29", "rare", "t28"]
    assert (found.failed_found, found.more_failed) == (31, False)


def test_who_was_refused_comes_before_what_was_made_good():
    good = trace("good", span("GET /", 12.0, 1.0), span("first try", 12.0, 0.1, error=True, parent="GET /"))
    refused = trace("refused", span("GET /", 12.0, 0.2, error=True))
    assert [one.id for one in looked(Store(good, refused)).traces] == ["refused", "good"]


def test_that_there_are_more_failed_ones_than_were_told_is_said():
    found = looked(Store(*(trace(f"t{number}", span("GET /", 12.0, 0.1, error=True)) for number in range(99))))
    assert found.more_failed
    assert found.failed_found == 60


def test_when_it_has_no_trace_at_all_is_said():
    # As when it was killed and began anew, or its spans were lost on their way.
    store = Store(*(trace(f"t{at}", span("GET /", at + 0.5, 0.001)) for at in range(5, 32) if not 12 <= at < 20))
    assert looked(store).missing == [pytest.approx((12.0, 20.0))]


def test_a_gap_is_one_in_what_users_ask_and_no_pagers_heartbeat_hides_it():
    beats = [
        trace(f"beat{at}", span("POST /receivers/{receiver}", at + 0.5, 0.001), service="pager") for at in range(5, 32)
    ]
    asked = [
        trace(f"t{at}-{n}", span("GET /", at + 0.5, 0.002 + n / 1e4))
        for at in range(5, 32)
        if not 12 <= at < 20
        for n in (0, 1)
    ]
    found = looked(Store(*beats, *asked))
    assert (found.service, found.missing) == ("shop", [pytest.approx((12.0, 20.0))])


def test_of_an_empty_store_all_is_missing():
    found = looked(Store())
    assert found.missing == [pytest.approx((5.0, 32.0))]
    assert (found.error, found.traces) == (None, [])


def test_a_long_run_costs_no_more_questions():
    store = Store(*(trace(f"t{at}", span("GET /", at + 0.5, 0.001)) for at in range(3600)))
    looked(store, run=[(0.0, 3600.0)])
    assert len(store.asked) < 100


def test_of_a_trace_with_too_many_spans_what_failed_and_what_took_long_is_kept():
    parts = [span(f"part{number}", 12.0 + number / 1000, 0.0001, parent="GET /") for number in range(200)]
    deep = [
        span("call", 12.9, 0.002, parent="GET /"),
        span("try", 12.9, 0.00005, parent="call"),
        span("broken", 12.9, 0.00001, parent="try", error=True),
    ]
    long = span("long", 12.5, 0.3, parent="GET /")
    found = seen(span("GET /", 12.0, 1.0), *parts, *deep, long)
    names = [one.name for one in found.spans]
    assert names[0] == "GET /"
    assert {"call", "try", "broken", "long"} <= set(names)
    assert len(names) == jaeger_trace.MOST_SPANS
    assert found.left_out == 1 + len(parts) + len(deep) + 1 - jaeger_trace.MOST_SPANS


def test_a_trace_that_lost_spans_says_so():
    found = seen(
        span("GET /", 12.0, 1.0), span("query", 12.1, 0.1, parent="lost"), span("q2", 12.2, 0.1, parent="lost")
    )
    assert found.root == "shop: GET /"
    assert found.lost_parents == 2
    assert [one.parent for one in found.spans] == ["", "", ""]


def test_spans_that_are_parts_of_each_other_end_nothing():
    found = seen(span("a", 12.0, 1.0, parent="b"), span("b", 12.1, 0.5, parent="a"), span("c", 12.1, 0.5, parent="c"))
    assert {one.name for one in found.spans} == {"a", "b", "c"}


def test_a_chain_without_end_is_read_at_once():
    number = 5_000
    chain = [span(f"s{depth}", 12.0, 0.1, parent=f"s{depth - 1}" if depth else "") for depth in range(number)]
    began = time.monotonic()
    found = seen(*chain)
    assert time.monotonic() - began < 10, "0.1 s when it was written; with a list to search, minutes"
    assert len(found.spans) + found.left_out == number


@pytest.mark.parametrize(("key", "value"), [("duration", math.nan), ("startTime", math.inf), ("duration", -1)])
def test_times_that_a_recording_cannot_hold_are_no_answer(key, value):
    with pytest.raises(ValueError, match="a span from"):
        seen(span("GET /", 12.0, 0.1) | {key: value})


def test_attributes_are_bounded_and_an_exceptions_message_is_one():
    noisy = {f"app__{number:03}": "x" * 5000 for number in range(100)}
    one = span("GET /", 12.0, 1.0, **noisy, url__scheme="http", internal__span__format="otlp")
    one["logs"] = [
        {"fields": [{"key": "exception.message", "value": "boom"}, {"key": "exception.stacktrace", "value": "y"}]}
    ]
    attributes = seen(one).spans[0].attributes
    assert len(attributes) == 12
    assert max(map(len, attributes.values())) == 200
    one["tags"] = []
    assert seen(one).spans[0].attributes == {"exception.message": "boom"}


@pytest.mark.parametrize(
    "answer",
    [
        lambda _: httpx.Response(500),
        lambda _: httpx.Response(200, text="no JSON"),
        lambda _: httpx.Response(200, json={}),
        lambda _: httpx.Response(200, json=[1]),
        lambda _: httpx.Response(200, json={"data": [1]}),
        lambda _: httpx.Response(200, json={"data": ["shop", {"traceID": 1, "spans": [1]}]}),
    ],
)
def test_whatever_it_answers_nothing_is_raised(answer):
    found = looked(answer)
    assert found.error
    assert found.traces == []
    assert found.page == ""


def test_a_jaeger_that_hangs_costs_one_time_out():
    asked = []

    def hang(request):
        asked.append(request.url.path)
        raise httpx.ReadTimeout("too slow", request=request)

    assert "ReadTimeout" in looked(hang).error
    assert asked == ["/api/services", "/"]


def test_a_jaeger_that_is_slow_is_not_waited_for_and_what_it_told_is_kept():
    now = iter(range(0, 1000, 4))
    found = looked(Store(trace("t", span("GET /", 6.0, 0.1, error=True))), clock=lambda: next(now))
    assert "not everything was asked for within 15 s" in found.error
    assert [one.id for one in found.traces] == ["t"]


@pytest.mark.parametrize(
    ("at_jaeger", "beside_it", "page"),
    [
        (PLACEHOLDER, None, ""),
        (PAGES, None, "http://j/trace/"),
        (PLACEHOLDER, PAGES, "http://ui/trace/"),
        (PLACEHOLDER, PLACEHOLDER, ""),
        ('{"title": "Jaeger UI"}', "<title>Grafana</title><script></script>", ""),
    ],
)
def test_a_link_is_made_only_where_its_pages_answer(at_jaeger, beside_it, page):
    store = Store()
    store.pages = {"j": at_jaeger, "ui": beside_it}
    assert looked(store, pages="http://ui").page == page
