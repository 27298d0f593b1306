"""The judge of alerts on made-up recordings: each way an alert goes wrong has its word."""

import msgspec
import pytest

from chaos.facts.alerts import ActiveAlert, AlertHistory, PrometheusSeen, RuleLoaded, Timing
from chaos.facts.pages import PageSeen
from chaos.facts.run import PhaseBegan
from chaos.judge.judge import judge
from chaos.report.alert_words import of_alert
from chaos.report.words import reasons
from chaos.spec import values
from chaos.spec.experiment import Experiment
from tests.unit.recordings import (
    BASELINE,
    END,
    EXPERIMENT,
    LABELS,
    WATCHDOG,
    down,
    facts,
    history,
    is_history,
    is_page,
    page,
    recording,
    without,
)


@pytest.mark.parametrize(
    ("changed", "outcome"),
    [
        (without(is_history("pending"), is_history("firing"), is_page("firing"), is_page("resolved")), "missed"),
        (without(is_history("firing"), is_page("firing"), is_page("resolved")), "missed"),
        (without(is_page("firing"), is_page("resolved")), "undelivered"),
        ((*without(is_page("firing"), is_page("resolved")), page(13.0, accepted=False)), "undelivered"),
        ((*without(is_page("firing"), is_page("resolved")), page(13.0, receiver="fallback")), "undelivered"),
        ((*without(is_page("firing")), page(16.0)), "late"),
        (without(is_page("resolved")), "stuck"),
        ((*without(is_page("resolved")), page(36.0, "resolved")), "stuck"),
        ((*without(is_page("resolved")), page(20.0, "resolved")), "stuck"),
    ],
)
def test_each_way_an_alert_goes_wrong_has_its_word(changed, outcome):
    verdict = judge(recording(facts=changed))
    assert down(verdict).outcome == outcome
    assert (verdict.outcome, verdict.exit_code) == ("deviated", 1)
    assert any(f" {outcome}: " in reason for reason in reasons(verdict))


def test_one_that_came_and_went_is_not_said_to_fire_still():
    early = judge(recording(facts=(*without(is_page("resolved")), page(20.0, "resolved"))))
    assert of_alert(down(early)).startswith("it came and went while the fault lasted")
    again = judge(recording(facts=(*without(is_page("resolved")), page(17.0, "resolved"), page(20.0))))
    assert of_alert(down(again)) == "no resolved message arrived after the undo"


def test_what_resolves_because_of_the_undo_may_do_so_before_the_undo_is_proven():
    slow_undo = PhaseBegan(21.0, "undo")
    for at, outcome in ((22.0, "proven"), (20.0, "stuck")):
        verdict = judge(recording(facts=(*without(is_page("resolved")), slow_undo, page(at, "resolved"))))
        assert down(verdict).outcome == outcome
    early = judge(recording(facts=(*without(is_page("resolved")), slow_undo, page(22.0, "resolved"))))
    assert down(early).resolved == -3.0


def test_what_was_true_and_passed_before_it_fired_counts_as_detection():
    since = ActiveAlert("Down", LABELS, "firing", 12.5)
    looked = PrometheusSeen(13.9, None, [*WATCHDOG, since], ["Down", "Other"])
    assert down(judge(recording())).condition_true == 1.0
    assert down(judge(recording(facts=(*facts(), looked)))).condition_true == 2.5


def test_a_page_with_other_labels_is_not_this_alert():
    others = page(13.0, labels={"instance": "shop-3", "severity": "warning"})
    verdict = judge(recording(facts=(*without(is_page("firing"), is_page("resolved")), others)))
    assert down(verdict).outcome == "undelivered"


