"""report.html is one file that opens offline, escapes what it is told, and draws what the recording says."""

import re
from xml.etree import ElementTree

import msgspec
import pytest

from chaos.facts.alerts import ActiveAlert, AlertHistory, PrometheusSeen
from chaos.facts.panels import PanelHistory, PanelSeries
from chaos.facts.processes import ProcessesSeen
from chaos.facts.traces import TraceSeen, TracesSeen
from chaos.judge.judge import judge
from chaos.report import drawing, html, index, timeline
from chaos.verdict.verdict import Ending
from tests.unit.catalogues import catalogue, entry, row
from tests.unit.chaos.verdict.test_coverage import whole
from tests.unit.recordings import (
    END,
    INJECTED,
    LABELS,
    UNDONE,
    facts,
    history,
    is_history,
    page,
    recording,
    requests,
    without,
)

EVIL = '"><script>alert(1)</script>'
TRACES = TracesSeen(
    END,
    None,
    [TraceSeen("abc", "shop: GET /", 12.0, 0.3, True, EVIL)],
    page="http://127.0.0.1:1/trace/",
    whole_run=True,
)
RESOURCE = re.compile(r"""<(?:script|link|img|iframe|object|embed|base|audio|video|source)\b|@import|url\(|\bsrc=""")


def rendered(*extra, **changes):
    whole_recording = recording(facts=(*changes.pop("facts", facts()), *extra), **changes)
    return html.render(judge(whole_recording), whole_recording, "runs/r")


def timeline_of(*extra, **changes):
    whole_recording = recording(facts=(*facts(), *extra), **changes)
    return timeline.of(whole_recording, judge(whole_recording))


def without_anchors(text):
    return re.sub(r'<a href="[^"]*">', "", text)


def test_it_needs_nothing_but_itself():
    text = rendered(TRACES)
    assert not RESOURCE.search(text)
    assert "http" not in without_anchors(text)
    assert '<a href="http://127.0.0.1:1/trace/abc">' in text
    assert "work only while the stack is up" in text


def test_the_catalogues_page_needs_nothing_but_itself():
    one = row("kill")
    text = index.render(catalogue(entry("kill", one.verdict)), whole(one))
    assert not RESOURCE.search(text)
    assert "http" not in text
    assert '<a href="../run-of-kill/report.html">' in text


def test_everything_is_escaped():
    labels = {"instance": EVIL, "severity": "warning"}
    evil_page = page(14.0, name="Other", labels=labels, accepted=False)
    text = rendered(
        TRACES,
        history("firing", 14, 20, "Other", labels),
        msgspec.structs.replace(evil_page, reason=EVIL, receiver=EVIL),
        ProcessesSeen(1.0, {EVIL: "RUNNING"}),
        ProcessesSeen(12.0, {EVIL: EVIL}),
    )
    assert "<script" not in text
    assert text.count("&lt;script") >= 5


def test_the_drawing_is_well_formed():
    text = rendered(TRACES, ProcessesSeen(1.0, {"shop-2": "RUNNING"}), ProcessesSeen(12.0, {"shop-2": "STOPPED"}))
    (svg,) = re.findall(r"<svg.*?</svg>", text, re.DOTALL)
    assert ElementTree.fromstring(svg).findall(".//polyline")


def test_the_fault_window_is_shaded_where_it_was():
    drawn = drawing.of(timeline_of())
    per_second = drawing.WIDTH / (33.0 - 5.0)
    begin, width = drawn.fault
    assert begin == pytest.approx(drawing.GUTTER + (INJECTED - 5.0) * per_second, abs=0.2)
    assert width == pytest.approx((UNDONE - INJECTED) * per_second, abs=0.2)
    assert begin in [tick.at for tick in drawn.ticks if tick.text == "0 s"]


def test_an_alert_has_its_states_marks_and_windows():
    (lane,) = timeline_of().alerts
    assert [(one.state, one.start, one.end) for one in lane.stretches] == [("pending", 11, 12), ("firing", 12, 26)]
    assert [(mark.kind, mark.at, mark.late) for mark in lane.marks] == [
        ("delivered", 13, False),
        ("resolved", 30, False),
    ]
    assert [(one.what, one.start, one.end) for one in lane.windows] == [
        ("fires_within", 10, 15),
        ("resolves_within", 25, 35),
    ]


