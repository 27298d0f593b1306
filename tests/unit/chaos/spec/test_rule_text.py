"""What tells a rule from what it was before: all that it means, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.errors import InvalidFile
from chaos.spec import routing, rule_text
from chaos.spec.rule_text import RuleText, digest

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
