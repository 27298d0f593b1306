"""A run through its real phases, on a clock that passes when it waits: for twenty seconds, and for an hour."""

import contextlib
import io
import math
import sys
from dataclasses import replace
from itertools import pairwise

import msgspec
import pytest

from chaos.drill.context import RunContext
from chaos.drill.drill import Drill, Parts
from chaos.drill.plan import Plan
from chaos.drill.progress import Progress
from chaos.errors import FaultFailed, SignalUnavailable
from chaos.facts import recorder, recording
from chaos.facts.run import FaultSaid, PhaseBegan, RunStarted
from chaos.faults.hands import System
from chaos.judge.judge import judge
from chaos.machine.interrupts import Interrupts
from chaos.observe import pace as observed
from chaos.report.words import reasons
from chaos.spec import yamlfile
from chaos.spec.experiment import Experiment
from chaos.spec.load import LoadSettings
from chaos.spec.loads import PathsLoad
from chaos.spec.pace import Pace
from tests.fakes import system
from tests.unit.chaos.drill.world import FakeObservers, FakeUsers, World

EXPERIMENT = """\
title: A kill
claim: The others carry the load.
fault: {{ type: process.kill, instance: shop-2, for: {hold} }}
steady_state:
  - {{ name: failed, query: "load:failed:ratio", before: "== 0", during: "< 0.01", after: "== 0" }}
alerts:
  - {{ name: Down, fires_within: 8s, resolves_within: 15s, labels: {{ instance: shop-2 }} }}
recover_within: 15s
"""
PHASES = ["preflight", "warm-up", "baseline", "inject", "hold", "undo", "recover", "collect"]


class Past:
    """Clean, and made ahead."""

    def __init__(self, *_):
        self.made = []

    def take(self):
        return frozenset({"Down"})

    def make_ahead(self, rules):
        self.made.append(rules)


@pytest.fixture
def world():
    return World()


@pytest.fixture
def drill(tmp_path, world):
    """A run of an experiment that holds its fault for so long."""
    return lambda hold: made(tmp_path, world, hold)


def made(folder, world, hold, pace=Pace(), load=LoadSettings()):  # noqa: B008  # values
    file = folder / "kill.yaml"
    file.write_text(EXPERIMENT.format(hold=hold))
    target = msgspec.structs.replace(system(folder).target, load=PathsLoad(paths=["/"]))
    recording_ = recorder.create(folder / "runs", "one", file, pace)
    progress = Progress(io.StringIO())
    context = RunContext("one", "kill", System(target, world.control), recording_, Interrupts(world), progress, world)
    context.assert_somebody_watches, context.knows = (lambda _: world.watched()), (lambda *_: True)
    experiment = yamlfile.read(file, Experiment).at(pace)
    plan = Plan("one", "kill", experiment, pace, frozenset({"Down"}), load, "abc", False)
    return Drill(plan, context, parts(world))


def parts(world):
    @contextlib.contextmanager
    def heartbeat(lease, run_id):
        def beat(_):
            lease.renew(run_id)

        world.each_second.append(beat)
        yield
        world.each_second.remove(beat)

    return Parts(
        users=lambda *given: FakeUsers(world, *given),
        observers=lambda _, recorder_, origin, *__: FakeObservers(world, recorder_, origin),
        past=Past,
        heartbeat=heartbeat,
    )


def verdict_of(tmp_path):
    return judge(recording.read(tmp_path / "runs" / "one"))


@pytest.mark.parametrize("hold", ["20s", "60m"])
def test_it_goes_through_its_phases_and_holds(drill, tmp_path, world, hold):
    run = drill(hold)
    run.run()
    began = recording.read(tmp_path / "runs" / "one").all(PhaseBegan)
    assert [fact.phase for fact in began] == PHASES
    started = recording.read(tmp_path / "runs" / "one").first(RunStarted)
    assert started.faults == FaultSaid.of_all(run._experiment)
    held = next(two.at - one.at for one, two in pairwise(began) if one.phase == "hold")
    assert held == pytest.approx(run._experiment.fault.for_.in_seconds, abs=1.0)
    verdict = verdict_of(tmp_path)
    assert (verdict.outcome, reasons(verdict)) == ("held", [])
    assert world.control.running == {"shop-1": True, "shop-2": True}
    assert run._context.journal.open() == []
    assert run._context.lease.read() is None


@pytest.mark.parametrize("rate", [0.25, 0.5, 1.0, 2.0, 3.9])
def test_users_who_come_rarely_are_watched_for_longer_and_not_called_missing(tmp_path, world, rate):
    load, rarely = LoadSettings(rate_per_second=rate), pace_of_users(tmp_path, rate)
    assert rarely.baseline_seconds * rate >= 20
    made(tmp_path, world, f"{math.ceil(20 / rate) + 2}s", rarely, load).run()
    verdict = verdict_of(tmp_path)
    assert (verdict.outcome, reasons(verdict)) == ("held", [])
    assert [stats.requests >= 20 for stats in verdict.phases] == [True] * 3


