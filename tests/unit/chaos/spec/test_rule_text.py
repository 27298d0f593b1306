"""What tells a rule from what it was before: all that it means, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.errors import InvalidFile
from chaos.spec import routing, rule_text
from chaos.spec.rule_text import RuleText, digest
from chaos.spec.rules import alert_names

FILE = """
groups:
  - name: g
    rules:
      - { record: "p99:seconds", expr: "histogram_quantile(0.99, sum by (le) (d_bucket))" }
      - { record: "other:x", expr: "x" }
      - alert: Slow
        expr: p99:seconds > 1 # a comment
        for: 1m
        labels: { severity: warning }
        annotations: { summary: s }
"""
RULES = """
route:
  receiver: pager
  group_by: [alertname]
  routes:
    - { matchers: ['alertname="Slow"'], receiver: slow, group_wait: 1m }
inhibit_rules:
  - { source_matchers: ['alertname="Down"'], target_matchers: ['alertname=~"Slow|Full"'], equal: [instance] }
  - { source_matchers: ['alertname="Down"'], target_matchers: ['alertname="Other"'] }
"""


def written(tmp_path, text):
    (tmp_path / "a.rules.yml").write_text(text)
    return digest("Slow", rule_text.read(tmp_path))


@pytest.mark.parametrize(
    ("old", "new", "changes"),
    [
        ("> 1 # a comment", ">   1", False),
        ("summary: s", "summary: t", False),
        ('expr: "x"', 'expr: "y"', False),
        ("for: 1m", "for: 60s", False),
        ("> 1", "> 2", True),
        ("for: 1m", "for: 2m", True),
        ("severity: warning", "severity: critical", True),
        ("0.99", "0.9", True),
        ("d_bucket", "e_bucket", True),
    ],
)
def test_what_changes_a_rule(tmp_path, old, new, changes):
    assert old in FILE
    assert (written(tmp_path, FILE.replace(old, new)) != written(tmp_path, FILE)) is changes


def test_prometheus_tells_a_query_in_a_form_of_its_own(tmp_path):
    told = [
        RuleText("Slow", False, "p99:seconds > 1", 60.0, 0.0, {"severity": "warning"}),
        RuleText("p99:seconds", True, "histogram_quantile(0.99, sum by (le) (d_bucket))"),
    ]
    assert digest("Slow", told) == written(tmp_path, FILE)


@given(st.permutations(range(3)))
def test_their_order_is_no_part_of_it(order):
    rules = [RuleText("A", False, "a:b > 0"), RuleText("a:b", True, "b"), RuleText("A", False, "c > 0", 5.0)]
    assert digest("A", [rules[place] for place in order]) == digest("A", rules)


def test_rules_that_read_each_other_are_read_once():
    assert digest("A", [RuleText("A", False, "x:y"), RuleText("x:y", True, "y:z"), RuleText("y:z", True, "x:y")])


def test_an_alert_that_is_not_there_has_none(tmp_path):
    assert digest("Gone", []) == ""
    (tmp_path / "a.rules.yml").write_text("groups: [{rules: [{alert: A}]}]")
    with pytest.raises(InvalidFile, match="not a rule file"):
        rule_text.read(tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "changes"),
    [
        ("group_wait: 1m", "group_wait: 60s", False),
        ("target_matchers: ['alertname=\"Other\"']", "target_matchers: ['alertname=\"Another\"']", False),
        ("receiver: pager", "receiver: everybody", False),
        ("receiver: slow", "receiver: slower", True),
        ("group_wait: 1m", "group_wait: 2m", True),
        ("group_by: [alertname]", "group_by: [alertname, instance]", True),
        ("equal: [instance]", "equal: []", True),
        ("Slow|Full", "Full", True),
    ],
)
def test_what_changes_an_alerts_way(old, new, changes):
    assert old in RULES
    now, then = routing.read(RULES.replace(old, new)), routing.read(RULES)
    assert (now.digest("Slow", {"instance": "a"}) != then.digest("Slow", {"instance": "a"})) is changes


LABELLED = """
groups:
  - name: g
    labels: { team: 1.10, page: yes }
    rules:
      - { alert: A, expr: up == 0, labels: { page: NO, none: } }
"""
MANIFEST = "kind: PrometheusRule\nspec: { groups: [{ name: c, rules: [{ alert: C, expr: up == 0, for: 1m }] }] }\n"


def test_labels_are_text_as_written_and_those_of_the_group_too(tmp_path):
    (tmp_path / "a.rules.yml").write_text(LABELLED)
    (rule,) = rule_text.read(tmp_path)
    assert rule.labels == {"team": "1.10", "page": "NO", "none": ""}


@pytest.mark.parametrize(
    "files",
    [
        {"app.yml": LABELLED, "crd.yaml": MANIFEST},
        {"team/eu/app.rules": LABELLED, "team/crd.yml": MANIFEST},
        {"two.yml": f"{LABELLED}---\n{MANIFEST}"},
        {"list.yml": "kind: List\nitems:\n- {kind: Service}\n- " + MANIFEST.replace("\n", "\n  "), "a.yml": LABELLED},
        {"map.yml": "kind: ConfigMap\ndata:\n  a.yml: |\n" + LABELLED.replace("\n", "\n    "), "crd.yml": MANIFEST},
    ],
)
def test_rules_are_found_wherever_people_keep_them(tmp_path, files):
    beside = {
        "app_test.yml": "rule_files: [app.yml]\ntests: []",
        "todo.yml": "",
        "service.yml": "kind: Service",
        "chart.yaml": "{{ if .Values.on }}\ngroups: []",
        "loki.yml": 'groups: [{name: l, rules: [{alert: L, expr: \'rate({a="b"} |= "c" [5m])\'}]}]',
        ".hidden/app.yml": LABELLED.replace("alert: A", "alert: Hidden"),
        "README.md": "groups",
    }
    for name, text in (files | beside).items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert sorted((rule.name, rule.for_seconds) for rule in rule_text.read(tmp_path, "")) == [("A", 0.0), ("C", 60.0)]
    assert alert_names(tmp_path, "") == {"A", "C"}


def test_a_folder_without_an_alert_is_an_error(tmp_path):
    (tmp_path / "todo.yml").write_text("")
    with pytest.raises(InvalidFile, match="no alert in any file of rules"):
        alert_names(tmp_path, "")
