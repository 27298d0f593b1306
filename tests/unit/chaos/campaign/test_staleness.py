"""Law 9: a proof belongs to a rule, its ways to the pager and an experiment; what is no more is named, and no proof."""

import msgspec
import pytest

from chaos.campaign.staleness import NOT_RECORDED, Present, stale
from chaos.cli import stack
from chaos.facts.alerts import AlertmanagerConfigured, RuleSeen
from chaos.judge.judge import judge
from chaos.report import matrix
from chaos.spec import routing, values
from chaos.spec.experiment import Experiment
from chaos.spec.rule_text import RuleText
from chaos.verdict.coverage import Matrix, Row
from tests.unit.recordings import EXPERIMENT, facts, recording

RULES = (
    RuleText("ratio:up", records=True, query="avg(up)"),
    RuleText("Down", records=False, query="ratio:up < 1", for_seconds=1.0, labels={"severity": "warning"}),
    RuleText("Other", records=False, query="absent(up)"),
)
TREE = """
route:
  receiver: pager
  routes: [{ matchers: ['alertname="Down"'], receiver: pager, group_wait: 1s }]
receivers: [{ name: pager }]
inhibit_rules: [{ source_matchers: ['alertname="Outage"'], target_matchers: ['alertname="Down"'] }]
"""


def experiment(**changes):
    return msgspec.convert(EXPERIMENT | changes, Experiment, dec_hook=values.decode)


def recorded(*, rules=RULES):
    seen = [
        RuleSeen(0.0, "g", one.name, one.records, one.query, one.for_seconds, one.keep_firing_for_seconds, one.labels)
        for one in rules
    ]
    first, *others = facts()
    return recording(facts=(first, AlertmanagerConfigured(0.0, TREE, "0.28.0"), *seen, *others))


def found(now=RULES, tree=TREE, run=None, **changes):
    run = run or recorded()
    present = Present(tuple(now), routing.read(tree) if tree else None)
    return stale(run, judge(run), experiment(**changes), present)


def rule(name, **changes):
    return [msgspec.structs.replace(one, **changes) if one.name == name else one for one in RULES]


def test_what_is_as_it_was_is_no_more_than_proven():
    assert judge(recorded()).exit_code == 0
    assert found() == {}


@pytest.mark.parametrize(
    "now",
    [
        rule("Down", query="ratio:up < 2"),
        rule("Down", for_seconds=2.0),
        rule("Down", labels={"severity": "critical"}),
        rule("ratio:up", query="min(up)"),
        [one for one in RULES if one.name != "Down"],
    ],
)
def test_another_rule_is_not_proven(now):
    assert found(now) == {"Down": "its rule, or one that it reads, has changed since"}


@pytest.mark.parametrize(
    "tree",
    [
        TREE.replace("group_wait: 1s", "group_wait: 9s"),
        TREE.replace('alertname="Outage"', 'alertname="Other"'),
        TREE.replace("receiver: pager, group_wait", "receiver: other, group_wait"),
    ],
)
def test_another_way_to_the_pager_is_not_proven(tree):
    assert tree != TREE
    assert found(tree=tree) == {"Down": "its way to the pager, or what inhibits it, has changed since"}


def test_another_experiment_is_not_proven():
    assert found(alerts=[EXPERIMENT["alerts"][0] | {"fires_within": "9s"}]) == {
        "Down": "the experiment has changed since"
    }
    assert found(fault=EXPERIMENT["fault"] | {"for": "9s"}) == {"Down": "the experiment has changed since"}


@pytest.mark.parametrize("now", [rule("Other", query="up == 0"), rule("Down", labels={"severity": "warning"})])
def test_what_it_does_not_read_may_change(now):
    assert found(now) == {}


def test_a_recording_that_does_not_say_its_rules_proves_nothing():
    assert found(run=recording()) == {"Down": NOT_RECORDED}


def test_what_is_stale_is_a_gap_and_the_last_line_renews_it():
    run = recorded()
    gone = found(rule("Down", for_seconds=2.0))
    row = Row("kill", "c", "process.kill", ["Down"], judge(run), stale=gone)
    whole = Matrix((row,), ("Down",), {})
    why = "its rule, or one that it reads, has changed since"
    assert whole.wrong() == [f"Down is not proven: kill: proven, but stale: {why}"]
    assert whole.to_renew() == ["kill"]
    assert why in " ".join(matrix.render(whole, 0.0).split())
    assert Matrix((msgspec.structs.replace(row, stale={}),), ("Down",), {}).wrong() == []


def test_a_run_at_another_pace_is_held_against_the_rules_of_that_pace():
    fastest, ten = stack.present(1.0), stack.present(6.0)
    assert fastest == stack.present(1.0)
    paths = {pace: {rule.name: rule.for_seconds for rule in of.rules} for pace, of in (("60", fastest), ("10", ten))}
    assert paths["60"].keys() == paths["10"].keys()
    waits = [name for name, seconds in paths["60"].items() if seconds]
    assert waits
    assert all(paths["10"][name] == pytest.approx(6 * paths["60"][name], abs=1.0) for name in waits)
