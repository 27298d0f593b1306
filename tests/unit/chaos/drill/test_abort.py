"""A hold ends at once when users pay too much: for how long, by whose word, and what becomes of the verdict."""

from types import SimpleNamespace

import msgspec
import pytest

from chaos.drill.abort import Abort
from chaos.errors import SignalUnavailable
from chaos.facts.metrics import QueryHistory
from chaos.facts.run import Aborted, RunEnded
from chaos.facts.samples import Request
from chaos.judge.judge import judge
from chaos.report.words import reasons
from chaos.spec import abort, values
from chaos.spec.abort import AbortIf
from chaos.spec.experiment import Experiment
from chaos.spec.values import Bound, Duration
from tests.fakes import system
from tests.unit.recordings import END, EXPERIMENT, facts, recording, requests

HALF = AbortIf(abort.FAILED, Bound(">", 0.5), Duration(seconds=10))


def sent(seconds, fail_from, fail_until):
    """Fifty requests a second, of which those in this span fail."""
    at = [number / 50 for number in range(seconds * 50)]
    return [Request(one, 0.01, "GET /", 200, not fail_from <= one < fail_until, None, None) for one in at]


def asked(conditions, there, prometheus=None, until=60):
    """When it is met, looked at every quarter of a second, and in which words; None when it is not."""
    made = Abort(conditions, lambda: seen, prometheus)
    for quarter in range(4 * until):
        now = quarter / 4
        seen = SimpleNamespace(load=SimpleNamespace(requests=[one for one in there if one.ended_at <= now]))
        if why := made.met(now):
            return now, why
    return None


def test_it_is_met_when_it_was_so_for_its_whole_time():
    when, why = asked((HALF,), sent(60, 20, 60))
    # Half of the last five seconds have failed after two and a half.
    assert 32 <= when <= 35
    assert why.startswith("load:failed:ratio > 0.5 for 10s (it was ")


@pytest.mark.parametrize(("start", "end"), [(0, 0), (20, 27)])
def test_what_passes_before_its_time_ends_nothing(start, end):
    assert asked((HALF,), sent(60, start, end)) is None


def test_where_nobody_can_tell_nothing_is_met():
    assert asked((HALF,), []) is None
    assert asked((AbortIf("up", Bound("<", 1.0), Duration(seconds=1)),), []) is None


class FakePrometheus:
    def __init__(self, values):
        self.values = iter(values)

    def query_history(self, query, start, end, step):
        value = next(self.values)
        if value is None:
            raise SignalUnavailable("gone")
        return QueryHistory(end, query, [(start, None), (end, value)])


def test_prometheus_is_asked_once_a_second_and_a_gap_begins_anew():
    down = AbortIf("up", Bound("<", 1.0), Duration(seconds=3))
    when, why = asked((down,), [], FakePrometheus([1, 0, 0, 0, None, 0, 0, 0, 0, 0]))
    assert when == 8
    assert why == "up < 1 for 3s (it was 0)"


def experiment(**changes):
    return msgspec.convert(EXPERIMENT | changes, Experiment, dec_hook=values.decode)


@pytest.mark.parametrize(
    ("ours", "said", "of_target", "conditions"),
    [
        (True, None, None, ()),
        (False, None, None, (AbortIf(abort.FAILED, Bound(">", 0.5)),)),
        (False, "never", None, ()),
        (False, None, "never", ()),
        (False, [{"query": "up", "bound": "< 1", "for": "5s"}], "never",
         (AbortIf("up", Bound("<", 1), Duration(seconds=5)),)),
        (True, None, [AbortIf("up", Bound("<", 1))], (AbortIf("up", Bound("<", 1)),)),
    ],
)  # fmt: skip
def test_the_experiment_says_before_the_target_and_a_strange_stack_has_a_usual_one(
    tmp_path, monkeypatch, ours, said, of_target, conditions
):
    target = msgspec.structs.replace(system(tmp_path).target, abort_if=of_target)
    monkeypatch.setattr(type(target), "has_ledgers", ours)
    assert Abort.of(experiment(abort_if=said), target, recording, None).conditions == conditions


def test_what_is_usual_is_beyond_what_the_experiment_expects():
    assert abort.usual([Bound("<", 0.4)])[0].bound == Bound(">", 0.8)
    assert abort.usual([])[0].bound == Bound(">", 0.5)


@pytest.mark.parametrize(("failing", "outcome"), [(False, "inconclusive"), (True, "deviated")])
def test_an_aborted_run_has_refuted_what_was_broken_by_then(failing, outcome):
    seen = [*facts()[:-1], Aborted(20.0, "load:failed:ratio > 0.5"), RunEnded(33.0, "aborted", "too much")]
    hurt = requests([one.at for one in requests() if 12 <= one.at < 20]) if failing else requests()
    verdict = judge(recording(facts=tuple(seen), requests=hurt))
    assert (verdict.outcome, verdict.exit_code) == (outcome, 7)
    assert reasons(verdict)[0] == "aborted: too much"
    assert any("failed, during" in reason for reason in reasons(verdict)) is failing
    assert END > 20
