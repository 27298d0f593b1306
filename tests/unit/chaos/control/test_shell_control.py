"""Processes controlled by commands: a manager that cannot say is never taken for a process that is down."""

import os
import signal
from pathlib import Path

import pytest

from chaos.control.shell import ShellControl
from chaos.errors import FaultFailed, SignalUnavailable
from chaos.spec.control import InstanceCommands, Shell
from chaos.spec.values import Duration
from tests.waiting import until


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def control(folder, state="true", timeout="5s", **commands):
    commands = InstanceCommands(**{"state": state, "kill": "touch killed", "start": "touch started"} | commands)
    return ShellControl(Shell({"a": commands}, Duration.parse(timeout)), str(folder))


@pytest.mark.parametrize(
    ("command", "state", "running", "down"),
    [
        ("true", "RUNNING", True, False),
        ("false", "STOPPED", False, True),
        ("echo running", "RUNNING", True, False),
        ("echo active", "RUNNING", True, False),
        ("echo Up since: Running", "RUNNING", True, False),
        ("echo paused", "PAUSED", False, False),
        ("echo exited", "STOPPED", False, True),
        ("echo inactive; exit 3", "STOPPED", False, True),
        ("echo running; exit 3", "RUNNING", True, False),
    ],
)
def test_a_printed_word_says_the_state_and_else_the_exit_code(tmp_path, command, state, running, down):
    seen = control(tmp_path, command).states()["a"]
    assert (seen.state, seen.running, seen.kept_down) == (state, running, down)


@pytest.mark.parametrize("command", ["exit 2", "no-such-program", "echo lost contact >&2; exit 1", "kill -KILL $$"])
def test_whoever_cannot_say_says_nothing(tmp_path, command):
    with pytest.raises(SignalUnavailable, match="state of a"):
        control(tmp_path, command).states()


def test_a_command_that_does_not_end_is_ended(tmp_path):
    with pytest.raises(SignalUnavailable, match=r"no end within 1\.5 s"):
        control(tmp_path, "sleep 60 & echo $! > pid; wait", "1500ms").states()
    until(lambda: not is_running((tmp_path / "pid").read_text().strip()))


def test_what_a_command_leaves_running_is_not_waited_for(tmp_path):
    control(tmp_path, start="sleep 60 & echo $! > pid", timeout="5s").start("a")
    left = int((tmp_path / "pid").read_text())
    assert is_running(left)
    os.kill(left, signal.SIGKILL)


def test_commands_run_in_the_targets_folder(tmp_path):
    one = control(tmp_path, stop="touch stopped", crash="touch crashed")
    one.kill("a")
    one.start("a")
    one.stop("a")
    one.crash("a")
    assert {file.name for file in tmp_path.iterdir()} == {"killed", "started", "stopped", "crashed"}


def test_a_command_that_fails_has_injected_nothing(tmp_path):
    with pytest.raises(FaultFailed, match="kill a: exit 7: no"):
        control(tmp_path, kill="echo no >&2; exit 7").kill("a")


def test_a_start_that_fails_is_tried_again_by_whoever_undoes(tmp_path):
    with pytest.raises(SignalUnavailable, match="start a: exit 1"):
        control(tmp_path, start="exit 1").start("a")


@pytest.mark.parametrize("what", ["crash", "stop", "pause"])
def test_what_has_no_command_cannot_be_done(tmp_path, what):
    with pytest.raises(FaultFailed, match=f"no command to {what} a"):
        getattr(control(tmp_path), what)("a")


def test_what_cannot_be_paused_needs_no_resuming(tmp_path):
    control(tmp_path).resume("a")


def test_pause_and_resume(tmp_path):
    one = control(tmp_path, "test -e frozen && echo paused", pause="touch frozen", resume="rm -f frozen")
    one.pause("a")
    assert one.paused("a")
    one.resume("a")
    assert not (tmp_path / "frozen").exists()
