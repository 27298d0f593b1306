"""Dashboards on a whole stack: every panel shows data under load, and a panel that lies about itself is found.

A tagged panel that does not move is found by the verifier's first run.
"""

import time

import pytest

from tests.e2e.conftest import moves_with

pytestmark = [pytest.mark.stack, pytest.mark.slow]

NO_FAULT = """\
title: Nothing for a while
claim: Nothing happens.
fault: { type: none, for: 15s }
steady_state:
  - { name: share of failed user requests, query: "load:failed:ratio", during: "< 0.5" }
recover_within: 5s
"""


def test_every_panel_shows_data_under_load(stack):
    code, output = stack.command("dashboards")
    assert code == 0, output
    assert "NOTHING" not in output


def test_a_panel_on_a_metric_that_does_not_exist_is_named(stack, with_panel):
    def misspell(panel):
        query = panel["targets"][0]
        query["expr"] = query["expr"].replace("haproxy_backend_current_queue", "haproxy_backend_current_quue")

    target = with_panel("haproxy", "Queue", misspell)
    code, output = stack.command("dashboards", "--within", "30s", "--target", target)
    assert code == 1, output
    assert "NOTHING SHOWN: haproxy / Queue" in output
    assert output.count("NOTHING SHOWN") == 1


def test_with_nothing_broken_a_tagged_panel_that_moves_is_all_that_deviates(stack, runs, tmp_path, with_panel):
    def runs_away(panel):
        moves_with("process.kill shop")(panel)
        panel["targets"][0]["expr"] = f"exp((vector(time()) - {time.time():.0f}) / 5)"

    file = tmp_path / "nothing.yaml"
    file.write_text(NO_FAULT)
    target = with_panel("instances", "Age", runs_away, beside="*.json")
    code, output = stack.command("run", file, "--target", target)
    assert code == 1, output
    verdict = runs.latest()
    assert [reason.split(":")[0] for reason in verdict["reasons"]] == [
        "panel instances / Age moved with nothing broken"
    ]
    assert {alert["outcome"] for alert in verdict["alerts"]} == {"quiet"}
    assert verdict["panels"], "no panel was looked at"