def test_a_page_after_its_window_is_drawn_as_late():
    changed = (*without(lambda fact: fact in (page(13.0),)), page(16.0))
    whole_recording = recording(facts=changed)
    (lane,) = timeline.of(whole_recording, judge(whole_recording)).alerts
    assert [mark.late for mark in lane.marks if mark.kind == "delivered"] == [True]


def test_without_the_store_what_was_seen_is_drawn():
    seen = ActiveAlert("Down", LABELS, "firing", 11.0)
    looks = tuple(
        msgspec.structs.replace(fact, alerts=[*fact.alerts, seen])
        if isinstance(fact, PrometheusSeen) and 12 <= fact.at < 20
        else fact
        for fact in without(is_history("pending"), is_history("firing"))
    )
    whole_recording = recording(facts=looks)
    (lane,) = timeline.of(whole_recording, judge(whole_recording)).alerts
    assert [(one.state, one.start, one.end) for one in lane.stretches] == [("firing", 12, 20)]


def test_only_what_changed_has_a_lane():
    values = [1.0] * 12 + [0.0] * 10 + [None] * 2 + [1.0] * 9
    servers = PanelHistory(
        END,
        "haproxy",
        "Server states",
        [],
        1.0,
        [
            PanelSeries("A", {"proxy": "shop", "server": "shop-2"}, values),
            PanelSeries("A", {"proxy": "shop", "server": "shop-1"}, [1.0] * 33),
        ],
    )
    drawn = timeline_of(
        servers,
        ProcessesSeen(1.0, {"shop-1": "RUNNING", "shop-2": "RUNNING"}),
        ProcessesSeen(10.5, {"shop-2": "STOPPED"}),
        ProcessesSeen(25.0, {"shop-2": "RUNNING"}),
    )
    assert [lane.name for lane in (*drawn.processes, *drawn.servers)] == ["shop-2", "HAProxy: shop/shop-2"]
    assert [one.state for one in drawn.processes[0].stretches] == ["RUNNING", "STOPPED", "RUNNING"]
    assert [(one.state, one.end) for one in drawn.servers[0].stretches] == [("up", 12), ("down", 22), ("up", 33)]
    assert drawn.steady == ["shop-1", "HAProxy: shop/shop-1"]


def test_what_users_saw_is_drawn_second_by_second():
    at = 12.0
    seen = timeline_of(requests=requests(failed_at=(at,))).seconds
    assert [(one.second, one.failed) for one in seen if one.failed] == [(12, 1)]
    bands = {band.name: band for band in drawing.of(timeline_of(requests=requests(failed_at=(at,)))).bands}
    assert [bar.text for bar in bands["failed"].bars] == ["1 of 50 failed"]
    assert [line.name for line in bands["latency"].lines] == ["p50", "p99"]


def test_a_second_without_users_is_a_gap_and_no_zero_latency():
    gone = tuple(one for one in requests() if not 14 <= one.at < 16)
    drawn = timeline_of(requests=gone)
    assert [one.second for one in drawn.seconds if not one.sent] == [14, 15]
    bands = {band.name: band for band in drawing.of(drawn).bands}
    assert [len(line.paths) for line in bands["latency"].lines] == [2, 2]


def test_a_run_that_never_came_to_its_fault_has_a_page():
    early = [fact for fact in facts() if fact.at < 8 and not isinstance(fact, AlertHistory)]
    ended = msgspec.structs.replace(facts()[-1], how=Ending.UNDO_FAILED.value, detail="it would not", by_hand=[EVIL])
    text = rendered(ended, facts=tuple(early))
    assert "To be done by hand now" in text
    assert "<script" not in text


def test_refused_pages_are_said():
    text = rendered(page(14.0, accepted=False))
    assert "Pages that the pager refused" in text
    assert "disk full" in text
