"""Dashboards on a whole stack: every panel shows data under load, and a panel that lies about itself is found."""

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from compose.settings import ROOT

pytestmark = [pytest.mark.stack, pytest.mark.slow]

NO_FAULT = """\
title: Nothing for a while
claim: Nothing happens.
fault: { type: none, for: 15s }
steady_state:
  - { name: share of failed user requests, query: "load:failed:ratio", during: "< 0.5" }
recover_within: 5s
"""


@pytest.fixture
def with_panel(stack, tmp_path) -> Callable[[str, str, Callable[[dict[str, Any]], None]], Path]:
    """A target file whose dashboards are one of ours, with one panel of it changed."""

    def change(uid: str, title: str, edit: Callable[[dict[str, Any]], None]) -> Path:
        folder = tmp_path / "dashboards"
        folder.mkdir()
        file = Path(shutil.copy(ROOT / "dashboards" / f"{uid}.json", folder))
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


def tagged(fault):
    def edit(panel):
        panel["description"] += f"\n\nMoves with: {fault}."

    return edit


def test_every_panel_shows_data_under_load(stack):
    code, output = stack.command("dashboards")
    assert code == 0, output
    assert "NOTHING" not in output


def test_a_panel_on_a_metric_that_does_not_exist_is_named(stack, with_panel):
    def misspell(panel):
        query = panel["targets"][0]
        query["expr"] = query["expr"].replace("haproxy_backend_current_queue", "haproxy_backend_current_quue")

    code, output = stack.command("dashboards", "--target", with_panel("haproxy", "Queue", misspell))
    assert code == 1, output
    assert "NOTHING SHOWN: haproxy / Queue" in output
    assert output.count("NOTHING SHOWN") == 1


def test_a_tagged_panel_that_does_not_move_deviates(stack, runs, experiment, with_panel):
    target = with_panel("redis", "Cluster, as each node sees it", tagged("process.kill shop"))
    code, output = stack.command("run", experiment, "--target", target)
    assert code == 1, output
    wanted = "panel redis / Cluster, as each node sees it did not move"
    assert [reason for reason in runs.latest()["reasons"] if reason.startswith(wanted)], output


def test_a_tagged_panel_that_moves_with_nothing_broken_deviates(stack, runs, tmp_path, with_panel):
    def runs_away(panel):
        tagged("process.kill shop")(panel)
        panel["targets"][0]["expr"] = f"exp((vector(time()) - {time.time():.0f}) / 5)"

    file = tmp_path / "nothing.yaml"
    file.write_text(NO_FAULT)
    code, output = stack.command("run", file, "--target", with_panel("instances", "Age", runs_away))
    assert code == 1, output
    wanted = "panel instances / Age moved with nothing broken"
    assert [reason for reason in runs.latest()["reasons"] if reason.startswith(wanted)], output
