"""Five of the proven alerts, picked by a seed: each way to break its alerting is found and named. Half an hour.

`VERIFIER_SEED=7 make test-verifier` picks others.
"""

import os

import pytest
import yaml

from tests.verifier.alerting import (
    SURPRISE,
    always,
    late,
    longer,
    picked,
    read,
    removed,
    surprise,
    unreachable,
    unrouted,
    window,
)

pytestmark = [pytest.mark.stack, pytest.mark.slow]
PICKED = picked(int(os.environ.get("VERIFIER_SEED", "6")))
OUTCOMES = {removed: "missed", unreachable: "missed", unrouted: "undelivered"}


@pytest.fixture(params=PICKED, ids=lambda one: f"{one[0]}-in-{one[1]}")
def alert(request):
    """An alert, and the experiment that proves it."""
    return request.param


def outcomes_of(name, stack, runs, tmp_path, experiment):
    """Run it, and return the outcome of each series of this alert, the exit code and what was printed."""
    file = tmp_path / "broken.yaml"
    file.write_text(yaml.safe_dump(experiment))
    code, output = stack.command("run", file, "--target", stack.target)
    return {one["outcome"] for one in runs.latest()["alerts"] if one["name"] == name}, code, output


@pytest.mark.parametrize("mutation", OUTCOMES, ids=lambda one: one.__name__)
def test_what_was_broken_is_named(stack, runs, tmp_path, alerting, alert, mutation):
    name, experiment_id = alert
    mutation(alerting, name)
    alerting.reload()
    outcomes, code, output = outcomes_of(name, stack, runs, tmp_path, read(experiment_id))
    assert (outcomes, code) == ({OUTCOMES[mutation]}, 1), output


def test_a_hold_time_beyond_the_window_is_late(stack, runs, tmp_path, alerting, alert):
    name, experiment_id = alert
    experiment = read(experiment_id)
    late(window(experiment, name))(alerting, name)
    alerting.reload()
    outcomes, code, output = outcomes_of(name, stack, runs, tmp_path, longer(experiment))
    assert (outcomes, code) == ({"late"}, 1), output


def test_a_rule_that_nobody_announced_is_a_surprise(stack, runs, tmp_path, alerting, alert):
    name, experiment_id = alert
    surprise(alerting)
    alerting.reload()
    outcomes, code, output = outcomes_of(SURPRISE, stack, runs, tmp_path, read(experiment_id))
    assert (outcomes, code) == ({"surprise"}, 1), output
    assert {one["outcome"] for one in runs.latest()["alerts"] if one["name"] == name} == {"proven"}


def test_an_alert_that_fires_already_ends_the_run(stack, runs, tmp_path, alerting, alert):
    name, experiment_id = alert
    always(alerting, name)
    alerting.reload()
    _, code, output = outcomes_of(name, stack, runs, tmp_path, read(experiment_id))
    assert code == 3, output
    assert "already firing" in output
    assert name in output
