"""What a fault remembers belongs to one undo record: no later fault of its kind takes it for its own."""

import pytest

from chaos.errors import UndoFailed
from chaos.faults import saved_state
from chaos.faults.hands import System
from chaos.faults.table import hands_of
from chaos.spec.faults.scheduler import ServiceScale
from chaos.spec.values import Duration
from chaos.undo.journal import UndoJournal
from tests.fakes import FakeClock, FakeSwarm, system

SCALE = ServiceScale(Duration(seconds=10), "shop", 5)


@pytest.fixture
def swarm(tmp_path):
    return System(system(tmp_path).target, FakeSwarm())


@pytest.fixture
def journal(tmp_path):
    return UndoJournal(tmp_path)


def injected(swarm, journal):
    record = journal.register("r", "e", SCALE)
    hands_of(SCALE).inject(swarm.on_behalf_of(record.number, ""))
    return record


def test_what_is_remembered_is_known_to_the_watchdog_before_the_blow(swarm, journal, tmp_path):
    record = journal.register("r", "e", SCALE)
    seen = []

    def known():
        memos = list(saved_state.of_record(tmp_path, record.number).glob("*.json"))
        seen.append((len(memos), swarm.control.wanted))

    hands_of(SCALE).inject(swarm.on_behalf_of(record.number, "", known))
    assert seen == [(1, 3)]
    assert swarm.control.wanted == 5


def test_a_fault_cut_short_before_its_blow_puts_nothing_back_that_an_earlier_one_found(swarm, journal):
    injected(swarm, journal)
    journal.replay(swarm, FakeClock())
    swarm.control.scale("shop", 4)  # by somebody else, meanwhile
    journal.register("r", "e", SCALE)
    ((_, proof),) = journal.replay(swarm, FakeClock())
    assert proof.holds
    assert swarm.control.wanted == 4


def test_a_memo_that_is_not_whole_is_loud_and_its_record_stays(swarm, journal, tmp_path):
    record = injected(swarm, journal)
    (file,) = saved_state.of_record(tmp_path, record.number).glob("*.json")
    whole = file.read_bytes()
    for length in (0, 1, len(whole) - 1):
        file.write_bytes(whole[:length])
        with pytest.raises(UndoFailed):
            journal.replay(swarm, FakeClock())
        assert len(journal.open()) == 1
    file.write_bytes(whole)
    journal.replay(swarm, FakeClock())
    assert swarm.control.wanted == 3


def test_two_of_a_kind_at_once_each_put_back_what_they_found(swarm, journal):
    injected(swarm, journal)
    other = ServiceScale(SCALE.for_, "shop", 7)
    hands_of(other).inject(swarm.on_behalf_of(journal.register("r", "e", other).number, ""))
    journal.replay(swarm, FakeClock())
    assert swarm.control.told == [("shop", 5), ("shop", 7), ("shop", 5), ("shop", 3)]


def test_what_is_undone_is_forgotten_and_only_that(swarm, journal, tmp_path):
    injected(swarm, journal)
    swarm.control.stubborn = True
    ((_, proof),) = journal.replay(swarm, FakeClock(), patience=lambda: False)
    assert not proof.holds
    assert saved_state.of_record(tmp_path, 1).exists(), "the next try needs it"
    swarm.control.stubborn = False
    journal.replay(swarm, FakeClock())
    assert not saved_state.of_record(tmp_path, 1).exists()


def test_a_memo_that_cannot_be_removed_keeps_no_other_record_from_its_undo(swarm, journal, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError("not yours")

    injected(swarm, journal)
    injected(swarm, journal)
    monkeypatch.setattr("os.unlink", refuse)
    monkeypatch.setattr("os.rmdir", refuse)
    assert len(journal.replay(swarm, FakeClock())) == 2
    assert journal.open() == []
