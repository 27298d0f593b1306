"""Jaeger as a witness: failed and slow traces, or why there are none; it never raises."""

import httpx
import pytest

from chaos.observe.jaeger import Jaeger


def span(name, began, took, error=False, parent=None, **tags):
    found = [{"key": key.replace("__", "."), "value": value} for key, value in tags.items()]
    return {
        "spanID": name,
        "operationName": name,
        "processID": "p1",
        "startTime": (1000.0 + began) * 1e6,
        "duration": took * 1e6,
        "references": [{"refType": "CHILD_OF", "spanID": parent}] if parent else [],
        "tags": found + ([{"key": "error", "value": True}] if error else []),
    }


def trace(trace_id, *spans):
    return {"traceID": trace_id, "spans": list(spans), "processes": {"p1": {"serviceName": "shop"}}}


def looked(answer):
    jaeger = Jaeger("http://j", 1000.0, httpx.MockTransport(answer))
    return jaeger.look(40.0, 10.0, 25.0)


def answering(failed=(), slow=(), asked=None):
    def answer(request):
        if request.url.path == "/api/services":
            return httpx.Response(200, json={"data": ["jaeger", "shop"]})
        if asked is not None:
            asked.append(dict(request.url.params))
        return httpx.Response(200, json={"data": list(failed if "tags" in request.url.params else slow)})

    return answer


def test_it_asks_for_the_fault_window_and_not_for_jaegers_own():
    asked = []
    looked(answering(asked=asked))
    assert [one["service"] for one in asked] == ["shop", "shop"]
    assert {(one["start"], one["end"]) for one in asked} == {("1010000000", "1025000000")}
    assert [one.get("tags", one.get("minDuration")) for one in asked] == ['{"error":"true"}', "250ms"]


def test_a_trace_has_its_root_and_where_it_failed():
    failing = trace(
        "t1",
        span("GET /", 12.0, 0.4, error=True, parent="elsewhere"),
        span("postgres", 12.1, 0.3, error=True, parent="GET /", otel__status_description="no connection"),
        span("after", 12.3, 0.1, parent="GET /"),
    )
    seen = looked(answering(failed=[failing], slow=[failing, trace("t2", span("GET /slow", 13.0, 0.5))]))
    assert seen.error is None
    assert [(one.id, one.root, one.failed, one.detail) for one in seen.traces] == [
        ("t1", "shop: GET /", True, "shop: postgres: no connection"),
        ("t2", "shop: GET /slow", False, ""),
    ]
    assert (seen.traces[0].began, seen.traces[0].took_seconds) == pytest.approx((12.0, 0.4))
    assert seen.url == "http://j/trace/"


def test_of_many_the_slowest_are_kept():
    many = [trace(f"t{number}", span("GET /", 12.0, 1.0 + number)) for number in range(9)]
    assert [one.id for one in looked(answering(slow=many)).traces] == ["t8", "t7", "t6", "t5", "t4"]


@pytest.mark.parametrize(
    "answer",
    [
        lambda _: httpx.Response(500),
        lambda _: httpx.Response(200, text="no JSON"),
        lambda _: httpx.Response(200, json={}),
        lambda _: httpx.Response(200, json=[1]),
    ],
)
def test_whatever_it_answers_nothing_is_raised(answer):
    seen = looked(answer)
    assert seen.error
    assert seen.traces == []
