"""The clean past: healthy traffic only, and every counter ends where the real one goes on."""

from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from promql_parser import VectorSelector, walk

from compose.healthy_past import HISTORY, answers, durations, openmetrics
from compose.pace.promql import durations as ranges
from compose.pace.promql import read
from compose.pace.timing import DRILL, Kind

SPAN = DRILL.scaled(HISTORY).total_seconds()
HAPROXY = {"job": "haproxy", "instance": "haproxy"}
SHOP = {"job": "shop", "instance": "shop-1", "worker": "0"}
HAPROXY_SAYS = """\
# TYPE haproxy_frontend_http_responses_total counter
haproxy_frontend_http_responses_total{proxy="shop",code="2xx"} 1000
haproxy_frontend_http_responses_total{proxy="shop",code="5xx"} 7
haproxy_frontend_http_responses_total{proxy="inventory",code="2xx"} 10
haproxy_frontend_bytes_in_total{proxy="shop"} 5
"""
DURATION = "http_server_request_duration_seconds"
ROUTE = 'http_request_method="GET",http_response_status_code="200",http_route="/products/{sku}"'
SHOP_SAYS = f"""\
{DURATION}_bucket{{{ROUTE},le="0.25"}} 880.0
{DURATION}_bucket{{{ROUTE},le="0.5"}} 890.0
{DURATION}_bucket{{{ROUTE},le="+Inf"}} 900.0
{DURATION}_count{{{ROUTE}}} 900.0
{DURATION}_sum{{{ROUTE}}} 3.5
{DURATION}_bucket{{http_request_method="GET",http_response_status_code="200",http_route="/cart",le="0.5"}} 2.0
{DURATION}_count{{http_request_method="GET",http_response_status_code="200",http_route="/cart"}} 2.0
process_open_fds 9.0
"""


@pytest.fixture
def past():
    return answers(HAPROXY_SAYS, HAPROXY) + durations(SHOP_SAYS, SHOP, 17.0)


@pytest.fixture
def stored(past) -> dict[str, list[tuple[float, float]]]:
    """Series → (time, value) of its samples, in order."""
    rows = [line.rsplit(" ", 2) for line in openmetrics(past, 5000.0, DRILL).splitlines() if line[0] != "#"]
    return {name: [(float(at), float(value)) for key, value, at in rows if key == name] for name, _, _ in rows}


def test_every_counter_ends_where_the_real_one_goes_on(stored, past):
    assert stored.keys() == {counted.series for counted in past}
    for counted in past:
        samples = stored[counted.series]
        values = [value for _, value in samples]
        assert values == sorted(values)
        assert values[-1] == counted.ends_at - counted.per_second
        assert [samples[0][0], samples[-1][0]] == [5000 - SPAN, 4999]


def test_only_successes_were_answered(stored):
    rates = {name: samples[-1][1] - samples[0][1] for name, samples in stored.items() if name.startswith("haproxy")}
    assert {("5xx" in name): rate > 0 for name, rate in rates.items()} == {True: False, False: True}
    assert len(rates) == 2, "the inner frontend is no user's"


def test_every_request_was_fast_and_of_the_busiest_route(stored):
    bucket, count = sorted(name for name in stored if name.startswith("http"))
    assert 'le="0.5"' in bucket
    for part in ('http_route="/products/{sku}"', 'instance="shop-1"', 'worker="0"'):
        assert part in bucket
        assert part in count
    increases = [later - earlier for (_, earlier), (_, later) in pairwise(stored[count])]
    assert set(increases) == {17.0}
    assert [value - 890 for _, value in stored[bucket]] == [value - 900 for _, value in stored[count]]


def test_an_instance_without_requests_has_no_past():
    assert durations("process_open_fds 9.0\n", SHOP, 17.0) == []


def test_all_that_windows_longer_than_a_drill_read_is_in_the_past(past):
    alerts = Path(__file__).parents[3] / "alerts"
    documents = [yaml.safe_load(path.read_text()) for path in alerts.glob("*.rules.yml")]
    rules = [rule for document in documents for group in document["groups"] for rule in group["rules"]]
    trees = [read(str(rule["expr"]), rule.get("record") or rule["alert"]) for rule in rules]
    drill = DRILL.in_drill
    # A drill's fault and its recovery take some 30 s; shorter windows hold nothing but that.
    long = [
        tree for tree in trees if any(k is Kind.RANGE and drill(d, k).total_seconds() > 20 for k, d in ranges(tree))
    ]
    assert len(long) == 6, "three windows for errors and three for latency"
    for tree in long:
        selectors = []
        walk(tree, pre_visit=lambda node, found=selectors: found.append(node) if is_selector(node) else None)
        for selector in selectors:
            assert any(selected(selector, counted) for counted in past), f"nothing of {selector} is seeded"


def is_selector(node) -> bool:
    return isinstance(node, VectorSelector)


def selected(selector, counted) -> bool:
    wanted = {matcher.name: matcher.value for matcher in selector.matchers.matchers}
    return selector.name == counted.name and wanted.items() <= counted.labels.items()
