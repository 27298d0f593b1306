"""A stack that shares nothing with ours, known by its target file alone: broken, judged and put back as a user would.

Four copies of tinyapp, as each run takes its time and none may meet another's fault.
"""

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import msgspec
import pytest

from chaos.errors import InvalidFile
from chaos.facts import recording
from chaos.facts.run import Injected
from chaos.machine import process_identity
from chaos.undo import watched
from chaos.undo.journal import UndoJournal
from chaos.verdict.verdict import Verdict
from compose import tools
from compose.settings import ROOT
from tests.waiting import until

TINYAPP = ROOT / "tests" / "tinyapp"
PARTS = ("store", "app-1", "app-2", "front", "toxiproxy")
FIRST_PORT = "27100"


@dataclass(frozen=True, slots=True)
class Copy:
    """One tinyapp in a folder of its own, on ports of its own."""

    folder: Path
    base: int
    environment: dict[str, str]

    def ctl(self, what: str, part: str) -> str:
        done = subprocess.run(
            [self.folder / "ctl", what, part], env=self.environment, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def start_run(self, experiment: str) -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "chaos", "run", "--target", self.folder / "target.yaml"]
        file = self.folder / "experiments" / f"{experiment}.yaml"
        with (self.folder / "run.log").open("w") as log:
            return subprocess.Popen([*command, file], env=self.environment, cwd=ROOT, stdout=log, stderr=log, text=True)

    def undo(self) -> None:
        """Put back what a failed test left behind, its load included."""
        if UndoJournal(self.folder / "run" / "stormdrill").open():
            command = [sys.executable, "-m", "chaos", "undo", "--target", self.folder / "target.yaml"]
            subprocess.run(command, env=self.environment, cwd=ROOT, check=True, timeout=60)

    def use_its_own_load(self) -> None:
        """Have its own program put the load on it; all of its requests are counts."""
        file = self.folder / "target.yaml"
        others, _, _ = file.read_text().partition("load:\n")
        command = f"[{sys.executable}, load.py]"
        file.write_text(f"{others}load: {{ type: command, command: {command}, rate: 20, timeout: 2200ms }}\n")

    def get(self, path: str, part: int = 0) -> int:
        return httpx.get(f"http://127.0.0.1:{self.base + part}{path}", timeout=2).status_code

    def assert_well(self) -> None:
        """Nothing of any fault is left, and the journal says so too."""
        assert [self.ctl("state", part) for part in PARTS] == ["running"] * len(PARTS)
        until(lambda: all(self.get("/count", part) == 200 for part in range(4)), 5)
        assert httpx.get(f"http://127.0.0.1:{self.base + 5}/proxies/store/toxics").json() == []
        assert UndoJournal(self.folder / "run" / "stormdrill").open() == []

    @property
    def latest(self) -> Path:
        return self.folder / "runs" / "latest"

    @property
    def watchdog(self) -> int:
        return watched.watches(self.folder / "run" / "stormdrill").pid


def free_base() -> int:
    """Six ports in a row that nobody listens on, below those that the kernel gives to clients."""
    while True:
        base = random.randrange(20000, 32700, 10)
        try:
            for port in range(base, base + 6):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        return base


