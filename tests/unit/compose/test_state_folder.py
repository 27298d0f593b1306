"""A state folder of another release, runtime or user is replaced, or one line says what to do."""

import os
import shutil
from argparse import Namespace

import pytest

from chaos.cli import stack, undo
from chaos.errors import UndoFailed
from chaos.machine.interrupts import Interrupts
from chaos.spec.faults.process import ProcessKill
from chaos.spec.values import Duration
from chaos.undo.journal import UndoJournal
from compose import state_folder
from compose.state_folder import Mark, StackError
from tests.failpoints import handlers_kept
from tests.fakes import FakeControl, system

# As `process.kill` of a release that knew a field which is gone, and the mark of the one before this.
RECORD = '{"number":1,"run_id":"r","experiment_id":"e","what":{"type":"process.kill","for":"5s","volume":11}}'
OLD_MARK = "native (18000, 1, [('SHOP_DRAIN', 'on')])"


@pytest.fixture
def state(tmp_path):
    state = tmp_path / "state"
    state.mkdir()
    return state


def marked(state, text):
    (state / "stormdrill-stack").write_text(text)
    return state


@pytest.fixture
def ours(state, monkeypatch):
    """The state folder that the commands use."""
    monkeypatch.setenv("STORMDRILL_STATE", str(state))
    with handlers_kept():
        yield state


def test_a_mark_is_read_as_it_was_written(state):
    state_folder.write_mark(state, Mark("swarm", "(18000, 2, [])"))
    assert state_folder.mark_of(state) == Mark("swarm", "(18000, 2, [])", state_folder.VERSION)


def test_the_mark_of_the_release_before_is_that_of_version_1(state):
    assert state_folder.mark_of(marked(state, OLD_MARK)) == Mark("native", "(18000, 1, [('SHOP_DRAIN', 'on')])", 1)


@pytest.mark.parametrize("text", ["native v99 (18000, 1, [])", "podman v2 (18000, 1, [])", "something else"])
def test_what_is_not_understood_is_one_line_with_the_next_step(state, text):
    with pytest.raises(StackError, match="`make down` with that release; or, when nothing of it runs any more, remove"):
        state_folder.mark_of(marked(state, text))


def test_a_mark_that_was_never_written_whole_is_no_stack(state):
    assert state_folder.mark_of(marked(state, "")) is None


def test_another_users_folder_is_not_looked_into(state, monkeypatch):
    marked(state, "something else")
    monkeypatch.setattr(os, "getuid", lambda: state.stat().st_uid + 1)
    with pytest.raises(StackError, match="belongs to another user; set STORMDRILL_STATE"):
        state_folder.mark_of(state)


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StackError, match="is no folder"):
        state_folder.mark_of(tmp_path / "file")


def test_a_folder_of_somebody_elses_files_is_refused_and_kept(state):
    (state / "thesis.tex").touch()
    with pytest.raises(StackError, match="not a stack's state folder"), state_folder.locked(state):
        pass
    assert (state / "thesis.tex").exists()


def test_what_is_emptied_half_way_is_still_known_for_a_stacks(state, monkeypatch):
    marked(state, OLD_MARK)
    for name in "abcxyz":
        (state / name).mkdir()

    def killed(path):
        raise KeyboardInterrupt

    monkeypatch.setattr(shutil, "rmtree", killed)
    with pytest.raises(KeyboardInterrupt):
        state_folder.empty(state)
    with state_folder.locked(state):
        assert state_folder.mark_of(state) is not None


def test_another_at_work_is_waited_for_and_keeps_its_folder(tmp_path):
    with state_folder.locked(tmp_path / "new"):
        with pytest.raises(StackError, match="is at work"), state_folder.locked(tmp_path / "new"):
            pass
        assert (tmp_path / "new").exists()


def test_a_lock_on_a_folder_that_is_gone_is_none(state):
    descriptor = os.open(state, os.O_RDONLY)
    state.rmdir()
    state.mkdir()
    try:
        with pytest.raises(StackError, match="is at work"):
            state_folder._take(descriptor, state)
    finally:
        os.close(descriptor)


def test_one_that_is_left_empty_is_gone(tmp_path):
    with state_folder.locked(tmp_path / "new"):
        assert (tmp_path / "new").stat().st_mode & 0o777 == 0o711
    assert not (tmp_path / "new").exists()


def test_up_undoes_first_what_a_run_left(ours, monkeypatch):
    control = FakeControl(running={"shop-1": False, "shop-2": True})
    journal, target, open_then = UndoJournal(ours), system(ours, control).target, []
    marked(ours, OLD_MARK)
    journal.register("r", "e", ProcessKill(Duration.parse("5s"), "shop-1"))
    monkeypatch.setattr(undo, "control_of", lambda _: control)
    monkeypatch.setattr(stack, "_target_of_before", lambda: target)
    monkeypatch.setattr(stack.runtime, "up", lambda *_: open_then.append(journal.open()))
    stack.bring_up(print, Interrupts())
    assert (control.started, open_then) == (["shop-1"], [[]])


def test_up_refuses_to_drop_an_undo_record_that_it_cannot_read(ours):
    marked(ours, OLD_MARK)
    (ours / "undo.ndjson").write_text(f"{RECORD}\n")
    with pytest.raises(UndoFailed, match='"volume":11') as caught:
        stack.up(Namespace())
    assert "`make down`" in caught.value.by_hand[0]
    assert (ours / "undo.ndjson").exists()


def test_down_says_what_it_cannot_read_and_goes_on(ours, capsys):
    marked(ours, OLD_MARK)
    (ours / "undo.ndjson").write_text(f"{RECORD}\n")
    (ours / "target.yaml").write_text("version: of another release\n")
    assert stack.down(Namespace()) == 0
    assert '"volume":11' in capsys.readouterr().err
    assert not ours.exists()
