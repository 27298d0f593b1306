"""The judge on made-up recordings: each thing that is wrong or missing changes the verdict, by name."""

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from chaos import values
from chaos.experiment import Experiment
from chaos.facts import (
    ActiveAlert,
    AlertHistory,
    FaultProof,
    HistoryAsked,
    Injected,
    PageAlert,
    PagerSeen,
    PageSeen,
    PhaseBegan,
    PrometheusSeen,
    QueryHistory,
    RuleLoaded,
    RunEnded,
    RunStarted,
    Timing,
    Undone,
)
from chaos.judge.judge import judge
from chaos.load import ledger, samples
from chaos.load.ledger import Order, OrderReading, OrderState
from chaos.load.samples import Load, Request, Tick
from chaos.recording import Recording

RATE = 50
WATCHDOG = [ActiveAlert("Watchdog", {"severity": "none"}, "firing", 0.0)]
LABELS = {"instance": "shop-2", "severity": "warning"}
BASELINE, INJECTED, UNDONE, END = 5.0, 10.0, 25.0, 32.0
EXPERIMENT = {
    "title": "t",
    "claim": "c",
    "fault": {"type": "process.kill", "instance": "shop-2", "for": "15s"},
    "steady_state": [
        {"name": "failed", "query": "load:failed:ratio", "before": "== 0", "during": "< 0.01", "after": "== 0"},
        {"name": "p99", "query": "load:latency:p99", "during": "< 0.5"},
    ],
    "alerts": [{"name": "Down", "fires_within": "5s", "resolves_within": "10s", "labels": {"instance": "shop-2"}}],
    "recover_within": "10s",
}


def requests(failed_at=(), took=0.01, until=END):
    sent = [index / RATE for index in range(int(BASELINE * RATE), int(until * RATE))]
    return tuple(
        Request(at, took, "GET /", None if at in failed_at else 200, at not in failed_at, None, f"shop-{index % 3 + 1}")
        for index, at in enumerate(sent)
    )


def page(at, status="firing", receiver="pager", accepted=True, name="Down", labels=LABELS):
    return PageSeen(at, receiver, accepted, "" if accepted else "disk full", [PageAlert(name, labels, status, 11.0)])


def looks(rules=("Down", "Other"), start=0.0, end=END):
    return [PrometheusSeen(float(at), None, [], list(rules)) for at in range(int(start), int(end) + 1)]


def history(state, first, last, name="Down", labels=LABELS):
    return AlertHistory(END, name, labels, state, [float(at) for at in range(int(first), int(last))])


def beats():
    alive = {"name": "Watchdog", "labels": {"severity": "none"}}
    return [page(float(at), receiver="deadman", **alive) for at in range(0, int(END) + 1, 2)]


def facts():
    timing = Timing(1.0, 1.0, 0.0, 1.0, 0.5, 5.0)
    return [
        RunStarted(0.0, "r", "e", "f", "pager", "deadman", ["Down", "Other"], "shop-2", 1e9, 0.0, RATE, "abc", False),
        PhaseBegan(BASELINE, "baseline"),
        RuleLoaded(0.0, "Down", "pager", timing, None),
        PrometheusSeen(0.0, None, WATCHDOG, ["Down", "Other"]),
        *[msgspec.structs.replace(look, alerts=WATCHDOG) for look in looks()],
        *beats(),
        *[FaultProof(float(at), True, "down") for at in range(11, 25)],
        Injected(INJECTED, "killed", 80),
        page(13.0),
        Undone(UNDONE, "serves"),
        page(30.0, "resolved"),
        PagerSeen(END, None),
        history("pending", 11, 12),
        history("firing", 12, 26),
        history("firing", 0, 32, "Watchdog", {"severity": "none"}),
        HistoryAsked(END, None),
        PhaseBegan(END, "collect"),
        RunEnded(33.0, "completed", ""),
    ]


def recording(**changes):
    ticks = tuple(Tick(float(at), 125, RATE, RATE, 0.0) for at in range(1, int(END) + 2))
    load = Load(None, changes.pop("requests", requests()), changes.pop("ticks", ticks), "SIGTERM", False)
    orders = ledger.Ledger((Order("k", 6.0, "s", 1, OrderState.ACKNOWLEDGED, "1"),), False)
    whole = Recording(
        Path("runs/r"),
        msgspec.convert(EXPERIMENT, Experiment, dec_hook=values.decode),
        tuple(facts()),
        load,
        orders,
        (OrderReading("k", OrderState.ACKNOWLEDGED, 1, True),),
    )
    return replace(whole, **changes)


def without(*unwanted):
    return tuple(fact for fact in facts() if not any(condition(fact) for condition in unwanted))


def is_page(status, receiver="pager"):
    return lambda fact: isinstance(fact, PageSeen) and fact.receiver == receiver and fact.alerts[0].status == status


def is_history(state):
    return lambda fact: isinstance(fact, AlertHistory) and (fact.name, fact.state) == ("Down", state)


def down(verdict):
    return next(alert for alert in verdict.alerts if alert.name == "Down")


def test_all_well_is_held():
    verdict = judge(recording())
    assert (verdict.outcome, verdict.exit_code, verdict.reasons) == ("held", 0, [])
    alert = down(verdict)
    assert (alert.outcome, alert.condition_true, alert.firing, alert.delivered, alert.resolved) == (
        "proven",
        1,
        2,
        3,
        5,
    )
    assert (alert.design.detection, alert.design.delivery, alert.design.resolution) == (2.0, 1.5, 7.0)
    assert [one.name for one in verdict.alerts if one.outcome == "quiet"] == ["Other"]
    assert verdict.already_firing == ["Watchdog{severity=none}"]


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
    assert any(reason.startswith(f"Down {outcome}") for reason in verdict.reasons)


