"""Only a stack's own processes are found: by the ledger's pid and start time, or by their mark."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from compose.native import processes

LAUNCHER = Path(processes.__file__).with_name("launch.sh")
WAIT = "import sys; print('up', flush=True); sys.stdin.read()"


@pytest.fixture
def waiting():
    """Starts processes that wait until their input ends."""
    started = []

    def start(*command, **options):
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **options)
        started.append(process)
        assert process.stdout.readline() == "up\n"
        return process

    yield start
    for process in started:
        process.communicate()


def found(state):
    return {process.pid for process in processes.ours(state)}


def test_a_launched_process_is_found_by_the_ledger_alone(tmp_path, waiting):
    processes.begin_ledger(tmp_path)
    process = waiting(LAUNCHER, tmp_path / "processes", "waiter", sys.executable, "-c", WAIT)
    assert found(tmp_path) == {process.pid}


def test_a_marked_process_is_found_without_a_ledger(tmp_path, waiting):
    process = waiting(sys.executable, "-c", WAIT, env={processes.OWNED_BY: str(tmp_path)})
    waiting(sys.executable, "-c", WAIT, env={processes.OWNED_BY: f"{tmp_path}-other"})
    assert found(tmp_path) == {process.pid}


def test_a_marked_process_that_is_just_becoming_another_program_is_found(tmp_path, waiting, monkeypatch):
    process = waiting(sys.executable, "-c", WAIT, env={processes.OWNED_BY: str(tmp_path)})
    looks = counted(monkeypatch, process, unseen=20)
    assert found(tmp_path) == {process.pid}
    assert looks["environ"] == 11


def test_one_that_becomes_another_program_between_two_looks_is_found(tmp_path, waiting, monkeypatch):
    process = waiting(sys.executable, "-c", WAIT, env={processes.OWNED_BY: str(tmp_path)})
    counted(monkeypatch, process, unseen=1)
    assert found(tmp_path) == {process.pid}


def test_a_process_that_was_given_no_environment_keeps_nobody_waiting(tmp_path, waiting, monkeypatch):
    process = waiting(sys.executable, "-c", WAIT, env={})
    looks = counted(monkeypatch, process)
    assert found(tmp_path) == set()
    assert looks == {"environ": 2, "cmdline": 1}


def counted(monkeypatch, process, unseen=0):
    """How often its environment and its arguments are looked at; so many of these looks show neither."""
    looks, read_bytes = Counter(), Path.read_bytes

    def read(file):
        if file.parent != Path(f"/proc/{process.pid}"):
            return read_bytes(file)
        looks[file.name] += 1
        return b"" if looks.total() <= unseen else read_bytes(file)

    monkeypatch.setattr(Path, "read_bytes", read)
    return looks


def test_a_stranger_with_the_same_pid_is_not_ours(tmp_path, waiting):
    processes.begin_ledger(tmp_path)
    process = waiting(sys.executable, "-c", WAIT)
    with (tmp_path / "processes").open("a") as ledger:
        ledger.write(f"{process.pid} 1 postgres\n")
    assert found(tmp_path) == set()


def test_a_ledger_of_before_a_reboot_is_void(tmp_path, waiting):
    processes.begin_ledger(tmp_path)
    waiting(LAUNCHER, tmp_path / "processes", "waiter", sys.executable, "-c", WAIT)
    ledger = tmp_path / "processes"
    ledger.write_text(ledger.read_text().replace("boot ", "boot another-"))
    assert found(tmp_path) == set()


def test_ending_is_asked_for_first_and_then_forced(tmp_path, waiting):
    stubborn = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + WAIT
    waiting(sys.executable, "-c", stubborn, env={processes.OWNED_BY: str(tmp_path)})
    processes.end(processes.ours(tmp_path), patience_seconds=0.3)
    assert found(tmp_path) == set()
