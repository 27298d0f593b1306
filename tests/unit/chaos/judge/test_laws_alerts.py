"""The judge's laws about alerts: all are accounted for, cause comes before effect, and a stretch is not a moment."""

from collections import Counter
from dataclasses import replace

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chaos.facts.alert_key import in_words, key_of
from chaos.facts.alerts import AlertHistory, PrometheusSeen
from chaos.facts.clocks import ClockSeen
from chaos.facts.pages import PageSeen
from chaos.facts.run import FaultSaid
from chaos.judge.judge import judge
from chaos.report.words import reasons
from tests.unit.chaos.judge.lives import LAST, Life, facts_of, judged_facts, lives, nearly_well, well, windows
from tests.unit.recordings import INJECTED, UNDONE

ALL = [{"name": name, "fires_within": "10s", "resolves_within": "6s", "each": True} for name in ("Down",)]
DOWN = [{"name": "Down", "fires_within": "10s", "resolves_within": "6s"}]
QUICK = settings(max_examples=150, deadline=None)


def outcomes(verdict, name="Down"):
    return {one.labels.get("instance", ""): one.outcome.value for one in verdict.alerts if one.name == name}


@QUICK
@given(lives(), windows(), st.lists(st.sampled_from(("Slow", "Full")), unique=True))
def test_1_every_instance_is_in_exactly_one_result(seen, listed, may_fire):
    allowed = [name for name in may_fire if name not in {window["name"] for window in listed}]
    verdict = judge(judged_facts(seen, listed, allowed))
    told = Counter(
        key_of(one.name, one.labels) for one in verdict.alerts if one.outcome.value not in ("quiet", "missed")
    )
    owed = [life.key for life in seen if life.counts]
    assert {key: told[key] for key in owed} == dict.fromkeys(owed, 1)
    before = {in_words(life.key) for life in seen if life.before}
    assert before == {one for one in verdict.already_firing if not one.startswith("Watchdog")}


@QUICK
@given(lives() | nearly_well(), windows())
def test_1_what_is_wrong_with_one_instance_is_not_hidden_by_another(seen, listed):
    # Whatever windows say: where the run held, each instance that counts was told and resolved.
    if judge(judged_facts(seen, listed)).outcome == "held":
        assert all(life.well for life in seen if life.counts)


@QUICK
@given(nearly_well())
def test_1_a_run_holds_exactly_when_all_that_it_expects_are_well(seen):
    wide = {"fires_within": "30s", "resolves_within": "10s", "each": True}
    expected = [wide | {"name": name} for name in sorted({life.name for life in seen})]
    held = judge(judged_facts(seen, expected)).outcome == "held"
    counted = [life for life in seen if life.counts]
    assert held == (all(one.well for one in counted) and {one.name for one in counted} == {one.name for one in seen})


def test_1_a_second_instance_of_a_listed_name_is_a_surprise():
    verdict = judge(judged_facts([well(), well(instance="b")], DOWN))
    assert outcomes(verdict) == {"a": "proven", "b": "surprise"}
    assert verdict.exit_code == 1


@pytest.mark.parametrize(
    ("window", "exit_code"),
    [
        ({"each": True}, 0),
        ({"count": ">= 2"}, 0),
        ({"count": "== 2"}, 0),
        ({"count": ">= 3"}, 1),
        ({"count": "== 1"}, 1),
    ],
)
def test_1_a_window_takes_as_many_as_it_says(window, exit_code):
    verdict = judge(judged_facts([well(), well(instance="b")], [DOWN[0] | window]))
    assert verdict.exit_code == exit_code, reasons(verdict)


def test_1_all_that_a_window_takes_are_judged():
    untold = replace(well(instance="b"), told=False)
    verdict = judge(judged_facts([well(), untold], ALL))
    assert outcomes(verdict) == {"a": "proven", "b": "undelivered"}


