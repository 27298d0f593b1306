"""A real Jaeger: it answers what the attacker asks as the stand-in of the unit tests does, and another can show it."""

import os
import subprocess
import time
from contextlib import contextmanager

import httpx
import pytest

from chaos.observe.jaeger import Jaeger
from chaos.reach.http import is_application
from compose.config import render
from compose.tools import find_one
from tests.ports import free_port
from tests.unit import jaeger_store
from tests.unit.jaeger_store import Store, span, trace
from tests.waiting import until

RUN = [(0.0, 10.0), (10.0, 20.0)]
TRACES = (
    trace("a1" * 16, span("11" * 8, 1.3, 0.2), span("12" * 8, 1.35, 0.1, error=True, parent="11" * 8)),
    trace("a2" * 16, span("21" * 8, 2.3, 0.3, error=True, http__response__status_code="503")),
    trace("a3" * 16, span("31" * 8, 12.0, 3.0), service="inventory"),
    *(
        trace(f"b{number:031x}", span(f"{number:016x}", 4.0 + number / 100, 0.01 + number / 1e4))
        for number in range(1, 100)
    ),
    trace("a4" * 16, span("41" * 8, 25.0, 9.0, error=True)),
)


@contextmanager
def started(config, port):
    command, env = (find_one("jaeger"), f"--config=file:{config}"), os.environ | {"OTEL_TRACES_SAMPLER": "always_off"}
    with subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True) as process:
        try:
            until(lambda: answers(port), 60)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            said = process.communicate(timeout=10)[1]
            assert "\terror\t" not in said, said


def answers(port):
    try:
        return httpx.get(f"http://127.0.0.1:{port}/api/services").is_success
    except httpx.TransportError:
        return False


@pytest.fixture(scope="module")
def jaegers(tmp_path_factory):
    """The stack's Jaeger with some traces, by its own configuration, and one beside it that reads from it."""
    folder = tmp_path_factory.mktemp("jaeger")
    query, otlp, metrics, grpc, storage, pages, pages_grpc = (free_port() for _ in range(7))
    ports = {"query_port": query, "otlp_port": otlp, "metrics_port": metrics, "grpc_port": grpc}
    values = {"listen": "127.0.0.1", **ports, "storage_port": storage}
    (folder / "jaeger.yaml").write_text(render.text("jaeger.yaml", values))
    beside = {"http_port": pages, "grpc_port": pages_grpc, "storage_port": storage}
    (folder / "jaeger-ui.yaml").write_text(render.text("jaeger-ui.yaml", beside))
    with started(folder / "jaeger.yaml", query) as url:
        wall = time.time() - 60
        for one in TRACES:
            sent = httpx.post(f"http://127.0.0.1:{otlp}/v1/traces", json=as_otlp(one, wall))
            assert sent.is_success, sent.text
        for service, number in {"shop": 102, "inventory": 1}.items():
            asked = {"service": service} | all_of(wall)
            until(lambda asked=asked, number=number: traces(url, asked) == number)
        with started(folder / "jaeger-ui.yaml", pages) as shown:
            yield url, shown, wall


def traces(url, asked):
    return len(httpx.get(f"{url}/api/traces", params=asked).json()["data"] or [])


def all_of(wall):
    return {"start": round(wall * 1e6), "end": round((wall + 100) * 1e6), "limit": 1000}


def as_otlp(trace, wall):
    """The same trace as OpenTelemetry's exporter sends it."""
    tags = trace["processes"]["p1"]
    resource = [("service.name", tags["serviceName"]), ("service.instance.id", tags["tags"][0]["value"])]
    spans = []
    for one in trace["spans"]:
        start = round((one["startTime"] / 1e6 - jaeger_store.WALL + wall) * 1e9)
        told = {tag["key"]: tag["value"] for tag in one["tags"]}
        failed = told.pop("error", False)
        assert told.pop("span.kind") == "server"
        spans.append(
            {
                "traceId": trace["traceID"],
                "spanId": one["spanID"],
                "parentSpanId": next((reference["spanID"] for reference in one["references"]), ""),
                "name": one["operationName"],
                "kind": 2,
                "startTimeUnixNano": str(start),
                "endTimeUnixNano": str(start + one["duration"] * 1000),
                "attributes": [attribute(*pair) for pair in told.items()],
                "status": {"code": 2} if failed else {},
            }
        )
    attributes = [attribute(*pair) for pair in resource]
    return {"resourceSpans": [{"resource": {"attributes": attributes}, "scopeSpans": [{"spans": spans}]}]}


def attribute(key, value):
    return {"key": key, "value": {"stringValue": value}}


def seen(url, wall, transport=None):
    jaeger = Jaeger(url, wall, transport)
    found = jaeger.look(40.0, RUN)
    jaeger.close()
    return found


def test_it_answers_as_the_stand_in_does(jaegers):
    url, _, wall = jaegers
    real, made = seen(url, wall), seen("http://j", jaeger_store.WALL, httpx.MockTransport(Store(*TRACES).answer))
    assert real.error is None
    assert [one.id for one in real.traces] == [one.id for one in made.traces]
    assert [one.id[:2] for one in real.traces[:3]] == ["a2", "a1", "a3"]
    assert "a4" * 16 not in {one.id for one in real.traces}
    assert (real.failed_found, real.more_failed) == (made.failed_found, made.more_failed) == (2, False)
    assert real.missing == [pytest.approx(one) for one in made.missing]
    for ours, theirs in zip(real.traces, made.traces, strict=True):
        assert [
            (one.id, one.parent, one.service, one.instance, one.name, one.failed, one.kind) for one in ours.spans
        ] == [(one.id, one.parent, one.service, one.instance, one.name, one.failed, one.kind) for one in theirs.spans]
        assert ours.began == pytest.approx(theirs.began, abs=1e-3)
    assert real.traces[0].spans[0].attributes["http.response.status_code"] == "503"


def test_what_it_serves_in_place_of_pages_is_no_page(jaegers):
    url, _, wall = jaegers
    text = httpx.get(url).text
    assert "This is not the Jaeger UI you are looking for" in text
    assert not is_application(url, "Jaeger UI")
    assert seen(url, wall).page == ""


def test_another_jaeger_beside_it_shows_the_same_traces(jaegers):
    # As its container would, but for the pages themselves, which only the official image has.
    url, shown, wall = jaegers
    services = [sorted(httpx.get(f"{one}/api/services").json()["data"]) for one in (shown, url)]
    assert services == [["inventory", "shop"]] * 2
    path = f"/api/traces/{TRACES[1]['traceID']}"
    assert httpx.get(f"{shown}{path}").json()["data"] == httpx.get(f"{url}{path}").json()["data"]
    assert [one.id for one in seen(shown, wall).traces] == [one.id for one in seen(url, wall).traces]


def test_what_grafanas_data_source_asks_is_answered(jaegers):
    url, _, wall = jaegers
    found = httpx.get(f"{url}/api/traces/{TRACES[0]['traceID']}").json()["data"]
    assert [len(one["spans"]) for one in found] == [2]
    operations = httpx.get(f"{url}/api/services/shop/operations").json()["data"]
    assert "11" * 8 in operations
    searched = httpx.get(f"{url}/api/traces", params={"service": "shop", "operation": "11" * 8} | all_of(wall))
    assert [one["traceID"] for one in searched.json()["data"]] == [TRACES[0]["traceID"]]
