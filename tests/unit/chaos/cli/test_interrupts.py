"""Signals as values; before a command listens they end it without a traceback."""

import os
import signal
import subprocess
import sys

import psutil
import pytest

from chaos.campaign.runner import StackLost
from chaos.cli import main, stack
from chaos.cli.arguments import parser
from chaos.drill.progress import Progress
from chaos.errors import Interrupted
from chaos.machine.interrupts import Interrupts
from compose import command
from compose.settings import ROOT
from tests.failpoints import handlers_kept
from tests.waiting import until

# Whoever imports the commands sends itself the signal first, as a user who has changed his mind within a second.
IMPATIENT = """
import importlib.abc, signal, sys
class Impatient(importlib.abc.MetaPathFinder):
    def find_spec(self, name, *_):
        if name == "chaos.cli.main":
            signal.raise_signal(int(sys.argv.pop()))
sys.meta_path.insert(0, Impatient())
from chaos.__main__ import main
main()
"""


@pytest.fixture(autouse=True)
def goes_on():
    with handlers_kept():
        yield


@pytest.fixture
def interrupts():
    interrupts = Interrupts()
    interrupts.listen("the instance in hand is brought back")
    return interrupts


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 143)])
def test_before_anything_is_begun_a_signal_ends_the_process_in_one_line(number, code):
    given = (sys.executable, "-c", IMPATIENT, "validate", str(int(number)))
    done = subprocess.run(given, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (code, "", f"stormdrill: interrupted (exit {code})\n")


CHANGING = {
    "run": ("no-fault",),
    "all": (),
    "ablation": (),
    "dashboards": (),
    "claims": (),
    "undo": ("--target", "chaos/targets/example.yaml"),
    "up": (),
    "down": (),
    "restart": (),
    "gameday": (),
}
"""The commands that change something, with what they need to begin."""
READING = {"adopt", "console", "report", "coverage", "validate", "list", "schema", "status", "compose-file"}
"""Whoever ends one of these loses nothing but what it would have said, or written anew."""
OTHERS = {"lint-alerts", "drill-time", "pager"}
"""Programs that take the place of ours, and hear signals themselves."""


class Listens(Exception):
    pass


def test_every_command_is_known_for_what_a_signal_means_to_it():
    assert set(main._COMMANDS) == set(CHANGING) | READING | OTHERS


@pytest.mark.parametrize("name", CHANGING)
def test_a_command_that_changes_something_listens_first(name, monkeypatch, tmp_path):
    monkeypatch.setenv("STORMDRILL_STATE", str(tmp_path / "none"))
    monkeypatch.chdir(ROOT)

    def listen(*_):
        raise Listens

    monkeypatch.setattr(Interrupts, "listen", listen)
    given = parser(main._COMMANDS).parse_args([name, *CHANGING[name]])
    with pytest.raises(Listens):
        given.command(given)
    assert not (tmp_path / "none").exists()


def test_a_catalogue_whose_stack_is_not_brought_back_says_why(monkeypatch, interrupts):
    def cut(*_):
        raise Interrupted(signal.SIGINT)

    monkeypatch.setattr(stack, "bring_up", cut)
    with pytest.raises(StackLost, match="its bringing up was interrupted"):
        stack.bring_back(interrupts)
    signal.raise_signal(signal.SIGINT)
    stack.bring_back(interrupts)  # and after a signal it is not even begun


def test_each_signal_is_answered_with_what_happens_now(interrupts, capfd):
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.raise_signal(number)
    assert capfd.readouterr().err == (
        "stormdrill: SIGINT: the instance in hand is brought back\n"
        "stormdrill: SIGTERM: the instance in hand is brought back\n"
    )
    assert (interrupts.arrived, interrupts.in_a_hurry) == (True, True)
    with pytest.raises(Interrupted) as caught:
        interrupts.check()
    assert caught.value.signal_number == signal.SIGINT


def test_who_was_started_by_nohup_outlives_its_terminal():
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    interrupts = Interrupts()
    interrupts.listen()
    signal.raise_signal(signal.SIGHUP)
    assert not interrupts.arrived


def test_at_once_a_signal_raises_where_it_comes_and_only_once(interrupts):
    reached = []

    def work():
        with interrupts.at_once():
            try:
                signal.raise_signal(signal.SIGINT)
            finally:
                signal.raise_signal(signal.SIGINT)
                reached.append("cleaned")

    with pytest.raises(Interrupted):
        work()
    assert reached == ["cleaned"]
    assert interrupts.in_a_hurry


def test_at_once_what_swallows_it_delays_it_to_the_end_of_the_block(interrupts):
    reached = []

    def work():
        with interrupts.at_once():
            try:
                signal.raise_signal(signal.SIGINT)
            except Interrupted:
                reached.append("swallowed")

    with pytest.raises(Interrupted):
        work()
    assert reached == ["swallowed"]


def test_a_command_is_ended_with_all_that_it_started(interrupts, tmp_path):
    script = f"sleep 60 & echo $! > {tmp_path}/pid; kill -INT {os.getpid()}; wait"
    with pytest.raises(Interrupted):
        command.run(("sh", "-c", script), interrupts=interrupts)
    until(lambda: not runs(int((tmp_path / "pid").read_text())))


def runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_command_is_out_of_the_terminals_reach():
    said = command.run((sys.executable, "-c", "import os; print(os.getsid(0), os.getpgid(0), os.getpid())")).split()
    assert len(set(said)) == 1


def test_a_command_that_takes_too_long_is_ended():
    with pytest.raises(subprocess.TimeoutExpired):
        command.run(("sleep", "60"), within_seconds=0.0)


def test_a_command_that_fails_says_what_it_said():
    with pytest.raises(subprocess.CalledProcessError) as caught:
        command.run(("sh", "-c", "echo said; echo complained >&2; exit 3"))
    assert (caught.value.returncode, caught.value.stdout, caught.value.stderr) == (3, "said\n", "complained\n")


def test_progress_that_nobody_reads_keeps_nothing_from_being_done():
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as stream:
        progress = Progress(stream)
        progress.phase("put back")
        progress.note("three of them")
        progress.done("all")
        os.dup2(os.open(os.devnull, os.O_WRONLY), writer)  # what is still in the stream's buffer
