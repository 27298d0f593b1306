"""The same experiments on both runtimes: the same verdict, the same alerts, the same schema."""

import json

import pytest

from tests.e2e.conftest import Runs

pytestmark = [pytest.mark.stack, pytest.mark.slow]

EXPERIMENTS = ("kill-instance", "pause-instance", "latency-postgres", "exhaust-pool", "kill-redis-master", "no-fault")


def verdicts(stack):
    """Run every experiment on this stack, and give each one's verdict."""
    seen = {}
    for experiment in EXPERIMENTS:
        code, output = stack.command("run", experiment)
        seen[experiment] = Runs(stack.settings.runs).latest() | {"exit": code, "output": output}
    return seen


@pytest.fixture(scope="module")
def native(an_engine, request):
    """Before the other, not beside it: on two cores even a stack at rest delayed an alert's resolution."""
    stack = request.getfixturevalue("stack")
    seen = verdicts(stack)
    assert stack.command("down")[0] == 0
    return seen


@pytest.fixture(scope="module")
def in_containers(containers):
    return verdicts(containers)


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_both_runtimes_agree(native, in_containers, experiment):
    here, there = in_containers[experiment], native[experiment]
    assert here["outcome"] == there["outcome"], f"{here['output']}\n{there['output']}"
    assert outcomes(here) == outcomes(there)
    assert shape(here) == shape(there)


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_it_holds_in_containers(in_containers, experiment):
    run = in_containers[experiment]
    assert (run["exit"], run["outcome"]) == (0, "held"), run["output"]


def outcomes(run):
    """What became of each alert, but for those that may fire; which instance a chosen master is may differ."""
    return sorted((alert["name"], alert["outcome"]) for alert in run["alerts"] if alert["outcome"] != "allowed")


def shape(run):
    """The keys of the verdict at every depth, whatever is in them."""

    def keys(value):
        if isinstance(value, dict):
            return {name: keys(inner) for name, inner in sorted(value.items())}
        return type(value).__name__

    return json.dumps({name: keys(value) for name, value in sorted(run.items()) if name not in ("exit", "output")})
