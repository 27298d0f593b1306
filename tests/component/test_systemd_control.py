"""Services of systemd on this machine, by a stand-in for `systemctl`, as no systemd runs here: with real processes.

What the stand-in does is what systemd 252's manual says. That a systemd does the same was not seen.
"""

import os

import pytest

from chaos.control.systemd import SystemdControl
from chaos.errors import FaultFailed, SignalUnavailable
from chaos.faults.table import hands_of
from chaos.spec.control import Systemd, SystemdUnit
from chaos.spec.faults.process import ProcessCrash, ProcessKill, ProcessPause, ProcessRestart
from chaos.spec.values import Duration
from chaos.undo.journal import UndoJournal
from tests import fakes, standin_systemctl
from tests.fakes import FakeClock

UNITS = {
    "app-1.service": {"restart": "always"},
    "app-2.service": {"restart": "no"},
    "elsewhere.service": {"restart": "always", "group": "/system.slice/elsewhere.service"},
}
INSTANCES = {"shop-1": "app-1.service", "shop-2": "app-2.service", "far": "elsewhere.service", "typo": "ap.service"}
FOR = Duration(seconds=5)


@pytest.fixture
def place(tmp_path, monkeypatch):
    programs = standin_systemctl.installed(tmp_path / "systemd", UNITS)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    yield tmp_path / "systemd" / "units"
    standin_systemctl.ended(tmp_path / "systemd")


@pytest.fixture
def control(place):
    made = SystemdControl(Systemd({name: SystemdUnit(unit) for name, unit in INSTANCES.items()}))
    for name in ("shop-1", "shop-2", "far"):
        made.start(name)
    return made


def calls(place):
    return (place / standin_systemctl.CALLS).read_text().splitlines()


def test_all_are_one_question_and_one_that_is_not_there_says_nothing_of_the_others(control, place):
    before = len(calls(place))
    states = control.states()
    assert calls(place)[before:] == [f"show {' '.join(INSTANCES.values())}"]
    assert {name: state.state for name, state in states.items()} == {
        "shop-1": "RUNNING",
        "shop-2": "RUNNING",
        "far": "RUNNING",
        "typo": "UNKNOWN",
    }
    assert "not-found" in states["typo"].why


def test_a_pid_is_told_where_it_is_of_this_machine(control):
    states = control.states()
    assert os.getpgid(states["shop-1"].pid) == states["shop-1"].pid
    assert states["far"].pid == 0


@pytest.mark.parametrize("instance", ["shop-1", "shop-2"])
def test_what_is_killed_stays_down_though_systemd_would_start_it_again(control, place, instance):
    pid = control.states()[instance].pid
    before = len(calls(place))
    assert control.kill(instance) == pid
    assert calls(place)[before + 1].startswith("kill"), "SIGTERM came first: it would have drained"
    for _ in range(3):
        assert control.state(instance).kept_down
    control.start(instance)
    assert control.state(instance).running


def test_a_crash_is_left_to_systemd(control):
    first = {name: control.identity(name) for name in ("shop-1", "shop-2")}
    control.crash("shop-1")
    control.crash("shop-2")
    assert control.state("shop-1").running
    assert control.identity("shop-1") != first["shop-1"]
    assert control.state("shop-2").kept_down, "it has no Restart="


def test_what_was_started_too_often_is_started_all_the_same(control):
    for _ in range(standin_systemctl.START_LIMIT):
        control.crash("shop-1")
    assert control.state("shop-1").kept_down
    control.start("shop-1")
    assert control.state("shop-1").running


def test_what_is_frozen_is_seen_to_be_and_is_let_go_also_by_a_start(control):
    for let_go in (control.resume, control.start):
        control.pause("shop-1")
        assert control.paused("shop-1")
        assert not control.paused("shop-2")
        let_go("shop-1")
        assert not control.paused("shop-1")
    control.resume("shop-1")


def test_what_does_not_run_is_not_killed(control):
    control.kill("shop-1")
    for act in (control.kill, control.crash, control.pause):
        with pytest.raises(FaultFailed, match="does not run"):
            act("shop-1")
    with pytest.raises(SignalUnavailable, match="not found"):
        control.start("typo")
    with pytest.raises(FaultFailed, match="no unit for nobody"):
        control.state("nobody")


def test_where_no_systemd_runs_nobody_is_down(place):
    (place.parent / "bin" / "systemctl").write_text("#!/bin/sh\necho 'System has not been booted' >&2\nexit 1\n")
    states = SystemdControl(Systemd({"shop-1": SystemdUnit("app-1.service")})).states()
    assert states["shop-1"].state == "UNKNOWN"
    assert "has not been booted" in states["shop-1"].why


def test_a_systemctl_that_hangs_is_not_waited_for(place):
    (place.parent / "bin" / "systemctl").write_text("#!/bin/sh\nexec sleep 600\n")
    hangs = SystemdControl(Systemd({"shop-1": SystemdUnit("app-1.service")}, timeout=Duration.parse("500ms")))
    assert hangs.states()["shop-1"].why == "state of shop-1: no end within 0.5 s"


def test_sudo_is_asked_for_without_a_question(place):
    sudo = place.parent / "bin" / "sudo"
    sudo.write_text('#!/bin/sh\n[ "$1" = -n ] || exit 9\nshift\nexec "$@"\n')
    sudo.chmod(0o755)
    by_sudo = SystemdControl(Systemd({"shop-1": SystemdUnit("app-1.service")}, sudo=True))
    by_sudo.start("shop-1")
    assert by_sudo.state("shop-1").running
    sudo.write_text("#!/bin/sh\necho 'sudo: a password is required' >&2\nexit 1\n")
    assert "a password is required" in by_sudo.states()["shop-1"].why


@pytest.mark.parametrize("kind", [ProcessKill, ProcessCrash, ProcessPause, ProcessRestart])
@pytest.mark.parametrize("instance", ["shop-1", "shop-2"])
def test_each_fault_is_seen_in_place_and_undone_from_its_record_by_another_process(control, tmp_path, kind, instance):
    fault = kind(FOR, instance)
    system = fakes.system(tmp_path / "state", control)
    system.target.state_folder.mkdir()
    record = UndoJournal(system.target.state_folder).register("run", "experiment", fault)
    of_record = system.on_behalf_of(record.number, record.cover)
    hands = hands_of(fault)
    hands.check(of_record)
    before = control.identity(instance)
    hands.inject(of_record)
    assert hands.in_place(of_record).holds, hands.in_place(of_record).detail
    # Whoever undoes it, as the watchdog does, has the record and the target alone.
    anew = SystemdControl(control._settings)
    done = UndoJournal(system.target.state_folder).replay(fakes.system(tmp_path / "state", anew), FakeClock())
    assert [proof.holds for _, proof in done] == [True]
    assert anew.state(instance).running
    assert (anew.identity(instance) == before) == (kind is ProcessPause)