def test_a_page_with_other_labels_is_not_this_alert():
    others = page(13.0, labels={"instance": "shop-3", "severity": "warning"})
    verdict = judge(recording(facts=(*without(is_page("firing"), is_page("resolved")), others)))
    assert down(verdict).outcome == "undelivered"


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


@pytest.mark.parametrize(
    ("facts_left", "reason"),
    [
        (without(lambda fact: isinstance(fact, PrometheusSeen) and 12 < fact.at < 20), "Prometheus told nothing"),
        (without(lambda fact: isinstance(fact, PagerSeen)), "the pager told nothing"),
        (
            without(lambda fact: isinstance(fact, PageSeen) and fact.receiver == "deadman" and fact.at > 10),
            "no heartbeat",
        ),
        (without(lambda fact: isinstance(fact, FaultProof) and fact.at > 12), "whether the fault was in place"),
        (without(lambda fact: isinstance(fact, HistoryAsked)), "the history of its alerts"),
        (without(lambda fact: isinstance(fact, RunEnded)), "the runner died"),
    ],
)
def test_missing_evidence_is_never_held(facts_left, reason):
    verdict = judge(recording(facts=facts_left))
    assert (verdict.outcome, verdict.exit_code) == ("inconclusive", 6)
    assert any(reason in one for one in verdict.reasons), verdict.reasons


def test_a_rule_that_does_not_run_is_not_quiet():
    unwell = tuple(
        msgspec.structs.replace(fact, rules=["Down"]) if isinstance(fact, PrometheusSeen) else fact for fact in facts()
    )
    verdict = judge(recording(facts=unwell))
    assert verdict.exit_code == 6
    assert "Other" not in [one.name for one in verdict.alerts]


UP = [{"name": "up", "query": "sum(up)", "before": "== 3", "during": ">= 2", "after": "== 3"}]


@pytest.mark.parametrize(
    ("until", "value", "broken", "code"),
    [(END, 3.0, {}, 0), (END, 3.0, {15: 1.0}, 1), (END, 3.0, {15: None}, 6), (20.0, 3.0, {}, 6), (END, None, {}, 6)],
)
def test_a_promql_check_looks_at_every_step(until, value, broken, code):
    experiment = msgspec.convert(EXPERIMENT | {"steady_state": UP}, Experiment, dec_hook=values.decode)
    samples = [(float(at), broken.get(at, value)) for at in range(int(until) + 1)]
    verdict = judge(recording(experiment=experiment, facts=(*facts(), QueryHistory(until, "sum(up)", samples))))
    assert verdict.exit_code == code, verdict.reasons


def test_missing_load_is_never_held():
    assert judge(recording(requests=())).exit_code == 6
    assert judge(recording(ticks=())).exit_code == 6
    half = tuple(Tick(float(at), 125, RATE, RATE, 0.0) for at in range(1, 15))
    assert judge(recording(ticks=half)).exit_code == 6
    slow = tuple(Tick(float(at), 125, RATE * 0.8, RATE, 0.0) for at in range(1, 34))
    assert judge(recording(ticks=slow)).exit_code == 6


def test_a_handful_of_requests_is_missing_evidence():
    few = tuple(one for one in requests() if not INJECTED - 0.2 > one.at >= BASELINE)
    verdict = judge(recording(requests=few))
    assert verdict.exit_code == 6
    assert any("requests are too few" in reason for reason in verdict.reasons)


def test_orders_that_were_not_read_back_are_missing_evidence():
    assert judge(recording(readings=None)).exit_code == 6
    assert judge(recording(readings=())).exit_code == 6
    assert judge(recording(readings=(OrderReading("k", OrderState.ACKNOWLEDGED, None, False),))).exit_code == 6


@pytest.mark.parametrize("found", [0, 2])
def test_an_order_lost_or_doubled_deviates(found):
    verdict = judge(recording(readings=(OrderReading("k", OrderState.ACKNOWLEDGED, found, bool(found)),)))
    assert verdict.exit_code == 1


def test_a_failure_in_any_phase_deviates():
    for failing in ({12.0 + index / RATE for index in range(20)}, {6.0}):
        assert judge(recording(requests=requests(failing))).exit_code == 1
    assert judge(recording(requests=requests({30.0}))).exit_code == 1


def test_a_failure_right_after_the_undo_is_recovery():
    verdict = judge(recording(requests=requests({26.0})))
    assert verdict.exit_code == 0
    assert 1.0 < verdict.recovered <= 1.5


def test_a_fault_that_met_no_traffic_was_not_injected():
    changed = tuple(
        msgspec.structs.replace(fact, through_before=3) if isinstance(fact, Injected) else fact for fact in facts()
    )
    assert judge(recording(facts=changed)).exit_code == 4


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ("baseline not met", 3),
        ("fault not injected or without effect", 4),
        ("undo failed", 5),
        ("data missing", 6),
        ("lease lost", 6),
        ("interrupted", 130),
        ("terminated", 143),
    ],
)
def test_an_early_end_is_never_held(how, code):
    changed = (*without(lambda fact: isinstance(fact, RunEnded)), RunEnded(33.0, how, "why"))
    verdict = judge(recording(facts=changed))
    assert (verdict.outcome, verdict.exit_code) == ("inconclusive", code)


def test_the_smallest_recording_has_a_verdict():
    started = facts()[0]
    verdict = judge(recording(facts=(started, RunEnded(1.0, "baseline not met", "why")), readings=None))
    assert verdict.exit_code == 3


def test_load_files_may_be_empty():
    assert samples.parse([]).requests == ()
