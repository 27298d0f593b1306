"""What an undo needs says what is broken: no other user of the machine can read it, nor keep its locks."""

import os
import stat

import pytest

from chaos.agents import job
from chaos.agents.job import Job, Place, Status
from chaos.errors import FaultFailed
from chaos.faults import agent, saved_state
from chaos.machine import durable, process_identity
from chaos.machine.lock import locked
from chaos.spec.faults.process import ProcessKill
from chaos.spec.values import Duration
from chaos.undo.journal import UndoJournal
from chaos.undo.lease import LeaseFile
from tests.fakes import FakeClock, FakeControl, system

KILL = ProcessKill(Duration.parse("5s"), "shop-2")
FOUND = Status(1.0, True, "the master was redis-1")
FILES = {
    *("undo.ndjson", "undo.journal", "undo.undo", "lease.json", "lease.lock"),
    *("agents", "one.job", "one.log", "one.process", "one.status", "one.ended", "memos", "1", "found.json"),
}


@pytest.fixture(autouse=True)
def generous():
    """Whoever has this mask gives everybody all that no program keeps."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.fixture
def written(tmp_path, monkeypatch):
    """A state folder in which all was written that a run with an agent and a memo writes."""
    monkeypatch.setattr(job.signal, "signal", lambda *_: None)
    monkeypatch.setattr(process_identity, "spawn", lambda *_: process_identity.Child(4_194_305, 7))
    journal, lease = UndoJournal(tmp_path), LeaseFile(tmp_path, FakeClock())
    lease.acquire("r", 100.0)
    lease.renew("r")
    record = journal.register("r", "e", KILL)
    on_its_behalf = system(tmp_path).on_behalf_of(record.number, "")
    saved_state.write(on_its_behalf, "found", FOUND)
    with pytest.raises(FaultFailed):
        agent.start(on_its_behalf, "one", "tests.idle_agent", {}, 5.0)
    its = Job(Place(tmp_path / "agents", "one"), {})
    its.announce()
    its.report(True, "at work")
    agent._mark(its._place.ended)
    journal.replay(system(tmp_path, FakeControl()), FakeClock(), patience=lambda: False, note=False)
    return tmp_path


def test_no_other_user_can_look_into_any_of_it(written):
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in written.rglob("*")}
    assert modes.keys() >= FILES
    assert {name: oct(mode) for name, mode in modes.items() if mode & 0o077} == {}


def test_what_an_earlier_release_left_for_all_to_see_is_its_owners_from_the_next_write_on(tmp_path):
    for name in ("undo.ndjson", "undo.journal", "undo.undo"):
        (tmp_path / name).touch(mode=0o644)
    for folder in (tmp_path / "memos", tmp_path / "agents"):
        folder.mkdir(mode=0o755)
    journal = UndoJournal(tmp_path)
    there = system(tmp_path).on_behalf_of(journal.register("r", "e", KILL).number, "")
    saved_state.write(there, "found", FOUND)
    agent.stop(there, "one")
    journal.replay(system(tmp_path, FakeControl()), FakeClock(), patience=lambda: False, note=False)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.rglob("*")}
    assert {name: oct(mode) for name, mode in modes.items() if mode & 0o077} == {}


def test_it_is_nobody_elses_from_the_first_moment_on(tmp_path, monkeypatch):
    seen, open_ = [], os.open

    def look(file, *arguments):
        descriptor = open_(file, *arguments)
        seen.append(stat.S_IMODE(os.fstat(descriptor).st_mode))
        return descriptor

    monkeypatch.setattr(os, "open", look)
    durable.replace(tmp_path / "one", b"x", durable=False, private=True)
    with locked(tmp_path / "two", 0.0, private=True):
        pass
    assert seen == [0o600, 0o600]


def test_where_modes_cannot_be_set_it_is_written_all_the_same(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError("no modes here")

    (tmp_path / "undo.ndjson").touch(mode=0o644)
    (tmp_path / "memos").mkdir(mode=0o755)
    monkeypatch.setattr(os, "fchmod", refuse)
    monkeypatch.setattr(os, "chmod", refuse)
    journal = UndoJournal(tmp_path)
    saved_state.write(system(tmp_path).on_behalf_of(journal.register("r", "e", KILL).number, ""), "found", FOUND)
    assert [record.what for record in journal.open()] == [KILL]
