"""Faults of processes on real ones: in place, undone, cut short, undone twice."""

import os
import signal
import statistics
import time

import psutil
import pytest

from chaos.control.port import family
from chaos.errors import FaultFailed
from chaos.faults import agent
from chaos.faults.table import hands_of
from chaos.spec.faults.cpu import ProcessHog, ProcessThrottle
from chaos.spec.faults.process import ProcessCrash, ProcessKill, ProcessPause, ProcessRestart
from chaos.spec.values import Duration
from tests.component.supervised import runs, supervised, whole
from tests.fakes import system as system_of
from tests.waiting import until

BOTH = ("shop-1", "shop-2")
HELD = Duration(seconds=5)


@pytest.fixture(scope="module")
def control(tmp_path_factory):
    with supervised(tmp_path_factory.mktemp("supervisor"), *BOTH) as control:
        yield control


@pytest.fixture
def system(control, tmp_path):
    whole(control, *BOTH)
    return system_of(tmp_path, control)


def pids(system):
    return [system.control.states()[name].pid for name in BOTH]


def assert_undone(fault, system):
    for _ in range(2):
        hands_of(fault).undo(system)
    until(lambda: hands_of(fault).undone(system).holds)


@pytest.mark.parametrize("kind", [ProcessKill, ProcessCrash, ProcessPause, ProcessRestart])
def test_several_at_once_are_hit_and_put_back(system, kind):
    fault = kind(HELD, several=BOTH)
    hands_of(fault).check(system)
    before = pids(system)
    hands_of(fault).inject(system)
    until(lambda: hands_of(fault).in_place(system).holds)
    frozen = kind is ProcessPause
    assert frozen == (pids(system) == before)
    assert_undone(fault, system)
    assert frozen == (pids(system) == before)


@pytest.mark.parametrize("kind", [ProcessKill, ProcessCrash, ProcessPause, ProcessRestart])
def test_before_the_blow_nothing_is_in_place_and_an_undo_changes_nothing(system, kind):
    fault = kind(HELD, "shop-2")
    before = pids(system)
    assert not hands_of(fault).in_place(system).holds
    assert_undone(fault, system)
    assert pids(system) == before


@pytest.mark.parametrize(
    "fault", [ProcessKill(HELD, "shop-2"), ProcessPause(HELD, "shop-2"), ProcessThrottle(HELD, "shop-2", 0.5)]
)
def test_what_does_not_run_or_is_frozen_is_refused(system, fault):
    system.control.pause("shop-2")
    with pytest.raises(FaultFailed, match="frozen already"):
        hands_of(fault).check(system)
    assert not hands_of(fault).undone(system).holds
    system.control.kill("shop-2")
    with pytest.raises(FaultFailed, match="does not run"):
        hands_of(fault).check(system)
    assert not hands_of(fault).undone(system).holds


def test_a_crash_loop_lets_each_process_grow_as_old_as_it_says(system):
    fault = ProcessCrash(HELD, "shop-2", every=Duration(seconds=2))
    before = pids(system)
    began = time.monotonic()
    hands_of(fault).inject(system)
    seen = {before[1]}

    def crashed_thrice():
        hands_of(fault).follow(system)
        assert hands_of(fault).in_place(system).holds
        seen.update(pid for pid in pids(system)[1:] if pid)
        return len(seen) == 4

    until(crashed_thrice, 60)
    assert time.monotonic() - began > 2 * 2, "twice it ran for two seconds"
    assert pids(system)[0] == before[0], "the other one is left alone"
    assert_undone(fault, system)


def test_what_crashes_before_it_listens_never_answers(system):
    fault = ProcessCrash(HELD, "shop-2", every=Duration(milliseconds=100))
    hands_of(fault).inject(system)
    began, crashes = time.monotonic(), {0}

    def started_again_and_again():
        crashes.add(pids(system)[1])
        hands_of(fault).follow(system)
        crashes.add(pids(system)[1])
        assert hands_of(fault).in_place(system).holds
        assert not hands_of(fault).undone(system).holds
        # By its manager, which waits longer each time.
        return len(crashes - {0}) > 2 and time.monotonic() - began > 6

    until(started_again_and_again, 30)
    assert_undone(fault, system)


def test_a_restart_that_was_cut_short_is_put_back(system):
    fault = ProcessRestart(HELD, "shop-2")
    system.control.stop("shop-2")
    assert not hands_of(fault).undone(system).holds
    until(lambda: hands_of(fault).undo(system) or hands_of(fault).undone(system).holds)


def test_a_throttled_one_runs_for_its_share_and_goes_on_afterwards(system):
    fault = ProcessThrottle(Duration(seconds=30), "shop-2", 0.2, Duration(milliseconds=200))
    hands_of(fault).check(system)
    assert not hands_of(fault).in_place(system).holds
    hands_of(fault).inject(system)
    try:
        until(lambda: hands_of(fault).in_place(system).holds)
        leader = psutil.Process(pids(system)[1])
        shares = []

        def for_its_share():
            looks = [leader.status() == psutil.STATUS_STOPPED for _ in range(200) if time.sleep(0.005) is None]
            shares.append(sum(looks) / len(looks))
            return 0.6 < statistics.median(shares) < 0.95

        # Who freezes it may itself be kept from its turn, for one of these seconds.
        until(for_its_share)
        assert not hands_of(fault).undone(system).holds
    finally:
        hands_of(fault).undo(system)
    assert_undone(fault, system)
    assert not any(leader.status() == psutil.STATUS_STOPPED for _ in range(60) if time.sleep(0.005) is None)


def test_a_throttle_that_died_in_the_act_leaves_nothing_frozen(system):
    fault = ProcessThrottle(HELD, "shop-2", 0.1, Duration(seconds=1))
    hands_of(fault).inject(system)
    os.kill(agents_pid(system, "throttle-shop-2"), signal.SIGKILL)
    until(lambda: not hands_of(fault).in_place(system).holds)
    system.control.pause("shop-2")  # as it may have left it
    assert_undone(fault, system)
    assert not system.control.paused("shop-2")


def test_a_hog_takes_the_cpu_and_ends_with_its_agent(system):
    fault = ProcessHog(HELD, 1)
    hands_of(fault).check(system)
    hands_of(fault).inject(system)
    assert hands_of(fault).in_place(system).holds
    assert not hands_of(fault).undone(system).holds
    hogs = family(agents_pid(system, "hog"))
    assert len(hogs) == 2
    os.kill(agents_pid(system, "hog"), signal.SIGKILL)
    until(lambda: not any(map(runs, hogs)))
    assert not hands_of(fault).in_place(system).holds
    assert_undone(fault, system)


def test_a_hog_that_is_undone_is_gone(system):
    fault = ProcessHog(HELD, 1)
    hands_of(fault).inject(system)
    hogs = family(agents_pid(system, "hog"))
    assert_undone(fault, system)
    assert not any(map(runs, hogs))


def test_too_many_hogs_are_refused(system):
    with pytest.raises(FaultFailed, match="too many"):
        hands_of(ProcessHog(HELD, 1000)).check(system)


def agents_pid(system, name):
    return agent._read(agent._place(system, name).process, agent.Child).pid
