"""Panels that a fault must move: one that does not, or moves with nothing broken, deviates; no data never holds."""

import json

import msgspec
import pytest

from chaos.facts import recording as recordings
from chaos.facts.panels import PanelHistory, PanelsAsked, PanelSeries
from chaos.facts.run import FaultProof, PhaseBegan
from chaos.judge.judge import judge
from chaos.report import document, terminal
from chaos.report.words import reasons
from chaos.spec.experiment import Experiment
from chaos.spec.values import decode
from chaos.verdict.verdict import Outcome
from tests.unit.recordings import END, EXPERIMENT, facts, recording

KILL = "process.kill shop"
WINDOW = 4.0
# Of the run in recordings.py: baseline from 5, injected at 10, undone at 25, users watched until 32.
BASELINE = [1.0, 2.0, 1.0, 2.0, 1.0, 2.0]


def line(before, during, name="shop-2"):
    """A series: `before` in the baseline, `during` from one rate window after the injection."""
    values = [None] * 5 + before + [before[-1]] * 3 + during
    values += [during[-1]] * (int(END) + 1 - len(values))
    return PanelSeries("A", {"instance": name}, values)


def panel(*series, tags=(KILL,), title="Panel", error=None):
    return PanelHistory(END, "board", title, list(tags), 1.0, list(series), error)


def judged(*panels, fault=KILL, experiment=EXPERIMENT, more=()):
    every = (*facts()[:-2], *panels, PanelsAsked(END, fault, WINDOW), *more, *facts()[-2:])
    return judge(recording(facts=every, experiment=msgspec.convert(experiment, Experiment, dec_hook=decode)))


def no_fault(*panels):
    """As judged with nothing broken, all a window later: by then users have come for that long."""
    experiment = EXPERIMENT | {"fault": {"type": "none", "for": "15s"}}
    return judged(*map(later, panels), fault="none", experiment=experiment)


def later(history):
    series = [
        msgspec.structs.replace(one, values=[None] * int(WINDOW) + one.values[: -int(WINDOW)]) for one in history.series
    ]
    return msgspec.structs.replace(history, series=series)


MOVED = {
    "a mean beyond the range by more than its width": line(BASELINE, [3.2] * 12),
    "a mean below the range by more than its width": line(BASELINE, [-0.2] * 12),
    "a constant that changed": line([1.0] * 6, [1.0] * 6 + [0.0] * 6),
    "a line that appeared": line([None] * 6, [None] * 5 + [5.0] * 7),
    "a line that vanished": line(BASELINE, [None] * 12),
}
STILL = {
    "a mean within the range": line(BASELINE, [1.5] * 12),
    "a mean beyond the range by its width at most": line(BASELINE, [2.9] * 12),
    "one wild value": line(BASELINE, [1.5] * 11 + [9.0]),
    "a constant": line([1.0] * 6, [1.0] * 12),
    "a constant that no sum of floats keeps": line([0.1] * 6, [0.1] * 11),
    "a gap": line(BASELINE, [None] * 6 + [1.5] * 6),
}


@pytest.mark.parametrize("name", MOVED)
def test_a_tagged_panel_that_moved_holds(name):
    verdict = judged(panel(MOVED[name]))
    assert verdict.outcome is Outcome.HELD, reasons(verdict)
    assert (verdict.panels[0].expected, verdict.panels[0].moved) == (True, True)


def sparse(numbers):
    """A series with these numbers by second and no others."""
    return PanelSeries("A", {"instance": "shop-2"}, [numbers.get(at) for at in range(int(END) + 1)])


THIN = {
    "few numbers before": sparse({9: 1.0} | dict.fromkeys(range(14, 26), 0.0)),
    "few numbers during": sparse({20: 5.0, 21: 5.0}),
}


@pytest.mark.parametrize("name", THIN)
def test_a_few_numbers_are_no_proof_of_movement_and_none_of_standing_still(name):
    verdict = judged(panel(THIN[name]))
    assert (verdict.exit_code, verdict.panels[0].moved) == (6, None), reasons(verdict)
    assert no_fault(panel(THIN[name])).exit_code == 1


@pytest.mark.parametrize("name", STILL)
def test_a_tagged_panel_that_did_not_move_deviates_and_is_named(name):
    verdict = judged(panel(STILL[name]), panel(MOVED["a line that vanished"], title="Other"))
    assert verdict.exit_code == 1
    assert len(reasons(verdict)) == 1
    assert reasons(verdict)[0].startswith("panel board / Panel did not move")
    assert "DID NOT MOVE board / Panel" in terminal.render(verdict, "r")


def test_one_line_of_many_is_enough():
    assert judged(panel(STILL["a constant"], MOVED["a line that vanished"])).outcome is Outcome.HELD


def test_what_a_rate_still_remembers_of_the_time_before_does_not_count():
    series = line([1.0] * 6, [1.0] * 12)
    series.values[11:14] = [7.0, 7.0, 7.0]  # within a window of the injection at 10
    assert judged(panel(series)).exit_code == 1


