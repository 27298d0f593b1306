"""Faults that blind an observer: its gap is by design, everybody else's is not, and its silence is never success."""

import msgspec
import pytest

from chaos.facts.alerts import AlertHistory, AlertmanagerSeen, PrometheusSeen
from chaos.facts.pages import PageSeen
from chaos.facts.run import FaultSaid, StagedInjected, StagedUndone
from chaos.judge import blindness, outlook, suppression, window
from chaos.judge.judge import judge
from chaos.report import terminal
from chaos.report.words import reasons
from chaos.spec import values
from chaos.spec.experiment import Experiment
from tests.unit.recordings import (
    END,
    EXPERIMENT,
    INJECTED,
    UNDONE,
    down,
    facts,
    history,
    is_history,
    is_page,
    page,
    recording,
    without,
)

GRACE = 3.0  # scrape, evaluation and a look, a second each


@pytest.fixture
def blinding(monkeypatch):
    """An experiment whose main fault blinds these; `staged` says so of a fault after it."""

    def change(*observers, staged=False, fires_within="5s"):
        later = {"also": [{"fault": {"type": "none", "for": "4s"}, "after": "2s"}]} if staged else {}
        changed = EXPERIMENT | later | {"alerts": [EXPERIMENT["alerts"][0] | {"fires_within": fires_within}]}
        experiment = msgspec.convert(changed, Experiment, dec_hook=values.decode)
        blind = experiment.also[0].fault if staged else experiment.fault
        monkeypatch.setattr(
            type(blind), "blinds", lambda self: frozenset(observers) if self == blind else frozenset(), raising=True
        )
        return experiment

    return change


def prometheus_gap(start, end):
    """Silence: looks that fail, and no look at all would be the same."""
    return lambda fact: isinstance(fact, PrometheusSeen) and start <= fact.at <= end


def alertmanager_gap(start, end):
    return lambda fact: isinstance(fact, AlertmanagerSeen) and start <= fact.at <= end


def no_heartbeat(start, end):
    return lambda fact: isinstance(fact, PageSeen) and fact.receiver == "deadman" and start <= fact.at <= end


def test_alertmanager_that_tells_nothing_is_missing_evidence():
    verdict = judge(recording(facts=without(alertmanager_gap(12, 22))))
    assert verdict.exit_code == 6
    assert any("Alertmanager told nothing" in reason for reason in reasons(verdict))
    failed = tuple(AlertmanagerSeen(fact.at, "refused") if alertmanager_gap(12, 22)(fact) else fact for fact in facts())
    assert any("(refused)" in reason for reason in reasons(judge(recording(facts=failed))))


@pytest.mark.parametrize(
    ("observer", "gap"),
    [
        ("prometheus", prometheus_gap(INJECTED, UNDONE + 2)),
        ("alertmanager", alertmanager_gap(INJECTED, UNDONE + 2)),
        ("pager", no_heartbeat(INJECTED, UNDONE)),
        ("alertmanager", no_heartbeat(INJECTED, UNDONE)),
        ("prometheus", no_heartbeat(INJECTED, UNDONE)),
    ],
)
def test_only_the_gap_of_who_is_blinded_is_excused(blinding, observer, gap):
    assert judge(recording(facts=without(gap))).exit_code == 6
    verdict = judge(recording(experiment=blinding(observer), facts=without(gap)))
    assert (verdict.exit_code, reasons(verdict)) == (0, [])
    assert [line.split(",")[0] for line in verdict.blinded] == [observer]
    assert f"blinded by design: {observer}, from 0.0 s to {UNDONE - INJECTED + GRACE:.1f} s" in terminal.render(
        verdict, "x"
    )
    assert judge(recording(experiment=blinding("jaeger"), facts=without(gap))).exit_code == 6


def test_who_is_blinded_has_to_come_back(blinding):
    gap = prometheus_gap(INJECTED, END - 1)
    late = tuple(msgspec.structs.replace(fact, at=20.0) if fact.at == UNDONE else fact for fact in without(gap))
    assert judge(recording(experiment=blinding("prometheus"), facts=late)).exit_code == 6


