"""What is written of a registry is what prometheus_client writes, byte by byte, at each scrape of its life."""

from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Enum,
    Gauge,
    Histogram,
    ProcessCollector,
    Summary,
    disable_created_metrics,
)
from prometheus_client.exposition import generate_latest as as_text
from prometheus_client.openmetrics.exposition import generate_latest as as_openmetrics

from services.kit.telemetry.exposition import Exposition

LABEL_VALUES = st.sampled_from(["", "a", 'quo"te', "back\\slash", "line\nend", "é", "GET"]) | st.text(max_size=4)
NUMBERS = st.sampled_from([0, 1, 0.25, 1e6, 12345678.9, float("inf")]) | st.floats(0, 1e12)
ANY_NUMBER = NUMBERS | st.floats(allow_nan=False)
EXEMPLARS = st.none() | st.dictionaries(st.sampled_from(["trace_id", "a"]), st.text(max_size=8), max_size=2)
BOUNDS = st.lists(st.floats(0, 1e6), min_size=1, max_size=5, unique=True).map(sorted)
LABEL_NAMES = st.lists(st.sampled_from(["zeta", "alpha", "http_route", "method"]), max_size=3, unique=True)
HELP = st.text(max_size=12) | st.just('a "quoted" back\\slash\nand an end')


@pytest.fixture(autouse=True, scope="module")
def _as_in_a_service():
    disable_created_metrics()


@st.composite
def families(draw):
    """A registry and what can be done to it: functions that draw what they do."""
    registry, steps = CollectorRegistry(), []
    for number in range(draw(st.integers(0, 4))):
        names, help_text = draw(LABEL_NAMES), draw(HELP)
        kind = draw(st.sampled_from(["counter", "gauge", "histogram", "summary", "enum", "function"]))
        steps.append(_family(draw, kind, f"{kind}_{number}", help_text, names, registry))
    return registry, steps


def _family(draw, kind, name, help_text, names, registry):
    def labelled(metric, draw):
        return metric.labels(*(draw(LABEL_VALUES) for _ in names)) if names else metric

    if kind == "counter":
        counter = Counter(name, help_text, names, registry=registry)
        return lambda draw: labelled(counter, draw).inc(draw(NUMBERS), draw(EXEMPLARS))
    if kind == "gauge":
        gauge = Gauge(name, help_text, names, registry=registry)
        return lambda draw: labelled(gauge, draw).set(draw(ANY_NUMBER))
    if kind == "function":
        function = Gauge(name, help_text, names, registry=registry)
        return lambda draw: labelled(function, draw).set_function(partial(float, draw(ANY_NUMBER)))
    if kind == "histogram":
        below = draw(st.booleans())
        bounds = [-1.0, *draw(BOUNDS)] if below else draw(BOUNDS)
        histogram = Histogram(name, help_text, names, buckets=bounds, registry=registry)
        return lambda draw: labelled(histogram, draw).observe(draw(NUMBERS), draw(EXEMPLARS))
    if kind == "summary":
        summary = Summary(name, help_text, names, registry=registry)
        return lambda draw: labelled(summary, draw).observe(draw(NUMBERS))
    enum = Enum(name, help_text, names, states=["on", "off"], registry=registry)
    return lambda draw: labelled(enum, draw).state(draw(st.sampled_from(["on", "off"])))


@settings(max_examples=25)
@given(families(), st.data())
def test_each_scrape_is_the_librarys(made, data):
    registry, steps = made
    openmetrics, text = Exposition(registry, openmetrics=True), Exposition(registry, openmetrics=False)
    for _ in range(data.draw(st.integers(1, 4))):
        for step in steps:
            if data.draw(st.booleans()):
                step(data.draw)
        assert openmetrics.write() == as_openmetrics(registry)
        assert text.write() == as_text(registry)


def test_what_is_registered_later_and_other_collectors_are_written_as_well():
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    exposition = Exposition(registry, openmetrics=True)
    assert b"process_cpu_seconds_total" in exposition.write()
    Counter("later", "Comes later.", registry=registry).inc()
    assert b"later_total 1.0\n# EOF\n" in exposition.write()
