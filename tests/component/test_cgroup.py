"""The kernel keeps a busy process to its quota, by whichever version of cgroups this machine has."""

import subprocess
import sys
import time

import pytest

from chaos.machine.cgroup import QuotaUnavailable, closing, find


def test_a_busy_process_is_held_to_its_share_and_let_go():
    try:
        hierarchy = find()
    except QuotaUnavailable as refused:
        pytest.skip(f"no CPU quotas here: {refused}")
    busy = subprocess.Popen((sys.executable, "-c", "while True: pass"))
    try:
        was = hierarchy.where(busy.pid)
        group = hierarchy.group("test")
        with closing([group]):
            group.limit(0.1)
            group.take([busy.pid])
            assert (group.pids(), hierarchy.where(busy.pid)) == ([busy.pid], group.folder)
            deadline = time.monotonic() + 20
            while group.throttled().throttled < 5:
                assert time.monotonic() < deadline, group.throttled()
                time.sleep(0.05)
        assert not group.folder.exists()
        assert hierarchy.where(busy.pid) == was
    finally:
        busy.kill()
        busy.wait()
