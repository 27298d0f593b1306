"""A run that ends early, however it does, is never complete, and puts back what it changed."""

import io
import json

import pytest

from chaos.drill.context import RunContext
from chaos.drill.drill import Drill
from chaos.drill.plan import Plan
from chaos.drill.progress import Progress
from chaos.errors import LeaseLost, RunInProgress, SignalUnavailable
from chaos.facts import recorder
from chaos.machine.interrupts import Interrupts
from chaos.spec import yamlfile
from chaos.spec.experiment import Experiment
from chaos.spec.faults.process import ProcessKill
from chaos.spec.load import LoadSettings
from chaos.spec.pace import Pace
from chaos.spec.values import Duration
from chaos.undo.lease import LeaseFile
from compose.settings import ROOT
from tests.fakes import FakeControl, system

FILE = ROOT / "chaos" / "experiments" / "kill-instance.yaml"
KILL = ProcessKill(Duration.parse("5s"), "shop-2")


@pytest.fixture
def control():
    return FakeControl()


@pytest.fixture
def drill(tmp_path, control):
    """A run whose phases are given by the test."""
    experiment = yamlfile.read(FILE, Experiment)
    recording = recorder.create(tmp_path / "runs", "one", FILE, Pace())
    plan = Plan("one", "kill-instance", experiment, Pace(), frozenset(), LoadSettings(), "abc", False)
    progress = Progress(io.StringIO())
    context = RunContext("one", "kill-instance", system(tmp_path, control), recording, Interrupts(), progress)
    context.assert_somebody_watches, context.knows = (lambda _: None), (lambda *_: True)
    return Drill(plan, context)


def ended(tmp_path):
    last = (tmp_path / "runs" / "one" / "recording.ndjson").read_text().splitlines()[-1]
    return json.loads(last)


def kill_and(drill, control, error):
    def phases():
        drill._context.register(KILL)
        control.kill("shop-2")
        raise error

    return phases


def test_a_defect_of_ours_is_no_completion_and_is_undone(drill, control, tmp_path, monkeypatch):
    monkeypatch.setattr(drill, "_phases", kill_and(drill, control, ZeroDivisionError()))
    with pytest.raises(ZeroDivisionError):
        drill.run()
    assert ended(tmp_path)["how"] == "data missing"
    assert control.running["shop-2"]


def test_a_lost_source_ends_it_and_is_undone(drill, control, tmp_path, monkeypatch):
    monkeypatch.setattr(drill, "_phases", kill_and(drill, control, SignalUnavailable("no word")))
    drill.run()
    assert (ended(tmp_path)["how"], ended(tmp_path)["detail"]) == ("data missing", "no word")
    assert control.running["shop-2"]


def test_without_its_lease_it_undoes_all_the_same(drill, control, tmp_path, monkeypatch):
    monkeypatch.setattr(drill, "_phases", kill_and(drill, control, LeaseLost("gone")))
    drill.run()
    assert ended(tmp_path)["how"] == "lease lost"
    assert control.started == ["shop-2"]
    assert drill._context.journal.open() == []


def test_an_undo_that_fails_is_what_counts(drill, control, tmp_path, monkeypatch):
    control.broken.add("shop-2")
    drill._context.interrupts._arrived += [2, 2]  # in a hurry, so that the test does not wait
    monkeypatch.setattr(drill, "_phases", kill_and(drill, control, SignalUnavailable("no word")))
    drill.run()
    assert ended(tmp_path)["how"] == "undo failed"
    assert "shop-2" in ended(tmp_path)["by_hand"][0]


def test_a_second_runner_touches_nothing(drill, control, tmp_path):
    LeaseFile(tmp_path, drill._context.clock).acquire("other", 100.0)
    with pytest.raises(RunInProgress, match="run other"):
        drill.run()
    assert (tmp_path / "runs" / "one" / "recording.ndjson").read_text() == ""
    assert LeaseFile(tmp_path, drill._context.clock).read().run_id == "other"