def test_of_users_who_come_rarely_a_failure_is_not_missed(tmp_path, world):
    world.hurts = lambda: not world.control.running["shop-2"]
    made(tmp_path, world, "60s", pace_of_users(tmp_path, 1.0), LoadSettings(rate_per_second=1.0)).run()
    verdict = verdict_of(tmp_path)
    assert verdict.outcome == "deviated"
    assert any("most often: HTTP 503" in reason for reason in reasons(verdict)), reasons(verdict)


def test_a_steady_state_that_is_refused_says_what_most_requests_had(drill, tmp_path, world):
    world.hurts = lambda: True
    drill("20s").run()
    verdict = verdict_of(tmp_path)
    assert not world.broke
    assert "most often: HTTP 503" in reasons(verdict)[0], reasons(verdict)


def pace_of_users(folder, rate):
    target = msgspec.structs.replace(system(folder).target, load=PathsLoad(paths=["/"], rate=rate))
    return observed._of_users(Pace(), target)


@pytest.mark.parametrize(("stumbles", "watched", "outcome"), [(2, 2, "held"), (1000, 3, "inconclusive")])
def test_a_load_that_stumbles_is_watched_anew_before_anything_is_broken(
    drill, tmp_path, world, stumbles, watched, outcome
):
    world.stumbles = stumbles
    drill("20s").run()
    began = [fact.phase for fact in recording.read(tmp_path / "runs" / "one").all(PhaseBegan)]
    assert began.count("baseline") == watched
    verdict = verdict_of(tmp_path)
    assert (verdict.outcome, world.broke) == (outcome, outcome == "held"), reasons(verdict)


def test_what_fires_when_the_baseline_begins_is_not_the_faults(drill, tmp_path, world):
    world.lingers_until = world.now + 25
    drill("20s").run()
    verdict = verdict_of(tmp_path)
    assert (verdict.outcome, verdict.already_firing) == ("held", ["Old{}"]), reasons(verdict)


def test_an_alert_that_never_comes_is_waited_for_no_longer_than_its_window(drill, tmp_path, world):
    world.alerting = False
    began = world.now
    drill("20s").run()
    assert verdict_of(tmp_path).outcome == "deviated"
    assert world.now - began < 60


def test_a_lease_that_is_taken_away_ends_it_and_keeps_it_from_no_undo(drill, tmp_path, world):
    run = drill("20s")

    def take_away(now):
        if now > 120:
            run._context.lease._write(msgspec.structs.replace(run._context.lease.read(), revoked=True))

    world.each_second.append(take_away)
    run.run()
    assert verdict_of(tmp_path).exit_code == 6
    assert world.control.running["shop-2"]
    assert run._context.journal.open() == []


@pytest.mark.parametrize("dies_at", [0, 106])
def test_nothing_is_broken_that_nobody_watches(drill, tmp_path, world, dies_at):
    def watched():
        if world.now >= dies_at:
            raise FaultFailed("the watchdog (pid 7) is dead, so nothing may be broken")

    world.watched = watched
    drill("20s").run()
    assert all(world.control.running.values())
    assert world.control.started == []
    assert verdict_of(tmp_path).exit_code == (3 if dies_at == 0 else 4)
    assert "the watchdog (pid 7) is dead" in reasons(verdict_of(tmp_path))[0]


@pytest.mark.parametrize("follows", [True, False])
def test_the_next_runs_past_is_made_under_this_ones_lease_when_prometheus_was_asked_for_all(drill, follows):
    run, order = drill("20s"), []
    run._plan = replace(run._plan, another_follows=follows)
    run._observers.ask_panels = lambda *_: order.append("panels")
    run._past.make_ahead = lambda rules: order.append((rules, run._context.lease.read().run_id))
    run.run()
    assert order == ["panels", *([(frozenset({"Down"}), "one")] if follows else [])]


def test_what_cannot_be_written_beside_the_reading_back_ends_the_run(drill, tmp_path):
    run = drill("20s")

    def full(*_):
        raise SignalUnavailable("the recording cannot be written: no space")

    run._observers.ask_panels = full
    run.run()
    assert verdict_of(tmp_path).exit_code == 6


def calls_in_recover(run, monkeypatch):
    """How many calls of Python functions its recovery took."""
    count, recover = [0], run._recover

    def counted():
        sys.setprofile(lambda frame, event, _: count.__setitem__(0, count[0] + (event == "call")))
        try:
            recover()
        finally:
            sys.setprofile(None)

    monkeypatch.setattr(run, "_recover", counted)
    run.run()
    return count[0]


def test_a_second_costs_no_more_after_an_hour_than_after_a_minute(tmp_path_factory, monkeypatch):
    counts = {}
    for hold in ("60s", "60m"):
        world, folder = World(), tmp_path_factory.mktemp(hold)
        counts[hold] = calls_in_recover(made(folder, world, hold), monkeypatch)
    assert counts["60m"] < 1.2 * counts["60s"], counts
