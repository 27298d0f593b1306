"""A run through its real phases, on a clock that passes when it waits: for twenty seconds, and for an hour."""

import contextlib
import io
import json
import sys
from itertools import pairwise

import msgspec
import pytest

from chaos.drill.context import RunContext
from chaos.drill.drill import Drill, Parts, Plan
from chaos.drill.progress import Progress
from chaos.drill.users import Users
from chaos.facts import recorder, recording
from chaos.facts.alerts import (
    ActiveAlert,
    AlertHistory,
    AlertmanagerSeen,
    HistoryAsked,
    PrometheusSeen,
    RuleLoaded,
    Timing,
)
from chaos.facts.files import LOAD_FILE
from chaos.facts.pages import PageAlert, PagerSeen, PageSeen
from chaos.facts.run import PhaseBegan
from chaos.faults.hands import System
from chaos.judge.judge import judge
from chaos.machine.interrupts import Interrupts
from chaos.spec import yamlfile
from chaos.spec.experiment import Experiment
from chaos.spec.load import LoadSettings
from chaos.spec.target import PathsLoad
from tests.fakes import FakeClock, FakeControl, system

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
LABELS = {"instance": "shop-2", "severity": "warning"}
PHASES = ["preflight", "warm-up", "baseline", "inject", "hold", "undo", "recover", "collect"]


class World(FakeClock):
    """What goes on beside the runner: once a second users ask, Prometheus looks, and the pager may be told."""

    def __init__(self):
        super().__init__()
        self.control = FakeControl()
        self.each_second = []
        self.alerting = True
        self.stumbles = 0
        self._down = []
        self.pages = []

    def wait(self, seconds):
        until = self.now + seconds
        while int(self.now) + 1 <= until:
            self.now = float(int(self.now) + 1)
            self._pass()
        self.now = until

    def _pass(self):
        if not self.control.running["shop-2"]:
            self._down.append(self.now)
        for act in list(self.each_second):
            act(self.now)

    @property
    def firing(self):
        """Down for two seconds, and for as long as it is."""
        return bool(self._down) and self.now - self._down[0] >= 2 and self.now - self._down[-1] < 1

    @property
    def broke(self):
        """Whether anything ever was."""
        return bool(self._down)

    @property
    def down_since(self):
        return self._down[0]


class FakePrometheus:
    def look(self, at):
        return PrometheusSeen(at, None, [], ["Down"])

    def unscraped_since(self, _):
        return []

    def unevaluated_since(self, _):
        return []


class FakeObservers:
    """All sources as one, polled by the clock."""

    def __init__(self, world, recorder_, origin):
        self.prometheus = FakePrometheus()
        self._world, self._recorder, self._origin = world, recorder_, origin
        self._fired = []
        self._told = False

    def begin(self):
        self._recorder.write(RuleLoaded(self._now(), "Down", "pager", Timing(1.0, 1.0, 0.0, 1.0, 0.5, 5.0), None))
        self._world.each_second.append(self._poll)

    def stop(self):
        if self._poll in self._world.each_second:
            self._world.each_second.remove(self._poll)
            self._poll(self._world.now)
            self._recorder.write(PagerSeen(self._now(), None))

    def ask_alerts(self, now):
        if self._fired:
            self._recorder.write(AlertHistory(now, "Down", LABELS, "firing", self._fired))
        self._recorder.write(HistoryAsked(now, None))

    def ask_history(self, experiment, since, now):
        assert not [check for check in experiment.steady_state if not check.from_load]
        assert 0.0 <= since <= now

    def ask_panels(self, panels, fault, now):
        assert panels == ()

    def ask_traces(self, run, now):
        assert run.undone is not None

    def _poll(self, _):
        at, firing = self._now(), self._world.firing and self._world.alerting
        active = [ActiveAlert("Down", LABELS, "firing", self._world.down_since - self._origin)] if firing else []
        self._recorder.write(PrometheusSeen(at, None, active, ["Down"]))
        self._recorder.write(AlertmanagerSeen(at, None, []))
        if firing:
            self._fired.append(at)
        if firing != self._told:
            self._told = firing
            told = [PageAlert("Down", LABELS, "firing" if firing else "resolved", at)]
            self._recorder.write(PageSeen(at, "pager", True, "", told))

    def _now(self):
        return self._world.now - self._origin


