"""Quotas of workers: each worker has one, those that come later too, and all are let go."""

import pytest

from chaos.claims import quotas
from chaos.machine import cgroup
from tests.unit.chaos.machine.test_cgroup import Kernel


class Stack:
    """Two instances of a master and two workers each."""

    def __init__(self, kernel):
        self.kernel, self.workers = kernel, {}

    def have(self, name, *pids):
        for pid in set(pids) - {one for several in self.workers.values() for one in several}:
            self.kernel.process(pid, "/mine")
        self.workers[name] = list(pids)

    def pids(self, name):
        return self.workers[name]


class Bench:
    def note(self, text):
        self.noted = text


@pytest.fixture
def kernel(tmp_path, monkeypatch):
    remove = cgroup.Path.rmdir
    monkeypatch.setattr(cgroup.Path, "rmdir", lambda path: [file.unlink() for file in path.iterdir()] and remove(path))
    kernel = Kernel(tmp_path, 1)
    monkeypatch.setattr(cgroup, "find", kernel.find)
    return kernel


def in_groups(kernel):
    """Quota in microseconds by who is in the group."""
    folders = [folder for folder in kernel.root.iterdir() if "quota" in folder.name]
    return {(one / "cgroup.procs").read_text(): (one / "cpu.cfs_quota_us").read_text() for one in folders}


def test_each_worker_has_its_own_and_nobody_who_starts_them(kernel):
    stack, bench = Stack(kernel), Bench()
    stack.have("shop-1", 10, 11, 12)
    stack.have("shop-2", 20, 21)
    with quotas.of(bench, stack, 0.1) as limited:
        limited.give(["shop-1"])
        assert in_groups(kernel) == {"11": "5000", "12": "5000"}
        stack.have("shop-2", 20, 21, 22)
        limited.give(["shop-1", "shop-2"])
        assert in_groups(kernel) == dict.fromkeys(("11", "12", "21", "22"), "5000")
    assert in_groups(kernel) == {}
    assert "version 1" in bench.noted


def test_a_worker_that_was_replaced_is_not_measured_without_a_quota(kernel):
    stack, bench = Stack(kernel), Bench()
    stack.have("shop-1", 10, 11)
    with quotas.of(bench, stack, 0.1) as limited:
        limited.give(["shop-1"])
        stack.have("shop-1", 10, 12)
        with pytest.raises(cgroup.QuotaUnavailable, match="12"):
            limited.throttled(["shop-1"])


def test_a_shared_one_is_for_all_and_a_free_worker_has_a_core(kernel):
    stack, bench = Stack(kernel), Bench()
    stack.have("shop-1", 10, 11, 12)
    with quotas.of(bench, stack, 0.1) as limited:
        limited.share(0.3)
        limited.give(["shop-1"])
        assert list(in_groups(kernel).values()) == ["15000"]
    with quotas.of(bench, stack, 0.1) as limited:
        limited.give(["shop-1"])
        limited.free("shop-1")
        assert in_groups(kernel) == {"11": "50000", "12": "5000"}
    assert in_groups(kernel) == {}
