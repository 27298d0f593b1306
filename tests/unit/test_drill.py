"""A run that ends early, however it does, is never complete, and puts back what it changed."""

import io
import json

import pytest

from chaos.drill.drill import Drill, Plan
from chaos.drill.progress import Progress
from chaos.errors import BaselineNotMet, LeaseLost, RunInProgress, SignalUnavailable
from chaos.facts import recording
from chaos.machine.interrupts import Interrupts
from chaos.spec import yamlfile
from chaos.spec.experiment import Experiment
from chaos.spec.faults.process import ProcessKill
from chaos.spec.load import LoadSettings
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
    recorder = recording.create(tmp_path / "runs", "one", FILE)
    plan = Plan("one", "kill-instance", experiment, frozenset(), LoadSettings(), "abc", False)
    return Drill(plan, system(tmp_path, control), recorder, Interrupts(), Progress(io.StringIO()))


def ended(tmp_path):
    last = (tmp_path / "runs" / "one" / "recording.ndjson").read_text().splitlines()[-1]
    return json.loads(last)


def kill_and(drill, control, error):
    def phases():
        drill._register(KILL)
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


def test_without_its_lease_it_touches_nothing(drill, control, tmp_path, monkeypatch):
    monkeypatch.setattr(drill, "_phases", kill_and(drill, control, LeaseLost("gone")))
    drill.run()
    assert ended(tmp_path)["how"] == "lease lost"
    assert control.started == []


def test_an_undo_that_fails_is_what_counts(drill, control, tmp_path, monkeypatch):
    control.broken.add("shop-2")
    drill._interrupts._arrived += [2, 2]  # in a hurry, so that the test does not wait
    monkeypatch.setattr(drill, "_phases", kill_and(drill, control, SignalUnavailable("no word")))
    drill.run()
    assert ended(tmp_path)["how"] == "undo failed"
    assert "shop-2" in ended(tmp_path)["by_hand"][0]


def test_a_second_runner_touches_nothing(drill, control, tmp_path):
    LeaseFile(tmp_path, drill._clock).acquire("other", 100.0)
    with pytest.raises(RunInProgress, match="run other"):
        drill.run()
    assert (tmp_path / "runs" / "one" / "recording.ndjson").read_text() == ""
    assert LeaseFile(tmp_path, drill._clock).read().run_id == "other"


@pytest.mark.parametrize(("stumbles", "watched"), [(0, 1), (2, 3)])
def test_a_load_that_stumbles_is_watched_anew(drill, tmp_path, monkeypatch, stumbles, watched):
    held_back_by(stumbles, drill, monkeypatch)
    drill._baseline()
    assert (tmp_path / "runs" / "one" / "recording.ndjson").read_text().count('"phase":"baseline"') == watched
    drill._recorder.close()


def test_a_load_that_never_comes_at_its_rate_is_no_baseline(drill, monkeypatch):
    held_back_by(3, drill, monkeypatch)
    with pytest.raises(BaselineNotMet, match="40 requests/s"):
        drill._baseline()
    drill._recorder.close()


def held_back_by(stumbles, drill, monkeypatch):
    """So often the load does not come at its rate; all else is well."""
    left = [BaselineNotMet("the load does not come at its rate: 40 requests/s")] * stumbles

    def assert_rate(_, __):
        if left:
            raise left.pop()

    drill._lease.acquire("one", 100.0)
    monkeypatch.setattr("chaos.drill.drill.BASELINE_SECONDS", 0.0)
    monkeypatch.setattr(drill._users, "assert_rate", assert_rate)
    monkeypatch.setattr(drill, "_calm", lambda: "nothing")
    monkeypatch.setattr(drill, "_assert_steady", lambda: None)
