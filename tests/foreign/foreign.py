"""A stack that is not ours: etcd with its own Prometheus and Alertmanagers, in a folder and on ports of its own."""

import base64
import os
import re
import shutil
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import httpx

from compose import tools
from compose.settings import ROOT
from tests.conftest import TEST_PORT_BASE

STACK = Path(__file__).parent / "stack"
MEMBERS = ("etcd-1", "etcd-2", "etcd-3")
PARTS = ("toxiproxy", *MEMBERS, "pager", "alertmanager-1", "alertmanager-2", "prometheus")
PASSWORD = "Zq7-the-password-of-the-foreign-stack"
PORTS = 20
# Beside the ports of the tests' own stacks and of copies of tinyapp.
_FIRST = int(TEST_PORT_BASE) + 700
_FAST = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}


@dataclass(frozen=True, slots=True)
class Foreign:
    """One of it."""

    folder: Path
    port: int
    environment: dict[str, str]

    def at(self, number: int, path: str = "") -> str:
        return f"http://127.0.0.1:{self.port + number}{path}"

    def ctl(self, what: str, part: str) -> str:
        command = [self.folder / "ctl", what, part]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=True, timeout=30)
        return done.stdout.strip()

    def start(self) -> None:
        for part in PARTS:
            self.ctl("start", part)

    def end(self) -> None:
        for part in reversed(PARTS):
            if self.ctl("state", part) != "stopped":
                self.ctl("kill", part)

    def stormdrill(self, *arguments: str | Path) -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "chaos", *map(str, arguments)]
        return subprocess.Popen(
            command, env=self.environment, cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def told(self, *arguments: str | Path) -> tuple[int, str]:
        """Exit code and all that it printed."""
        process = self.stormdrill(*arguments)
        printed, said = process.communicate(timeout=300)
        return process.returncode, printed + said

    def well(self) -> bool:
        """Whether a write is taken, every rule was evaluated, and its always-firing alert has arrived."""
        try:
            key = base64.b64encode(b"k").decode()
            put = httpx.post(self.at(2, "/v3/kv/put"), json={"key": key, "value": key}, timeout=2)
            rules = self.prometheus("/api/v1/rules")["data"]["groups"]
            told = httpx.get(self.at(17, "/deliveries"), params={"after": 0}, timeout=2).json()["deliveries"]
            peers = httpx.get(self.at(13, "/api/v2/status"), timeout=2).json()["cluster"]["peers"]
        except (httpx.HTTPError, KeyError, ValueError):
            return False
        evaluated = [rule["health"] for group in rules for rule in group["rules"]]
        beats = [one for one in told if one["receiver"] == "watchdog"]
        return put.status_code == 200 and set(evaluated) == {"ok"} and bool(beats) and len(peers) == 2

    def prometheus(self, path: str):
        answer = httpx.get(self.at(12, f"/monitoring{path}"), auth=("ci", PASSWORD), timeout=2)
        answer.raise_for_status()
        return answer.json()

    def make_it_fast(self) -> None:
        """Have rules, scrapes, groups and experiments run sixty times as fast; before it is started."""
        self.environment["PROMETHEUS_FLAGS"] = "--rules.alert.resend-delay=1s"
        settings = ", ".join(f"{name}: {value}" for name, value in _FAST.items())
        _change(self.folder / "prometheus.yml", r"global: \{ ", f"global: {{ {settings}, ")
        _change(self.folder / "rules" / "etcd.yaml", r"for: (\d+)m", r"for: \1s")
        _change(self.folder / "rules" / "etcd.yaml", r"\[(\d+)m\]", r"[\1s]")
        waits = "group_wait: 500ms\n  group_interval: 5s\n  group_by"
        _change(self.folder / "alertmanager.yml", "group_by", waits)
        _change(self.folder / "alertmanager.yml", "repeat_interval: 4m", "repeat_interval: 4s")
        for experiment in (self.folder / "experiments").glob("*.yaml"):
            _change(experiment, r"(for|_within): (\d+)m", r"\1: \2s")


def copy(folder: Path) -> Foreign:
    """Its files with the ports that are free."""
    shutil.copytree(STACK, folder, ignore=shutil.ignore_patterns("run", "runs", "__pycache__"))
    port = _free()
    for file in [one for one in folder.rglob("*") if one.is_file() and one.name != "ctl"]:
        text = re.sub(r"@(\d+)", lambda found: str(port + int(found[1])), file.read_text())
        file.write_text(text.replace("@PYTHON", sys.executable))
    found = tools.find()
    programs = {
        "TOXIPROXY": str(found.path("toxiproxy-server")),
        "PROMETHEUS": str(found.path("prometheus")),
        "ALERTMANAGER": str(found.path("prometheus-alertmanager")),
        "ETCD": _etcd(),
    }
    own = {"PORT": str(port), "PYTHON": sys.executable, "PYTHONPATH": str(ROOT), "PROMETHEUS_PASSWORD": PASSWORD}
    return Foreign(folder, port, os.environ | programs | own | {"LOG_LEVEL": "error"})


def _etcd() -> str:
    found = shutil.which("etcd")
    assert found, "etcd is not there: `make setup-foreign` installs it"
    return found


def _change(file: Path, pattern: str, new: str) -> None:
    text, number = re.subn(pattern, new, file.read_text())
    assert number, f"{file} has no {pattern}"
    file.write_text(text)


def _free() -> int:
    for first in range(_FIRST, _FIRST + 10 * PORTS, PORTS):
        try:
            for port in range(first, first + PORTS):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        return first
    raise OSError(f"no {PORTS} free ports in a row")
