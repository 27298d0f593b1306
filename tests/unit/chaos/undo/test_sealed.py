"""A sealed run's undo records: they find what the fault left, in any process, and nobody tells what that was."""

import json
import subprocess
from dataclasses import replace

import pytest

from chaos.cli import undo
from chaos.errors import UndoFailed
from chaos.faults import network
from chaos.faults.hands import Hands
from chaos.faults.table import hands_of
from chaos.machine.interrupts import Interrupts
from chaos.spec.faults.process import ProcessKill
from chaos.spec.values import Duration
from chaos.undo import journal as journal_
from chaos.undo.journal import UndoJournal
from chaos.undo.stop_load import StopLoad
from chaos.undo.watchdog import LiveFaults, Watchdog
from tests.fakes import FakeClock, FakeControl, FakeSwarm, system
from tests.undo import samples
from tests.unit.outside import outside

COVER = "nobody-can-guess-it"
KILL = ProcessKill(Duration.parse("5s"), "shop-2")
GONE = StopLoad(4_194_305, 7)


@pytest.fixture
def journal(tmp_path):
    return UndoJournal(tmp_path)


def test_a_record_keeps_its_cover_and_an_open_one_is_written_as_before_there_were_any(journal, tmp_path):
    journal.register("r", "e", KILL, COVER)
    journal.register("r", "e", KILL)
    assert [record.cover for record in UndoJournal(tmp_path).open()] == [COVER, ""]
    _, written = (tmp_path / "undo.ndjson").read_text().splitlines()
    assert json.loads(written).keys() == {"number", "run_id", "experiment_id", "what"}


@pytest.mark.parametrize("kind", ["network.latency", "redis.fill"])
@pytest.mark.parametrize("cover", ["", COVER])
def test_whoever_replays_finds_what_was_left_by_the_record_alone(monkeypatch, journal, tmp_path, kind, cover):
    with subprocess.Popen(["sleep", "60"]) as process:
        there = outside(monkeypatch, tmp_path, process.pid)
        process.kill()
    record = journal.register("r", "e", samples.fault(kind, "5s"), cover)
    there.inject(record.what, cover, record.number)
    assert there.names()
    ((_, proof),) = UndoJournal(tmp_path).replay(there.system, FakeClock())
    assert proof.holds
    assert there.names() == set()


def test_a_replay_passes_each_record_its_own_cover(journal, tmp_path, monkeypatch):
    seen = []

    class Notes(Hands):
        def undo(self, system):
            seen.append((system.record, system.cover))

        def undone(self, system):
            return network.Proof(seen[-1] == (system.record, system.cover), "")

    monkeypatch.setattr(journal_, "hands_of", Notes)
    for cover in (COVER, "", "another"):
        journal.register("r", "e", KILL, cover)
    journal.replay(replace(system(tmp_path), cover="that of the run that replays"), FakeClock())
    assert seen == [(3, "another"), (2, ""), (1, COVER)]


def test_no_metric_tells_of_a_sealed_fault(journal):
    journal.register("open", "kill-instance", KILL)
    journal.register("sealed", "latency-postgres", samples.fault("network.latency", "5s"), COVER)
    fault, count = (sample for family in LiveFaults(journal).collect() for sample in family.samples)
    assert fault.labels["experiment"] == "kill-instance"
    assert count.value == 1


def watchdog_says(tmp_path, control, *runs):
    for run in runs:
        (tmp_path / "runs" / run).mkdir(parents=True)
    Watchdog(system(tmp_path, control), FakeClock()).look()
    return [(tmp_path / "runs" / run / "watchdog.log").read_text() for run in runs]


def test_the_watchdog_says_only_that_something_was_undone(journal, tmp_path):
    control = FakeControl(running={"shop-1": True, "shop-2": False})
    journal.register("one", "e", KILL, COVER)
    assert watchdog_says(tmp_path, control, "one") == ["undone: something sealed of run one\n"]
    assert control.running["shop-2"]


def test_nor_does_it_say_what_could_not_be_undone_beside_another_run_either(journal, tmp_path):
    control = FakeControl(running={"shop-1": False, "shop-2": False}, broken={"shop-1", "shop-2"})
    journal.register("sealed", "e", KILL, COVER)
    journal.register("open", "e", ProcessKill(Duration.parse("5s"), "shop-1"))
    for said in watchdog_says(tmp_path, control, "sealed", "open"):
        assert said == "undo failed: something sealed of run sealed is not undone: `make undo` says more\n"


def test_who_has_to_undo_it_by_hand_is_told_all(journal, tmp_path):
    control = FakeControl(running={"shop-1": True, "shop-2": False}, broken={"shop-2"})
    journal.register("one", "e", KILL, COVER)
    with pytest.raises(UndoFailed, match="shop-2 cannot be started") as caught:
        journal.replay(system(tmp_path, control), FakeClock())
    [to_do] = caught.value.by_hand
    assert "start shop-2 again" in to_do
    assert "called by ten hexadecimal digits" in to_do


@pytest.mark.parametrize(
    ("cover", "said"), [("", f"the load (pid {GONE.pid}) has ended"), (COVER, "something sealed of run r")]
)
def test_make_undo_says_what_it_undid_unless_that_was_sealed(journal, tmp_path, capsys, cover, said):
    journal.register("r", "e", GONE, cover)
    assert undo.undo(system(tmp_path).target, Interrupts()) == 0
    assert capsys.readouterr().out == f"undone: {said}\n"


def test_make_down_puts_back_what_a_sealed_run_left_that_outlives_the_stack(journal, tmp_path, monkeypatch):
    swarm = FakeSwarm()
    monkeypatch.setattr(undo, "control_of", lambda _: swarm)
    drain = samples.fault("node.drain", "5s")
    record = journal.register("r", "e", drain, COVER)
    hands_of(drain).inject(replace(system(tmp_path, swarm), record=record.number, cover=COVER))
    assert undo._left_of_what_outlives(journal, system(tmp_path).target) == []
    assert swarm.told == [("a", "drain"), ("a", "active")]
