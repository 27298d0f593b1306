"""What the whole runs share: short experiments, a look into a run while it goes on, a stack put right again."""

import json
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from compose import health
from compose.native.supervisor import Supervisor
from compose.settings import ROOT
from tests.verifier.alerting import Alerting

EXPERIMENT = """\
title: A short kill
claim: The others carry the load.
fault: {{ type: process.kill, instance: shop-2, for: {hold} }}
steady_state:
  - name: share of failed user requests
    query: load:failed:ratio
    before: "== 0"
    during: "< 0.01"
    after: "== 0"
alerts:
  # By design some 5 s and 6 s; the rest is for a busy machine.
  - {{ name: ShopInstanceDown, fires_within: 10s, resolves_within: 20s, labels: {{ instance: shop-2 }} }}
  - {{ name: HAProxyServerDown, fires_within: 10s, resolves_within: 20s, labels: {{ server: shop-2 }} }}
recover_within: 20s
"""


def wait_until(condition: Callable[[], Any], seconds: float, what: str) -> Any:
    """Wait until the condition is true and return what it gave; fails the test after so many seconds."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > deadline:
            pytest.fail(f"waited {seconds} s in vain for {what}")
        time.sleep(0.05)
    return found


@dataclass
class Runs:
    """The recordings of the stack under test."""

    folder: Path

    def known(self) -> set[str]:
        """The ids of all runs so far."""
        return {path.name for path in self.folder.iterdir() if path.is_dir() and not path.is_symlink()}

    def new(self, known: set[str], seconds: float = 40) -> Path:
        """The folder of a run that began since `known`."""
        name = wait_until(lambda: self.known() - known, seconds, "a run to begin").pop()
        return self.folder / name

    def facts(self, run: Path, kind: str) -> list[dict[str, Any]]:
        """The facts of one kind that are recorded so far."""
        file = run / "recording.ndjson"
        # The last line may be half written.
        lines = file.read_text().rpartition("\n")[0].splitlines() if file.exists() else []
        return [fact for line in lines if (fact := json.loads(line))["fact"] == kind]

    def wait_injected(self, run: Path) -> None:
        """Wait until the fault is in place."""
        wait_until(lambda: self.facts(run, "injected"), 120, "the injection")

    def verdict(self, run: Path) -> dict[str, Any]:
        """The verdict of a run."""
        return json.loads((run / "verdict.json").read_text())

    def latest(self) -> dict[str, Any]:
        """The verdict of the latest run."""
        return self.verdict(self.folder / "latest")


@pytest.fixture
def runs(stack) -> Runs:
    return Runs(stack.settings.runs)


@pytest.fixture
def experiment(tmp_path) -> Path:
    """A kill of shop-2 that is held for 12 s."""
    file = tmp_path / "short-kill.yaml"
    file.write_text(EXPERIMENT.format(hold="12s"))
    return file


@pytest.fixture
def supervisor(stack) -> Supervisor:
    return Supervisor(stack.settings.state / "supervisor.sock")


@pytest.fixture(autouse=True)
def well_again(stack) -> Iterator[None]:
    """Every test leaves a stack that is proven healthy, so that none hides behind another."""
    yield
    health.wait_for(health.everything(stack.topology), time.monotonic() + 90, lambda _: None)


@pytest.fixture
def alerting(stack) -> Iterator[Alerting]:
    """The running stack's rules and routing, to be broken; put back afterwards."""
    broken = Alerting(stack)
    yield broken
    broken.restore()


@pytest.fixture
def with_panel(stack, tmp_path) -> Callable[[str, str, Callable[[dict[str, Any]], None]], Path]:
    """A target file whose dashboards are one of ours, or all of them, with one panel changed."""

    def change(uid: str, title: str, edit: Callable[[dict[str, Any]], None], *, beside: str = "") -> Path:
        folder = tmp_path / "dashboards"
        folder.mkdir()
        for source in {ROOT / "dashboards" / f"{uid}.json", *(ROOT / "dashboards").glob(beside or f"{uid}.json")}:
            shutil.copy(source, folder)
        file = folder / f"{uid}.json"
        board = json.loads(file.read_text())
        (panel,) = [panel for panel in board["panels"] if panel["title"] == title and panel["type"] != "row"]
        edit(panel)
        file.write_text(json.dumps(board))
        target = yaml.safe_load(stack.target.read_text())
        target["dashboards"]["folder"] = str(folder)
        changed = tmp_path / "target.yaml"
        changed.write_text(yaml.safe_dump(target))
        return changed

    return change


def moves_with(fault: str) -> Callable[[dict[str, Any]], None]:
    """An edit of a panel: it claims to move with this fault."""

    def edit(panel: dict[str, Any]) -> None:
        panel["description"] += f"\n\nMoves with: {fault}."

    return edit
