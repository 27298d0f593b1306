"""Services of systemd on machines that ssh reaches: real sshd, real ssh, and a stand-in for `systemctl` behind them.

That a systemd does what the stand-in does, which is what its manual says, was not seen.
"""

import contextlib
import gc
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from chaos.control.systemd import SystemdControl
from chaos.errors import InvalidFile
from chaos.facts import recording
from chaos.facts.run import Injected
from chaos.faults.table import hands_of
from chaos.spec.control import Systemd, SystemdUnit
from chaos.spec.faults.process import ProcessCrash, ProcessKill, ProcessPause, ProcessRestart
from chaos.spec.values import Duration
from chaos.undo.journal import UndoJournal
from compose.settings import ROOT
from tests import fakes, standin_systemctl
from tests.fakes import FakeClock
from tests.foreign import sshd
from tests.ports import free_port
from tests.waiting import until

# The second is what `systemd-escape` makes of a name with a dash: whoever forgets to quote it, asks for another.
UNITS = {"app-1.service": {"restart": "always"}, r"app\x2done.service": {"restart": "no"}}
HOSTS = {
    "shop-1": SystemdUnit("app-1.service", "web-1"),
    "shop-2": SystemdUnit(r"app\x2done.service", "web-2"),
    "silent": SystemdUnit("app-1.service", "silent"),
    "stranger": SystemdUnit("app-1.service", "stranger"),
    "keyless": SystemdUnit("app-1.service", "keyless"),
}


@pytest.fixture
def there(tmp_path):
    programs = standin_systemctl.installed(tmp_path / "systemd", UNITS)
    with sshd.running(tmp_path / "ssh", f"{programs}:/usr/bin:/bin") as one:
        yield one
    standin_systemctl.ended(tmp_path / "systemd")


def controlling(there, *names, timeout="10s"):
    instances = {name: HOSTS[name] for name in names or HOSTS}
    return SystemdControl(Systemd(instances, ssh_config=str(there.config), timeout=Duration.parse(timeout)))


@pytest.fixture
def control(there):
    made = controlling(there, "shop-1", "shop-2")
    for name in ("shop-1", "shop-2"):
        made.start(name)
    return made


def test_one_machine_that_does_not_answer_says_nothing_of_the_others(there, control):
    states = controlling(there).states()
    assert {name: state.state for name, state in states.items()} == {
        "shop-1": "RUNNING",
        "shop-2": "RUNNING",
        "silent": "UNKNOWN",
        "stranger": "UNKNOWN",
        "keyless": "UNKNOWN",
    }
    assert states["shop-1"].pid == 0, "a pid of another machine is a stranger's here"
    assert "Host key verification failed" in states["stranger"].why
    assert "Permission denied" in states["keyless"].why
    assert "no end within" in states["silent"].why or "timed out" in states["silent"].why


def test_a_machine_is_one_connection_in_a_private_folder_and_none_at_the_end(there):
    control = controlling(there, "shop-1")
    control.start("shop-1")
    for _ in range(3):
        assert control.states()["shop-1"].running
    assert there.came_in() == 1
    folder = control._ssh._folder
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [file.name for file in folder.iterdir()] == ["0"]
    assert connections(folder)
    del control
    gc.collect()
    until(lambda: not connections(folder))
    assert not folder.exists()


def connections(folder):
    """The processes of ssh that keep a connection by a socket in this folder."""
    every = psutil.process_iter(["cmdline"])
    return [one for one in every if any(str(folder) in word for word in one.info["cmdline"] or ())]


def test_where_no_socket_can_be_made_each_command_has_a_connection(there, control, monkeypatch):
    def full(**_):
        raise OSError("no space left on device")

    monkeypatch.setattr("tempfile.mkdtemp", full)
    poor, before = controlling(there, "shop-1"), there.came_in()
    poor.kill("shop-1")
    poor.start("shop-1")
    assert poor.state("shop-1").running
    assert there.came_in() > before + 1


