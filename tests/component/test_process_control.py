"""A supervisord's processes, killed, crashed, frozen and stopped: with small programs, as real as the stack's."""

import os
import signal
import time

import pytest

from chaos.control.port import family
from chaos.errors import FaultFailed
from tests.component.supervised import DRAINS_SECONDS, runs, supervised, whole
from tests.waiting import until


@pytest.fixture(scope="module")
def control(tmp_path_factory):
    with supervised(tmp_path_factory.mktemp("supervisor"), "server") as control:
        yield control


@pytest.fixture(autouse=True)
def running(control):
    """Before each test it runs, all three processes of it."""
    (pid,) = whole(control, "server")
    return pid


def test_a_killed_one_is_gone_with_all_its_children_and_stays_down(control, running):
    members = family(running)
    assert control.kill("server") == running
    assert not any(map(runs, members))
    assert control.states()["server"].kept_down
    until(lambda: control.states()["server"].state == "STOPPED")
    with pytest.raises(FaultFailed, match="does not run"):
        control.kill("server")


def test_a_crashed_one_comes_back_by_itself_as_another(control, running):
    assert control.crash("server") == running
    assert not family(running)
    until(lambda: control.states()["server"].pid not in (0, running))


def test_a_paused_one_is_frozen_with_all_its_children_and_goes_on(control, running):
    assert not control.paused("server")
    control.pause("server")
    assert control.paused("server")
    assert {process.status() for process in family(running)} == {"stopped"}
    assert control.states()["server"].running, "its manager is told nothing"
    for _ in range(2):
        control.resume("server")
        until(lambda: "stopped" not in {one.status() for one in family(running)})
    assert not control.paused("server")


def test_one_of_it_that_goes_on_is_no_pause(control, running):
    control.pause("server")
    os.kill(family(running)[-1].pid, signal.SIGCONT)
    until(lambda: not control.paused("server"))
    control.resume("server")


def test_a_stopped_one_drains_first(control, running):
    began = time.monotonic()
    control.stop("server")
    kept_down = control.states()["server"].kept_down
    assert not kept_down or time.monotonic() - began > DRAINS_SECONDS, "it still drains"
    until(lambda: control.states()["server"].state == "STOPPED")
    assert time.monotonic() - began > 0.9 * DRAINS_SECONDS


@pytest.mark.parametrize("told", [False, True], ids=["before the manager was told", "after it was told"])
def test_a_start_mends_a_kill_that_was_cut_short(control, running, told):
    control.pause("server")
    if told:
        control.stop("server")

    def serves():
        control.start("server")
        state = control.states()["server"]
        return state.running and not control.paused("server")

    until(serves)
    assert (control.states()["server"].pid == running) is not told
