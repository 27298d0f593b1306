"""Each rule about expressions catches what it is there for and leaves what is right alone."""

import pytest

from alerts.lint import dashboards, expressions, labels
from alerts.lint.promql import read
from alerts.lint.snapshot import Metric, Snapshot

LABELS = {"job": ("shop", "pager"), "instance": None, "le": None}
SNAPSHOT = Snapshot(
    {
        "requests_total": Metric("counter", LABELS | {"code": ("2xx", "5xx")}),
        "seconds_bucket": Metric("counter", LABELS),
        "waits_bucket": Metric("counter", {"le": ("0.5", "1", "+Inf")}),
        "queue_length": Metric("gauge", LABELS),
        "queue_limit": Metric("gauge", LABELS),
        "up": Metric("gauge", {"job": None, "instance": None}),
    }
)
BAD_RULES = [
    ('increase(requests_total{job="shop"}[5m]) > 3', "count over a window"),
    ('sum(changes(queue_length{job="shop"}[5m])) >= 2', "count over a window"),
    ('abs(delta(queue_length{job="shop"}[5m])) > 3', "count over a window"),
    ('resets(requests_total{job="shop"}[5m]) > 1', "count over a window"),
    ('predict_linear(queue_length{job="shop"}[5m], 60) > 9', "count over a window"),
    ('count_over_time(queue_length{job="shop"}[5m]) < 10', "count over a window"),
    ('(increase(requests_total{job="shop"}[5m]) + 1) * 2 > 3', "count over a window"),
    ('increase(requests_total{job="shop"}[5m]) / (queue_limit{job="shop"} > 0) > 3', "count over a window"),
    ('time() - queue_length{job="shop"} > 300', "absolute time"),
    ('timestamp(queue_length{job="shop"}) < 300', "absolute time"),
    ('irate(requests_total{job="shop"}[5m]) > 1', "sees two samples"),
    ('absent(up{job="shop"})', "absent() of up"),
    ('absent(up{job="shop"}) == 1', "absent() of up"),
    ('rate(queue_length{job="shop"}[5m]) > 1', "a gauge"),
    ('sum(rate(queue_length{job="shop"}[5m])) > 1', "a gauge"),
    ('requests_total{job="shop"} > 100', "is a counter"),
    ('sum by (job) (requests_total{job="shop"}) > 100', "is a counter"),
    ('max_over_time(queue_length{job="shop"}[45s]) > 1', "range of 45 s"),
    ('queue_length{job="shop"} / queue_limit{job="shop"} > 0.8', "divides by"),
    ('queue_length{job="shop"} / max(queue_limit{job="shop"}) > 0.8', "divides by"),
    ('queue_length{job="shop"} / (queue_limit{job="shop"} > -1) > 0.8', "divides by"),
    ('queue_length{job="shop"} / (queue_limit{job="shop"} < 5) > 0.8', "divides by"),
    ('histogram_quantile(0.9, sum by (job) (rate(seconds_bucket{job="shop"}[5m]))) > 1', "without their `le`"),
    ("queue_length > 3", "asks for no job"),
    ('queue_length{job="shop"} > 3 and on (instance) up == 1', "asks for no job"),
    ('(sum(rate(requests_total{job="shop"}[5m])) or vector(0)) > 1', "look like one that is well"),
]
BAD_CONDITIONS = [
    'queue_length{job="shop"}',
    'queue_length{job="shop"} > bool 3',
    'queue_length{job="shop"} > 3 or up{job="shop"}',
    'sum(rate(requests_total{job="shop"}[5m]))',
    'queue_length{job="shop"} / (queue_limit{job="shop"} > 0)',
]
GOOD_RULES = [
    'increase(requests_total{job="shop"}[5m]) / (increase(requests_total{job="shop"}[5m]) > 0) > 0.1',
    'sum(rate(requests_total{job="shop",code="5xx"}[5m])) / (sum(rate(requests_total{job="shop"}[5m])) > 0) > 0.01',
    'rate(requests_total{job="shop"}[1m]) > 0',
    'deriv(queue_length{job="shop"}[5m]) > 0.5',
    'queue_length{job="shop"} / (queue_limit{job="shop"} > 0) > 0.8',
    'queue_length{job="shop"} / (max(queue_limit{job="shop"}) - 3 > 0) > 0.8',
    'queue_length{job="shop"} / sum(queue_limit{job="shop"} > 0) > 0.8',
    'queue_length{job="shop"} / 60 > 3',
    'max by (instance) (up{job="shop"}) == 0',
    'count(requests_total{job="shop"}) < 3',
    'absent(requests_total{job="shop"})',
    'histogram_quantile(0.9, sum by (job, le) (rate(seconds_bucket{job="shop"}[5m]))) > 1',
    'histogram_quantile(0.9, rate(seconds_bucket{job="shop"}[5m])) > 1',
    'queue_length{job=~".+"} > 3 unless on (instance) up{job!="pager"} == 0',
    'max(queue_length{job="shop"} > 3)',
    "job:requests:ratio_rate5m > 0.1",
    'ALERTS{alertname="ShopDown"} == 1',
]


