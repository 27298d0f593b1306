"""What is broken is put back: after Ctrl-C, after SIGKILL to the runner, and after a sleep past its lease."""

import signal
import time

import httpx
import psutil
import pytest

from chaos.undo.lease import DURATION_SECONDS
from tests.e2e.conftest import wait_until

pytestmark = [pytest.mark.stack, pytest.mark.slow]

UNDONE_WITHIN_SECONDS = DURATION_SECONDS + 8
TOLD_WITHIN_SECONDS = 15


@pytest.fixture
def injected(stack, runs, experiment):
    """A run whose fault is in place: its process and its folder."""
    experiment.write_text(experiment.read_text().replace("for: 12s", "for: 60s"))
    known = runs.known()
    process = stack.start("run", experiment, "--target", stack.target)
    run = runs.new(known)
    runs.wait_injected(run)
    assert not serves(stack)
    yield process, run
    if process.poll() is None:
        process.kill()
    process.communicate(timeout=10)


def test_the_watchdog_undoes_a_run_whose_runner_was_killed(stack, injected):
    process, run = injected
    process.kill()
    wait_until(lambda: serves(stack), UNDONE_WITHIN_SECONDS, "shop-2 to serve again")
    wait_until(lambda: not loads(run), UNDONE_WITHIN_SECONDS, "the load to end")
    log = run / "watchdog.log"
    wait_until(log.exists, TOLD_WITHIN_SECONDS, "its word on disk")
    wait_until(lambda: "lease ran out" in log.read_text(), TOLD_WITHIN_SECONDS, "the reason on disk")
    wait_until(lambda: log.read_text().count("undone:") == 2, TOLD_WITHIN_SECONDS, "both undos on disk")


def test_the_next_command_undoes_what_runner_and_watchdog_left(stack, injected, supervisor):
    process, run = injected
    supervisor.stop("watchdog")
    process.kill()
    process.communicate(timeout=10)
    try:
        code, output = wait_until(lambda: undo_once_free(stack), UNDONE_WITHIN_SECONDS, "the lease to run out")
    finally:
        supervisor.start("watchdog")
    assert code == 0, output
    assert output.count("undone:") == 2
    wait_until(lambda: serves(stack), TOLD_WITHIN_SECONDS, "shop-2 to serve again")
    assert not loads(run)


def test_a_runner_that_slept_past_its_lease_is_ended_and_does_nothing_more(stack, injected, supervisor):
    process, run = injected
    process.send_signal(signal.SIGSTOP)
    log = run / "watchdog.log"
    wait_until(lambda: log.exists() and log.read_text().count("undone:") == 2, UNDONE_WITHIN_SECONDS, "the watchdog")
    assert process.wait(TOLD_WITHIN_SECONDS) == -signal.SIGKILL, (
        "asleep as it is, it is ended before anything is undone"
    )
    wait_until(lambda: "it was ended" in log.read_text(), TOLD_WITHIN_SECONDS, "its word")
    wait_until(lambda: serves(stack), TOLD_WITHIN_SECONDS, "shop-2 to serve again")
    assert pids(supervisor)["shop-2"]


def test_without_a_watchdog_nothing_is_broken(stack, experiment, supervisor):
    before = pids(supervisor)
    supervisor.stop("watchdog")
    try:
        code, output = stack.command("run", experiment, "--target", stack.target)
    finally:
        supervisor.start("watchdog")
    assert code == 3, output
    assert "so nothing may be broken" in output
    assert pids(supervisor)["shop-2"] == before["shop-2"]


@pytest.mark.parametrize("times", [1, 2])
def test_ctrl_c_undoes(stack, injected, times):
    process, run = injected
    for _ in range(times):
        process.send_signal(signal.SIGINT)
        time.sleep(0.1)  # two signals at the same moment are one
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 130, output
    wait_until(lambda: serves(stack), TOLD_WITHIN_SECONDS, "shop-2 to serve again")
    assert not loads(run)
    assert '"how":"interrupted"' in (run / "recording.ndjson").read_text()


def test_sigterm_undoes(stack, injected):
    process, _ = injected
    process.terminate()
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 143, output
    wait_until(lambda: serves(stack), TOLD_WITHIN_SECONDS, "shop-2 to serve again")


def test_nothing_is_left_to_undo(stack):
    assert stack.command("undo", "--target", stack.target) == (0, "nothing to undo\n")


def undo_once_free(stack):
    code, output = stack.command("undo", "--target", stack.target)
    return None if "in progress" in output else (code, output)


def pids(supervisor):
    return {row.name: row.pid for row in supervisor.processes()}


def loads(run):
    return [
        process.pid
        for process in psutil.process_iter(["cmdline", "status"])
        if str(run) in (process.info["cmdline"] or []) and process.info["status"] != psutil.STATUS_ZOMBIE
    ]


def serves(stack):
    try:
        return httpx.get(f"{stack.instance_url('shop-2')}/readyz", timeout=1).status_code == 200
    except httpx.HTTPError:
        return False
