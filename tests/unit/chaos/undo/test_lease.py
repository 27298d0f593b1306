"""The lease and the watchdog: one runner at a time; one that is gone is undone, one that slept is fenced."""

import os
import subprocess
from pathlib import Path

import msgspec
import psutil
import pytest

from chaos.errors import LeaseLost, RunInProgress
from chaos.machine import process_identity
from chaos.machine.clock import SystemClock, this_boot
from chaos.spec.faults.process import ProcessKill
from chaos.spec.values import Duration
from chaos.undo.journal import UndoJournal
from chaos.undo.lease import DURATION_SECONDS, Heartbeat, Lease, LeaseFile
from chaos.undo.stop_load import StopLoad
from chaos.undo.watchdog import LiveFaults, Watchdog
from tests.fakes import FakeClock, FakeControl, system
from tests.waiting import until

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


@pytest.mark.parametrize("content", ["", '{"run": 7}', "\0\0\0"])
def test_one_that_cannot_be_read_is_void(lease, tmp_path, clock, content):
    (tmp_path / "lease.json").write_text(content)
    assert (lease.live(), lease.lapsed()) == (None, None)
    lease.release("one")
    UndoJournal(tmp_path).register("gone", "e", ProcessKill(Duration.parse("5s"), "shop-2"))
    control = FakeControl(running={"shop-1": True, "shop-2": False})
    assert Watchdog(system(tmp_path, control), clock).look()
    lease.acquire("two", LONG)


def test_one_that_is_cut_at_any_byte_is_as_it_was_or_void(lease, tmp_path):
    lease.acquire("one", LONG)
    whole, as_it_was = (tmp_path / "lease.json").read_bytes(), lease.live()
    for length in range(len(whole)):
        (tmp_path / "lease.json").write_bytes(whole[:length])
        assert lease.live() == (as_it_was if length >= len(whole.rstrip()) else None)


def test_one_that_is_read_while_it_is_renewed_is_the_old_one_or_the_new_one_and_no_third(lease, tmp_path, clock):
    file = tmp_path / "lease.json"
    lease.acquire("one", LONG)
    old, old_lease = file.read_bytes(), lease.live()
    clock.wait(DURATION_SECONDS - 0.7531)  # other digits
    lease.renew("one")
    new, new_lease = file.read_bytes(), lease.live()
    assert len(old) == len(new)
    for length in range(len(new)):
        file.write_bytes(new[:length] + old[length:])
        assert lease.read() in (old_lease, new_lease, None)


def test_renewing_makes_no_file_and_waits_for_none_to_be_replaced(lease, tmp_path, clock, monkeypatch):
    lease.acquire("one", LONG)
    before = (tmp_path / "lease.json").stat()

    def stands_still(*_):
        raise AssertionError("a rename waits behind whoever floods the disk")

    with monkeypatch.context() as patch:
        for module, name in ((os, "replace"), (os, "rename"), (os, "fsync"), (Path, "replace"), (Path, "rename")):
            patch.setattr(module, name, stands_still)
        for _ in range(3):
            clock.wait(DURATION_SECONDS - 1)
            lease.renew("one")
    after = (tmp_path / "lease.json").stat()
    assert (after.st_ino, after.st_size) == (before.st_ino, before.st_size)
    lease.assert_held("one")


def test_one_of_the_release_before_has_no_sum_and_counts(lease, tmp_path):
    lease.acquire("one", LONG)
    written = msgspec.json.decode((tmp_path / "lease.json").read_bytes())
    del written["check"]
    (tmp_path / "lease.json").write_bytes(msgspec.json.encode(written))
    lease.assert_held("one")
    lease.renew("one")
    lease.assert_held("one")


def test_what_a_later_release_adds_does_not_matter(lease, tmp_path):
    lease.acquire("one", LONG)
    written = (tmp_path / "lease.json").read_text()
    (tmp_path / "lease.json").write_text(written.replace("{", '{"more":1,', 1))
    lease.assert_held("one")


def test_one_that_cannot_be_written_ends_the_attack_at_once_and_comes_back(lease, full):
    lease.acquire("one", LONG)
    with full():
        lease.renew("one")
        with pytest.raises(LeaseLost, match="cannot be renewed"):
            lease.assert_held("one")
    lease.renew("one")
    lease.assert_held("one")


def test_the_heartbeat_goes_on_when_the_disk_has_room_again(tmp_path, full, monkeypatch):
    monkeypatch.setattr("chaos.undo.lease.RENEW_EVERY_SECONDS", 0.01)
    lease = LeaseFile(tmp_path, SystemClock())
    lease.acquire("one", LONG)
    with Heartbeat(lease, "one"):
        with full():
            until(lambda: lease._trouble)
        until(lambda: not lease._trouble)
        lease.assert_held("one")


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