class FakeUsers(Users):
    """Fifty requests a second, written down as they are over."""

    def __init__(self, world, *given):
        super().__init__(*given)
        self._world = world

    def start(self, register):
        self._world.each_second.append(self._second)
        return self._world.now - self._origin + 3.5

    def assert_they_come(self, error):
        """They do."""

    def read_back(self, check):
        self._world.each_second.remove(self._second)
        self._write({"end": "SIGTERM"})
        return 0

    def _second(self, now):
        rate, end = self._settings.rate_per_second, now - self._origin
        if end > 5 and self._world.stumbles:
            self._world.stumbles -= 1
            return
        asked = {"took": 0.005, "name": "GET /", "status": 200, "ok": True, "error": None, "served_by": "shop-1"}
        counted = {"tick": end, "users": 125, "started": int(rate), "finished": int(rate), "lag": 0.0}
        self._write(*[{"at": end - 1 + number / rate} | asked for number in range(int(rate))], counted)

    def _write(self, *facts):
        with (self._recorder.folder / LOAD_FILE).open("a") as file:
            file.writelines(json.dumps(fact) + "\n" for fact in facts)


class Past:
    """Clean, and made ahead."""

    def take(self):
        return frozenset({"Down"})


@pytest.fixture
def world():
    return World()


@pytest.fixture
def drill(tmp_path, world):
    """A run of an experiment that holds its fault for so long."""
    return lambda hold: made(tmp_path, world, hold)


def made(folder, world, hold):
    file = folder / "kill.yaml"
    file.write_text(EXPERIMENT.format(hold=hold))
    target = msgspec.structs.replace(system(folder).target, load=PathsLoad(paths=["/"]))
    recording_ = recorder.create(folder / "runs", "one", file)
    progress = Progress(io.StringIO())
    context = RunContext("one", "kill", System(target, world.control), recording_, Interrupts(world), progress, world)
    plan = Plan("one", "kill", yamlfile.read(file, Experiment), frozenset({"Down"}), LoadSettings(), "abc", False)
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
        past=lambda *_: Past(),
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
    held = next(two.at - one.at for one, two in pairwise(began) if one.phase == "hold")
    assert held == pytest.approx(run._experiment.fault.for_.in_seconds, abs=1.0)
    verdict = verdict_of(tmp_path)
    assert (verdict.outcome, verdict.reasons) == ("held", [])
    assert world.control.running == {"shop-1": True, "shop-2": True}
    assert run._context.journal.open() == []
    assert run._context.lease.read() is None


@pytest.mark.parametrize(("stumbles", "watched", "outcome"), [(2, 2, "held"), (1000, 3, "inconclusive")])
def test_a_load_that_stumbles_is_watched_anew_before_anything_is_broken(
    drill, tmp_path, world, stumbles, watched, outcome
):
    world.stumbles = stumbles
    drill("20s").run()
    began = [fact.phase for fact in recording.read(tmp_path / "runs" / "one").all(PhaseBegan)]
    assert began.count("baseline") == watched
    verdict = verdict_of(tmp_path)
    assert (verdict.outcome, world.broke) == (outcome, outcome == "held"), verdict.reasons


def test_an_alert_that_never_comes_is_waited_for_no_longer_than_its_window(drill, tmp_path, world):
    world.alerting = False
    began = world.now
    drill("20s").run()
    assert verdict_of(tmp_path).outcome == "deviated"
    assert world.now - began < 60


def test_a_lease_that_is_taken_away_ends_it_and_leaves_the_undo_to_the_watchdog(drill, tmp_path, world):
    run = drill("20s")

    def take_away(now):
        if now > 120:
            run._context.lease._write(msgspec.structs.replace(run._context.lease.read(), revoked=True))

    world.each_second.append(take_away)
    run.run()
    assert verdict_of(tmp_path).exit_code == 6
    assert not world.control.running["shop-2"]
    assert len(run._context.journal.open()) == 1


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
