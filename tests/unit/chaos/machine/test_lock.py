"""A lock is waited for until its deadline, ends with whoever held it, and needs no disk that can be written."""

import errno
import fcntl
import os
import threading
import time
from contextlib import contextmanager

import pytest

from chaos.machine import lock
from chaos.machine.lock import LockBusy, locked
from chaos.undo.journal import UndoJournal
from chaos.undo.lease import DURATION_SECONDS, LeaseFile
from tests.fakes import FakeClock

_open = os.open


def read_only(file, flags, *mode):
    if flags & os.O_CREAT:
        raise OSError(errno.EROFS, "read-only file system")
    return _open(file, flags, *mode)


@contextmanager
def kept(file):
    """As another process keeps it: by an opening of its own."""
    descriptor = os.open(file, os.O_RDONLY | os.O_CREAT, 0o644)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        yield
    finally:
        os.close(descriptor)


def test_one_that_is_kept_is_given_up_at_the_deadline(tmp_path):
    began = time.monotonic()
    with (
        kept(tmp_path / "a.lock"),
        pytest.raises(LockBusy, match=r"a\.lock for 0\.1 s"),
        locked(tmp_path / "a.lock", 0.1),
    ):
        pass
    assert time.monotonic() - began >= 0.1


def test_one_that_is_given_back_in_time_is_had(tmp_path):
    begun, free = threading.Event(), threading.Event()

    def keep():
        with kept(tmp_path / "a.lock"):
            begun.set()
            free.wait(10)

    keeping = threading.Thread(target=keep)
    keeping.start()
    begun.wait(10)
    threading.Timer(0.05, free.set).start()
    with locked(tmp_path / "a.lock", 10.0):
        assert free.is_set()
    keeping.join()


def test_where_nothing_can_be_made_nobody_has_it_and_it_is_had(tmp_path, monkeypatch):
    monkeypatch.setattr(lock.os, "open", read_only)
    with locked(tmp_path / "a.lock", 0.0):
        pass


def test_on_a_disk_that_takes_no_write_one_that_is_there_is_waited_for(tmp_path, monkeypatch):
    with kept(tmp_path / "a.lock"):
        monkeypatch.setattr(lock.os, "open", read_only)
        with pytest.raises(LockBusy), locked(tmp_path / "a.lock", 0.0):
            pass


def test_one_that_cannot_be_opened_is_not_taken_for_free(tmp_path, monkeypatch):
    def no_more_files(*_):
        raise OSError(errno.EMFILE, "too many open files")

    monkeypatch.setattr(lock.os, "open", no_more_files)
    with pytest.raises(OSError, match="too many open files"), locked(tmp_path / "a.lock", 0.0):
        pass


def test_a_runner_that_stands_still_with_the_lease_in_hand_keeps_no_fault_in_place(tmp_path, monkeypatch):
    clock = FakeClock()
    lease = LeaseFile(tmp_path, clock)
    lease.acquire("one", 100.0)
    clock.wait(DURATION_SECONDS + 1)
    monkeypatch.setattr("chaos.undo.lease.DURATION_SECONDS", 0.05)
    with kept(tmp_path / "lease.lock"):
        lease.revoke(lease.lapsed())
    assert lease.read().revoked


def test_a_second_replay_waits_for_the_first_but_not_for_ever(tmp_path, monkeypatch):
    monkeypatch.setattr("chaos.undo.journal._OTHERS_DONE_WITHIN_SECONDS", 0.05)
    with kept(tmp_path / "undo.undo"), pytest.raises(Exception, match="another process has kept") as raised:
        UndoJournal(tmp_path).replay(None, FakeClock())
    assert raised.value.by_hand
