"""Processes of a manager that only its commands know: crashed and restarted, proven by what tells one from the next."""

import pytest

from chaos.control.shell import ShellControl
from chaos.errors import FaultFailed
from chaos.faults.table import hands_of
from chaos.spec.control import FileSays, InstanceCommands, Shell
from chaos.spec.faults.process import ProcessCrash, ProcessRestart
from chaos.spec.values import Duration
from chaos.undo.journal import UndoJournal
from tests import fakes
from tests.fakes import FakeClock
from tests.waiting import until

RUNS = "[ -e pid ] && grep -qs '^State:.[RSDT]' /proc/$(cat pid)/status"
START = f"{{ {RUNS}; }} || {{ setsid sleep 600 & echo $! > pid; }}"
END = "kill -KILL $(cat pid); while [ -n \"$(grep -s '^State:.[RSDT]' /proc/$(cat pid)/status)\" ]; do :; done"
BY_COMMAND = "echo $(cat pid) $(cut -d' ' -f22 /proc/$(cat pid)/stat)"


@pytest.fixture(params=[BY_COMMAND, FileSays("pid")], ids=["a command", "a file"])
def control(request, tmp_path):
    commands = InstanceCommands(
        state=RUNS, kill=END, start=START, crash=f"{END}; {START}", stop=END, identity=request.param
    )
    made = ShellControl(Shell({"shop-1": commands}), str(tmp_path))
    made.start("shop-1")
    until(lambda: made.state("shop-1").running)
    yield made
    made.kill("shop-1")


@pytest.mark.parametrize("kind", [ProcessCrash, ProcessRestart])
def test_that_another_process_runs_is_proven_and_undone_from_its_record(control, tmp_path, kind):
    system = fakes.system(tmp_path / "state", control)
    system.target.state_folder.mkdir()
    fault = kind(Duration(seconds=5), "shop-1")
    record = UndoJournal(system.target.state_folder).register("run", "experiment", fault)
    of_record, hands = system.on_behalf_of(record.number, record.cover), hands_of(fault)
    hands.check(of_record)
    before = control.identity("shop-1")
    hands.inject(of_record)
    assert hands.in_place(of_record).holds, hands.in_place(of_record).detail
    assert before in hands.in_place(of_record).detail
    done = UndoJournal(system.target.state_folder).replay(system, FakeClock())
    assert [proof.holds for _, proof in done] == [True]
    assert control.identity("shop-1") != before


def test_a_crash_that_hit_nobody_is_not_in_place(control, tmp_path):
    commands = control._commands.instances["shop-1"]
    hits_nobody = InstanceCommands(commands.state, commands.kill, commands.start, "true", identity=commands.identity)
    system = fakes.system(tmp_path / "state", ShellControl(Shell({"shop-1": hits_nobody}), str(tmp_path)))
    system.target.state_folder.mkdir()
    hands = hands_of(ProcessCrash(Duration(seconds=5), "shop-1"))
    hands.inject(system)
    assert not hands.in_place(system).holds
    assert "is still" in hands.in_place(system).detail


def test_without_an_identity_it_is_refused_before_the_blow(tmp_path):
    crash = InstanceCommands("true", "true", "true", "touch crashed")
    system = fakes.system(tmp_path / "state", ShellControl(Shell({"shop-1": crash}), str(tmp_path)))
    with pytest.raises(FaultFailed, match="no `identity` for shop-1"):
        hands_of(ProcessCrash(Duration(seconds=5), "shop-1")).check(system)
    assert not (tmp_path / "crashed").exists()
