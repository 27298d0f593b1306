"""A process is known by pid, start time and boot, and its end is told by the kernel."""

import subprocess
import sys
import time
from dataclasses import replace

import pytest

from chaos.machine import process_identity


@pytest.fixture
def sleeper():
    with subprocess.Popen((sys.executable, "-c", "import time; time.sleep(60)"), start_new_session=True) as process:
        yield process
        process.kill()


def test_of_another_boot_it_is_a_stranger_with_the_same_numbers(sleeper):
    known = process_identity.of_pid(sleeper.pid)
    assert process_identity.is_alive(known)
    assert process_identity.is_alive(replace(known, boot=""))  # as earlier releases wrote it
    assert not process_identity.is_alive(replace(known, boot="another"))
    assert not process_identity.is_alive(replace(known, started=known.started + 1))


def test_who_cannot_be_looked_at_is_not_taken_for_dead(sleeper, monkeypatch):
    def no_more_files(*_):
        raise OSError(24, "Too many open files")

    known = process_identity.of_pid(sleeper.pid)
    monkeypatch.setattr(process_identity, "_stat", no_more_files)
    with pytest.raises(OSError, match="Too many open files"):
        process_identity.is_alive(known)


def test_its_end_is_seen_also_where_there_is_no_pidfd(sleeper, monkeypatch):
    def forbidden(*_):
        raise PermissionError

    monkeypatch.setattr(process_identity.os, "pidfd_open", forbidden)
    known = process_identity.of_pid(sleeper.pid)
    assert not process_identity.ended_within(known, 0.05)
    sleeper.kill()
    assert process_identity.ended_within(known, 30)


def test_its_end_is_waited_for_and_not_a_moment_longer(sleeper):
    known = process_identity.of_pid(sleeper.pid)
    began = time.monotonic()
    assert not process_identity.ended_within(known, 0.1)
    assert time.monotonic() - began >= 0.1
    sleeper.kill()
    assert process_identity.ended_within(known, 30)
    assert time.monotonic() - began < 10
    assert process_identity.ended_within(known, 30)  # one that is long gone
