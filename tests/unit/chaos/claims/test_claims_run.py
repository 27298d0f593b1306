"""However a measurement ends, its recording says so; only a whole one can be held."""

import signal

import pytest

from chaos.claims import run
from chaos.claims.run import Setting
from chaos.errors import Interrupted, SignalUnavailable
from chaos.facts.claims import recording
from chaos.facts.claims.facts import ClaimEnded, ClaimStarted, LimitSeen
from chaos.judge.claims import smaller
from chaos.judge.claims.judge import judge
from chaos.machine.interrupts import Interrupts
from chaos.spec.claims.claim import LIMITS
from chaos.verdict.verdict import Outcome
from tests.unit.chaos.claims.made_up import HYPOTHESES
from tests.unit.chaos.judge.test_claims_small import smaller_facts


class NoStacks:
    """None is asked for; how often it was taken down is counted."""

    downs = 0

    def begin(self):
        raise AssertionError

    def up(self, environment):
        raise AssertionError(environment)

    def down(self):
        self.downs += 1


@pytest.fixture(autouse=True)
def without_a_look(monkeypatch):
    # How busy this machine is says nothing here, and is looked at for seconds.
    monkeypatch.setattr(run, "_looks", lambda *_: [0.1])


def measured(tmp_path, measuring, deviation="", stacks=None):
    file = HYPOTHESES / "smaller.yaml"
    setting = Setting({"smaller": measuring}, stacks or NoStacks(), Interrupts(), ("abc", True), deviation)
    try:
        run.measure(file, tmp_path / "smaller", setting)
    finally:
        seen = recording.read(tmp_path / "smaller")
    return seen


def well(bench):
    for fact in smaller_facts():
        bench.write(fact)


def test_a_whole_one_is_held_and_says_what_was_measured_where(tmp_path):
    seen = measured(tmp_path, well)
    assert judge("smaller", seen, smaller).outcome is Outcome.HELD
    started = seen.first(ClaimStarted)
    assert (started.claim, started.revision, started.dirty) == ("smaller", "abc", True)
    assert "cores" in started.machine
    assert {limit.name for limit in seen.all(LimitSeen)} == set(LIMITS)


@pytest.mark.parametrize("error", [SignalUnavailable("nobody answers"), ProcessLookupError("nobody answers")])
def test_what_cannot_be_had_is_inconclusive_says_why_and_leaves_the_next_claim_a_stack_of_its_own(tmp_path, error):
    def fails(bench):
        well(bench)
        raise error

    stacks = NoStacks()
    verdict = judge("smaller", measured(tmp_path, fails, stacks=stacks), smaller)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "nobody answers" in verdict.findings[0].detail
    assert stacks.downs == 1


def test_a_claim_that_was_measured_leaves_its_stack_to_the_next(tmp_path):
    stacks = NoStacks()
    measured(tmp_path, well, stacks=stacks)
    assert stacks.downs == 0


@pytest.mark.parametrize(
    ("error", "how"), [(Interrupted(signal.SIGINT), "interrupted"), (ZeroDivisionError(), "a defect of ours")]
)
def test_what_ends_everything_is_recorded_first(tmp_path, error, how):
    def fails(bench):
        well(bench)
        raise error

    with pytest.raises(type(error)):
        measured(tmp_path, fails)
    seen = recording.read(tmp_path / "smaller")
    assert seen.first(ClaimEnded).how == how
    assert judge("smaller", seen, smaller).outcome is Outcome.INCONCLUSIVE


def test_a_deviation_is_in_the_recording_and_one_that_there_is_not_is_no_deviation(tmp_path):
    def asks(bench):
        assert bench.deviates("no-gzip")
        assert not bench.deviates("no-pages")
        with pytest.raises(KeyError):
            bench.deviates("no-such-thing")

    seen = measured(tmp_path, asks, "no-gzip")
    assert judge("smaller", seen, smaller).deviation == "no-gzip"
