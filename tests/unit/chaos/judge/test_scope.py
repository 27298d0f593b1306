"""Which alerts are the target's: others that fire on the same Prometheus are listed as not ours, and hide nothing."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.facts.alerts import PrometheusSeen, RuleSeen
from chaos.facts.run import RunStarted
from chaos.judge.judge import judge
from chaos.report import terminal
from chaos.report.alert_words import of_alert
from chaos.spec import scope
from tests.unit.recordings import down, facts, history, page, recording

SHOP = {"team": "shop"}
_LABELS = st.dictionaries(st.sampled_from(["team", "job", "instance"]), st.sampled_from(["shop", "batch", "a"]))


def judged(*more, only=SHOP, ours=False):
    """A run in which another team's alert fires; `ours`: the listed one has the target's labels."""
    changed = [msgspec.structs.replace(one, only=only) if isinstance(one, RunStarted) else one for one in facts()]
    return judge(recording(facts=(*changed, *more)))


def late(labels, name="NightlyBatchLate"):
    return history("firing", 14, 20, name, labels)


def outcome(verdict, name="NightlyBatchLate"):
    return [one.outcome.value for one in verdict.alerts if one.name == name]


def test_another_teams_alert_is_not_ours_and_refutes_nothing():
    """Case C13."""
    verdict = judged(late({"team": "batch"}))
    assert (outcome(verdict), verdict.exit_code) == (["not ours"], 0)
    assert down(verdict).outcome.value == "proven"
    assert "fired; it is not ours by its labels" in terminal.render(verdict, "x")
    told = judged(late({"team": "batch"}), page(17.0, name="NightlyBatchLate", labels={"team": "batch"}))
    assert [of_alert(one) for one in told.alerts if one.name == "NightlyBatchLate"] == [
        "fired, and somebody was paged; it is not ours by its labels"
    ]


@pytest.mark.parametrize("only", [{}, {"team": "batch"}])
def test_one_that_is_ours_is_a_surprise(only):
    verdict = judged(late({"team": "batch"}), only=only)
    assert (outcome(verdict), verdict.exit_code) == (["surprise"], 1)


def test_a_rule_that_can_only_be_others_need_not_run_and_is_not_quiet():
    unwell = [
        msgspec.structs.replace(one, rules=["Down"]) if isinstance(one, PrometheusSeen) else one for one in facts()
    ]
    changed = [msgspec.structs.replace(one, only=SHOP) if isinstance(one, RunStarted) else one for one in unwell]
    assert judge(recording(facts=tuple(changed))).exit_code == 6
    rule = RuleSeen(0.0, "g", "Other", False, "up == 0", labels={"team": "batch"})
    assert judge(recording(facts=(*changed, rule))).exit_code == 0
    assert outcome(judged(rule), "Other") == []
    written = msgspec.structs.replace(rule, labels={"team": "{{ $labels.team }}"})
    assert judge(recording(facts=(*changed, written))).exit_code == 6


@given(_LABELS, _LABELS)
def test_what_never_is_ours_is_no_alert_of_ours(only, labels):
    """Whatever else a series adds to what its rule writes."""
    if scope.never_ours(only, [labels]):
        assert not scope.ours(only, {"instance": "b"} | labels)
    if scope.ours(only, labels):
        assert not scope.never_ours(only, [labels])


@given(_LABELS, _LABELS, _LABELS)
def test_a_label_that_is_added_on_the_way_makes_no_listed_alert_another_one(wanted, labels, added):
    class Window:
        name = "Down"

    window = Window()
    window.labels = wanted
    if wanted.items() <= (added | labels).items():
        assert scope.may_be_listed([window], "Down", labels)
    assert not scope.may_be_listed([window], "Other", labels)
