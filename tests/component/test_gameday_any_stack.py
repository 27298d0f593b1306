"""A round on a stack that is not ours: its target file says what can be named and done, and nothing knows the shop."""

import json
import subprocess
import sys

import pytest

from chaos.facts.game import Acted, HoldEnded, Ready
from chaos.gameday import ending
from chaos.gameday.table import Table
from compose.settings import ROOT
from tests.tinyapp_copy import copy_of_tinyapp
from tests.waiting import until

DECK = """\
title: A day with tinyapp
earliest: 1s
latest: 2s
limit: 40s
cards: [{ experiment: experiments/kill-app.yaml, mitigation: restart app-2 }]
"""


@pytest.fixture
def tinyapp(tmp_path):
    copy = copy_of_tinyapp(tmp_path / "tinyapp")
    try:
        copy.start()
        until(copy.answers, 20)
        yield copy
    finally:
        copy.undo()
        copy.end()


def test_a_round_from_sealed_fault_to_debrief(tinyapp):
    deck = tinyapp.folder / "gameday.yaml"
    deck.write_text(DECK)
    command = [sys.executable, "-m", "chaos", "gameday", "--target", tinyapp.folder / "target.yaml", "--deck", deck]
    process = subprocess.Popen(
        command,
        env=tinyapp.environment,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        until(lambda: ending.is_round(tinyapp.latest) or process.poll() is not None, 30)
        assert process.poll() is None, process.communicate()[0]
        table = Table(tinyapp.latest.resolve())
        assert {"app-1", "app-2", "store", "front"} <= set(table.began.components)
        assert not [action for action in table.began.actions if "shop" in action]
        until(lambda: table.all(Ready), 60)
        until(lambda: tinyapp.ctl("state", "app-2") == "stopped", 30)
        table.claim("Ann", "app-2", "process", 1.0)
        table.ask("Ann", "restart app-2")
        until(lambda: table.all(Acted), 20)
        output, _ = process.communicate(timeout=90)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0, output
    [ended] = table.all(HoldEnded)
    assert ended.how == "mitigated"
    assert ending.broken_seal(table.folder) == []
    score = json.loads((table.folder / "score.json").read_text())
    assert (score["brier"], score["claims"][0]["right"]) == ({"Ann": 0.0}, True)
    tinyapp.assert_well()
