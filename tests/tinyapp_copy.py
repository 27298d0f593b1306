"""Copies of tinyapp, a stack that shares nothing with ours, each in a folder and on ports of its own."""

import os
import random
import re
import shutil
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import httpx

from chaos.undo import watched
from chaos.undo.journal import UndoJournal
from compose import drill_time, tools
from compose.settings import ROOT
from tests.conftest import TEST_PORT_BASE
from tests.waiting import until

TINYAPP = ROOT / "tests" / "tinyapp"
PARTS = ("store", "app-1", "app-2", "front", "toxiproxy")
ALERTING = ("pager", "alertmanager", "prometheus")
FIRST_PORT = "27100"
# Beside those of the tests' own stacks. What one copy was given no other is, though it is bound only once that starts.
_BASES = [base for base in range(20_000, 29_000, 10) if not 0 <= base - int(TEST_PORT_BASE) < 4_000]
_next = iter(random.sample(_BASES, len(_BASES)))


@dataclass(frozen=True, slots=True)
class Copy:
    """One tinyapp in a folder of its own, on ports of its own."""

    folder: Path
    base: int
    environment: dict[str, str]
    parts: tuple[str, ...] = PARTS

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

    def start(self) -> None:
        for part in self.parts:
            self.ctl("start", part)

    def end(self) -> None:
        for part in self.parts:
            if self.ctl("state", part) != "stopped":
                self.ctl("kill", part)

    def answers(self) -> bool:
        """Whether its users are served, and the way to its pager is open."""
        try:
            if self.get("/count") != 200:
                return False
            return "pager" not in self.parts or self.heartbeats() > 0
        except httpx.HTTPError:
            return False

    def heartbeats(self) -> int:
        """How often its always-firing alert has arrived."""
        told = httpx.get(f"http://127.0.0.1:{self.base + 8}/deliveries", params={"after": 0}, timeout=2).json()
        return sum(one["receiver"] == "watchdog" for one in told["deliveries"])

    def make_it_fast(self) -> None:
        """Have its rules, scrapes and groups, and the experiments, run sixty times as fast; before it is started."""
        # What it could tell nobody when it began it tells again only a minute later, unless it is told otherwise.
        self.environment["PROMETHEUS_FLAGS"] = "--rules.alert.resend-delay=1s"
        alerting = self.folder / "alerting"
        pager = f"http://127.0.0.1:{self.base + 8}"
        drill_time.generate(alerting / "rules", alerting / "alertmanager.yml", pager, alerting)
        config = alerting / "prometheus.yml"
        config.write_text(config.read_text().replace("_interval: 1m", "_interval: 1s"))
        experiment = self.folder / "experiments" / "kill-app-paged.yaml"
        experiment.write_text(re.sub(r"(for|_within): (\d+)m", r"\1: \2s", experiment.read_text()))

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
        assert [self.ctl("state", part) for part in self.parts] == ["running"] * len(self.parts)
        until(lambda: all(self.get("/count", part) == 200 for part in range(4)))
        assert httpx.get(f"http://127.0.0.1:{self.base + 5}/proxies/store/toxics").json() == []
        assert UndoJournal(self.folder / "run" / "stormdrill").open() == []

    @property
    def latest(self) -> Path:
        return self.folder / "runs" / "latest"

    @property
    def watchdog(self) -> int:
        return watched.watches(self.folder / "run" / "stormdrill").pid


def free_base() -> int:
    """Ten ports in a row that nobody listens on, below those that the kernel gives to clients."""
    for base in _next:
        try:
            for port in range(base, base + 10):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        return base
    raise OSError("no ten free ports in a row")


def copy_of_tinyapp(folder: Path, *, alerting: bool = False) -> Copy:
    """With its alerting, its target file is the one that names it."""
    shutil.copytree(TINYAPP, folder, ignore=shutil.ignore_patterns("run", "runs", "__pycache__"))
    if alerting:
        (folder / "target-alerting.yaml").replace(folder / "target.yaml")
    base = free_base()
    configured = [*folder.glob("alerting/*.yml"), folder / "haproxy.cfg", folder / "toxiproxy.json"]
    for file in (*folder.glob("target*.yaml"), folder / "ctl", *configured):
        file.write_text(file.read_text().replace(FIRST_PORT[:-1], str(base // 10)))
    found = tools.find()
    names = {"HAPROXY": "haproxy", "TOXIPROXY": "toxiproxy-server", "PROMETHEUS": "prometheus"}
    programs = {variable: str(found.path(name)) for variable, name in names.items()}
    programs["ALERTMANAGER"] = str(found.path("prometheus-alertmanager"))
    environment = os.environ | programs | {"PYTHON": sys.executable, "LOG_LEVEL": "error"}
    return Copy(folder, base, environment, (*PARTS, *ALERTING) if alerting else PARTS)
