"""Locks between processes of this machine, waited for until a deadline.

flock, not a lock file's existence: it ends with its process. And by hand, not by a library: those open their file for
writing, and an undo must take its lock on a disk that takes no write any more.
"""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from chaos.machine.durable import open_private

_POLL_SECONDS = 0.02


class LockBusy(Exception):
    """Another process kept it for the whole time."""


@contextlib.contextmanager
def locked(file: Path, within_seconds: float, *, private: bool = False) -> Iterator[None]:
    """Hold the lock of this name, which is made where it is not there; 0 s: now or not at all. Raises LockBusy.

    If `private`, no other user can open it, and so hold it.
    One that is not there and cannot be made, as on a disk that takes no write, nobody can hold. Raises OSError where
    it is there and cannot be opened: somebody may hold it.
    """
    descriptor = _open(file, private)
    if descriptor is None:
        yield
        return
    try:
        _take(descriptor, file, within_seconds)
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def shared(file: Path, within_seconds: float) -> Iterator[None]:
    """As `locked`, with others who also share it. Raises LockBusy while one has it for itself, and OSError."""
    descriptor = os.open(file, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        _take(descriptor, file, within_seconds, fcntl.LOCK_SH)
        yield
    finally:
        os.close(descriptor)


def is_locked(file: Path) -> bool:
    """Whether another process has it for itself now."""
    try:
        with shared(file, 0.0):
            return False
    except LockBusy:
        return True
    except OSError:
        return False  # not there: nobody has


def _open(file: Path, private: bool) -> int | None:
    with contextlib.suppress(OSError):
        if private:
            return open_private(file, os.O_RDONLY)
        return os.open(file, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
    with contextlib.suppress(FileNotFoundError):
        return os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    return None


def _take(descriptor: int, file: Path, within_seconds: float, how: int = fcntl.LOCK_EX) -> None:
    give_up_at = time.monotonic() + within_seconds
    while True:
        try:
            fcntl.flock(descriptor, how | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() >= give_up_at:
                raise LockBusy(f"another process has kept {file} for {within_seconds:g} s") from None
            time.sleep(_POLL_SECONDS)