def test_1_the_window_with_the_most_labels_chooses_first_whatever_became_of_them():
    wanted = [DOWN[0], DOWN[0] | {"labels": {"instance": "a"}}]
    verdict = judge(judged_facts([well(), well(instance="b")], wanted))
    assert [(one.window, one.labels["instance"]) for one in verdict.alerts if one.name == "Down"] == [
        (0, "b"),
        (1, "a"),
    ]
    assert verdict.exit_code == 0


def test_1_a_label_that_no_instance_has_is_said():
    verdict = judge(judged_facts([well(instance="b")], [DOWN[0] | {"labels": {"instance": "a"}}]))
    assert "Down{instance=a} missed: none with these labels; it fired with instance=b, severity=warning" in reasons(
        verdict
    )


def test_1_external_labels_make_no_other_alert_of_it():
    verdict = judge(judged_facts([], DOWN))
    assert verdict.exit_code == 1
    seen = facts_of([well()], {"cluster": "prod"})
    verdict = judge(replace(judged_facts([], DOWN), facts=seen))
    assert (verdict.exit_code, outcomes(verdict)) == (0, {"a": "proven"}), reasons(verdict)
    assert verdict.alerts[0].labels["cluster"] == "prod"


@QUICK
@given(st.integers(0, LAST - 4), st.integers(1, 3))
def test_2_only_what_comes_true_between_fault_and_undo_is_proven(true, hold):
    life = Life("Down", "a", true, true + hold, min(max(true + hold + 1, 26), LAST - 2))
    verdict = judge(judged_facts([life], [DOWN[0] | {"fires_within": "15s"}]))
    if outcomes(verdict).get("a") == "proven":
        assert INJECTED - 1 <= true <= UNDONE + 1
    if true < INJECTED - 1 and verdict.outcome == "held":
        raise AssertionError("held by what was true before the fault")


def test_2_the_words_for_it():
    early = Life("Down", "a", 8, 11, 26)
    assert reasons(judge(judged_facts([early], DOWN))) == [
        "Down{instance=a}: its condition was true 2.0 s before the fault"
    ]
    late = Life("Down", "a", 27, 28, 30)
    wide = [DOWN[0] | {"fires_within": "25s"}]
    assert reasons(judge(judged_facts([late], wide))) == [
        "Down{instance=a}: its condition came true only 2.0 s after the undo"
    ]


@pytest.mark.parametrize(
    ("seen", "outcome", "exit_code"),
    [
        ([well(), Life("Slow", "a", LAST - 3, None, None)], "pending", 6),
        ([well(), replace(well("Slow"), told=False, inhibited=tuple(range(33)))], "inhibited", 0),
        ([well(), replace(well("Slow"), told=False, inhibited=(14,))], "partly", 1),
        ([well(), replace(well("Slow"), told=False, silenced=True)], "silenced", 1),
        ([well(), replace(well("Slow"), told=False)], "surprise", 1),
        ([well(), well("Slow")], "surprise", 1),
        ([well(), Life("Slow", "a", 0, 1, None)], None, 0),
        ([well(), Life("Slow", "a", 0, 1, 7), well("Slow")], "surprise", 1),
    ],
)
def test_3_what_was_so_for_a_part_of_the_time_is_neither_quiet_nor_proven(seen, outcome, exit_code):
    verdict = judge(judged_facts(seen, DOWN))
    assert (outcomes(verdict, "Slow").get("a"), verdict.exit_code) == (outcome, exit_code), reasons(verdict)


def test_3_one_that_fires_again_after_its_resolution_is_not_proven():
    again = Life("Down", "a", 28, 29, None)
    verdict = judge(judged_facts([well(), again], DOWN))
    assert (outcomes(verdict), verdict.exit_code) == ({"a": "refired"}, 1)


def test_3_one_that_fired_when_the_baseline_began_proves_nothing_when_it_fires_again():
    verdict = judge(judged_facts([Life("Down", "a", 0, 1, 7), well()], DOWN))
    assert (outcomes(verdict), verdict.exit_code) == ({"a": "again"}, 6)


