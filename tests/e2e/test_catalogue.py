"""Several experiments in sequence on one stack, each from a past that was cleaned while the run before was judged."""

import psutil
import pytest

from tests import agreement

pytestmark = [pytest.mark.stack, pytest.mark.slow]

ONLY = ("kill-redis-master", "latency-postgres", "pause-instance")
"""In the catalogue's order."""


def pids(supervisor):
    return {one.name: one.pid for one in supervisor.processes() if one.pid}


def test_the_next_run_begins_on_a_past_that_was_cleaned_before(stack, runs, supervisor, pytestconfig):
    known, before = runs.known(), pids(supervisor)
    process = stack.start("all", *(word for experiment in ONLY for word in ("--only", experiment)))
    output, _ = process.communicate(timeout=500)
    made = sorted(run for run in runs.known() - known if not run.endswith("-all"))
    amiss = []
    for experiment, run in zip(ONLY, made, strict=True):
        assert run.endswith(experiment), output
        verdict = runs.verdict(runs.folder / run)
        agreement.note(pytestconfig.cache, experiment, verdict)
        amiss += [] if verdict["outcome"] == "held" else [verdict]
    # Where users only waited too long it is run again before the containers are held against it.
    assert all(map(agreement.only_slow, amiss)), output
    assert (process.returncode == 0) == (not amiss), output
    [started] = runs.facts(runs.folder / made[-1], "run_started")
    after = pids(supervisor)
    # Nothing came between the runs but this.
    assert psutil.Process(after["prometheus"]).create_time() < started["wall"], output
    assert after.keys() == before.keys()
    renewed = {name for name in after if after[name] != before[name]}
    killed = {name for name in renewed if name.startswith("redis-") and name != "redis-exporter"}
    assert len(killed) == 1
    assert renewed - killed == {"prometheus", "alertmanager"}, "the stack was brought up anew"