def test_a_staged_fault_excuses_only_its_own_time(blinding):
    experiment = blinding("prometheus", staged=True)
    times = (StagedInjected(12.0, 0, "x"), StagedUndone(16.0, 0, "y"))
    within = (*without(prometheus_gap(12, 19)), *times)
    assert judge(recording(experiment=experiment, facts=within)).exit_code == 0
    beyond = (*without(prometheus_gap(12, 24)), *times)
    assert judge(recording(experiment=experiment, facts=beyond)).exit_code == 6
    never_injected = without(prometheus_gap(12, 19))
    assert judge(recording(experiment=experiment, facts=never_injected)).exit_code == 6


def test_a_blinded_prometheus_makes_no_alert_quiet(blinding):
    verdict = judge(recording(experiment=blinding("prometheus"), facts=facts()))
    assert [(one.outcome, one.blinded) for one in verdict.alerts if one.name == "Other"] == [("unknown", True)]
    assert verdict.exit_code == 0
    assert "  unknown     Other" in terminal.render(verdict, "x")


def test_rules_that_were_not_evaluated_just_after_the_restart_do_run(blinding):
    fresh = tuple(
        msgspec.structs.replace(fact, rules=[]) if prometheus_gap(UNDONE, UNDONE + 2)(fact) else fact
        for fact in facts()
    )
    assert judge(recording(facts=fresh)).exit_code == 6
    assert judge(recording(experiment=blinding("prometheus"), facts=fresh)).exit_code == 0


def test_a_listed_alert_is_judged_from_the_pager_where_prometheus_is_blinded(blinding):
    unseen = without(is_history("pending"), is_history("firing"))
    verdict = judge(recording(experiment=blinding("prometheus"), facts=unseen))
    assert (down(verdict).outcome, down(verdict).firing, down(verdict).delivered) == ("proven", None, 3)
    silent = without(is_history("pending"), is_history("firing"), is_page("firing"), is_page("resolved"))
    verdict = judge(recording(experiment=blinding("prometheus"), facts=silent))
    assert (down(verdict).outcome, verdict.exit_code) == ("missed", 1)


def test_what_a_blinded_alertmanager_never_delivers_is_undelivered(blinding):
    verdict = judge(
        recording(experiment=blinding("alertmanager"), facts=without(is_page("firing"), is_page("resolved")))
    )
    assert (down(verdict).outcome, verdict.exit_code) == ("undelivered", 1)


@pytest.mark.parametrize(("at", "outcome"), [(26.0, "proven"), (28.5, "late")])
def test_a_page_after_the_undo_is_in_time_where_the_window_says_so(blinding, at, outcome):
    delayed = (*without(is_page("firing")), page(at))
    verdict = judge(recording(experiment=blinding("alertmanager", fires_within="18s"), facts=delayed))
    assert down(verdict).outcome == outcome


def test_the_run_waits_for_a_page_that_may_still_come(blinding):
    seen = (*without(is_page("firing"), is_page("resolved")),)
    wide = recording(experiment=blinding("alertmanager", fires_within="30s"), facts=seen)
    assert outlook.unresolved(wide, window.of(wide)) == ["Down"]
    narrow = recording(experiment=blinding("alertmanager", fires_within="18s"), facts=seen)
    assert outlook.unresolved(narrow, window.of(narrow)) == []


def test_the_grace_is_what_the_slowest_rule_needs():
    one = recording()
    assert blindness._grace_seconds(one) == GRACE
    assert blindness.Blindness.of(one, window.of(one)).spans == ()


def test_an_alert_that_fires_before_prometheus_is_blinded_is_still_a_surprise(blinding):
    seen = (*facts(), history("firing", 14, 16, "Other", {}))
    verdict = judge(recording(experiment=blinding("prometheus", "alertmanager", "pager"), facts=seen))
    assert [one.outcome for one in verdict.alerts if one.name == "Other"] == ["surprise"]
    assert [one for one in seen if isinstance(one, AlertHistory) and one.name == "Other"]


def test_what_a_fault_said_when_the_run_began_counts_and_not_what_today_says_of_it():
    said = FaultSaid("process.kill", "a kill that blinds", ["pager"], keeps_pages_back=True)
    first, *rest = facts()
    told = recording(facts=(msgspec.structs.replace(first, faults=[said]), *rest))
    whole = window.of(told)
    assert [one.observer for one in blindness.Blindness.of(told, whole).spans] == ["pager"]
    assert [one.why for one in suppression.of(told, whole)] == ["a kill that blinds"]
    today = recording()
    assert blindness.Blindness.of(today, whole).spans == suppression.of(today, whole) == ()
