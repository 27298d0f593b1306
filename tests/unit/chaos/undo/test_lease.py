"""The lease and the watchdog: one runner at a time; one that is gone is undone, one that slept is fenced."""

import pytest

from chaos.errors import InvalidFile, LeaseLost, RunInProgress
from chaos.spec.faults.process import ProcessKill
from chaos.spec.values import Duration
from chaos.undo.journal import UndoJournal
from chaos.undo.lease import DURATION_SECONDS, LeaseFile
from chaos.undo.stop_load import StopLoad
from chaos.undo.watchdog import LiveFaults, Watchdog
from tests.fakes import FakeClock, FakeControl, system

LONG = 1000.0


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def lease(tmp_path, clock):
    return LeaseFile(tmp_path, clock)


def test_a_second_runner_is_refused_until_the_first_is_done(lease):
    lease.acquire("one", LONG)
    with pytest.raises(RunInProgress, match="run one"):
        lease.acquire("two", LONG)
    lease.release("one")
    lease.acquire("two", LONG)


def test_a_lease_that_another_release_wrote_is_one_line_with_the_next_step(lease, tmp_path):
    (tmp_path / "lease.json").write_text('{"run": 7}')
    with pytest.raises(InvalidFile, match=r"lease\.json: .*where none is in progress, remove this file"):
        lease.acquire("two", LONG)


def test_renewing_keeps_it_alive(lease, clock):
    lease.acquire("one", LONG)
    for _ in range(10):
        clock.wait(DURATION_SECONDS - 1)
        lease.renew("one")
    lease.assert_held("one")


def test_a_runner_that_slept_has_lost_it(lease, clock):
    lease.acquire("one", LONG)
    clock.wait(DURATION_SECONDS + 0.1)
    with pytest.raises(LeaseLost):
        lease.assert_held("one")
    with pytest.raises(LeaseLost):
        lease.renew("one")


def test_a_runner_that_hangs_cannot_renew_for_ever(lease, clock):
    lease.acquire("one", DURATION_SECONDS + 2)
    clock.wait(4)
    lease.renew("one")
    clock.wait(3.5)
    with pytest.raises(LeaseLost):
        lease.renew("one")


def test_a_lease_of_before_a_reboot_is_void(lease, clock):
    lease.acquire("one", LONG)
    clock.now, clock.boot = 1.0, "second boot"
    assert lease.live() is None
    lease.acquire("two", LONG)


def test_releasing_anothers_lease_does_nothing(lease, clock):
    lease.acquire("one", LONG)
    clock.wait(DURATION_SECONDS + 1)
    lease.acquire("two", LONG)
    lease.release("one")
    lease.assert_held("two")


def test_the_watchdog_undoes_only_when_the_lease_ran_out(lease, clock, tmp_path):
    control = FakeControl(running={"shop-1": True, "shop-2": False})
    (tmp_path / "runs" / "one").mkdir(parents=True)
    watchdog = Watchdog(system(tmp_path, control), clock)
    lease.acquire("one", LONG)
    UndoJournal(tmp_path).register("one", "e", ProcessKill(Duration.parse("5s"), "shop-2"))
    assert not watchdog.look()
    assert control.started == []
    clock.wait(DURATION_SECONDS + 0.1)
    assert watchdog.look()
    assert control.running["shop-2"]
    said = (tmp_path / "runs" / "one" / "watchdog.log").read_text()
    assert "lease ran out" in said
    assert "undone: shop-2 runs" in said
    with pytest.raises(LeaseLost):
        lease.assert_held("one")


def test_the_watchdog_undoes_what_nobody_holds_a_lease_for(clock, tmp_path):
    control = FakeControl(running={"shop-1": True, "shop-2": False})
    UndoJournal(tmp_path).register("gone", "e", ProcessKill(Duration.parse("5s"), "shop-2"))
    assert Watchdog(system(tmp_path, control), clock).look()
    assert control.running["shop-2"]


def test_a_live_fault_is_a_metric(tmp_path):
    journal = UndoJournal(tmp_path)
    journal.register("one", "kill-instance", ProcessKill(Duration.parse("5s"), "shop-2"))
    sample, count = (sample for family in LiveFaults(journal).collect() for sample in family.samples)
    assert (sample.name, sample.value) == ("chaos_fault_active", 1)
    assert sample.labels == {"experiment": "kill-instance", "fault": "process.kill", "target": "shop-2"}
    assert (count.name, count.value) == ("chaos_faults_active", 1)


def test_that_no_fault_is_live_is_said_and_not_left_unsaid(tmp_path):
    UndoJournal(tmp_path).register("one", "kill-instance", StopLoad(1, 1))
    (count,) = (sample for family in LiveFaults(UndoJournal(tmp_path)).collect() for sample in family.samples)
    assert (count.name, count.value) == ("chaos_faults_active", 0)