@pytest.mark.parametrize("kind", [ProcessKill, ProcessCrash, ProcessPause, ProcessRestart])
@pytest.mark.parametrize("instance", ["shop-1", "shop-2"])
def test_each_fault_is_seen_in_place_and_undone_from_its_record_by_another_process(
    there, control, tmp_path, kind, instance
):
    fault = kind(Duration(seconds=5), instance)
    system = fakes.system(tmp_path / "state", control)
    system.target.state_folder.mkdir()
    record = UndoJournal(system.target.state_folder).register("run", "experiment", fault)
    of_record, hands = system.on_behalf_of(record.number, record.cover), hands_of(fault)
    hands.check(of_record)
    before = control.identity(instance)
    hands.inject(of_record)
    assert hands.in_place(of_record).holds, hands.in_place(of_record).detail
    anew = controlling(there, "shop-1", "shop-2")
    done = UndoJournal(system.target.state_folder).replay(fakes.system(tmp_path / "state", anew), FakeClock())
    assert [proof.holds for _, proof in done] == [True]
    assert anew.state(instance).running
    assert (anew.identity(instance) == before) == (kind is ProcessPause)


TARGET = """\
version: 1
name: two machines
state: state
runs: runs
urls: {{ users: "http://127.0.0.1:{users}" }}
load: {{ type: paths, paths: [/], rate: 20 }}
control:
  type: systemd
  ssh_config: {config}
  instances:
    shop-1: {{ unit: app-1.service, host: web-1 }}
    shop-2: {{ unit: app-2.service, host: web-2 }}
instances:
  shop-1: {{ role: shop, ready: "http://127.0.0.1:{users}/" }}
  shop-2: {{ role: shop, ready: "http://127.0.0.1:{others}/" }}
"""
EXPERIMENT = """\
title: An instance on another machine dies, and then the runner does
claim: The watchdog of the run undoes it there.
fault: { type: process.kill, instance: shop-2, for: 60s }
steady_state:
  - { name: share of failed requests, query: "load:failed:ratio", before: "== 0", during: "< 0.02", after: "== 0" }
recover_within: 5s
"""


def test_sigkill_of_the_runner_is_undone_on_the_other_machine_by_the_watchdog(tmp_path):
    users, others = free_port(), free_port()
    units = {
        f"app-{number}.service": {
            "restart": "always",
            "command": [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", "-d", str(tmp_path), str(port)],
        }
        for number, port in ((1, users), (2, others))
    }
    programs = standin_systemctl.installed(tmp_path / "systemd", units)
    folder = tmp_path / "target"
    folder.mkdir()
    (folder / "experiment.yaml").write_text(EXPERIMENT)
    try:
        with sshd.running(tmp_path / "ssh", f"{programs}:/usr/bin:/bin") as there:
            (folder / "target.yaml").write_text(TARGET.format(users=users, others=others, config=there.config))
            instances = {f"shop-{number}": SystemdUnit(f"app-{number}.service", f"web-{number}") for number in (1, 2)}
            control = SystemdControl(Systemd(instances, ssh_config=str(there.config)))
            for name in instances:
                control.start(name)
            _broken_off(folder, control)
            until(lambda: not UndoJournal(folder / "state").open(), 60)
            assert {name: state.state for name, state in control.states().items()} == dict.fromkeys(
                instances, "RUNNING"
            )
            _holds_no_key(folder, tmp_path / "ssh")
    finally:
        standin_systemctl.ended(tmp_path / "systemd")


def _broken_off(folder: Path, control: SystemdControl) -> None:
    """Run until the fault is in place, and kill the runner."""
    log = folder / "run.log"
    with log.open("w") as said:
        command = (sys.executable, "-m", "chaos", "run", "--target", folder / "target.yaml", folder / "experiment.yaml")
        runner = subprocess.Popen(command, cwd=ROOT, stdout=said, stderr=said, env=dict(os.environ))
    try:
        until(lambda: runner.poll() is not None or _injected(folder / "runs" / "latest"), 120)
        assert runner.poll() is None, log.read_text()
        assert control.state("shop-2").kept_down
    finally:
        runner.send_signal(signal.SIGKILL)
        runner.wait(30)


def _injected(run: Path) -> Injected | None:
    with contextlib.suppress(InvalidFile):  # before its first line is written it is no recording
        return recording.read(run).first(Injected)
    return None


def _holds_no_key(folder: Path, keys: Path) -> None:
    secret = (keys / "id").read_text().splitlines()[2]
    for file in folder.rglob("*"):
        if file.is_file():
            assert secret not in file.read_text(errors="replace"), file
