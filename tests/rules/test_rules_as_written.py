"""Rules as people write them, by Prometheus's and Alertmanager's own tools: production and drill mean the same."""

import json

import pytest
import yaml

from chaos.spec import routing
from compose.drill_time import DRILL
from compose.pace import matchers
from compose.pace.receivers import Pager
from compose.pace.routing import routes_of, scale_routing
from compose.pace.timing import Durations
from tests.unit.compose.test_drill_meaning import KEEPS
from tests.unit.compose.test_receivers import KINDS
from tests.unit.compose.test_rules_as_written import drill

RULES = """
groups:
  - name: pay
    limit: 5
    rules:
      - alert: PaymentsSlow
        expr: up == 0
        for: 5m
        labels: {priority: 1, page: yes, country: NO, version: 1.10, since: 2020-01-01, hex: 0x1f, none: ~}
        annotations: {runbook: 0x10}
      - {alert: Several, expr: up == 0, labels: {severity: warning}}
      - {alert: Several, expr: up < 1, labels: {severity: critical}}
"""
LABELS = {"priority": "1", "page": "yes", "country": "NO", "version": "1.10", "since": "2020-01-01", "hex": "0x1f"}


def fires(file, alert: str, *labels: dict[str, str], runbook: str | None = None) -> dict:
    expected = [
        {"exp_labels": one | {"job": "a"}} | ({"exp_annotations": {"runbook": runbook}} if runbook else {})
        for one in labels
    ]
    return {
        "rule_files": [str(file)],
        "tests": [
            {
                "interval": "1m",
                "input_series": [{"series": 'up{job="a"}', "values": "0x20"}],
                "alert_rule_test": [{"eval_time": "10m", "alertname": alert, "exp_alerts": expected}],
            }
        ],
    }


@pytest.mark.parametrize("which", ["rules/pay.rules.yml", "out/rules/pay.rules.yml"], ids=["production", "drill"])
def test_prometheus_gives_alerts_the_labels_that_were_written(which, tmp_path, run_tool):
    manifest = drill(tmp_path, {"pay.rules.yml": RULES})
    cases = [
        fires(tmp_path / which, "PaymentsSlow", LABELS, runbook="0x10"),
        fires(tmp_path / which, "Several", {"severity": "warning"}, {"severity": "critical"}),
    ]
    for number, case in enumerate(cases):
        (tmp_path / f"{number}.yml").write_text(yaml.safe_dump(case))
        run_tool("promtool", "test", "rules", tmp_path / f"{number}.yml")
    # A label without a value is none.
    assert manifest.alerts["PaymentsSlow"].labels == LABELS | {"none": ""}


def test_prometheus_takes_every_rule_that_is_taken(tmp_path, run_tool):
    rules = [{"alert": f"A{number}", "expr": expression} for number, expression in enumerate(KEEPS)]
    manifest = drill(tmp_path, {"a.yml": yaml.safe_dump({"groups": [{"name": "g", "rules": rules}]})})
    assert len(manifest.alerts) == len(KEEPS)
    run_tool("promtool", "check", "rules", tmp_path / "out" / "rules" / "a.yml")


TREE = [
    {"match": {"severity": "critical"}},
    {"match_re": {"severity": "crit.*|page"}},
    {"matchers": [r'service=~"api\.v1"']},
    {"matchers": [r'service=~"api\\.v1"']},
    {"matchers": [r'path="a\\b"']},
    {"matchers": ['page="yes"', "version!=1.1"]},
    {"matchers": ['said="a, {b}"']},
    {"matchers": ['{a="b", c=~"d|e"}']},
    {"matchers": ["a=ö"]},
]
ALERTS = [
    {"severity": "critical"},
    {"severity": "crit"},
    {"service": "api.v1"},
    {"service": "apixv1"},
    {"path": r"a\b"},
    {"page": "yes", "version": "1.10"},
    {"page": "yes", "version": "1.1"},
    {"said": "a, {b}"},
    {"a": "b", "c": "e"},
    {"a": "ö"},
]


@pytest.mark.parametrize("number", range(len(ALERTS)))
def test_routes_are_read_as_alertmanager_reads_them(number, tmp_path, run_tool):
    alert = {"alertname": "A"} | ALERTS[number]
    routes = [node | {"receiver": f"r{place}", "continue": True} for place, node in enumerate(TREE)]
    document = {
        "route": {"receiver": "root", "routes": routes},
        "receivers": [{"name": name} for name in ("root", *(route["receiver"] for route in routes))],
    }
    file = tmp_path / "am.yml"
    file.write_text(json.dumps(document))
    told = run_tool(
        "amtool", "config", "routes", "test", "--config.file", file,
        *(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in alert.items()),
    )  # fmt: skip
    (answer,) = [
        line for line in told.splitlines() if line and not line.startswith("Warning: ") and "level=" not in line
    ]
    scaled = scale_routing(document, Pager("http://p"), Durations(DRILL), "am.yml").document
    assert [route.receiver for route in routes_of(alert, document, scaled)] == answer.split(",")
    rest = {name: value for name, value in alert.items() if name != "alertname"}
    assert routing.read(file.read_text()).receivers("A", rest) == answer.split(",")


def test_alertmanager_takes_what_every_kind_of_receiver_becomes(tmp_path, run_tool, request):
    # The older release knows nothing of Microsoft Teams; neither knows what becomes a webhook here anyway.
    teams = {"msteams_configs", "msteamsv2_configs"} if "installed" in request.node.callspec.id else set()
    receivers = [{"name": f"team/{key}", key: [way]} for key, way in KINDS.items() if key not in teams]
    receivers.append({"name": "all"} | {key: [way, way] for key, way in KINDS.items() if key not in teams})
    document = {"route": {"receiver": "all"}, "receivers": receivers}
    drilled = scale_routing(document, Pager("http://127.0.0.1:9", "127.0.0.1:25"), Durations(DRILL), "am.yml")
    (tmp_path / "am.yml").write_text(yaml.safe_dump(drilled.document))
    assert "SUCCESS" in run_tool("amtool", "check-config", tmp_path / "am.yml")


def test_what_alertmanager_tells_of_its_own_matchers_is_read_the_same():
    """It writes them anew, with each backslash escaped."""
    for written, told in ((r'service=~"api\.v1"', r'service=~"api\\.v1"'), ("a=b", 'a="b"')):
        assert list(matchers.parse(written)) == list(matchers.parse(told))
