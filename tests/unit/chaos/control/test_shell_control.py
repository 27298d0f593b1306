"""Processes controlled by commands: a manager that cannot say is never taken for a process that is down."""

import os
import signal
from pathlib import Path

import pytest

from chaos.control.port import state_of
from chaos.control.shell import ShellControl
from chaos.errors import FaultFailed, SignalUnavailable
from chaos.machine import process_identity
from chaos.spec.control import FileSays, InstanceCommands, Shell
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
    seen = control(tmp_path, command).states()["a"]
    assert (seen.state, seen.running, seen.kept_down) == ("UNKNOWN", False, False)
    assert "state of a: exit" in seen.why
    with pytest.raises(SignalUnavailable, match="state of a: exit"):
        state_of(control(tmp_path, command), "a")


def test_a_command_that_does_not_end_is_ended(tmp_path):
    seen = control(tmp_path, "sleep 60 & echo $! > pid; wait", "1500ms").states()["a"]
    assert (seen.state, seen.why) == ("UNKNOWN", "state of a: no end within 1.5 s")
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


def test_one_that_does_not_say_tells_nothing_of_the_others(tmp_path):
    commands = {f"app-{n}": InstanceCommands("echo running", "true", "true") for n in range(40)}
    commands["app-7"] = InstanceCommands("echo no route >&2; exit 255", "true", "true")
    one = ShellControl(Shell(commands, at_once=4), str(tmp_path))
    states = one.states()
    assert list(states) == list(commands)
    assert [name for name, state in states.items() if not state.running] == ["app-7"]
    assert states["app-7"].why == "state of app-7: exit 255: no route"
    assert state_of(one, "app-8").running


def test_a_command_tells_one_process_from_the_next(tmp_path):
    one = control(tmp_path, identity="cat id")
    (tmp_path / "id").write_text("first\n")
    assert one.identity("a") == "first"


@pytest.mark.parametrize("command", ["exit 1", "echo first; exit 3", "true", "no-such-program"])
def test_an_identity_that_nobody_says_is_none(tmp_path, command):
    with pytest.raises(SignalUnavailable, match="identity of a"):
        control(tmp_path, identity=command).identity("a")


def test_without_a_way_to_tell_processes_apart_nobody_could_prove_a_crash(tmp_path):
    with pytest.raises(FaultFailed, match="no `identity` for a"):
        control(tmp_path).identity("a")


def test_a_file_tells_it_and_a_pid_only_with_the_moment_of_its_start(tmp_path):
    one, file = control(tmp_path, identity=FileSays("run/app.pid")), tmp_path / "run" / "app.pid"
    with pytest.raises(SignalUnavailable, match="identity of a"):
        one.identity("a")
    file.parent.mkdir()
    file.write_text("\n")
    with pytest.raises(SignalUnavailable, match="is empty"):
        one.identity("a")
    file.write_text("started 5\n")
    assert one.identity("a") == "started 5"
    file.write_text(f"{os.getpid()}\n")
    started = process_identity.of_pid(os.getpid()).started
    assert one.identity("a") == f"{os.getpid()} started at {started}"
    file.write_text(f"{2**22 + 1}\n")  # of another machine, or of a container
    assert one.identity("a") == str(2**22 + 1)
