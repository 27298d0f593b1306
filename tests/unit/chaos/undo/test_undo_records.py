"""Undo records: on disk first, last-in-first-out, safe to repeat, every one tried, failures named."""

import os
from pathlib import Path

import pytest

from chaos.errors import FaultFailed, UndoFailed
from chaos.spec.faults.process import ProcessKill, ProcessPause
from chaos.spec.values import Duration
from chaos.undo.journal import UndoJournal
from tests.fakes import FakeClock, FakeControl, system

KILLS = [ProcessKill(Duration.parse("5s"), name) for name in ("shop-1", "shop-2")]


@pytest.fixture
def journal(tmp_path):
    return UndoJournal(tmp_path)


def test_a_record_is_synced_to_disk_before_register_returns(journal, monkeypatch):
    synced = []
    fsync = os.fsync

    def note(descriptor):
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    journal.register("r", "e", KILLS[0])
    assert synced[:1] == ["undo.ndjson"]
    assert len(synced) == 2, "the folder's entry must be synced as well"
    assert [record.what for record in journal.open()] == [KILLS[0]]


def test_the_last_is_undone_first_and_only_once(journal, tmp_path):
    control = FakeControl(running={"shop-1": False, "shop-2": False})
    for kill in KILLS:
        journal.register("r", "e", kill)
    done = journal.replay(system(tmp_path, control), FakeClock())
    assert control.started == ["shop-2", "shop-1"]
    assert len(done) == 2
    assert journal.open() == []
    assert journal.replay(system(tmp_path, control), FakeClock()) == []
    assert control.started == ["shop-2", "shop-1"]


def test_on_a_full_disk_every_record_is_undone_and_noted_later(journal, tmp_path, full):
    control = FakeControl(running={"shop-1": False, "shop-2": False})
    for kill in KILLS:
        journal.register("r", "e", kill)
    with full():
        done = journal.replay(system(tmp_path, control), FakeClock())
        with pytest.raises(FaultFailed, match="its undo cannot be recorded"):
            journal.register("r", "e", KILLS[0])
    assert control.running == {"shop-1": True, "shop-2": True}
    assert all("that it is undone cannot be noted" in proof.detail for _, proof in done)
    assert len(journal.open()) == 2
    journal.replay(system(tmp_path, control), FakeClock())
    assert journal.open() == []


def test_a_folder_that_may_not_be_looked_at_any_more_is_known_as_it_was(journal, tmp_path, forbidden):
    control = FakeControl(running={"shop-1": False, "shop-2": True})
    journal.register("r", "e", KILLS[0])
    assert len(journal.open()) == 1
    with forbidden():
        assert len(journal.replay(system(tmp_path, control), FakeClock())) == 1
    assert control.running["shop-1"]


def test_a_folder_that_never_could_be_looked_at_is_no_empty_one(tmp_path, forbidden):
    with forbidden(), pytest.raises(PermissionError):
        UndoJournal(tmp_path / "other").open()


def test_a_journal_that_is_cut_at_any_byte_hides_no_whole_record(journal, tmp_path):
    for kill in KILLS:
        journal.register("r", "e", kill)
    file = tmp_path / "undo.ndjson"
    whole = file.read_bytes()
    first = whole.index(b"\n")
    for length in range(len(whole)):
        file.write_bytes(whole[:length])
        there = [record.what for record in journal.open()]
        assert there == KILLS[: (length >= first) + (length >= len(whole) - 1)]
        assert journal.unreadable() == []


def test_a_record_of_an_earlier_release_is_undone(journal, tmp_path):
    lines = (
        '{"number":1,"run_id":"r","experiment_id":"e","what":{"type":"process.kill","for":"5s","instance":"shop-1"}}',
        '{"number":2,"run_id":"r","experiment_id":"e","what":{"type":"load","pid":4194305,"started":7}}',
    )
    (tmp_path / "undo.ndjson").write_text("\n".join(lines) + "\n")
    control = FakeControl(running={"shop-1": False, "shop-2": True})
    assert len(journal.replay(system(tmp_path, control), FakeClock())) == 2
    assert control.running["shop-1"]
    assert journal.open() == []


