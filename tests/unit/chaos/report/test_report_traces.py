"""Traces in report.html: waterfalls from the recording alone; what is missing is said, what is told is escaped."""

from html.parser import HTMLParser

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chaos.facts.alerts import AlertHistory
from chaos.facts.any_fact import AnyFact
from chaos.facts.run import RunEnded
from chaos.facts.traces import SpanSeen, TraceSeen, TracesSeen
from chaos.judge.judge import judge
from chaos.report import html, waterfall
from chaos.verdict.verdict import Ending
from tests.unit.recordings import END, INJECTED, UNDONE, facts, recording, requests, without

EVIL = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>{{7*7}}&lt;\x00\u202e"
ROOT = {"http.request.method": "GET", "url.path": "/products/1", "url.query": "a=b", "http.response.status_code": "503"}


def span(name, began, took, parent="", failed=False, service="shop", instance="shop-2", **changes):
    made = SpanSeen(name, parent, service, instance, name, began, took, failed, {"db.query.text": "SELECT 1"})
    return msgspec.structs.replace(made, **changes)


def trace(trace_id="abc", began=12.0, failed=True, **changes):
    spans = [
        span("GET /products/{sku}", 0.0, 0.4, failed=failed, attributes=ROOT),
        span("pool", 0.1, 0.2, "GET /products/{sku}", failed=failed),
        span("stock", 0.3, 0.1, "GET /products/{sku}", service="inventory", instance="inventory-1"),
        span("query", 0.35, 0.05, "stock", service="inventory", instance="inventory-1"),
    ]
    made = TraceSeen(trace_id, "shop: GET /products/{sku}", began, 0.4, failed, "shop: pool: no connection", spans)
    return msgspec.structs.replace(made, **changes)


def seen(*traces, **changes):
    return msgspec.structs.replace(TracesSeen(END, None, list(traces), whole_run=True), **changes)


def rendered(*extra, **changes):
    whole = recording(facts=(*facts(), *extra), **changes)
    return html.render(judge(whole), whole, "runs/r")


def drawn(*extra, **changes):
    whole = recording(facts=(*changes.pop("facts", facts()), *extra), **changes)
    return waterfall.of(whole, judge(whole))


