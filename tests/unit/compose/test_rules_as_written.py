"""Rules as people write them: each is taken or left out with its reason, none is refused, and none is changed."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from chaos.spec.rules import alert_names
from compose.drill_time import DRILL, DrillTimeError, Manifest, generate, main
from compose.pace.timing import at

ROUTING = """
route:
  receiver: default
  routes:
    - {matchers: ['page="yes"'], receiver: oncall}
    - {match: {priority: 1}, receiver: first, continue: yes}
receivers:
  - {name: default, webhook_configs: [{url: http://x.example.com/}]}
  - {name: oncall, webhook_configs: [{url: http://y.example.com/}]}
  - {name: first}
"""
GOOD = """
groups:
  - name: app
    rules: [{alert: AppDown, expr: 'up{job="app"} == 0', for: 1m, labels: {severity: page}}]
"""
CRD = """
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata: {name: a}
spec:
  groups:
    - name: crd
      rules: [{alert: FromManifest, expr: up == 0}]
"""


def drill(folder: Path, files: dict[str, str], routing: str = ROUTING, pace: int = 60) -> Manifest:
    rules = folder / "rules"
    for name, text in files.items():
        (rules / name).parent.mkdir(parents=True, exist_ok=True)
        (rules / name).write_text(text)
    (folder / "am.yml").write_text(routing)
    return generate(rules, folder / "am.yml", "http://127.0.0.1:9", folder / "out", profile=at(pace))


def written(folder: Path, name: str) -> str:
    return (folder / "out" / "rules" / name).read_text()


def test_labels_are_text_as_written(tmp_path):
    text = """
groups:
  - name: pay
    limit: 5
    rules:
      - alert: PaymentsSlow
        expr: up == 0
        for: 5m
        labels: {priority: 1, page: yes, country: NO, version: 1.10, since: 2020-01-01, hex: 0x1f, none: , tilde: ~}
        annotations: {runbook: 12}
"""
    manifest = drill(tmp_path, {"pay.rules.yml": text})
    expected = {
        "priority": "1", "page": "yes", "country": "NO", "version": "1.10", "since": "2020-01-01", "hex": "0x1f",
        "none": "", "tilde": "",
    }  # fmt: skip
    assert manifest.alerts["PaymentsSlow"].labels == expected
    (group,) = yaml.safe_load(written(tmp_path, "pay.rules.yml"))["groups"]
    assert group["limit"] == 5, "a number became text, which Prometheus does not take for one"
    assert group["rules"][0]["labels"] == expected
    assert group["rules"][0]["annotations"] == {"runbook": "12"}
    assert [route.receiver for route in manifest.alerts["PaymentsSlow"].routes] == ["oncall"]


def test_one_name_in_several_severities_is_several_alerts(tmp_path):
    text = """
groups:
  - name: disk
    rules:
      - {alert: DiskFull, expr: 'disk_used_ratio{job="node"} > 0.8', for: 10m, labels: {severity: warning}}
      - {alert: DiskFull, expr: 'disk_used_ratio{job="node"} > 0.95', for: 2m, labels: {severity: critical}}
      - {alert: DiskFull, expr: 'disk_used_ratio{job="other"} > 0.95', for: 4m, labels: {severity: critical}}
      - {alert: Single, expr: up == 0}
"""
    manifest = drill(tmp_path, {"disk.rules.yml": text})
    assert {key: each.for_drill for key, each in manifest.alerts.items()} == {
        'DiskFull{severity="warning"}': timedelta(seconds=10),
        'DiskFull{severity="critical"} at disk.rules.yml: disk[1] DiskFull': timedelta(seconds=2),
        'DiskFull{severity="critical"} at disk.rules.yml: disk[2] DiskFull': timedelta(seconds=4),
        "Single": timedelta(0),
    }
    assert {each.name for each in manifest.alerts.values()} == {"DiskFull", "Single"}


def test_labels_of_a_group_are_those_of_its_rules(tmp_path):
    text = """
groups:
  - name: g
    labels: {page: yes, team: a}
    rules: [{alert: A, expr: up == 0, labels: {team: b}}]
"""
    manifest = drill(tmp_path, {"a.yml": text})
    assert manifest.alerts["A"].labels == {"page": "yes", "team": "b"}
    assert [route.receiver for route in manifest.alerts["A"].routes] == ["oncall"]
    (group,) = yaml.safe_load(written(tmp_path, "a.yml"))["groups"]
    assert (group["labels"], group["rules"][0]["labels"]) == ({"page": "yes", "team": "a"}, {"team": "b"})


def test_a_label_may_be_a_template(tmp_path):
    text = """
groups:
  - name: g
    rules:
      - alert: A
        expr: up == 0
        labels: {page: '{{ if eq $labels.job "a" }}yes{{ else }}no{{ end }}'}
"""
    manifest = drill(tmp_path, {"a.yml": text})
    assert [route.receiver for route in manifest.alerts["A"].routes] == ["oncall", "default"]


@pytest.mark.parametrize(
    ("files", "passed_over"),
    [
        ({"app_test.yml": "rule_files: [app.yml]\ntests: []"}, {"app_test.yml": "tests of rules"}),
        ({"crd.yaml": "{kind: PrometheusRule, metadata: {name: a}, spec: {groups: []}}"}, {"crd.yaml": "no groups"}),
        ({"todo.yml": ""}, {"todo.yml": "empty"}),
        ({"note.yml": "# later\n---\n"}, {"note.yml": "empty"}),
        ({"kustomization.yaml": "kind: Kustomization\nresources: [crd.yaml]"}, {"kustomization.yaml": "Kustomization"}),
        ({"prometheus.yml": "scrape_configs: []"}, {"prometheus.yml": "no `groups`"}),
        ({"chart.yaml": "{{- if .Values.on }}\ngroups: []\n{{- end }}"}, {"chart.yaml": "not readable as YAML"}),
        ({"twice.yml": "groups: []\ngroups: []"}, {"twice.yml": "stands twice"}),
        ({"broken.yml": "groups: [{rules: []}]"}, {"broken.yml": "not a rule file"}),
        ({"none.yml": "groups: []"}, {"none.yml": "no groups"}),
        ({"README.md": "# rules", "board.json": "{}", ".hidden/app.yml": GOOD}, {}),
    ],
)
def test_what_lies_beside_rules_is_passed_over_and_said(tmp_path, files, passed_over):
    manifest = drill(tmp_path, {"app.yml": GOOD, **files})
    assert manifest.alerts.keys() == {"AppDown"}
    assert [one.source for one in manifest.passed_over] == list(passed_over)
    for each in manifest.passed_over:
        assert passed_over[each.source] in each.reason
    listed = json.loads((tmp_path / "out" / "manifest.json").read_text())["passed_over"]
    assert [each["source"] for each in listed] == list(passed_over)


@pytest.mark.parametrize(
    "files",
    [
        {"app.yml": GOOD, "crd.yml": CRD},
        {"both.yml": f"{GOOD}\n---{CRD}"},
        {"team/eu/app.rules": GOOD, "team/us/crd.yaml": CRD},
        {
            "list.yaml": f"kind: List\nitems:\n  - {json.dumps(yaml.safe_load(CRD))}\n  - {{kind: Service}}",
            "a.yml": GOOD,
        },
        {"map.yaml": yaml.safe_dump({"kind": "ConfigMap", "data": {"app.yml": GOOD, "crd.yml": CRD, "x": "y"}})},
        {"app.yml": GOOD, "app.yaml": CRD},
    ],
    ids=["manifest", "documents", "trees", "list", "config map", "two endings"],
)
def test_rules_are_found_wherever_people_keep_them(tmp_path, files):
    manifest = drill(tmp_path, files)
    assert manifest.alerts.keys() == {"AppDown", "FromManifest"} == alert_names(tmp_path / "rules", "")
    copies = [yaml.safe_load(path.read_text()) for path in (tmp_path / "out" / "rules").glob("*.yml")]
    assert sorted(group["name"] for copy in copies for group in copy["groups"]) == ["app", "crd"]


def test_a_folder_shared_with_loki_gives_its_own(tmp_path):
    loki = """
namespace: logs
groups:
  - name: logs
    rules:
      - {alert: Errors, expr: 'sum(rate({app="a"} |= "error" [5m])) > 1'}
      - {alert: Lines, expr: 'count_over_time({app="a"}[5m]) > 0'}
"""
    manifest = drill(tmp_path, {"app.yml": GOOD, "loki.yml": loki})
    assert manifest.alerts.keys() == {"AppDown"}
    reasons = {each.name: each.reason for each in manifest.left_out}
    assert "not readable as PromQL" in reasons["Errors"]
    assert "names no metric" in reasons["Lines"]


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ("{alert: A, expr: up == 0, for: soon}", "not a duration"),
        ("{alert: A, expr: up >}", "not readable as PromQL"),
        ("{alert: A}", "has no expr"),
        ("{expr: up}", "neither an alert nor a recording rule"),
        ("{alert: A, record: b, expr: up}", "neither an alert nor a recording rule"),
        ("{alert: A, expr: up == 0, labels: [a]}", "no text"),
        ("{alert: A, expr: up == 0, labels: {a: {b: c}}}", "no text"),
    ],
)
def test_what_is_no_rule_is_left_out_with_its_reason(tmp_path, rule, reason):
    (tmp_path / "rules").mkdir()
    text = f"groups: [{{name: g, rules: [{rule}, {{alert: Good, expr: up == 0}}]}}]"
    manifest = drill(tmp_path, {"a.yml": text})
    assert manifest.alerts.keys() == {"Good"}
    assert [reason in each.reason for each in manifest.left_out] == [True]


def test_a_group_that_cannot_be_scaled_is_left_out(tmp_path):
    text = "groups: [{name: g, interval: often, rules: [{alert: A, expr: up == 0}]}]"
    manifest = drill(tmp_path, {"a.yml": text, "app.yml": GOOD})
    assert [each.name for each in manifest.left_out] == ["A"]
    assert "interval" in manifest.left_out[0].reason


def test_what_is_left_out_is_printed(tmp_path, capsys):
    rule = "{alert: Old, expr: time() - x > 60}"
    text = f"groups: [{{name: g, rules: [{rule}, {{alert: Good, expr: up == 0}}]}}]"
    drill(tmp_path, {"a.yml": text, "todo.yml": ""})
    arguments = [
        "--rules",
        str(tmp_path / "rules"),
        "--alertmanager",
        str(tmp_path / "am.yml"),
        "--pager-url",
        "http://p",
    ]
    assert main([*arguments, "--out", str(tmp_path / "again")]) == 0
    told = capsys.readouterr().out.splitlines()
    assert "left out: a.yml: g[0] Old: looks at a clock (time()), and a drill's minutes are seconds" in told
    assert "passed over: todo.yml: empty" in told


def test_one_file_may_be_named(tmp_path):
    (tmp_path / "app.rules").write_text(GOOD)
    (tmp_path / "am.yml").write_text(ROUTING)
    manifest = generate(tmp_path / "app.rules", tmp_path / "am.yml", "http://p", tmp_path / "out", profile=DRILL)
    assert manifest.alerts.keys() == {"AppDown"}


def test_where_nothing_is_left_all_reasons_are_given(tmp_path):
    with pytest.raises(DrillTimeError, match=r"every alert silent; .*looks at a clock.*; todo\.yml: empty"):
        drill(tmp_path, {"a.yml": "groups: [{name: g, rules: [{alert: A, expr: vector(time()) > 5}]}]", "todo.yml": ""})