def test_what_is_back_before_the_undo_is_proven_has_vanished_all_the_same():
    series = line([1.0] * 6, [None] * 12)
    series.values[23:] = [1.0] * len(series.values[23:])
    assert judged(panel(series)).exit_code == 1
    assert judged(panel(series), more=[PhaseBegan(22.5, "undo")]).outcome is Outcome.HELD


def test_the_first_step_of_a_fresh_store_is_no_part_of_the_baseline():
    # The first scrapes had not reached all instances: 2 of 3, then 3, and 2 while one is killed.
    assert judged(panel(line([None, 2.0, 3.0, 3.0, 3.0, 3.0], [2.0] * 12))).panels[0].moved is True
    assert judged(panel(line([3.0, 3.0, 3.0, 2.0, 3.0, 3.0], [2.0] * 12))).panels[0].moved is False


def test_what_happens_after_the_undo_does_not_count():
    series = line([1.0] * 6, [1.0] * 12)
    series.values[26:] = [7.0] * len(series.values[26:])
    assert judged(panel(series)).exit_code == 1


@pytest.mark.parametrize("name", MOVED)
def test_with_nothing_broken_a_tagged_panel_that_moves_deviates(name):
    verdict = no_fault(panel(MOVED[name]))
    assert verdict.exit_code == 1
    assert any(reason.startswith("panel board / Panel moved with nothing broken") for reason in reasons(verdict))
    assert "MOVED        board / Panel" in terminal.render(verdict, "r")


def test_with_nothing_broken_a_mean_of_few_events_proves_nothing():
    swings = line(BASELINE, [5.0] * 5 + [1.9] * 7)
    assert judged(panel(swings)).panels[0].moved is True
    assert no_fault(panel(swings)).panels[0].moved is False


def test_with_nothing_broken_users_who_still_arrive_are_no_baseline():
    arriving = line([0.0] * 5 + [0.1], [5.0] * 12)
    assert no_fault(panel(arriving)).panels[0].moved is True
    experiment = EXPERIMENT | {"fault": {"type": "none", "for": "15s"}}
    early = judged(panel(arriving), fault="none", experiment=experiment)
    assert (early.panels[0].expected, early.panels[0].moved) == (False, False)


@pytest.mark.parametrize("name", STILL)
def test_with_nothing_broken_a_panel_that_stands_still_is_as_it_should_be(name):
    verdict = no_fault(panel(STILL[name]))
    assert not [reason for reason in reasons(verdict) if "panel" in reason]
    assert (verdict.panels[0].expected, verdict.panels[0].moved) == (False, False)


@pytest.mark.parametrize(
    "history",
    [
        panel(error="query A: Prometheus: ReadTimeout"),
        panel(),
        panel(line([None] * 6, [None] * 12)),
        panel(MOVED["a line that vanished"], error="query B: Prometheus: 503"),
    ],
    ids=["not told", "no line", "no number", "told in part"],
)
@pytest.mark.parametrize("run", [judged, no_fault])
def test_missing_data_is_never_held(history, run):
    verdict = run(history)
    assert verdict.outcome is not Outcome.HELD
    assert verdict.panels[0].moved is None
    assert any(reason.startswith("panel board / Panel: ") for reason in reasons(verdict))


def test_a_fault_held_for_less_than_a_window_says_nothing():
    every = (*facts()[:-2], panel(MOVED["a line that vanished"]), PanelsAsked(END, KILL, 14.0), *facts()[-2:])
    assert judge(recording(facts=every)).outcome is Outcome.INCONCLUSIVE


@pytest.mark.parametrize("tags", [(), ("process.kill redis",)], ids=["untagged", "another fault's"])
def test_a_panel_of_which_nothing_is_claimed_is_only_told(tags):
    for series in (MOVED["a line that vanished"], STILL["a constant"]):
        verdict = judged(panel(series, tags=tags))
        assert verdict.outcome is Outcome.HELD
        assert verdict.panels[0].expected is None
    assert judged(panel(tags=tags)).outcome is Outcome.HELD


def test_a_recording_without_panels_is_judged_as_ever():
    verdict = judge(recording())
    assert verdict.outcome is Outcome.HELD
    assert verdict.panels == []
    assert "Dashboards" not in terminal.render(verdict, "r")


def test_facts_of_panels_are_read_back_as_they_were_written():
    for fact in (panel(MOVED["a line that vanished"]), PanelsAsked(END, KILL, WINDOW), FaultProof(1.0, True, "x")):
        assert msgspec.json.decode(msgspec.json.encode(fact), type=recordings.AnyFact) == fact


def test_the_verdict_as_json_says_which_panels_moved():
    verdict = judged(panel(MOVED["a line that vanished"]))
    said = json.loads(document.render(verdict))["panels"]
    assert said == [
        {
            "dashboard": "board",
            "panel": "Panel",
            "expected": True,
            "moved": True,
            "line": "instance=shop-2",
            "widths": None,
            "finding": {"finding": "line_vanished", "line": "instance=shop-2", "low": 1.0, "high": 2.0},
            "reason": "instance=shop-2: was 1 to 2, vanished",
        }
    ]
