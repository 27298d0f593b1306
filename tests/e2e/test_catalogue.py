"""Several experiments in sequence on one stack, each from a past that was cleaned while the run before was judged."""

import psutil
import pytest

pytestmark = [pytest.mark.stack, pytest.mark.slow]


def pids(supervisor):
    return {one.name: one.pid for one in supervisor.processes() if one.pid}


def test_the_next_run_begins_on_a_past_that_was_cleaned_before(stack, runs, supervisor):
    known, before = runs.known(), pids(supervisor)
    code, output = stack.command("all", "--only", "drain-server", "--only", "latency-postgres-small")
    assert code == 0, output
    *_, second = sorted(run for run in runs.known() - known if not run.endswith("-all"))
    [started] = runs.facts(runs.folder / second, "run_started")
    after = pids(supervisor)
    # Nothing came between the two runs but this.
    assert psutil.Process(after["prometheus"]).create_time() < started["wall"], output
    assert after.keys() == before.keys()
    renewed = {name for name in after if after[name] != before[name]}
    assert renewed == {"prometheus", "alertmanager"}, "the stack was brought up anew"