def found(expression: str) -> list[str]:
    tree = read(expression)
    return [*expressions.of_rule(tree, SNAPSHOT), *expressions.of_alert(tree)]


@pytest.mark.parametrize(("expression", "said"), BAD_RULES)
def test_what_a_rule_must_not_do_is_caught(expression, said):
    assert [what for what in found(expression) if said in what], found(expression)


@pytest.mark.parametrize("expression", BAD_CONDITIONS)
def test_an_alert_that_compares_nothing_is_caught(expression):
    assert [what for what in found(expression) if "no comparison" in what]


@pytest.mark.parametrize("expression", GOOD_RULES)
def test_what_is_right_is_left_alone(expression):
    assert found(expression) == []


@pytest.mark.parametrize(
    ("expression", "kept"),
    [
        ('queue_length{job="shop"}', {"job", "instance", "le"}),
        ('max by (instance, zone) (queue_length{job="shop"}) > 1', {"instance"}),
        ('max without (le) (queue_length{job="shop"})', {"job", "instance"}),
        ('sum(queue_length{job="shop"})', set()),
        ('topk(3, queue_length{job="shop"})', {"job", "instance", "le"}),
        ('histogram_quantile(0.9, sum by (job, le) (rate(seconds_bucket{job="shop"}[5m])))', {"job"}),
        ('label_replace(up{job="shop"}, "stage", "x", "", "")', {"job", "instance", "stage"}),
        ('up{job="shop"} * on (instance) queue_length{job="shop"}', {"instance"}),
        ('up{job="shop"} * ignoring (le) queue_length{job="shop"}', {"job", "instance"}),
        ('up{job="shop"} * on (job) group_left (le) queue_length{job="shop"}', {"job", "instance", "le"}),
        ('up{job="shop"} and on (job) max by (job) (queue_length{job="shop"})', {"job", "instance"}),
        ('max by (job) (up{job="shop"}) or max by (job, instance) (up{job="shop"})', {"job"}),
        ("vector(1)", set()),
        ('1 - queue_length{job="shop"}', {"job", "instance", "le"}),
    ],
)
def test_the_labels_that_a_result_keeps(expression, kept):
    assert labels.of(read(expression), SNAPSHOT.labels_of) == kept


def test_the_labels_of_what_is_not_known_are_not_guessed():
    assert labels.of(read("mystery"), SNAPSHOT.labels_of) is None


@pytest.mark.parametrize(
    ("selector", "said"),
    [
        ('requests_total{job="shop",code="5xx"}', None),
        ('requests_total{job=~"shop|pager",code!="2xx"}', None),
        ('requests_total{job=~".+"}', None),
        ('requests_total{job="VARIABLE",code="5xx"}', None),
        ('{__name__=~"requests_.*",job="shop"}', None),
        ("chaos_fault_active", None),
        ('waits_bucket{le="0.5"}', None),
        ('waits_bucket{le=~"1([.]0)?"}', None),
        ('waits_bucket{le="+Inf"}', None),
        ('waits_bucket{le="1"}', "means '1', which Prometheus 3 stores as '1.0'"),
        ('ALERTS{alertname="ShopDown"}', None),
        ('request_total{job="shop"}', "no such metric on the running stack: request_total"),
        ('requests_total{job="shop",status="5xx"}', "requests_total has no label status"),
        ('requests_total{job="shop",code="500"}', 'no requests_total has code="500"; there are: 2xx, 5xx'),
        ('requests_total{job=~"shop|shpo"}', "no requests_total has job='shpo'; there are: shop, pager"),
        ('{__name__=~"reqests_.*"}', "no metric of the running stack has a name like"),
        ('ALERTS{alertname="ShopGone"}', "no such alert: ShopGone"),
    ],
)
def test_a_selector_that_finds_nothing_is_told_from_one_that_does(selector, said):
    faults = list(SNAPSHOT.faults_of(read(selector), frozenset({"ShopDown"})))
    assert faults == [] if said is None else len(faults) == 1 and said in faults[0], faults


@pytest.mark.parametrize(
    ("asked", "read_as"),
    [
        ('rate(a{job=~"$job"}[$__rate_interval])', 'rate(a{job=~"VARIABLE"}[5m])'),
        ('a{job="${job:regex}",i=~"$i|x"}', 'a{job="VARIABLE",i=~"VARIABLE|x"}'),
        ("avg_over_time(a[$__range])", "avg_over_time(a[5m])"),
        ("max_over_time(a[$__range:${__interval}])", "max_over_time(a[5m:5m])"),
    ],
)
def test_dashboard_variables_are_filled_in(asked, read_as):
    assert dashboards.filled_in(asked) == read_as