def test_one_that_fails_keeps_none_of_the_others_and_says_what_to_do(journal, tmp_path):
    control = FakeControl(running={"shop-1": False, "shop-2": False}, broken={"shop-2"})
    for kill in KILLS:
        journal.register("r", "e", kill)
    with pytest.raises(UndoFailed, match="shop-2 cannot be started") as caught:
        journal.replay(system(tmp_path, control), FakeClock())
    assert control.running["shop-1"]
    assert [record.what for record in journal.open()] == [KILLS[1]], "it stays on record for the next try"
    assert "shop-2" in caught.value.by_hand[0]


def test_what_is_well_only_when_another_is_put_back_is_waited_for_after_that(journal, tmp_path):
    """As a server that was drained, and is in use again once its instance, which was killed before, runs."""
    control = FakeControl(running={"shop-1": False, "shop-2": True}, frozen={"shop-1"})
    for fault in (KILLS[0], ProcessPause(Duration.parse("5s"), "shop-1")):
        journal.register("r", "e", fault)
    clock = FakeClock()
    assert len(journal.replay(system(tmp_path, control), clock)) == 2
    assert journal.open() == []
    assert clock.now - 100 < 1, "nothing was waited for in vain"


def test_without_patience_it_is_still_undone_once(journal, tmp_path):
    control = FakeControl(running={"shop-1": False, "shop-2": True}, broken={"shop-1"})
    journal.register("r", "e", KILLS[0])
    with pytest.raises(UndoFailed):
        journal.replay(system(tmp_path, control), FakeClock(), patience=lambda: False)
    assert control.started == ["shop-1"]


def test_only_what_is_asked_for_is_undone(journal, tmp_path):
    control = FakeControl(running={"shop-1": False, "shop-2": False})
    journal.register("mine", "e", KILLS[0])
    journal.register("other", "e", KILLS[1])
    journal.replay(system(tmp_path, control), FakeClock(), only=lambda record: record.run_id == "mine")
    assert control.started == ["shop-1"]
    assert [record.run_id for record in journal.open()] == ["other"]


def test_a_torn_line_hides_no_other_record(journal, tmp_path):
    journal.register("r", "e", KILLS[0])
    with (tmp_path / "undo.ndjson").open("a") as file:
        file.write('{"number":2,"run_')
    journal.register("r", "e", KILLS[1])
    assert [record.what for record in journal.open()] == KILLS


def test_what_another_release_wrote_is_never_taken_for_undone(journal, tmp_path):
    foreign = ['{"number":1,"what":{"type":"process.melt"}}', '{"undone":1}']
    (tmp_path / "undo.ndjson").write_text("\n".join([*foreign, '{"number":2,"run_']) + "\n")
    journal.register("mine", "e", KILLS[0])
    control = FakeControl(running={"shop-1": False, "shop-2": True})
    assert journal.unreadable() == foreign
    assert len(journal.replay(system(tmp_path, control), FakeClock(), only=lambda record: record.run_id == "mine")) == 1
    with pytest.raises(UndoFailed, match=r"process\.melt") as caught:
        journal.replay(system(tmp_path, control), FakeClock())
    assert "remove it from" in caught.value.by_hand[0]


def test_what_another_release_wrote_and_has_undone_is_over(journal, tmp_path):
    (tmp_path / "undo.ndjson").write_text('{"number":1,"what":{"type":"process.melt"}}\n{"done":1}\n')
    assert journal.unreadable() == []


def test_without_patience_a_proof_is_left_to_the_next(journal, tmp_path):
    class Slow(FakeControl):
        def start(self, instance):
            self.started.append(instance)

    control = Slow(running={"shop-1": False, "shop-2": True})
    journal.register("r", "e", KILLS[0])
    ((_, proof),) = journal.replay(system(tmp_path, control), FakeClock(), patience=lambda: False)
    assert not proof.holds
    assert control.started == ["shop-1"]
    assert len(journal.open()) == 1
    with pytest.raises(UndoFailed, match="shop-1 is STOPPED"):
        journal.replay(system(tmp_path, control), FakeClock())