def copy_of_tinyapp(folder: Path) -> Copy:
    shutil.copytree(TINYAPP, folder, ignore=shutil.ignore_patterns("run", "runs", "__pycache__"))
    base = free_base()
    for file in (folder / "target.yaml", folder / "ctl", folder / "haproxy.cfg", folder / "toxiproxy.json"):
        file.write_text(file.read_text().replace(FIRST_PORT[:-1], str(base // 10)))
    found = tools.find()
    programs = {"HAPROXY": str(found.path("haproxy")), "TOXIPROXY": str(found.path("toxiproxy-server"))}
    return Copy(folder, base, os.environ | programs | {"PYTHON": sys.executable, "LOG_LEVEL": "error"})


@dataclass(frozen=True, slots=True)
class Ended:
    """A run that has come to its end."""

    copy: Copy
    exit_code: int
    verdict: Verdict
    report: str


@pytest.fixture(scope="module")
def copies(tmp_path_factory) -> Iterator[dict[str, Copy]]:
    copies = {}
    try:
        for experiment in ("kill-app", "kill-store", "slow-store", "kill-app-for-long"):
            copies[experiment] = copy_of_tinyapp(tmp_path_factory.mktemp("stack") / "tinyapp")
            for part in PARTS:
                copies[experiment].ctl("start", part)
        copies["kill-store"].use_its_own_load()
        for copy in copies.values():
            until(lambda copy=copy: answers(copy), 10)
        yield copies
    finally:
        for copy in copies.values():
            for part in PARTS:
                if copy.ctl("state", part) != "stopped":
                    copy.ctl("kill", part)


def answers(copy: Copy) -> bool:
    try:
        return copy.get("/count") == 200
    except httpx.HTTPError:
        return False


@pytest.fixture(scope="module")
def runners(copies):
    """All runs at once: they take their time, and little else."""
    runners = {experiment: copy.start_run(experiment) for experiment, copy in copies.items()}
    yield runners
    for runner in runners.values():
        runner.send_signal(signal.SIGTERM)
        runner.wait(30)
    for copy in copies.values():
        copy.undo()


@pytest.fixture(scope="module")
def ended(copies, runners):
    def wait(experiment: str) -> Ended:
        copy = copies[experiment]
        code = runners[experiment].wait(120)
        log = (copy.folder / "run.log").read_text()
        assert (copy.latest / "verdict.json").exists(), log
        verdict = msgspec.json.decode((copy.latest / "verdict.json").read_bytes(), type=Verdict)
        return Ended(copy, code, verdict, log)

    return wait


def injected(folder):
    with contextlib.suppress(InvalidFile):  # before its first line is written it is no recording
        return recording.read(folder).first(Injected)


def test_sigkill_of_the_runner_is_undone_by_the_watchdog_of_the_run(copies, runners):
    copy, runner = copies["kill-app-for-long"], runners["kill-app-for-long"]
    journal = UndoJournal(copy.folder / "run" / "stormdrill")
    until(lambda: injected(copy.latest), 90)
    watchdog = process_identity.of_pid(copy.watchdog)
    assert copy.ctl("state", "app-2") == "stopped"
    assert os.getsid(watchdog.pid) == watchdog.pid, "it would die with the runner's terminal"
    runner.kill()
    killed = time.monotonic()
    # A lease of 5 s, a look every half second, and the undo of load and fault.
    until(lambda: not journal.open(), 15)
    assert time.monotonic() - killed > 2, "the lease had not run out yet: somebody else undid it"
    copy.assert_well()
    until(lambda: not process_identity.is_alive(watchdog), 5)


def test_a_kill_that_is_tolerated_holds(ended):
    run = ended("kill-app")
    assert (run.exit_code, run.verdict.outcome) == (0, "held"), run.report
    assert sum(phase.requests for phase in run.verdict.phases) > 200
    run.copy.assert_well()


def test_a_kill_of_what_is_not_redundant_deviates_and_is_undone(ended):
    run = ended("kill-store")
    assert (run.exit_code, run.verdict.outcome) == (1, "deviated"), run.report
    [failed] = [check for check in run.verdict.checks if check.holds is False]
    assert failed.phase == "during"
    # All requests are counts; the store comes back some time before its undo is proven.
    assert failed.measured > 0.5
    assert recording.read(run.copy.latest).load.complete
    run.copy.assert_well()


def test_latency_on_its_link_reaches_its_users_and_is_undone(ended):
    run = ended("slow-store")
    assert (run.exit_code, run.verdict.outcome) == (0, "held"), run.report
    run.copy.assert_well()


@pytest.mark.parametrize("experiment", ["kill-app", "kill-store", "slow-store"])
def test_what_was_not_judged_is_said(ended, experiment):
    run = ended(experiment)
    assert "not judged: the target names no alerting" in run.report
    assert (run.verdict.alerts, run.verdict.alerts_judged) == ([], False)
    assert (run.verdict.orders, run.verdict.sessions, run.verdict.has_ledgers) == (None, None, False)


def test_the_watchdog_of_a_run_ends_with_it(ended):
    run = ended("kill-app")
    assert not Path(f"/proc/{run.copy.watchdog}").exists()
