"""One value says how fast time runs: at pace 7 every wait that is about rules is 60/7 of that at pace 60."""

from itertools import pairwise

import pytest

from chaos.facts import recording
from chaos.facts.run import PhaseBegan
from chaos.judge.judge import judge
from chaos.report.words import reasons
from chaos.spec import length
from chaos.spec.pace import FASTEST, Pace
from chaos.undo.lease import LeaseFile
from tests.unit.chaos.drill.test_drill_phases import made
from tests.unit.chaos.drill.world import World

SLOWER = FASTEST / 7
REAL_TIME = {
    "preflight": "programs answer as fast as ever",
    "warm-up": "users arrive over their own pacing",
    "inject": "the fault is put in place and proven",
    "undo": "it is taken back and proven to be",
    "collect": "what was seen is asked for",
}
"""Phases that are as long at every pace, and why."""


def run(folder, pace):
    folder.mkdir()
    drill = made(folder, World(), "20s", Pace.of_ours(pace))
    drill.run()
    return recording.read(folder / "runs" / "one")


@pytest.fixture
def runs(tmp_path):
    return {pace: run(tmp_path / str(pace), pace) for pace in (FASTEST, 7)}


def lengths(recorded):
    began = recorded.all(PhaseBegan)
    ends = [fact.at for fact in began[1:]] + [recorded.seconds]
    return {fact.phase: end - fact.at for fact, end in zip(began, ends, strict=True)}


def test_every_wait_is_as_much_longer_or_stands_in_the_list_of_those_in_real_time(runs):
    fast, slow = lengths(runs[FASTEST]), lengths(runs[7])
    assert fast.keys() == slow.keys()
    for phase, seconds in fast.items():
        if phase in REAL_TIME:
            assert slow[phase] == pytest.approx(seconds, abs=0.5), phase
        else:
            # Looked at every quarter of a second, and once a quarter of a beat.
            assert slow[phase] == pytest.approx(SLOWER * seconds, abs=0.25 * SLOWER + 0.5), phase


def test_what_an_experiment_says_is_stretched_and_its_strength_is_not(runs):
    fast, slow = (runs[pace].experiment for pace in (FASTEST, 7))
    assert slow.fault.for_.in_seconds == pytest.approx(SLOWER * fast.fault.for_.in_seconds)
    for mine, theirs in zip(fast.alerts, slow.alerts, strict=True):
        assert theirs.fires_within.in_seconds == pytest.approx(SLOWER * mine.fires_within.in_seconds)
        assert theirs.resolves_within.in_seconds == pytest.approx(SLOWER * mine.resolves_within.in_seconds)
    assert slow.recover_within == fast.recover_within
    assert slow.steady_state == fast.steady_state


def test_a_run_holds_at_every_pace(runs):
    for recorded in runs.values():
        verdict = judge(recorded)
        assert (verdict.outcome, reasons(verdict)) == ("held", [])


def test_a_recording_of_hours_is_no_larger_than_one_of_an_hour():
    hour = Pace.of_ours(1).looking_for(3600)
    day = Pace.of_ours(1).looking_for(24 * 3600)
    assert (hour.look, day.look) == (1.0, 24.0)


@pytest.mark.parametrize("pace", [60, 10, 7, 1])
def test_the_lease_covers_all_that_a_run_waits_for(tmp_path, pace):
    """With an alert that never comes, which is waited for longest."""
    world, at = World(), Pace.of_ours(pace)
    world.alerting = False
    drill = made(tmp_path, world, "20s", at)
    granted = []
    acquire = LeaseFile.acquire
    drill._context.lease.acquire = lambda run_id, seconds: (
        granted.append(seconds),
        acquire(drill._context.lease, run_id, seconds),
    )
    began = world.now
    drill.run()
    recorded = recording.read(tmp_path / "runs" / "one")
    assert world.now - began < granted[0] == length.longest(recorded.experiment, at)
    assert judge(recorded).outcome == "deviated"


@pytest.mark.parametrize("pace", [60, 10])
def test_what_a_rule_that_waits_for_a_day_may_still_do_is_awaited_by_no_run(tmp_path, pace):
    world, at = World(), Pace.of_ours(pace)
    began, world.pends_from = world.now, world.now + 20 * at.beat
    made(tmp_path, world, "20s", at).run()
    recorded = recording.read(tmp_path / "runs" / "one")
    assert world.now - began < length.longest(recorded.experiment, at)
    found = {one.name: one.outcome for one in judge(recorded).alerts}
    assert found["Patient"] == "pending"


def test_phases_follow_each_other(runs):
    for recorded in runs.values():
        assert all(one.at <= two.at for one, two in pairwise(recorded.all(PhaseBegan)))
