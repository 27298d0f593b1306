"""Law 4: a rule that has nothing to look at is not quiet, nor is one that nobody evaluates."""

from dataclasses import replace

import msgspec
import pytest

from chaos.facts.alerts import PrometheusSeen, RuleSeen, SelectorSeen
from chaos.facts.run import PhaseBegan
from chaos.judge import inputs
from chaos.judge.judge import judge
from chaos.report import terminal
from chaos.report.words import reasons
from tests.unit.chaos.judge.lives import judged_facts, well
from tests.unit.recordings import BASELINE, END, INJECTED, UNDONE

DOWN = [{"name": "Down", "fires_within": "10s", "resolves_within": "10s"}]
RULES = (
    RuleSeen(0.0, "g", "Slow", False, "p99:seconds > 1"),
    RuleSeen(0.0, "g", "p99:seconds", True, "histogram_quantile(0.99, d_bucket)"),
    RuleSeen(0.0, "g", "Full", False, "used / size > 0.9"),
)
ALL = (0.0, END)
GONE = (0.0, INJECTED + 1.0)


def seen(**present):
    return [SelectorSeen(END, name, {one: [stretch] for one, stretch in by.items()}) for name, by in present.items()]


def judged(*facts):
    whole = judged_facts([well()], DOWN)
    return judge(replace(whole, facts=(whole.facts[0], *RULES, *facts, *whole.facts[1:])))


def word(verdict, name):
    return next((one.outcome.value, one.blinded) for one in verdict.alerts if one.name == name)


def test_4_every_selector_is_asked_for_through_recording_rules():
    assert inputs.selectors(RULES) == ["d_bucket", "size", "used"]


def test_4_what_has_its_input_is_quiet():
    verdict = judged(*seen(d_bucket={"shop-1": ALL, "shop-2": GONE}, used={"x": ALL}, size={"x": ALL}))
    assert (word(verdict, "Slow"), word(verdict, "Full"), verdict.exit_code) == (("quiet", False), ("quiet", False), 0)


@pytest.mark.parametrize("lost", ["used", "size"])
def test_4_what_lost_its_input_is_unknown(lost):
    there = {"d_bucket": {"shop-1": ALL}, "used": {"x": ALL}, "size": {"x": ALL}}
    verdict = judged(*seen(**there | {lost: {"x": GONE}}))
    assert (word(verdict, "Full"), verdict.exit_code) == (("unknown", False), 6)
    assert f"Full: did not fire, but had nothing to look at: no series of {lost}" in reasons(verdict)


def test_4_what_the_fault_itself_took_is_blind_by_design():
    # The experiment kills shop-2, and nobody else gives this series.
    verdict = judged(*seen(d_bucket={"shop-2": GONE}, used={"x": ALL}, size={"x": ALL}))
    assert (word(verdict, "Slow"), verdict.exit_code) == (("unknown", True), 0)
    assert "Slow" in terminal.render(verdict, "x")


def test_4_what_is_back_while_the_fault_is_put_back_was_gone_all_the_same():
    whole = judged_facts([well()], DOWN)
    back = SelectorSeen(END, "used", {"x": [GONE, (UNDONE - 0.5, END)]})
    others = seen(d_bucket={"shop-1": ALL}, size={"x": ALL})
    undoing = PhaseBegan(UNDONE - 1.0, "undo")
    verdict = judge(replace(whole, facts=(whole.facts[0], *RULES, *others, back, undoing, *whole.facts[1:])))
    assert (word(verdict, "Full"), verdict.exit_code) == (("unknown", False), 6)


def test_4_what_prometheus_does_not_tell_of_is_unknown():
    not_told = SelectorSeen(END, "used", {}, "ReadTimeout")
    verdict = judged(*seen(d_bucket={"shop-1": ALL}, size={"x": ALL}), not_told)
    assert (word(verdict, "Full"), verdict.exit_code) == (("unknown", False), 6)
    assert "Full: did not fire, but Prometheus did not tell whether there were series of used" in reasons(verdict)
    told_the_second_time = judged(not_told, *seen(d_bucket={"shop-1": ALL}, size={"x": ALL}, used={"x": ALL}))
    assert told_the_second_time.exit_code == 0


def test_4_a_dialect_that_we_cannot_read_is_not_judged_by_its_input():
    odd = RuleSeen(0.0, "g", "Full", False, "rollup_rate(used[5m]) keep_metric_names > 1 if x")
    assert inputs.selectors((odd,)) == []
    whole = judged_facts([well()], DOWN)
    assert judge(replace(whole, facts=(whole.facts[0], odd, *whole.facts[1:]))).exit_code == 0


def test_4_what_had_no_input_before_says_nothing_new():
    verdict = judged(*seen(d_bucket={}, used={}, size={"x": ALL}))
    assert (word(verdict, "Slow"), verdict.exit_code) == (("quiet", False), 0)


def test_4_a_rule_that_is_not_evaluated_is_not_quiet():
    whole = judged_facts([well()], DOWN)
    standing = tuple(
        msgspec.structs.replace(fact, standing=["Full"]) if isinstance(fact, PrometheusSeen) and fact.at > 12 else fact
        for fact in whole.facts
    )
    verdict = judge(replace(whole, facts=standing))
    assert (word(verdict, "Full"), verdict.exit_code) == (("unknown", False), 6)


@pytest.mark.parametrize(("until", "outcome"), [(BASELINE - 0.5, ("quiet", 0)), (BASELINE + 1.5, ("unknown", 6))])
def test_4_what_a_prometheus_has_not_evaluated_yet_counts_from_the_baseline_on(until, outcome):
    """The preflight starts it anew on a clean past, and the baseline waits until all was evaluated."""
    whole = judged_facts([well()], DOWN)

    def begun(fact):
        if not isinstance(fact, PrometheusSeen) or fact.at >= until:
            return fact
        healthy = [] if fact.at < BASELINE else fact.rules
        return msgspec.structs.replace(fact, standing=["Full"], rules=healthy)

    verdict = judge(replace(whole, facts=tuple(map(begun, whole.facts))))
    assert (word(verdict, "Full")[0], verdict.exit_code) == outcome
