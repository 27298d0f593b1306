"""Our own stack at a sixth of a drill's pace and at production's; another one at the intervals that production has."""

import subprocess
import sys
import time

import msgspec
import pytest

from chaos.facts import recording
from chaos.verdict.verdict import Verdict
from compose.settings import ROOT
from tests.tinyapp_copy import copy_of_tinyapp
from tests.waiting import until

EXPERIMENTS = ("kill-instance", "latency-postgres", "exhaust-pool")
TIMES = 3
HEARTBEAT_WITHIN_SECONDS = 180.0
"""Evaluated once a minute, then 30 s of group_wait."""
LONGEST_RUN_SECONDS = 3600.0


def run(environment, pace, experiment):
    """Run it to its end; returns its exit code, all it said, and how many seconds it took."""
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "chaos", "run", experiment],
        env=environment | {"STORMDRILL_PACE": str(pace)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=LONGEST_RUN_SECONDS,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr, time.monotonic() - began


@pytest.fixture(scope="module", autouse=True)
def elsewhere(tmp_path_factory):
    """A run on a stack that looks once a minute, beside all others: it waits, and does next to nothing."""
    copy = copy_of_tinyapp(tmp_path_factory.mktemp("stack") / "tinyapp", alerting=True)
    copy.start()
    try:
        until(copy.answers, HEARTBEAT_WITHIN_SECONDS)
        runner = copy.start_run("kill-app-paged")
        yield copy, runner
        runner.terminate()
        runner.wait(60)
        copy.undo()
    finally:
        copy.end()


@pytest.mark.parametrize("time", range(TIMES))
@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_at_a_sixth_of_a_drills_pace_it_holds(stack_environment, experiment, time):
    code, said, seconds = run(stack_environment, 10, experiment)
    assert code == 0, said
    print(f"{experiment} at pace 10: {seconds / 60:.1f} min, time {time + 1} of {TIMES}")


def test_the_alert_of_a_stack_that_looks_once_a_minute_is_proven(elsewhere):
    copy, runner = elsewhere
    code = runner.wait(LONGEST_RUN_SECONDS)
    assert code == 0, (copy.folder / "run.log").read_text()
    verdict = msgspec.json.decode((copy.latest / "verdict.json").read_bytes(), type=Verdict)
    [alert] = [one for one in verdict.alerts if one.name == "AppDown"]
    assert (alert.outcome, alert.design.interval) == ("proven", 300.0)
    recorded = recording.read(copy.latest)
    assert (recorded.pace.beat, recorded.pace.stretch) == (60.0, 1.0)
    print(f"tinyapp, once a minute: {recorded.seconds / 60:.1f} min")


def test_at_productions_pace_it_holds(stack_environment):
    code, said, seconds = run(stack_environment, 1, "kill-instance")
    assert code == 0, said
    print(f"kill-instance at pace 1: {seconds / 60:.1f} min")
