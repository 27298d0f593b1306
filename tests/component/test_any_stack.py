"""A stack that shares nothing with ours, known by its target file alone: broken, judged and put back as a user would.

Copies of tinyapp, as each run takes its time and none may meet another's fault.
"""

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from chaos.errors import InvalidFile
from chaos.facts import recording
from chaos.facts.run import Injected
from chaos.machine import process_identity
from chaos.undo.journal import UndoJournal
from chaos.verdict.verdict import Verdict
from tests.tinyapp_copy import Copy, copy_of_tinyapp
from tests.waiting import until


@dataclass(frozen=True, slots=True)
class Ended:
    """A run that has come to its end."""

    copy: Copy
    exit_code: int
    verdict: Verdict
    report: str


@pytest.fixture(scope="module")
def copies(tmp_path_factory) -> Iterator[dict[str, Copy]]:
    copies = {}
    try:
        for experiment in ("kill-app", "kill-store", "slow-store", "kill-app-for-long", "kill-app-paged"):
            alerting = experiment == "kill-app-paged"
            copies[experiment] = copy_of_tinyapp(tmp_path_factory.mktemp("stack") / "tinyapp", alerting=alerting)
        copies["kill-app-paged"].make_it_fast()
        for copy in copies.values():
            copy.start()
        copies["kill-store"].use_its_own_load()
        for copy in copies.values():
            until(copy.answers, 60)
        yield copies
    finally:
        for copy in copies.values():
            copy.end()


@pytest.fixture(scope="module")
def runners(copies):
    """All runs at once: they take their time, and little else."""
    runners = {experiment: copy.start_run(experiment) for experiment, copy in copies.items()}
    yield runners
    for runner in runners.values():
        runner.send_signal(signal.SIGTERM)
        runner.wait(30)
    for copy in copies.values():
        copy.undo()


@pytest.fixture(scope="module")
def ended(copies, runners):
    def wait(experiment: str) -> Ended:
        copy = copies[experiment]
        code = runners[experiment].wait(120)
        log = (copy.folder / "run.log").read_text()
        assert (copy.latest / "verdict.json").exists(), log
        verdict = msgspec.json.decode((copy.latest / "verdict.json").read_bytes(), type=Verdict)
        return Ended(copy, code, verdict, log)

    return wait


def injected(folder):
    with contextlib.suppress(InvalidFile):  # before its first line is written it is no recording
        return recording.read(folder).first(Injected)


def test_sigkill_of_the_runner_is_undone_by_the_watchdog_of_the_run(copies, runners):
    copy, runner = copies["kill-app-for-long"], runners["kill-app-for-long"]
    journal = UndoJournal(copy.folder / "run" / "stormdrill")
    until(lambda: injected(copy.latest), 90)
    watchdog = process_identity.of_pid(copy.watchdog)
    assert copy.ctl("state", "app-2") == "stopped"
    assert os.getsid(watchdog.pid) == watchdog.pid, "it would die with the runner's terminal"
    runner.kill()
    killed = time.monotonic()
    # A lease of 5 s, a look every half second, and the undo of load and fault.
    until(lambda: not journal.open(), 40)
    assert time.monotonic() - killed > 2, "the lease had not run out yet: somebody else undid it"
    copy.assert_well()
    until(lambda: not process_identity.is_alive(watchdog), 20)


def test_a_kill_that_is_tolerated_holds(ended):
    run = ended("kill-app")
    assert (run.exit_code, run.verdict.outcome) == (0, "held"), run.report
    assert sum(phase.requests for phase in run.verdict.phases) > 200
    run.copy.assert_well()


def test_a_kill_of_what_is_not_redundant_deviates_and_is_undone(ended):
    run = ended("kill-store")
    assert (run.exit_code, run.verdict.outcome) == (1, "deviated"), run.report
    [failed] = [check for check in run.verdict.checks if check.holds is False]
    assert failed.phase == "during"
    # All requests are counts; the store comes back some time before its undo is proven.
    assert failed.measured > 0.5
    assert recording.read(run.copy.latest).load.complete
    run.copy.assert_well()


def test_latency_on_its_link_reaches_its_users_and_is_undone(ended):
    run = ended("slow-store")
    assert (run.exit_code, run.verdict.outcome) == (0, "held"), run.report
    run.copy.assert_well()


def test_the_alert_of_another_stack_is_proven(ended):
    run = ended("kill-app-paged")
    assert (run.exit_code, run.verdict.outcome) == (0, "held"), run.report
    [alert] = [one for one in run.verdict.alerts if one.name == "AppDown"]
    assert (alert.outcome, alert.labels["instance"], alert.pages) == ("proven", "app-2", 1)
    # What it waited for by design is told by its own Prometheus and Alertmanager, as nobody else knows.
    assert (alert.design.delivery, alert.design.interval) == (1.5, 5.0)
    assert recording.read(run.copy.latest).pace.stretch == 1.0, "its file is in real time"
    run.copy.assert_well()


@pytest.mark.parametrize("experiment", ["kill-app", "kill-store", "slow-store"])
def test_what_was_not_judged_is_said(ended, experiment):
    run = ended(experiment)
    assert "not judged: the target names no alerting" in run.report
    assert (run.verdict.alerts, run.verdict.alerts_judged) == ([], False)
    assert (run.verdict.orders, run.verdict.sessions, run.verdict.has_ledgers) == (None, None, False)


def test_the_watchdog_of_a_run_ends_with_it(ended):
    run = ended("kill-app")
    assert not Path(f"/proc/{run.copy.watchdog}").exists()
