"""Nothing is broken unless somebody watches who would undo it: dead, frozen and missing watchdogs are found."""

import os
import signal
import subprocess
import sys
import time

import pytest

from chaos.errors import FaultFailed
from chaos.machine import process_identity
from chaos.undo import watched


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
    with pytest.raises(FaultFailed, match="has not looked for 60 s"):
        watched.assert_watched(tmp_path)
    watched.looks(tmp_path)
    watched.assert_watched(tmp_path)


def test_a_process_is_ended_by_its_identity_also_when_it_stands_still():
    with subprocess.Popen(["sleep", "60"]) as process:
        child = process_identity.of_pid(process.pid)
        process.send_signal(signal.SIGSTOP)
        assert process_identity.end(child, 5.0)
        assert not process_identity.is_alive(child)
    assert process_identity.end(child, 5.0), "it is dead already"
    assert not process_identity.end(process_identity.of_pid(os.getpid()), 5.0), "ourselves we do not end"
