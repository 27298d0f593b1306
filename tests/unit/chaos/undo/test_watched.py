"""Nothing is broken unless somebody watches who would undo it: dead, frozen and missing watchdogs are found."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from chaos.errors import FaultFailed
from chaos.machine import process_identity
from chaos.undo import watched
from chaos.undo.watchdog import Watchdog
from tests.fakes import FakeClock, system


def test_one_that_looks_is_there(tmp_path):
    watched.begin(tmp_path)
    watched.assert_watched(tmp_path)


def test_without_one_nothing_may_be_broken(tmp_path):
    with pytest.raises(FaultFailed, match="no watchdog watches"):
        watched.assert_watched(tmp_path)
    (tmp_path / watched.WATCHES_FILE).write_text("")
    with pytest.raises(FaultFailed, match="no watchdog watches"):
        watched.assert_watched(tmp_path)


def test_a_dead_one_is_found(tmp_path):
    begin = f"from pathlib import Path; from chaos.undo import watched; watched.begin(Path({str(tmp_path)!r}))"
    subprocess.run([sys.executable, "-c", begin], check=True)
    with pytest.raises(FaultFailed, match="is dead"):
        watched.assert_watched(tmp_path)


def test_one_that_has_not_looked_for_long_is_found_and_one_that_looks_again(tmp_path):
    watched.begin(tmp_path)
    long_ago = time.time() - 60
    os.utime(tmp_path / watched.WATCHES_FILE, (long_ago, long_ago))
    with pytest.raises(FaultFailed, match=r"has not looked for 6\d s"):
        watched.assert_watched(tmp_path)
    watched.looked(tmp_path, time.time())
    watched.assert_watched(tmp_path)


def test_a_look_knows_what_was_there_before_it_began(tmp_path):
    watched.begin(tmp_path)
    watched.looked(tmp_path, 1000.0)
    assert watched.knows(tmp_path, 999.9)
    assert not watched.knows(tmp_path, 1000.1)
    assert not watched.knows(tmp_path / "elsewhere", 999.9)


def test_a_look_that_could_not_read_the_records_is_none(tmp_path, monkeypatch):
    """A watchdog that knows nothing of what there is to undo is as good as dead."""
    watched.begin(tmp_path)
    watched.looked(tmp_path, 1000.0)
    watchdog = Watchdog(system(tmp_path), FakeClock(2000.0))
    watchdog.look()
    assert watched.knows(tmp_path, 2000.0)

    def forbidden(_):
        raise PermissionError(tmp_path)

    monkeypatch.setattr(Path, "read_bytes", forbidden)
    watchdog = Watchdog(system(tmp_path), FakeClock(3000.0))
    with pytest.raises(PermissionError):
        watchdog.look()
    monkeypatch.undo()
    assert not watched.knows(tmp_path, 2000.1)


def test_a_process_is_ended_by_its_identity_also_when_it_stands_still():
    with subprocess.Popen(["sleep", "60"]) as process:
        child = process_identity.of_pid(process.pid)
        process.send_signal(signal.SIGSTOP)
        assert process_identity.end(child, 5.0)
        assert not process_identity.is_alive(child)
    assert process_identity.end(child, 5.0), "it is dead already"
    assert not process_identity.end(process_identity.of_pid(os.getpid()), 5.0), "ourselves we do not end"