@pytest.fixture
def runner(lease, clock):
    """A process that holds a lease which has run out, as one that sleeps."""
    with subprocess.Popen(["sleep", "60"]) as process:
        child = process_identity.of_pid(process.pid)
        expired = clock.boottime() - 1
        lease._write(Lease("one", child.pid, clock.boot_id(), expired, expired + LONG, started=child.started))
        yield process
        process.kill()


def alive(process):
    return psutil.pid_exists(process.pid) and psutil.Process(process.pid).status() != psutil.STATUS_ZOMBIE


@pytest.fixture
def here(clock):
    """The clock's boot is this machine's, as processes are."""
    clock.boot = this_boot()


@pytest.mark.usefixtures("here")
def test_a_runner_is_seen_dead_before_what_it_broke_is_put_back(runner, clock, tmp_path):
    seen = []

    class Control(FakeControl):
        def start(self, instance):
            seen.append(alive(runner))
            super().start(instance)

    control = Control(running={"shop-1": True, "shop-2": False})
    UndoJournal(tmp_path).register("one", "e", ProcessKill(Duration.parse("5s"), "shop-2"))
    assert Watchdog(system(tmp_path, control), clock).look()
    assert seen == [False]
    assert UndoJournal(tmp_path).open() == []


@pytest.mark.usefixtures("runner", "here")
def test_what_a_runner_that_cannot_be_ended_may_break_is_undone_until_it_is(clock, tmp_path):
    control = FakeControl(running={"shop-1": True, "shop-2": False})
    UndoJournal(tmp_path).register("one", "e", ProcessKill(Duration.parse("5s"), "shop-2"))
    dead = []
    watchdog = Watchdog(system(tmp_path, control), clock, lambda *_: bool(dead))
    for _ in range(2):
        assert watchdog.look()
        assert control.running["shop-2"]
        control.running["shop-2"] = False  # it woke up
    assert len(UndoJournal(tmp_path).open()) == 1
    dead.append(True)
    assert watchdog.look()
    assert control.running["shop-2"]
    assert UndoJournal(tmp_path).open() == []


@pytest.mark.usefixtures("here")
def test_whoever_takes_the_lease_ends_the_one_before(runner, lease):
    lease.acquire("two", LONG)
    assert not alive(runner)


@pytest.mark.usefixtures("here")
def test_a_stranger_with_the_same_pid_is_never_ended(lease, clock):
    with subprocess.Popen(["sleep", "60"]) as stranger:
        expired = clock.boottime() - 1
        lease._write(Lease("one", stranger.pid, clock.boot_id(), expired, expired + LONG, started=7))
        assert lease.fence()
        assert stranger.poll() is None
        stranger.kill()


@pytest.mark.usefixtures("runner", "here")
def test_one_that_may_not_be_ended_keeps_nobody_from_the_undo(lease, clock, tmp_path):
    def refuse(*_):
        raise PermissionError("not yours")

    assert not lease.fence(refuse)
    control = FakeControl(running={"shop-1": True, "shop-2": False})
    UndoJournal(tmp_path).register("one", "e", ProcessKill(Duration.parse("5s"), "shop-2"))
    assert Watchdog(system(tmp_path, control), clock, refuse).look()
    assert control.running["shop-2"]
    assert len(UndoJournal(tmp_path).open()) == 1


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("changes", [{"pids": "pid:[7]"}, {"started": 0}])
def test_of_whom_nobody_can_say_that_it_is_dead_it_is_not_said(runner, lease, changes):
    lease._write(msgspec.structs.replace(lease.read(), **changes))
    assert not lease.fence()
    assert alive(runner)


@pytest.mark.parametrize("broken", ["full", "forbidden"])
def test_the_watchdog_needs_no_disk(lease, clock, tmp_path, broken, request):
    kills = [ProcessKill(Duration.parse("5s"), name) for name in ("shop-1", "shop-2")]
    (tmp_path / "runs" / "one").mkdir(parents=True)
    control = FakeControl()
    watchdog = Watchdog(system(tmp_path, control), clock)
    lease.acquire("one", LONG)
    for kill in kills:
        UndoJournal(tmp_path).register("one", "e", kill)
        control.running[kill.instance] = False
    assert not watchdog.look()
    with request.getfixturevalue(broken)():
        clock.wait(DURATION_SECONDS + 1)
        assert watchdog.look()
        assert control.running == {"shop-1": True, "shop-2": True}
        watchdog.look()
    watchdog.look()
    assert UndoJournal(tmp_path).open() == []
    assert lease.read().revoked


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
