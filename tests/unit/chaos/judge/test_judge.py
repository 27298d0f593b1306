"""The judge on made-up recordings: each thing that is wrong or missing changes the verdict, by name."""

import msgspec
import pytest

from chaos.facts import samples
from chaos.facts.alerts import HistoryAsked, PrometheusSeen
from chaos.facts.ledger import OrderReading, OrderState
from chaos.facts.metrics import QueryHistory
from chaos.facts.pages import PagerSeen, PageSeen
from chaos.facts.run import FaultProof, Injected, PhaseBegan, RunEnded, Undone
from chaos.facts.samples import Tick
from chaos.judge.judge import judge
from chaos.report.words import reasons
from chaos.spec import values
from chaos.spec.experiment import Experiment
from tests.unit.recordings import (
    BASELINE,
    END,
    EXPERIMENT,
    INJECTED,
    RATE,
    UNDONE,
    down,
    facts,
    recording,
    requests,
    without,
)


def test_all_well_is_held():
    verdict = judge(recording())
    assert (verdict.outcome, verdict.exit_code, reasons(verdict)) == ("held", 0, [])
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
    assert any(reason in one for one in reasons(verdict)), reasons(verdict)


UP = [{"name": "up", "query": "sum(up)", "before": "== 3", "during": ">= 2", "after": "== 3"}]


@pytest.mark.parametrize(
    ("until", "value", "broken", "code"),
    [(END, 3.0, {}, 0), (END, 3.0, {15: 1.0}, 1), (END, 3.0, {15: None}, 6), (20.0, 3.0, {}, 6), (END, None, {}, 6)],
)
def test_a_promql_check_looks_at_every_step(until, value, broken, code):
    experiment = msgspec.convert(EXPERIMENT | {"steady_state": UP}, Experiment, dec_hook=values.decode)
    samples = [(float(at), broken.get(at, value)) for at in range(int(until) + 1)]
    verdict = judge(recording(experiment=experiment, facts=(*facts(), QueryHistory(until, "sum(up)", samples))))
    assert verdict.exit_code == code, reasons(verdict)


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
    assert any("requests are too few" in reason for reason in reasons(verdict))


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
        msgspec.structs.replace(fact, victims={"shop-2": 3}) if isinstance(fact, Injected) else fact for fact in facts()
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


def test_a_slow_undo_is_no_time_in_which_nobody_looked():
    began = [PhaseBegan(INJECTED, "hold"), PhaseBegan(UNDONE, "undo")]
    slow = tuple(
        msgspec.structs.replace(fact, at=UNDONE + 6) if isinstance(fact, Undone) else fact
        for fact in (*facts(), *began)
    )
    assert not [reason for reason in reasons(judge(recording(facts=slow))) if "nobody looked" in reason]


def test_a_hold_in_which_nobody_looked_is_missing_data():
    seen = tuple(fact for fact in facts() if not (isinstance(fact, FaultProof) and 12 < fact.at < 20))
    assert any("nobody looked for 8 s" in reason for reason in reasons(judge(recording(facts=seen))))