@pytest.mark.parametrize(
    ("life", "outcome"),
    [
        (well("Slow"), "allowed"),
        (replace(well("Slow"), told=False), "undelivered"),
        # Its group's next turn is five seconds away, and by then it is over.
        (Life("Slow", "a", 14, 15, 19, told=False), "allowed"),
        (replace(well("Slow"), until=None), "stuck"),
        (replace(well("Slow"), told=False, inhibited=tuple(range(33))), "allowed"),
    ],
)
def test_3_what_may_fire_has_to_be_told_and_to_resolve(life, outcome):
    verdict = judge(judged_facts([well(), life], DOWN, ["Slow"]))
    assert outcomes(verdict, "Slow") == {"a": outcome}
    assert verdict.exit_code == (0 if outcome == "allowed" else 1)


def test_3_what_alertmanager_could_not_tell_of_as_the_fault_took_it_away_is_allowed():
    untold = replace(well("Slow"), told=False)
    whole = judged_facts([well(), untold], DOWN, ["Slow"])
    said = FaultSaid("process.kill", "f", ["alertmanager"], False)
    away = replace(whole, facts=(msgspec.structs.replace(whole.facts[0], faults=[said]), *whole.facts[1:]))
    assert outcomes(judge(whole), "Slow") == {"a": "undelivered"}
    assert outcomes(judge(away), "Slow") == {"a": "allowed"}


def test_3_what_may_fire_may_have_bounds_and_labels():
    bounded = {"name": "Slow", "labels": {"instance": "a"}, "fires_within": "1s"}
    verdict = judge(judged_facts([well(), well("Slow"), well("Slow", "b")], DOWN, [bounded]))
    assert outcomes(verdict, "Slow") == {"a": "late", "b": "surprise"}


@QUICK
@given(lives(), windows(), st.sampled_from(("a", "b", "c")), st.integers(6, LAST - 3), st.booleans())
def test_6_one_more_alert_that_nobody_waits_for_never_makes_a_run_held(seen, listed, instance, true, told):
    extra = Life("Extra", instance, true, true + 1, None, told=told)
    assert judge(judged_facts([*seen, extra], listed)).outcome != "held"


@QUICK
@given(lives(), windows(), st.floats(-8.0, 8.0))
def test_6_a_clock_that_is_off_and_was_not_compared_changes_no_verdict_but_to_inconclusive(seen, listed, ahead):
    whole = judged_facts(seen, listed)
    before, after = judge(whole), judge(replace(whole, facts=tuple(shifted(fact, ahead) for fact in whole.facts)))
    assert after.outcome in (before.outcome, "inconclusive"), (reasons(before), reasons(after))


def shifted(fact, ahead):
    """What is recorded where Prometheus's clock is so far ahead."""
    match fact:
        case PrometheusSeen():
            alerts = [msgspec.structs.replace(one, active_since=one.active_since + ahead) for one in fact.alerts]
            return msgspec.structs.replace(fact, alerts=alerts)
        case AlertHistory():
            return msgspec.structs.replace(fact, samples=[at + ahead for at in fact.samples])
        case PageSeen():
            alerts = [msgspec.structs.replace(one, fired_at=one.fired_at + ahead) for one in fact.alerts]
            return msgspec.structs.replace(fact, alerts=alerts)
    return fact


def test_6_a_clock_that_moves_while_the_run_lasts_is_said():
    whole = judged_facts([well()], DOWN)
    moved = (ClockSeen(1.0, "Prometheus", 0.0, 0.01), ClockSeen(31.0, "Prometheus", 3.0, 0.01))
    verdict = judge(replace(whole, facts=(*whole.facts[:-1], *moved, whole.facts[-1])))
    assert reasons(verdict) == ["the clock of Prometheus moved by 3.0 s against ours"]
    steady = (ClockSeen(1.0, "Prometheus", 3.0, 0.01), ClockSeen(31.0, "Prometheus", 3.1, 0.01))
    assert judge(replace(whole, facts=(*whole.facts[:-1], *steady, whole.facts[-1]))).exit_code == 0