@pytest.mark.parametrize(("soon", "late"), [("shop-1", "shop-2"), ("shop-2", "shop-1")])
def test_of_several_a_window_takes_the_same_whichever_is_told_of_first(soon, late):
    left = without(is_history("pending"), is_history("firing"), is_page("firing"), is_page("resolved"))
    seen = []
    for instance, delivered in ((soon, 13.0), (late, 16.0)):
        labels = LABELS | {"instance": instance}
        seen += [history("pending", 11, 12, labels=labels), history("firing", 12, 25, labels=labels)]
        seen += [page(delivered, labels=labels), page(28.0, "resolved", labels=labels)]
    windows = [{"name": "Down", "fires_within": "5s", "resolves_within": "10s"}]
    experiment = msgspec.convert(EXPERIMENT | {"alerts": windows}, Experiment, dec_hook=values.decode)
    taken, left_over = (
        one for one in judge(recording(facts=(*left, *seen), experiment=experiment)).alerts if one.name == "Down"
    )
    assert (taken.labels["instance"], taken.window) == ("shop-1", 0)
    assert taken.outcome == ("proven" if soon == "shop-1" else "late")
    assert (left_over.labels["instance"], left_over.outcome) == ("shop-2", "surprise")


def test_an_unlisted_alert_is_a_surprise():
    verdict = judge(recording(facts=(*facts(), history("firing", 14, 16, "Other", {}))))
    assert [one.outcome for one in verdict.alerts if one.name == "Other"] == ["surprise"]
    assert verdict.exit_code == 1


def test_an_alert_that_begins_in_the_baseline_is_a_surprise():
    other = ActiveAlert("Other", {}, "firing", 7.0)
    seen = tuple(
        msgspec.structs.replace(fact, alerts=[*fact.alerts, other])
        if isinstance(fact, PrometheusSeen) and fact.at > 7
        else fact
        for fact in facts()
    )
    assert judge(recording(facts=(*seen, history("firing", 7, 32, "Other", {})))).exit_code == 1


def test_the_latest_look_before_the_baseline_counts_and_not_the_one_written_last():
    other = ActiveAlert("Other", {}, "firing", 4.7)
    own = PrometheusSeen(4.9, None, [*WATCHDOG, other], ["Down", "Other"])
    under_way = PrometheusSeen(4.5, None, WATCHDOG, ["Down", "Other"])
    rest = without(lambda fact: isinstance(fact, PrometheusSeen) and fact.at == BASELINE)
    seen = [*rest[:1], own, under_way, *rest[1:], history("firing", 5, 20, "Other", {})]
    verdict = judge(recording(facts=tuple(seen)))
    assert "Other{}" in verdict.already_firing
    assert verdict.exit_code == 0


def test_pending_is_not_firing():
    verdict = judge(recording(facts=(*facts(), history("pending", 14, 16, "Other", {}))))
    assert verdict.exit_code == 0


@pytest.mark.parametrize(
    ("pending", "longest", "close"),
    [([14], 0.0, False), ([14, 15, 17, 18], 1.0, False), ([14, 15, 16], 2.0, True), ([], None, False)],
)
def test_a_quiet_alert_that_came_close_says_so(pending, longest, close):
    timing = Timing(1.0, 1.0, 0.0, 4.0, 0.5, 5.0)
    seen = [AlertHistory(END, "Other", {}, "pending", [float(at) for at in pending])] if pending else []
    verdict = judge(recording(facts=(*facts(), RuleLoaded(0.0, "Other", "pager", timing, None), *seen)))
    other = next(alert for alert in verdict.alerts if alert.name == "Other")
    assert (other.outcome, other.pending, other.came_close) == ("quiet", longest, close)
    assert verdict.exit_code == 0


def test_an_alert_counts_as_delivered_only_at_the_receiver_it_is_routed_to():
    rerouted = [
        msgspec.structs.replace(fact, receiver="fallback") if isinstance(fact, RuleLoaded) else fact for fact in facts()
    ]
    assert down(judge(recording(facts=tuple(rerouted)))).outcome == "undelivered"
    moved = [
        msgspec.structs.replace(fact, receiver="fallback")
        if isinstance(fact, PageSeen) and fact.receiver == "pager"
        else fact
        for fact in rerouted
    ]
    assert down(judge(recording(facts=tuple(moved)))).outcome == "proven"


def test_a_rule_that_does_not_run_is_not_quiet():
    unwell = tuple(
        msgspec.structs.replace(fact, rules=["Down"]) if isinstance(fact, PrometheusSeen) else fact for fact in facts()
    )
    verdict = judge(recording(facts=unwell))
    assert verdict.exit_code == 6
    assert "Other" not in [one.name for one in verdict.alerts]