class Structure(HTMLParser):
    """The tags of a page with the names of their attributes, and what its links and styles say."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.links, self.styles = [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, tuple(name for name, _ in attrs)))
        self.links += [value for name, value in attrs if name == "href"]
        self.styles += [value for name, value in attrs if name == "style"]


def evil_everywhere(text):
    evil = [
        SpanSeen(text, "", text, text, text, 0.0, 0.4, True, {text: text, "url.path": text, "http.method": text}),
        SpanSeen("b", text, text, "", text, 0.1, 0.2, True, {}),
    ]
    return seen(TraceSeen(text, text, 12.0, 0.4, True, text, evil), page="http://127.0.0.1:1/trace/", error=text)


def test_whatever_spans_say_of_themselves_stays_text():
    text = rendered(evil_everywhere(EVIL))
    assert "<script" not in text
    assert "<img" not in text
    assert "{{7*7}}" in text


@settings(max_examples=30, deadline=None)
@given(st.text(alphabet=st.characters(exclude_categories=("Cs",)), min_size=1, max_size=40))
def test_no_text_changes_what_the_page_is_made_of(text):
    plain, told = Structure(rendered(evil_everywhere("x"))), Structure(rendered(evil_everywhere(text)))
    assert told.tags == plain.tags
    assert told.styles == plain.styles
    assert all(link.startswith("http://127.0.0.1:1/trace/") for link in told.links)


@pytest.mark.parametrize("page", ["javascript:alert(1)//", "data:text/html,", "//evil.example/", ""])
def test_a_page_that_is_none_of_the_webs_is_not_linked(page):
    assert not Structure(rendered(seen(trace(), page=page))).links


def test_where_a_page_answered_each_trace_leads_to_it():
    found = Structure(rendered(seen(trace(), trace("def", failed=False), page="http://127.0.0.1:1/trace/")))
    assert found.links == ["http://127.0.0.1:1/trace/abc", "http://127.0.0.1:1/trace/def"]


def test_where_none_answered_nothing_is_linked_and_all_is_drawn():
    text = rendered(seen(trace()))
    assert not Structure(text).links
    assert text.count('class="bar') == 4
    assert "links work" not in text


def test_a_trace_says_what_was_asked_what_was_answered_how_long_it_took_and_when():
    (one,) = drawn(seen(trace())).failed
    assert (one.asked, one.status, one.took_seconds, one.place) == ("GET /products/1?a=b", "503", 0.4, "shop-2")
    assert (one.phase, one.after) == ("during the fault", pytest.approx(12.0 - INJECTED))


@pytest.mark.parametrize(
    ("began", "phase"),
    [
        (INJECTED - 1, "before the fault"),
        (INJECTED - 0.1, "during the fault"),  # in flight when it began
        (UNDONE - 0.1, "during the fault"),
        (UNDONE + 0.1, "after the fault"),
    ],
)
def test_when_in_the_run_it_was_is_said(began, phase):
    assert [one.phase for one in drawn(seen(trace(began=began))).failed] == [phase]


def test_rows_are_below_what_they_are_part_of_and_bars_where_the_work_was():
    (one,) = drawn(seen(trace())).failed
    assert [(row.depth, row.place, row.name) for row in one.rows] == [
        (0, "shop-2", "GET /products/{sku}"),
        (1, "shop-2", "pool"),
        (1, "inventory-1", "stock"),
        (2, "inventory-1", "query"),
    ]
    assert [(row.left, row.width) for row in one.rows] == [(0, 100), (25, 50), (75, 25), (87.5, 12.5)]
    assert [row.failed for row in one.rows] == [True, True, False, False]
    assert one.ticks == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.4])


def test_no_bar_leaves_its_axis_or_is_too_thin_to_see():
    odd = [span("a", 0.0, 0.1), span("b", -5.0, 0.0), span("c", 0.2, 9.0), span("d", 9.2, 0.0)]
    (one,) = drawn(seen(trace(spans=odd))).failed
    assert all(row.left >= 0 and row.width > 0 and row.left + row.width <= 100.01 for row in one.rows)


def test_spans_that_are_parts_of_each_other_are_each_drawn_once():
    circle = [span("a", 0.0, 0.1, parent="b"), span("b", 0.0, 0.1, parent="a"), span("a", 0.0, 0.1, parent="a")]
    (one,) = drawn(seen(trace(spans=circle))).failed
    assert sorted(row.name for row in one.rows) == ["a", "a", "b"]


def test_a_trace_without_any_time_is_drawn():
    (one,) = drawn(seen(trace(spans=[span("a", 0.0, 0.0)], took_seconds=0.0))).failed
    assert one.rows[0].left == 0


def test_a_failure_is_marked_by_words():
    text = rendered(seen(trace(), trace("def", failed=False)))
    assert text.count("✕ failed</b>") == 2
    assert text.count("✕ failed</span>") == 1
    spans = trace().spans
    made_good = trace(spans=[msgspec.structs.replace(spans[0], failed=False), *spans[1:]])
    assert "✕ a part failed</span>" in rendered(seen(made_good))


def test_what_was_cut_is_said():
    text = rendered(seen(trace(left_out=7, lost_parents=2), failed_found=31))
    assert "7 more spans were not recorded" in text
    assert "Not whole: 2 spans are parts of some that were lost." in text
    assert "1 of 31 failed traces are shown" in text
    assert "1 of at least 60 failed" in rendered(seen(trace(), failed_found=60, more_failed=True))


def test_that_there_are_others_as_slow_is_said():
    assert "others about as slow as these" in rendered(seen(trace(), more_slow=True))
    assert "others about as slow" not in rendered(seen(trace(), more_failed=True))


def test_a_gap_is_said_with_what_users_saw_in_it():
    failed_at = tuple(one.at for one in requests() if 12 <= one.at < 14)
    text = rendered(seen(missing=[(12.0, 15.0)], service="shop"), requests=requests(failed_at=failed_at))
    assert (
        "No trace of shop from 2.0 s to 5.0 s after the injection, when users sent 150 requests and 50 were answered"
        in text
    )


def test_of_many_gaps_the_longest_are_told_and_the_others_counted():
    gaps = [(float(at), at + 0.5) for at in range(6, 26)] + [(26.0, 29.0), (40.0, 60.0)]
    notes = drawn(seen(missing=gaps)).notes
    assert len([note for note in notes if note.startswith("No trace from")]) == 5
    assert any("No trace from 16.0 s to 19.0 s" in note for note in notes)
    assert "16 shorter stretches without a trace, 8.0 s in all." in notes
    assert not [note for note in notes if "50.0 s" in note], "nobody came then"


def test_none_is_never_shown_as_nothing_wrong():
    refused = tuple(one.at for one in requests() if 12 <= one.at < 20)
    text = rendered(seen(), requests=requests(failed_at=refused))
    assert "No trace with a failure was found." in text
    assert f"of which {len(refused)} failed" in text


def test_a_silent_trace_store_is_said():
    assert "Jaeger did not tell everything: Jaeger: no answer" in rendered(seen(error="Jaeger: no answer"))


def test_that_no_traces_were_read_is_said():
    assert "No traces were read" in rendered()
    early = without(lambda fact: fact.at > 8 or isinstance(fact, AlertHistory))
    whole = recording(facts=(*early, RunEnded(8.0, Ending.BASELINE_NOT_MET.value, "")))
    assert "No traces were read" in html.render(judge(whole), whole, "runs/r")


def test_a_recording_of_before_spans_were_kept_is_shown_without_links():
    # As written until 2026-11-29; its address led to a page that stands in for Jaeger's.
    line = (
        b'{"fact":"traces_seen","at":30.3,"error":null,"slow_seconds":0.25,"url":"http://127.0.0.1:18013/trace/","traces":'
        b'[{"id":"f119","root":"shop: POST /orders","began":20.2,"took_seconds":1.03,"failed":false,"detail":""}]}'
    )
    fact = msgspec.json.decode(line, type=AnyFact)
    found = drawn(fact)
    assert [(one.asked, one.link, one.rows) for one in found.slowest] == [("POST /orders", "", [])]
    text = rendered(fact)
    assert "of before spans were kept" in text
    assert "18013" not in text
    assert not Structure(text).links


def test_a_trace_store_that_is_still_being_built_is_the_reason_why_there_are_no_traces():
    early = TracesSeen(0.0, None, in_the_making="Jaeger, which keeps the traces")
    traces = drawn(early)
    assert (traces.failed, traces.slowest, traces.asked) == ([], [], False)
    [why] = traces.notes
    assert "Jaeger, which keeps the traces, was still being built" in why
    assert why in rendered(early)
